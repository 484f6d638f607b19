"""What each subcomponent does on the target's data: how often it matters, and for what.

One pass over a fixed number of inputs. A subcomponent is *alive* when its mean causal
importance exceeds a threshold; 10⁻⁶ is the one used in the literature, and the definition
belongs beside every count of living subcomponents.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from decomposition.seeds import generator_for
from decomposition.subcomponents import norms
from decomposition.token_divergence import rows_at_once
from decomposition.training import Decomposition


class HarvestConfig(BaseModel):
    """How many inputs are looked at, and when a subcomponent counts."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    n: int = Field(default=16384, ge=1)
    """Inputs drawn from the target's distribution."""

    seed: int = 0
    alive_threshold: float = Field(default=1e-6, ge=0)
    """A subcomponent is alive when its mean importance exceeds this."""

    density_threshold: float = Field(default=0.1, ge=0, lt=1)
    """An input counts for the density when the importance on it exceeds this."""

    top_inputs: int = Field(default=5, ge=0)
    """How many input features are listed at most ..."""

    top_contrast: float = Field(default=0.1, ge=0)
    """... among those that raise the mean importance by more than this when active."""


class Census(NamedTuple):
    """What was counted in one matrix."""

    mean_importance: Tensor
    """Shape `C`: mean of g over all inputs, in [0, 1]."""

    density: Tensor
    """Shape `C`: share of inputs on which g exceeds the threshold."""

    alive: Tensor
    """Shape `C`, boolean."""

    contrast: Tensor
    """Shape `features C`: mean g on inputs with the feature, minus that on inputs without."""


@dataclass(frozen=True)
class SubcomponentSummary:
    """One subcomponent in a row of a table."""

    id: str
    """The matrix and the index, as in `linear1:3`."""

    matrix: str
    index: int
    mean_importance: float
    """In [0, 1]."""

    density: float
    """Share of inputs on which it matters, in [0, 1]."""

    alive: bool
    norm: float
    """Frobenius norm of its rank-one matrix."""

    top_inputs: tuple[int, ...]
    """Indices of the input features that it answers to, strongest first."""


def subcomponent_id(matrix: str, index: int) -> str:
    """Return the id of a subcomponent, as in `linear1:3`."""
    return f"{matrix}:{index}"


def harvest(decomposition: Decomposition, config: HarvestConfig) -> list[SubcomponentSummary]:
    """Summarise every subcomponent, matrix after matrix in the order of their indices."""
    lengths = {name: norms(of).tolist() for name, of in decomposition.model.subcomponents.items()}
    return [
        SubcomponentSummary(
            id=subcomponent_id(matrix, index),
            matrix=matrix,
            index=index,
            mean_importance=counted.mean_importance[index].item(),
            density=counted.density[index].item(),
            alive=bool(counted.alive[index]),
            norm=lengths[matrix][index],
            top_inputs=_top_inputs(counted.contrast[:, index], config),
        )
        for matrix, counted in census(decomposition, config).items()
        for index in range(len(counted.alive))
    ]


def census(decomposition: Decomposition, config: HarvestConfig) -> dict[str, Census]:
    """Count, for every matrix, how causally important its subcomponents are on the data.

    Means are over all positions of all inputs; a few rows are run at a time.
    """
    target = decomposition.target
    rows = target.batch(config.n, generator_for("harvest", config.seed))
    counted: dict[str, _Sums] = {}
    has_positions = rows.ndim > 2 or not rows.is_floating_point()
    n = rows_at_once(decomposition.model, rows, ROWS_AT_ONCE) if has_positions else config.n
    for x in torch.split(rows, n):
        active = target.active_features(x)
        for matrix, importance in decomposition.model.importance(x).items():
            found = _counted(importance, active, config)
            before = counted.get(matrix)
            counted[matrix] = (
                found
                if before is None
                else _Sums(*(one + other for one, other in zip(before, found, strict=True)))
            )
    return {matrix: sums.here().census(config) for matrix, sums in counted.items()}


ROWS_AT_ONCE = 256
"""Rows that have positions are run so many at a time, at most."""


class _Sums(NamedTuple):
    """What `Census` is made from; the sums of two samples are those of both together."""

    positions: Tensor
    importance: Tensor
    dense: Tensor
    active: Tensor
    products: Tensor
    """Shape `features C`: importance where the feature is active."""

    def here(self) -> "_Sums":
        """Bring them to the processor, from where they were counted."""
        return _Sums(*(part.cpu() for part in self))

    def census(self, config: HarvestConfig) -> Census:
        mean = self.importance / self.positions
        n_with = self.active.unsqueeze(1)
        n_without = self.positions - n_with
        inside = self.products / n_with.clamp(min=1)
        outside = (self.importance - self.products) / n_without.clamp(min=1)
        return Census(
            mean_importance=mean,
            density=self.dense / self.positions,
            alive=mean > config.alive_threshold,
            contrast=inside - outside,
        )


def _counted(importance: Tensor, active: Tensor, config: HarvestConfig) -> _Sums:
    """Add up over positions; a feature of a whole row is active at all of its positions."""
    missing = importance.ndim - active.ndim
    active = active.to(importance.device)
    active = active.reshape(*active.shape[:-1], *[1] * missing, active.shape[-1])
    active = active.expand(*importance.shape[:-1], -1).flatten(0, -2).float()
    g = importance.flatten(0, -2)
    return _Sums(
        positions=g.new_ones(()) * len(g),
        importance=g.sum(dim=0),
        dense=(g > config.density_threshold).float().sum(dim=0),
        active=active.sum(dim=0),
        products=active.T @ g,
    )


def contrasts(importance: Tensor, active: Tensor, counts: Tensor) -> Tensor:
    """Return mean importance with each feature minus that without, for resampled inputs.

    Args:
        importance: Shape `batch C`.
        active: Shape `batch features`, 0 or 1.
        counts: Shape `resamples batch`: how often each resample holds each input.

    Returns:
        Shape `resamples features C`. A side that a resample lacks counts as zero.
    """
    products = active.unsqueeze(2) * importance.unsqueeze(1)  # batch features C
    sums = (counts @ products.flatten(1)).reshape(len(counts), *products.shape[1:])
    n_with = (counts @ active).unsqueeze(2)
    n_without = counts.sum(dim=1)[:, None, None] - n_with
    others = (counts @ importance).unsqueeze(1) - sums
    return sums / n_with.clamp(min=1) - others / n_without.clamp(min=1)


def _top_inputs(contrast: Tensor, config: HarvestConfig) -> tuple[int, ...]:
    ranked = contrast.argsort(descending=True, stable=True)[: config.top_inputs].tolist()
    return tuple(feature for feature in ranked if contrast[feature] > config.top_contrast)
