"""Weighted graphs for the tests of cuts: by hand, drawn at random, and planted."""

from collections.abc import Mapping

import numpy as np
from hypothesis import strategies as st

from benchmarks.graphs import one_layer
from kg.hybrid_graph import HybridGraph

Edges = dict[tuple[int, int], float]


def hybrid(n: int, edges: Mapping[tuple[int, int], float]) -> HybridGraph:
    """Return the graph with these edges in its one layer; in order, if the edges are."""
    return one_layer(n, np.array(list(edges)), np.array(list(edges.values())))


def cliques(sizes: list[int], bridge: float = 0.1) -> Edges:
    """Return cliques of weight 1 in a chain, each tied to the next by one edge."""
    edges: Edges = {}
    start = 0
    for size in sizes:
        members = range(start, start + size)
        edges |= {(one, other): 1.0 for one in members for other in members if one < other}
        if start:
            edges[start - 1, start] = bridge
        start += size
    return edges


def planted(n: int, n_groups: int, inside: float, outside: float, seed: int) -> Edges:
    """Return a graph whose groups are vertex mod n_groups, with these probabilities of a tie."""
    rng = np.random.default_rng(seed)
    pairs = [(a, b) for a in range(n) for b in range(a + 1, n)]
    same = np.array([a % n_groups == b % n_groups for a, b in pairs])
    drawn = rng.random(len(pairs)) < np.where(same, inside, outside)
    return {pair: 1.0 for pair, is_tied in zip(pairs, drawn, strict=True) if is_tied}


@st.composite
def weighted_edges(draw: st.DrawFn) -> tuple[int, Edges]:
    """Draw a small graph, some of whose weights are 0 or alike; edges in order."""
    n = draw(st.integers(1, 24))
    pairs = [(one, other) for one in range(n) for other in range(one + 1, n)]
    chosen = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=60)) if pairs else []
    weights = st.integers(0, 1000).map(lambda hundredths: hundredths / 100)
    weights |= st.sampled_from([0.0, 1.0])
    return n, {pair: draw(weights) for pair in sorted(chosen)}


EDGE_CASES: dict[str, tuple[int, Edges]] = {
    "empty": (0, {}),
    "one": (1, {}),
    "isolated": (5, {}),
    "two tied": (2, {(0, 1): 0.5}),
    "a tie and a loner": (3, {(0, 2): 0.5}),
    "disconnected": (8, {**cliques([4]), **{(a + 4, b + 4): 1.0 for a, b in cliques([4])}}),
    "all tied alike": (30, cliques([30])),
    "a ring": (12, {(a, a + 1): 1.0 for a in range(11)} | {(0, 11): 1.0}),
    "a star": (20, {(0, leaf): 1.0 for leaf in range(1, 20)}),
    "a hub on cliques": (13, {(0, b): 1.0 for b in range(1, 13)} | cliques([1, 4, 4, 4])),
    "zero weights": (4, {(0, 1): 0.0, (1, 2): 0.0, (2, 3): 1.0}),
    "only zero weights": (3, {(0, 1): 0.0, (1, 2): 0.0}),
    "tiny weights": (6, dict.fromkeys(cliques([3, 3]), 1e-30)),
}
"""Graphs that other systems fail on, by name."""
