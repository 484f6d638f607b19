"""Components: subcomponents that act together, grouped.

A rank-one subcomponent of one matrix is seldom a whole mechanism: a feature is read by one
matrix and written by the next, and a map of full rank takes as many subcomponents as its rank.
What belongs together is important on the same inputs. Two groupings of the same occurrences are
made, side by side:

* by *minimum description length* (`description_length`), the method of the literature;
* by *communities* (Leiden, Traag et al. 2019, arXiv:1810.08473) of the co-importance graph,
  in which two subcomponents are tied by the Jaccard index of the inputs they matter on.

An occurrence is an importance above a threshold at one position. Positions are those of the
sequence where all matrices share them, and else the whole input. But: what acts together at
different positions, as queries and keys do, is not seen as acting together.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from pydantic import Field
from torch import Tensor

from decomposition.description_length import Names, group_by_description_length
from decomposition.harvest import subcomponent_id
from decomposition.reports import AnalysisConfig, Component, Components
from decomposition.seeds import generator_for
from decomposition.training import Decomposition

BATCH = 1024
"""Inputs run at a time."""


class ComponentsConfig(AnalysisConfig):
    """What is grouped, and how."""

    n: int = Field(default=16384, ge=1)
    """Inputs drawn from the target's distribution."""

    importance_threshold: float = Field(default=0.01, ge=0, lt=1)
    """A subcomponent acts where its importance exceeds this."""

    min_occurrences: int = Field(default=2, ge=1)
    """Subcomponents that act at fewer positions are left out: of them nothing is known."""

    alpha: float = Field(default=2.0, ge=0)
    """Bits that every rank-one matrix of an active group costs. Higher gives smaller groups."""

    names: Names = "by_frequency"
    """How long the names of groups are in the description: `equal` is the literature's."""

    resolution: float = Field(default=1.0, gt=0)
    """Of the communities. Higher gives smaller ones."""


class Occurrences(NamedTuple):
    """Where each subcomponent acts."""

    ids: list[str]
    active: npt.NDArray[np.bool_]
    """Shape `positions subcomponents`."""


def find_components(decomposition: Decomposition, config: ComponentsConfig) -> Components:
    """Group the subcomponents that act together, in both ways."""
    found = occurrences(decomposition, config)
    grouping = group_by_description_length(found.active, config.alpha, config.names)
    communities = leiden_groups(found.active, config.resolution, config.seed)
    labels, leiden_labels = _labels(grouping.groups), _labels(communities)
    known = _known_labels(decomposition, found.ids)
    positions = len(found.active)
    return Components(
        positions=positions,
        subcomponents=len(found.ids),
        components=_described(grouping.groups, found),
        bits_before=grouping.bits_before / positions,
        bits_after=grouping.bits_after / positions,
        communities=_described(communities, found),
        agreement=adjusted_rand(labels, leiden_labels),
        known_agreement=None if known is None else adjusted_rand(known, labels),
        known_agreement_communities=None if known is None else adjusted_rand(known, leiden_labels),
    )


def occurrences(decomposition: Decomposition, config: ComponentsConfig) -> Occurrences:
    """Run the target on data and note where each subcomponent acts."""
    generator = generator_for("components", config.seed)
    parts: list[Tensor] = []
    for start in range(0, config.n, BATCH):
        x = decomposition.target.batch(min(BATCH, config.n - start), generator)
        acts = at_positions(decomposition.model.importance(x)) > config.importance_threshold
        parts.append(acts.cpu())
    active = torch.cat(parts).numpy()
    ids = [
        subcomponent_id(matrix, c)
        for matrix, subcomponents in decomposition.model.subcomponents.items()
        for c in range(subcomponents.V.shape[0])
    ]
    often = active.sum(axis=0) >= config.min_occurrences
    return Occurrences([ids[c] for c in np.flatnonzero(often)], active[:, often])


