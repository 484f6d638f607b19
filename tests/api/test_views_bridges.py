"""Bridges with what they share, who meets there, and what chance would give."""

import pytest

from api.views.bridges import bridges_view, overlap_items, why
from kg.bridges import Bridge
from kg.db import reading
from kg.errors import NotFoundError
from kg.meetings import Meeting, SourceCount

COMMUNITY = "leiden_semantic-run3-c0"


def test_a_bridge_says_what_is_shared_and_how(session, library):
    bridges = {bridge.id: bridge for bridge in bridges_view(session, COMMUNITY).root}

    crossing = bridges["leiden_concepts-run4-c0"]
    # 7 and 5 members with 3 in common are 9 statements together.
    shared = sorted(library.statements[name] for name in ("superposition", "together", "apart"))
    assert (crossing.relation, crossing.shared, crossing.shared_ids) == ("lateral", 3, shared)
    assert crossing.members == 5
    assert crossing.jaccard == pytest.approx(3 / 9, abs=1e-6)
    assert [statement.id for statement in crossing.shared_statements] == shared
    assert crossing.shared_statements[0].text
    # Of 11 statements, 7 here and 5 there: 7 * 5 / 11 are shared in the mean, and at least 3
    # with (C(7,3) C(4,2) + C(7,4) C(4,1) + C(7,5)) / C(11,5) = (210 + 140 + 21) / 462.
    assert crossing.expected == pytest.approx(35 / 11, abs=1e-6)
    assert crossing.lift == pytest.approx(33 / 35, abs=1e-4)
    assert crossing.p_value == pytest.approx(371 / 462)
    assert crossing.q_value == 1
    assert not crossing.significant


def test_what_is_nested_is_listed_apart(session):
    bridges, nested = overlap_items(session, COMMUNITY)

    assert [(b.id, b.shared) for b in bridges] == [
        ("leiden_concepts-run4-c0", 3),
        ("leiden_concepts-run4-c1", 2),
    ]
    assert [(n.id, n.relation, n.members) for n in nested] == [
        ("leiden_concepts-run4-c2", "contains", 2)
    ]


def test_of_two_levels_that_hold_a_community_whole_the_narrower_is_shown(session):
    bridges, nested = overlap_items(session, "leiden_concepts-run4-c2")

    assert bridges == []
    assert [(n.id, n.relation) for n in nested] == [("leiden_semantic-run3-c0-c1", "within")]


def test_a_bridge_never_leads_to_the_own_run(session):
    bridges, nested = overlap_items(session, COMMUNITY, all_runs=True)

    assert {each.run for each in (*bridges, *nested)} == {2, 4}


def test_the_sources_that_meet_are_counted(session):
    (bridge, _) = bridges_view(session, COMMUNITY).root

    # superposition is in the notes and in the reply, together in the notes, apart in the reply
    assert [(s.title, s.shared) for s in bridge.sources] == [
        ("A reply on feature geometry", 2),
        ("Notes on superposition", 2),
    ]


def test_a_planted_bridge_says_how_far_from_chance_it_is_and_who_meets(cluster_by_hand):
    both = ["superposition", "together", "apart", "recover", "pentagon", "removal"]
    rest = ["split", "weights", "script"]
    early = {"c0": [*both, "four"], "c1": [*rest, "grew"]}
    late = {"c0": [*both, "grew"], "c1": [*rest, "four"]}
    library = cluster_by_hand({"leiden_semantic": early, "leiden_concepts": late})

    with reading(library.engine) as session:
        crossing, weak = bridges_view(session, "leiden_semantic-run2-c0").root

    # P(X >= 6) = (C(7,6) C(4,1) + 1) / C(11,7) = 29/330; of two tests, the best counts double.
    assert crossing.p_value == pytest.approx(29 / 330)
    assert crossing.q_value == pytest.approx(58 / 330)
    assert crossing.why == (
        "6 statements are shared, which chance could do (4.5 expected): “Notes on superposition” "
        "(4) and “A reply on feature geometry” (3) meet here, and in no other of the smallest "
        "communities."
    )
    assert weak.shared == 1


def _bridge(**changed) -> Bridge:
    found = Bridge(
        community_id="leiden_concepts-run4-c0",
        members=12,
        shared_ids=["a", "b", "c", "d"],
        jaccard=0.2,
        relation="lateral",
        expected=0.5,
        lift=8.0,
        p_value=1e-4,
        q_value=1e-3,
        is_significant=True,
    )
    return found._replace(**changed)


A, B, C = SourceCount("a", "A", 3), SourceCount("b", "B", 2), SourceCount("c", "C", 1)


@pytest.mark.parametrize(
    ("bridge", "meeting", "sentence"),
    [
        (
            _bridge(),
            Meeting([A, B], meet_elsewhere=False),
            "4 statements are shared, 8.0 times what chance would give: “A” (3) and “B” (2) meet "
            "here, and in no other of the smallest communities.",
        ),
        (
            _bridge(),
            Meeting([A, B], meet_elsewhere=True),
            "4 statements are shared, 8.0 times what chance would give: “A” (3) and “B” (2) meet "
            "here.",
        ),
        (
            _bridge(lift=81.3),
            Meeting([A, B, C], meet_elsewhere=False),
            "4 statements are shared, 81 times what chance would give: “A” (3), “B” (2) and 1 "
            "more source meet here; the first two in no other of the smallest communities.",
        ),
        (
            _bridge(jaccard=0.7),
            Meeting([A], meet_elsewhere=None),
            "4 statements are shared, 8.0 times what chance would give, so this is nearly the "
            "same community: all come from “A”, which has a foot in both.",
        ),
        (
            _bridge(shared_ids=["a"], expected=0.94, is_significant=False),
            Meeting([A], meet_elsewhere=None),
            "1 statement is shared, which chance could do (0.9 expected): it comes from “A”, "
            "which has a foot in both.",
        ),
        (
            _bridge(shared_ids=["a", "b"]),
            Meeting([], meet_elsewhere=None),
            "2 statements are shared, 8.0 times what chance would give: no source is known to "
            "make them.",
        ),
    ],
)
def test_why_a_bridge_matters_is_one_sentence(bridge, meeting, sentence):
    assert why(bridge, meeting) == sentence


def test_an_unknown_community_has_no_bridges(session):
    with pytest.raises(NotFoundError, match="nowhere"):
        bridges_view(session, "nowhere")
