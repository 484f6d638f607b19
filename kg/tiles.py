"""Each pair of vectors once: nearest neighbours of all of them, exactly.

A cosine is as good for one end of a pair as for the other. So the matrix of all cosines is computed
in tiles on and above its diagonal only, and each tile is looked at by rows and by columns.

Who is near is decided by bars that are known before: no neighbour of a vector is further than the
k-th nearest of any other vectors that were looked at. The nearer those were, the fewer pairs get
over the bar. Cosines of the fast products are not exact, so a bar is lowered by their error, and
every pair that gets over it is measured again.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kg.embedders import Vectors
from kg.nearest import NOBODY, Found, Nearest, nearest_of_a_crowd
from kg.products import STEPS, Pairs, Places, Products, steps_of

_ROWS, _COLUMNS = 2048, 1024
"""Of a tile. Smaller ones cost more calls, and larger ones do not fit into a processor's cache."""

_CROWD = 48
"""So many pairs a row above the bar in one tile are a tie of many, not a few near ones."""

_NOISE = 1e-7
"""Of a cosine in single precision, and of a bar."""


class Tiles(NamedTuple):
    """Vectors, and what decides who is near to each."""

    vectors: Vectors
    """[n, d], in any order, best in one that puts near ones side by side."""

    loaded: Any
    """The same, as the products take them."""

    order: Places
    """At what place each of them was given; among equals the lower place wins."""

    steps: NDArray[np.int32]
    """[n, k]: cosines of any k others, in millionths, largest first; less than -STEPS for none."""

    products: Products[Any, Any]

    def nearest(self) -> Nearest:
        """Return the k nearest of each, in the order of these vectors.

        Whoever has k equals already gets nobody: so many are equal that all of them would be
        measured again.
        """
        kept = Nearest(len(self.steps), self.steps.shape[1], nobody=len(self.vectors))
        kept.keep(self.products.each(self._of_tile, self._corners()))
        return kept

    def _corners(self) -> Iterator[tuple[int, int]]:
        n = len(self.vectors)
        for row in range(0, n, _ROWS):
            for column in range(row, n, _COLUMNS):
                yield row, column

    def _of_tile(self, corner: tuple[int, int]) -> Found:
        """Return whoever in a tile may be among the nearest, for rows and for columns."""
        n = len(self.vectors)
        rows, columns = (
            np.arange(first, min(first + size, n))
            for first, size in zip(corner, (_ROWS, _COLUMNS), strict=True)
        )
        taken = [self.products.cut(self.loaded, of[0], of[-1] + 1) for of in (rows, columns)]
        numbers = self.products.cosines(*taken)[: len(rows), : len(columns)]
        bars = [self._bars(of) for of in (rows, columns)]
        found = self.products.above_either(numbers, *bars)
        if len(found.row) > _CROWD * len(rows):
            found = self._of_crowd(rows, columns)
        row, column = rows[found.row], columns[found.column]
        if columns[0] <= rows[-1]:  # it holds pairs from both of their ends
            once = row < column
            row, column = row[once], column[once]
        steps = steps_of(self.vectors, row, column)
        last = self.steps[:, -1]
        for_row, for_column = (
            np.flatnonzero((steps >= last[of]) & (last[of] < STEPS)) for of in (row, column)
        )
        return Found(
            np.concatenate([row[for_row], column[for_column]]),
            self.order[np.concatenate([column[for_row], row[for_column]])],
            np.concatenate([steps[for_row], steps[for_column]]),
        )

    def _bars(self, of: Places) -> NDArray[np.float64]:
        """Return what the cosine of anyone who is to come in cannot be below."""
        last = self.steps[of, -1]
        bars: NDArray[np.float64] = (last - 0.5) / STEPS - _NOISE - self.products.error
        bars[last == NOBODY] = -2
        bars[last == STEPS] = 2
        return bars

    def _of_crowd(self, rows: Places, columns: Places) -> Pairs:
        """Return the k nearest of each in a tile where too many are above the bar."""
        rows = np.argsort(self.order[rows]) + rows[0]
        columns = np.argsort(self.order[columns]) + columns[0]
        cosines = self.vectors[rows] @ self.vectors[columns].T
        k = self.steps.shape[1] + 1  # itself may be among them
        row, column = nearest_of_a_crowd(cosines, k)
        other, also = nearest_of_a_crowd(cosines.T, k)
        pairs = (
            np.concatenate([rows[row], rows[also]]),
            np.concatenate([columns[column], columns[other]]),
        )
        unique = np.unique(np.stack([pairs[0] - rows.min(), pairs[1] - columns.min()]), axis=1)
        return Pairs(*unique)
