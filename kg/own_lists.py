"""The nearest neighbours of every statement, read back from the ties of a graph.

A statement is tied to all of its k nearest, and whoever else is tied to it is further. So the k
ties of greatest cosine at a statement are to its own nearest. An entry of a list is one whole
number that orders by row, then nearest, then lower place: to sort them all takes a hundredth of a
second for a million.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kg.products import STEPS
from kg.stored_graph import ENDS, Columns

_STEP_BITS = 20

Numbers = NDArray[np.int64]


class Entries(NamedTuple):
    """Neighbours as entries of a list, in any order; none is its own."""

    row: Numbers
    other: Numbers
    steps: Numbers
    """Cosines in whole millionths, above 0."""

    def where(self, wanted: NDArray[np.bool_]) -> "Entries":
        """Return some of the entries."""
        return Entries(self.row[wanted], self.other[wanted], self.steps[wanted])


NO_ENTRIES = Entries(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.int64))


class OwnLists(NamedTuple):
    """The nearest of every statement, some more behind them."""

    keys: Numbers
    """Ascending."""

    starts: Numbers
    """Where the entries of each row begin, and, last, where they all end."""

    k: int

    @classmethod
    def of(cls, edges: Columns, n: int, k: int) -> "OwnLists":
        """Read the lists of n statements back from their graph."""
        tied = np.flatnonzero(edges["semantic"])
        head, tail = (edges[name][tied].astype(np.int64) for name in ENDS)
        steps = np.rint(edges["semantic"][tied].astype(np.float64) * STEPS).astype(np.int64)
        near = (STEPS - steps) << _bits(n)
        shift = _bits(n) + _STEP_BITS
        keys = np.concatenate([(head << shift) | near | tail, (tail << shift) | near | head])
        keys.sort()
        counts = np.bincount(head, minlength=n) + np.bincount(tail, minlength=n)
        return cls(keys, np.concatenate([[0], np.cumsum(counts)]), k)

    @property
    def n(self) -> int:
        """How many statements there are."""
        return len(self.starts) - 1

    def counts(self) -> Numbers:
        """Return how many nearest each has: k, or as many as are near enough."""
        return np.minimum(np.diff(self.starts), self.k)

    def bars(self, least: int) -> Numbers:
        """Return what a cosine has to reach to come into each list, in millionths.

        Args:
            least: What it has to reach in any case.
        """
        bars = np.full(self.n, least, dtype=np.int64)
        full = np.flatnonzero(self.counts() == self.k)
        last = _steps(self.keys[self.starts[full] + self.k - 1], self.n)
        bars[full] = np.maximum(bars[full], last)
        return bars

    def of_rows(self, rows: Numbers) -> Entries:
        """Return the nearest of these, by row, nearest first."""
        counts = self.counts()[rows]
        ends = np.cumsum(counts)
        within = np.arange(len(counts) and ends[-1]) - np.repeat(ends - counts, counts)
        keys = self.keys[np.repeat(self.starts[rows], counts) + within]
        return _entries(keys, self.n)

    def rows_that_list(self, wanted: NDArray[np.bool_]) -> Numbers:
        """Return the rows that have one of these among their nearest, ascending."""
        if not wanted.any():
            return np.empty(0, dtype=np.int64)
        entries = self.of_rows(np.arange(self.n))
        return np.unique(entries.row[wanted[entries.other]])


def first_of_each(entries: Sequence[Entries], k: int, n: int) -> Entries:
    """Return the k nearest of each row, nearest first, ties to the lower place.

    Args:
        entries: Of rows and to places below n; some may come twice.
        k: How many.
        n: How many statements there are.
    """
    row, other, steps = (np.concatenate(column) for column in zip(*entries, strict=True))
    shift = _bits(n) + _STEP_BITS
    keys = np.unique((row << shift) | ((STEPS - steps) << _bits(n)) | other)
    row = keys >> shift
    return _entries(keys[np.arange(len(row)) - np.searchsorted(row, row) < k], n)


def _bits(n: int) -> int:
    bits = max(1, n.bit_length())
    assert 2 * bits + _STEP_BITS < 63, "so many statements do not fit into one number"
    return bits


def _entries(keys: Numbers, n: int) -> Entries:
    bits = _bits(n)
    return Entries(keys >> (bits + _STEP_BITS), keys & ((1 << bits) - 1), _steps(keys, n))


def _steps(keys: Numbers, n: int) -> Numbers:
    return STEPS - ((keys >> _bits(n)) & ((1 << _STEP_BITS) - 1))
