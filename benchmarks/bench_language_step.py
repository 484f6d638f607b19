"""How fast a training step is on a language model of 67 million parameters, beside a plain one.

    python benchmarks/bench_language_step.py --json > language_step.json

The setting is that of Goodfire (2026), Interpreting Language Model Parameters: a decoder of four
layers, width 768 and 50,277 words, of which 24 matrices are split into 512 (queries, keys), 1,024
(values, outputs), 3,072 (up) and 3,584 (down) subcomponents; rows of 512 tokens; random subsets
and a persistent adversary with a source for every token, climbed twice before the loss and once
after; importances by a transformer of eight layers and width 2,048 over the inputs of all matrices.
Weights and tokens are random: they do not change what a step costs.

The first row is `PlainStep`, the same step written down as the publication states it, in eager
code with automatic bfloat16. Every row below adds one setting to the one before it:

* *ours*: the same losses and networks (a test compares the numbers), by the δ-identity, without
  hooks or a matrix of what is left over, large divergences a few tokens at a time;
* *compiled*: `compile_networks`;
* *merged*: `merged` in place of `subset` and `adversarial`: half of the rows each, in one run;
* *taps*: the importance transformer reads the stream twice a layer (`importance_reads`), looks back
  only, and is 1,088 wide;
* *compacted*: `compaction`, when three of four subcomponents have died.

So the last rows take a cheaper step and not only the same one quicker; what that does to the
result is not measured here. The ratios are of tokens per second to the first row. A GPU is taken
if there is one; `--small` and `--medium` do the same on small models, for a processor. With --json,
one JSON document on standard output and nothing else. It needs torch, numpy, pydantic, jaxtyping
and safetensors, and nothing else of what the project needs.
"""

import argparse
import gc
import json
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 -- the name torch's own documentation uses
from torch.profiler import ProfilerActivity, profile

from decomposition.adversary import AdversaryConfig
from decomposition.attempt import Attempt
from decomposition.causal_importance import OFF, lower_leaky_hard_sigmoid
from decomposition.config import DecompositionConfig
from decomposition.decomposed_model import kept_of
from decomposition.devices import device_named
from decomposition.seeds import generator_for
from decomposition.shared_importance import SharedTransformer
from decomposition.targets.transformer import Transformer, TransformerConfig
from decomposition.threads import one_thread


class Size(NamedTuple):
    """How large everything is."""

    model: TransformerConfig
    counts: dict[str, int]
    """C by the last part of a matrix' name."""

    importance: tuple[int, int]
    """Width and layers of the published importance transformer ..."""

    taps: tuple[int, int]
    """... and of the one that reads the stream."""

    batch: int


FULL = Size(
    TransformerConfig(
        n_vocabulary=50277, n_positions=512, n_layers=4, n_heads=12, d_model=768, d_mlp=3072,
        is_tied=True,
    ),
    {"q": 512, "k": 512, "v": 1024, "o": 1024, "up": 3072, "down": 3584},
    (2048, 8),
    (1088, 8),
    8,
)  # fmt: skip
MEDIUM = Size(
    TransformerConfig(
        n_vocabulary=5000, n_positions=128, n_layers=2, n_heads=2, d_model=128, d_mlp=512,
        is_tied=True,
    ),
    {"q": 85, "k": 85, "v": 170, "o": 170, "up": 512, "down": 600},
    (352, 4),
    (192, 4),
    4,
)  # fmt: skip
SMALL = Size(
    TransformerConfig(
        n_vocabulary=50, n_positions=16, n_layers=2, n_heads=2, d_model=16, d_mlp=32, is_tied=True
    ),
    {"q": 12, "k": 12, "v": 16, "o": 16, "up": 32, "down": 40},
    (64, 2),
    (32, 2),
    4,
)


