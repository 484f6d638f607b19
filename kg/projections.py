"""Nearest neighbours among so many vectors that each pair is first compared in fewer dimensions.

A cosine of 384 numbers costs two to three times as much as one of 160, and sentences spread over
few directions. So

1. vectors are turned to the principal axes of a sample, and the first d - 1 coordinates p are kept.
   A last one stands for what that leaves out: with r the length of the rest, the *score* of a pair
   is

       s_ij = p_i p_j + a r_i r_j,

   a being the mean cosine of the rests of true neighbours;
2. each vector has a bar, and pairs whose score is over the bar of either end are measured exactly.
   The bar of a vector is where about K others are over it. It is not searched for but predicted,
   by least squares from the greatest scores that the vector has with some that are drawn;
3. the k nearest of those that were measured are kept.

Everything is fitted to a sample of vectors whose true neighbours are looked for among all: a; K, so
that `ENOUGH` of the neighbours are among the K best scores; the prediction; and how far bars are
lowered so that `ENOUGH` of the neighbours are over them. Fewer dimensions make a score cheaper and
K larger. Scores grow with the square of the number of vectors, and what is measured with the
number, so d is less among more of them. The recall is that of the sample, and if K is too large for
every d, the search is given up.

Axes and scores are computed in blocks of one size, each on one thread: how many threads there are
changes no bit.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kg.beside import Arrays, shared_out
from kg.embedders import Vectors
from kg.nearest import CROWD, Found, Nearest, nearest_of_a_crowd
from kg.processor import has_fast_halves, has_matrix_units, one_thread
from kg.products import Levels, Places, Products, Singles, steps_of
from kg.screens import COLUMNS, as_bytes_hold, screen_of

DIMENSIONS = (96, 128, 160, 192, 256)
"""Numbers that a score can be made of."""

ENOUGH = 0.965
"""Of the true neighbours of the sample are to be found."""

_MOST, _MOST_OF_ALL = 48, 1 / 500
"""If K is more than so many, and than such a share of all vectors, scores say too little."""

_MEASURED, _MEASURED_BY_HALVES, _MEASURED_BY_UNITS = 35_000, 100_000, 400_000
"""Numbers of scores that cost as much as to measure one pair, whose vectors lie anywhere, and to
keep it or not: with AVX2; with AVX-512 for half precision; with matrix units, where most of a score
is to write it."""

_THINNED = 16_384
"""Vectors, evenly taken, that stand for all; of more than sixteen times as many, each sixteenth."""

_WORTH = 0.7
"""Of all dimensions: to compare pairs in more than these saves nothing."""

_AXES_FROM = 8192
"""Vectors whose principal axes are taken."""

_DRAWN, _HEATS = 4096, 16
"""Vectors that bars are predicted from, and groups of them whose greatest scores are looked at."""

_SAME = 1e-6
"""Two ways to multiply give one pair scores that differ by no more than this."""

_BLOCK = 1024
_PAIRS, _TILES = 4_000_000, 2048
"""Pairs that are about as many as are held at once, and tiles that are looked at to begin with."""


class Known(NamedTuple):
    """Some vectors, and their true neighbours."""

    rows: Places
    indices: NDArray[np.int32]
    """[rows, k]."""


class Scores(NamedTuple):
    """Vectors in fewer dimensions, and the bar of each."""

    vectors: Vectors
    """[n, d]; the product of two is their score."""

    bars: Singles


class _Over(NamedTuple):
    """Pairs over a bar."""

    one: NDArray[np.int32]
    other: NDArray[np.int32]


_NO_PAIRS = _Over(np.empty(0, np.int32), np.empty(0, np.int32))


def scores_of(vectors: Vectors, known: Known, products: Products[Any, Any]) -> Scores | None:
    """Return vectors in as few dimensions as their neighbours allow; None if that is nearly all.

    Args:
        vectors: [n, d], of length 1.
        known: What is fitted to.
        products: Make the scores.
    """
    axes = _axes(vectors)
    width = _cheapest_width(vectors, axes, known, products)
    if width is None:
        return None
    scored = as_bytes_hold(_scored(vectors, axes, width, known, products))
    bars = _bars(scored, known, products)
    return None if bars is None else Scores(scored, bars)


def nearest_by_scores(
    vectors: Vectors, scores: Scores, k: int, products: Products[Any, Any]
) -> Nearest:
    """Return the k nearest of each among those that are over its bar or whose bar it is over.

    Whoever has fewer than k of them gets nobody for the rest.
    """
    kept = Nearest(len(vectors), k, nobody=len(vectors))
    tiles = _ScoreTiles(vectors, scores, products, k)
    corners = list(tiles.corners())
    n_processes = products.threads
    first, many = 0, _TILES
    waiting: list[Found] = []
    enough = max(_PAIRS, kept.steps.size // 2)  # to keep some means to look at all that are kept
    while first < len(corners):
        some = corners[first : first + many]

        def measured(number: int, some: Sequence[tuple[int, int]] = some) -> Arrays:
            mine = some[number::n_processes]
            (found,) = products.each(tiles.over_in_each, [mine], threads=1)
            columns = zip(_NO_PAIRS, *found, strict=True)
            one, other = (np.concatenate(column) for column in columns)
            steps = steps_of(vectors, one, other)
            near, also = kept.near(Found(one, other, steps)), kept.near(Found(other, one, steps))
            return [np.array([len(steps)]), *near, *also]

        n_found = 0
        for n_measured, *ends in shared_out(measured, n_processes):
            n_found += int(n_measured[0])
            waiting += [Found(*ends[:3]), Found(*ends[3:])]
        if sum(len(each.steps) for each in waiting) >= enough:
            kept.keep(waiting, products.each)
            waiting = []
        first += many
        many = max(1, many * _PAIRS // max(1, n_found))  # a tile has as many pairs as another
    if waiting:
        kept.keep(waiting, products.each)
    return kept


class _ScoreTiles:
    """The matrix of all scores on and above its diagonal, in tiles of vectors of like bars."""

    def __init__(
        self, vectors: Vectors, scores: Scores, products: Products[Any, Any], k: int
    ) -> None:
        self._vectors = vectors
        self._order = np.argsort(-scores.bars, kind="stable")
        self._bars = scores.bars[self._order]
        self._screen = screen_of(scores.vectors, self._order, self._bars, products)
        self._k = k

    def corners(self) -> Iterator[tuple[int, int]]:
        """Yield the first row and the first column of each tile, by column."""
        for column in range(0, len(self._order), COLUMNS):
            for row in range(0, column + COLUMNS, self._screen.rows):
                yield row, column

    def over_in_each(self, corners: Sequence[tuple[int, int]]) -> list[_Over]:
        """Return the pairs in each tile that are over the bar of either end."""
        return list(map(self._over, corners))

    def _over(self, corner: tuple[int, int]) -> _Over:
        first, second = corner
        n = len(self._order)
        stop, end = min(first + self._screen.rows, n), min(second + COLUMNS, n)
        row, column = self._screen.over(first, second)  # whose bar is the lower one
        if len(row) > CROWD * (stop - first):
            row, column = self._of_crowd(slice(first, stop), slice(second, end))
        if stop > second:  # it holds pairs from both of their ends
            is_first = first + row < second + column
            row, column = row[is_first], column[is_first]
        one, other = self._order[first + row], self._order[second + column]
        return _Over(one.astype(np.int32), other.astype(np.int32))

    def _of_crowd(self, rows: slice, columns: slice) -> tuple[Places, Places]:
        """Return the k nearest of each in a tile where too many are over a bar."""
        cosines = self._vectors[self._order[rows]] @ self._vectors[self._order[columns]].T
        k = self._k + 1  # itself may be among them
        row, column = nearest_of_a_crowd(cosines, k)
        other, also = nearest_of_a_crowd(cosines.T, k)
        both = np.stack([np.concatenate([row, also]), np.concatenate([column, other])])
        row, column = np.unique(both, axis=1)
        return row, column


def _axes(vectors: Vectors) -> Vectors:
    """Return the principal axes of some vectors that lie evenly, the longest first."""
    some = vectors[np.linspace(0, len(vectors) - 1, _AXES_FROM).astype(np.intp)]
    with one_thread():
        _, axes = np.linalg.eigh((some.T @ some).astype(np.float64))
    return axes[:, ::-1].astype(np.float32)


def _cheapest_width(
    vectors: Vectors, axes: Vectors, known: Known, products: Products[Any, Any]
) -> int | None:
    """Return of how many numbers scores are to be; None if they say too little or save nothing."""
    n, n_known = len(vectors), len(known.rows) + known.indices.size
    some, there = thinned(vectors, known)
    measured = _MEASURED
    if has_fast_halves():
        measured = _MEASURED_BY_UNITS if has_matrix_units() else _MEASURED_BY_HALVES
    costs = {}
    for width in DIMENSIONS:
        if width > _WORTH * vectors.shape[1]:
            break
        scores = _scored(some, axes, width, there, products)
        k = _rank_among(scores[n_known:], scores, there) * n / (len(some) - n_known)
        if not _are_many(k, n):
            costs[width] = n / 2 * width / measured + k
    return min(costs, key=lambda width: costs[width], default=None)


def thinned(vectors: Vectors, known: Known) -> tuple[Vectors, Known]:
    """Return some vectors that stand for all, and the places among them of those that are known.

    The first are known, the next their neighbours, and the rest evenly taken.
    """
    n, n_rows, n_known = len(vectors), len(known.rows), len(known.rows) + known.indices.size
    even = range(0, n, max(1, n // max(_THINNED, n // 16)))
    indices = np.arange(n_rows, n_known, dtype=np.int32).reshape(known.indices.shape)
    some = vectors[np.concatenate([known.rows, known.indices.ravel(), even])]
    return some, Known(np.arange(n_rows), indices)


def _are_many(k: float, n: int) -> bool:
    return k > max(_MOST, _MOST_OF_ALL * n)


def _rank_among(others: Vectors, scores: Vectors, known: Known) -> int:
    """Return how many of others are no worse than all but a few of the neighbours."""
    with one_thread():
        found = scores[known.rows] @ others.T
    mine = np.einsum("ij,ikj->ki", scores[known.rows], scores[known.indices])
    mine -= _SAME
    ranks = np.concatenate([(found >= each[:, None]).sum(axis=1) for each in mine])
    return int(np.quantile(ranks, ENOUGH))


def _scored(
    vectors: Vectors, axes: Vectors, width: int, known: Known, products: Products[Any, Any]
) -> Vectors:
    """Return so many numbers of each vector; the product of two is their score."""
    scored = _turned(vectors, axes[:, : width - 1], products)
    scored[:, -1] *= _shared_rest(vectors, scored, known) ** 0.5
    return scored


def _turned(vectors: Vectors, axes: Vectors, products: Products[Any, Any]) -> Vectors:
    """Return coordinates along axes, and the length of the rest."""
    turned = np.empty((len(vectors), axes.shape[1] + 1), dtype=np.float32)

    def of_block(start: int) -> None:
        block = slice(start, start + _BLOCK)
        turned[block, :-1] = vectors[block] @ axes
        kept = np.einsum("ij,ij->i", turned[block, :-1], turned[block, :-1])
        turned[block, -1] = np.sqrt(np.maximum(1 - kept, 0))

    with one_thread():
        products.each(of_block, range(0, len(vectors), _BLOCK))
    return turned


def _shared_rest(vectors: Vectors, turned: Vectors, known: Known) -> float:
    """Return the mean cosine of what is left out of true neighbours, in [0, 1]."""
    row, other = np.repeat(known.rows, known.indices.shape[1]), known.indices.ravel()
    cosines = np.einsum("ij,ij->i", vectors[row], vectors[other])
    kept = np.einsum("ij,ij->i", turned[row, :-1], turned[other, :-1])
    rests = turned[row, -1] * turned[other, -1]
    return float(np.clip((cosines - kept).sum() / max(float(rests.sum()), 1e-9), 0, 1))


def _bars(scores: Vectors, known: Known, products: Products[Any, Any]) -> Singles | None:
    """Return a bar for each vector, or None if too many would be over it."""
    loaded = products.load(scores)
    drawn = np.sort(np.random.default_rng(0).permutation(len(scores))[:_DRAWN])
    columns = products.take(loaded, drawn)

    def heats(rows: Places) -> Levels:
        numbers = products.cosines(products.take(loaded, rows), columns)
        return _seen(products.greatest(numbers[: len(rows), : len(drawn)], _HEATS))

    some = heats(known.rows)
    best = _best(scores, known.rows, some[:, 1], products)
    mine = np.einsum("ij,ikj->ik", scores[known.rows], scores[known.indices])
    ranks = np.sort(best.ranks(mine).ravel())
    k = int(ranks[int(ENOUGH * len(ranks))])
    if _are_many(k, len(scores)):
        return None
    weights = np.linalg.lstsq(some, best.at(k), rcond=None)[0]
    blocks = np.split(np.arange(len(scores)), range(_BLOCK, len(scores), _BLOCK))
    bars = np.concatenate(products.each(heats, blocks)) @ weights
    lower = np.minimum(bars[known.rows][:, None], bars[known.indices])
    lowered: Singles = (bars + np.quantile(mine - lower, 1 - ENOUGH)).astype(np.float32)
    return lowered


def _seen(greatest: Singles) -> Levels:
    """Return what a bar is predicted from: the mean, the greatest and the spread of the heats.

    The greatest of all is left out, as it may be the score of a vector with itself.
    """
    falling = -np.sort(-greatest.astype(np.float64), axis=1)[:, 1:]
    columns = [np.ones(len(falling)), falling.mean(axis=1), falling[:, 0], falling.std(axis=1)]
    return np.stack(columns, axis=1)


class _Best(NamedTuple):
    """The best scores of some vectors with all, by row, then falling."""

    keys: Levels
    """Four times the row less the score."""

    ends: Places
    lowest: Levels
    """Of each row, what no score that is held is below."""

    def ranks(self, scores: Vectors) -> Places:
        """Return how many of its row are no worse than each of these: [rows, k]."""
        rows = np.arange(len(scores))[:, None]
        places = np.searchsorted(self.keys, 4 * rows - scores + _SAME, side="right")
        return np.minimum(places, self.ends[1:, None]) - self.ends[:-1, None]

    def at(self, rank: int) -> Levels:
        """Return the score of this rank in each row, or the lowest if fewer are held."""
        places = self.ends[:-1] + rank
        is_held = places < self.ends[1:]
        found = self.lowest.copy()
        found[is_held] = 4 * np.flatnonzero(is_held) - self.keys[places[is_held]]
        return found


def _best(scores: Vectors, rows: Places, lowest: Levels, products: Products[Any, Any]) -> _Best:
    ours = scores[rows]
    bars = lowest.astype(np.float32)[:, None]

    def of_block(start: int) -> Levels:
        found = ours @ scores[start : start + _BLOCK].T
        row, column = np.nonzero(found >= bars)
        keys: Levels = 4.0 * row - found[row, column]
        return keys

    with one_thread():
        keys = products.each(of_block, range(0, len(scores), _BLOCK))
    held = np.sort(np.concatenate(keys))
    ends = np.searchsorted(held, 4.0 * np.arange(len(rows) + 1) - 2)
    return _Best(held, ends, lowest)
