"""Coarser graphs: strongest ties become one vertex, and nothing else changes."""

import igraph as ig
import numpy as np
import pytest
from hypothesis import given, settings

from kg.coarsening import coarsened
from kg.leiden import COARSENED_FROM, Cutter, LeidenConfig, checked, cut, cut_masses, masses_of
from kg.partition_quality import Labels, Pieces, modularity
from tests.kg.weighted_graphs import cliques, hybrid, weighted_edges


def _coarse(n: int, edges: dict[tuple[int, int], float]):
    pieces = checked(hybrid(n, edges))
    return coarsened(pieces, pieces.weight, masses_of(pieces, pieces.weight))


def test_those_who_are_each_others_strongest_tie_become_one():
    # 0 and 1 want each other and have 2 and 3 in common, who want each other likewise.
    square = {(0, 1): 0.9, (0, 2): 0.4, (0, 3): 0.4, (1, 2): 0.4, (1, 3): 0.4, (2, 3): 0.8}

    coarse = _coarse(5, square | {(3, 4): 0.1})

    assert coarse.labels.tolist() == [0, 0, 1, 1, 2]  # the two pairs have only 4 in common, if that
    assert coarse.pieces.weight.tolist() == pytest.approx([1.6, 0.1])


def test_a_strong_tie_between_those_who_have_nobody_in_common_is_none_to_go_by():
    coarse = _coarse(8, cliques([4, 4], bridge=5.0))

    assert coarse.labels[3] != coarse.labels[4]


def test_among_equal_ties_the_one_to_the_lower_vertex_counts():
    assert _coarse(5, cliques([5])).labels.tolist() == [0, 0, 0, 1, 2]  # then too few are in common


@given(weighted_edges())
@settings(deadline=None)
def test_whoever_become_one_are_connected_and_no_weight_is_lost(graph):
    n, edges = graph
    pieces = checked(hybrid(n, edges))
    masses = masses_of(pieces, pieces.weight)

    coarse = coarsened(pieces, pieces.weight, masses)

    tied = ig.Graph(n, list(zip(pieces.head.tolist(), pieces.tail.tolist(), strict=True)))
    for vertex in range(coarse.pieces.n):
        held = np.flatnonzero(coarse.labels == vertex).tolist()
        assert held, "no vertex stands for nobody"
        assert tied.induced_subgraph(held).is_connected()
        assert np.isclose(coarse.masses[vertex], masses[held].sum())
    across = coarse.labels[pieces.head] != coarse.labels[pieces.tail]
    assert np.isclose(coarse.pieces.weight.sum(), pieces.weight[across].sum())
    assert (coarse.pieces.head < coarse.pieces.tail).all()


def _large() -> tuple[Pieces, Labels]:
    """Return a graph that is large enough for one seed to match its ties, and its groups."""
    n, rng = COARSENED_FROM, np.random.default_rng(0)
    group = np.arange(n) // 40
    inside = (group[:, None] * 40 + rng.integers(40, size=(n, 6))) % n
    anywhere = rng.integers(n, size=(n, 2))
    ends = np.stack([np.repeat(np.arange(n), 8), np.hstack([inside, anywhere]).ravel()], axis=1)
    ends = np.unique(np.sort(ends[ends[:, 0] != ends[:, 1]], axis=1), axis=0)
    weight = rng.uniform(0.5, 1.0, len(ends))
    return Pieces(np.zeros(n, dtype=np.int64), ends[:, 0], ends[:, 1], weight), group


def test_a_large_graph_is_cut_as_well_as_without_matching():
    pieces, group = _large()

    found = cut(pieces, LeidenConfig(), 0)

    whole = ig.Graph(pieces.n, list(zip(pieces.head, pieces.tail, strict=True)))
    assert modularity(pieces, found) > modularity(pieces, group)
    assert (Cutter(pieces, LeidenConfig()).cut(0) == found).all()
    assert not (Cutter(pieces, LeidenConfig()).cut(1) == found).all()
    held = [np.flatnonzero(found == community).tolist() for community in range(20)]
    assert all(whole.induced_subgraph(members).is_connected() for members in held)


def test_several_seeds_match_ties_only_in_larger_graphs():
    pieces, _ = _large()
    one, several = LeidenConfig(n_seeds=1), LeidenConfig(n_seeds=2)
    whole = cut_masses(pieces, masses_of(pieces, pieces.weight), one, 0)

    assert (Cutter(pieces, several).cut(0) == whole).all()
    assert not (Cutter(pieces, one).cut(0) == whole).all()
