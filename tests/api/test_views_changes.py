"""What changed, in words, in every form in which it is shown."""

import json
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlmodel import Session

from api.app import create_app
from api.terminal_changes import changes as changes_lines
from api.terminal_changes import comparison as comparison_lines
from api.views.changes import changes_view, comparison_view
from api.views.communities import communities_view, community_view
from api.views.runs import runs_view
from kg.db import reading, writing
from kg.errors import ConfigError, NotFoundError
from kg.lineage import first_link
from kg.runs import recording, succeed
from kg.tables import Amendment, Label, Move, RunKind
from tests.api.conftest import NoConfig

OLD = {
    "c0": ["superposition", "together", "apart", "grew", "recover", "split"],
    "c1": ["pentagon", "removal"],
    "c2": ["weights", "script"],
}
NEW = {
    "c0": ["superposition", "together", "apart", "grew", "weights"],
    "c1": ["pentagon", "removal", "four", "script"],
    "c2": ["recover", "split"],
}
OTHER = {"c0": ["superposition", "together", "apart", "grew"], "c1": ["pentagon", "removal"]}


@pytest.fixture
def library(cluster_by_hand) -> Any:
    """Two runs (2, 3) of one method, one (4) of another, and labels for the second."""
    library = cluster_by_hand(
        [("leiden_semantic", OLD), ("leiden_semantic", NEW), ("leiden_concepts", OTHER)]
    )
    names = {"c0": "Interference", "c1": "Regular pentagons", "c2": "Dictionaries"}
    with (
        recording(library.engine, RunKind.LABELLING, "offline", NoConfig()) as run_id,
        writing(library.engine) as session,
    ):
        session.add_all(
            Label(
                community_id=f"leiden_semantic-run{run}-{path}",
                run_id=run_id,
                label=label,
                description="",
                model="offline",
            )
            for run, path, label in (
                (2, "c0", "Superposition"),
                (2, "c1", "Regular pentagons"),
                (2, "c2", "Odd ones"),
                *((3, path, label) for path, label in names.items()),
            )
        )
        succeed(session, run_id, {})
    return library


@pytest.fixture
def session(library):
    with reading(library.engine) as session:
        yield session


@pytest.fixture
def web(library) -> TestClient:
    return TestClient(create_app(library.engine), base_url="http://127.0.0.1")


def test_what_moved_is_said_in_words(session: Session):
    (_, semantic) = changes_view(session).root

    assert semantic.comparison is not None
    assert [(each.kind, each.text) for each in semantic.comparison.changes] == [
        (
            "split",
            "“Superposition” (6) split into “Interference” (5) and “Dictionaries” (2); 1 came",
        ),
        (
            "gone",
            "“Odd ones” (2) is gone: its statements are scattered over “Interference” (5) and "
            "“Regular pentagons” (4)",
        ),
        (
            "grown",
            "“Regular pentagons” grew from 2 to 4 statements: + “The pentagon appeared in four of "
            "nine training runs.”, “<script>alert('x')</script> is what a model may write when "
            "it…”",
        ),
    ]
    # Of the ten in both, recover and split went to a community of their own, and weights and
    # script lost theirs.
    assert semantic.comparison.summary[:2] == [
        "1 statement is new, 0 are gone, and 4 of the 10 in both runs moved (40 %).",
        "Communities: 0 the same, 1 grew, 1 split, 1 gone.",
    ]
    assert semantic.comparison.counts["same"] == 0
    assert semantic.comparison.moved_share == 0.4


def test_a_first_run_has_nothing_to_be_compared_with(session: Session):
    (concepts, _) = changes_view(session).root

    assert concepts.comparison is None
    assert concepts.notice == "run 4 is the first of leiden_concepts"
    assert list(changes_lines(changes_view(session, "leiden_concepts"))) == [
        "run 4 is the first of leiden_concepts: there is nothing to compare it with"
    ]


def test_equal_runs_are_the_same_throughout(session: Session):
    view = comparison_view(session, 3, 3)

    assert view.summary == [
        "0 statements are new, 0 are gone, and 0 of the 11 in both runs moved (0 %).",
        "All communities are the same.",
        "The top levels are alike by 1.000 (adjusted mutual information; 0.00 bits apart), "
        "the deepest communities by 1.000 (adjusted mutual information; 0.00 bits apart).",
    ]
    assert view.changes == []


def test_runs_of_different_methods_say_so(session: Session):
    view = comparison_view(session, 2, 4)

    assert not view.same_method
    assert view.summary[0].startswith("The runs are of different methods")
    assert (
        next(iter(comparison_lines(view))) == "run 2 (leiden_semantic) to run 4 (leiden_concepts)"
    )


def test_a_change_marks_what_is_not_known_to_be_stable(session: Session):
    view = comparison_view(session, 2, 3)
    lines = [
        line for line in comparison_lines(view) if line.startswith(f"  {view.changes[0].kind}")
    ]

    assert "[stability not measured" in lines[0]


def test_what_does_not_fit_is_counted(session: Session):
    view = comparison_view(session, 2, 3, limit=1)

    assert len(view.changes) == 1
    assert list(comparison_lines(view))[-1] == "  and 2 more: see them with --limit"


@pytest.mark.parametrize(
    ("before", "after", "error"), [(1, 3, ConfigError), (3, 5, ConfigError), (3, 99, NotFoundError)]
)
def test_what_is_no_clustering_cannot_be_compared(session: Session, before, after, error):
    with pytest.raises(error, match=f"run {before if before == 1 else after}"):
        comparison_view(session, before, after)


