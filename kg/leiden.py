"""Communities of a weighted graph, and communities within communities.

One cut is the Leiden algorithm (Traag, Waltman & van Eck, 2019, From Louvain to Leiden:
guaranteeing well-connected communities, doi:10.1038/s41598-019-41695-z), which looks for the
partition of greatest modularity (Newman & Girvan, 2004; Reichardt & Bornholdt, 2006),

    Q = 1 / 2m  sum over pairs of (w_ij - gamma k_i k_j / 2m) [i and j are together],

with w_ij the weight between i and j, k_i the sum of the weights at i, m the sum of all weights,
and gamma the resolution: a community is one if its inside is denser than gamma times what chance
would give it. Every community is connected.

The hierarchy is made from the top: the subgraph of each community is cut again by the same rule,
until a community is too small, or no cut of it is better than none. The gain of a cut is its Q in
the subgraph less that of the uncut subgraph, which is 1 - gamma. Even a random graph can be cut
with some gain, so `min_gain` has to be passed. A cut never leaves anyone alone: a statement that
Leiden would set apart goes to the community it is most strongly tied to.

Leiden is greedy and visits vertices in random order, so it is run `n_starts` times from different
seeds and the best partition is kept.

But: ties between partitions of equal Q are decided by the seed, and how stable a community is
under another seed is not measured here.
"""

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import igraph as ig
import leidenalg
from pydantic import BaseModel, ConfigDict, Field

from kg.errors import ConfigError
from kg.hybrid_graph import HybridGraph

_DIGITS = 9
"""Qualities are compared after rounding to so many decimals."""


class LeidenConfig(BaseModel):
    """How a graph is cut."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    resolution: float = Field(default=1.0, gt=0)
    """Gamma: higher gives more and smaller communities."""

    n_iterations: int = Field(default=10, ge=1)
    """Leiden iterations of each start, at most. But: there is no going on until nothing changes,
    because igraph 1.0 then never returns where two moves differ by less than rounding."""

    n_starts: int = Field(default=5, ge=1)
    """Runs from different seeds, of which the best is kept."""

    seed: int = Field(default=0, ge=0)

    max_edges_leidenalg: int = Field(default=5_000, ge=0)
    """A graph with more edges is cut by igraph's own Leiden instead of leidenalg's. Both look for
    the same thing and find partitions of equal modularity; igraph's is about 15 times as fast."""

    min_size: int = Field(default=6, ge=2)
    """Communities of fewer statements are not cut."""

    min_gain: float = Field(default=0.1, ge=0)
    """A cut that gains less modularity is not made; the top level is always cut."""

    max_levels: int = Field(default=5, ge=1)


@dataclass(frozen=True)
class Branch:
    """A community and what it is cut into; the children partition the members."""

    members: tuple[int, ...]
    """Vertices, ascending."""

    children: tuple["Branch", ...]
    """Largest first, ties by smallest member; none, or two and more."""


@dataclass(frozen=True)
class Hierarchy:
    """Communities that partition the vertices, with all their sub-communities."""

    roots: tuple[Branch, ...]
    modularity: float
    """Of the top level, at the resolution of the cut; 0 for a graph without edges."""

    def walk(self) -> Iterator[tuple[tuple[int, ...], Branch]]:
        """Yield every branch with its path of ordinals, parents before their children."""
        yield from _walk((), self.roots)

    def n_levels(self) -> int:
        """Return the length of the longest path; 0 if there is no community."""
        return max((len(path) for path, _ in self.walk()), default=0)


def leiden_hierarchy(graph: HybridGraph, config: LeidenConfig) -> Hierarchy:
    """Cut a graph into communities, and those again while that is better than leaving them.

    Raises:
        ConfigError: A weight is not a number, not finite, or negative.
    """
    whole = _with_positive_weights(as_igraph(graph))
    partition = leiden_partition(whole, config)
    everyone = _Piece(whole, range(whole.vcount()), level=1)
    return Hierarchy(
        roots=_branches(everyone, partition, config),
        modularity=modularity(whole, _membership(partition), config.resolution),
    )


def leiden_partition(graph: ig.Graph, config: LeidenConfig) -> list[list[int]]:
    """Return the communities of a graph with edge weights: largest first, ties by least vertex.

    A vertex without edges is a community of its own; an edge of weight 0 is none.

    Raises:
        ConfigError: A weight is not a number, not finite, or negative.
    """
    graph = _with_positive_weights(graph)
    if graph.ecount() == 0:
        return [[vertex] for vertex in range(graph.vcount())]
    best: list[int] = []
    best_quality = -math.inf
    for start in range(config.n_starts):
        found = _cut_once(graph, config, (config.seed * config.n_starts + start) % 2**31)
        quality = round(modularity(graph, found, config.resolution), _DIGITS)
        if quality > best_quality:
            best, best_quality = found, quality
    return _in_order(best)