@dataclass(frozen=True)
class RandomTarget:
    """A decoder with random weights that reads random tokens."""

    model: Transformer
    name: str = "random"
    seed: int = 0
    attempts: int = 1
    is_categorical: bool = True
    blocks: Mapping[str, int | None] = field(default_factory=dict)

    @property
    def transposes(self) -> dict[str, str | None]:
        """Every matrix of attention and MLPs."""
        return {
            name: None
            for name, module in self.model.named_modules()
            if isinstance(module, nn.Linear) and name != "unembed"
        }

    def batch(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw tokens."""
        size = self.model.config
        return torch.randint(size.n_vocabulary, (n, size.n_positions), generator=generator)

    def probes(self) -> Tensor:
        """Return a row."""
        return self.batch(1, generator_for("probe"))

    def active_features(self, x: Tensor) -> Tensor:
        """Return one that is always there."""
        return torch.ones(len(x), 1, dtype=torch.bool)

    def mechanisms(self) -> dict[str, Any]:
        """Return nothing: there are none."""
        return {}

    def tensors(self) -> dict[str, Tensor]:
        """Return the weights."""
        return dict(self.model.state_dict())


def random_target(size: Size) -> RandomTarget:
    """Make the target."""
    model = Transformer(size.model, generator_for("random target"))
    return RandomTarget(model.eval().requires_grad_(False))


def as_published(size: Size, device: str, batch: int) -> DecompositionConfig:
    """Return the published step's configuration at this size."""
    width, layers = size.importance
    return DecompositionConfig(
        device=device,
        matrices={f"*.{part}": C for part, C in size.counts.items()},
        importance="shared_transformer",
        n_hidden=width,
        importance_layers=layers,
        importance_causal=False,
        restarts=1,
        merge_zero_rows=False,
        batch_size=batch,
        learning_rate=5e-5,
        schedule="constant",
        clip_norm=0.01,
        importance_clip_norm=1e9,
        precision="bfloat16",
        faithfulness=1e7,
        stochastic=0.0,
        layerwise=0.0,
        subset=0.5,
        adversarial=0.5,
        adversary=AdversaryConfig(kind="persistent", steps=2, step_size=0.01, scope="row"),
        minimality=2e-4,
        minimality_power=1.0,
        frequency=1e-4,
        warm_up_steps=0,
    )


def settings(size: Size) -> dict[str, dict[str, Any]]:
    """Return what each row changes of the one before it."""
    width, layers = size.taps
    return {
        "ours": {},
        "compiled": {"compile_networks": True},
        "merged": {"subset": 0.0, "adversarial": 0.0, "merged": 1.0},
        "taps": {
            "importance_reads": ("*.q", "*.up"),
            "importance_causal": True,
            "n_hidden": width,
            "importance_layers": layers,
        },
        "compacted": {"compaction": {"every": 10**9, "awake": 1}},
    }


class PlainStep:
    """The published step in plain eager code, on copies of an attempt's parameters."""

    def __init__(self, attempt: Attempt, config: DecompositionConfig) -> None:
        self.config, self.target = config, attempt.model.network
        self.device = attempt.model.device
        self.weights = attempt.model.weights
        copied = {n: p.detach().clone() for n, p in attempt.model.named_parameters()}
        self.parts = {
            name: (parts.V.detach().clone().requires_grad_(), parts.U.detach().clone())
            for name, parts in attempt.model.subcomponents.items()
        }
        for _, U in self.parts.values():
            U.requires_grad_()
        prefix = "importance_networks."
        self.gamma = {
            name.removeprefix(prefix): tensor.requires_grad_()
            for name, tensor in copied.items()
            if name.startswith(prefix)
        }
        self.own = [tensor for pair in self.parts.values() for tensor in pair]
        self.optimizer = torch.optim.Adam(
            [*self.own, *self.gamma.values()], lr=config.learning_rate
        )
        self.sources: dict[str, Tensor] = {}
        self.ascent: torch.optim.Adam | None = None

    def masked(self, tokens: Tensor, masks: Mapping[str, tuple[Tensor, Tensor]]) -> Tensor:
        """Run the decoder with these masks of subcomponents and of what they leave over."""

        def apply(name: str, x: Tensor) -> Tensor:
            W = self.weights[name]
            if name not in masks:
                return x @ W.T
            mask, rest = masks[name]
            V, U = self.parts[name]
            return (x @ V.T * mask) @ U.T + rest * (x @ (W - U @ V).T)

        return self.decoder(tokens, apply)

    def decoder(self, tokens: Tensor, apply: Callable[[str, Tensor], Tensor]) -> Tensor:
        """Run the target's layers, its 24 matrices by a function."""
        network: Any = self.target
        at = torch.arange(tokens.shape[1], device=tokens.device)
        h = network.embed(tokens) + network.positions(at)
        heads = network.config.n_heads
        for number, block in enumerate(network.blocks):
            name = f"blocks.{number}"
            x = block.norm_attn(h)
            q, k, v = (
                apply(f"{name}.attn.{part}", x).unflatten(-1, (heads, -1)).transpose(1, 2)
                for part in "qkv"
            )
            moved = F.scaled_dot_product_attention(q, k, v, is_causal=True)
            h = h + apply(f"{name}.attn.o", moved.transpose(1, 2).flatten(-2))
            hidden = F.gelu(apply(f"{name}.mlp.up", block.norm_mlp(h)))
            h = h + apply(f"{name}.mlp.down", hidden)
        logits: Tensor = network.norm(h) @ network.embed.weight.T
        return logits

    def importances(self, seen: Mapping[str, Tensor]) -> Tensor:
        """Return z of all subcomponents, by the shared transformer."""
        gamma = self.gamma
        normed = [F.rms_norm(seen[name], seen[name].shape[-1:]) for name in self.parts]
        s = F.linear(torch.cat(normed, dim=-1), gamma["read.weight"], gamma["read.bias"])
        for number in range(self.config.importance_layers):
            own = {
                n.split(".", 2)[2]: t for n, t in gamma.items() if n.startswith(f"blocks.{number}.")
            }
            s = s + self._attention(F.rms_norm(s, s.shape[-1:]), own)
            x = F.rms_norm(s, s.shape[-1:])
            hidden = F.gelu(F.linear(x, own["up.weight"], own["up.bias"]))
            s = s + F.linear(hidden, own["down.weight"], own["down.bias"])
        x = F.rms_norm(s, s.shape[-1:])
        return F.linear(x, gamma["write.weight"], gamma["write.bias"]).float()

    def _attention(self, x: Tensor, own: Mapping[str, Tensor]) -> Tensor:
        width = x.shape[-1]
        heads = max(1, width // 32)
        q, k, v = (
            part.unflatten(-1, (heads, -1)).transpose(1, 2)
            for part in F.linear(x, own["qkv.weight"]).split(width, dim=-1)
        )
        half = q.shape[-1] // 2
        rates = 10000.0 ** (-torch.arange(half, device=x.device) / half)
        angles = torch.arange(x.shape[1], device=x.device)[:, None] * rates

        def turned(y: Tensor) -> Tensor:
            a, b = y[..., :half], y[..., half:]
            return torch.cat(
                [a * angles.cos() - b * angles.sin(), b * angles.cos() + a * angles.sin()], -1
            ).to(y.dtype)

        moved = F.scaled_dot_product_attention(
            turned(q), turned(k), v, is_causal=self.config.importance_causal
        )
        return F.linear(moved.transpose(1, 2).flatten(-2), own["o.weight"])

    def divergence(self, output: Tensor, clean: Tensor) -> Tensor:
        """Return KL(clean || output) in nats per token."""
        p, q = clean.float().log_softmax(-1), output.float().log_softmax(-1)
        return (p.exp() * (p - q)).sum(-1).mean()

    def step(self, tokens: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        """Take one step, and return its losses."""
        config = self.config
        tokens = tokens.to(self.device)
        lower = config.precision == "bfloat16"
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=lower):
            return self._step(tokens, generator)

    def _step(self, tokens: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        config, seen = self.config, {}

        def note(name: str, x: Tensor) -> Tensor:
            seen[name] = x
            return x @ self.weights[name].T

        with torch.no_grad():
            clean = self.decoder(tokens, note)
        z = self.importances(seen)
        sizes = [V.shape[0] for V, _ in self.parts.values()]
        g = dict(zip(self.parts, lower_leaky_hard_sigmoid(z).split(sizes, dim=-1), strict=True))
        upper = torch.where(z > 1, 1 + 0.01 * (z - 1), z.clamp(0, 1))
        losses = {"faithfulness": self.faithfulness()}
        output = self.masked(tokens, self.random_masks(g, generator))
        losses["subset"] = self.divergence(output, clean)
        sources = self.climbed(tokens, clean, g, generator)
        losses["adversarial"] = self.divergence(self.masked(tokens, self.above(g, sources)), clean)
        losses["minimality"] = upper.sum(-1).mean()
        often = upper.flatten(0, 1).mean(0)
        frequent = often * (1 + config.frequency_reference * often).log2()
        losses["frequency"] = frequent.sum()
        total = sum(getattr(config, name) * loss for name, loss in losses.items())
        self.optimizer.zero_grad()
        assert isinstance(total, Tensor)
        total.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.own, 0.01)
        self.optimizer.step()
        self.ascend()
        return {name: loss.detach() for name, loss in losses.items()}

    def faithfulness(self) -> Tensor:
        """Return the mean square of what is left over."""
        with torch.autocast(self.device.type, enabled=False):
            squares = [(self.weights[n] - U @ V).square().sum() for n, (V, U) in self.parts.items()]
        return torch.stack(squares).sum() / sum(W.numel() for W in self.weights.values())

    def random_masks(
        self, g: Mapping[str, Tensor], generator: torch.Generator
    ) -> dict[str, tuple[Tensor, Tensor]]:
        """Draw masks, in a random subset of the matrices at every token."""

        def rand(*shape: int) -> Tensor:
            return torch.rand(shape, generator=generator, device=generator.device)

        positions = next(iter(g.values())).shape[:2]
        ranks = rand(len(g), *positions).argsort(0).argsort(0)
        k = torch.randint(1, len(g) + 1, positions, generator=generator, device=generator.device)
        masks = {}
        for (name, of), rank in zip(g.items(), ranks, strict=True):
            is_masked = (rank < k).unsqueeze(-1)
            mask = of + (1 - of) * rand(*of.shape)
            rest = rand(*positions, 1)
            masks[name] = (torch.where(is_masked, mask, 1), torch.where(is_masked, rest, 1))
        return masks

    def above(
        self, g: Mapping[str, Tensor], sources: Mapping[str, Tensor]
    ) -> dict[str, tuple[Tensor, Tensor]]:
        """Return the masks of these sources."""
        return {
            name: (of + (1 - of) * sources[name][..., :-1], sources[name][..., -1:])
            for name, of in g.items()
        }

    def climbed(
        self, tokens: Tensor, clean: Tensor, g: Mapping[str, Tensor], generator: torch.Generator
    ) -> dict[str, Tensor]:
        """Climb with the sources, and return them."""
        if not self.sources:
            self.sources = {
                name: torch.rand(
                    (*of.shape[:-1], of.shape[-1] + 1), generator=generator, device=of.device
                ).requires_grad_()
                for name, of in g.items()
            }
            self.ascent = torch.optim.Adam(
                list(self.sources.values()), lr=0.01, betas=(0.5, 0.99), maximize=True
            )
        fixed = {name: of.detach() for name, of in g.items()}
        for _ in range(self.config.adversary.steps):
            harm = self.divergence(self.masked(tokens, self.above(fixed, self.sources)), clean)
            found = torch.autograd.grad(harm, list(self.sources.values()))
            for source, gradient in zip(self.sources.values(), found, strict=True):
                source.grad = gradient
            self.ascend()
        for source in self.sources.values():
            source.grad = None
        return self.sources

    def ascend(self) -> None:
        """Take one step up, and stay in [0, 1]."""
        assert self.ascent is not None
        self.ascent.step()
        with torch.no_grad():
            for source in self.sources.values():
                source.clamp_(0, 1)


class Row(NamedTuple):
    """What one kind of step took."""

    name: str
    tokens_per_second: float
    milliseconds: float
    """A step: of time on a GPU, of processor time elsewhere."""

    peak_gigabytes: float | None
    """Of a GPU's memory; None elsewhere."""

    ratio: float | None
    """Tokens per second, in units of the plain step's; None where that was not measured."""

    profile: list[dict[str, Any]]
    """The operations that take most of a step, by their own time."""


Advance = Callable[[], None]


def plain(size: Size, config: DecompositionConfig) -> Advance:
    """Return what takes a plain step."""
    target = random_target(size)
    attempt = Attempt(target, config, 0)
    step = PlainStep(attempt, config)
    draws, noise = (generator_for("plain", where, device=where) for where in ("cpu", step.device))

    def advance() -> None:
        step.step(target.batch(config.batch_size, draws), noise)

    return advance


def ours(size: Size, config: DecompositionConfig) -> Advance:
    """Return what takes a step of ours."""
    attempt = Attempt(random_target(size), config, 0)
    networks = attempt.model.importance_networks
    if config.compaction is not None:
        assert isinstance(networks, SharedTransformer)
        dead = torch.arange(len(networks.write.bias)) % 4 > 0
        with torch.no_grad():
            networks.write.weight[dead.to(attempt.model.device)] = 0
            networks.write.bias[dead.to(attempt.model.device)] = OFF
    return attempt.advance


def measure(name: str, size: Size, config: DecompositionConfig, steps: int, known: float) -> Row:
    """Take some steps to warm up, and then time as many as asked for.

    Args:
        name: Of the row.
        size: Of everything.
        config: Of the row.
        steps: How many are timed.
        known: Tokens per second of the plain step; 0 where it was not measured.
    """
    device = device_named(config.device)
    is_gpu = device.type == "cuda"
    advance = plain(size, config) if name == PLAIN else ours(size, config)
    for _ in range(3):
        advance()
    if is_gpu:
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
    clock = time.perf_counter if is_gpu else time.process_time
    began = clock()
    for _ in range(steps):
        advance()
    if is_gpu:
        torch.cuda.synchronize()
    seconds = (clock() - began) / steps
    peak = torch.cuda.max_memory_allocated() / 2**30 if is_gpu else None
    rate = config.batch_size * size.model.n_positions / seconds
    found = profiled(advance, is_gpu=is_gpu)
    ratio = 1.0 if name == PLAIN else rate / known if known else None
    return Row(name, rate, 1000 * seconds, peak, ratio, found)


def profiled(advance: Advance, *, is_gpu: bool) -> list[dict[str, Any]]:
    """Return the 15 operations that take most of a step."""
    kinds = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if is_gpu else [])]
    with profile(activities=kinds) as found:
        advance()
        if is_gpu:
            torch.cuda.synchronize()

    def own(event: Any) -> float:  # noqa: ANN401 -- the profiler's own
        return float(event.self_device_time_total if is_gpu else event.self_cpu_time_total)

    events = sorted(found.key_averages(), key=own, reverse=True)
    whole = sum(own(event) for event in events) or 1.0
    return [
        {
            "operation": event.key[:80],
            "calls": event.count,
            "milliseconds": round(own(event) / 1000, 3),
            "share": round(own(event) / whole, 4),
        }
        for event in events[:15]
    ]


