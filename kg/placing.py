"""Where new statements belong among communities that stand, and who has to move because of them.

Only statements whose ties changed are free; all others stay where they are. The free ones are
visited in turn, and each goes to the top-level community that gains most modularity by it, the
local moving of Leiden and Louvain from the standing memberships (Traag, Waltman & van Eck, 2019,
doi:10.1038/s41598-019-41695-z; Blondel et al., 2008, doi:10.1088/1742-5468/2008/10/P10008),

    gain(v into C) = w(v, C) - gamma k_v K_C / 2m,

with w(v, C) the weight of v's ties to C, k_v that of all its ties, K_C that of all ties of the
members of C, m that of all ties. A statement that moves sets its free neighbours free again. A new
statement begins alone, so new statements that tie only among themselves come together; what they
form joins a standing community if that gains more, and stays a community of its own if not. One
without ties stays alone.

A statement that stood before moves only if the change is the reason: its gain has to be more
than it would have had before, for a partition that is a consensus is not a local optimum, and
would otherwise be improved wherever somebody looks.

Below the top, a statement that is new in a community goes to the child that gains most in the
subgraph of that community, and so down to a community that is not cut.

But: standing communities are neither split nor merged here; that takes a full run.
"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

Places = NDArray[np.intp]
Weights = NDArray[np.float64]

NOWHERE = -1
"""The community of a statement that has none yet."""

_LEAST_GAIN = 1e-9
"""Gains are sums of single-precision weights; less than this is rounding."""

_LEAST_CHANGE = 0.05
"""Of the weight of all its ties: by less more gain than before, a statement does not move."""

_MOST_VISITS = 20
"""Of each free statement in the mean; where moves would go in circles by rounding, they end."""


@dataclass(frozen=True)
class Ties:
    """A weighted graph of n vertices; row i ties `head[i]` to `tail[i]`."""

    n: int
    head: Places
    tail: Places
    weight: Weights

    @cached_property
    def strengths(self) -> Weights:
        """The weight of all ties of each vertex."""
        at_head = np.bincount(self.head, self.weight, self.n)
        at_tail = np.bincount(self.tail, self.weight, self.n)
        return np.add(at_head, at_tail, dtype=np.float64)

    @cached_property
    def _rows(self) -> csr_array:
        """Each tie in the row of its head."""
        ends = self.head, self.tail
        return csr_array((self.weight, ends), shape=(self.n, self.n))

    def among(self, vertices: Places) -> "Ties":
        """Return the ties between some vertices, which are numbered in the order given."""
        rows = self._rows
        place = np.full(self.n, NOWHERE, dtype=np.intp)
        place[vertices] = np.arange(len(vertices))
        starts = rows.indptr[vertices].astype(np.intp)
        counts = rows.indptr[vertices + 1] - starts
        ends = np.cumsum(counts)
        at = np.arange(counts.sum()) + np.repeat(starts - (ends - counts), counts)
        tail = place[rows.indices[at]]
        there = tail != NOWHERE
        head = np.repeat(np.arange(len(vertices)), counts)[there]
        return Ties(len(vertices), head, tail[there], rows.data[at][there])

    def parts(self) -> Places:
        """Return the number of the connected part of each vertex."""
        return np.asarray(connected_components(self._rows, directed=False)[1], dtype=np.intp)

    def inside(self, community: Places) -> "Ties":
        """Return the ties between members of one community; `NOWHERE` is none."""
        within = (community[self.head] == community[self.tail]) & (community[self.head] != NOWHERE)
        return Ties(self.n, self.head[within], self.tail[within], self.weight[within])

    def around(self, vertices: Places) -> "Around":
        """Return the ties of these vertices, which are ascending."""
        wanted = np.zeros(self.n, dtype=bool)
        wanted[vertices] = True
        at_head, at_tail = np.flatnonzero(wanted[self.head]), np.flatnonzero(wanted[self.tail])
        ends = np.concatenate([self.head[at_head], self.tail[at_tail]])
        order = np.argsort(ends, kind="stable")
        others = np.concatenate([self.tail[at_head], self.head[at_tail]])
        weights = np.concatenate([self.weight[at_head], self.weight[at_tail]])
        return Around(vertices, ends[order], others[order], weights[order])


class Around:
    """The ties of some vertices; one between two of them comes twice."""

    def __init__(self, vertices: Places, ends: Places, others: Places, weights: Weights) -> None:
        """Take columns of ties.

        Args:
            vertices: Ascending.
            ends: Which of the vertices each tie is of, ascending.
            others: The other end.
            weights: Of the ties.
        """
        self.vertices, self.ends, self.others, self.weights = vertices, ends, others, weights
        starts = np.searchsorted(ends, vertices, side="left").tolist()
        stops = np.searchsorted(ends, vertices, side="right").tolist()
        self._rows = dict(zip(vertices.tolist(), map(slice, starts, stops), strict=True))

    def __contains__(self, vertex: int) -> bool:
        return vertex in self._rows

    def __getitem__(self, vertex: int) -> Iterator[tuple[int, float]]:
        """Return the neighbours of one of the vertices, with the weights of the ties."""
        row = self._rows[vertex]
        return zip(self.others[row].tolist(), self.weights[row].tolist(), strict=True)


def modularity_of(ties: Ties, community: Places, resolution: float) -> float:
    """Return Q of a partition, in [-1/2, 1] at a resolution of 1; 0 for a graph without ties."""
    twice = 2 * ties.weight.sum()
    if not twice:
        return 0.0
    within = 2 * ties.weight[community[ties.head] == community[ties.tail]].sum()
    totals = np.bincount(community, ties.strengths)
    return float(within / twice - resolution * np.sum((totals / twice) ** 2))


def best_gains(
    ties: Ties, community: Places, around: Around, resolution: float
) -> Mapping[int, float]:
    """Return what each of some vertices would gain by moving to the community best for it.

    It is below 0 where staying is best, and 0 without another community to go to.
    """
    vertices, ends, others = around.vertices, around.ends, around.others
    row = np.zeros(ties.n, dtype=np.intp)
    row[vertices] = np.arange(len(vertices))
    totals = np.bincount(community, ties.strengths)
    keys, which = np.unique(row[ends] * len(totals) + community[others], return_inverse=True)
    tied = np.bincount(which, around.weights, len(keys))
    row, place = np.divmod(keys, max(1, len(totals)))
    own, strength = community[vertices], ties.strengths[vertices]
    pull = strength * _scale(ties, resolution)
    is_own = place == own[row]
    stay = -pull * (totals[own] - strength)
    stay[row[is_own]] += tied[is_own]
    most = np.full(len(vertices), -np.inf)
    np.maximum.at(most, row[~is_own], (tied - pull[row] * totals[place] - stay[row])[~is_own])
    most[np.isneginf(most)] = 0
    return dict(zip(vertices.tolist(), most.tolist(), strict=True))


def _scale(ties: Ties, resolution: float) -> float:
    return resolution / max(2 * float(ties.weight.sum()), _LEAST_GAIN)


class Rules(NamedTuple):
    """How vertices may move."""

    resolution: float
    """Gamma."""

    gains_before: Mapping[int, float]
    """What vertices would have gained by moving before the ties changed; 0 if one is missing."""

    first_new: int
    """Communities that new vertices form have numbers from here on."""


def moved_locally(ties: Ties, community: Places, free: Places, rules: Rules) -> Places:
    """Return each vertex's community after the free ones have gone where they gain most.

    Args:
        ties: The graph.
        community: Of each vertex; `NOWHERE` for those that are new.
        free: Ascending; all that are new, and those that may move.
        rules: How.
    """
    is_new = community == NOWHERE
    alone = community.copy()
    alone[is_new] = rules.first_new + np.arange(is_new.sum())
    around = ties.around(free)
    state = _State(ties, alone, around, rules.resolution)
    bars = {
        vertex: gain + _LEAST_CHANGE * state.strength[vertex]
        for vertex, gain in rules.gains_before.items()
        if gain > 0
    }
    gains = best_gains(ties, alone, around, rules.resolution)
    first = [
        vertex
        for vertex, new in zip(free.tolist(), is_new[free].tolist(), strict=True)
        if new or gains[vertex] > max(_LEAST_GAIN, bars.get(vertex, 0.0))
    ]
    state.settle(first, bars)
    while state.merge_from(rules.first_new):
        state.settle(np.flatnonzero(is_new).tolist(), bars)
    return np.array(state.community, dtype=np.intp)


class _State:
    """The communities while vertices move, with the weight of each."""

    def __init__(self, ties: Ties, community: Places, around: Around, resolution: float) -> None:
        self.neighbours = around
        self.strength: list[float] = ties.strengths.tolist()
        self.community: list[int] = community.tolist()
        self.total: list[float] = np.bincount(community, self.strength).tolist()
        self.scale = _scale(ties, resolution)

    def best_move(self, vertex: int) -> tuple[int, float]:
        """Return the other community that gains most by a vertex, and how much more than now."""
        own = self.community[vertex]
        weights: dict[int, float] = {}
        for other, weight in self.neighbours[vertex]:
            place = self.community[other]
            weights[place] = weights.get(place, 0.0) + weight
        pull = self.strength[vertex] * self.scale
        stay = weights.pop(own, 0.0) - pull * (self.total[own] - self.strength[vertex])
        best, most = own, -np.inf
        for place in sorted(weights):
            gain = weights[place] - pull * self.total[place] - stay
            if gain > most + _LEAST_GAIN:
                best, most = place, gain
        return (best, most) if best != own else (own, 0.0)

    def settle(self, vertices: Sequence[int], bars: Mapping[int, float]) -> None:
        """Move vertices, and those they set free, until none gains by it."""
        waiting, queued = deque(vertices), set(vertices)
        visits = _MOST_VISITS * len(self.neighbours.vertices)
        while waiting and visits:
            visits -= 1
            vertex = waiting.popleft()
            queued.discard(vertex)
            place, gain = self.best_move(vertex)
            if gain <= max(_LEAST_GAIN, bars.get(vertex, 0.0)):
                continue
            self.total[self.community[vertex]] -= self.strength[vertex]
            self.total[place] += self.strength[vertex]
            self.community[vertex] = place
            for other, _ in self.neighbours[vertex]:
                is_free = other in self.neighbours and other not in queued
                if is_free and self.community[other] != place:
                    waiting.append(other)
                    queued.add(other)

    def merge_from(self, first: int) -> bool:
        """Join whole communities from this number on to others where that gains; say if any did."""
        members: dict[int, list[int]] = {}
        for vertex in self.neighbours.vertices.tolist():
            if self.community[vertex] >= first:
                members.setdefault(self.community[vertex], []).append(vertex)
        merged = False
        for place in sorted(members):
            weights: dict[int, float] = {}
            for vertex in members[place]:
                for other, weight in self.neighbours[vertex]:
                    beside = self.community[other]
                    weights[beside] = weights.get(beside, 0.0) + weight
            weights.pop(place, None)
            gains = {
                beside: weight - self.total[place] * self.total[beside] * self.scale
                for beside, weight in weights.items()
            }
            best = min(gains, key=lambda beside: (-gains[beside], beside), default=place)
            if best == place or gains[best] <= _LEAST_GAIN:
                continue
            self.total[best] += self.total[place]
            self.total[place] = 0.0
            for vertex in members[place]:
                self.community[vertex] = best
            members.get(best, []).extend(members[place])
            merged = True
        return merged


def placed_below(
    ties: Ties, parent: Places, child: Places, vertices: Places, resolution: float
) -> Places:
    """Return the child of its parent that each of these vertices goes to, in their order.

    Args:
        ties: The graph.
        parent: The community of each vertex on one level; `NOWHERE` for those it is not about.
        child: The community of each vertex on the next level down; `NOWHERE` for those of
            `vertices`, who stay there if nobody else is left in their parent.
        vertices: Whom to place; those with the strongest ties to placed ones are not first, but
            who is tied to none of them waits for the others.
        resolution: Gamma.
    """
    within = ties.inside(parent)
    strength = within.strengths
    twice = 2 * np.bincount(parent[within.head], within.weight, int(parent.max()) + 1)
    is_placed = child != NOWHERE
    total: list[float] = np.bincount(child[is_placed], strength[is_placed]).tolist()
    neighbours = within.around(vertices)
    found: dict[int, int] = {}

    def choose(vertex: int) -> int:
        weights: dict[int, float] = {}
        for other, weight in neighbours[vertex]:
            place = found.get(other, int(child[other]))
            if place != NOWHERE:
                weights[place] = weights.get(place, 0.0) + weight
        scale = resolution * strength[vertex] / max(twice[parent[vertex]], _LEAST_GAIN)
        return min(
            weights, key=lambda one: (-(weights[one] - scale * total[one]), one), default=NOWHERE
        )

    waiting = vertices.tolist()
    while waiting:
        left = []
        for vertex in waiting:
            place = choose(vertex)
            if place == NOWHERE:
                left.append(vertex)
            else:
                found[vertex] = place
                total[place] += strength[vertex]
        if len(left) == len(waiting):
            found |= {vertex: _largest_child(parent, child, vertex) for vertex in left}
            break
        waiting = left
    return np.array([found[vertex] for vertex in vertices.tolist()], dtype=np.intp)


def _largest_child(parent: Places, child: Places, vertex: int) -> int:
    """Return the child with most members, of those of a vertex's parent; ties to the lowest."""
    beside = child[(parent == parent[vertex]) & (child != NOWHERE)]
    return int(np.bincount(beside).argmax()) if len(beside) else NOWHERE


def certainties(ties: Ties, community: Places, vertices: Places) -> Weights:
    """Return the share of the weight of each vertex's ties that stays in its community.

    A vertex without ties has nothing that pulls it elsewhere: 1.
    """
    touches = np.zeros(ties.n, dtype=bool)
    touches[vertices] = True
    rows = np.flatnonzero(touches[ties.head] | touches[ties.tail])
    near = Ties(ties.n, ties.head[rows], ties.tail[rows], ties.weight[rows])
    all_of = ties.strengths[vertices]
    inside = near.inside(community).strengths[vertices]
    return np.where(all_of > 0, inside / np.where(all_of > 0, all_of, 1), 1.0)
