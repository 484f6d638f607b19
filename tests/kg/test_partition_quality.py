"""Measures of a partition, by hand and against networkx."""

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings

from kg.leiden import checked
from kg.partition_quality import Pieces, modularities, modularity
from tests.kg.weighted_graphs import cliques, hybrid, weighted_edges


@given(weighted_edges())
@settings(deadline=None)
def test_modularity_is_that_of_networkx(graph):
    n, edges = graph
    other = nx.Graph()
    other.add_nodes_from(range(n))
    other.add_weighted_edges_from((a, b, w) for (a, b), w in edges.items())
    labels = np.arange(n) % 3

    found = modularity(checked(hybrid(n, edges)), labels, 1.5)

    communities = [{v for v in range(n) if labels[v] == c} for c in range(min(3, n))]
    expected = (
        nx.community.modularity(other, communities, resolution=1.5) if any(edges.values()) else 0
    )
    assert found == pytest.approx(expected, abs=1e-6)


def test_each_part_has_a_modularity_of_its_own():
    # Two triangles tied by one edge, Q = 2 (3/7 - 1/4) = 0.357143, beside a pair left whole
    # (1 - gamma = 0), beside a vertex without a tie.
    part = np.array([0, 0, 0, 0, 0, 0, 1, 1, 2])
    edges = [*cliques([3, 3], bridge=1.0), (6, 7)]
    head, tail = np.array(edges).T
    pieces = Pieces(part, head, tail, np.ones(len(edges)))

    found = modularities(pieces, np.array([0, 0, 0, 1, 1, 1, 2, 2, 3]))

    assert found == pytest.approx([0.357143, 0, 0], abs=1e-6)


def test_a_graph_without_edges_has_no_modularity():
    assert modularity(checked(hybrid(3, {})), np.arange(3)) == 0
    assert modularity(checked(hybrid(0, {})), np.arange(0)) == 0
