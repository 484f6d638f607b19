"""Runs, and the overview of everything."""

import pytest

from api import terminal
from api.views.overview import overview_view
from api.views.runs import count_runs, run_view, runs_view
from kg.db import open_engine, reading
from kg.errors import NotFoundError


def test_runs_come_newest_first(session):
    listed = runs_view(session).root

    assert [run.id for run in listed] == list(range(9, 0, -1))
    assert count_runs(session) == 9
    assert [run.id for run in runs_view(session, limit=2, offset=3).root] == [6, 5]


def test_a_run_shows_what_is_needed_to_repeat_it(session):
    run = run_view(session, 3)

    assert (run.kind, run.method, run.status, run.seed) == (
        "clustering",
        "leiden_semantic",
        "succeeded",
        0,
    )
    assert run.result["modularity"] == 0.41
    assert run.error is None
    assert run.config == {}
    assert "igraph" in run.library_versions


def test_a_run_names_the_sources_that_it_read(session, library):
    run = run_view(session, 1)

    assert {source.id for source in run.sources} == set(library.sources.values())
    assert run_view(session, 3).sources == []


def test_a_run_names_the_statements_that_it_speaks_about(session, web):
    decomposed = next(run.id for run in runs_view(session).root if run.kind == "decomposition")
    measured = run_view(session, decomposed).verdicts

    pages = [web.get(f"/runs/{run}").text for run in (decomposed, measured[0].run)]

    assert len(measured) == 3
    assert all(f"/statements/{measured[0].statement.id}#{measured[0].id}" in p for p in pages)


def test_a_terminal_shows_what_a_run_read_and_what_it_speaks_about(session, library):
    decomposed = next(run.id for run in runs_view(session).root if run.kind == "decomposition")

    read, measured = ("\n".join(terminal.run(run_view(session, run))) for run in (1, decomposed))

    assert f"{library.sources['notes']}  Notes on superposition" in read
    assert "SUPPORTS  specificity" in measured
    assert library.statements["together"] in measured


def test_a_run_names_the_network_that_it_took_apart(session):
    targets = {run.kind: run.target for run in runs_view(session).root}

    assert targets["decomposition"] == "tms_5-2"
    assert targets["clustering"] is None


def test_an_unknown_run_is_not_found(session):
    with pytest.raises(NotFoundError, match="there is no run 99"):
        run_view(session, 99)


def test_the_overview_counts_and_lists_the_top_communities(session):
    view = overview_view(session)

    assert view.counts.model_dump() == {"sources": 3, "claims": 7, "findings": 4, "evidence": 3}
    assert [(m.method, m.run, m.communities) for m in view.methods] == [
        ("leiden_concepts", 4, 3),
        ("leiden_semantic", 3, 4),
    ]
    assert [community.members for community in view.methods[1].top] == [7, 4]
    assert len(view.runs) == 6


def test_the_overview_of_an_empty_graph_is_empty():
    with reading(open_engine(None)) as session:
        view = overview_view(session)

    assert view.counts.model_dump() == {"sources": 0, "claims": 0, "findings": 0, "evidence": 0}
    assert (view.methods, view.runs) == ([], [])
