"""What subcomponents, embeddings and outputs of one input do to each other, and what ablations do.

Many targets, or many ablations, are the rows of one pass; `tracing` says what a direct effect is.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from decomposition.masks import Mask
from decomposition.tracing import VECTOR, Pass, Tracer, Values
from decomposition.training import Decomposition

ROWS = 64
"""Targets, or ablations, asked for in one pass."""


class Spot(NamedTuple):
    """A node as it is found in a pass."""

    place: str
    """Matrix, embedding, `input` or `output`."""

    position: int
    number: int | None
    """Of a subcomponent, entry or output; None means all that is passed on there."""


class Case(NamedTuple):
    """The input whose graph is drawn, and how the model runs on it."""

    tracer: Tracer
    row: Tensor
    """Shape `1 ...`."""

    masks: Mapping[str, Tensor] | None
    """m of each matrix, `1 positions C`; None keeps everything."""

    def run(self, n: int, held: Mapping[str, Values] | None = None) -> Pass:
        """Run n rows of it."""
        return self.tracer(_repeated(self.row, n), held, self.masks)


class Effects(NamedTuple):
    """Direct effects of everything on a number of targets."""

    on: Tensor
    """Shape `targets sources`."""

    in_all: Tensor
    """Shape `targets`: summed over everything that is passed on, drawn or not."""


def direct_effects(case: Case, sources: Sequence[Spot], asked: Sequence[Spot]) -> Effects:
    """Return gradient x activation of all sources on all targets, many targets in one pass."""
    on, in_all = [], []
    for start in range(0, len(asked), ROWS):
        targets = asked[start : start + ROWS]
        traced = case.run(len(targets))
        reached = values_at(traced, targets).diagonal()
        leaves = [leaf for values in traced.passed.values() for leaf in values if leaf is not None]
        gradients = torch.autograd.grad(reached.sum(), leaves, allow_unused=True)
        products = {
            id(leaf): torch.zeros_like(leaf) if gradient is None else gradient * leaf.detach()
            for leaf, gradient in zip(leaves, gradients, strict=True)
        }
        in_all.append(sum(product.flatten(1).sum(dim=1) for product in products.values()))
        on.append(_effects_of(traced, products, sources))
    together = torch.cat([torch.as_tensor(part) for part in in_all])
    return Effects(torch.cat(on).cpu(), together.cpu())


def _by_place(
    spots: Sequence[Spot], device: torch.device
) -> Iterator[tuple[str, Tensor, Tensor, Tensor]]:
    """Yield each place with where its spots stand, their positions and numbers (-1 for all)."""
    places: dict[str, list[tuple[int, int, int]]] = {}
    for at, spot in enumerate(spots):
        number = -1 if spot.number is None else spot.number
        places.setdefault(spot.place, []).append((at, spot.position, number))
    for place, found in places.items():
        columns = torch.tensor(found).to(device)
        yield place, columns[:, 0], columns[:, 1], columns[:, 2]


def values_at(traced: Pass, spots: Sequence[Spot]) -> Tensor:
    """Return `rows spots`: what is computed at each of these subcomponents and outputs."""
    values = traced.output.new_zeros(len(traced.output), len(spots))
    for place, at, positions, numbers in _by_place(spots, values.device):
        found = traced.output if place == "output" else traced.reached[place]
        values = values.index_copy(1, at, found[:, positions, numbers])
    return values


def _effects_of(traced: Pass, products: Mapping[int, Tensor], sources: Sequence[Spot]) -> Tensor:
    """Return `targets sources`: what each source does to the target of each row."""
    effects = traced.output.new_zeros(len(traced.output), len(sources))
    for place, at, positions, numbers in _by_place(sources, effects.device):
        values = traced.passed[place]
        rest = products[id(values.rest)]
        if place == VECTOR:
            effects[:, at] = rest.flatten(1)[:, numbers]
            continue
        whole = rest.reshape(len(rest), -1, rest.shape[-1]).sum(dim=-1)[:, positions]
        if values.inner is None:
            effects[:, at] = whole
            continue
        inner = products[id(values.inner)].reshape(len(rest), -1, values.inner.shape[-1])
        effects[:, at] = torch.where(numbers < 0, whole, inner[:, positions, numbers])
    return effects


def ablation_effects(
    case: Case,
    clean: Pass,
    sources: Sequence[Spot],
    asked: Sequence[Spot],
) -> Tensor:
    """Return `sources targets`: what targets lose when one source is zero and all else is held."""
    lost = []
    for start in range(0, len(sources), ROWS):
        some = sources[start : start + ROWS]
        held = {
            place: Values(
                None if values.inner is None else _repeated(values.inner, len(some)),
                _repeated(values.rest, len(some)),
            )
            for place, values in clean.passed.items()
        }
        for i, spot in enumerate(some):
            _set_to_zero(held[spot.place], i, spot)
        traced = case.run(len(some), held)
        lost.append((values_at(clean, asked) - values_at(traced, asked)).detach().cpu())
    return torch.cat(lost) if lost else torch.zeros(0, len(asked))


def _set_to_zero(values: Values, row: int, spot: Spot) -> None:
    if spot.number is not None and values.inner is not None:
        inner = values.inner
        inner.view(len(inner), -1, inner.shape[-1])[row, spot.position, spot.number] = 0
    elif spot.number is not None:
        values.rest.view(len(values.rest), -1)[row, spot.number] = 0
    else:
        rest = values.rest
        rest.view(len(rest), -1, rest.shape[-1])[row, spot.position] = 0


@torch.no_grad()
def total_effects(
    decomposition: Decomposition,
    case: Case,
    sources: Sequence[Spot],
    asked: Sequence[Spot],
) -> Tensor:
    """Return `sources targets`: what targets lose when everything follows the ablation.

    Of subcomponents only; an embedding or a remainder cannot be masked at one position: NaN.
    """
    model = decomposition.model
    lost = torch.full((len(sources), len(asked)), torch.nan)
    can = [i for i, spot in enumerate(sources) if spot.number is not None and spot.place != VECTOR]
    for start in range(0, len(can), ROWS):
        some = can[start : start + ROWS]
        whole = _whole(decomposition, case, len(some) + 1)
        for i, source in enumerate(some):
            spot = sources[source]
            kept = whole[spot.place].subcomponents
            kept.view(len(kept), -1, kept.shape[-1])[i + 1, spot.position, spot.number] = 0
        with model.masked(whole):
            run = model.clean(_repeated(case.row, len(some) + 1))
        traced = Pass(
            {name: _rows(seen.inner) for name, seen in run.seen.items()}, {}, _rows(run.output)
        )
        values = values_at(traced, asked)
        lost[some] = (values[:1] - values[1:]).cpu()
    return lost


def _whole(decomposition: Decomposition, case: Case, n: int) -> dict[str, Mask]:
    """Return masks that keep everything, or as much as is important, for n rows."""
    if case.masks is not None:
        return {name: Mask(_repeated(g, n)) for name, g in case.masks.items()}
    shapes = {name: seen.inner for name, seen in decomposition.model.clean(case.row).seen.items()}
    return {
        name: Mask(_repeated(torch.ones_like(a), n), a.new_ones(n, *a.shape[1:-1], 1))
        for name, a in shapes.items()
    }


def _rows(values: Tensor) -> Tensor:
    return values.flatten(1, -2) if values.ndim > 2 else values.unsqueeze(1)


def _repeated(row: Tensor, n: int) -> Tensor:
    return row.detach().expand(n, *row.shape[1:]).clone()
