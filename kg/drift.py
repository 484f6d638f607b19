"""How far a partition that grew by updates is behind what a full run would find.

One more run of Leiden over the whole graph, begun from the memberships as they are, finds nearly
the modularity of a run from nothing, in a fraction of the time (`docs/updates.md` has the figures).
What it finds is thrown away: only how much it gains is wanted.
"""

import random

import igraph as ig
import numpy as np

from kg.placing import Places, Ties, modularity_of

_ITERATIONS = 2


def loss_of(ties: Ties, community: Places, resolution: float) -> float:
    """Return how much modularity a full run would gain, about; 0 or more.

    Args:
        ties: The graph.
        community: Of each vertex, on the top level.
        resolution: Gamma.
    """
    if not len(ties.weight):
        return 0.0
    edges = list(zip(ties.head.tolist(), ties.tail.tolist(), strict=True))
    graph = ig.Graph(ties.n, edges)
    _, begin = np.unique(community, return_inverse=True)
    # igraph draws from one generator for the whole process, which is Python's unless it is told.
    # This form of modularity is right for any igraph: strengths as the masses of vertices.
    ig.set_random_number_generator(random.Random(0))  # noqa: S311
    try:
        found, _ = ig.GraphBase.community_leiden(
            graph,
            edge_weights=ties.weight.tolist(),
            node_weights=ties.strengths.tolist(),
            resolution=resolution / (2 * float(ties.weight.sum())),
            normalize_resolution=False,
            n_iterations=_ITERATIONS,
            initial_membership=begin.tolist(),
        )
    finally:
        ig.set_random_number_generator(random)
    reachable = modularity_of(ties, np.array(found, dtype=np.intp), resolution)
    return max(0.0, reachable - modularity_of(ties, community, resolution))
