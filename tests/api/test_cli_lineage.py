"""The commands about what became of communities, on the graph that the views are tested with."""

import json
from typing import Any

from sqlmodel import func, select
from typer.testing import CliRunner

from api.cli import app
from kg.db import reading
from kg.tables import Run
from tests.api.conftest import Library


def _run(library: Library, *arguments: str) -> Any:
    database = str(library.engine.url.database)
    return CliRunner().invoke(app, ["--db", database, *arguments])


def _json(library: Library, *arguments: str) -> Any:
    result = _run(library, *arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_changes_are_told_by_method(library: Library):
    lines = _run(library, "changes").stdout.splitlines()

    assert lines[0] == "run 4 is the first of leiden_concepts: there is nothing to compare it with"
    assert lines[1] == "leiden_semantic: run 2 to run 3"
    assert any("split" in line and "com_" in line for line in lines)
    (only,) = _json(library, "changes", "--method", "leiden_semantic")
    assert only["comparison"]["counts"]["split"] == 1


def test_two_runs_are_compared_in_two_ways_and_nothing_is_clustered(library: Library):
    with reading(library.engine) as session:
        before = session.exec(select(func.count()).select_from(Run)).one()

    by_option = _run(library, "cluster", "--compare", "2", "3")
    by_command = _run(library, "compare", "2", "3")

    with reading(library.engine) as session:
        assert session.exec(select(func.count()).select_from(Run)).one() == before
    assert by_option.exit_code == 0
    assert by_option.stdout == by_command.stdout
    assert by_option.stdout.startswith("leiden_semantic: run 2 to run 3\n")
    assert _json(library, "cluster", "--compare", "3", "4") == _json(library, "compare", "3", "4")


def test_a_run_that_is_no_clustering_is_refused_with_what_it_is(library: Library):
    result = _run(library, "cluster", "--compare", "1", "3")

    assert result.exit_code == 1
    assert "run 1 is a run of ingestion" in result.stderr


def test_a_superseded_run_is_listed_on_request(library: Library):
    lines = _run(library, "communities", "--run", "2").stdout.splitlines()

    assert lines[0] == "leiden_semantic, run 2"
    assert [item["run"] for item in _json(library, "communities", "--run", "2")] == [2]


def test_runs_say_which_is_active(library: Library):
    states = {
        int(line.split()[0]): line.split()[1] for line in _run(library, "runs").stdout.splitlines()
    }

    assert {run for run, state in states.items() if state == "active"} == {3, 4}
    assert states[2] == "succeeded"


def test_a_community_is_found_by_its_permanent_link(library: Library):
    old = _json(library, "community", "leiden_semantic-run2-c0")

    lines = _run(library, "community", old["link"]).stdout.splitlines()

    assert lines[1] == "leiden_semantic-run3-c0"
    assert lines[2] == f"{old['link']}  permanent link, first seen in run 2"
    shown = _run(library, "community", "leiden_semantic-run2-c0").stdout
    today = (
        "today: leiden_semantic-run3-c0  Features in superposition  [stability not measured] (7)"
    )
    assert today in shown
    by_link, by_id = (
        _run(library, "bridges", name).stdout for name in (old["link"], "leiden_semantic-run3-c0")
    )
    assert by_link == by_id
