"""Each pair of vectors once: nearest neighbours of all of them, exactly.

A cosine is as good for one end of a pair as for the other. So the matrix of all cosines is computed
in tiles on and above its diagonal only, and a pair is looked at for both of its ends.

Who is near is decided by bars: no neighbour of a vector is further than the k-th nearest of any
others that were looked at. The first bars come from tiles along the diagonal, for which the vectors
are put in the order of cells (`kg.cells`). Then the vectors are put in the order of their bars, the
highest first. So the bar of a column is the lower one of nearly every pair in it, and to compare
each column of a tile with its bar leaves few pairs, which are then held against the bars of both
their ends. The tiles are looked at
some at a time, and after each time the bars rise to what has been found.

Cosines of the fast products are not exact. A bar is lowered by their error, and every pair that
gets over it is measured again.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kg.embedders import Vectors
from kg.nearest import CROWD, Found, Nearest, bars_over, nearest_of_a_crowd
from kg.products import STEPS, Levels, Pairs, Places, Products, Singles, steps_of

_SIDE = 1024
"""Of a tile. Smaller ones cost more calls, and larger ones do not fit into a processor's cache."""

_FIRST = 256
"""Side of the tiles along the diagonal that give the first bars: a cell has fewer members."""

_AT_ONCE = 512
"""Tiles between two times that the bars are raised; at first fewer."""

_GROWTH = 2
"""How many times as many tiles as before are looked at until the bars are raised again."""


_TIMES = 12
"""The bars are raised at least so often, but for the beginning."""

_MEASURED = 16_384
"""Pairs that a thread measures again at once."""


class _Over(NamedTuple):
    """Pairs that got over a bar, as places in the order of the search."""

    one: NDArray[np.int32]
    other: NDArray[np.int32]
    value: Singles
    """Their cosines, as the products have them."""


_NO_PAIRS = _Over(np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0, np.float32))


