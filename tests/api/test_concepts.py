"""Concepts, shown alike by command, REST and page."""

import json
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from api.app import create_app
from api.cli import app
from kg.db import open_engine

PAPER = """# Dictionaries

We train a sparse autoencoder (SAE) on the residual stream of GPT-2.

We show that SAE latents are sparse. We find that a sparse autoencoder of GPT-2 splits features.
"""
LIST = [
    "Sparse autoencoders split features as the dictionary grows",
    "Feature splitting troubles every sparse autoencoder of GPT-2",
    "An SAE loses rare features of GPT-2",
]


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("concepts")
    (folder / "paper.md").write_text(PAPER, encoding="utf-8")
    rows = [{"kind": "claim", "text": text, "source": {"title": "A list"}} for text in LIST]
    (folder / "list.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    paths = [str(folder / name) for name in ("paper.md", "list.jsonl")]
    assert CliRunner().invoke(app, ["--db", str(folder / "a.db"), "ingest", *paths]).exit_code == 0
    return folder / "a.db"


def _run(database: Path, *arguments: str) -> Any:
    return CliRunner().invoke(app, ["--db", str(database), *arguments])


def test_concepts_are_listed_with_type_and_aliases_everywhere(database: Path):
    found = json.loads(_run(database, "concepts", "--json").stdout)
    web = TestClient(create_app(open_engine(database)))

    autoencoder = next(each for each in found if "SAE" in each["aliases"])
    assert autoencoder["type"] == "method"
    assert autoencoder["statements"] >= 3
    assert autoencoder["sources"] == 2
    assert web.get("/api/concepts").json() == found
    assert autoencoder["name"] in web.get("/concepts").text
    assert "GPT-2" in _run(database, "concepts", "--type", "model").stdout


def test_the_concepts_of_a_statement_are_those_that_are_linked_to_it(database: Path):
    web = TestClient(create_app(open_engine(database)))
    linked = web.get("/api/concepts/SAE").json()
    statement = linked["links"][0]["id"]

    found = json.loads(_run(database, "concepts", "--statement", statement, "--json").stdout)

    assert linked["id"] in [each["id"] for each in found]
    assert len(found) < len(web.get("/api/concepts").json())
    address = f"/concepts?statement={statement}"
    assert address in web.get(f"/statements/{statement}").text
    assert all(each["id"] in web.get(address).text for each in found)
    assert web.get(f"/api{address}").json() == found
    assert web.get("/api/concepts?statement=stm_none").status_code == 404


def test_concepts_are_those_of_the_present_state(tmp_path: Path):
    for name, text in (("a", "Dead latents are rare"), ("b", "Dead latents cost accuracy")):
        row = {"kind": "claim", "text": text, "source": {"title": name}}
        (tmp_path / f"{name}.jsonl").write_text(json.dumps(row), encoding="utf-8")
    database = tmp_path / "a.db"
    web = TestClient(create_app(open_engine(database)))

    assert web.get("/api/concepts").json() == []
    _run(database, "ingest", str(tmp_path / "a.jsonl"))
    assert web.get("/api/concepts").json() == []
    _run(database, "ingest", str(tmp_path / "b.jsonl"))
    assert web.get("/api/concepts/dead%20latents").json()["statements"] == 2


@pytest.mark.parametrize("name", ["SAE", "sparse autoencoder", "Sparse Autoencoders"])
def test_a_concept_is_found_by_any_of_its_names_with_its_spans(database: Path, name: str):
    view = json.loads(_run(database, "concept", name, "--json").stdout)
    web = TestClient(create_app(open_engine(database)))

    for link in view["links"]:
        for span in link["spans"]:
            assert link["text"][span["char_start"] : span["char_end"]] == span["words"]
    assert web.get(f"/api/concepts/{view['id']}").json() == view
    page = web.get(f"/concepts/{view['id']}").text
    assert f"<mark>{view['links'][0]['spans'][0]['words']}</mark>" in page
    assert view["links"][0]["id"] in _run(database, "concept", name).stdout


def test_a_concept_that_nobody_speaks_of_is_refused(database: Path):
    result = _run(database, "concept", "phlogiston")

    assert result.exit_code == 1
    assert "there is no concept 'phlogiston'" in result.stderr
    assert (
        TestClient(create_app(open_engine(database))).get("/concepts/phlogiston").status_code == 404
    )
