"""The k nearest neighbours of every vector: exactly up to 40,000, at least nearly all beyond.

Up to 40,000 every pair is looked at once for both of its ends (`kg.tiles`). Up to 200,000 every
pair is first compared in fewer dimensions, and those that may be near are measured
(`kg.projections`).

Beyond, it depends on the data. Vectors are put in cells, and each looks for its neighbours in the
cells whose centres are nearest (`kg.cells`). The search goes by cell and not by vector: all the
vectors that look into a cell are multiplied with it at once, as a matrix (`kg.products`), because a
matrix product is many times as fast as the same products one by one. Of sentences of documentation
a fifth of the cells have 96 % of the neighbours, of planted statements it takes more than half.
Where a sample says that it takes more than a fifth, to compare every pair in fewer dimensions costs
less.

Picking the k largest of many cosines costs more than computing them if each row is sorted. So a
vector's own cell gives it a bar, its k-th largest cosine there; in the other cells only what is
above the bar is looked at, and the bar rises with it, in a few rounds. Cosines of the fast products
are not exact, so the bar is lowered by their error, and whoever is above it is measured again:
within the cells that are looked into nothing is missed, and the cosines are exact.

Cosines are rounded to 1e-6 before they are compared, and among equals the lower index wins: the
last bits of a cosine are chance, and would decide between equals.
"""

import sys
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kg.cells import (
    Cells,
    blocks_of,
    cells_of,
    centres_of,
    partition_of,
    probes_of,
    side_by_side,
)
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
from kg.projections import Known, nearest_by_scores, scores_of, thinned
from kg.tiles import Tiles

EXACT_UP_TO = 40_000
"""Vectors; among more, a few neighbours can be missed."""

_CELLS_FROM = 200_000
"""Vectors; among more, neighbours are looked for in some cells only, if few have them."""

_TILES_FROM = 2000
"""Vectors of which each pair is looked at once."""

_HALVES_FROM, _TORCH_FROM = 2000**2, 12_000**2
"""Pairs that are looked at in bfloat16, if torch is loaded and if it is not: loading it takes
longer than the products of ten thousand. The neighbours are exact either way."""

_BLOCK = 1024
_ROWS = 2048
_ROUNDS = (0, 1, 4, 16, 32, 64, 128)
"""Of the cells that a vector looks into, where each round of the search begins."""

_MANY = 0.2
"""Of all cells: to look into more than these costs more than to look at each pair once."""

_NOWHERE = 2**31
"""The place of a cell among those that are looked into, if it is not there."""

_FEWEST = 16
"""Cells are looked into before the recall is measured."""

_RECALL = 0.96
"""Enough; measured on so few vectors it can be wrong by 0.01."""

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

    Among more than `EXACT_UP_TO` vectors some can be missed, but no more than one in twenty. The
    recall that is returned is the share that was found of those of a sample, give or take 0.01.

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
    sample = _sample_of(vectors, k)
    if len(vectors) > _CELLS_FROM:
        products = products_for(len(vectors) ** 2)
        centres = centres_of(vectors, products)
        if _share_to_look_into(vectors, centres, products, sample.known) <= _MANY:
            cells = cells_of(vectors, partition_of(vectors, centres, products), products)
            search = _Search(vectors, cells, products, k)
            return sample.measured(_complete(search.result(_RECALL, sample), vectors))
    return _by_scores(vectors, sample)


def _of_each_pair(vectors: Vectors, k: int) -> Neighbours:
    """Return the k nearest of every vector, exactly, looking at each pair once."""
    products = products_for(len(vectors) ** 2)
    order, kept = Tiles(vectors, side_by_side(vectors, products), products, k).nearest()
    return _complete(_as_given(order, kept), vectors)


def _by_scores(vectors: Vectors, sample: "_Sample") -> Neighbours:
    """Return the k nearest of every vector as far as fewer dimensions show them."""
    k = sample.steps.shape[1]
    products = products_for(len(vectors) ** 2)
    scores = scores_of(vectors, sample.known, products)
    if scores is None:
        return _of_each_pair(vectors, k)
    kept = nearest_by_scores(vectors, scores, k, products)
    return sample.measured(_complete(_as_given(np.arange(len(vectors)), kept), vectors))


