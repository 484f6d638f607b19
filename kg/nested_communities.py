"""A hierarchy of communities as columns, and how it grows.

Nothing here is an object per community or vertex, unless it is asked for (`Hierarchy.walk`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kg.partition_quality import Floats, Ints, Labels


class Standing(NamedTuple):
    """How sure a cut is (`kg.stability`), and how well its communities hold together."""

    certainty: Floats
    """Of each vertex that was cut; NaN if it is alone or was not measured."""

    stability: Floats
    """Of each community; NaN for a community of one, or if it was not measured."""

    chance_stability: Floats
    """What communities of random graphs reach; NaN where there is no stability."""

    is_well_connected: NDArray[np.bool_]

    def only(self, kept: NDArray[np.bool_], labels: Labels) -> "Standing":
        """Return what is known of these vertices and of the communities that they are."""
        chosen = np.unique(labels[kept])
        return Standing(
            self.certainty[kept],
            self.stability[chosen],
            self.chance_stability[chosen],
            self.is_well_connected[chosen],
        )


def unmeasured(n: int, connected: NDArray[np.bool_]) -> Standing:
    """Return the standing of a cut of n vertices of which no stability is known."""
    unknown = np.full(len(connected), np.nan)
    return Standing(np.full(n, np.nan), unknown, unknown, connected)


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

    certainty: Floats
    """How surely each vertex belongs to its deepest community, given that it belongs to the one
    above it, in (0, 1]; NaN if it is alone or was not measured."""

    stability: Floats
    """Of each community, in (0, 1]; NaN for one vertex, or if it was not measured."""

    chance_stability: Floats
    """Of each community: what those of random graphs reach."""

    is_well_connected: NDArray[np.bool_]

    modularity: float
    """Of the top level, at the resolution of the cut; 0 for a graph without edges."""

    @property
    def n_communities(self) -> int:
        """How many communities there are, on all levels."""
        return len(self.parent)

    @property
    def n_unstable(self) -> int:
        """How many communities are no more stable than those of random graphs."""
        return int((self.stability <= self.chance_stability).sum())

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


class TreeBuilder:
    """A hierarchy as it grows: each step adds the communities that some others are cut into."""

    def __init__(self, n: int) -> None:
        self.home = np.zeros(n, dtype=np.int64)
        """The deepest community of each vertex, numbered as they were added."""

        self._parent: list[NDArray[np.int64]] = []
        self._size: list[NDArray[np.int64]] = []
        self._certainty = np.full(n, np.nan)
        self._standings: list[Standing] = []

    def add(self, vertices: Ints, labels: Labels, standing: Standing) -> None:
        """Add communities: `labels` numbers them from 0, siblings side by side and in order."""
        self._standings.append(standing)
        self._certainty[vertices] = standing.certainty
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
            certainty=self._certainty,
            stability=np.concatenate([each.stability for each in self._standings])[order],
            chance_stability=np.concatenate([each.chance_stability for each in self._standings])[
                order
            ],
            is_well_connected=np.concatenate([each.is_well_connected for each in self._standings])[
                order
            ],
            modularity=quality,
        )
