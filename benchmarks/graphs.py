"""Graphs of one layer, for benchmarks and tests of cuts."""

import numpy as np
from numpy.typing import NDArray

from kg.hybrid_graph import HybridGraph


def one_layer(n: int, pairs: NDArray[np.integer], weights: NDArray[np.floating]) -> HybridGraph:
    """Return the graph of n vertices with these edges; in order, if the edges are."""
    weight = weights.astype(np.float32)
    nothing = np.zeros_like(weight)
    ends = pairs.astype(np.int32).reshape(-1, 2)
    return HybridGraph(
        tuple(f"s{vertex:06d}" for vertex in range(n)),
        ends[:, 0],
        ends[:, 1],
        weight,
        semantic=weight,
        concepts=nothing,
        relations=nothing,
        source=nothing,
    )
