"""Plateaus: between which resolutions which communities are the best that were found."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings

from kg.errors import ConfigError
from kg.leiden import LeidenConfig, checked, cut
from kg.partition_quality import modularity
from kg.resolutions import Resolutions, plateaus
from tests.kg.weighted_graphs import Edges, cliques, hybrid, weighted_edges

PAIRS_OF_PAIRS: Edges = cliques([6, 6], bridge=0.5) | {
    (a + 12, b + 12): w for (a, b), w in cliques([6, 6], bridge=0.5).items()
}
PAIRS_OF_PAIRS[11, 12] = 0.05


def test_two_scales_are_two_plateaus():
    found = plateaus(hybrid(24, PAIRS_OF_PAIRS), Resolutions(0.001, 3.0, 40))

    wide = [each for each in found if each.high / each.low > 2]
    assert [each.communities for each in wide] == [2, 4]
    assert max(found, key=lambda each: each.modularity).communities == 4


def test_two_partitions_give_way_where_they_are_as_good():
    # Two ties of 1 joined by one of 0.5, so 2m = 5. All together: Q = 1 - gamma. In two: inside
    # 4 / 5, volumes 2.5 and 2.5, so Q = 0.8 - gamma / 2. Both are as good at gamma = 0.4. Each
    # alone, Q = -(1 + 2.25 + 2.25 + 1) gamma / 25, which is as good as in two at gamma = 3.33.
    found = plateaus(hybrid(4, {(0, 1): 1.0, (1, 2): 0.5, (2, 3): 1.0}), Resolutions(0.1, 2, 9))

    assert [(each.communities, each.alone) for each in found] == [(1, 0), (2, 0)]
    assert [(each.low, each.high) for each in found] == [
        (0.1, pytest.approx(0.4)),
        (pytest.approx(0.4), 2),
    ]
    assert [each.modularity for each in found] == pytest.approx([0, 0.3])


@given(weighted_edges())
@settings(deadline=None)
def test_plateaus_lie_end_to_end_and_are_no_worse_than_any_cut(graph):
    n, edges = graph
    wanted = Resolutions(0.2, 5.0, 8)
    pieces = checked(hybrid(n, edges))

    found = plateaus(hybrid(n, edges), wanted)

    assert (found[0].low, found[-1].high) == (0.2, 5.0)
    assert all(one.high == other.low for one, other in pairwise(found))
    assert all(one.low < one.high for one in found)
    for resolution in np.geomspace(*wanted).tolist():
        best = max(each.modularity_at(resolution) for each in found)
        (*_, here) = (each for each in found if each.low <= resolution)
        labels = cut(pieces, LeidenConfig(resolution=resolution), 0)
        assert here.modularity_at(resolution) == pytest.approx(best)
        assert best >= modularity(pieces, labels, resolution) - 1e-9


def test_statements_that_nothing_ties_are_alone_at_every_resolution():
    (found,) = plateaus(hybrid(3, {}))

    assert (found.low, found.high, found.communities, found.alone) == (0.1, 10.0, 0, 3)


def test_a_graph_of_nothing_has_one_plateau():
    (found,) = plateaus(hybrid(0, {}))

    assert (found.communities, found.alone, found.modularity) == (0, 0, 0.0)


@pytest.mark.parametrize(("low", "high"), [(2.0, 1.0), (1.0, 1.0), (0.0, 1.0), (1.0, np.inf)])
def test_an_empty_range_is_refused(low: float, high: float):
    with pytest.raises(ConfigError, match="the lower first"):
        plateaus(hybrid(2, {}), Resolutions(low, high))


def test_every_cut_is_told():
    told: list[tuple[int, int, str]] = []

    plateaus(hybrid(3, {(0, 1): 1.0}), Resolutions(n=3), lambda *each: told.append(each))

    assert told == [(0, 3, "resolutions"), (1, 3, "resolutions"), (2, 3, "resolutions")]
