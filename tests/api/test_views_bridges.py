"""Bridges with what they share and what chance would give."""

import pytest
from scipy.stats import hypergeom

from api.views.bridges import bridges_view, overlap_by_chance
from kg.db import reading
from kg.errors import NotFoundError


def test_a_bridge_says_what_is_shared_and_how(session, library):
    bridges = {
        bridge.id: bridge for bridge in bridges_view(session, "leiden_semantic-run3-c0").root
    }

    crossing = bridges["leiden_concepts-run4-c0"]
    inside = bridges["leiden_concepts-run4-c2"]
    # 7 and 5 members with 3 in common are 9 statements together.
    shared = sorted(library.statements[name] for name in ("superposition", "together", "apart"))
    assert (crossing.relation, crossing.shared, crossing.shared_ids) == ("lateral", 3, shared)
    assert crossing.jaccard == pytest.approx(3 / 9, abs=1e-6)
    assert [statement.id for statement in crossing.shared_statements] == shared
    assert crossing.shared_statements[0].text
    assert (inside.relation, inside.shared, inside.members) == ("contains", 2, 2)
    assert len(bridges) == 3


def test_bridges_come_with_most_shared_members_first(session):
    bridges = bridges_view(session, "leiden_semantic-run3-c0").root

    assert [bridge.shared for bridge in bridges] == [3, 2, 2]
    assert bridges[1].jaccard > bridges[2].jaccard


def test_a_community_that_another_holds_whole_lies_within_it(session):
    bridges = {b.id: b.relation for b in bridges_view(session, "leiden_concepts-run4-c2").root}

    assert bridges == {
        "leiden_semantic-run3-c0": "within",
        "leiden_semantic-run3-c0-c1": "within",
    }


def test_a_bridge_never_leads_to_the_own_run(session):
    bridges = bridges_view(session, "leiden_semantic-run3-c0", all_runs=True).root

    assert {bridge.run for bridge in bridges} == {2, 4}


def test_expected_overlap_and_probability_of_a_worked_example(session):
    bridge = bridges_view(session, "leiden_semantic-run3-c0").root[0]

    # Of 11 statements, 7 here and 5 there: 7 * 5 / 11 are shared in the mean, and at least 3
    # with (C(7,3) C(4,2) + C(7,4) C(4,1) + C(7,5)) / C(11,5) = (210 + 140 + 21) / 462.
    assert bridge.expected == pytest.approx(35 / 11, abs=1e-6)
    assert bridge.p_value == pytest.approx(371 / 462)


def test_chance_is_reckoned_over_the_statements_that_both_runs_cluster(cluster_by_hand):
    early = {"c0": ["pentagon", "four"], "c1": ["removal", "grew"]}
    late = {"c0": ["pentagon", "four", "split"], "c1": ["removal", "grew", "weights", "script"]}
    library = cluster_by_hand({"leiden_semantic": early, "leiden_concepts": late})

    with reading(library.engine) as session:
        (bridge,) = bridges_view(session, "leiden_semantic-run2-c0").root

    # Four statements are in both runs; two of them here and two of them there, both shared.
    assert (bridge.members, bridge.shared) == (3, 2)
    assert bridge.expected == pytest.approx(2 * 2 / 4)
    assert bridge.p_value == pytest.approx(1 / 6)


@pytest.mark.parametrize(
    ("n_shared", "n_here", "n_there", "n_all"),
    [(1, 1, 1, 1), (1, 1, 1, 1000), (24, 24, 24, 24), (5, 9, 8, 11), (60, 100, 300, 5000)],
)
def test_the_probability_is_the_tail_of_the_hypergeometric_law(n_shared, n_here, n_there, n_all):
    chance = overlap_by_chance(n_shared, n_here, n_there, n_all)

    expected = hypergeom.sf(n_shared - 1, n_all, n_here, n_there)
    assert chance.p_value == pytest.approx(expected, rel=1e-8)


def test_an_unknown_community_has_no_bridges(session):
    with pytest.raises(NotFoundError, match="nowhere"):
        bridges_view(session, "nowhere")
