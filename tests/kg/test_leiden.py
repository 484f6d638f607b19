"""Leiden: partitions of connected communities, decided by weights, whatever the engine."""

import random

import igraph as ig
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from kg.coarsening import contracted
from kg.errors import ConfigError
from kg.leiden import (
    LeidenConfig,
    checked,
    cut,
    cut_masses,
    masses_of,
    numbered,
)
from kg.partition_quality import Pieces, modularities, modularity
from tests.kg.weighted_graphs import EDGE_CASES, Edges, cliques, hybrid, planted, weighted_edges

ENGINES = {"igraph": None, "leidenalg": {"semantic": 1.0}}
"""The layers that have each engine at work."""


@pytest.fixture(params=list(ENGINES))
def layers(request: pytest.FixtureRequest) -> dict[str, float] | None:
    return ENGINES[request.param]


def _cut(n: int, edges: Edges, config: LeidenConfig, layers=None) -> list[list[int]]:
    pieces = checked(hybrid(n, edges), layers)
    labels = numbered(pieces.part, cut(pieces, config, config.seed))
    return [np.flatnonzero(labels == c).tolist() for c in range(labels.max(initial=-1) + 1)]


@pytest.mark.parametrize("layers", ENGINES.values(), ids=list(ENGINES))
@given(weighted_edges(), st.floats(0.1, 3.0), st.integers(0, 5))
@settings(deadline=None)
def test_communities_partition_the_vertices_and_are_connected(layers, graph, resolution, seed):
    n, edges = graph

    partition = _cut(n, edges, LeidenConfig(resolution=resolution, seed=seed), layers)

    assert sorted(v for community in partition for v in community) == list(range(n))
    tied = ig.Graph(n, [pair for pair, weight in edges.items() if weight])
    assert all(tied.induced_subgraph(community).is_connected() for community in partition)
    assert partition == sorted(partition, key=lambda community: (-len(community), community[0]))


@given(weighted_edges(), st.integers(0, 10**6))
@settings(deadline=None)
def test_no_vertex_is_better_off_in_another_community(graph, seed):
    n, edges = graph
    pieces = checked(hybrid(n, edges))
    labels = cut(pieces, LeidenConfig(), seed)

    found = modularity(pieces, labels)

    for vertex in range(n):
        for community in {*labels.tolist(), n}:
            moved = labels.copy()
            moved[vertex] = community
            assert modularity(pieces, moved) <= found + 1e-6


@given(weighted_edges(), weighted_edges(), st.floats(0.2, 3.0))
@settings(deadline=None)
def test_parts_are_cut_as_if_each_were_alone(one, other, resolution):
    (n, edges), (n_other, others) = one, other
    sides = checked(hybrid(n, edges)), checked(hybrid(n_other, others))
    both = Pieces(
        np.concatenate([np.zeros(n, int), np.ones(n_other, int)]),
        np.concatenate([sides[0].head, sides[1].head + n]),
        np.concatenate([sides[0].tail, sides[1].tail + n]),
        np.concatenate([side.weight for side in sides]),
    )

    labels = cut(both, LeidenConfig(resolution=resolution), 0)

    assert not set(labels[:n]) & set(labels[n:])
    # A part has the masses that it has alone, so the model that is maximised is its modularity.
    alone = np.concatenate([masses_of(side, side.weight) for side in sides])
    assert masses_of(both, both.weight) == pytest.approx(alone)
    found = modularities(both, numbered(both.part, labels), resolution)
    assert found[0] == pytest.approx(modularity(sides[0], labels[:n], resolution))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("first", [0, 1])
def test_weights_decide_how_a_ring_is_cut(first: int, seed: int, layers):
    heavy = {(0, 1), (2, 3)} if first else {(1, 2), (0, 3)}
    ring = dict.fromkeys(((0, 1), (0, 3), (1, 2), (2, 3)), 0.01)

    partition = _cut(4, ring | dict.fromkeys(heavy, 1.0), LeidenConfig(seed=seed), layers)

    assert partition == sorted(map(list, heavy))


def test_every_cut_comes_to_an_end(layers):
    # Without a limit to its iterations, igraph 1.0 never returns from this triangle.
    triangle = {(0, 1): 1.0, (0, 2): 1.0, (1, 2): 0.03}

    partition = _cut(3, triangle, LeidenConfig(resolution=1.535108305674097), layers)

    assert sorted(vertex for community in partition for vertex in community) == [0, 1, 2]
    with pytest.raises(ValidationError):
        LeidenConfig(n_iterations=-1)


@pytest.mark.parametrize("seed", range(5))
def test_the_karate_club_is_cut_as_well_as_is_known_to_be_possible(seed: int, layers):
    # 0.419790 is the optimum (Brandes et al., 2008, doi:10.1109/TKDE.2007.190689).
    edges = {tuple(sorted(pair)): 1.0 for pair in ig.Graph.Famous("Zachary").get_edgelist()}
    pieces = checked(hybrid(34, edges), layers)

    labels = cut(pieces, LeidenConfig(), seed)

    assert modularity(pieces, labels) == pytest.approx(0.419790, abs=1e-6)


