"""Communities that no tie leads out of, and whether chance makes as many.

Every cut of a graph finds a pair that nothing else is tied to: its stability is 1, also in a graph
drawn at random. So of a *closed* community, one that no tie leads out of, it has to be asked how
often chance closes one, and not how often a cut finds it. If the ends of the m ties of a graph are
paired at random (the configuration model; Newman, 2018, Networks, 2nd ed.,
doi:10.1093/oso/9780198805090.001.0001, chapter 12), K of the 2m ends are paired among themselves
with probability (K - 1)!! (2m - K - 1)!! / (2m - 1)!!. So where n_d vertices have the degree d, and
c_d of the community,

    E = (K - 1)!! (2m - K - 1)!! / (2m - 1)!! prod over d of binomial(n_d, c_d),   K = sum of d c_d,

sets of vertices with the same degrees are expected to be closed. (Some of these fall apart, or have
a tie twice, so that E is somewhat too large.) If that is more than `BY_CHANCE` of the closed
communities with these degrees that there are, they are no more than chance.

In a random graph of 10,000 vertices with a mean degree of 4, where 730 have one tie, E is 6.7 for a
pair; if 200 have one, and the mean is 8, it is 0.25. Of a clique of six it is less than 1e-30 in
both.
"""

from collections import Counter
from collections.abc import Iterator
from math import lgamma, log
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kg.partition_quality import Labels, Pieces

BY_CHANCE = 0.05
"""Of the closed communities with the same degrees; if as many as that are expected by chance, none
of them is more than chance."""

Counts = Counter[int]
"""How many vertices have a degree."""


def closed(pieces: Pieces, labels: Labels) -> NDArray[np.bool_]:
    """Return of each community whether it has several members and no tie leads out of it."""
    is_closed = np.bincount(labels) > 1
    across = labels[pieces.head] != labels[pieces.tail]
    is_closed[labels[pieces.head[across]]] = False
    is_closed[labels[pieces.tail[across]]] = False
    return is_closed


def closed_by_chance(pieces: Pieces, labels: Labels) -> NDArray[np.bool_]:
    """Return of each community whether it is closed and no more than chance.

    One of a single vertex is neither.

    Args:
        pieces: The graph; each part is looked at by itself.
        labels: Of each vertex, from 0; no label occurs in two parts.
    """
    by_chance = np.zeros(int(labels.max(initial=-1)) + 1, dtype=bool)
    is_closed = closed(pieces, labels)
    degree = np.bincount(np.concatenate([pieces.head, pieces.tail]), minlength=pieces.n)
    for part in np.unique(pieces.part[is_closed[labels]]).tolist():
        is_in = pieces.part == part
        of_part = Counter(degree[is_in].tolist())
        for alike in _alike(np.flatnonzero(is_in & is_closed[labels]), labels, degree):
            most = log(BY_CHANCE * len(alike.communities))
            by_chance[alike.communities] = _log_expected(alike.degrees, of_part) > most
    return by_chance


class _Alike(NamedTuple):
    """Closed communities of one part whose members have the same degrees."""

    communities: list[int]
    degrees: Counts


def _alike(chosen: NDArray[np.intp], labels: Labels, degree: NDArray[np.intp]) -> Iterator[_Alike]:
    """Yield communities, given as all of their members, by the degrees of these."""
    chosen = chosen[np.lexsort((degree[chosen], labels[chosen]))]
    starts = np.flatnonzero(np.diff(labels[chosen], prepend=-1))
    by_degrees: dict[tuple[int, ...], list[int]] = {}
    for members in np.split(chosen, starts[1:]):
        by_degrees.setdefault(tuple(degree[members].tolist()), []).append(int(labels[members[0]]))
    for degrees, communities in by_degrees.items():
        yield _Alike(communities, Counter(degrees))


def _log_expected(degrees: Counts, of_part: Counts) -> float:
    """Return the logarithm of how many sets of these degrees chance is expected to close."""
    ends = sum(degree * count for degree, count in degrees.items())
    all_ends = sum(degree * count for degree, count in of_part.items())
    closing = _log_pairings(ends) + _log_pairings(all_ends - ends) - _log_pairings(all_ends)
    return closing + sum(
        lgamma(of_part[degree] + 1) - lgamma(count + 1) - lgamma(of_part[degree] - count + 1)
        for degree, count in degrees.items()
    )


def _log_pairings(ends: int) -> float:
    """Return the logarithm of (ends - 1)!!, the ways to pair so many ends."""
    return lgamma(ends + 1) - ends / 2 * log(2) - lgamma(ends / 2 + 1)
