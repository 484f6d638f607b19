"""Communities: what can be asked of a stored run."""

import pytest
from sqlalchemy import Engine

from kg.communities import (
    EdgeRow,
    NeighbourRow,
    branch_of,
    certainties_of,
    children_of,
    communities_of_statement,
    community_id,
    community_of,
    edges_of,
    members_by_community,
    members_of,
    neighbours_of,
    tree_of,
)
from kg.db import reading, writing
from kg.errors import NotFoundError
from kg.runs import recording, succeed
from kg.tables import Label, RunKind
from tests.kg.conftest import NoConfig
from tests.kg.small_graph import store_clustering, store_statements


@pytest.fixture
def said(engine: Engine) -> dict[str, str]:
    return store_statements(engine)


@pytest.fixture
def run(engine: Engine, said: dict[str, str]) -> int:
    """One run with eleven siblings below c0, so that c0-c1 and c0-c10 can be confused."""
    names = list(said.values())
    tree = {"c0-c0": names[:2], "c0-c1-c0": names[2:4], "c0-c1-c1": names[4:6]}
    tree |= {f"c0-c{place}": [] for place in range(2, 10)}
    tree |= {"c0-c10": names[6:8], "c1": names[8:9]}
    edges = [
        (names[0], names[1], 0.9),
        (names[2], names[3], 0.8),
        (names[3], names[4], 0.7),
        (names[3], names[0], 0.7),
        (names[4], names[5], 0.5),
    ]
    return store_clustering(engine, "leiden_semantic", tree, edges)


def test_an_id_is_its_path():
    identifier = community_id("leiden_hybrid_concepts", 4, [0, 1])

    assert identifier == "leiden_hybrid_concepts-run4-c0-c1"
    assert branch_of(identifier) == ["leiden_hybrid_concepts-run4-c0", identifier]


def test_the_members_of_a_community_are_those_of_its_parts(
    engine: Engine, said: dict[str, str], run: int
):
    names = list(said.values())
    prefix = f"leiden_semantic-run{run}"

    with reading(engine) as session:
        found = {path: members_of(session, f"{prefix}-{path}") for path in ("c0", "c0-c1", "c1")}
        everything = members_by_community(session, run)

    assert found["c0"] == sorted(names[:8])
    assert found["c0-c1"] == sorted(names[2:6])
    assert found["c1"] == names[8:9]
    for path, members in found.items():
        assert everything[f"{prefix}-{path}"] == frozenset(members)


def test_members_and_their_certainties_can_be_asked_for_by_a_permanent_link(
    engine: Engine, run: int
):
    identifier = f"leiden_semantic-run{run}-c0-c1"
    with writing(engine) as session:
        community = community_of(session, identifier)
        community.link = "com_tied"
        session.add(community)

    with reading(engine) as session:
        assert members_of(session, "com_tied") == members_of(session, identifier)
        assert certainties_of(session, "com_tied").keys() == set(members_of(session, identifier))


def test_the_tree_is_depth_first_with_siblings_by_ordinal(engine: Engine, run: int):
    with reading(engine) as session:
        tree = tree_of(session, run)

    paths = [node.id.partition(f"run{run}-")[2] for node in tree]
    middle = [f"c0-c{place}" for place in range(2, 11)]
    assert paths == ["c0", "c0-c0", "c0-c1", "c0-c1-c0", "c0-c1-c1", *middle, "c1"]
    assert [node.level for node in tree[:4]] == [0, 1, 1, 2]
    assert [node.members for node in tree[:4]] == [8, 2, 4, 2]
    assert tree[3].parent == tree[2].id
    assert {node.label for node in tree} == {None}


def test_the_tree_shows_the_latest_label(engine: Engine, run: int):
    identifier = f"leiden_semantic-run{run}-c1"
    for label in ("Old name", "New name"):
        with (
            recording(engine, RunKind.LABELLING, "offline", NoConfig()) as labelling,
            writing(engine) as session,
        ):
            row = Label(
                community_id=identifier, run_id=labelling, label=label, description="", model="m"
            )
            session.add(row)
            succeed(session, labelling, {})

    with reading(engine) as session:
        labels = {node.id: node.label for node in tree_of(session, run)}

    assert labels.pop(identifier) == "New name"
    assert set(labels.values()) == {None}


def test_children_come_by_ordinal(engine: Engine, run: int):
    with reading(engine) as session:
        children = children_of(session, f"leiden_semantic-run{run}-c0")
        none = children_of(session, f"leiden_semantic-run{run}-c1")

    assert [child.ordinal for child in children] == list(range(11))
    assert none == []


def test_a_statement_has_a_path_in_the_active_run_of_every_method(
    engine: Engine, said: dict[str, str], run: int
):
    first, *others = said.values()
    store_clustering(engine, "leiden_concepts", {"c0": [first]})
    newer = store_clustering(engine, "leiden_concepts", {"c0": others, "c1-c0": [first]})

    with reading(engine) as session:
        found = communities_of_statement(session, first)

    assert [community.id for community in found] == [
        f"leiden_concepts-run{newer}-c1",
        f"leiden_concepts-run{newer}-c1-c0",
        f"leiden_semantic-run{run}-c0",
        f"leiden_semantic-run{run}-c0-c0",
    ]


def test_the_edges_of_a_community_are_those_between_its_members(
    engine: Engine, said: dict[str, str], run: int
):
    names = list(said.values())

    with reading(engine) as session:
        edges = edges_of(session, f"leiden_semantic-run{run}-c0-c1")

    ties = {(2, 3): 0.8, (3, 4): 0.7, (4, 5): 0.5}
    expected = [
        EdgeRow(*sorted((names[a], names[b])), pytest.approx(w), pytest.approx(w), 0.0, 0.0, 0.0)
        for (a, b), w in ties.items()
    ]
    assert sorted(edges) == sorted(expected, key=lambda edge: edge[:2])


def test_neighbours_come_strongest_first_then_by_id(engine: Engine, said: dict[str, str], run: int):
    names = list(said.values())

    with reading(engine) as session:
        found = neighbours_of(session, run, names[3], limit=10)
        two = neighbours_of(session, run, names[3], limit=2)
        unknown = neighbours_of(session, run, names[9], limit=10)

    equals = sorted([names[0], names[4]])
    assert [row.statement_id for row in found] == [names[2], *equals]
    assert found[0] == NeighbourRow(names[2], pytest.approx(0.8), pytest.approx(0.8), 0.0, 0.0, 0.0)
    assert two == found[:2]
    assert unknown == []


def test_what_does_not_exist_is_said_by_its_id(engine: Engine, run: int):
    with reading(engine) as session:
        for ask in (community_of, members_of, children_of, edges_of):
            with pytest.raises(NotFoundError, match="leiden_semantic-run9-c7"):
                ask(session, "leiden_semantic-run9-c7")
        for ask in (tree_of, members_by_community):
            with pytest.raises(NotFoundError, match="no run 99"):
                ask(session, 99)
        with pytest.raises(NotFoundError, match="stm_unknown"):
            communities_of_statement(session, "stm_unknown")
        assert neighbours_of(session, run, "stm_unknown", limit=3) == []
