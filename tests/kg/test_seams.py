"""Connectors, seams and the spread of sources, by hand and against slow peers."""

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kg.seams import (
    Cut,
    communities_touched,
    edges_across,
    falls_apart,
    inside_share,
    participation,
    seams_of,
    spread_of,
)


def _cut(edges: dict[tuple[int, int], float], home: list[int]) -> Cut:
    head, tail = np.array([*edges], dtype=np.int64).reshape(-1, 2).T
    weight = np.array([*edges.values()], dtype=np.float64)
    return Cut(head, tail, weight, np.array(home, dtype=np.int64), max(home, default=-1) + 1)


@st.composite
def cuts(draw: st.DrawFn) -> Cut:
    n = draw(st.integers(1, 12))
    pairs = [(i, j) for i in range(n) for j in range(i + 1, n)]
    chosen = draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    weights = draw(st.lists(st.floats(0.1, 4), min_size=len(chosen), max_size=len(chosen)))
    home = draw(st.lists(st.integers(0, 3), min_size=n, max_size=n))
    return _cut(dict(zip(chosen, weights, strict=True)), home)


# Two triangles and an isolate: 2 is tied to 3 and 4 of the other triangle.
TRIANGLES = _cut(
    {(0, 1): 1, (0, 2): 1, (1, 2): 2, (2, 3): 1, (2, 4): 1, (3, 4): 1, (3, 5): 1, (4, 5): 1},
    [0, 0, 0, 1, 1, 1, 2],
)


def test_participation_of_a_worked_example():
    # 2 has weight 3 into its own and 2 into the other: 1 - (9 + 4) / 25; 3 has 1 and 2: 1 - 5/9
    expected = [0, 0, 12 / 25, 4 / 9, 4 / 9, 0, 0]

    np.testing.assert_allclose(participation(TRIANGLES), expected)
    assert communities_touched(TRIANGLES).tolist() == [1, 1, 2, 2, 2, 1, 0]


def test_the_share_of_the_inside_weight_of_a_worked_example():
    expected = [2 / 4, 3 / 4, 3 / 4, 2 / 3, 2 / 3, 2 / 3, 0]

    np.testing.assert_allclose(inside_share(TRIANGLES), expected)


def test_a_seam_of_a_worked_example():
    # K of the triangles is 4 + 4 + 2 = 10 and 8; 2m = 18
    seams = seams_of(TRIANGLES)

    assert (seams.one.tolist(), seams.other.tolist(), seams.n_edges.tolist()) == ([0], [1], [2])
    assert seams.weight.tolist() == [2]
    assert seams.expected == pytest.approx(10 * 8 / 18)
    assert edges_across(TRIANGLES, 0, 1, limit=5).tolist() == [3, 4]
    assert edges_across(TRIANGLES, 1, 0, limit=1).tolist() == [3]


def test_a_statement_that_holds_two_halves_together_is_seen():
    # 0-1-2 is a path with 3 and 4 hanging on 2; 5 is a part of its own.
    path = _cut({(0, 1): 1, (1, 2): 1, (2, 3): 1, (2, 4): 1}, [0] * 6)

    # Without 1: {2 3 4} and {0}: 1 of 5. Without 2: {0 1}, {3}, {4}: 2 of 5.
    np.testing.assert_allclose(falls_apart(path), [0, 1 / 5, 2 / 5, 0, 0, 0])


@given(cuts())
def test_falling_apart_is_what_taking_each_statement_away_shows(cut: Cut):
    graph = nx.Graph()
    graph.add_nodes_from(range(cut.n))
    inside = ~cut.crossing
    graph.add_edges_from(zip(cut.head[inside].tolist(), cut.tail[inside].tolist(), strict=True))
    expected = []
    for vertex in range(cut.n):
        part = nx.node_connected_component(graph, vertex) - {vertex}
        pieces = nx.connected_components(graph.subgraph(part))
        lost = len(part) - max(map(len, pieces), default=0)
        expected.append(lost / max(1, int(cut.sizes[cut.home[vertex]]) - 1))

    np.testing.assert_allclose(falls_apart(cut), expected)


@given(cuts())
def test_participation_is_that_of_a_loop(cut: Cut):
    expected = []
    for vertex in range(cut.n):
        into = np.zeros(cut.n_communities)
        for head, tail, weight in zip(cut.head, cut.tail, cut.weight, strict=True):
            if vertex in (head, tail):
                into[cut.home[head + tail - vertex]] += weight
        expected.append(1 - np.sum((into / into.sum()) ** 2) if into.any() else 0)

    np.testing.assert_allclose(participation(cut), expected, atol=1e-12)


def _spread_by_loop(cut: Cut, made: list[tuple[int, int]], source: int) -> float:
    mine = [v for v, s in made if s == source and cut.sizes[cut.home[v]] > 1]
    strength = np.bincount(cut.home, weights=cut.strength, minlength=cut.n_communities)
    total = 0.0
    for v in mine:
        for u in mine:
            c, d = cut.home[v], cut.home[u]
            if c == d:
                continue
            tie = sum(
                weight
                for head, tail, weight in zip(cut.head, cut.tail, cut.weight, strict=True)
                if {cut.home[head], cut.home[tail]} == {c, d} and not {head, tail} <= {*mine}
            )
            expected = strength[c] * strength[d] / strength.sum() if strength.sum() else 0
            total += 1 - (min(1, tie / expected) if expected else 0)
    return total / len(mine) ** 2 if mine else 0.0


@given(cuts(), st.data())
def test_the_spread_of_a_source_is_that_of_a_loop(cut: Cut, data: st.DataObject):
    made = data.draw(st.lists(st.tuples(st.integers(0, cut.n - 1), st.integers(0, 2)), unique=True))
    vertex, source = np.array(made, dtype=np.int64).reshape(-1, 2).T

    found = spread_of(cut, vertex, source, 3)

    expected = [_spread_by_loop(cut, made, s) for s in range(3)]
    np.testing.assert_allclose(found.spread, expected, atol=1e-9)


def test_a_source_across_communities_that_share_little_spreads_more():
    # Two communities that are tied as chance would tie them, and two that are not tied at all.
    home = [0] * 4 + [1] * 4 + [2] * 4
    ring = {
        (c * 4 + i, c * 4 + j): 1.0 for c in range(3) for i, j in ((0, 1), (1, 2), (2, 3), (0, 3))
    }
    tied = {(i, 4 + i): 2.0 for i in range(4)}
    cut = _cut(ring | tied, home)
    made = np.array([(0, 0), (5, 0), (1, 1), (9, 1)])

    found = spread_of(cut, made[:, 0], made[:, 1], 2)

    np.testing.assert_allclose(found.spread, [0, 1 / 2])
    assert found.n_statements.tolist() == [2, 2]
    assert found.n_communities.tolist() == [2, 2]


def test_nothing_has_no_seams():
    empty = Cut(*(np.zeros(0, dtype=np.int64),) * 2, np.zeros(0), np.zeros(0, dtype=np.int64), 0)
    nobody = np.zeros(0, dtype=np.int64)

    assert len(participation(empty)) == len(falls_apart(empty)) == len(inside_share(empty)) == 0
    assert len(seams_of(empty).one) == 0
    assert len(spread_of(empty, nobody, nobody, 0).spread) == 0
