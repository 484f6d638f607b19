"""Where statements that are new come in among the nearest neighbours of all.

Who is nearest to a new statement and to whom the new statement is near is read off the same matrix
product, which is all that grows with the number of statements. It is made of some columns at a
time, by a process for each processor where there are many. Both are a bar to get over: that of a
new statement is the k-th largest cosine that it has had so far, that of one that stands is what its
k-th neighbour has. Cosines of a product are not exact, so bars are lowered by their error, and
whoever is above is measured again (`kg.products`).
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kg.beside import Arrays, handed_out
from kg.embedders import Vectors
from kg.errors import ModelError
from kg.nearest import NOBODY, Found, Nearest, bars_over
from kg.neighbours import products_for
from kg.own_lists import NO_ENTRIES, Entries, first_of_each
from kg.processor import n_processors, one_thread
from kg.products import Levels, Places, Products, steps_of

_ROWS = 2048
_COLUMNS = 8192
"""Compared at once."""

_GROUPS = 128
"""Of columns, of whose largest cosines the first bars are made."""

_FEW = 100
"""Rows that are compared with each block as it comes, out of the processor's cache, on one thread:
several wait for each other longer than such products take."""

Numbers = NDArray[np.int64]


class Everybody(NamedTuple):
    """The vectors of all, of length 1: some at a time, or those that are asked for."""

    n: int
    n_parts: int
    """If there are several, any process can read any of them."""

    blocks: Callable[[Iterable[int]], Iterable[tuple[Places, Vectors]]]
    """Yields those of the parts with these numbers, each with its place."""

    take: Callable[[Places], Vectors]
    """Returns those at some places."""


NO_ONE = Everybody(0, 1, lambda _: (), lambda _: np.empty((0, 0), dtype=np.float32))


@contextmanager
def nearest_and_seen(
    everybody: Everybody, rows: Numbers, k: int, bars: Numbers
) -> Iterator[Callable[[], tuple[Entries, Entries]]]:
    """Yield what returns the nearest of each of these rows, and who sees one of them over its bar.

    Only cosines above 0 count. If all come in several parts, other processes begin with them at
    once, and this one joins in when it is asked for the result.

    Args:
        everybody: All that are compared.
        rows: [m], which of them are new, ascending.
        k: How many.
        bars: Of every vector, in millionths, what a cosine has to reach to be seen from it.

    Raises:
        ModelError: A vector is not finite.
    """
    if not len(rows):
        yield lambda: (NO_ENTRIES, NO_ENTRIES)
        return
    products = products_for(len(rows) * everybody.n)
    own = everybody.take(rows)
    k = min(k, everybody.n)
    is_few = len(rows) <= _FEW

    def of_parts(numbers: Iterable[int]) -> Arrays:
        searches = [
            _Search(rows[at : at + _ROWS], own[at : at + _ROWS], k, products)
            for at in range(0, len(rows), _ROWS)
        ]
        seen, n = [NO_ENTRIES], 0
        blocks = everybody.blocks(numbers)
        for places, block in blocks if is_few else _larger(blocks):
            if not np.isfinite(block @ own[0]).all():
                raise ModelError("an embedding is not finite: embed the statements again")
            loaded = products.cut(products.load(block), 0, len(block))
            columns = _Columns(places, block, loaded, bars[places])
            n += len(places)
            seen += [search.look_through(columns) for search in searches]
        near = _joined([search.nearest() for search in searches])
        return *near, *_joined(seen), np.array([n])

    def on_one_thread(numbers: Iterable[int]) -> Arrays:
        with one_thread():
            return products.each(of_parts, [numbers], threads=1)[0]

    n_processes = min(everybody.n_parts, n_processors())
    work = on_one_thread if n_processes > 1 or is_few else of_parts
    with handed_out(work, everybody.n_parts, n_processes) as together:

        def all_found() -> tuple[Entries, Entries]:
            found = together()
            if sum(int(each[6][0]) for each in found) < everybody.n:
                everybody.take(np.arange(everybody.n))  # says whose is missing
            near, seen = ([Entries(*each[at : at + 3]) for each in found] for at in (0, 3))
            return first_of_each(near, k, everybody.n), _joined(seen)

        yield all_found


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
        """Return what a cosine has to be for somebody to be among the k nearest of each row.

        At first it is the k-th of the largest in groups of columns, which is no more than the k-th
        of all, and hardly less: to look for that itself takes a tenth of the product.
        """
        kth = self._found.steps[:, -1]
        k = self._found.steps.shape[1] + 1  # one of them may be the row itself
        if (kth == NOBODY).all() and k <= _GROUPS <= numbers.shape[1]:
            greatest = self._products.greatest(numbers, _GROUPS).astype(np.float64)
            levels = np.partition(greatest, _GROUPS - k, axis=1)[:, _GROUPS - k]
            rounded = 2 * self._products.rounding * np.abs(levels)
            return levels - rounded - 2 * self._products.error
        return bars_over(kth, self._products.error)

    def nearest(self) -> Entries:
        """Return the k nearest of each row, as far as their cosines are above 0."""
        row, rank = np.nonzero(self._found.steps > 0)
        other, steps = self._found.places[row, rank], self._found.steps[row, rank]
        return Entries(self._rows[row], other.astype(np.int64), steps.astype(np.int64))


def _joined(entries: list[Entries]) -> Entries:
    return Entries(*(np.concatenate(column) for column in zip(*entries, strict=True)))
