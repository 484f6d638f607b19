"""How well and how fast the decomposition recovers a target whose mechanisms are known.

    python benchmarks/bench_decomposition.py --target tms_5-2 --seeds 0 1 2 3 4

Each seed trains a target and decomposes it. One line per seed: mean max cosine similarity and
what random directions reach by it, mean L2 ratio, identity error, living subcomponents per
matrix, seconds of wall-clock time for target and decomposition, and training steps per second
of processor time. With --json, one JSON document on standard output and nothing else; progress
goes to standard error.

Then the speed of a step is measured in processor time, at the batch size of the published
configuration (--speed-batch), beside `PaperStep`: the same losses written down as the paper
states them, in plain eager code (--no-speed leaves this out). The profile says which operations
a step of ours spends its time in.
"""

import argparse
import json
import platform
import sys
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 -- the name torch's own documentation uses
from torch.profiler import ProfilerActivity, profile

from decomposition.attempt import fresh_model
from decomposition.causal_importance import lower_leaky_hard_sigmoid
from decomposition.config import DecompositionConfig, config_of
from decomposition.metrics import MetricsConfig, evaluate
from decomposition.targets import Target, train_target
from decomposition.threads import one_thread
from decomposition.training import decompose

STEPS_ALONE = {
    "restarts": 1,
    "warm_up_steps": 0,
    "n_objective": 1,
    "prune": False,
    "consolidation_steps": 0,
}
"""Leaves out what comes before and after the steps of training."""

HEADER = "seed  attempts    mmcs  random    ml2r  identity  alive  seconds  steps/CPU-s  recovered"


def main() -> None:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--target", default="tms_5-2")
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2, 3, 4])
    parser.add_argument("--steps", type=int, help="instead of the configuration's own")
    parser.add_argument("--speed-batch", type=int, default=4096)
    parser.add_argument("--speed-steps", type=int, default=100)
    parser.add_argument("--no-speed", action="store_true")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    changes = {} if arguments.steps is None else {"steps": arguments.steps}
    config = config_of(arguments.target).model_copy(update=changes)
    rows = []
    if arguments.seeds and not arguments.json:
        print(HEADER)
    for seed in arguments.seeds:
        rows.append(measure(arguments.target, config.model_copy(update={"seed": seed})))
        if not arguments.json:
            print(line(rows[-1]), flush=True)
    found: dict[str, Any] = {"machine": machine(), "target": arguments.target, "rows": rows}
    if not arguments.no_speed:
        shape = {"batch_size": arguments.speed_batch, "steps": arguments.speed_steps}
        found |= speed(arguments.target, config.model_copy(update=shape))
        if not arguments.json:
            print(speed_lines(found))
    if arguments.json:
        print(json.dumps(found, indent=2))


