"""Communities from the bottom up: the small ones, what they are joined to, and a good top."""

import numpy as np
import pytest

from kg import bottom_up
from kg.hierarchy import leiden_hierarchy
from kg.leiden import LeidenConfig
from tests.kg.weighted_graphs import EDGE_CASES, cliques, hybrid, planted

UPWARDS = LeidenConfig(direction="bottom_up", n_seeds=1)


@pytest.fixture(params=["few ties", "many ties"])
def _both_ways(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch):
    if request.param == "many ties":
        monkeypatch.setattr(bottom_up, "FEW_EDGES", -1)


@pytest.mark.usefixtures("_both_ways")
def test_the_same_communities_are_joined():
    edges = cliques([5, 5, 5, 5], bridge=0.1)
    for pair in (0, 10):
        edges |= {(pair + a, pair + 5 + b): 0.35 for a in range(5) for b in range(5)}

    hierarchy = leiden_hierarchy(hybrid(20, edges), LeidenConfig(direction="bottom_up", step=2))

    members = [branch.members for _, branch in hierarchy.walk()]
    assert members[0] == tuple(range(10))
    assert {tuple(range(start, start + 5)) for start in (0, 5, 10, 15)} < set(members)


@pytest.mark.usefixtures("_both_ways")
@pytest.mark.parametrize("name", EDGE_CASES)
def test_every_level_partitions_the_one_above_it_and_leaves_nobody_alone(name: str):
    n, edges = EDGE_CASES[name]

    hierarchy = leiden_hierarchy(hybrid(n, edges), UPWARDS.model_copy(update={"min_size": 2}))

    assert sorted(v for root in hierarchy.roots for v in root.members) == list(range(n))
    for _, branch in hierarchy.walk():
        if branch.children:
            assert sorted(v for each in branch.children for v in each.members) == list(
                branch.members
            )
            assert min(len(each.members) for each in branch.children) > 1


def test_where_ties_are_few_the_top_is_that_from_the_top_down():
    graph = hybrid(400, planted(400, 20, 0.5, 0.02, seed=1))

    up, down = leiden_hierarchy(graph, UPWARDS), leiden_hierarchy(graph, LeidenConfig(n_seeds=1))

    assert up.top.tolist() == down.top.tolist()
    assert up.n_levels() > 1


def test_where_ties_are_many_the_top_is_nearly_as_good(monkeypatch):
    monkeypatch.setattr(bottom_up, "FEW_EDGES", 0)
    graph = hybrid(400, planted(400, 20, 0.5, 0.02, seed=1))

    up = leiden_hierarchy(graph, UPWARDS.model_copy(update={"step": 2.2}))
    down = leiden_hierarchy(graph, LeidenConfig(n_seeds=1))

    assert up.modularity >= down.modularity - 0.03


def test_the_finest_communities_are_cut_from_the_stronger_ties_alone(monkeypatch):
    monkeypatch.setattr(bottom_up, "FEW_EDGES", 0)
    asked: list[int] = []
    cut_masses = bottom_up.cut_masses

    def noted(pieces, *others):
        asked.append(len(pieces.head))
        return cut_masses(pieces, *others)

    monkeypatch.setattr(bottom_up, "cut_masses", noted)
    weak = {(a, b + 10): 0.1 for a in range(10) for b in range(10)}

    found = leiden_hierarchy(hybrid(20, cliques([10, 10]) | weak), UPWARDS)

    assert asked[0] == 2 * 45
    assert np.array_equal(found.top, [0] * 10 + [1] * 10)


def test_the_finest_resolution_grows_with_the_root_of_the_number():
    assert LeidenConfig().resolutions_for(10_000)[0] == pytest.approx(200 / 3)
    assert LeidenConfig().resolutions_for(1_000_000)[0] == pytest.approx(2000 / 3)
    assert LeidenConfig().resolutions_for(3) == [16, 8, 4, 2, 1]
    assert LeidenConfig(step=3, max_levels=3).resolutions_for(10_000) == [9, 3, 1]
