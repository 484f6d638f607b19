"""Where statements that are new come in among the nearest neighbours of all.

Who is nearest to a new statement and to whom the new statement is near is read off the same matrix
product, which is all that grows with the number of statements. Both are a bar to get over: that
of a new statement is the k-th largest of the greatest cosines of groups of the others, below which
the k-th largest of all cannot be; that of one that stands is what its k-th neighbour has. Cosines
of a product are not exact, so bars are lowered by their error, and whoever is above is measured
again (`kg.products`).
"""

import numpy as np
from numpy.typing import NDArray

from kg.embedders import Vectors
from kg.errors import ModelError
from kg.neighbours import nearest_among
from kg.own_lists import NO_ENTRIES, Entries
from kg.products import STEPS, SingleProducts, steps_of

_ROWS = 128
_GROUP = 64
"""Cosines of which the greatest is taken, to find a bar."""

_CROWD = 256
"""So many a row above its bar are a tie of many, not a few near ones."""

_SLACK = SingleProducts.error + 1e-7
"""Of a product's cosine and of a bar in single precision."""

Numbers = NDArray[np.int64]


def nearest_and_seen(
    vectors: Vectors, rows: Numbers, k: int, bars: Numbers
) -> tuple[Entries, Entries]:
    """Return the nearest of each of these rows, and who sees one of them over its bar.

    Of the first there are the k nearest of each row, and maybe some that are further.

    Args:
        vectors: [n, d], of length 1.
        rows: [m], which of the vectors, ascending.
        k: How many.
        bars: Of every vector, in millionths, what a cosine has to reach to be seen from it.

    Raises:
        ModelError: A vector is not finite.
    """
    nearest, seen = [NO_ENTRIES], [NO_ENTRIES]
    low = _lowered(bars)
    for start in range(0, len(rows), _ROWS):
        block = rows[start : start + _ROWS]
        cosines = vectors[block] @ vectors.T
        if not (np.isfinite(cosines[0]).all() and np.isfinite(cosines[:, 0]).all()):
            raise ModelError("an embedding is not finite: embed the statements again")
        cosines[np.arange(len(block)), block] = -2
        one, other = _places(cosines >= low)
        nearest.append(_nearest(vectors, block, cosines, k))
        steps = steps_of(vectors, block[one], other).astype(np.int64)
        over = steps >= bars[other]
        seen.append(Entries(other[over], block[one[over]], steps[over]))
    return _joined(nearest), _joined(seen)


def _nearest(vectors: Vectors, block: Numbers, cosines: Vectors, k: int) -> Entries:
    bar = _kth_at_least(cosines, min(k, cosines.shape[1] - 1)) - np.float32(2 * _SLACK + 1 / STEPS)
    one, other = _places(cosines >= bar[:, None])
    if len(one) > _CROWD * len(block):
        near = nearest_among(vectors, block, k)
        steps = np.rint(near.cosines.astype(np.float64) * STEPS).astype(np.int64)
        row = np.repeat(block, near.indices.shape[1])
        return Entries(row, near.indices.ravel().astype(np.int64), steps.ravel())
    apart = other != block[one]
    row, other = block[one[apart]], other[apart]
    return Entries(row, other, steps_of(vectors, row, other).astype(np.int64))


def _kth_at_least(cosines: Vectors, k: int) -> Vectors:
    """Return a number for each row that its k-th largest cosine is not below; -2 if k is 0."""
    n_rows, n = cosines.shape
    if k < 1:
        return np.full(n_rows, -2, dtype=np.float32)
    groups = max(k, n // _GROUP)
    size = n // groups
    greatest = cosines[:, : size * groups].reshape(n_rows, size, groups).max(axis=1)
    return np.partition(greatest, groups - k, axis=1)[:, groups - k]


def _lowered(bars: Numbers) -> Vectors:
    return ((bars - 0.5) / STEPS - _SLACK).astype(np.float32)


def _places(found: NDArray[np.bool_]) -> tuple[Numbers, Numbers]:
    one, other = np.divmod(np.flatnonzero(found), found.shape[1])
    return one.astype(np.int64), other.astype(np.int64)


def _joined(entries: list[Entries]) -> Entries:
    return Entries(*(np.concatenate(column) for column in zip(*entries, strict=True)))
