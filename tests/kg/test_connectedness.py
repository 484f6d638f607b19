"""Well-connected communities: the verdict is that of the least cut."""

import math

import igraph as ig
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kg.connectedness import well_connected
from kg.leiden import checked
from tests.kg.weighted_graphs import cliques, hybrid


@given(st.integers(2, 130), st.floats(1.5, 8), st.integers(0, 10**6))
@settings(deadline=None, max_examples=150)
def test_a_community_is_well_connected_if_its_least_cut_is_more_than_log10(n, degree, seed):
    rng = np.random.default_rng(seed)
    ends = np.sort(rng.integers(n, size=(int(n * degree / 2) + 1, 2)))
    edges = {(int(a), int(b)): 1.0 for a, b in ends if a != b}
    edges |= {(v, v + 1): 1.0 for v in range(n - 1) if rng.random() < 0.9}

    found = well_connected(checked(hybrid(n, dict(sorted(edges.items())))), np.zeros(n, int))

    least = ig.Graph(n, list(edges)).mincut().value
    assert found.tolist() == [least > math.log10(n)]


def test_communities_are_looked_at_one_by_one():
    # Ten vertices need a cut of two: the clique has nine, the path one. A pair is connected, a
    # loner needs nothing; and nine vertices on a path are connected, which is all they need.
    path = {(v, v + 1): 1.0 for v in range(10, 19)}
    short = {(v, v + 1): 1.0 for v in range(23, 31)}
    edges = cliques([10]) | {(9, 10): 1.0} | path | {(20, 21): 1.0} | short
    labels = np.repeat([0, 1, 2, 3, 4], [10, 10, 2, 1, 9])

    found = well_connected(checked(hybrid(32, edges)), labels)

    assert found.tolist() == [True, False, True, True, True]


@pytest.mark.parametrize(("bridges", "is_well"), [(2, False), (3, True)])
def test_two_halves_that_few_edges_join_are_not_well_connected(bridges: int, is_well: bool):
    halves = cliques([60, 60], bridge=1.0)
    joined = halves | {(v, 119 - v): 1.0 for v in range(bridges - 1)}

    found = well_connected(checked(hybrid(120, dict(sorted(joined.items())))), np.zeros(120, int))

    assert found.tolist() == [is_well]
