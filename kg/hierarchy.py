"""Communities within communities: from the top down, or from the bottom up.

**From the top down.** The graph is cut into communities by modularity, and the subgraph of each
community again by its own, until a community is too small, or no cut of it is better than none.
The gain of a cut is its modularity in the subgraph less that of the uncut subgraph, which is
1 - gamma. Even a random graph can be cut with some gain, so `min_gain` has to be passed. Below the
top a cut never leaves anyone alone: a statement that Leiden would set apart goes to the community
that it is most strongly tied to. All communities of a level are cut by one call (`kg.leiden`), and
everything around it is done on columns: no object per community, vertex or edge.

**From the bottom up.** The smallest communities come first, at the resolution gamma step^(L-1) of L
levels; then they are joined at resolutions lower by one step each, on graphs whose vertices are the
communities so far. Each statement is looked at once, so this costs about a third of the above, but
communities can only be joined and never corrected: the modularity of the top level is lower by some
per cent. A community that is joined with no other on the next level is listed once.

In both, children partition their parent, and there are two or more of them. Statements are in the
order of their ids, communities are numbered from the largest, ties by least member, and random
choices follow from the seed: the same graph and configuration give the same hierarchy.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kg.hybrid_graph import HybridGraph
from kg.leiden import (
    Labels,
    LeidenConfig,
    checked,
    contracted,
    cut,
    cut_masses,
    masses_of,
    numbered,
)
from kg.partition_quality import Floats, Ints, Pieces, modularities, modularity, summed

_DIGITS = 9
"""Strengths are compared after rounding to so many decimals."""


_MOST_ALONE = 0.1
"""From bottom up, a resolution that leaves more than this share of the statements alone is none
to begin with: whom they join then would be decided by one tie each."""


@dataclass(frozen=True)
class Branch:
    """A community and what it is cut into; the children partition the members."""

    members: tuple[int, ...]
    """Vertices, ascending."""

    children: tuple["Branch", ...]
    """Largest first, ties by smallest member; none, or two and more."""


@dataclass(frozen=True)
class Hierarchy:
    """Communities that partition the vertices, with all their sub-communities, as columns.

    Communities are numbered depth first, parents before their children, siblings largest first
    with ties by least member: the parts of community c are c + 1 to `last[c]`.
    """

    parent: NDArray[np.int64]
    """Of each community; -1 at the top."""

    level: NDArray[np.int64]
    """0 at the top."""

    ordinal: NDArray[np.int64]
    """Place among its siblings, from 0."""

    last: NDArray[np.int64]
    """The last community that lies within; itself if it is whole."""

    size: NDArray[np.int64]
    """Statements of each community, those of its parts included."""

    home: NDArray[np.int64]
    """The deepest community of each vertex."""

    modularity: float
    """Of the top level, at the resolution of the cut; 0 for a graph without edges."""

    @property
    def n_communities(self) -> int:
        """How many communities there are, on all levels."""
        return len(self.parent)

    @property
    def top(self) -> NDArray[np.int64]:
        """The community of each vertex at the top level, from 0 in their order."""
        return self.at(0)

    @property
    def roots(self) -> tuple[Branch, ...]:
        """The communities of the top level, each with all its branch."""
        return tuple(branch for path, branch in self.walk() if len(path) == 1)

    def n_levels(self) -> int:
        """Return the length of the longest path; 0 if there is no community."""
        return int(self.level.max()) + 1 if len(self.level) else 0

    def at(self, level: int) -> NDArray[np.int64]:
        """Return the community of each vertex on this level, or its deepest above it."""
        found = self.home.copy()
        deeper = np.flatnonzero(self.level[found] > level) if len(found) else found
        while len(deeper):
            found[deeper] = self.parent[found[deeper]]
            deeper = deeper[self.level[found[deeper]] > level]
        return found if level else np.unique(found, return_inverse=True)[1].astype(np.int64)

    def paths(self) -> list[tuple[int, ...]]:
        """Return the ordinals from the top to each community."""
        paths: list[tuple[int, ...]] = []
        for above, ordinal in zip(self.parent.tolist(), self.ordinal.tolist(), strict=True):
            paths.append((*paths[above], ordinal) if above >= 0 else (ordinal,))
        return paths

    def walk(self) -> Iterator[tuple[tuple[int, ...], Branch]]:
        """Yield every branch with its path of ordinals, parents before their children."""
        order = np.argsort(self.home, kind="stable")
        bounds = np.searchsorted(self.home[order], np.arange(self.n_communities + 1))
        last = self.last.tolist()
        branches: list[Branch] = [Branch((), ())] * self.n_communities
        held: list[list[Branch]] = [[] for _ in range(self.n_communities)]
        for community in reversed(range(self.n_communities)):
            members = order[bounds[community] : bounds[last[community] + 1]]
            children = tuple(held[community][::-1])
            branches[community] = Branch(tuple(np.sort(members).tolist()), children)
            if (above := int(self.parent[community])) >= 0:
                held[above].append(branches[community])
        yield from zip(self.paths(), branches, strict=True)


def leiden_hierarchy(
    graph: HybridGraph, config: LeidenConfig, layers: Mapping[str, float] | None = None
) -> Hierarchy:
    """Cut a graph into communities, and those again while that is better than leaving them.

    Args:
        graph: The statements and what ties them.
        config: How to cut.
        layers: Columns of the graph, each with what it counts for, to be cut as a multiplex:
            each is compared with its own chance. None: the weight, as one layer.

    Raises:
        ConfigError: A weight is not a number, not finite, or negative.
    """
    pieces = checked(graph, layers)
    if config.direction == "bottom_up":
        return _bottom_up(pieces, config)
    return _top_down(pieces, config)


def _top_down(pieces: Pieces, config: LeidenConfig) -> Hierarchy:
    labels = numbered(pieces.part, cut(pieces, config, config.seed))
    quality = modularity(pieces, labels, config.resolution)
    tree = _Tree(pieces.n)
    tree.add(np.arange(pieces.n), labels)
    vertices = np.arange(pieces.n)
    for _ in range(config.max_levels - 1):
        inner = _inside(pieces, labels, np.bincount(labels) >= config.min_size)
        vertices, pieces = vertices[inner.vertices], inner.pieces
        labels = numbered(pieces.part, cut(pieces, config, config.seed))
        labels = numbered(pieces.part, _nobody_alone(pieces, labels))
        better = _is_better(pieces, labels, config)[pieces.part]
        if not better.any():
            break
        vertices, pieces = vertices[better], _only(pieces, better)
        labels = numbered(pieces.part, labels[better])
        tree.add(vertices, labels)
    return tree.hierarchy(quality)


def _is_better(pieces: Pieces, labels: Labels, config: LeidenConfig) -> NDArray[np.bool_]:
    """Return whether the cut of each part gains enough over leaving it whole."""
    sizes = np.bincount(labels)
    part_of = np.zeros(len(sizes), dtype=np.int64)
    part_of[labels] = pieces.part
    n_communities = np.bincount(part_of, minlength=pieces.n_parts)
    n_alone = np.bincount(part_of[sizes == 1], minlength=pieces.n_parts)
    gain = modularities(pieces, labels, config.resolution) - (1 - config.resolution)
    is_better: NDArray[np.bool_] = gain >= config.min_gain
    is_better &= (n_communities > 1) & (n_alone == 0)
    return is_better


class _Inner(NamedTuple):
    """Some communities as parts of a graph of their own."""

    vertices: NDArray[np.int64]
    """What each vertex was before; by community, then ascending."""

    pieces: Pieces


def _inside(pieces: Pieces, labels: Labels, chosen: NDArray[np.bool_]) -> _Inner:
    """Return the subgraphs of the chosen communities, side by side in the order of labels."""
    vertices = np.argsort(labels, kind="stable")
    vertices = vertices[chosen[labels[vertices]]]
    part = np.unique(labels[vertices], return_inverse=True)[1].astype(np.int64)
    held = (labels[pieces.head] == labels[pieces.tail]) & chosen[labels[pieces.head]]
    return _Inner(vertices, _taken(pieces, vertices, held, part))


def _only(pieces: Pieces, kept: NDArray[np.bool_]) -> Pieces:
    """Return the parts whose vertices are kept."""
    part = np.unique(pieces.part[kept], return_inverse=True)[1].astype(np.int64)
    return _taken(pieces, np.flatnonzero(kept), kept[pieces.head], part)


def _taken(pieces: Pieces, vertices: Ints, edges: NDArray[np.bool_], part: Labels) -> Pieces:
    place = np.zeros(pieces.n, dtype=np.int64)
    place[vertices] = np.arange(len(vertices))
    layers = None if pieces.layers is None else pieces.layers[:, edges]
    head, tail = place[pieces.head[edges]], place[pieces.tail[edges]]
    return Pieces(part, head, tail, pieces.weight[edges], layers)


def _nobody_alone(pieces: Pieces, labels: Labels, sizes: Floats | None = None) -> Labels:
    """Move everyone who is alone to the community that they are most strongly tied to.

    Ties between communities go to the lower label. Who is tied only to others who are alone
    stays so.

    Args:
        pieces: The graph.
        labels: The community of each vertex.
        sizes: How many statements each vertex stands for; one if not said.
    """
    labels = labels.copy()
    while len(labels):
        alone = np.bincount(labels, sizes)[labels] == 1
        ties = _ties_of(alone, pieces, labels)
        if not len(ties.vertex):
            break
        order = np.lexsort((ties.community, -np.round(ties.strength, _DIGITS), ties.vertex))
        vertex, first = np.unique(ties.vertex[order], return_index=True)
        labels[vertex] = ties.community[order][first]
    return labels


class _Ties(NamedTuple):
    """How strongly vertices are tied to communities."""

    vertex: NDArray[np.int64]
    community: NDArray[np.int64]
    strength: NDArray[np.float64]


def _ties_of(alone: NDArray[np.bool_], pieces: Pieces, labels: Labels) -> _Ties:
    """Return how those who are alone are tied to those who are not."""
    forth = np.flatnonzero(alone[pieces.head] & ~alone[pieces.tail])
    back = np.flatnonzero(alone[pieces.tail] & ~alone[pieces.head])
    vertex = np.concatenate([pieces.head[forth], pieces.tail[back]])
    other = np.concatenate([pieces.tail[forth], pieces.head[back]])
    weight = pieces.weight[np.concatenate([forth, back])]
    n = int(labels.max()) + 1
    keys, where = np.unique(vertex * n + labels[other], return_inverse=True)
    return _Ties(keys // n, keys % n, summed(where, weight, len(keys)))


def _bottom_up(pieces: Pieces, config: LeidenConfig) -> Hierarchy:
    columns: list[Labels] = []  # the community of each vertex, from the finest level up
    masses, sizes = masses_of(pieces, pieces.weight), np.ones(pieces.n)
    graph, column = pieces, np.arange(pieces.n)
    for power in reversed(range(min(config.bottom_up_levels, config.max_levels))):
        labels = numbered(graph.part, cut_masses(graph, masses, config, config.seed, power))
        if power and _share_alone(graph, labels, sizes) > _MOST_ALONE:
            continue  # too fine for this graph
        labels = numbered(graph.part, _nobody_alone(graph, labels, sizes))
        column, sizes = labels[column], summed(labels, sizes, int(labels.max(initial=-1)) + 1)
        graph, masses = contracted(graph, masses, labels)
        columns.append(column)
    labels = columns[-1]
    tree = _Tree(pieces.n)
    tree.add(np.arange(pieces.n), labels)
    for finer in columns[-2::-1]:
        split = _is_split(tree.home, finer, config.min_size)[tree.home]
        if split.any():
            vertices = np.flatnonzero(split)
            tree.add(vertices, numbered(tree.home[vertices], finer[vertices]))
    return tree.hierarchy(modularity(pieces, labels, config.resolution))


def _share_alone(pieces: Pieces, labels: Labels, sizes: Floats) -> float:
    """Return the share of the statements with ties that are left alone."""
    tied = pieces.strength() > 0
    alone = summed(labels, sizes, int(labels.max(initial=-1)) + 1)[labels] == 1
    return float((tied & alone).sum() / max(1.0, sizes[tied].sum()))


def _is_split(home: Ints, finer: Labels, min_size: int) -> NDArray[np.bool_]:
    """Return whether the finer level cuts each community in two or more, leaving nobody alone."""
    above = np.zeros(int(finer.max(initial=-1)) + 1, dtype=np.int64)
    above[finer] = home
    sizes = np.bincount(finer)
    n = int(home.max(initial=-1)) + 1
    n_parts = np.bincount(above[sizes > 0], minlength=n)
    n_alone = np.bincount(above[sizes == 1], minlength=n)
    is_large: NDArray[np.bool_] = np.bincount(home, minlength=n) >= min_size
    is_large &= (n_parts > 1) & (n_alone == 0)
    return is_large


class _Tree:
    """A hierarchy as it grows: each step adds the communities that some others are cut into."""

    def __init__(self, n: int) -> None:
        self.home = np.zeros(n, dtype=np.int64)
        """The deepest community of each vertex, numbered as they were added."""

        self._parent: list[NDArray[np.int64]] = []
        self._size: list[NDArray[np.int64]] = []

    def add(self, vertices: Ints, labels: Labels) -> None:
        """Add communities: `labels` numbers them from 0, siblings side by side and in order."""
        first = sum(map(len, self._size))
        parent = np.full(int(labels.max()) + 1 if len(labels) else 0, -1)
        if self._size:
            parent[labels] = self.home[vertices]
        self._parent.append(parent)
        self._size.append(np.bincount(labels))
        self.home[vertices] = labels + first

    def hierarchy(self, quality: float) -> Hierarchy:
        """Return all that was added, numbered depth first."""
        parent, size = np.concatenate(self._parent), np.concatenate(self._size)
        n = len(parent)
        bounds = np.cumsum([0, *map(len, self._size)])
        steps = [np.arange(a, b) for a, b in pairwise(bounds.tolist())]
        within = np.ones(n, dtype=np.int64)  # communities in each branch
        for step in steps[:0:-1]:
            np.add.at(within, parent[step], within[step])
        place, level, ordinal = (np.zeros(n, dtype=np.int64) for _ in range(3))
        for step in steps:
            before = np.cumsum(within[step]) - within[step]
            is_first = np.ones(len(step), dtype=bool)
            is_first[1:] = parent[step][1:] != parent[step][:-1]
            eldest = np.flatnonzero(is_first)[np.cumsum(is_first) - 1]
            ordinal[step] = np.arange(len(step)) - eldest
            place[step] = before - before[eldest]
            if step is not steps[0]:
                place[step] += place[parent[step]] + 1
                level[step] = level[parent[step]] + 1
        order = np.argsort(place)
        above = np.where(parent >= 0, place[parent], -1) if n else parent
        return Hierarchy(
            parent=above[order],
            level=level[order],
            ordinal=ordinal[order],
            last=(place + within - 1)[order],
            size=size[order],
            home=place[self.home] if n else self.home,
            modularity=quality,
        )
