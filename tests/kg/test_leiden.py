"""Leiden: partitions of connected communities, decided by weights, nested without loners."""

import random

import igraph as ig
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from kg.errors import ConfigError
from kg.hybrid_graph import HybridGraph
from kg.leiden import (
    Branch,
    LeidenConfig,
    leiden_hierarchy,
    leiden_partition,
    modularity,
)

EASY = LeidenConfig(min_size=2, min_gain=0.01)

Edges = dict[tuple[int, int], float]


def _graph(n: int, edges: Edges) -> ig.Graph:
    return ig.Graph(n, list(edges), edge_attrs={"weight": list(edges.values())})


def _hybrid(n: int, edges: Edges) -> HybridGraph:
    ends = np.array(sorted(edges), dtype=np.int32).reshape(-1, 2)
    weight = np.array([edges[pair] for pair in sorted(edges)], dtype=np.float32)
    nothing = np.zeros_like(weight)
    ids = tuple(f"s{vertex:03d}" for vertex in range(n))
    return HybridGraph(ids, ends[:, 0], ends[:, 1], weight, weight, nothing, nothing)


def _cliques(sizes: list[int], bridge: float = 0.1) -> Edges:
    """Cliques of weight 1 in a chain, each tied to the next by one edge."""
    edges: Edges = {}
    start = 0
    for size in sizes:
        members = range(start, start + size)
        edges |= {(one, other): 1.0 for one in members for other in members if one < other}
        if start:
            edges[start - 1, start] = bridge
        start += size
    return edges


@st.composite
def weighted_edges(draw: st.DrawFn) -> tuple[int, Edges]:
    n = draw(st.integers(1, 24))
    pairs = [(one, other) for one in range(n) for other in range(one + 1, n)]
    chosen = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=60)) if pairs else []
    weights = st.integers(0, 1000).map(lambda hundredths: hundredths / 100)
    weights |= st.sampled_from([0.0, 1.0])
    return n, {pair: draw(weights) for pair in chosen}


@pytest.fixture(params=[0, 10_000], ids=["igraph", "leidenalg"])
def config(request: pytest.FixtureRequest) -> LeidenConfig:
    """Either engine, whatever the size of the graph, with one start to get it right."""
    return LeidenConfig(max_edges_leidenalg=request.param, n_starts=1)


@pytest.mark.parametrize("max_edges_leidenalg", [0, 10_000])
@given(weighted_edges(), st.floats(0.1, 3.0), st.integers(0, 5))
@settings(deadline=None)
def test_communities_partition_the_vertices_and_are_connected(
    max_edges_leidenalg, graph, resolution, seed
):
    n, edges = graph
    config = LeidenConfig(resolution=resolution, seed=seed, max_edges_leidenalg=max_edges_leidenalg)

    partition = leiden_partition(_graph(n, edges), config)

    assert sorted(v for community in partition for v in community) == list(range(n))
    tied = _graph(n, {pair: weight for pair, weight in edges.items() if weight})
    assert all(tied.induced_subgraph(community).is_connected() for community in partition)
    assert partition == sorted(partition, key=lambda community: (-len(community), community[0]))


@given(weighted_edges(), st.integers(0, 10**6))
@settings(deadline=None)
def test_no_vertex_is_better_off_in_another_community(graph, seed):
    n, edges = graph
    whole = _graph(n, edges)
    membership = _membership(leiden_partition(whole, LeidenConfig(seed=seed)), n)

    found = modularity(whole, membership)

    for vertex in range(n):
        for community in {*membership, n}:
            moved = [*membership[:vertex], community, *membership[vertex + 1 :]]
            assert modularity(whole, moved) <= found + 1e-6


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("first", [0, 1])
def test_weights_decide_how_a_ring_is_cut(first: int, seed: int, config: LeidenConfig):
    heavy = {(0, 1), (2, 3)} if first else {(1, 2), (0, 3)}
    ring = {(0, 1): 0.01, (1, 2): 0.01, (2, 3): 0.01, (0, 3): 0.01}
    graph = _graph(4, ring | dict.fromkeys(heavy, 1.0))

    partition = leiden_partition(graph, config.model_copy(update={"seed": seed}))

    assert partition == sorted(map(list, heavy))


def test_every_cut_comes_to_an_end(config: LeidenConfig):
    # Without a limit to its iterations, igraph 1.0 never returns from this triangle.
    triangle = _graph(3, {(0, 1): 1.0, (0, 2): 1.0, (1, 2): 0.03})

    partition = leiden_partition(
        triangle, config.model_copy(update={"resolution": 1.535108305674097})
    )

    assert sorted(vertex for community in partition for vertex in community) == [0, 1, 2]
    with pytest.raises(ValidationError):
        LeidenConfig(n_iterations=-1)


