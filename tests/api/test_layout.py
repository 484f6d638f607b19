"""The picture of a community: every member in it, nothing outside it, always the same."""

import random
from itertools import combinations
from math import dist
from statistics import mean

import pytest

from api import layout
from api.layout import N_COLOURS, WIDTH, draw
from api.views.communities import CommunityView, EdgeView, MemberView, community_view
from api.views.statement_rows import EvidenceTally
from api.views.view import CommunityName


def test_every_member_has_a_place_inside_the_picture(session):
    view = community_view(session, "leiden_semantic-run3-c0")

    picture = draw(view)

    assert {node.statement.id for node in picture.nodes} == {
        row.id for row in (*view.claims, *view.findings)
    }
    for node in picture.nodes:
        assert picture.radius < node.x < WIDTH - picture.radius
        assert picture.radius < node.y < picture.height - picture.radius
    assert len({(node.x, node.y) for node in picture.nodes}) == 7
    assert (picture.n_nodes_left_out, picture.n_lines_left_out) == (0, 0)


def test_lines_join_the_places_of_their_statements_heavier_ones_thicker(session):
    view = community_view(session, "leiden_semantic-run3-c0")

    picture = draw(view)

    places = {node.statement.id: (node.x, node.y) for node in picture.nodes}
    widths = {(line.source, line.target): line.stroke.width for line in picture.lines}
    weights = {(edge.source, edge.target): edge.weight for edge in view.edges}
    assert widths.keys() == weights.keys()
    assert sorted(widths, key=widths.__getitem__) == sorted(weights, key=weights.__getitem__)
    for line in picture.lines:
        assert line.stroke[:2] == places[line.source]
        assert line.stroke[2:4] == places[line.target]


def test_the_picture_does_not_depend_on_random_numbers(session):
    view = community_view(session, "leiden_semantic-run3-c0")

    random.seed(1)
    first = draw(view)
    random.seed(2)

    assert draw(view) == first


def test_colours_are_the_sub_communities(session):
    view = community_view(session, "leiden_semantic-run3-c0")

    order = [child.id for child in view.sub_communities]
    for node in draw(view).nodes:
        assert node.colour == order.index(node.statement.sub_community)


def test_statements_that_are_tied_stand_together():
    # Two groups of six, every second numbered statement in the other, joined by a single tie.
    ties = [_edge(a, b, 0.8) for a in range(12) for b in range(a + 2, 12, 2)]
    picture = draw(_community(12, [*ties, _edge(0, 1, 0.1)]))

    place = {int(node.statement.id[1:]): (node.x, node.y) for node in picture.nodes}
    pairs = list(combinations(range(12), 2))
    within = [dist(place[a], place[b]) for a, b in pairs if (a + b) % 2 == 0]
    across = [dist(place[a], place[b]) for a, b in pairs if (a + b) % 2 == 1]
    assert mean(within) < 0.6 * mean(across)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_statements_without_ties_are_drawn_apart(n):
    picture = draw(_community(n, []))

    assert len({(node.x, node.y) for node in picture.nodes}) == n
    assert all(0 < node.x < WIDTH and 0 < node.y < picture.height for node in picture.nodes)
    assert {node.colour for node in picture.nodes} == {None}


def test_only_the_most_connected_statements_of_a_large_community_are_drawn(monkeypatch):
    monkeypatch.setattr(layout, "N_NODES", 4)
    star = [_edge(0, i, 0.1 * i) for i in range(1, 8)]

    picture = draw(_community(8, star))

    assert {node.statement.id for node in picture.nodes} == {"s0", "s5", "s6", "s7"}
    assert {line.target for line in picture.lines} == {"s5", "s6", "s7"}
    assert picture.n_nodes_left_out == 4


def test_only_the_strongest_ties_of_a_dense_community_are_drawn(monkeypatch):
    monkeypatch.setattr(layout, "N_EDGES", 2)

    picture = draw(_community(4, [_edge(0, i, 0.1 * i) for i in range(1, 4)]))

    assert [line.target for line in picture.lines] == ["s2", "s3"]
    assert picture.n_lines_left_out == 1


def test_there_are_colours_for_any_number_of_sub_communities():
    children = [CommunityName(id=f"k{i}", label=f"k{i}", members=1) for i in range(20)]
    members = [_member(i, f"k{i}") for i in range(20)]
    view = _community(20, []).model_copy(update={"sub_communities": children, "claims": members})

    assert {node.colour for node in draw(view).nodes} == set(range(N_COLOURS))


def _member(i: int, sub_community: str | None = None) -> MemberView:
    return MemberView(
        id=f"s{i}",
        kind="claim",
        text=f"Layer {i} writes to the residual stream.",
        note="",
        sources=[],
        mentions=1,
        evidence=EvidenceTally(),
        certainty=None,
        sub_community=sub_community,
    )


def _edge(a: int, b: int, weight: float) -> EdgeView:
    return EdgeView(
        source=f"s{a}",
        target=f"s{b}",
        weight=weight,
        semantic=0,
        concepts=0,
        relations=0,
        same_source=False,
    )


def _community(n: int, edges: list[EdgeView]) -> CommunityView:
    return CommunityView(
        id="leiden_semantic-run1-c0",
        link="com_a",
        first_run=1,
        status="active",
        current=None,
        successors=[],
        run=1,
        method="leiden_semantic",
        seed=0,
        label="The residual stream",
        description="",
        label_model=None,
        label_support=[],
        label_refusals=[],
        level=0,
        members=n,
        parent=None,
        sub_communities=[],
        sources=[],
        bridges=[],
        nested=[],
        stability=None,
        chance_stability=None,
        is_stable=None,
        is_well_connected=None,
        claims=[_member(i) for i in range(n)],
        findings=[],
        edges=edges,
    )