PLAIN = "plain"


def why_not_compiled(device: str) -> str:
    """Return why torch cannot compile here, or nothing if it can: it needs a compiler of C++."""
    x = torch.ones(8, device=device)
    try:
        torch.compile(kept_of)(x, x, x)
    except (RuntimeError, OSError, ImportError) as error:
        return str(error).strip().splitlines()[0]
    return ""


def rows_of(size: Size, config: DecompositionConfig, steps: int, only: list[str]) -> list[Row]:
    """Measure every row, each with all settings of those before it."""
    device = config.device
    rows: list[Row] = []
    refusal = "" if only and "compiled" not in only else why_not_compiled(device)
    for name, changes in {PLAIN: {}, **settings(size)}.items():
        if name == "compiled" and (refusal or (only and name not in only)):
            print(f"compiled: left out {refusal}", file=sys.stderr)
            continue
        config = DecompositionConfig.model_validate(
            config.model_dump() | {"device": device} | changes
        )
        if only and name not in only:
            continue
        began = time.perf_counter()
        known = sum(row.tokens_per_second for row in rows if row.name == PLAIN)
        try:
            rows.append(measure(name, size, config, steps, known))
        except torch.OutOfMemoryError as error:
            print(f"{name}: {str(error).splitlines()[0]}", file=sys.stderr)
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        print(f"{name}: {time.perf_counter() - began:.0f} s in all", file=sys.stderr)
    return rows