def test_two_triangles_are_two_communities_of_known_modularity():
    # m = 7; each triangle has 3 edges inside and a degree of 7:
    # Q = 2 (3/7 - (7/14)²) = 0.357143
    triangles = _cliques([3, 3], bridge=1.0)

    hierarchy = leiden_hierarchy(_hybrid(6, triangles), LeidenConfig())

    assert [branch.members for branch in hierarchy.roots] == [(0, 1, 2), (3, 4, 5)]
    assert hierarchy.modularity == pytest.approx(0.357143, abs=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_the_karate_club_is_cut_as_well_as_is_known_to_be_possible(seed: int, config: LeidenConfig):
    # 0.419790 is the optimum (Brandes et al., 2008, doi:10.1109/TKDE.2007.190689).
    club = ig.Graph.Famous("Zachary")
    club.es["weight"] = [1.0] * club.ecount()

    partition = leiden_partition(club, config.model_copy(update={"seed": seed}))

    assert modularity(club, _membership(partition, 34)) == pytest.approx(0.419790, abs=1e-6)


def test_the_best_of_several_starts_is_kept():
    rng = random.Random(0)
    edges = {(a, b): 1.0 for a in range(60) for b in range(a + 1, 60) if rng.random() < 0.1}
    graph = _graph(60, edges)

    def quality(n_starts: int, seed: int) -> float:
        config = LeidenConfig(n_starts=n_starts, seed=seed, n_iterations=1)
        return modularity(graph, _membership(leiden_partition(graph, config), 60))

    alone = [quality(1, seed) for seed in range(5)]
    assert quality(5, 0) == max(alone)
    assert min(alone) < max(alone)


def test_the_same_seed_gives_the_same_partition_whatever_was_drawn_before(config: LeidenConfig):
    rng = random.Random(1)
    edges = {(a, b): 1.0 for a in range(50) for b in range(a + 1, 50) if rng.random() < 0.1}
    graph = _graph(50, edges)

    first = leiden_partition(graph, config)
    random.random()
    leiden_partition(graph, config.model_copy(update={"seed": 7}))
    state = random.getstate()
    second = leiden_partition(graph, config)

    assert first == second
    assert random.getstate() == state


@pytest.mark.parametrize("n", [0, 1, 2, 5])
def test_without_edges_everyone_is_alone(n: int):
    hierarchy = leiden_hierarchy(_hybrid(n, {}), EASY)

    assert hierarchy.roots == tuple(Branch((vertex,), ()) for vertex in range(n))
    assert hierarchy.modularity == 0
    assert hierarchy.n_levels() == min(n, 1)


def test_an_edge_of_weight_zero_is_none(config: LeidenConfig):
    # igraph alone would leave vertex 1, which nothing ties, with vertex 0.
    edges = {(0, 1): 0.0, (0, 2): 0.01, (2, 3): 0.02}
    some = leiden_partition(_graph(4, edges), config.model_copy(update={"resolution": 1.5}))
    every = leiden_hierarchy(_hybrid(3, {(0, 1): 0.0, (1, 2): 0.0}), config)

    assert [1] in some
    assert [branch.members for branch in every.roots] == [(0,), (1,), (2,)]


def test_two_tied_statements_are_one_community():
    hierarchy = leiden_hierarchy(_hybrid(2, {(0, 1): 0.5}), EASY)

    assert hierarchy.roots == (Branch((0, 1), ()),)
    assert hierarchy.modularity == 0


@pytest.mark.parametrize("n", [3, 12, 30])
def test_where_all_are_tied_alike_there_is_one_community_and_nothing_to_cut(n: int):
    hierarchy = leiden_hierarchy(_hybrid(n, _cliques([n])), EASY)

    assert hierarchy.roots == (Branch(tuple(range(n)), ()),)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -0.5])
def test_a_weight_that_is_no_weight_is_refused(bad: float, config: LeidenConfig):
    edges = {(0, 1): 1.0, (1, 2): bad}

    with pytest.raises(ConfigError, match="weigh"):
        leiden_partition(_graph(3, edges), config)
    with pytest.raises(ConfigError, match="weigh"):
        leiden_hierarchy(_hybrid(3, edges), config)


