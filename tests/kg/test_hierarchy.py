"""Hierarchies: nested, nobody alone below the top, and nothing cut for too little."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kg import beside, hierarchy, leiden
from kg.coarsening import matched
from kg.errors import ConfigError
from kg.hierarchy import Branch, Hierarchy, leiden_hierarchy
from kg.leiden import LeidenConfig, checked, cut, numbered
from tests.kg.weighted_graphs import EDGE_CASES, cliques, hybrid, planted, weighted_edges

EASY = LeidenConfig(min_size=2, min_gain=0.01, n_seeds=1)
DIRECTIONS = ["top_down", "bottom_up"]


def _pairs_of_cliques():
    """Two pairs of cliques: strong in a clique, weaker within a pair, weakest between pairs."""
    edges = cliques([5, 5, 5, 5], bridge=0.1)
    for pair in (0, 10):
        edges |= {(pair + a, pair + 5 + b): 0.35 for a in range(5) for b in range(5)}
    return hybrid(20, edges)


def _assert_consistent(hierarchy: Hierarchy, n: int, min_size: int) -> None:
    roots = hierarchy.roots
    assert sorted(v for root in roots for v in root.members) == list(range(n))
    deepest = [-1] * n
    for number, (path, branch) in enumerate(hierarchy.walk()):
        assert hierarchy.paths()[number] == path
        assert hierarchy.level[number] == len(path) - 1
        assert hierarchy.size[number] == len(branch.members)
        inside = (hierarchy.home >= number) & (hierarchy.home <= hierarchy.last[number])
        assert np.flatnonzero(inside).tolist() == list(branch.members)
        if branch.children:
            assert len(branch.members) >= min_size
            assert len(branch.children) > 1
            assert min(len(child.members) for child in branch.children) > 1
            held = sorted(v for child in branch.children for v in child.members)
            assert held == list(branch.members)
        else:
            for member in branch.members:
                deepest[member] = number
        sizes = [(-len(child.members), child.members[0]) for child in branch.children]
        assert sizes == sorted(sizes)
    assert deepest == hierarchy.home.tolist()
    for number, root in enumerate(roots):
        assert np.flatnonzero(hierarchy.top == number).tolist() == list(root.members)


@pytest.mark.parametrize("direction", DIRECTIONS)
@given(weighted_edges(), st.floats(0.2, 4.0), st.integers(2, 6))
@settings(deadline=None)
def test_children_partition_their_parent_and_nobody_is_left_alone(
    direction, graph, resolution, min_size
):
    n, edges = graph
    config = LeidenConfig(
        resolution=resolution, min_size=min_size, min_gain=0, direction=direction, n_seeds=1
    )

    hierarchy = leiden_hierarchy(hybrid(n, edges), config)

    _assert_consistent(hierarchy, n, min_size)


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("name", EDGE_CASES)
def test_every_edge_case_has_a_hierarchy(name: str, direction: str):
    n, edges = EDGE_CASES[name]

    hierarchy = leiden_hierarchy(hybrid(n, edges), LeidenConfig(direction=direction, n_seeds=1))

    _assert_consistent(hierarchy, n, 6)
    tied = {vertex for pair, weight in edges.items() if weight for vertex in pair}
    alone = {root.members[0] for root in hierarchy.roots if len(root.members) == 1}
    assert alone == set(range(n)) - tied


def test_two_triangles_are_two_communities_of_known_modularity():
    # m = 7; each triangle has 3 edges inside and a degree of 7:
    # Q = 2 (3/7 - (7/14)²) = 0.357143
    triangles = cliques([3, 3], bridge=1.0)

    hierarchy = leiden_hierarchy(hybrid(6, triangles), LeidenConfig())

    assert [branch.members for branch in hierarchy.roots] == [(0, 1, 2), (3, 4, 5)]
    assert hierarchy.modularity == pytest.approx(0.357143, abs=1e-6)


@pytest.mark.parametrize("n", [0, 1, 2, 5])
def test_without_edges_everyone_is_alone(n: int):
    hierarchy = leiden_hierarchy(hybrid(n, {}), EASY)

    assert hierarchy.roots == tuple(Branch((vertex,), ()) for vertex in range(n))
    assert hierarchy.modularity == 0
    assert hierarchy.n_levels() == min(n, 1)


def test_two_tied_statements_are_one_community():
    hierarchy = leiden_hierarchy(hybrid(2, {(0, 1): 0.5}), EASY)

    assert hierarchy.roots == (Branch((0, 1), ()),)
    assert hierarchy.modularity == 0


@pytest.mark.parametrize("n", [3, 12, 30])
def test_where_all_are_tied_alike_there_is_one_community_and_nothing_to_cut(n: int):
    hierarchy = leiden_hierarchy(hybrid(n, cliques([n])), EASY)

    assert hierarchy.roots == (Branch(tuple(range(n)), ()),)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -0.5])
def test_a_weight_that_is_no_weight_is_refused(bad: float):
    with pytest.raises(ConfigError, match="weigh"):
        leiden_hierarchy(hybrid(3, {(0, 1): 1.0, (1, 2): bad}), EASY)


@pytest.mark.parametrize("layers", [None, {"semantic": 1.0}])
def test_communities_within_communities_are_found(layers):
    hierarchy = leiden_hierarchy(_pairs_of_cliques(), LeidenConfig(min_gain=0.05), layers)

    shape = {path: branch.members for path, branch in hierarchy.walk()}
    assert shape == {
        (0,): tuple(range(10)),
        (0, 0): tuple(range(5)),
        (0, 1): tuple(range(5, 10)),
        (1,): tuple(range(10, 20)),
        (1, 0): tuple(range(10, 15)),
        (1, 1): tuple(range(15, 20)),
    }
    assert hierarchy.n_levels() == 2
    assert hierarchy.at(1).tolist() == np.repeat([1, 2, 4, 5], 5).tolist()


def test_those_whose_ties_were_matched_stay_together_below_the_top(
    monkeypatch: pytest.MonkeyPatch,
):
    graph = hybrid(240, planted(240, 30, 0.8, 0.02, seed=3))
    n = len(graph.statement_ids)
    monkeypatch.setattr(leiden, "COARSENED_FROM", n)
    pieces = checked(graph)
    together = matched(pieces, pieces.weight)
    config = LeidenConfig(min_size=2, min_gain=0, n_seeds=1)

    hierarchy = leiden_hierarchy(graph, config)

    _assert_consistent(hierarchy, n, 2)
    assert len(np.unique(together)) < n
    for level in range(3):
        pairs = np.unique(np.stack([together, hierarchy.at(level)]), axis=1)
        assert pairs.shape[1] == len(np.unique(together)), "nobody is parted from whom they match"


def test_a_cut_that_gains_too_little_is_not_made():
    edges = cliques([10, 10, 10], bridge=0.1)
    for pair in ((a, b) for a in range(10) for b in range(10, 20)):
        edges[pair] = 0.6

    def n_communities(min_gain: float) -> int:
        config = LeidenConfig(min_gain=min_gain, min_size=2)
        return leiden_hierarchy(hybrid(30, edges), config).n_communities

    assert n_communities(0.01) == 4
    assert n_communities(0.5) == 2


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("limit", [{"min_size": 11}, {"max_levels": 1}])
def test_a_small_community_and_a_deep_one_are_not_cut(limit: dict[str, int], direction: str):
    config = LeidenConfig(min_gain=0.05, direction=direction, step=2, **limit)

    hierarchy = leiden_hierarchy(_pairs_of_cliques(), config)

    assert hierarchy.n_levels() == 1


def test_the_gain_of_a_cut_is_counted_from_the_uncut_community():
    # Two cliques of four, 12 inside and 16 * 0.5 = 8 between. At a resolution of 1.5 the cut has
    # Q = 12/20 - 1.5/2 = -0.15 and the uncut graph 1 - 1.5 = -0.5: a gain of 0.35.
    edges = cliques([4, 4]) | {(a, b): 0.5 for a in range(4) for b in range(4, 8)}
    heavy = {(a + 8, b + 8): 10.0 for a, b in cliques([12])}
    graph = hybrid(20, edges | heavy)

    def children(min_gain: float) -> list[tuple[int, ...]]:
        config = LeidenConfig(resolution=1.5, min_gain=min_gain)
        (eight,) = [r for r in leiden_hierarchy(graph, config).roots if len(r.members) == 8]
        return [child.members for child in eight.children]

    assert children(min_gain=0.34) == [(0, 1, 2, 3), (4, 5, 6, 7)]
    assert children(min_gain=0.36) == []


def test_who_would_be_alone_joins_whom_they_are_most_tied_to():
    # At this resolution Leiden sets vertex 8 apart from two cliques of four.
    edges = cliques([4, 4], bridge=0.3) | {(0, 8): 0.1, (7, 8): 0.2}
    config = LeidenConfig(resolution=1.5, min_size=2, min_gain=0, n_seeds=1)
    pieces = checked(hybrid(9, edges))
    set_apart = numbered(pieces.part, cut(pieces, config, 0))
    # Beside a much heavier clique all of these are one community, which is cut below the top.
    heavy = {(a + 9, b + 9): 10.0 for a, b in cliques([12])}

    hierarchy = leiden_hierarchy(hybrid(21, edges | heavy), config)

    assert set_apart.tolist() == [0, 0, 0, 0, 1, 1, 1, 1, 2]
    (nine,) = [root for root in hierarchy.roots if len(root.members) == 9]
    assert [child.members for child in nine.children] == [(4, 5, 6, 7, 8), (0, 1, 2, 3)]


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_the_same_seed_gives_the_same_hierarchy(direction: str):
    graph = hybrid(300, planted(300, 12, 0.3, 0.02, seed=2))

    def found(seed: int) -> list[int]:
        config = LeidenConfig(direction=direction, seed=seed, n_seeds=1)
        return leiden_hierarchy(graph, config).home.tolist()

    assert found(1) == found(1)
    assert len({tuple(found(seed)) for seed in range(5)}) > 1


def _in_shares(monkeypatch: pytest.MonkeyPatch, shares: int) -> Hierarchy:
    graph = hybrid(300, planted(300, 12, 0.6, 0.02, seed=2))
    monkeypatch.setattr(hierarchy, "_SHARED_FROM", 1)
    monkeypatch.setattr(hierarchy, "_SHARES", shares)
    return leiden_hierarchy(graph, LeidenConfig(n_seeds=2, min_gain=0.01, min_supported=0))


def _columns(found: Hierarchy) -> list[list[float]]:
    return [np.nan_to_num(column, nan=-1).tolist() for column in vars(found).values()]


def test_in_one_share_the_levels_below_are_those_of_one_call(monkeypatch: pytest.MonkeyPatch):
    graph = hybrid(300, planted(300, 12, 0.6, 0.02, seed=2))
    whole = leiden_hierarchy(graph, LeidenConfig(n_seeds=2, min_gain=0.01, min_supported=0))

    assert whole.n_levels() > 2
    assert _columns(_in_shares(monkeypatch, 1)) == _columns(whole)


def test_in_several_shares_each_has_what_processes_or_this_one_make_of_it(
    monkeypatch: pytest.MonkeyPatch,
):
    found = _in_shares(monkeypatch, 4)
    monkeypatch.setattr(beside.sys, "platform", "another")

    _assert_consistent(found, 300, 6)
    assert found.n_levels() > 2
    assert _columns(_in_shares(monkeypatch, 4)) == _columns(found)
