"""Stability: what is planted is found again and again, and what is random is not."""

import igraph as ig
import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_mutual_info_score

from kg.hierarchy import Hierarchy, leiden_hierarchy
from kg.hybrid_graph import HybridGraph
from kg.leiden import LeidenConfig, checked, cut, numbered
from kg.partition_quality import Pieces
from kg.stability import (
    NULL_VERTICES,
    Chance,
    certainties,
    chance_stabilities,
    consensus,
    random_like,
    stabilities,
)
from tests.kg.weighted_graphs import EDGE_CASES, cliques, hybrid, planted, weighted_edges

TEN = LeidenConfig(n_seeds=10)


def _top(hierarchy: Hierarchy) -> np.ndarray:
    return (hierarchy.level == 0) & (hierarchy.size > 1)


def _unstable(graph: HybridGraph) -> np.ndarray:
    hierarchy = leiden_hierarchy(graph, LeidenConfig(max_levels=1))
    return (hierarchy.stability <= hierarchy.chance_stability)[_top(hierarchy)]


def _lfr(mixing: float, seed: int) -> tuple[HybridGraph, list[int]]:
    graph = nx.LFR_benchmark_graph(
        300,
        2.5,
        1.5,
        mixing,
        average_degree=12,
        max_degree=30,
        min_community=20,
        max_community=60,
        seed=seed,
    )
    groups = {frozenset(graph.nodes[v]["community"]) for v in graph}
    truth = [next(i for i, g in enumerate(groups) if v in g) for v in range(300)]
    edges = {tuple(sorted(pair)): 1.0 for pair in graph.edges if pair[0] != pair[1]}
    return hybrid(300, dict(sorted(edges.items()))), truth


@pytest.mark.parametrize(("n", "n_groups", "inside"), [(12, 2, 0.8), (24, 3, 0.7), (120, 6, 0.4)])
def test_planted_communities_are_stable_in_small_graphs_too(n: int, n_groups: int, inside: float):
    graphs = [hybrid(n, planted(n, n_groups, inside, 0.04, seed)) for seed in range(3)]

    marked = np.concatenate([_unstable(graph) for graph in graphs])

    assert len(marked) >= 3 * n_groups
    assert marked.mean() <= 0.2


def test_communities_of_random_graphs_are_marked_as_unstable():
    # Copies of the largest have more than 20,000 ties: they get as many iterations all the same.
    chance = [
        hybrid(n, planted(n, 1, degree / n, 0, seed))
        for n, degree, n_graphs in ((40, 8, 20), (150, 8, 8), (400, 15, 6))
        for seed in range(n_graphs)
    ]

    marked = np.concatenate([_unstable(graph) for graph in chance])

    assert len(marked) > 200
    assert marked.mean() >= 0.95


def test_chance_is_cut_with_as_many_iterations_as_the_graph():
    # 4,000 ties get five iterations; seven copies of them would get one.
    graph = hybrid(400, planted(400, 1, 20 / 400, 0, seed=1))

    found = [
        leiden_hierarchy(graph, LeidenConfig(n_seeds=2, max_levels=1, n_iterations=iterations))
        for iterations in (None, 5, 1)
    ]

    chance = [each.chance_stability.tolist() for each in found]
    assert chance[0] == chance[1]
    assert chance[0] != chance[2]


def test_a_lone_pair_in_the_random_graphs_does_not_make_chance_reach_one():
    # Of 60 random communities of about 0.1, one is a pair that nothing else is tied to.
    usual = np.random.default_rng(0).normal(0.1, 0.01, 60)
    chance = Chance(np.full(61, 300), np.append(usual, 1.0))

    (found,) = chance_stabilities(np.array([300]), chance)

    assert usual.max() * 0.95 < found < 0.2


