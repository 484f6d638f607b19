"""The k nearest neighbours of every vector: exactly up to 200,000, at least nearly all beyond.

Vectors are put in cells, and each looks for its neighbours in the cells whose centres are nearest
(`kg.cells`). The search goes by cell and not by vector: all the vectors that look into a cell are
multiplied with it at once, as a matrix (`kg.products`), because a matrix product is many times as
fast as the same products one by one. How many cells have the neighbours is a matter of the data: of
sentences of documentation a fifth of the cells have 96 %, of planted statements it takes more than
half. To look at every pair once for both of its ends (`kg.tiles`) costs less than to look into half
of the cells; so it is what is done up to 200,000 vectors, and beyond wherever a sample says that it
would take two fifths of the cells or more.

Picking the k largest of many cosines costs more than computing them if each row is sorted. So a
vector's own cell gives it a bar, its k-th largest cosine there; in the other cells only what is
above the bar is looked at, and the bar rises with it, in a few rounds. Cosines of the fast products
are not exact, so the bar is lowered by their error, and whoever is above it is measured again:
within the cells that are looked into nothing is missed, and the cosines are exact.

Cosines are rounded to 1e-6 before they are compared, and among equals the lower index wins: the
last bits of a cosine are chance, and would decide between equals.
"""

import sys
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from kg.cells import Cells, blocks_of, cells_of, side_by_side
from kg.embedders import Vectors
from kg.errors import ModelError
from kg.nearest import CROWD, NOBODY, Found, Nearest, bars_over, nearest_of_a_crowd
from kg.processor import has_fast_halves
from kg.products import (
    STEPS,
    HalfProducts,
    Places,
    Products,
    SingleProducts,
    steps_of,
)
from kg.tiles import Tiles

EXACT_UP_TO = 200_000
"""Vectors; among more, neighbours are looked for in some cells only, if these have them."""

_TILES_FROM = 2000
"""Vectors of which each pair is looked at once."""

_HALVES_FROM, _TORCH_FROM = 2000, 12_000
"""Vectors whose neighbours are looked for in bfloat16, if torch is loaded and if it is not: loading
it takes longer than the products of ten thousand. The neighbours are exact either way."""

_BLOCK = 1024
_ROWS = 2048
_ROUNDS = (0, 1, 4, 16, 32, 64, 128)
"""Of the cells that a vector looks into, where each round of the search begins."""

_HALF = 0.4
"""Of all cells: to look into more than these costs more than to look at each pair once."""

_NOWHERE = 2**31
"""The place of a cell among those that are looked into, if it is not there."""

_FEWEST = 16
"""Cells are looked into before the recall is measured."""

_RECALL = 0.96
"""Enough; measured on so few vectors it can be wrong by 0.01."""

_SMALL = 256
"""Groups of up to so many members are multiplied many at once."""

_QUERIES = 500


class Neighbours(NamedTuple):
    """The k nearest vectors of each, nearest first; never the vector itself."""

    indices: NDArray[np.int32]
    """[n, k]."""

    cosines: NDArray[np.float32]
    """[n, k], in [-1, 1], rounded to 1e-6."""

    recall: float = 1.0
    """The share of the true nearest neighbours that were found, as measured on a sample."""


def nearest_neighbours(vectors: Vectors, k: int) -> Neighbours:
    """Return the k nearest neighbours of every vector by cosine; ties go to the lower index.

    Among more than `EXACT_UP_TO` vectors some can be missed, if few cells have nearly all: more and
    more cells are then looked into until on a sample of the vectors 96 % are found. The recall that
    is returned is the share.

    Args:
        vectors: [n, d], of length 1.
        k: How many; with fewer than k + 1 vectors, all the others.

    Raises:
        ModelError: A vector is not finite.
    """
    if len(vectors) <= max(k, min(EXACT_UP_TO, _TILES_FROM - 1)):
        return nearest_among(vectors, np.arange(len(vectors)), k)
    _check(vectors)
    if len(vectors) <= EXACT_UP_TO:
        return _of_each_pair(vectors, k)
    products = products_for(len(vectors))
    search = _Search(vectors, cells_of(vectors, products), products, k)
    if search.share_to_look_into(_RECALL) > _HALF:
        del search
        return _of_each_pair(vectors, k)
    found = search.result(_RECALL)
    lacking = np.flatnonzero(found.indices[:, -1] == len(vectors))  # its cells were too small
    if len(lacking):
        found.indices[lacking], found.cosines[lacking], _ = nearest_among(vectors, lacking, k)
    return found


