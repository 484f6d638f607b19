"""The community view, against a graph worked out by hand (conftest.py)."""

import pytest

from api import terminal
from api.views.communities import communities_view, community_view
from kg.errors import ConfigError, NotFoundError
from kg.tables import StatementKind


def test_a_community_counts_its_members_sources_and_sub_communities(session):
    view = community_view(session, "leiden_semantic-run3-c0")

    assert (view.status, view.method, view.run, view.seed) == ("active", "leiden_semantic", 3, 0)
    assert (view.label, view.label_model) == ("Features in superposition", "offline")
    assert view.description == "Statements on features in superposition."
    assert (view.members, len(view.claims), len(view.findings)) == (7, 3, 4)
    assert [(child.id[-5:], child.members) for child in view.sub_communities] == [
        ("c0-c0", 4),
        ("c0-c1", 3),
    ]
    # Both make four of the seven: the statement on superposition counts for both.
    assert [(source.title, source.members) for source in view.sources] == [
        ("A reply on feature geometry", 4),
        ("Notes on superposition", 4),
    ]


def test_sub_communities_partition_the_members(session):
    view = community_view(session, "leiden_semantic-run3-c0")

    held = {child.id: community_view(session, child.id) for child in view.sub_communities}
    parts = [{row.id for row in (*part.claims, *part.findings)} for part in held.values()]
    assert set.union(*parts) == {row.id for row in (*view.claims, *view.findings)}
    assert sum(len(part) for part in parts) == view.members
    for row in (*view.claims, *view.findings):
        assert row.id in {
            r.id for r in (*held[row.sub_community].claims, *held[row.sub_community].findings)
        }


def test_statements_come_in_alphabetical_order_with_note_sources_and_evidence(session, library):
    view = community_view(session, "leiden_semantic-run3-c0")

    together = next(row for row in view.claims if row.id == library.statements["together"])
    first = view.claims[0]
    assert [row.text[:35] for row in view.claims] == [
        "A model that has more features than",
        "Features in superposition interfere",
        "Features in superposition interfere",
    ]
    assert {row.kind for row in view.findings} == {StatementKind.FINDING}
    assert together.note.startswith("Says when features")
    assert together.evidence.model_dump() == {"supports": 0, "refutes": 1, "inconclusive": 1}
    assert (first.mentions, len(first.sources)) == (3, 2)


def test_the_source_with_the_most_members_comes_first(session):
    view = community_view(session, "leiden_semantic-run3-c1")

    assert [(source.title[:12], source.members) for source in view.sources] == [
        ("Reading list", 3),
        ("A reply on f", 1),
    ]


def test_the_edges_are_those_between_members(session, library):
    view = community_view(session, "leiden_semantic-run3-c0-c1")

    members = {library.statements[name] for name in ("pentagon", "removal", "four")}
    assert len(view.edges) == 2
    assert all({edge.source, edge.target} <= members for edge in view.edges)
    assert sorted(edge.weight for edge in view.edges) == [0.3, 0.7]
    assert {edge.same_source for edge in view.edges} == {False}


def test_a_sub_community_names_its_parent(session):
    view = community_view(session, "leiden_semantic-run3-c0-c0")

    assert view.parent is not None
    assert (view.parent.id, view.parent.label, view.parent.members) == (
        "leiden_semantic-run3-c0",
        "Features in superposition",
        7,
    )
    assert view.level == 1
    assert view.sub_communities == []


def test_a_community_without_a_label_is_called_by_its_id(session):
    view = community_view(session, "leiden_concepts-run4-c2")

    assert (view.label, view.description, view.label_model) == (view.id, "", None)


def test_a_community_of_an_earlier_run_is_superseded(session):
    assert community_view(session, "leiden_semantic-run2-c0").status == "superseded"


def test_an_unknown_community_is_not_found(session):
    with pytest.raises(NotFoundError, match="leiden_semantic-run3-c9"):
        community_view(session, "leiden_semantic-run3-c9")


def test_the_tree_is_of_the_active_run_depth_first(session):
    tree = communities_view(session, "leiden_semantic").root

    assert [(item.id.partition("run3-")[2], item.level, item.members) for item in tree] == [
        ("c0", 0, 7),
        ("c0-c0", 1, 4),
        ("c0-c1", 1, 3),
        ("c1", 0, 4),
    ]
    assert tree[1].parent == tree[0].id


def test_without_a_method_every_active_run_is_listed(session):
    tree = communities_view(session).root

    assert {(item.method, item.run) for item in tree} == {
        ("leiden_concepts", 4),
        ("leiden_semantic", 3),
    }


def test_a_method_that_was_not_run_says_what_to_do(session):
    with pytest.raises(ConfigError, match="cluster --method leiden_hybrid_concepts"):
        communities_view(session, "leiden_hybrid_concepts")


def test_an_unknown_method_names_the_known_ones(session):
    with pytest.raises(ConfigError, match=r"louvain.*leiden_concepts.*leiden_semantic"):
        communities_view(session, "louvain")


def test_a_community_says_what_its_label_rests_on_and_what_was_refused(library, session):
    view = community_view(session, "leiden_semantic-run3-c0")
    other = community_view(session, "leiden_semantic-run3-c0-c1")

    assert view.label_support == [
        library.statements[name] for name in ("superposition", "together")
    ]
    assert view.label_refusals == ["“Pentagons of Virtue”: no member says “Virtue”"]
    assert (other.label_support, other.label_refusals) == ([], [])


def test_the_terminal_marks_the_members_that_a_label_rests_on(session):
    lines = list(terminal.community(community_view(session, "leiden_semantic-run3-c0")))

    assert "named by offline on 2 members, marked *" in lines
    assert "refused before: “Pentagons of Virtue”: no member says “Virtue”" in lines
    assert sum(line.startswith("* stm_") for line in lines) == 2
