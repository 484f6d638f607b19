"""The multiplex: each layer is compared with its own chance, which the sum of layers is not."""

import numpy as np

from kg.hybrid_graph import HybridGraph
from kg.leiden import LeidenConfig, checked, cut

LAYERS = {"semantic": 1.0, "relations": 1.0}
SEEDS = range(5)


def _graph(seed: int) -> HybridGraph:
    """Return 14 statements, tied all over in one layer and among the first six in the other."""
    rng = np.random.default_rng(seed)
    semantic = {tuple(sorted(rng.choice(14, 2, replace=False).tolist())) for _ in range(30)}
    relations = {tuple(sorted(rng.choice(6, 2, replace=False).tolist())) for _ in range(12)}
    pairs = sorted(semantic | relations)
    one = np.array([pair in semantic for pair in pairs], np.float32)
    other = np.array([pair in relations for pair in pairs], np.float32)
    nothing = np.zeros(len(pairs), np.float32)
    head, tail = np.array(pairs, np.int32).T
    return HybridGraph(
        statement_ids=tuple(f"s{place:02d}" for place in range(14)),
        head=head,
        tail=tail,
        weight=one + other,
        semantic=one,
        concepts=nothing,
        relations=other,
        source=nothing,
    )


def _quality(graph: HybridGraph, labels: np.ndarray, columns: list[np.ndarray]) -> float:
    """Return the sum over layers of w_ij - k_i k_j / 2m, over pairs that are together."""
    together = labels[:, None] == labels[None]
    total = 0.0
    for column in columns:
        matrix = np.zeros((14, 14))
        matrix[graph.head, graph.tail] = column
        matrix += matrix.T
        degrees = matrix.sum(axis=0)
        total += (matrix - np.outer(degrees, degrees) / degrees.sum())[together].sum()
    return total


def test_each_way_is_best_by_what_it_maximises():
    differ = 0
    for seed in range(3):
        graph = _graph(seed)
        layered = [graph.semantic, graph.relations]
        config = LeidenConfig()
        summed = [cut(checked(graph), config, each) for each in SEEDS]
        multiplex = [cut(checked(graph, LAYERS), config, each) for each in SEEDS]

        best_of_sum = max(_quality(graph, labels, layered) for labels in summed)
        best_of_multiplex = max(_quality(graph, labels, layered) for labels in multiplex)
        assert best_of_multiplex >= best_of_sum - 1e-9
        assert (
            max(_quality(graph, labels, [graph.weight]) for labels in summed)
            >= max(_quality(graph, labels, [graph.weight]) for labels in multiplex) - 1e-9
        )
        differ += best_of_multiplex > best_of_sum + 0.1
    assert differ