def _cut_once(graph: ig.Graph, config: LeidenConfig, seed: int) -> list[int]:
    """Return each vertex's community after one run of Leiden."""
    if graph.ecount() <= config.max_edges_leidenalg:
        partition = leidenalg.RBConfigurationVertexPartition(
            graph, weights="weight", resolution_parameter=config.resolution
        )
        optimiser = leidenalg.Optimiser()
        optimiser.set_rng_seed(seed)
        for _ in range(config.n_iterations):
            if optimiser.optimise_partition(partition, n_iterations=1) <= 0:
                break
        return partition.membership
    # igraph draws from one generator for the whole process, which is Python's unless it is told.
    ig.set_random_number_generator(random.Random(seed))  # noqa: S311
    try:
        return graph.community_leiden(
            objective_function="modularity",  # its default is another, at which all stay alone
            weights="weight",
            resolution=config.resolution,
            n_iterations=config.n_iterations,
        ).membership
    finally:
        ig.set_random_number_generator(random)


def modularity(graph: ig.Graph, membership: Sequence[int], resolution: float = 1.0) -> float:
    """Return Q of a partition, with each vertex's community; 0 for a graph without edges."""
    if not any(graph.es["weight"] if graph.ecount() else ()):
        return 0.0
    return graph.modularity(membership, weights="weight", resolution=resolution, directed=False)


def as_igraph(graph: HybridGraph) -> ig.Graph:
    """Return the graph with vertex i for `statement_ids[i]`."""
    # igraph reads a list of tuples six times as fast as an array.
    edges = list(zip(graph.head.tolist(), graph.tail.tolist(), strict=True))
    weights = graph.weight.tolist()
    return ig.Graph(len(graph.statement_ids), edges, edge_attrs={"weight": weights})


@dataclass(frozen=True)
class _Piece:
    """A part of the whole graph, as a graph of its own."""

    graph: ig.Graph
    vertices: Sequence[int]
    """What each vertex of the piece is in the whole; ascending."""

    level: int


def _branches(
    piece: _Piece, partition: list[list[int]], config: LeidenConfig
) -> tuple[Branch, ...]:
    """Return the communities of a cut, each cut as far as that goes."""
    return tuple(_branch(piece, members, config) for members in partition)


def _branch(piece: _Piece, members: list[int], config: LeidenConfig) -> Branch:
    vertices = tuple(piece.vertices[member] for member in members)
    if len(members) < config.min_size or piece.level >= config.max_levels:
        return Branch(vertices, ())
    inner = _Piece(piece.graph.induced_subgraph(members), vertices, piece.level + 1)
    return Branch(vertices, _branches(inner, _cut(inner.graph, config), config))


def _cut(graph: ig.Graph, config: LeidenConfig) -> list[list[int]]:
    """Return the communities of a community, or none if it is better left whole."""
    partition = _nobody_alone(graph, leiden_partition(graph, config))
    if len(partition) < 2:
        return []
    uncut = 1 - config.resolution
    gain = modularity(graph, _membership(partition), config.resolution) - uncut
    return partition if gain >= config.min_gain else []


def _nobody_alone(graph: ig.Graph, partition: list[list[int]]) -> list[list[int]]:
    """Move everyone who is alone to the community that they are most strongly tied to."""
    membership = _membership(partition)
    alone = {members[0] for members in partition if len(members) == 1}
    if len(alone) == len(partition):
        return []
    edges = list(zip(graph.get_edgelist(), graph.es["weight"], strict=True))
    while alone:
        ties: dict[int, dict[int, float]] = {vertex: {} for vertex in alone}
        for ends, weight in edges:
            for vertex, other in (ends, ends[::-1]):
                if vertex in alone and other not in alone:
                    strength = ties[vertex].get(membership[other], 0.0)
                    ties[vertex][membership[other]] = strength + weight
        moved = {vertex: found for vertex, found in ties.items() if found}
        assert moved, "a community is connected"
        for vertex, found in moved.items():
            membership[vertex] = min(found, key=lambda one: (-round(found[one], _DIGITS), one))
        alone -= moved.keys()
    return _in_order(membership)


def _with_positive_weights(graph: ig.Graph) -> ig.Graph:
    """Return the graph without its edges of weight 0, which are no ties.

    igraph checks no weight: with one that is no number it returns nonsense.
    """
    weights = graph.es["weight"] if graph.ecount() else []
    for ends, weight in zip(graph.get_edgelist(), weights, strict=True):
        if not (math.isfinite(weight) and weight >= 0):
            raise ConfigError(f"the edge {ends} weighs {weight}: a weight is finite, and 0 or more")
    if all(weights):
        return graph
    positive = graph.copy()
    positive.delete_edges([edge for edge, weight in enumerate(weights) if weight == 0])
    return positive


def _membership(partition: Sequence[Sequence[int]]) -> list[int]:
    membership = [0] * sum(map(len, partition))
    for ordinal, members in enumerate(partition):
        for member in members:
            membership[member] = ordinal
    return membership


def _in_order(membership: Sequence[int]) -> list[list[int]]:
    """Return the communities with ascending members, largest first, ties by least member."""
    communities: dict[int, list[int]] = {}
    for vertex, community in enumerate(membership):
        communities.setdefault(community, []).append(vertex)
    return sorted(communities.values(), key=lambda members: (-len(members), members[0]))


def _walk(
    path: tuple[int, ...], branches: Sequence[Branch]
) -> Iterator[tuple[tuple[int, ...], Branch]]:
    for ordinal, branch in enumerate(branches):
        yield (*path, ordinal), branch
        yield from _walk((*path, ordinal), branch.children)