def _complete(found: Neighbours, vectors: Vectors) -> Neighbours:
    """Find the k nearest of those that have fewer, or that have as many equals."""
    lacking = np.flatnonzero(found.indices[:, -1] == len(vectors))
    k = found.indices.shape[1]
    if len(lacking):
        found.indices[lacking], found.cosines[lacking], _ = _nearest_among(vectors, lacking, k)
    return found


class _Sample(NamedTuple):
    """Some vectors that lie evenly, and their true neighbours."""

    known: Known
    steps: NDArray[np.int32]
    """The cosines, in millionths."""

    def measured(self, found: Neighbours) -> Neighbours:
        """Return what was found with the share that it has of the true neighbours."""
        cosines = found.cosines[self.known.rows] * np.float64(STEPS)
        return found._replace(recall=self.share_of(np.rint(cosines).astype(np.int32)))

    def share_of(self, steps: NDArray[np.int32]) -> float:
        """Return the share of the true neighbours among these of the same rows, in [0, 1].

        One that was found counts if it is no further than the last of the true ones.
        """
        return float((steps >= self.steps[:, -1:]).mean())


def _sample_of(vectors: Vectors, k: int) -> _Sample:
    rows = np.unique(np.linspace(0, len(vectors) - 1, _QUERIES).astype(np.intp))
    true = _nearest_among(vectors, rows, k)
    steps = np.rint(true.cosines * np.float64(STEPS)).astype(np.int32)
    return _Sample(Known(rows, true.indices), steps)


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
    return _nearest_among(vectors, rows, k)


def _nearest_among(vectors: Vectors, rows: NDArray[np.integer], k: int) -> Neighbours:
    """Return the same of vectors that are known to be finite."""
    k = max(0, min(k, len(vectors) - 1))
    if k == 0 or len(rows) == 0:
        shape = (len(rows), k)
        return Neighbours(np.empty(shape, np.int32), np.empty(shape, np.float32))
    blocks = blocks_of(len(vectors), _BLOCK, np.asarray(rows))
    return _Search(vectors, blocks, products_for(len(rows) * len(vectors)), k).result()


def _share_to_look_into(
    vectors: Vectors, centres: Vectors, products: Products[Any, Any], known: Known
) -> float:
    """Return the share of all cells that have enough of the true neighbours, on a sample.

    More than 1 if the cells that are looked into at the most do not have them. Nothing but the
    sample looks for its cells, and few others are put in theirs: for all vectors that takes seconds
    and gigabytes, which are needed only if it comes to a search.
    """
    vectors, known = thinned(vectors, known)
    found = partition_of(vectors, centres, products)
    probes = probes_of(vectors[known.rows], found.cells_at(known.rows), found, products)
    cells = found.cells_at(known.indices)
    is_there = probes[:, None, :] == cells[:, :, None]
    ranks = np.sort(np.where(is_there.any(axis=2), is_there.argmax(axis=2), _NOWHERE).ravel())
    last = int(ranks[min(len(ranks) - 1, int(_RECALL * len(ranks)))])
    return (last + 1) / (len(found.starts) - 1)


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

    def result(self, enough: float = 1.0, sample: _Sample | None = None) -> Neighbours:
        """Look into the cells until enough is found, and return the nearest of each who asked."""
        probes = self._cells.probes.shape[1]
        rounds = [first for first in _ROUNDS if first < probes] + [probes]
        for first, last in pairwise(rounds):
            self._kept.keep(self._products.each(self._look, self._tasks(first, last)))
            if sample is not None and last >= _FEWEST:
                rows = np.argsort(self._cells.order)[sample.known.rows]
                if sample.share_of(self._kept.steps[rows]) >= enough:
                    break
        return _as_given(self._cells.queries, self._kept)

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


def _as_given(rows: Places, kept: Nearest) -> Neighbours:
    """Return what was found for each row at the place where it was asked for."""
    indices, steps = np.empty_like(kept.places), np.empty_like(kept.steps)
    indices[rows], steps[rows] = kept.places, kept.steps
    cosines = np.maximum(steps, -STEPS) / np.float32(STEPS)
    return Neighbours(indices, cosines.astype(np.float32))


def products_for(n_pairs: int) -> Products[Any, Any]:
    """Return the faster products for so many pairs."""
    enough = _HALVES_FROM if "torch" in sys.modules else _TORCH_FROM
    if n_pairs >= enough and has_fast_halves():
        return HalfProducts()
    return SingleProducts()


def _check(vectors: Vectors) -> None:
    if not np.isfinite(vectors).all():
        raise ModelError("an embedding is not finite: embed the statements again")
