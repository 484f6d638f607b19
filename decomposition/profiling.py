"""What every subcomponent does on a stream of data, in one pass and bounded memory.

Batches come from generators of their own, by number, and are added up in order; so a pass that
is interrupted goes on from its last saved state to the same result, to the last bit. Kept are

* sums of importance, and how often it exceeds a threshold (the subcomponent *acts*);
* the k places where each writes most, and k random ones of those where it acts (each place draws
  a random number, and those with the largest stay: a reservoir that does not depend on order);
* how often two of the subcomponents that matter most in the first batch act at the same place;
* with which symbols (tokens, or features) each acts and what the model puts out there
  (`sparse_counts`).
"""

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import torch
from pydantic import Field
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from decomposition.attempt import trained_parameters
from decomposition.components import at_positions
from decomposition.errors import CheckpointError
from decomposition.reports import AnalysisConfig
from decomposition.resuming import fingerprint
from decomposition.seeds import generator_for
from decomposition.sparse_counts import SparseCounts
from decomposition.training import Decomposition

N_WRITTEN = 3
"""Likeliest outputs that count as written at each position."""


class ProfilingConfig(AnalysisConfig):
    """How much data is looked at, and what is kept of it."""

    batches: int = Field(default=64, ge=1)
    batch_size: int = Field(default=256, ge=1)
    """Rows of a batch."""

    importance_threshold: float = Field(default=0.1, ge=0, lt=1)
    """A subcomponent acts where its importance exceeds this."""

    contexts: int = Field(default=8, ge=1)
    """Places kept of each, of both kinds."""

    window: int = Field(default=8, ge=0)
    """Tokens kept on either side of a place."""

    most_tracked: int = Field(default=2048, ge=1)
    """Subcomponents among which those that act together are counted."""

    most_cells: int = Field(default=4_000_000, ge=1000)
    """Pairs of a subcomponent and a symbol that are counted, at most."""

    shown: int = Field(default=8, ge=1)
    """Symbols and partners in the report of each."""

    save_every: int = Field(default=8, ge=1)
    """Batches between savings of the state."""


class Best(NamedTuple):
    """The places with the largest values, for each subcomponent."""

    values: Tensor
    """Shape `N k`, descending; -1 where there are fewer."""

    importance: Tensor
    strength: Tensor
    places: Tensor
    """Shape `N k ...`: windows of tokens (-1 beyond the ends), or input vectors."""


