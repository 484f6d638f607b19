"""How far a partition that grew by updates is behind what a full run would find.

Leiden is run over the graph, begun from the top level as it was, with statements that are new
alone: so nobody waits for them to be placed. Of many statements the vertices are the deepest
communities, which are a fifth as many: there what a full run would gain is nearly all by other
communities being together (`docs/updates.md` has the figures). What it finds is thrown away: only
how much it gains is wanted.
"""

import random

import igraph as ig
import numpy as np
from scipy.sparse import csr_array

from kg.placing import Places, Ties, Weights, modularity_of

_ITERATIONS, _MORE_ITERATIONS = 2, 10
_FEW = 5000
"""Statements up to which more iterations cost next to nothing."""

_WHOLE_UP_TO = 20_000
"""Statements; of more, the deepest communities are looked at."""


def reachable(ties: Ties, community: Places, parts: Places, resolution: float) -> float:
    """Return about what modularity a full run would find, in [-1/2, 1] at a resolution of 1.

    Args:
        ties: The graph.
        community: Of each vertex, on the top level, to begin from.
        parts: A number of the deepest community of each vertex.
        resolution: Gamma.
    """
    if not len(ties.weight):
        return 0.0
    parts = np.arange(ties.n) if ties.n <= _WHOLE_UP_TO else parts
    _, first, part = np.unique(parts, return_index=True, return_inverse=True)
    n = len(first)
    head, tail, weight = _contracted(ties, part, n)
    graph = ig.Graph(n, list(zip(head.tolist(), tail.tolist(), strict=True)))
    _, begin = np.unique(community[first], return_inverse=True)
    # igraph draws from one generator for the whole process, which is Python's unless it is told.
    # This form of modularity is right for contracted graphs: strengths as the masses of vertices.
    ig.set_random_number_generator(random.Random(0))  # noqa: S311
    try:
        found, _ = ig.GraphBase.community_leiden(
            graph,
            edge_weights=weight.tolist(),
            node_weights=np.bincount(part, ties.strengths, n).tolist(),
            resolution=resolution / (2 * float(ties.weight.sum())),
            normalize_resolution=False,
            n_iterations=_MORE_ITERATIONS if ties.n <= _FEW else _ITERATIONS,
            initial_membership=begin.tolist(),
        )
    finally:
        ig.set_random_number_generator(random)
    return modularity_of(ties, np.array(found, dtype=np.intp)[part], resolution)


def _contracted(ties: Ties, part: Places, n: int) -> tuple[Places, Places, Weights]:
    """Return the ties between parts, each pair once."""
    one, other = part[ties.head], part[ties.tail]
    across = one != other
    ends = np.minimum(one, other)[across], np.maximum(one, other)[across]
    rows = csr_array((ties.weight[across], ends), shape=(n, n))
    rows.sum_duplicates()
    head = np.repeat(np.arange(n), np.diff(rows.indptr))
    return head, rows.indices.astype(np.intp), rows.data
