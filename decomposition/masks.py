r"""How much of each subcomponent is kept: masks between the causal importance and one.

Every mask is :math:`m = g + (1 - g)\, r` for a *source* r in [0, 1], so that a subcomponent with
g = 1 is never ablated and one with g = 0 by any amount at all. What the subcomponents leave over
has importance zero: its mask is its source. Sources are drawn at random, or found by an
adversary, or fixed: r = 1 keeps everything, r = 0 keeps as little as the importances allow.

A *route* says where a matrix is masked; elsewhere it keeps everything, and so is the target's.

Bushnaq, Braun & Sharkey (2025), Stochastic Parameter Decomposition, arXiv:2506.20790. Random
subsets of matrices are Goodfire's (2026). Axes are C subcomponents and any *positions.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from decomposition.processes import Share, uniform


class Mask(NamedTuple):
    """How much of one matrix is kept at each position."""

    subcomponents: Tensor
    """Shape `*positions C`; 1 keeps a subcomponent, 0 ablates it. May broadcast."""

    remainder: Tensor | None = None
    """Shape `*positions 1`, the same for what the subcomponents leave over; None ablates it."""

    def of(self, rows: slice) -> "Mask":
        """Return the mask of some of the rows; one for all of them must not broadcast."""
        remainder = None if self.remainder is None else self.remainder[rows]
        return Mask(self.subcomponents[rows], remainder)


class Runs(NamedTuple):
    """What is masked of one matrix in several runs of the same rows, laid end to end."""

    masks: list[Mask | None]
    """Of each run; None keeps everything. The same mask twice is the same object."""


def sample_masks(
    importance: Float[Tensor, "*positions C"],
    generator: torch.Generator,
    share: Share | None = None,
) -> Float[Tensor, "*positions C"]:
    """Draw masks g + (1 - g) r with r uniform on [0, 1], for causal importances g in [0, 1]."""
    r = uniform(importance.shape, generator, share).to(importance.device)
    return torch.lerp(importance, importance.new_ones(()), r)


def draw_masks(
    importances: Mapping[str, Tensor],
    mask_remainder: bool,
    generator: torch.Generator,
    share: Share | None = None,
) -> dict[str, Mask]:
    """Draw a mask for every matrix, and one for its remainder unless that is dropped.

    Where the rows are a share of a batch, they are what a draw for all of it has for them.
    """
    masks = {}
    for name, importance in importances.items():
        kept = sample_masks(importance, generator, share)
        shape = (*importance.shape[:-1], 1)
        remainder = None
        if mask_remainder:
            remainder = uniform(shape, generator, share).to(importance.device)
        masks[name] = Mask(kept, remainder)
    return masks


def masks_above(
    importances: Mapping[str, Tensor], sources: Mapping[str, Tensor], mask_remainder: bool
) -> dict[str, Mask]:
    """Return the masks of given sources.

    Args:
        importances: g of each matrix, `*positions C`.
        sources: r of each matrix, `... C+1`, broadcast over the positions; the last one is the
            remainder's.
        mask_remainder: Whether the remainder has a mask; otherwise it is dropped.
    """
    return {
        name: Mask(
            torch.lerp(g, g.new_ones(()), sources[name][..., :-1]),
            sources[name][..., -1:] if mask_remainder else None,
        )
        for name, g in importances.items()
    }


def routed(masks: Mapping[str, Mask], routes: Mapping[str, Tensor]) -> dict[str, Mask]:
    """Keep each matrix whole wherever its route, `*positions 1`, is False."""
    return {
        name: Mask(
            torch.where(routes[name], mask.subcomponents, 1.0),
            torch.where(
                routes[name],
                0.0 if mask.remainder is None else mask.remainder,
                1.0,
            ),
        )
        for name, mask in masks.items()
    }


def in_one_run(parts: Sequence[Mapping[str, Mask]], rows: Sequence[int]) -> dict[str, Mask]:
    """Return masks of several groups of rows as those of all of them, one group after the other.

    Args:
        parts: The masks of each group.
        rows: How many rows each has.
    """
    return {
        name: Mask(
            torch.cat([part[name].subcomponents for part in parts]),
            torch.cat([_remainder(part[name], n) for part, n in zip(parts, rows, strict=True)]),
        )
        for name in parts[0]
    }


def _remainder(mask: Mask, rows: int) -> Tensor:
    """Return what is kept of the remainder in each of so many rows."""
    shape = mask.subcomponents.shape[:-1]
    if mask.remainder is None:
        return mask.subcomponents.new_zeros(*shape, 1)
    return mask.remainder.expand(rows, *shape[1:], 1)


def random_subsets(
    importances: Mapping[str, Tensor], generator: torch.Generator, share: Share | None = None
) -> dict[str, Tensor]:
    """Draw at every position a k from 1 to the number of matrices, and then k of them to mask.

    Where the matrices do not have the same positions, one subset is drawn for every row of the
    batch.
    """
    shapes = {g.shape[:-1] for g in importances.values()}
    first = next(iter(shapes))
    positions = first if len(shapes) == 1 else first[:1]
    n = len(importances)
    order = uniform((n, *positions), generator, share, rows=1).argsort(dim=0).argsort(dim=0)
    whole = positions if share is None else (share.total, *positions[1:])
    k = torch.randint(1, n + 1, whole, generator=generator, device=generator.device)
    is_masked = order < (k if share is None else share.of(k))
    return {
        name: route.reshape(*positions, *[1] * (g.ndim - len(positions))).to(g.device)
        for (name, g), route in zip(importances.items(), is_masked, strict=True)
    }


def in_runs(runs: Sequence[Mapping[str, Mask]], names: Iterable[str]) -> dict[str, Runs]:
    """Return by matrix what several runs mask; one that a run says nothing about is kept whole."""
    return {name: Runs([run.get(name) for run in runs]) for name in names}