def _of_each_pair(vectors: Vectors, k: int) -> Neighbours:
    """Return the k nearest of every vector, exactly, looking at each pair once."""
    products = products_for(len(vectors))
    order, kept = Tiles(vectors, side_by_side(vectors, products), products, k).nearest()
    found = _as_given(order, kept)
    tied = np.flatnonzero(found.indices[:, -1] == len(vectors))  # with k equals
    found.indices[tied], found.cosines[tied], _ = nearest_among(vectors, tied, k)
    return found


def nearest_among(vectors: Vectors, rows: NDArray[np.integer], k: int) -> Neighbours:
    """Return the k nearest neighbours of some of the vectors among all of them, exactly.

    It costs as many cosines as there are rows times vectors: 20 new statements among 10^5 take
    a tenth of a second.

    Args:
        vectors: [n, d], of length 1.
        rows: [m], which of the vectors; the neighbours come in this order.
        k: How many; with fewer than k + 1 vectors, all the others.

    Raises:
        ModelError: A vector is not finite.
    """
    _check(vectors)
    k = max(0, min(k, len(vectors) - 1))
    if k == 0 or len(rows) == 0:
        shape = (len(rows), k)
        return Neighbours(np.empty(shape, np.int32), np.empty(shape, np.float32))
    blocks = blocks_of(len(vectors), _BLOCK, np.asarray(rows))
    return _Search(vectors, blocks, products_for(len(rows)), k).result()


