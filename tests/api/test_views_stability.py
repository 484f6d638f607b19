"""Stability is said wherever a community is shown."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine
from sqlmodel import col, update

from api import terminal, terminal_bridges, terminal_names
from api.app import create_app
from api.views.communities import communities_view, community_view
from api.views.map import maps_view
from api.views.reports import ClusteringView
from api.views.statements import statement_view
from kg.db import open_engine, reading, writing
from kg.exporters import export
from kg.tables import Community, Membership
from tests.kg.small_graph import store_clustering, store_statements

WORDS = "unstable: no more stable than chance"


@pytest.fixture
def engine() -> Engine:
    """A community of nine with a stable part of three and an unstable one of six, and a loner."""
    engine = open_engine(None)
    ids = list(store_statements(engine).values())
    store_clustering(
        engine, "leiden_semantic", {"c0-c0": ids[:6], "c0-c1": ids[6:9], "c1": ids[9:]}
    )
    with writing(engine) as session:
        for path, stability, chance, is_well in (
            ("c0", 0.9, 0.5, True),
            ("c0-c0", 0.4, 0.5, False),
            ("c0-c1", 0.8, 0.5, True),
        ):
            session.execute(
                update(Community)
                .where(Community.id.endswith(f"-{path}"))
                .where(Community.level == path.count("-"))
                .values(stability=stability, chance_stability=chance, is_well_connected=is_well)
            )
        session.execute(update(Membership).values(certainty=0.75))
        session.execute(
            update(Membership).where(Membership.statement_id == ids[9]).values(certainty=None)
        )
    return engine


def _ids(engine: Engine) -> list[str]:
    with reading(engine) as session:
        return [item.id for item in communities_view(session).root]


def test_the_tree_marks_what_is_no_more_stable_than_chance(engine: Engine):
    with reading(engine) as session:
        view = communities_view(session)

    assert [item.is_stable for item in view.root] == [True, False, True, None]
    assert [item.stability for item in view.root] == [0.9, 0.4, 0.8, None]
    lines = list(terminal.community_tree(view))
    assert [line.endswith("[unstable]") for line in lines[1:5]] == [False, True, False, False]


def test_a_community_says_how_stable_it_is_and_its_members_how_certain(engine: Engine):
    whole, unstable, _, alone = _ids(engine)
    with reading(engine) as session:
        views = [community_view(session, each) for each in (whole, unstable, alone)]

    assert [view.is_stable for view in views] == [True, False, None]
    assert [view.is_well_connected for view in views] == [True, False, None]
    assert [child.is_stable for child in views[0].sub_communities] == [False, True]
    assert views[1].parent is not None
    assert views[1].parent.is_stable
    sure = {row.certainty for row in (*views[1].claims, *views[1].findings)}
    assert sure == {0.75}
    text = "\n".join(terminal.community(views[1]))
    assert f"{WORDS} (0.40; random graphs reach 0.50)" in text
    assert "hangs by few ties" in text
    assert "  0.75  " in text
    assert "stability: not measured" in "\n".join(terminal.community(views[2]))


CLUSTERED = ClusteringView(
    run=3,
    method="leiden_semantic",
    seed=0,
    statements=24,
    levels=2,
    communities=5,
    modularity=0.378,
    recall=1.0,
    seeds=10,
    unstable=2,
    layers="sum",
    cutting_seconds=4.12,
    seconds=5.04,
    labelling_run=4,
)


def test_a_clustering_says_what_its_consensus_cost():
    lines = list(terminal.clustering(CLUSTERED))

    assert lines[1].startswith(
        "a consensus of 10 seeds: 4.1 s of 5.0 s; 2 communities are unstable"
    )
    single = CLUSTERED.model_copy(update={"seeds": 1})
    assert "a single seed" in list(terminal.clustering(single))[1]


def test_a_clustering_counts_one_as_one_and_none_as_none():
    small = CLUSTERED.model_copy(update={"communities": 1, "levels": 1, "unstable": 1})
    stable = CLUSTERED.model_copy(update={"unstable": 0})

    lines = list(terminal.clustering(small))

    assert "24 statements in 1 community on 1 level," in lines[0]
    assert lines[1].endswith("1 community is unstable: no more stable than chance")
    assert list(terminal.clustering(stable))[1].endswith("no community is unstable")


def test_a_clustering_says_that_the_layers_were_added_up_where_a_multiplex_was_asked_for():
    made = CLUSTERED.model_copy(update={"seeds": 1, "unstable": 0})
    words = "too many ties to be cut as a multiplex: the layers were added up"
    asked = made.model_copy(update={"asked_layers": "multiplex"})
    done = asked.model_copy(update={"layers": "multiplex"})

    said = [words in "\n".join(terminal.clustering(view)) for view in (made, asked, done)]

    assert said == [False, True, False]


def test_the_page_says_so_in_plain_words(engine: Engine):
    client = TestClient(create_app(engine))
    whole, unstable, stable, alone = _ids(engine)

    pages = [client.get(f"/communities/{each}").text for each in (unstable, stable, alone)]

    assert WORDS in pages[0]
    assert "0.40, where communities of random graphs reach 0.50" in pages[0]
    assert "hangs by few ties" in pages[0]
    assert '<meter min="0" max="1" value="0.75">' in pages[0]
    assert WORDS not in pages[1]
    assert WORDS not in pages[2]
    for page in (f"/communities/{whole}", "/communities"):
        assert client.get(page).text.count(">unstable</span>") == 1


def test_a_statement_says_how_surely_it_belongs(engine: Engine):
    _, unstable, _, _ = _ids(engine)
    with reading(engine) as session:
        member = community_view(session, unstable).claims[0].id
        view = statement_view(session, member)

    assert [(each.is_stable, each.certainty) for each in view.communities] == [
        (True, 0.75),
        (False, 0.75),
    ]
    assert "[unstable], certainty 0.75" in "\n".join(terminal.statement(view))


class _Named(NamedTuple):
    label: str
    members: int
    is_stable: bool | None


@pytest.mark.parametrize(
    ("members", "is_stable", "mark"),
    [
        (3, True, ""),
        (3, False, "  [unstable]"),
        (3, None, "  [stability not measured]"),
        (1, None, ""),
    ],
)
def test_a_name_is_marked_unless_it_is_known_to_be_stable(
    members: int, is_stable: bool | None, mark: str
):
    assert terminal_names.named(_Named("Tied ranks", members, is_stable)) == f"Tied ranks{mark}"


def test_marks_behind_a_sentence_say_whose_they_are_if_it_names_several():
    stable, unstable = _Named("Tied ranks", 3, True), _Named("Probes", 3, False)

    assert terminal_names.marks([unstable]) == "  [unstable]"
    assert terminal_names.marks([stable, unstable]) == "  [unstable: Probes]"


def _lines(engine: Engine, view: str) -> str:
    """Return how a view looks in a terminal, once the whole of nine is not measured."""
    with writing(engine) as session:
        session.execute(
            update(Community).where(col(Community.id).endswith("run2-c0")).values(stability=None)
        )
    with reading(engine) as session:
        unstable = communities_view(session).root[1].id
        found: dict[str, Callable[[], Iterable[str]]] = {
            "tree": lambda: terminal.community_tree(communities_view(session)),
            "part of": lambda: terminal.community(community_view(session, unstable)),
            "map": lambda: terminal_bridges.maps(maps_view(session)),
            "statement": lambda: terminal.statement(
                statement_view(session, community_view(session, unstable).claims[0].id)
            ),
        }
        return "\n".join(found[view]())


@pytest.mark.parametrize("view", ["tree", "part of", "map", "statement"])
def test_what_is_not_measured_any_more_is_marked_wherever_it_is_named(engine: Engine, view: str):
    assert "[stability not measured]" in _lines(engine, view)


def test_exports_carry_stability_and_certainty(engine: Engine, tmp_path: Path):
    with reading(engine) as session:
        for name in ("json", "graphml"):
            export(session, name, tmp_path / name)

    assert '"stability": 0.4' in (tmp_path / "json").read_text("utf-8")
    assert '"is_stable": false' in (tmp_path / "json").read_text("utf-8")
    assert '"certainty": 0.75' in (tmp_path / "json").read_text("utf-8")
    graphml = (tmp_path / "graphml").read_text("utf-8")
    for name in ("certainty", "community_stability", "community_is_stable"):
        assert f'attr.name="{name}"' in graphml
