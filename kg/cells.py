"""Vectors in cells, so that the neighbours of one need be looked for in a few cells only.

Cells are those of k-means on the sphere (Dhillon & Modha, 2001, Concept decompositions for large
sparse text data using clustering, doi:10.1023/A:1007612920971): around each centre, the vectors
to which no other centre is nearer. A vector looks for its neighbours in the cells of the centres
that are nearest to it, its own first, as in an inverted file (Sivic & Zisserman, 2003, Video
Google, doi:10.1109/ICCV.2003.1238663).

The centres come from a sample that is drawn with a fixed seed, so the same vectors in the same
order give the same cells.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kg.embedders import Vectors
from kg.products import Places, Products

_PROBES = 256
"""Cells that a vector can look for its neighbours in."""

_SAMPLE = 64
"""Vectors a cell that its centre is made from."""

_ROUNDS = 6
"""Of k-means."""

_FEW, _ROUGH = 16, 1
"""The same two where cells are only an order."""

_ROWS = 4096
_UNEVEN = 3
"""A cell with more than this many times as many as the mean is cut into pieces."""


class Cells(NamedTuple):
    """A partition of vectors, and the cells in which some or all look for their neighbours."""

    order: Places
    """The vectors, cell by cell, ascending within a cell."""

    starts: Places
    """Where in this order each cell begins; at the end, the number of vectors."""

    rows: Places
    """Who looks for neighbours, as places in this order."""

    queries: Places
    """At what place each of them gets its answer."""

    probes: NDArray[np.uint16]
    """[rows, p]: the cells that each looks into, its own first, none twice."""

    is_in_order: bool
    """The order is the one in which the vectors came."""


def blocks_of(n: int, size: int, rows: Places) -> Cells:
    """Return n vectors in their order in blocks, of which each of the rows looks into all."""
    starts = np.append(np.arange(0, n, size), n)
    own = rows // size
    probes = np.tile(np.arange(len(starts) - 1), (len(rows), 1))
    probes = np.where(probes <= own[:, None], np.roll(probes, 1, axis=1), probes)
    probes[:, 0] = own
    return Cells(np.arange(n), starts, rows, np.arange(len(rows)), probes.astype(np.uint16), True)


class Partition(NamedTuple):
    """Vectors in cells around centres, without who looks where."""

    order: Places
    """The vectors, cell by cell, ascending within a cell."""

    starts: Places
    """Where in this order each cell begins; at the end, the number of vectors."""

    centres: Vectors
    """Of each cell; pieces of one that was cut have the same."""

    def cells_at(self, vectors: NDArray[np.integer]) -> Places:
        """Return the cell of each of these vectors, by their numbers."""
        place = np.empty(len(self.order), dtype=np.intp)
        place[self.order] = np.arange(len(self.order))
        cells: Places = np.searchsorted(self.starts, place[vectors], side="right") - 1
        return cells


def partition_of(vectors: Vectors, centres: Vectors, products: Products[Any, Any]) -> Partition:
    """Return vectors of length 1 in cells around centres."""
    own = _nearest(vectors, centres, products, 1)[:, 0]
    counts = np.bincount(own, minlength=len(centres))
    most = max(1, round(_UNEVEN * len(vectors) / len(centres)))
    pieces = -(-counts // most)  # 0 for an empty cell
    order = np.argsort(own, kind="stable")
    of_cell = np.repeat(np.arange(len(centres)), pieces)
    within = np.arange(len(of_cell)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    share, rest = np.divmod(counts[of_cell], pieces[of_cell])
    starts = np.concatenate([[0], np.cumsum(share + (within < rest))])
    return Partition(order, starts, centres[of_cell])


def probes_of(
    vectors: Vectors, own: Places, found: Partition, products: Products[Any, Any]
) -> NDArray[np.uint16]:
    """Return the cells that each of some vectors looks into, its own first.

    Args:
        vectors: Of length 1.
        own: The cell of each.
        found: The cells.
        products: Make the cosines.
    """
    most = min(_PROBES, len(found.centres))
    return _own_first(_nearest(vectors, found.centres, products, most), own)


def cells_of(vectors: Vectors, found: Partition, products: Products[Any, Any]) -> Cells:
    """Return the cells with who looks into which: everybody, in the order of the cells."""
    n = len(vectors)
    own = np.empty(n, dtype=np.intp)
    own[found.order] = np.repeat(np.arange(len(found.starts) - 1), np.diff(found.starts))
    probes = probes_of(vectors, own, found, products)[found.order]
    return Cells(found.order, found.starts, np.arange(n), found.order, probes, False)


def side_by_side(vectors: Vectors, products: Products[Any, Any]) -> Places:
    """Return an order of vectors that has many near ones side by side."""
    if not len(vectors):
        return np.empty(0, dtype=np.intp)
    centres = centres_of(vectors, products, _FEW, _ROUGH)
    return np.argsort(_nearest(vectors, centres, products, 1)[:, 0], kind="stable")


def centres_of(
    vectors: Vectors, products: Products[Any, Any], members: int = _SAMPLE, rounds: int = _ROUNDS
) -> Vectors:
    """Return the centres of k-means on a sample, of so many members a cell, after some rounds."""
    n = len(vectors)
    rng = np.random.default_rng(0)
    n_cells = max(1, round(n**0.5))
    sample = vectors[np.sort(rng.permutation(n)[: n_cells * members])]
    centres = sample[np.sort(rng.permutation(len(sample))[:n_cells])]
    for _ in range(rounds):
        own = _nearest(sample, centres, products, 1)[:, 0]
        order = np.argsort(own, kind="stable")
        first = np.flatnonzero(np.diff(own[order], prepend=-1))
        sums = np.add.reduceat(sample[order], first, axis=0)
        centres = sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-9)
    return centres


def _nearest(
    vectors: Vectors, centres: Vectors, products: Products[Any, Any], k: int
) -> NDArray[np.uint16]:
    """Return the k nearest centres of each vector, nearest first."""
    loaded = products.load(centres)

    def of_block(start: int) -> Places:
        block = products.load(vectors[start : start + _ROWS])
        return products.largest(products.cosines(block, loaded), k).astype(np.uint16)

    return np.concatenate(products.each(of_block, range(0, len(vectors), _ROWS)))


def _own_first(probes: NDArray[np.uint16], own: Places) -> NDArray[np.uint16]:
    """Put the cell that each row is in first; if it is missing, it takes the place of the last."""
    rows = np.arange(len(probes))
    is_own = probes == own[:, None]
    place = np.where(is_own.any(axis=1), is_own.argmax(axis=1), probes.shape[1] - 1)
    probes[rows, place] = probes[:, 0]
    probes[:, 0] = own
    return probes
