"""Smaller graphs that stand for larger ones: what is together becomes one vertex.

**Contraction** puts the vertices of a community into one, sums the weights between two of them,
and drops those within. Masses are summed, so that the modularity of the small graph is that of the
large one, but for what lies within its vertices.

**Matching.** Two vertices that are each other's strongest tie, and have two others in common, are
together in nearly every good partition. So before a large graph is cut, such pairs are made one
vertex, and again on what that gives, for some rounds: the coarsening of multilevel schemes (Karypis
& Kumar, 1998, A fast and high quality multilevel scheme for partitioning irregular graphs,
doi:10.1137/S1064827595287997), by pairs of which each is the other's heaviest. Weights alone would
not do: where they say nothing, many of the heaviest ties lead out of a group, and modularity is
lower by a tenth and more; of such pairs few have others in common. Among equal ties the one to the
lower vertex counts. Pairs grow along ties only, so that what is connected in the small graph is so
in the large one.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from kg.partition_quality import Floats, Labels, Pieces, summed

_ROUNDS = 4
"""Of matching; more gain little time."""

_COMMON = 2
"""So many neighbours have to be tied to both of a pair."""

_Ends = NDArray[np.int32]


class Coarse(NamedTuple):
    """A graph in one part whose vertices stand for some of another."""

    pieces: Pieces
    masses: Floats
    labels: Labels
    """For each vertex of the other, the one that stands for it."""


def coarsened(
    pieces: Pieces, weight: Floats, masses: Floats, together: Labels | None = None
) -> Coarse:
    """Return a graph with those made one who are each other's strongest ties.

    Args:
        pieces: The graph; its vertices come to half as many or somewhat more.
        weight: Of its edges, positive.
        masses: Of its vertices.
        together: Who is made one, if that is known; nobody with one of another part.
    """
    labels = matched(pieces, weight) if together is None else together
    return Coarse(*contracted(pieces, weight, masses, labels), labels)


def contracted(
    pieces: Pieces, weight: Floats, masses: Floats, labels: Labels
) -> tuple[Pieces, Floats]:
    """Return the graph whose vertices are the communities, without loops, and their masses."""
    n = int(labels.max(initial=-1)) + 1
    small = labels.astype(np.int32)
    ties = _summed_up(small[pieces.head], small[pieces.tail], weight, n)
    part = np.zeros(n, dtype=np.int64)
    part[labels] = pieces.part
    ends = np.repeat(np.arange(n), np.diff(ties.indptr)), ties.indices.astype(np.int64)
    return Pieces(part, *ends, ties.data), summed(labels, masses, n)


def matched(pieces: Pieces, weight: Floats) -> Labels:
    """Return a number for each vertex of a graph of one part, the same for those who become one."""
    labels, n = np.arange(pieces.n, dtype=np.int32), pieces.n
    ties = _summed_up(pieces.head.astype(np.int32), pieces.tail.astype(np.int32), weight, n)
    for left in reversed(range(_ROUNDS)):
        everybody = np.arange(n, dtype=np.int32)
        one, other = _pairs(ties)
        first = everybody.copy()
        first[other] = one
        is_first = first == everybody
        number = (np.cumsum(is_first, dtype=np.int32) - 1)[first]
        labels, n = number[labels], int(is_first.sum())
        if left:
            head, tail = number[np.repeat(everybody, np.diff(ties.indptr))], number[ties.indices]
            ties = _summed_up(head, tail, ties.data, n)
    return labels.astype(np.int64)


def _summed_up(one: _Ends, other: _Ends, weight: Floats, n: int) -> csr_array:
    """Return a matrix of the edges by their lower end, those of one pair summed, without loops."""
    across = one != other
    low, high = np.minimum(one, other)[across], np.maximum(one, other)[across]
    return csr_array((weight[across], (low, high)), shape=(n, n))


def _pairs(ties: csr_array) -> tuple[_Ends, _Ends]:
    """Return who are each other's strongest tie and have others in common, the lower one first."""
    back = ties.T.tocsr()
    up, down = _strongest_of_rows(ties), _strongest_of_rows(back)
    strongest = np.where(down.weight >= up.weight, down.other, up.other)
    everybody = np.arange(len(strongest), dtype=np.int32)
    one = np.flatnonzero((strongest[strongest] == everybody) & (everybody < strongest))
    other = strongest[one]
    shared = (ties[one] + back[one]).multiply(ties[other] + back[other])
    found = np.diff(shared.indptr) >= _COMMON
    return one[found].astype(np.int32), other[found]


class _Strongest(NamedTuple):
    """For each row, in which column its greatest entry is; its own number, of 0, if it has none."""

    other: _Ends
    weight: Floats


def _strongest_of_rows(ties: csr_array) -> _Strongest:
    n = ties.shape[0]
    other, weight = np.arange(n, dtype=np.int32), np.zeros(n)
    counts = np.diff(ties.indptr)
    held = np.flatnonzero(counts)
    if len(held):
        weight[held] = np.maximum.reduceat(ties.data, ties.indptr[:-1][held])
        at = np.flatnonzero(ties.data >= np.repeat(weight, counts))[::-1]  # the first is put last
        other[np.searchsorted(ties.indptr, at, side="right") - 1] = ties.indices[at]
    return _Strongest(other, weight)