def test_a_method_that_has_not_run_is_refused(session: Session):
    with pytest.raises(ConfigError, match="leiden_relations has not been run"):
        changes_view(session, "leiden_relations")


def test_an_older_run_is_readable(session: Session):
    items = communities_view(session, run=2).root

    assert [(item.id, item.members) for item in items] == [
        ("leiden_semantic-run2-c0", 6),
        ("leiden_semantic-run2-c1", 2),
        ("leiden_semantic-run2-c2", 2),
    ]
    with pytest.raises(ConfigError, match="run 2 is of leiden_semantic, not of leiden_concepts"):
        communities_view(session, "leiden_concepts", 2)
    with pytest.raises(ConfigError, match="run 1 is a run of ingestion: it has no communities"):
        communities_view(session, run=1)


def test_one_run_is_active_of_each_method(session: Session):
    active = {run.id for run in runs_view(session).root if run.is_active}

    assert active == {3, 4}


def test_a_permanent_link_leads_to_the_community_of_today(session: Session):
    old = community_view(session, "leiden_semantic-run2-c1")
    now = community_view(session, old.link)

    assert old.link == first_link("leiden_semantic-run2-c1")
    assert (old.status, now.status) == ("superseded", "active")
    assert now.id == "leiden_semantic-run3-c1"
    assert (now.first_run, old.first_run) == (2, 2)
    assert old.current == now.current
    assert now.current is not None
    assert now.current.id == now.id
    assert community_view(session, "leiden_semantic-run3-c2").first_run == 3
    # Whatever takes an id takes the link, and shows the same.
    assert now == community_view(session, now.id)


def test_a_link_whose_community_is_gone_shows_it_as_it_was_and_where_its_statements_are(
    library, web: TestClient
):
    link = first_link("leiden_semantic-run2-c2")

    with reading(library.engine) as session:
        view = community_view(session, link)

    assert (view.id, view.status, view.current) == ("leiden_semantic-run2-c2", "superseded", None)
    assert [(place.label, place.shared) for place in view.successors] == [
        ("Interference", 1),
        ("Regular pentagons", 1),
    ]
    answer = web.get(f"/communities/{link}")
    assert answer.status_code == 200
    assert "This community is gone. Its statements are today scattered over" in answer.text
    assert "/communities/leiden_semantic-run3-c1" in answer.text
    assert web.get(f"/api/communities/{link}").json()["successors"][0]["label"] == "Interference"


def test_a_link_that_never_was_is_not_found(web: TestClient):
    assert web.get("/communities/com_never").status_code == 404
    assert web.get("/api/communities/com_never").status_code == 404


def test_bridges_are_found_by_link_too(web: TestClient):
    link = first_link("leiden_semantic-run2-c1")

    by_link = web.get(f"/api/communities/{link}/bridges").json()

    assert by_link == web.get("/api/communities/leiden_semantic-run3-c1/bridges").json()


def test_the_rest_of_the_web_shows_the_views_themselves(library, web: TestClient):
    with reading(library.engine) as session:
        views = {
            "/api/changes": changes_view(session),
            "/api/compare?before=2&after=4": comparison_view(session, 2, 4),
            "/api/communities?run=2": communities_view(session, run=2),
        }

    for path, view in views.items():
        assert web.get(path).json() == json.loads(view.model_dump_json())
    assert web.get("/api/compare?before=2").status_code == 422
    assert web.get("/api/changes?method=nothing").status_code == 400


def test_the_page_of_changes_tells_them_and_leads_on(web: TestClient):
    page = web.get("/changes").text

    assert "“Superposition” (6) split into “Interference” (5) and “Dictionaries” (2)" in page
    assert "Run 4 is the first of leiden_concepts: there is nothing to compare it with." in page
    assert "&lt;script&gt;alert" in page
    assert "<script>alert" not in page
    assert 'href="/communities/leiden_semantic-run2-c0"' in page
    assert 'href="/changes"' in web.get("/").text
    assert "/changes?method=leiden_semantic" in web.get("/communities/leiden_semantic-run3-c0").text


def test_an_older_run_has_a_page_that_says_so(web: TestClient):
    page = web.get("/communities?run=2").text

    assert "which a later run of leiden_semantic has replaced" in page
    assert "which a later run" not in web.get("/communities?run=3").text


def test_updates_of_the_active_run_are_told(library):
    with (
        recording(library.engine, RunKind.UPDATE, "leiden_semantic", NoConfig()) as run_id,
        writing(library.engine) as writing_session,
    ):
        for standing, number in ((True, run_id), (False, 1)):
            writing_session.add(
                Amendment(
                    run_id=number,
                    clustering_run_id=3,
                    is_standing=standing,
                    added="stm_a\nstm_b",
                    removed="",
                    edges_removed=b"",
                    edges_added=b"",
                )
            )
        for statement, before, after in (("stm_a", None, "c0"), ("stm_c", "c0", "c1")):
            writing_session.add(
                Move(run_id=run_id, statement_id=statement, before=before, after=after)
            )
        succeed(writing_session, run_id, {})

    with reading(library.engine) as later:
        (view,) = changes_view(later, "leiden_semantic").root
    assert [(u.run, u.added, u.removed, u.moved) for u in view.updates] == [(run_id, 2, 0, 1)]