def _pairs_of_cliques() -> HybridGraph:
    """Two pairs of cliques: strong in a clique, weaker within a pair, weakest between pairs."""
    edges = _cliques([5, 5, 5, 5], bridge=0.1)
    for pair in (0, 10):
        edges |= {(pair + a, pair + 5 + b): 0.35 for a in range(5) for b in range(5)}
    return _hybrid(20, edges)


def test_communities_within_communities_are_found():
    hierarchy = leiden_hierarchy(_pairs_of_cliques(), LeidenConfig(min_gain=0.05))

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


def test_a_cut_that_gains_too_little_is_not_made():
    edges = _cliques([10, 10, 10], bridge=0.1)
    for pair in ((a, b) for a in range(10) for b in range(10, 20)):
        edges[pair] = 0.6

    def n_communities(min_gain: float) -> int:
        config = LeidenConfig(min_gain=min_gain, min_size=2)
        return sum(1 for _ in leiden_hierarchy(_hybrid(30, edges), config).walk())

    assert n_communities(0.01) == 4
    assert n_communities(0.5) == 2


@pytest.mark.parametrize("limit", [{"min_size": 11}, {"max_levels": 1}])
def test_a_small_community_and_a_deep_one_are_not_cut(limit: dict[str, int]):
    config = LeidenConfig(min_gain=0.05).model_copy(update=limit)

    hierarchy = leiden_hierarchy(_pairs_of_cliques(), config)

    assert [len(branch.members) for branch in hierarchy.roots] == [10, 10]
    assert hierarchy.n_levels() == 1


def test_the_gain_of_a_cut_is_counted_from_the_uncut_community():
    # Two cliques of four, 12 inside and 16 * 0.5 = 8 between. At a resolution of 1.5 the cut has
    # Q = 12/20 - 1.5/2 = -0.15 and the uncut graph 1 - 1.5 = -0.5: a gain of 0.35.
    edges = _cliques([4, 4]) | {(a, b): 0.5 for a in range(4) for b in range(4, 8)}
    heavy = {(a + 8, b + 8): 10.0 for a, b in _cliques([12])}
    graph = _hybrid(20, edges | heavy)

    def children(min_gain: float) -> list[tuple[int, ...]]:
        config = LeidenConfig(resolution=1.5, min_gain=min_gain)
        (eight,) = [r for r in leiden_hierarchy(graph, config).roots if len(r.members) == 8]
        return [child.members for child in eight.children]

    assert children(min_gain=0.34) == [(0, 1, 2, 3), (4, 5, 6, 7)]
    assert children(min_gain=0.36) == []


@given(weighted_edges(), st.floats(0.2, 4.0), st.integers(2, 6))
@settings(deadline=None)
def test_children_partition_their_parent_and_nobody_is_left_alone(graph, resolution, min_size):
    n, edges = graph
    config = LeidenConfig(resolution=resolution, min_size=min_size, min_gain=0)

    hierarchy = leiden_hierarchy(_hybrid(n, edges), config)

    assert sorted(v for root in hierarchy.roots for v in root.members) == list(range(n))
    for path, branch in hierarchy.walk():
        if branch.children:
            assert len(branch.members) >= min_size
            assert len(branch.children) > 1
            assert min(len(child.members) for child in branch.children) > 1
            held = sorted(v for child in branch.children for v in child.members)
            assert held == list(branch.members)
        assert len(path) <= config.max_levels
        sizes = [(-len(child.members), child.members[0]) for child in branch.children]
        assert sizes == sorted(sizes)


def test_who_would_be_alone_joins_whom_they_are_most_tied_to():
    # At this resolution Leiden sets vertex 8 apart from two cliques of four.
    edges = _cliques([4, 4], bridge=0.3) | {(0, 8): 0.1, (7, 8): 0.2}
    config = LeidenConfig(resolution=1.5, min_size=2, min_gain=0)
    set_apart = leiden_partition(_graph(9, edges), config)
    # Beside a much heavier clique all of these are one community, which is cut below the top.
    heavy = {(a + 9, b + 9): 10.0 for a, b in _cliques([12])}

    hierarchy = leiden_hierarchy(_hybrid(21, edges | heavy), config)

    assert set_apart == [[0, 1, 2, 3], [4, 5, 6, 7], [8]]
    (nine,) = [root for root in hierarchy.roots if len(root.members) == 9]
    assert [child.members for child in nine.children] == [(4, 5, 6, 7, 8), (0, 1, 2, 3)]


def _membership(partition: list[list[int]], n: int) -> list[int]:
    membership = [0] * n
    for ordinal, members in enumerate(partition):
        for member in members:
            membership[member] = ordinal
    return membership
