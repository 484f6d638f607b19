"""Updating and removing from the command line: reports, refusals and exit codes."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from api.app import create_app
from api.cli import app
from kg.db import open_engine

EXAMPLES = Path(__file__).parents[2] / "examples"


def _run(database: Path, *arguments: str) -> Any:
    return CliRunner().invoke(app, ["--db", str(database), *arguments])


def _json(database: Path, *arguments: str) -> Any:
    result = _run(database, *arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with all the examples but one, clustered; the last one is beside it."""
    folder = tmp_path_factory.mktemp("library")
    (folder / "old").mkdir()
    first, *others = sorted(EXAMPLES.iterdir())
    for path in others:
        shutil.copy(path, folder / "old" / path.name)
    shutil.copy(first, folder / f"new{first.suffix}")
    database = folder / "library.db"
    assert _run(database, "ingest", str(folder / "old")).exit_code == 0
    assert _run(database, "cluster", "--method", "leiden_semantic").exit_code == 0
    return database


def test_a_document_is_ingested_placed_and_removed_without_a_trace(library: Path):
    (new,) = library.parent.glob("new.*")
    before = _json(library, "communities")

    taken = _json(library, "ingest", str(new), "--update")
    between = _json(library, "communities")
    nothing = _run(library, "update")
    removed = _json(library, "remove", taken["sources"][0]["id"])

    (update,) = taken["updates"]
    assert update["added"] == taken["sources"][0]["claims"] + taken["sources"][0]["findings"]
    assert between != before
    assert "nothing is new" in nothing.stdout
    assert removed["updates"][0]["taken_back"] == 1
    assert _json(library, "communities") == before


def test_the_first_page_says_when_a_run_was_updated_as_people_read_it(
    library: Path, tmp_path: Path
):
    (new,) = library.parent.glob("new.*")
    for part in library.parent.glob("library.db*"):
        shutil.copy(part, tmp_path)
    database = tmp_path / library.name
    assert _run(database, "ingest", str(new), "--update").exit_code == 0

    page = TestClient(create_app(open_engine(database))).get("/").text

    assert re.search(r"updated \d{4}-\d\d-\d\d \d\d:\d\d UTC", page)


def test_what_an_update_did_is_said_in_words(library: Path):
    (new,) = library.parent.glob("new.*")
    source = _json(library, "ingest", str(new))["sources"][0]["id"]

    behind = _run(library, "communities")
    told = _run(library, "update", "--method", "leiden_semantic").stdout
    removed = _run(library, "remove", source).stdout

    assert "statements are not in this run yet: claimgraph update" in behind.stderr
    assert "statements joined, 0 left" in told
    assert "claimgraph cluster --method leiden_semantic" in told
    assert f"removed {source}" in removed
    assert "took back 1 earlier update\n" in removed


def test_updating_before_anything_is_clustered_stores_nothing(tmp_path: Path):
    database = tmp_path / "empty.db"

    result = _run(database, "ingest", str(EXAMPLES), "--update")

    assert result.exit_code == 1
    assert "claimgraph cluster" in result.stderr
    assert _json(database, "sources") == []


def test_a_source_that_does_not_exist_is_named_and_nothing_removed(library: Path):
    before = _json(library, "sources")

    result = _run(library, "remove", before[0]["id"], "src_nowhere")

    assert result.exit_code == 1
    assert "src_nowhere" in result.stderr
    assert _json(library, "sources") == before
