"""Where statements that are new come in among the nearest neighbours of all.

Who is nearest to a new statement and to whom the new statement is near is read off the same matrix
product, which is all that grows with the number of statements. It is made of some columns at a
time. Both are a bar to get over: that of a new statement is the k-th largest cosine that it has
had so far, that of one that stands is what its k-th neighbour has. Cosines of a product are not
exact, so bars are lowered by their error, and whoever is above is measured again (`kg.products`).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kg.embedders import Vectors
from kg.errors import ModelError
from kg.nearest import NOBODY, Found, Nearest, bars_over
from kg.neighbours import products_for
from kg.own_lists import NO_ENTRIES, Entries
from kg.products import Levels, Products, steps_of

_ROWS = 2048
_COLUMNS = 8192
"""Compared at once."""

Numbers = NDArray[np.int64]


def nearest_and_seen(
    vectors: Vectors, rows: Numbers, k: int, bars: Numbers
) -> tuple[Entries, Entries]:
    """Return the nearest of each of these rows, and who sees one of them over its bar.

    Args:
        vectors: [n, d], of length 1.
        rows: [m], which of the vectors, ascending.
        k: How many.
        bars: Of every vector, in millionths, what a cosine has to reach to be seen from it.

    Raises:
        ModelError: A vector is not finite.
    """
    products = products_for(round((len(rows) * len(vectors)) ** 0.5))  # as many with themselves
    nearest, seen = [NO_ENTRIES], [NO_ENTRIES]
    for start in range(0, len(rows), _ROWS):
        search = _Search(vectors, rows[start : start + _ROWS], k, products)
        seen += [
            search.look_through(first, bars[first : first + _COLUMNS])
            for first in range(0, len(vectors), _COLUMNS)
        ]
        nearest.append(search.nearest())
    return _joined(nearest), _joined(seen)


class _Search:
    """Some rows among all, some columns at a time."""

    def __init__(
        self, vectors: Vectors, rows: Numbers, k: int, products: Products[Any, Any]
    ) -> None:
        self._vectors, self._rows, self._products = vectors, rows, products
        self._own = products.take(products.load(vectors[rows]), np.arange(len(rows)))
        self._found = Nearest(len(rows), min(k, len(vectors)), len(vectors))

    def look_through(self, first: int, bars: Numbers) -> Entries:
        """Look through the columns from this one on that have these bars; return who sees whom."""
        columns = self._vectors[first : first + len(bars)]
        if not np.isfinite(columns @ self._vectors[self._rows[0]]).all():
            raise ModelError("an embedding is not finite: embed the statements again")
        loaded = self._products.cut(self._products.load(columns), 0, len(columns))
        numbers = self._products.cosines(self._own, loaded)[: len(self._rows), : len(columns)]
        column_bars = bars_over(bars.astype(np.int32), self._products.error)
        pairs = self._products.above_either(numbers, self._row_bars(numbers), column_bars)
        row, other = self._rows[pairs.row], pairs.column + first
        apart = row != other
        row, other = row[apart], other[apart]
        steps = steps_of(self._vectors, row, other)
        self._found.keep([Found(pairs.row[apart], other, steps)])
        return Entries(other, row, steps.astype(np.int64)).where(steps >= bars[other - first])

    def _row_bars(self, numbers: NDArray[Any]) -> Levels:
        """Return what a cosine has to be for somebody to be among the k nearest of each row."""
        kth = self._found.steps[:, -1]
        k = self._found.steps.shape[1] + 1  # one of them may be the row itself
        if (kth == NOBODY).all() and k <= numbers.shape[1]:
            return self._products.kth_largest(numbers, k) - 2 * self._products.error
        return bars_over(kth, self._products.error)

    def nearest(self) -> Entries:
        """Return the k nearest of each row."""
        row, rank = np.nonzero(self._found.steps != NOBODY)
        other, steps = self._found.places[row, rank], self._found.steps[row, rank]
        return Entries(self._rows[row], other.astype(np.int64), steps.astype(np.int64))


def _joined(entries: list[Entries]) -> Entries:
    return Entries(*(np.concatenate(column) for column in zip(*entries, strict=True)))
