"""Whether a community hangs together by more than a thread.

A community of n vertices is *well connected* if it cannot be cut in two by removing log10(n) edges
or fewer (Park, Tabatabaee, Ramavarapu, Liu, Pailodi, Ramachandran, Korobskiy, Ayres, Chacko &
Warnow, 2024, Well-connectedness and community detection, doi:10.1371/journal.pcsy.0000009). So one
of up to 9 must be connected, of up to 99 have no bridge, and of up to 999 no cut of two edges. A
weight plays no part in it: edges of positive weight are counted.

All communities are looked at together. With k = floor(log10 n) + 1, the question is whether any two
vertices are joined by k paths without a common edge. k - 1 forests that each span what the ones
before left over prove this for the ends of every edge that is left over after them: each forest
joins the ends by a path of its own (Nagamochi & Ibaraki, 1992, doi:10.1007/BF01758778). Such ends
are made one vertex, and so on until a community is one vertex, or has a vertex with fewer than k
edges, which is a cut. Where neither comes to pass, the least cut of what is left is computed.
"""

import igraph as ig
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components, minimum_spanning_tree

from kg.partition_quality import Labels, Pieces

Verdicts = NDArray[np.bool_]


def well_connected(pieces: Pieces, labels: Labels) -> Verdicts:
    """Return whether each community is well connected; a community of one is.

    Args:
        pieces: The graph.
        labels: Of each vertex, from 0.
    """
    sizes = np.bincount(labels)
    verdict = np.ones(len(sizes), dtype=bool)
    inside = labels[pieces.head] == labels[pieces.tail]
    head, tail = pieces.head[inside], pieces.tail[inside]
    needed = np.floor(np.log10(np.maximum(sizes, 1))).astype(np.int64) + 1
    for k in np.unique(needed[sizes > 1]).tolist():
        chosen = (needed == k) & (sizes > 1)
        edges = chosen[labels[head]]
        _decide(verdict, labels, chosen, head[edges], tail[edges], k)
    return verdict


def _decide(  # noqa: PLR0913 - a graph as columns, and what is asked of it
    verdict: Verdicts, labels: Labels, chosen: Verdicts, head: Labels, tail: Labels, k: int
) -> None:
    """Decide for the chosen communities, in place, whether every cut of them has k edges."""
    node = np.arange(len(labels))
    open_ = chosen.copy()
    while True:
        present = np.unique(node[open_[labels]])
        owner = labels[present]  # a merged vertex is named after one of those it holds
        n_nodes = np.bincount(owner, minlength=len(chosen))
        degree = np.bincount(np.concatenate([head, tail]), minlength=len(labels))[present]
        broken = np.bincount(owner[degree < k], minlength=len(chosen)) > 0
        broken &= n_nodes > 1
        verdict[broken] = False
        open_ &= ~broken & (n_nodes > 1)
        edges = open_[labels[head]]
        head, tail = head[edges], tail[edges]
        merged = _joined_by(k, head, tail, len(labels))
        if (merged == np.arange(len(labels))).all():
            break
        node, head, tail = merged[node], merged[head], merged[tail]
        head, tail = head[apart := head != tail], tail[apart]
    for community in np.flatnonzero(open_):
        edges = labels[head] == community
        verdict[community] = _least_cut(head[edges], tail[edges]) >= k


def _joined_by(k: int, head: Labels, tail: Labels, n: int) -> Labels:
    """Return a name for each vertex, the same for those that k - 1 forests and an edge join."""
    for _ in range(k - 1):
        forest = minimum_spanning_tree(_numbered_edges(head, tail, n), overwrite=True)
        left = np.ones(len(head), dtype=bool)
        left[forest.data.astype(np.int64) - 1] = False
        head, tail = head[left], tail[left]
    part = connected_components(_numbered_edges(head, tail, n), directed=False)[1]
    least: Labels = np.unique(part, return_index=True)[1]
    return least[part] if n else least


def _numbered_edges(head: Labels, tail: Labels, n: int) -> csr_array:
    """Return a matrix of the edges by head, each with its number from 1, none added up."""
    order = np.argsort(head, kind="stable")
    ends = np.searchsorted(head[order], np.arange(n + 1)).astype(np.int32)
    return csr_array(
        ((order + 1).astype(np.float64), tail[order].astype(np.int32), ends), shape=(n, n)
    )


def _least_cut(head: Labels, tail: Labels) -> float:
    ends, where = np.unique(np.concatenate([head, tail]), return_inverse=True)
    one, other = where[: len(head)], where[len(head) :]
    edges = list(zip(one.tolist(), other.tolist(), strict=True))
    return ig.Graph(len(ends), edges).mincut().value