def neighbours_within(
    vectors: Vectors, groups: Sequence[Sequence[int]], k: int
) -> tuple[Places, Places]:
    """Return each member of each group with its k nearest in the group, as two columns.

    Small groups of like size go through one product together: a call for each would take longer
    than its product.

    Args:
        vectors: [n, d], of length 1.
        groups: Which vectors are together, each ascending; one can be in several groups.
        k: How many; in a group with fewer than k + 1 members, all the others.
    """
    rows, others = [np.empty(0, dtype=np.intp)], [np.empty(0, dtype=np.intp)]
    by_size = sorted(range(len(groups)), key=lambda at: len(groups[at]))
    small = [at for at in by_size if 1 < len(groups[at]) <= _SMALL]
    while small:
        most = max(1, _ROWS * 2 // len(groups[small[-1]]))
        batch, small = small[-most:], small[:-most]
        with threadpool_limits(1, "blas"):  # threads wait longer for each other than they multiply
            found = _nearest_in_groups(vectors, [groups[at] for at in batch], k)
        rows.append(found[0])
        others.append(found[1])
    for at in by_size:
        if len(groups[at]) > _SMALL:
            group = np.array(groups[at], dtype=np.intp)
            indices = nearest_neighbours(vectors[group], k).indices
            rows.append(np.repeat(group, indices.shape[1]))
            others.append(group[indices].ravel())
    return np.concatenate(rows), np.concatenate(others)


def _nearest_in_groups(
    vectors: Vectors, groups: Sequence[Sequence[int]], k: int
) -> tuple[Places, Places]:
    """Return each member with its k nearest in its group, all groups at once."""
    sizes = np.array([len(group) for group in groups])
    widest = int(sizes.max())
    is_member = np.arange(widest) < sizes[:, None]
    places = np.zeros((len(groups), widest), dtype=np.intp)
    places[is_member] = np.concatenate([np.asarray(group, dtype=np.intp) for group in groups])
    held = vectors[places]
    steps = np.rint(held @ held.transpose(0, 2, 1) * np.float32(STEPS)).astype(np.int64)
    steps[~np.broadcast_to(is_member[:, None, :], steps.shape)] = NOBODY
    steps[:, np.arange(widest), np.arange(widest)] = NOBODY
    keys = np.arange(widest) - steps * widest
    near = np.argpartition(keys, min(k, widest) - 1, axis=2)[:, :, :k]
    real = np.take_along_axis(steps, near, 2) > NOBODY
    real &= is_member[:, :, None]
    group, member, rank = np.nonzero(real)
    return places[group, member], places[group, near[group, member, rank]]


class _Search:
    """A search through cells, and the nearest that it has found so far."""

    def __init__(
        self, vectors: Vectors, cells: Cells, products: Products[Any, Any], k: int
    ) -> None:
        self._cells = cells
        self._products = products
        self._vectors = vectors if cells.is_in_order else vectors[cells.order]
        self._loaded = products.load(self._vectors)
        self._kept = Nearest(len(cells.rows), k, nobody=len(vectors))

    def result(self, enough: float = 1.0) -> Neighbours:
        """Look into the cells until enough is found, and return the nearest of each who asked."""
        probes = self._cells.probes.shape[1]
        rounds = [first for first in _ROUNDS if first < probes] + [probes]
        recall = 1.0
        for first, last in pairwise(rounds):
            self._kept.keep(self._products.each(self._look, self._tasks(first, last)))
            if enough < 1 and last >= _FEWEST:
                recall = self._recall()
                if recall >= enough:
                    break
        return _as_given(self._cells.queries, self._kept, recall)

    def share_to_look_into(self, enough: float) -> float:
        """Return the share of all cells that have enough of the true neighbours, on the sample.

        More than 1 if the cells that are looked into at the most do not have them.
        """
        cells = np.searchsorted(self._cells.starts, self._true.indices, side="right") - 1
        is_there = self._cells.probes[self._sample][:, None, :] == cells[:, :, None]
        found = np.sort(np.where(is_there.any(axis=2), is_there.argmax(axis=2), _NOWHERE).ravel())
        last = int(found[min(len(found) - 1, int(enough * len(found)))])
        return (last + 1) / (len(self._cells.starts) - 1)

    def _recall(self) -> float:
        """Return the share of true neighbours that were found, of some who lie evenly.

        One that was found counts if it is no further than the last of the true ones.
        """
        last = np.rint(self._true.cosines[:, -1:] * np.float64(STEPS))
        return float((self._kept.steps[self._sample] >= last).mean())

    @cached_property
    def _sample(self) -> Places:
        return np.unique(np.linspace(0, len(self._vectors) - 1, _QUERIES).astype(np.intp))

    @cached_property
    def _true(self) -> Neighbours:
        return nearest_among(self._vectors, self._sample, self._kept.steps.shape[1])

    def _tasks(self, first: int, last: int) -> Iterator[tuple[int, Places]]:
        """Yield each cell with those who look into it in this round, some at a time."""
        cells = self._cells.probes[:, first:last].ravel()
        order = np.argsort(cells, kind="stable")
        ends = np.searchsorted(cells[order], np.arange(len(self._cells.starts)))
        for cell, (start, stop) in enumerate(pairwise(ends.tolist())):
            for at in range(start, stop, _ROWS):
                yield cell, order[at : min(at + _ROWS, stop)] // (last - first)

    def _look(self, task: tuple[int, Places]) -> Found:
        """Return whoever in a cell may be among the nearest of these."""
        cell, queries = task
        columns = np.arange(*self._cells.starts[cell : cell + 2])
        queries = queries[self._may_find_nearer(queries, int(columns[0]))]
        rows = self._cells.rows[queries]
        taken = [self._products.take(self._loaded, of) for of in (rows, columns)]
        numbers = self._products.cosines(*taken)[: len(rows), : len(columns)]
        query, column = self._products.above(numbers, self._bars(queries, numbers))
        if len(query) > CROWD * len(queries):
            query, column = nearest_of_a_crowd(
                self._vectors[rows] @ self._vectors[columns].T, self._kept.steps.shape[1] + 1
            )
        row, column = rows[query], columns[column]
        other = row != column
        query, row, column = queries[query[other]], row[other], column[other]
        steps = steps_of(self._vectors, row, column)
        near = steps >= self._kept.steps[query, -1]
        return Found(query[near], self._cells.order[column[near]], steps[near])

    def _may_find_nearer(self, queries: Places, first: int) -> NDArray[np.bool_]:
        """Leave out who has k equals: nobody is nearer, and only a lower one can come in."""
        may: NDArray[np.bool_] = self._kept.steps[queries, -1] < STEPS
        if self._cells.is_in_order:
            may |= first < self._kept.places[queries, -1]
        return may

    def _bars(self, queries: Places, numbers: NDArray[Any]) -> NDArray[np.float64]:
        """Return what the cosine of anyone who is to come in cannot be below."""
        last = self._kept.steps[queries, -1]
        bars = bars_over(last, self._products.error)
        lacking = np.flatnonzero(last == NOBODY)
        if len(lacking):
            k = min(self._kept.steps.shape[1] + 1, numbers.shape[1])  # itself may be among them
            found = self._products.kth_largest(numbers[lacking], k)
            bars[lacking] = found - 2 * self._products.error - 2 / STEPS
            if k <= self._kept.steps.shape[1]:
                bars[lacking] = -2
        return bars


def _as_given(rows: Places, kept: Nearest, recall: float = 1.0) -> Neighbours:
    """Return what was found for each row at the place where it was asked for."""
    indices, steps = np.empty_like(kept.places), np.empty_like(kept.steps)
    indices[rows], steps[rows] = kept.places, kept.steps
    cosines = np.maximum(steps, -STEPS) / np.float32(STEPS)
    return Neighbours(indices, cosines.astype(np.float32), recall)


def products_for(n_rows: int) -> Products[Any, Any]:
    """Return the faster products for so many rows."""
    enough = _HALVES_FROM if "torch" in sys.modules else _TORCH_FROM
    if n_rows >= enough and has_fast_halves():
        return HalfProducts()
    return SingleProducts()


def _check(vectors: Vectors) -> None:
    if not np.isfinite(vectors).all():
        raise ModelError("an embedding is not finite: embed the statements again")
