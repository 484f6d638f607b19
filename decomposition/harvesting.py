"""From the sums of a pass over the data to what can be read about every subcomponent."""

from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from decomposition.harvest import subcomponent_id
from decomposition.profiling import Best, Profiler, ProfilingConfig, profile_stream
from decomposition.reports import Context, Harvest, HeatMap, Partner, Profile, Symbol
from decomposition.subcomponents import norms
from decomposition.training import Decomposition
from decomposition.vocabularies import entry_word, output_words, symbol_word

TENSORS = "harvest.safetensors"

N_ENTRIES = 8
"""Entries that are shown of an input that is not made of features: the largest."""

N_HEAT_SYMBOLS, N_HEAT_ROWS = 60, 200
"""Size of the heat map, at most: the symbols and subcomponents with most importance in sum."""


def harvest_data(
    decomposition: Decomposition,
    config: ProfilingConfig,
    folder: Path | None = None,
    state: Path | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Harvest:
    """Run over the target's data and say what every subcomponent does.

    Args:
        decomposition: Whose subcomponents they are.
        config: How much data, and what is kept of it.
        folder: Where all sums go, as `harvest.safetensors`; None keeps only the report.
        state: For the state of an unfinished pass; see `profile_stream`.
        on_progress: Is told how many batches are done, of how many.

    Raises:
        CheckpointError: The state is damaged or belongs to something else.
    """
    profiler = profile_stream(decomposition, config, state, on_progress)
    if folder is not None:
        tensors = {name: tensor.contiguous() for name, tensor in profiler.tensors().items()}
        save_file(tensors, folder / TENSORS)
    reporter = _Reporter(profiler)
    ids = [
        subcomponent_id(matrix, c)
        for matrix, lengths in profiler.lengths.items()
        for c in range(len(lengths))
    ]
    sizes = torch.cat([norms(parts) for parts in decomposition.model.subcomponents.values()])
    acting = profiler.acted.nonzero().flatten().tolist()
    partners = _partners(profiler, ids)
    return Harvest(
        positions=profiler.positions,
        tracked=len(profiler.tracked),
        cells_dropped=sum(counts.dropped for counts in profiler.counts.values()),
        profiles=[
            Profile(
                id=ids[c],
                mean_importance=profiler.sums[c].item() / profiler.positions,
                density=profiler.acted[c].item() / profiler.positions,
                norm=sizes[c].item(),
                contexts=reporter.contexts(profiler.top, c),
                examples=reporter.contexts(profiler.random, c),
                reads=reporter.symbols(c, "read", profiler.symbols),
                writes=reporter.symbols(c, "written", profiler.outputs),
                partners=partners.get(c, []),
            )
            for c in acting
        ],
        heat=_heat(profiler, ids),
    )


class _Reporter:
    """Puts the sums of one subcomponent into words."""

    def __init__(self, profiler: Profiler) -> None:
        self.profiler, self.target = profiler, profiler.decomposition.target

    def contexts(self, best: Best | None, c: int) -> list[Context]:
        """Return the places that were kept of a subcomponent."""
        assert best is not None, "a batch was taken in"
        there = best.values[c] >= 0
        return [
            self._context(place, importance, strength)
            for place, importance, strength in zip(
                best.places[c][there],
                best.importance[c][there].tolist(),
                best.strength[c][there].tolist(),
                strict=True,
            )
        ]

    def symbols(self, c: int, kind: str, n: int) -> list[Symbol]:
        """Return the symbols that go with a subcomponent most, by share times PMI."""
        counts, base = self.profiler.counts[kind], self.profiler.counts[f"{kind}_base"]
        keys, sums = counts.between(c * n, (c + 1) * n)
        if not len(keys):
            return []
        shares = sums / self.profiler.acted[c]
        chance = base.at(keys) / self.profiler.positions
        pmi = torch.log2(shares / chance.clamp(min=1e-30))
        order = (shares * pmi).argsort(descending=True, stable=True)
        order = order[: self.profiler.config.shown]
        important = self._importance(c * n + keys, base.at(keys)) if kind == "read" else 0 * sums
        word = symbol_word if kind == "read" else output_words
        return [
            Symbol(
                word=word(self.target, int(keys[i])),
                share=shares[i].item(),
                pmi=pmi[i].item(),
                importance=important[i].item(),
            )
            for i in order.tolist()
            if pmi[i] > 0
        ]

    def _importance(self, keys: Tensor, base: Tensor) -> Tensor:
        """Return the mean importance at symbols."""
        return self.profiler.counts["important"].at(keys) / base.clamp(min=1)

    def _context(self, place: Tensor, importance: float, strength: float) -> Context:
        if place.is_floating_point():
            active = self.target.active_features(place.unsqueeze(0))[0]
            is_one_each = len(active) == len(place)
            shown = active.nonzero().flatten().tolist() if is_one_each else _longest(place)
            words = [f"{entry_word(self.target, i)} = {place[i].item():.3g}" for i in shown]
            return Context(words=words, at=None, importance=importance, strength=strength)
        known = (place >= 0).nonzero().flatten()
        at = len(place) // 2 - int(known[0])
        words = [symbol_word(self.target, token) for token in place[known].tolist()]
        return Context(words=words, at=at, importance=importance, strength=strength)


def _longest(place: Tensor) -> list[int]:
    return sorted(place.abs().argsort(descending=True, stable=True)[:N_ENTRIES].tolist())


def _partners(profiler: Profiler, ids: list[str]) -> dict[int, list[Partner]]:
    """Return, for every tracked subcomponent, those that most often act at the same places."""
    acted = profiler.both.diagonal()
    either = acted[:, None] + acted - profiler.both
    jaccard = profiler.both / either.clamp(min=1)
    jaccard.fill_diagonal_(0)
    chance = acted[:, None] * acted / profiler.positions
    pmi = torch.log2(profiler.both / chance.clamp(min=1e-30))
    order = jaccard.argsort(dim=1, descending=True, stable=True)[:, : profiler.config.shown]
    tracked = profiler.tracked.tolist()
    return {
        c: [
            Partner(id=ids[tracked[j]], jaccard=jaccard[i, j].item(), pmi=pmi[i, j].item())
            for j in order[i].tolist()
            if jaccard[i, j] > 0
        ]
        for i, c in enumerate(tracked)
    }


def _heat(profiler: Profiler, ids: list[str]) -> HeatMap:
    """Return mean importance by symbol, of the symbols and subcomponents with most of it."""
    n, counts = profiler.symbols, profiler.counts["important"]
    by_symbol = torch.zeros(n, dtype=torch.float64).index_add_(0, counts.keys % n, counts.sums)
    symbols = _largest(by_symbol, N_HEAT_SYMBOLS)
    rows = [c for c in _largest(profiler.sums, N_HEAT_ROWS) if profiler.acted[c] > 0]
    at = torch.tensor(symbols, dtype=torch.long)
    base = profiler.counts["read_base"].at(at).clamp(min=1)
    return HeatMap(
        symbols=[symbol_word(profiler.decomposition.target, symbol) for symbol in symbols],
        ids=[ids[c] for c in rows],
        importance=[
            [round(value, 4) for value in (counts.at(c * n + at) / base).tolist()] for c in rows
        ],
    )


def _largest(values: Tensor, most: int) -> list[int]:
    """Return the indices of the largest values that are not zero, in ascending order."""
    order = values.argsort(descending=True, stable=True)[:most]
    return sorted(i for i in order.tolist() if values[i] > 0)