def test_a_higher_resolution_gives_more_communities():
    edges = planted(120, 4, 0.3, 0.02, seed=1)

    n_communities = [
        len(_cut(120, edges, LeidenConfig(resolution=gamma))) for gamma in (0.05, 1, 3, 10)
    ]

    assert n_communities == sorted(set(n_communities))
    assert n_communities[1] == 4


def test_the_same_seed_gives_the_same_partition_whatever_was_drawn_before(layers):
    edges = planted(50, 1, 0.1, 0, seed=1)

    first = _cut(50, edges, LeidenConfig(), layers)
    random.random()
    _cut(50, edges, LeidenConfig(seed=7), layers)
    state = random.getstate()
    second = _cut(50, edges, LeidenConfig(), layers)

    assert first == second
    assert random.getstate() == state
    random.seed(3)
    drawn = ig.Graph.Erdos_Renyi(20, 0.3).get_edgelist()
    random.seed(3)
    assert ig.Graph.Erdos_Renyi(20, 0.3).get_edgelist() == drawn, "igraph draws from Python again"


@given(weighted_edges(), st.randoms(use_true_random=False))
@settings(deadline=None)
def test_the_order_of_the_edges_makes_no_difference(graph, rng):
    n, edges = graph
    rows = list(edges.items())
    rng.shuffle(rows)

    assert _cut(n, dict(rows), LeidenConfig()) == _cut(n, edges, LeidenConfig())


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -0.5])
def test_a_weight_that_is_no_weight_is_refused(bad: float):
    with pytest.raises(ConfigError, match=r"\(1, 2\) weighs"):
        checked(hybrid(3, {(0, 1): 1.0, (1, 2): bad}))


def test_an_edge_of_weight_zero_is_none(layers):
    # igraph alone would leave vertex 1, which nothing ties, with vertex 0.
    edges = {(0, 1): 0.0, (0, 2): 0.01, (2, 3): 0.02}

    assert [1] in _cut(4, edges, LeidenConfig(resolution=1.5), layers)


@pytest.mark.parametrize("name", EDGE_CASES)
def test_every_edge_case_is_cut_into_a_partition(name: str, layers):
    n, edges = EDGE_CASES[name]

    partition = _cut(n, edges, LeidenConfig(), layers)

    assert sorted(v for community in partition for v in community) == list(range(n))


def test_a_contracted_graph_is_cut_by_the_modularity_of_the_whole():
    # igraph's own modularity forgets what lies inside of vertices that stand for many: it would
    # join the cliques, which are tied only to each other.
    pieces = checked(hybrid(20, cliques([5, 5, 5, 5])))
    labels = np.repeat(np.arange(4), 5)
    small, masses = contracted(pieces, pieces.weight, masses_of(pieces, pieces.weight), labels)

    joined = cut_masses(small, masses, LeidenConfig(), 0)

    assert (small.n, small.weight.tolist()) == (4, pytest.approx([0.1] * 3))
    assert len(set(joined.tolist())) == 4
    naive = ig.Graph(4, [(0, 1), (1, 2), (2, 3)])
    assert len(naive.community_leiden("modularity", weights=[0.1] * 3)) == 2


def test_layers_are_each_compared_with_their_own_chance():
    # Layer one shows two groups. Layer two ties twenty of the forty all alike, ten of each group:
    # beside its own chance that says nothing, but beside the chance of the sum it does.
    n = 40
    pairs = [(a, b) for a in range(n) for b in range(a + 1, n)]
    head, tail = np.array(pairs).T
    same, heavy = head // 20 == tail // 20, (head % 2 == 0) & (tail % 2 == 0)
    one = (np.random.default_rng(0).random(len(pairs)) < np.where(same, 0.5, 0.15)) * 1.0
    two = np.where(heavy, 6.0, 0)
    tied = one + two > 0
    part, ends = np.zeros(n, dtype=np.int64), (head[tied], tail[tied])
    layered = Pieces(part, *ends, (one + two)[tied], np.array([one, two])[:, tied])
    summed = Pieces(part, *ends, (one + two)[tied])

    apart, drowned = (numbered(part, cut(each, LeidenConfig(), 0)) for each in (layered, summed))

    assert apart.tolist() == [0] * 20 + [1] * 20
    assert len(set(drowned[::2].tolist())) == 1


def test_how_many_seeds_and_iterations_follows_from_the_size_unless_it_is_said():
    config = LeidenConfig()

    assert [config.seeds_for(n) for n in (0, 100_000, 200_000, 10**6)] == [10, 10, 5, 3]
    assert LeidenConfig(n_seeds=4).seeds_for(10**6) == 4
    assert LeidenConfig(direction="bottom_up").seeds_for(10) == 1
    assert config.iterations_for(20_000, is_top=True) == 5
    assert [config.iterations_for(20_001, is_top=top) for top in (True, False)] == [2, 1]
    assert [config.iterations_for(each, is_top=False) for each in (5_000, 5_001)] == [5, 1]
    with pytest.raises(ValidationError, match="single run"):
        LeidenConfig(direction="bottom_up", n_seeds=5)