@pytest.mark.parametrize("draw", ["normal", "beta"])
def test_one_in_a_hundred_random_communities_exceeds_what_chance_reaches(draw: str):
    rng = np.random.default_rng(1)

    def drawn(n: int) -> np.ndarray:
        return rng.normal(0.06, 0.005, n) if draw == "normal" else rng.beta(8, 6, n)

    above = []
    for _ in range(200):
        (bound,) = chance_stabilities(np.array([9]), Chance(np.full(60, 9), drawn(60)))
        above.append((drawn(200) > bound).mean())

    assert 0.001 < np.mean(above) < 0.025


def _gain(mixing: float, seed: int) -> float:
    """Return by how much a consensus is nearer to what was planted than the median single run."""
    graph, truth = _lfr(mixing, seed)
    pieces = checked(graph)
    single = [adjusted_mutual_info_score(truth, cut(pieces, TEN, seed)) for seed in range(50, 60)]
    return adjusted_mutual_info_score(truth, consensus(pieces, TEN, 0)) - float(np.median(single))


@pytest.mark.parametrize("mixing", [0.2, 0.3, 0.4, 0.5, 0.6])
def test_the_consensus_recovers_what_was_planted_at_least_as_well_as_a_single_run(mixing: float):
    gains = [_gain(mixing, seed) for seed in (1, 2, 3)]

    # At 0.6 neither finds more than a fourteenth of it, and they differ by chance.
    assert np.mean(gains) >= -0.005


@pytest.mark.parametrize("mixing", [0.4, 0.5, 0.55])
def test_where_single_runs_disagree_the_consensus_recovers_more(mixing: float):
    gains = [_gain(mixing, seed) for seed in (1, 2, 3)]

    assert np.mean(gains) > 0.02


def test_two_consensus_runs_agree_more_than_two_single_runs():
    graph, _ = _lfr(0.5, seed=2)
    pieces = checked(graph)

    single = adjusted_mutual_info_score(cut(pieces, TEN, 1), cut(pieces, TEN, 2))
    agreed = adjusted_mutual_info_score(consensus(pieces, TEN, 1), consensus(pieces, TEN, 2))

    assert agreed > single


@given(weighted_edges(), st.integers(0, 100))
@settings(deadline=None, max_examples=30)
def test_certainties_are_shares_and_the_communities_connected(graph, seed):
    n, edges = graph
    pieces = checked(hybrid(n, edges))
    config = LeidenConfig(n_seeds=3)

    labels = numbered(pieces.part, consensus(pieces, config, seed))
    certainty = certainties(pieces, labels, config, seed)

    assert ((certainty > 0) & (certainty <= 1)).all()
    tied = ig.Graph(n, [pair for pair, weight in edges.items() if weight])
    for community in range(labels.max() + 1):
        assert tied.induced_subgraph(np.flatnonzero(labels == community).tolist()).is_connected()


@pytest.mark.parametrize("name", EDGE_CASES)
def test_every_edge_case_has_a_stability_or_none(name: str):
    n, edges = EDGE_CASES[name]

    hierarchy = leiden_hierarchy(hybrid(n, edges), LeidenConfig(n_seeds=3))

    assert (np.isnan(hierarchy.stability) == (hierarchy.size == 1)).all() or not any(edges.values())
    assert np.isnan(hierarchy.chance_stability[hierarchy.size == 1]).all()
    known = ~np.isnan(hierarchy.stability)
    assert ((hierarchy.stability[known] > 0) & (hierarchy.stability[known] <= 1)).all()
    alone = hierarchy.size[hierarchy.home] == 1
    assert np.isnan(hierarchy.certainty[alone]).all()


def test_stability_is_the_mean_certainty_of_two_and_more():
    labels = np.array([0, 0, 1, 2, 2, 2])
    certainty = np.array([0.5, 1.0, 1.0, 0.25, 0.5, 0.75])

    found = stabilities(labels, certainty)

    assert found[[0, 2]] == pytest.approx([0.75, 0.5])
    assert np.isnan(found[1])


