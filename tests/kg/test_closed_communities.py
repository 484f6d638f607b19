"""Closed communities: what chance closes as often is no more than chance, and a clique is."""

from itertools import combinations

import igraph as ig
import numpy as np
import pytest

from kg.closed_communities import BY_CHANCE, closed_by_chance
from kg.hierarchy import leiden_hierarchy
from kg.leiden import LeidenConfig, checked
from kg.partition_quality import Pieces
from tests.kg.weighted_graphs import Edges, cliques, hybrid, planted


def _components(n: int, edges: Edges) -> np.ndarray:
    return np.array(ig.Graph(n, list(edges)).connected_components().membership)


def _by_chance(n: int, edges: Edges) -> list[bool]:
    found = closed_by_chance(checked(hybrid(n, edges)), _components(n, edges))
    return found.tolist()


def _ring_and_pairs(n_ring: int, n_pairs: int) -> tuple[int, Edges]:
    edges = {(a, a + 1): 1.0 for a in range(n_ring - 1)} | {(0, n_ring - 1): 1.0}
    pairs = {(n_ring + 2 * p, n_ring + 2 * p + 1): 1.0 for p in range(n_pairs)}
    return n_ring + 2 * n_pairs, dict(sorted((edges | pairs).items()))


@pytest.mark.parametrize("n_pairs", [1, 5, 30])
def test_pairs_are_by_chance_if_as_many_are_expected(n_pairs: int):
    # 2 p ends of one tie among 2 m = 2000 + 2 p ends: p (2 p - 1) / (2 m - 1) pairs are expected
    n, edges = _ring_and_pairs(1000, n_pairs)
    expected = n_pairs * (2 * n_pairs - 1) / (2000 + 2 * n_pairs - 1)

    found = _by_chance(n, edges)

    assert found[1:] == [expected > BY_CHANCE * n_pairs] * n_pairs


def test_how_often_two_triangles_come_by_chance_is_counted_right():
    # Of 11!! = 10,395 pairings of the ends of six vertices of two ties, 5!! 5!! = 225 close three
    # given ones, of 20: 0.43 are expected, more than a twentieth of the two that there are.
    triangles = cliques([3, 3])
    del triangles[2, 3]

    assert _by_chance(6, triangles) == [True, True]


def test_two_cliques_of_five_are_not_by_chance():
    fives = cliques([5, 5])
    del fives[4, 5]

    assert _by_chance(10, fives) == [False, False]


def test_who_is_alone_or_tied_to_others_is_not_closed():
    n, edges = 6, {(0, 1): 1.0, (1, 2): 1.0, (3, 4): 1.0}

    found = closed_by_chance(checked(hybrid(n, edges)), np.array([0, 0, 1, 2, 2, 3]))

    assert found.tolist() == [False, False, True, False]


def test_each_part_is_looked_at_by_itself():
    # A pair is all there is of the first part, and one of fifty-one communities of the second.
    n, edges = _ring_and_pairs(1000, 1)
    whole = checked(hybrid(n, edges))
    part = np.append(whole.part, [1, 1])
    head, tail = np.append(whole.head, n), np.append(whole.tail, n + 1)
    pieces = Pieces(part, head, tail, np.ones(len(head)))
    labels = np.append(np.append(np.arange(1000) // 20, [50, 50]), [51, 51])

    found = closed_by_chance(pieces, labels)

    assert np.flatnonzero(found).tolist() == [51]


@pytest.mark.parametrize("edges", [{}, {(0, 1): 1.0}])
def test_nothing_at_all_and_one_pair(edges: Edges):
    assert _by_chance(2, edges) == [True] * len(edges) + [False, False] * (not edges)


def test_pairs_of_a_sparse_random_graph_are_marked_and_a_clique_beside_it_is_not():
    edges = planted(1500, 1, 4 / 1500, 0, seed=5)
    edges |= {(1500 + a, 1500 + b): 1.0 for a, b in combinations(range(6), 2)}
    labels = _components(1506, edges)
    assert (np.bincount(labels) == 2).sum() >= 1

    hierarchy = leiden_hierarchy(hybrid(1506, edges), LeidenConfig(n_seeds=3, max_levels=1))

    marked = hierarchy.stability <= hierarchy.chance_stability
    assert marked[hierarchy.size == 2].all()
    assert not marked[hierarchy.top[1500]]