def main() -> None:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--small", action="store_true", help="a tiny model")
    parser.add_argument("--medium", action="store_true", help="one for a processor: 1 million")
    parser.add_argument("--precision", choices=["bfloat16", "float32"], default="bfloat16")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--batch", type=int, help="rows of a step (default 8; small: 4)")
    parser.add_argument("--steps", type=int, default=10, help="that are timed")
    parser.add_argument("--rows", nargs="*", default=[], help="only these (default: all)")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    size = SMALL if arguments.small else MEDIUM if arguments.medium else FULL
    device = device_named(arguments.device)
    with one_thread():
        config = as_published(size, str(device), arguments.batch or size.batch)
        config = config.model_copy(update={"precision": arguments.precision})
        rows = rows_of(size, config, arguments.steps, arguments.rows)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
    about = {"device": name, "torch": torch.__version__, "batch": arguments.batch or size.batch}
    if arguments.json:
        print(json.dumps(about | {"rows": [row._asdict() for row in rows]}, indent=2))
        return
    print(about)
    print("row         tokens/s  ms a step  peak GB   ratio")
    for row in rows:
        ratio = "-" if row.ratio is None else f"{row.ratio:.2f}"
        peak = "-" if row.peak_gigabytes is None else f"{row.peak_gigabytes:.1f}"
        print(
            f"{row.name:10s} {row.tokens_per_second:9.0f} {row.milliseconds:10.1f} {peak:>8s} "
            f"{ratio:>7s}"
        )
    for row in rows[:1] + rows[-1:]:
        print(f"\n{row.name}:")
        for event in row.profile:
            print(f"  {event['share']:6.1%} {event['calls']:5d} {event['operation']}")


if __name__ == "__main__":
    main()