def test_a_statement_between_two_communities_is_less_certain():
    edges = cliques([6, 6], bridge=0.2) | {(a, 12): 1.0 for a in (0, 1, 2, 6, 7, 8)}
    pieces = checked(hybrid(13, dict(sorted(edges.items()))))
    labels = numbered(pieces.part, consensus(pieces, TEN, 0))

    certainty = certainties(pieces, labels, TEN, 0)

    assert int(np.argmin(certainty)) == 12
    assert certainty[12] < certainty[:12].mean() - 0.1


def test_a_single_run_has_no_stability():
    hierarchy = leiden_hierarchy(hybrid(10, cliques([5, 5])), LeidenConfig(n_seeds=1))

    assert np.isnan(hierarchy.stability).all()
    assert np.isnan(hierarchy.certainty).all()
    assert hierarchy.n_unstable == 0


def test_the_parts_of_a_random_community_are_unstable_below_a_stable_top():
    graph = hybrid(90, planted(90, 3, 0.5, 0.02, seed=1))

    hierarchy = leiden_hierarchy(graph, LeidenConfig(min_gain=0.05, min_supported=0))

    stable = hierarchy.stability > hierarchy.chance_stability
    assert stable[hierarchy.level == 0].all()
    below = stable[hierarchy.level > 0]
    assert len(below) > 5
    assert below.mean() <= 0.2


def test_a_community_is_cut_only_into_parts_that_are_stabler_than_chance():
    edges = planted(90, 3, 0.5, 0.02, seed=1)  # three groups with nothing within them
    edges |= {(a + 90, b + 90): w for (a, b), w in cliques([6, 6]).items()}
    edges |= {(90 + a, 96 + b): 0.35 for a in range(6) for b in range(6)}  # a group of two cliques

    def n_parts(share: float) -> tuple[int, int]:
        config = LeidenConfig(min_gain=0.05, min_supported=share)
        hierarchy = leiden_hierarchy(hybrid(102, edges), config)
        below = np.flatnonzero(hierarchy.level > 0)
        of_cliques = np.isin(below, hierarchy.home[90:])
        return int(of_cliques.sum()), int((~of_cliques).sum())

    assert n_parts(0.5) == (2, 0)
    assert n_parts(0)[0] == 2
    assert n_parts(0)[1] > 5


@given(weighted_edges(), weighted_edges(), st.integers(0, 100))
@settings(deadline=None, max_examples=50)
def test_a_random_graph_has_the_same_degrees_and_weights_in_every_part(one, other, seed):
    sides = [checked(hybrid(n, edges)) for n, edges in (one, other)]
    both = Pieces(
        np.repeat([0, 1], [side.n for side in sides]),
        np.concatenate([sides[0].head, sides[1].head + sides[0].n]),
        np.concatenate([sides[0].tail, sides[1].tail + sides[0].n]),
        np.concatenate([side.weight for side in sides]),
    )

    random = random_like(both, seed)

    copies = random.n // both.n
    ends = [np.concatenate([graph.head, graph.tail]) for graph in (both, random)]
    degrees = [np.bincount(e, minlength=g.n) for e, g in zip(ends, (both, random), strict=True)]
    assert degrees[1].tolist() == np.tile(degrees[0], copies).tolist()
    assert (random.part[random.head] == random.part[random.tail]).all()
    assert len(set(zip(random.head.tolist(), random.tail.tolist(), strict=True))) == len(
        random.head
    )
    assert (random.head < random.tail).all()
    for part in (0, 1):
        weights = [sorted(g.weight[g.part[g.head] % 2 == part].tolist()) for g in (both, random)]
        assert weights[1] == sorted(weights[0] * copies)


