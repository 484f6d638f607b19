"""The k nearest neighbours of every vector, exactly.

Cosines come from matrix products of a block of rows with a block of columns, so that memory
stays at a few tens of megabytes however many vectors there are. Picking the k largest of n
numbers costs more than computing them if every row is partitioned in full. So the first
block of columns is, and its k-th largest cosine is the row's bar; of every later block only
the few cosines above the bar are looked at, and the bar rises with them.

Cosines are rounded to 1e-6 before they are compared, and among equals the lower index wins:
the last bits of a matrix product depend on where in a block a pair stands, and without rounding
they would decide between equals.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kg.embedders import Vectors
from kg.errors import ModelError

_ROWS = 1024
_COLUMNS = 4096
_STEPS = 1_000_000
"""Cosines are compared as whole numbers of millionths."""

_NOISE = 0.1
"""In millionths: more than single precision can be wrong by at a cosine of 1, which is 0.06."""

_NONE = np.iinfo(np.int32).min


class Neighbours(NamedTuple):
    """The k nearest vectors of each, nearest first; never the vector itself."""

    indices: NDArray[np.int32]
    """[n, k]."""

    cosines: NDArray[np.float32]
    """[n, k], in [-1, 1], rounded to 1e-6."""


def nearest_neighbours(vectors: Vectors, k: int) -> Neighbours:
    """Return the k nearest neighbours of every vector by cosine; ties go to the lower index.

    Args:
        vectors: [n, d], of length 1.
        k: How many; with fewer than k + 1 vectors, all the others.

    Raises:
        ModelError: A vector is not finite.
    """
    return nearest_among(vectors, np.arange(len(vectors)), k)


def nearest_among(vectors: Vectors, rows: NDArray[np.integer], k: int) -> Neighbours:
    """Return the k nearest neighbours of some of the vectors among all of them.

    It costs as many cosines as there are rows times vectors: 20 new statements among 10^5 take
    a tenth of a second.

    Args:
        vectors: [n, d], of length 1.
        rows: [m], which of the vectors; the neighbours come in this order.
        k: How many; with fewer than k + 1 vectors, all the others.

    Raises:
        ModelError: A vector is not finite.
    """
    if not np.isfinite(vectors).all():
        raise ModelError("an embedding is not finite: embed the statements again")
    k = max(0, min(k, len(vectors) - 1))
    indices = np.empty((len(rows), k), dtype=np.int32)
    steps = np.empty((len(rows), k), dtype=np.int32)
    for start in range(0, len(rows) if k else 0, _ROWS):
        block = slice(start, start + _ROWS)
        indices[block], steps[block] = _nearest_to_block(vectors, rows[block], k)
    cosines = (np.clip(steps, -_STEPS, _STEPS) / _STEPS).astype(np.float32)
    return Neighbours(indices, cosines)


_Whole = NDArray[np.int32]


def _nearest_to_block(vectors: Vectors, rows: NDArray[np.integer], k: int) -> tuple[_Whole, _Whole]:
    """Return indices and cosines, in millionths, of the neighbours of these rows."""
    columns = max(_COLUMNS, k)
    queries = vectors[rows]
    best = np.empty((len(rows), 0), dtype=np.int32), np.empty((len(rows), 0), dtype=np.int32)
    for left in range(0, len(vectors), columns):
        right = min(left + columns, len(vectors))
        cosines = queries @ vectors[left:right].T
        within = np.flatnonzero((rows >= left) & (rows < right))
        cosines[within, rows[within] - left] = -np.inf
        if left == 0:
            best = _largest(cosines, k)
        else:
            bar = (best[1][:, -1:] + 0.5 - _NOISE) / _STEPS
            above = np.flatnonzero(cosines > bar.astype(np.float32))
            row, column = np.divmod(above, right - left)
            best = _merged(best, row, column + left, _in_steps(cosines[row, column]))
    return best


def _largest(cosines: Vectors, k: int) -> tuple[_Whole, _Whole]:
    """Return the k largest of each row, largest first, ties to the lower column."""
    steps = _in_steps(cosines)
    columns = steps.shape[1]
    # One whole number that orders by cosine, then by column, and is never tied.
    keys = steps.astype(np.int64) * columns - np.arange(columns)
    found = np.argpartition(-keys, min(k, columns) - 1, axis=1)[:, :k]
    found = np.take_along_axis(found, np.argsort(-np.take_along_axis(keys, found, 1), 1), 1)
    return found.astype(np.int32), np.take_along_axis(steps, found, 1)


def _merged(
    best: tuple[_Whole, _Whole],
    row: NDArray[np.intp],
    column: NDArray[np.intp],
    steps: _Whole,
) -> tuple[_Whole, _Whole]:
    """Return the best of each row after these candidates, whose columns are all higher."""
    rows, k = best[0].shape
    all_rows = np.concatenate([np.repeat(np.arange(rows), k), row])
    all_columns = np.concatenate([best[0].ravel(), column.astype(np.int32)])
    all_steps = np.concatenate([best[1].ravel(), steps])
    order = np.lexsort((all_columns, -all_steps.astype(np.int64), all_rows))
    first = np.searchsorted(all_rows[order], np.arange(rows))
    chosen = order[first[:, None] + np.arange(k)]
    return all_columns[chosen], all_steps[chosen]


def _in_steps(cosines: Vectors) -> _Whole:
    """Return cosines in whole millionths; that of a vector with itself, -inf, as the lowest."""
    millionths = np.rint(cosines * np.float32(_STEPS))
    return np.where(np.isfinite(cosines), millionths, _NONE).astype(np.int32)