def leiden_groups(active: npt.NDArray[np.bool_], resolution: float, seed: int) -> list[list[int]]:
    """Cut the co-importance graph of the columns of `positions members` into communities.

    Two are tied by the Jaccard index of the positions at which they act. Modularity with this
    resolution; groups by their least member.
    """
    import igraph as ig  # these two and their plotting library take a second to load
    import leidenalg

    columns = active.astype(np.float32)
    both = columns.T @ columns
    counts = both.diagonal()
    either = counts[:, None] + counts - both
    jaccard = np.triu(both / np.maximum(either, 1), 1)
    rows, cols = jaccard.nonzero()
    graph = ig.Graph(n=len(both), edges=list(zip(rows.tolist(), cols.tolist(), strict=True)))
    weights = jaccard[rows, cols].astype(float).tolist()
    partition = leidenalg.find_partition(
        graph,
        leidenalg.RBConfigurationVertexPartition,
        weights=weights,
        resolution_parameter=resolution,
        n_iterations=-1,
        seed=seed,
    )
    groups: dict[int, list[int]] = {}
    for member, group in enumerate(partition.membership):
        groups.setdefault(group, []).append(member)
    return sorted(groups.values())


def adjusted_rand(one: Sequence[int], other: Sequence[int]) -> float:
    """Return the adjusted Rand index of two labellings (Hubert & Arabie 1985).

    1 where they are the same partition, 0 in expectation for random ones of the same sizes.
    """
    table = np.zeros((max(one, default=-1) + 1, max(other, default=-1) + 1))
    np.add.at(table, (np.array(one, dtype=int), np.array(other, dtype=int)), 1)
    together = _pairs(table).sum()
    ones, others = _pairs(table.sum(axis=1)).sum(), _pairs(table.sum(axis=0)).sum()
    expected = ones * others / max(_pairs(np.array(float(len(one)))), 1)
    most = (ones + others) / 2
    return 1.0 if most == expected else float((together - expected) / (most - expected))


def _pairs(counts: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.asarray(counts * (counts - 1) / 2)


def at_positions(importance: Mapping[str, Tensor], positions: torch.Size | None = None) -> Tensor:
    """Return `positions subcomponents`, all matrices side by side.

    Args:
        importance: `*positions C` of each matrix, which may have any number of position axes.
        positions: Those that are wanted; None takes whatever all matrices share. Where a matrix
            has others, each row becomes one position: the largest over its own.
    """
    found = {g.shape[:-1] for g in importance.values()} | ({positions} - {None})
    if len(found) == 1:
        return torch.cat([g.flatten(0, -2) for g in importance.values()], dim=1)
    whole = [g.reshape(len(g), -1, g.shape[-1]).amax(dim=1) for g in importance.values()]
    return torch.cat(whole, dim=1)


def _described(groups: list[list[int]], found: Occurrences) -> list[Component]:
    described = []
    for group in groups:
        columns = found.active[:, group]
        some, every = columns.any(axis=1).sum(), columns.all(axis=1).sum()
        described.append(
            Component(
                members=[found.ids[c] for c in group],
                density=float(some) / len(columns),
                cohesion=float(every) / float(some),
            )
        )
    return sorted(described, key=lambda component: -component.density)


def _labels(groups: list[list[int]]) -> list[int]:
    labels = {member: number for number, group in enumerate(groups) for member in group}
    return [labels[member] for member in sorted(labels)]


def _known_labels(decomposition: Decomposition, ids: Sequence[str]) -> list[int] | None:
    """Return the true mechanism of each subcomponent, or None where the target knows none.

    In a matrix with one mechanism for each feature it is the feature whose probe gives it most
    importance; in a matrix that is one block it is the block.
    """
    blocks = decomposition.target.blocks
    if set(decomposition.model.layers) - set(blocks):
        return None
    importance = decomposition.model.importance(decomposition.target.probes())
    names = {}
    for matrix, g in importance.items():
        for c, feature in enumerate(g.argmax(dim=0).tolist()):
            is_feature = blocks[matrix] is None
            names[subcomponent_id(matrix, c)] = str(feature) if is_feature else matrix
    numbers: dict[str, int] = {}
    return [numbers.setdefault(names[identifier], len(numbers)) for identifier in ids]