class Tiles:
    """A search among all pairs."""

    def __init__(
        self, vectors: Vectors, order: Places, products: Products[Any, Any], k: int
    ) -> None:
        """Prepare the search.

        Args:
            vectors: [n, d], of length 1, more than k.
            order: All of them, best with near ones side by side; it says who is looked at first.
            products: Make the cosines.
            k: How many are looked for.
        """
        self._vectors = vectors
        self._products = products
        self._k = k
        self._order = order
        self._loaded = products.load(vectors, order)
        starts = range(0, len(order), _FIRST)
        bars = np.concatenate(products.each(self._first_bars, starts))
        by_bar = np.argsort(-bars, kind="stable")
        self._order, self._bars = order[by_bar], bars[by_bar]
        self._loaded = products.take(self._loaded, by_bar)
        self._kept = Nearest(len(order), k, nobody=len(order))
        self._lowest = self._bars

    def nearest(self) -> tuple[Places, Nearest]:
        """Return the order of the rows, and the k nearest of each.

        Whoever has k equals may get nobody: so many are equal that all of them would be measured.
        """
        tiles = list(self._corners())
        first, many = 0, -(-len(self._order) // _SIDE)
        while first < len(tiles):
            self._lowest = np.minimum.reduceat(self._bars, np.arange(0, len(self._bars), _SIDE))
            found = self._products.each(self._of_tile, tiles[first : first + many])
            self._keep(_Over(*(np.concatenate(each) for each in zip(*found, strict=True))))
            first += many
            many = min(max(_AT_ONCE, len(tiles) // _TIMES), many * _GROWTH)
        return self._order, self._kept

    def _corners(self) -> Iterator[tuple[int, int]]:
        """Yield rows and columns of tiles, those along the diagonal first."""
        n = -(-len(self._order) // _SIDE)
        for apart in range(n):
            for row in range(n - apart):
                yield row, row + apart

    def _first_bars(self, start: int) -> Levels:
        """Return what the products of these with their nearest cannot be below."""
        n = len(self._order)
        first, stop = max(0, min(start, n - _FIRST)), min(start + _FIRST, n)
        block = self._products.cut(self._loaded, first, stop)
        numbers = self._products.cosines(block, block)[start - first : stop - first, : stop - first]
        k = self._k + 1  # itself is among them
        if k > numbers.shape[1]:
            return np.full(len(numbers), -2.0)
        levels = self._products.kth_largest(numbers, k)
        error = self._products.error + 1 / STEPS
        maybe = np.flatnonzero(levels * (1 + 2 * self._products.rounding) >= 1 - error)
        if len(maybe):
            rows = self._vectors[self._order[start + maybe]]
            cosines = rows @ self._vectors[self._order[first:stop]].T
            last = np.partition(cosines, -k, axis=1)[:, -k]
            levels[maybe[np.rint(last * STEPS) >= STEPS]] = 4  # nobody is nearer
        return levels - 2 * error

    def _of_tile(self, corner: tuple[int, int]) -> _Over:
        """Return the pairs in a tile that get over the bar of either end."""
        low = float(self._lowest[list(corner)].min())
        if low > 2:
            return _NO_PAIRS
        n = len(self._order)
        first, second = (place * _SIDE for place in corner)
        stop, end = min(first + _SIDE, n), min(second + _SIDE, n)
        numbers = self._products.cosines(
            self._products.cut(self._loaded, first, stop),
            self._products.cut(self._loaded, second, end),
        )[: stop - first, : end - second]
        pairs = self._products.over(numbers, self._least_bars(first, second, end))
        bars = np.minimum(self._bars[pairs.row + first], self._bars[pairs.column + second])
        values = self._products.values(numbers, pairs)
        over = self._at_most(values) >= bars
        if over.sum() > CROWD * len(numbers):
            pairs = self._of_crowd(np.arange(first, stop), np.arange(second, end))
            values = self._products.values(numbers, pairs)
            over = np.ones(len(values), dtype=bool)
        if first == second:  # it holds pairs from both of their ends
            over &= pairs.row < pairs.column
        one, other = pairs.row[over] + first, pairs.column[over] + second
        return _Over(one.astype(np.int32), other.astype(np.int32), values[over])

    def _least_bars(self, first: int, second: int, end: int) -> Levels:
        """Return what the bars of both ends of a pair in a tile are not below, by column.

        The vectors were put in the order of their bars, so that at first the column's is the lower
        one of nearly every pair.
        """
        bars = self._bars[second:end]
        least: Levels = np.minimum(bars, self._lowest[first // _SIDE])
        if first == second:  # of which the pairs above the diagonal count
            least = np.minimum.accumulate(bars)
        return least

    def _at_most(self, values: Singles) -> Levels:
        """Return what the products were at the most before they were rounded."""
        return values + self._products.rounding * np.abs(values.astype(np.float64))

    def _of_crowd(self, rows: Places, columns: Places) -> Pairs:
        """Return the k nearest of each in a tile where too many are above the bar."""
        by_row, by_column = np.argsort(self._order[rows]), np.argsort(self._order[columns])
        cosines = (
            self._vectors[self._order[rows[by_row]]]
            @ self._vectors[self._order[columns[by_column]]].T
        )
        k = self._k + 1  # itself may be among them
        row, column = nearest_of_a_crowd(cosines, k)
        other, also = nearest_of_a_crowd(cosines.T, k)
        both = np.stack([np.concatenate([row, also]), np.concatenate([column, other])])
        row, column = np.unique(both, axis=1)
        return Pairs(by_row[row], by_column[column])

    def _keep(self, over: _Over) -> None:
        """Measure again the pairs that can be among the nearest, and raise the bars."""
        ends = np.concatenate([over.one, over.other])
        near = self._may_be_near(ends, np.tile(over.value, 2)).reshape(2, -1)
        needed = np.flatnonzero(near.any(axis=0))
        one, other = over.one[needed], over.other[needed]
        steps = self._measured(one, other)
        found = []
        for rows, others, wanted in zip((one, other), (other, one), near[:, needed], strict=True):
            wanted &= steps >= self._kept.steps[rows, -1]
            places = self._order[others[wanted]]
            found.append(Found(rows[wanted].astype(np.intp), places, steps[wanted]))
        self._kept.keep(found)
        last = bars_over(self._kept.steps[:, -1], self._products.error)
        self._bars = np.maximum(self._bars, last)

    def _may_be_near(self, ends: NDArray[np.int32], values: Singles) -> NDArray[np.bool_]:
        """Raise the bars to the k-th largest of these products at each end; return who is over."""
        most = self._at_most(values)
        over = np.flatnonzero(most >= self._bars[ends])
        falling = np.rint((2 - values[over].astype(np.float64)) * 2**28).astype(np.int64)
        order = over[np.argsort(ends[over].astype(np.int64) << 32 | falling, kind="stable")]
        first = np.flatnonzero(np.diff(ends[order], prepend=-1))
        enough = np.diff(first, append=len(order)) >= self._k
        kth = values[order[first[enough] + self._k - 1]].astype(np.float64)
        kth -= self._products.rounding * np.abs(kth) + 2 * self._products.error + 2 / STEPS
        row = ends[order[first[enough]]]
        self._bars[row] = np.maximum(self._bars[row], kth)
        near: NDArray[np.bool_] = most >= self._bars[ends]
        return near

    def _measured(self, one: NDArray[np.int32], other: NDArray[np.int32]) -> NDArray[np.int32]:
        """Return the cosine of each pair, exactly."""

        def of_some(start: int) -> NDArray[np.int32]:
            some = slice(start, start + _MEASURED)
            return steps_of(self._vectors, self._order[one[some]], self._order[other[some]])

        parts = self._products.each(of_some, range(0, len(one), _MEASURED))
        return np.concatenate([np.empty(0, np.int32), *parts])