def test_a_random_graph_is_another_graph():
    pieces = checked(hybrid(60, planted(60, 4, 0.5, 0.04, seed=1)))

    random = random_like(pieces, 0)

    same = set(zip(pieces.head.tolist(), pieces.tail.tolist(), strict=True))
    drawn = set(zip(random.head.tolist(), random.tail.tolist(), strict=True))
    assert len(same & drawn) < len(same) / 2
    assert random_like(pieces, 0).head.tolist() == random.head.tolist()
    assert random_like(pieces, 1).head.tolist() != random.head.tolist()


@pytest.mark.parametrize("n_parts", [1, 2_000])
def test_a_large_level_is_compared_with_random_graphs_of_bounded_size(n_parts: int):
    n = 10_000
    per = n // n_parts
    rng = np.random.default_rng(0)
    part = np.repeat(np.arange(n_parts), per)
    head = np.repeat(np.arange(n), 4)
    tail = part[head] * per + rng.integers(per, size=len(head))
    keys = np.unique((np.minimum(head, tail) * n + np.maximum(head, tail))[head != tail])
    pieces = Pieces(part, keys // n, keys % n, rng.random(len(keys)))

    random = random_like(pieces, 0)

    assert NULL_VERTICES / 2 <= random.n <= 2 * NULL_VERTICES
    mean_degrees = [2 * len(each.head) / each.n for each in (pieces, random)]
    assert mean_degrees[1] == pytest.approx(mean_degrees[0], rel=0.1)


def test_chance_is_that_of_parents_of_about_the_same_size():
    # 200 communities of parents of 10 at 0.5, and 200 of parents of 1,000 at 0.1
    chance = Chance(np.repeat([10, 1000], 200), np.repeat([0.5, 0.1], 200))

    found = chance_stabilities(np.array([10, 1000, 5, 9000, 10]), chance)

    assert found == pytest.approx([0.5, 0.1, 0.5, 0.1, 0.5])
    assert np.isnan(
        chance_stabilities(np.array([3]), Chance(np.array([], int), np.array([])))
    ).all()


def test_the_same_seed_gives_the_same_stability_and_says_how_far_it_is():
    graph = hybrid(60, planted(60, 4, 0.4, 0.05, seed=3))
    told: list[tuple[int, int, str]] = []

    first = leiden_hierarchy(graph, TEN)
    second = leiden_hierarchy(
        graph, TEN, on_progress=lambda done, total, what: told.append((done, total, what))
    )

    for name in ("home", "stability", "chance_stability", "certainty"):
        one, other = getattr(first, name), getattr(second, name)
        assert np.array_equal(one, other, equal_nan=True)
    assert told[0] == (1, 10, "level 1, seeds")
    assert (10, 10, "level 1, ties by chance") in told


def test_a_consensus_can_be_interrupted():
    def interrupt(done: int, _total: int, _what: str) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        leiden_hierarchy(hybrid(10, cliques([5, 5])), TEN, on_progress=interrupt)


@pytest.mark.parametrize("seed", [0, 1])
def test_layers_have_a_consensus_too(seed: int):
    graph = hybrid(24, planted(24, 3, 0.7, 0.05, seed))

    hierarchy = leiden_hierarchy(graph, LeidenConfig(n_seeds=3, max_levels=1), {"semantic": 1.0})

    truth = [vertex % 3 for vertex in range(24)]
    assert adjusted_mutual_info_score(truth, hierarchy.top) > 0.9
    assert (hierarchy.stability > hierarchy.chance_stability).all()


def test_many_pairs_that_nothing_else_is_tied_to_hide_no_community():
    # Of the random communities of such a graph most are pairs, of stability 1.
    edges = planted(96, 8, 0.4, 0.005, seed=1)
    edges |= {(96 + 2 * pair, 97 + 2 * pair): 1.0 for pair in range(60)}

    hierarchy = leiden_hierarchy(hybrid(216, edges), LeidenConfig(n_seeds=5, max_levels=1))

    marked = hierarchy.stability <= hierarchy.chance_stability
    assert not marked[hierarchy.size > 2].any()
    assert marked[hierarchy.size == 2].all()