def speed(name: str, config: DecompositionConfig) -> dict[str, Any]:
    """Measure steps per second of processor time, ours and the peer's, and profile ours."""
    config = config.model_copy(update=STEPS_ALONE)
    with one_thread():
        target = train_target(name, 0)
        decompose(target, config.model_copy(update={"steps": 3}))
        ours = config.steps / decompose(target, config).cpu_seconds
        peer = PaperStep(target, config)
        peer.run(2)
        n = max(5, config.steps // 5)
        started = time.process_time()
        peer.run(n)
        theirs = n / (time.process_time() - started)
        with profile(activities=[ProfilerActivity.CPU]) as recorded:
            decompose(target, config.model_copy(update={"steps": 20}))
    operations = sorted(recorded.key_averages(), key=lambda e: -e.self_cpu_time_total)
    total = sum(operation.self_cpu_time_total for operation in operations)
    return {
        "batch_size": config.batch_size,
        "steps_per_cpu_second": ours,
        "peer_steps_per_cpu_second": theirs,
        "speed_up": ours / theirs,
        "profile": [
            {"operation": o.key, "share": o.self_cpu_time_total / total, "calls": o.count / 20}
            for o in operations[:12]
        ],
    }


def speed_lines(found: dict[str, Any]) -> str:
    """Return the speed and the profile as text."""
    lines = [
        f"steps per CPU-second at batch {found['batch_size']}: "
        f"{found['steps_per_cpu_second']:.1f}, the paper's step in eager code "
        f"{found['peer_steps_per_cpu_second']:.1f}: {found['speed_up']:.1f} times"
    ]
    lines += [
        f"  {o['operation']:<40} {o['share']:6.1%}  {o['calls']:6.1f} calls a step"
        for o in found["profile"]
    ]
    return "\n".join(lines)


class PaperStep:
    """One training step as the paper has it, without any of what makes ours quick.

    Every row of the batch is run. The remainder is built as a matrix, and each masked run and
    each layer of importance networks is written as the paper's formula says. Gradients are
    taken for U, V and the networks, and Adam steps; the losses are those of the configuration.
    """

    def __init__(self, target: Target, config: DecompositionConfig) -> None:
        self.target, self.config = target, config
        self.generator = torch.Generator().manual_seed(0)
        self.model = fresh_model(target, config, self.generator)
        self.parameters = [p for p in self.model.parameters() if p.requires_grad]
        self.optimizer = torch.optim.Adam(self.parameters, lr=config.learning_rate)
        networks = self.model.importance_networks
        self.places = dict(networks.places())
        self.networks = networks

    def run(self, n: int) -> None:
        """Take n steps."""
        for _ in range(n):
            x = self.target.batch(self.config.batch_size, self.generator)
            loss = self.loss(x)
            self.optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(self.parameters, self.config.clip_norm)
            self.optimizer.step()

    def loss(self, x: Tensor) -> Tensor:
        """Return the sum of all losses."""
        config, model = self.config, self.model
        with torch.no_grad():
            expected = self.target.model(x)
        given = self._inputs(x)
        deltas = {n: model.weights[n] - s.U @ s.V for n, s in model.subcomponents.items()}
        total = (
            config.faithfulness * torch.cat([d.flatten() for d in deltas.values()]).square().mean()
        )
        importances = {n: self._importance(n, given[n]) for n in given}
        runs = [list(given), *([n] for n in given)]
        for masked, weight in zip(
            runs, [config.stochastic, *[config.layerwise / len(given)] * len(given)], strict=True
        ):
            output = self._masked(x, masked, importances, deltas)
            total = total + weight * (output - expected).square().mean()
        for z in importances.values():
            upper = torch.where(z > 1, 1 + 0.01 * (z - 1), z.clamp(0, 1))
            total = (
                total
                + config.minimality * (upper + 1e-12).pow(config.minimality_power).sum(-1).mean()
            )
        return total

    def _inputs(self, x: Tensor) -> dict[str, Tensor]:
        seen: dict[str, Tensor] = {}
        modules = {n: self.target.model.get_submodule(n) for n in self.model.layers}
        hooks = [
            module.register_forward_hook(lambda _m, args, _out, n=n: seen.update({n: args[0]}))
            for n, module in modules.items()
        ]
        with torch.no_grad():
            self.target.model(x)
        for hook in hooks:
            hook.remove()
        return seen

    def _importance(self, name: str, x: Tensor) -> Tensor:
        place = self.places[name]
        a = torch.einsum("bi,ci->bc", x, self.model.subcomponents[name].V)
        w_in, b_in = self.networks.weight_in[place], self.networks.bias_in[place]
        hidden = F.gelu(torch.einsum("bc,ch->bch", a, w_in) + b_in)
        return (
            torch.einsum("bch,ch->bc", hidden, self.networks.weight_out[place])
            + (self.networks.bias_out[place])
        )

    def _masked(
        self,
        x: Tensor,
        names: list[str],
        importances: dict[str, Tensor],
        deltas: dict[str, Tensor],
    ) -> Tensor:
        hooks = []
        for name in names:
            g = lower_leaky_hard_sigmoid(importances[name])
            r = torch.rand(g.shape, generator=self.generator)
            r_delta = torch.rand((len(g), 1), generator=self.generator)
            parts = self.model.subcomponents[name]
            mask, delta = g + (1 - g) * r, deltas[name]

            def replace(
                layer: nn.Module,
                args: tuple[Tensor, ...],
                _out: Tensor,
                pieces: tuple[Tensor, ...] = (parts.V, parts.U, mask, r_delta, delta),
            ) -> Tensor:
                V, U, m, m_delta, left_over = pieces
                a = torch.einsum("bi,ci->bc", args[0], V)
                y = torch.einsum("bc,oc->bo", a * m, U) + m_delta * (args[0] @ left_over.T)
                return y if layer.bias is None else y + layer.bias

            module = self.target.model.get_submodule(name)
            hooks.append(module.register_forward_hook(replace))
        output: Tensor = self.target.model(x)
        for hook in hooks:
            hook.remove()
        return output


def measure(name: str, config: DecompositionConfig) -> dict[str, float]:
    """Train a target, decompose it, and return what the table shows."""
    started = time.perf_counter()
    with one_thread():
        target = train_target(name, config.seed)
        decomposition = decompose(target, config, draw_progress(config.seed))
    seconds = time.perf_counter() - started
    metrics = evaluate(decomposition, MetricsConfig())
    return {
        "seed": config.seed,
        "attempts": target.attempts,
        "seconds": seconds,
        "steps": config.restarts * config.steps,
        "steps_per_cpu_second": config.restarts * config.steps / decomposition.cpu_seconds,
        "recovered": recovered(metrics),
        **metrics,
    }


def recovered(metrics: dict[str, float]) -> bool:
    """Say whether every mechanism was found, by direction and length if known, and by importance.

    False where nothing is known of the mechanisms.
    """
    return (
        metrics.get("mmcs", 1) >= 0.999
        and 0.97 <= metrics.get("ml2r", 1) <= 1.03
        and metrics.get("identity_error", 1) + metrics.get("dense_error", 0) == 0
    )


def line(row: dict[str, float]) -> str:
    """Return one line of the table."""
    alive = [int(value) for name, value in row.items() if name.startswith("alive/")]
    mmcs, chance, ml2r = (
        f"{row[name]:6.4f}" if name in row else f"{'–':>6}"
        for name in ("mmcs", "mmcs_random", "ml2r")
    )
    errors = f"{row['identity_error']:8.0f}" if "identity_error" in row else f"{'–':>8}"
    return (
        f"{row['seed']:4.0f}  {row['attempts']:8.0f}  {mmcs}  {chance}"
        f"  {ml2r}  {errors}  {'+'.join(map(str, alive)):>5}"
        f"  {row['seconds']:7.1f}  {row['steps_per_cpu_second']:11.0f}"
        f"  {'yes' if row['recovered'] else 'NO':>9}"
    )


def draw_progress(seed: int) -> Callable[[int, int], None]:
    """Return a callback that writes every hundredth step to standard error."""

    def draw(done: int, of: int) -> None:
        if done % 100 == 0 or done == of:
            end = "\n" if done == of else ""
            print(f"\rseed {seed}: step {done} of {of}", end=end, file=sys.stderr, flush=True)

    return draw


def machine() -> dict[str, str | int]:
    """Describe what the numbers were measured on."""
    return {
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "threads": torch.get_num_threads(),
        "processor": platform.machine(),
    }


if __name__ == "__main__":
    main()
