"""Seams, connectors and papers at the seam, as data, as a page and as lines."""

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from api.app import create_app
from api.terminal_bridges import run_seams, seams
from api.views.seams import run_seams_view, seams_view
from kg.db import open_engine, reading
from kg.errors import ConfigError, NotFoundError
from tests.kg.conftest import CLAIM, Said, fill
from tests.kg.small_graph import store_clustering


@pytest.fixture(scope="module")
def stored() -> Engine:
    """Two chains of four by one source each, and one of two; 0 is tied to 4, and 3 to 8."""
    engine = open_engine(None)
    titles = "AAAABBBBAA"
    ids = fill(engine, [Said(title, CLAIM, f"Statement {i}") for i, title in enumerate(titles)])
    chains = [(0, 1), (1, 2), (2, 3), (4, 5), (5, 6), (6, 7), (8, 9)]
    edges = [(ids[one], ids[other], 1.0) for one, other in chains]
    edges += [(ids[0], ids[4], 0.75), (ids[3], ids[8], 0.25)]
    tree = {"c0": ids[:4], "c1": ids[4:8], "c2": ids[8:]}
    store_clustering(engine, "leiden_a", tree, edges)
    return engine


def test_a_run_shows_its_seams_connectors_and_papers(stored: Engine):
    with reading(stored) as session:
        (run,) = run_seams_view(session).root

    assert (run.run, run.method) == (2, "leiden_a")
    assert [({s.one.id[-2:], s.other.id[-2:]}, s.weight, s.ties) for s in run.seams] == [
        ({"c0", "c1"}, 0.75, 1),
        ({"c0", "c2"}, 0.25, 1),
    ]
    assert run.seams[0].edges[0].why == "alike in meaning (0.75)"
    assert {run.seams[0].edges[0].one.text, run.seams[0].edges[0].other.text} == {
        "Statement 0",
        "Statement 4",
    }
    assert {c.text for c in run.connectors} == {f"Statement {i}" for i in (0, 3, 4, 8)}
    assert {c.text for c in run.holding} == {f"Statement {i}" for i in (1, 2, 5, 6)}
    (paper,) = run.papers
    assert (paper.title, paper.statements) == ("A", 6)
    # The one tie between c0 and c2 is between statements of A, so otherwise they share nothing.
    assert paper.spread == pytest.approx(2 * (4 / 6) * (2 / 6), abs=1e-4)
    assert [place.statements for place in paper.places] == [4, 2]


def test_a_community_shows_its_own(stored: Engine):
    with reading(stored) as session:
        view = seams_view(session, "leiden_a-run2-c1")

    assert [(s.other.id, s.lift) for s in view.seams] == [("leiden_a-run2-c1", None)]
    assert [c.text for c in view.connectors] == ["Statement 4"]
    assert {c.text for c in view.holding} == {"Statement 5", "Statement 6"}


def test_what_does_not_exist_is_refused(stored: Engine):
    with reading(stored) as session:
        with pytest.raises(ConfigError, match="there is no method leiden_x"):
            run_seams_view(session, "leiden_x")
        with pytest.raises(ConfigError, match="run `claimgraph cluster --method leiden_relations`"):
            run_seams_view(session, "leiden_relations")
        with pytest.raises(NotFoundError, match="nowhere"):
            seams_view(session, "nowhere")


def test_the_page_and_the_terminal_show_the_same(stored: Engine):
    web = TestClient(create_app(stored))
    html = web.get("/seams").text
    community = web.get("/communities/leiden_a-run2-c1").text
    with reading(stored) as session:
        lines = "\n".join(run_seams(run_seams_view(session)))
        own = "\n".join(seams(seams_view(session, "leiden_a-run2-c1")))

    for words in ("Papers at the seam (1)", "alike in meaning (0.75)", "Statement 4"):
        assert words in html
        assert words in lines
    assert "Where it touches the communities beside it (1)" in community
    assert "Members without which it falls into pieces (2)" in community
    assert "Statement 0" in community
    assert "Seams (1)" in own


def test_communities_at_a_seam_are_marked(stored: Engine):
    with reading(stored) as session:
        lines = list(run_seams(run_seams_view(session)))

    seam = lines.index(next(line for line in lines if line.startswith("\nSeams")))
    assert "[stability not measured]" in next(
        line for line in lines[:seam] if "statements:" in line
    )
    assert all(line.endswith("[stability not measured]") for line in lines[seam + 2 : seam + 4])


def test_without_communities_page_and_terminal_say_what_to_do(empty_web):
    assert "run <code>claimgraph cluster</code> first" in empty_web.get("/seams").text
    with reading(open_engine(None)) as session:
        assert "claimgraph cluster" in "".join(run_seams(run_seams_view(session)))