class Profiler:
    """The sums so far."""

    def __init__(self, decomposition: Decomposition, config: ProfilingConfig) -> None:
        self.decomposition, self.config = decomposition, config
        self.lengths = {
            name: torch.linalg.vector_norm(parts.U.detach(), dim=0)
            for name, parts in decomposition.model.subcomponents.items()
        }
        self.n = sum(len(lengths) for lengths in self.lengths.values())
        self.done = self.positions = 0
        self.sums = torch.zeros(self.n, dtype=torch.float64)
        self.acted = torch.zeros(self.n, dtype=torch.float64)
        self.tracked = torch.empty(0, dtype=torch.long)
        self.both = torch.empty(0, 0, dtype=torch.float64)
        self.top: Best | None = None
        self.random: Best | None = None
        self.symbols = 0
        self.outputs = 0
        self.counts = {
            name: SparseCounts(config.most_cells)
            for name in ("read", "important", "read_base", "written", "written_base")
        }

    def advance(self) -> None:
        """Take one more batch in."""
        target, model = self.decomposition.target, self.decomposition.model
        generator = generator_for("profiling", self.config.seed, self.done)
        x = target.batch(self.config.batch_size, generator)
        with torch.no_grad():
            clean = model.clean(x)
            g = model.importance_networks(clean.seen).g
            strength = {
                name: g[name] * clean.seen[name].inner.abs() * lengths
                for name, lengths in self.lengths.items()
            }
            wanted = x.shape[:1] if x.is_floating_point() else x.shape
            importance, strong = (at_positions(each, wanted).cpu() for each in (g, strength))
        acts = importance > self.config.importance_threshold
        self._count(importance, acts)
        places = _places(x, importance, self.config.window)
        k = self.config.contexts
        chosen = Chosen(importance, strong, places)
        self.top = _best(self.top, torch.where(acts, strong, -1.0), chosen, k)
        drawn = torch.rand(importance.shape, generator=generator)
        self.random = _best(self.random, torch.where(acts, drawn, -1.0), chosen, k)
        self._count_symbols(x, importance, acts)
        self._count_outputs(clean.output.cpu(), acts)
        self.done += 1

    def tensors(self) -> dict[str, Tensor]:
        """Return everything that decides how the pass goes on."""
        tensors = {"sums": self.sums, "acted": self.acted, "tracked": self.tracked}
        tensors["both"] = self.both
        for name, best in (("top", self.top), ("random", self.random)):
            assert best is not None, "a batch was taken in"
            tensors |= {f"{name}.{field}": t for field, t in best._asdict().items()}
        for name, counts in self.counts.items():
            tensors[f"{name}.keys"], tensors[f"{name}.sums"] = counts.keys, counts.sums
            tensors[f"{name}.dropped"] = torch.tensor(counts.dropped)
        numbers = [self.done, self.positions, self.symbols, self.outputs]
        return tensors | {"numbers": torch.tensor(numbers)}

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Go on from what `tensors` returned."""
        self.done, self.positions, self.symbols, self.outputs = tensors["numbers"].tolist()
        self.sums, self.acted = tensors["sums"], tensors["acted"]
        self.tracked, self.both = tensors["tracked"], tensors["both"]
        self.top, self.random = (
            Best(*(tensors[f"{name}.{field}"] for field in Best._fields))
            for name in ("top", "random")
        )
        for name, counts in self.counts.items():
            counts.keys, counts.sums = tensors[f"{name}.keys"], tensors[f"{name}.sums"]
            counts.dropped = int(tensors[f"{name}.dropped"])

    def _count(self, importance: Tensor, acts: Tensor) -> None:
        self.positions += len(importance)
        self.sums += importance.double().sum(dim=0)
        self.acted += acts.double().sum(dim=0)
        if not self.done:
            ranked = self.sums.argsort(descending=True, stable=True)
            self.tracked = ranked[: self.config.most_tracked].sort().values
            self.both = torch.zeros(len(self.tracked), len(self.tracked), dtype=torch.float64)
        some = acts[:, self.tracked].float()
        self.both += (some.T @ some).double()  # exact below 2²⁴ positions a batch

    def _count_symbols(self, x: Tensor, importance: Tensor, acts: Tensor) -> None:
        """Count with which symbols each acts: the token there, or the active features."""
        target = self.decomposition.target
        if x.is_floating_point() or len(acts) != x.numel():
            present = target.active_features(x).float()
            self.symbols = present.shape[1]
            self._add_table("read", acts.float().T @ present)
            self._add_table("important", importance.T @ present)
            base, weights = torch.arange(self.symbols), present.sum(dim=0)
        else:
            tokens = x.flatten()
            self.symbols = max(self.symbols, _vocabulary(self.decomposition, x))
            position, c = acts.nonzero(as_tuple=True)
            keys = c * self.symbols + tokens[position]
            self.counts["read"].add(keys, torch.ones(len(keys)))
            self.counts["important"].add(keys, importance[position, c])
            base, weights = tokens, torch.ones(len(tokens))
        self.counts["read_base"].add(base, weights)

    def _count_outputs(self, output: Tensor, acts: Tensor) -> None:
        """Count what the model puts out where each acts: likeliest tokens, or shares."""
        self.outputs = output.shape[-1]
        flat = output.flatten(0, -2)
        if not self.decomposition.target.is_categorical or len(flat) != len(acts):
            flat = output.abs().flatten(1, -2).sum(dim=1) if output.ndim > 2 else output.abs()
            shares = flat / flat.sum(dim=1, keepdim=True).clamp(min=1e-30)
            self._add_table("written", acts.float().T @ shares)
            self.counts["written_base"].add(torch.arange(self.outputs), shares.sum(dim=0))
            return
        likely, tokens = flat.softmax(dim=-1).topk(min(N_WRITTEN, self.outputs), dim=-1)
        position, c = acts.nonzero(as_tuple=True)
        self.counts["written"].add(c[:, None] * self.outputs + tokens[position], likely[position])
        self.counts["written_base"].add(tokens, likely)

    def _add_table(self, name: str, table: Tensor) -> None:
        rows, columns = table.nonzero(as_tuple=True)
        self.counts[name].add(rows * table.shape[1] + columns, table[rows, columns])


class Chosen(NamedTuple):
    """What may be kept of a batch."""

    importance: Tensor
    """Shape `positions N`."""

    strength: Tensor
    places: Tensor
    """Shape `positions ...`."""


def profile_stream(
    decomposition: Decomposition,
    config: ProfilingConfig,
    state: Path | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Profiler:
    """Take all batches in, from the state file on if it is there; it is deleted at the end.

    Args:
        decomposition: Whose subcomponents they are.
        config: How much data, and what is kept of it.
        state: Of an unfinished pass.
        on_progress: Is told after each batch how many are done, of how many.

    Raises:
        CheckpointError: The state is damaged or belongs to something else.
    """
    profiler = Profiler(decomposition, config)
    name = f"{config.model_dump_json()} {_fingerprint(decomposition)}"
    if state is not None and state.exists():
        profiler.restore(_read(state, name))
    while profiler.done < config.batches:
        profiler.advance()
        if on_progress is not None:
            on_progress(profiler.done, config.batches)
        if state is not None and profiler.done % config.save_every == 0:
            _write(state, name, profiler)
    if state is not None:
        state.unlink(missing_ok=True)
    return profiler


def _best(held: Best | None, values: Tensor, chosen: Chosen, k: int) -> Best:
    """Return the k largest of those held and those of a batch; of equal ones the earlier."""
    found, at = values.topk(min(k, len(values)), dim=0)
    columns = torch.arange(values.shape[1])
    new = Best(
        found.T,
        chosen.importance[at, columns].T,
        chosen.strength[at, columns].T,
        chosen.places[at.T],
    )
    if held is None:
        return new
    together = Best(*(torch.cat(pair, dim=1) for pair in zip(held, new, strict=True)))
    order = together.values.argsort(dim=1, descending=True, stable=True)[:, :k]
    rows = torch.arange(len(order))[:, None]
    return Best(*(part[rows, order] for part in together))


def _places(x: Tensor, importance: Tensor, window: int) -> Tensor:
    """Return what stands at each position: a window of tokens, or the row of the input."""
    if x.is_floating_point() or len(importance) != x.numel():
        return x.flatten(1)
    padded = torch.nn.functional.pad(x, (window, window), value=-1)
    return padded.unfold(1, 2 * window + 1, 1).flatten(0, 1)


def _vocabulary(decomposition: Decomposition, x: Tensor) -> int:
    """Return how many tokens there are: as many as outputs, or as words."""
    words = getattr(decomposition.target, "words", None)
    if words is not None:
        return len(words)
    with torch.no_grad():
        return int(decomposition.model(x[:1]).shape[-1])


def _fingerprint(decomposition: Decomposition) -> str:
    digest = hashlib.sha256(fingerprint(decomposition.target).encode())
    for name, tensor in sorted(trained_parameters(decomposition.model).items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _write(path: Path, name: str, profiler: Profiler) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.partial")
    tensors = {key: tensor.contiguous() for key, tensor in profiler.tensors().items()}
    save_file(tensors, partial, {"of": name})
    partial.replace(path)


def _read(path: Path, name: str) -> dict[str, Tensor]:
    try:
        with safe_open(path, framework="pt") as file:
            if (file.metadata() or {}).get("of") != name:
                raise CheckpointError(
                    f"{path} is the state of another harvest; delete it to begin anew"
                )
            return {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path} is damaged; delete it to begin anew: {error}") from error
