"""Where statements that are new come in among the nearest neighbours of all.

Who is nearest to a new statement and to whom the new statement is near is read off the same matrix
product, which is all that grows with the number of statements. It is made of some columns at a
time, by a process for each processor where there are many. Both are a bar to get over: that of a
new statement is the k-th largest cosine that it has had so far, that of one that stands is what its
k-th neighbour has. Cosines of a product are not exact, so bars are lowered by their error, and
whoever is above is measured again (`kg.products`).
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kg.beside import Arrays, shared_out
from kg.embedders import Vectors
from kg.errors import ModelError
from kg.nearest import NOBODY, Found, Nearest, bars_over
from kg.neighbours import products_for
from kg.own_lists import NO_ENTRIES, Entries, first_of_each
from kg.processor import one_thread
from kg.products import Levels, Places, Products, steps_of

_ROWS = 2048
_COLUMNS = 8192
"""Compared at once."""

Numbers = NDArray[np.int64]


class Everybody(NamedTuple):
    """The vectors of all, of length 1: some at a time, or those that are asked for."""

    n: int
    blocks: Callable[[int], Iterable[tuple[Places, Vectors]]]
    """Yields those of a share of all, by its number, each with its place. All shares but that of
    number 0 are read by processes of their own."""

    take: Callable[[Places], Vectors]
    """Returns those at some places."""

    n_shares: int = 1


NO_ONE = Everybody(0, lambda _: (), lambda _: np.empty((0, 0), dtype=np.float32))


def nearest_and_seen(
    everybody: Everybody, rows: Numbers, k: int, bars: Numbers
) -> tuple[Entries, Entries]:
    """Return the nearest of each of these rows, and who sees one of them over its bar.

    Args:
        everybody: All that are compared.
        rows: [m], which of them are new, ascending.
        k: How many.
        bars: Of every vector, in millionths, what a cosine has to reach to be seen from it.

    Raises:
        ModelError: A vector is not finite.
    """
    if not len(rows):
        return NO_ENTRIES, NO_ENTRIES
    products = products_for(len(rows) * everybody.n)
    own = everybody.take(rows)
    k = min(k, everybody.n)

    def of_share(number: int) -> Arrays:
        searches = [
            _Search(rows[at : at + _ROWS], own[at : at + _ROWS], k, products)
            for at in range(0, len(rows), _ROWS)
        ]
        seen, n = [NO_ENTRIES], 0
        for places, block in _larger(everybody.blocks(number)):
            if not np.isfinite(block @ own[0]).all():
                raise ModelError("an embedding is not finite: embed the statements again")
            loaded = products.cut(products.load(block), 0, len(block))
            columns = _Columns(places, block, loaded, bars[places])
            n += len(places)
            seen += [search.look_through(columns) for search in searches]
        near = _joined([search.nearest() for search in searches])
        return *near, *_joined(seen), np.array([n])

    if everybody.n_shares == 1:
        found = of_share(0)
        return Entries(*found[:3]), Entries(*found[3:6])
    with one_thread():
        shares = shared_out(
            lambda number: products.each(of_share, [number], threads=1)[0], everybody.n_shares
        )
    if sum(int(share[6][0]) for share in shares) < everybody.n:
        everybody.take(np.arange(everybody.n))  # says whose is missing
    near = [Entries(*share[:3]) for share in shares]
    return first_of_each(near, k, everybody.n), _joined([Entries(*share[3:6]) for share in shares])


def _larger(blocks: Iterable[tuple[Places, Vectors]]) -> Iterator[tuple[Places, Vectors]]:
    """Join blocks up to so many columns: a step takes as long for a few as for many.

    The vectors that are yielded are overwritten afterwards: to ask the system for new memory each
    time takes as long as to fill it.
    """
    at, held, n = np.empty(_COLUMNS, dtype=np.intp), np.empty((0, 0), dtype=np.float32), 0
    for places, block in blocks:
        if not held.size:
            held = np.empty((_COLUMNS, block.shape[1]), dtype=np.float32)
        start = 0
        while start < len(places):
            taken = min(len(places) - start, _COLUMNS - n)
            at[n : n + taken] = places[start : start + taken]
            held[n : n + taken] = block[start : start + taken]
            n, start = n + taken, start + taken
            if n == _COLUMNS:
                yield at, held
                n = 0
    if n:
        yield at[:n], held[:n]


class _Columns(NamedTuple):
    """Some of all, who are compared at once."""

    places: Places
    vectors: Vectors
    loaded: Any
    """The vectors in the form that is multiplied."""

    bars: Numbers


class _Search:
    """Some rows among all."""

    def __init__(self, rows: Numbers, own: Vectors, k: int, products: Products[Any, Any]) -> None:
        self._rows, self._own, self._products = rows, own, products
        self._loaded = products.take(products.load(own), np.arange(len(rows)))
        self._found = Nearest(len(rows), k, 0)

    def look_through(self, columns: _Columns) -> Entries:
        """Look through some columns; return who sees whom."""
        numbers = self._products.cosines(self._loaded, columns.loaded)
        numbers = numbers[: len(self._rows), : len(columns.places)]
        column_bars = bars_over(columns.bars.astype(np.int32), self._products.error)
        pairs = self._products.above_either(numbers, self._row_bars(numbers), column_bars)
        apart = self._rows[pairs.row] != columns.places[pairs.column]
        query, column = pairs.row[apart], pairs.column[apart]
        steps = steps_of(self._own, query, column, columns.vectors)
        other = columns.places[column]
        self._found.keep([Found(query, other, steps)])
        seen = Entries(other, self._rows[query], steps.astype(np.int64))
        return seen.where(steps >= columns.bars[column])

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
