"""What says the same: merged, split, undone; shown alike by command, REST and page."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from api.app import create_app
from api.cli import app
from kg.db import open_engine
from kg.statements import statement_id
from kg.tables import StatementKind

PAPER = "Probing with attribution across layers"
SAID = {
    "probe": (PAPER, "Probe-based attribution joins interpretability tools with data curation."),
    "again": (
        f"Notes on {PAPER}",
        "Probe-based attribution joins data curation with tools of interpretability.",
    ),
    "denied": (
        "A reply",
        "Probe-based attribution does not join interpretability tools with data curation.",
    ),
    "packed": ("A reply", "Superposition packs more features into a layer than it has dimensions."),
}


QUOTES = ("quote", "other_quote")


class Library:
    """A database in a file, with the ids of its statements by short name."""

    def __init__(self, database: Path) -> None:
        self.database = database
        self.ids = {
            name: statement_id(StatementKind.CLAIM, text) for name, (_, text) in SAID.items()
        }
        self.web = TestClient(create_app(open_engine(database)))

    def run(self, *arguments: str) -> Any:
        return CliRunner().invoke(app, ["--db", str(self.database), *arguments])

    def json(self, *arguments: str) -> Any:
        result = self.run(*arguments, "--json")
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    def groups(self) -> list[set[str]]:
        names = {identifier: name for name, identifier in self.ids.items()}
        groups = self.json("duplicates")["groups"]
        return [{names[member["id"]] for member in group["members"]} for group in groups]


@pytest.fixture(scope="module")
def merged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a database in which the rule has merged."""
    folder = tmp_path_factory.mktemp("merged")
    rows = [{"kind": "claim", "text": t, "source": {"title": s}} for s, t in SAID.values()]
    (folder / "notes.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    library = Library(folder / "a.db")
    assert library.run("ingest", str(folder / "notes.jsonl")).exit_code == 0
    library.json("merge")
    return library.database


@pytest.fixture
def library(tmp_path: Path, merged: Path) -> Library:
    """Return a copy of it, to be written to."""
    for part in merged.parent.glob("a.db*"):
        shutil.copy(part, tmp_path)
    return Library(tmp_path / "a.db")


def test_a_merged_pair_is_shown_with_its_reason_and_a_denial_is_offered(library: Library):
    view = library.json("duplicates")

    (group,) = view["groups"]
    assert {row["id"] for row in group["members"]} == {library.ids["probe"], library.ids["again"]}
    assert [each["method"] for each in group["merged_by"]] == ["rule"]
    assert group["pairs"][0]["reasons"] == ["the same content in other words"]
    tensions = [each for each in view["offers"] if each["relation"] == "possible tension"]
    assert {library.ids["denied"]} == set.intersection(
        *({each["statement"]["id"], each["other"]["id"]} for each in tensions)
    )
    assert all(each["quote"] and each["other_quote"] and each["reasons"] for each in tensions)
    assert view == library.web.get("/api/duplicates").json()


def test_a_tension_that_is_offered_names_the_papers_of_both_sides(library: Library):
    offers = library.json("duplicates")["offers"]
    tension = next(each for each in offers if each["relation"] == "possible tension")
    titles = [tension[side][0]["title"] for side in ("sources", "other_sources")]

    printed = library.run("duplicates").stdout
    page = library.web.get("/duplicates").text

    assert "A reply" in titles
    assert all(f"{tension[q]}” [{t}]" in printed for q, t in zip(QUOTES, titles, strict=True))
    assert f'<a href="/sources/{tension["sources"][0]["id"]}">{titles[0]}</a>' in page


def test_what_is_offered_is_counted_in_full_where_only_some_is_listed(library: Library):
    view = library.json("duplicates")
    some = library.json("duplicates", "--limit", "1")

    printed = library.run("duplicates", "--limit", "1").stdout

    assert (len(some["offers"]), some["n_offers"]) == (1, len(view["offers"]))
    assert f"({len(view['offers'])})" in printed
    assert f"and {len(view['offers']) - 1} more" in printed
    assert f"To be decided ({len(view['offers'])})" in library.web.get("/duplicates?limit=1").text


def test_a_tension_that_is_offered_can_be_taken_up_as_it_is_said(library: Library):
    offers = library.json("duplicates")["offers"]
    tension = next(each for each in offers if each["relation"] == "possible tension")
    ends = tension["statement"]["id"], tension["other"]["id"]

    program, *arguments = tension["command"].split()
    taken = library.run(*arguments)

    assert program == "claimgraph"
    assert taken.exit_code == 0, taken.output
    assert library.json("statement", ends[0])["relations"][0]["other"]["id"] == ends[1]
    assert library.json("statement", ends[0])["relations"][0]["kind"] == "contradicts"
    assert tension["command"] in library.web.get("/duplicates").text


def test_a_paper_and_its_notes_are_linked(library: Library):
    (group,) = library.json("duplicates")["groups"]

    (work,) = group["works"]
    assert (work["source"]["title"], work["words"], work["other"]["title"]) == (
        f"Notes on {PAPER}",
        "is a summary of",
        PAPER,
    )
    assert library.json("source", work["other"]["id"])["works"] == [work]
    page = library.web.get(f"/sources/{work['source']['id']}").text
    assert f'is a summary of <a href="/sources/{work["other"]["id"]}">{PAPER}</a>' in page


def test_split_and_undo_give_back_the_former_state_to_the_byte(library: Library):
    before = library.run("duplicates", "--json").stdout

    library.json("split", library.ids["probe"], "--reason", "one is on tools only")
    assert library.groups() == []
    parted = library.run("duplicates", "--json").stdout
    library.json("merge", library.ids["probe"], library.ids["packed"])
    assert library.groups() == [{"probe", "packed"}]
    library.json("undo")
    assert library.run("duplicates", "--json").stdout == parted
    library.json("undo")

    assert library.run("duplicates", "--json").stdout == before


def test_what_was_split_stays_apart_when_the_rule_runs_again(library: Library):
    library.json("split", library.ids["again"])

    library.json("merge")

    assert library.groups() == []
    offered = library.json("duplicates", "--relation", "same")["offers"]
    assert offered == []


def test_the_log_names_who_decided_and_what_was_undone(library: Library):
    library.json("merge", library.ids["probe"], library.ids["denied"], "--by", "some-model")
    library.json("undo", "2")

    log = library.json("decisions")["decisions"]

    assert [(each["id"], each["kind"], each["is_undone"]) for each in log] == [
        (3, "undo", False),
        (2, "merge", True),
        (1, "merge", False),
    ]
    assert log[1]["method"] == "some-model"
    assert library.web.get("/api/decisions").json()["decisions"] == log
    printed = library.run("decisions").stdout
    assert "merge by some-model" in printed
    assert "[undone]" in printed


def test_a_statement_shows_its_group_and_its_proposals_everywhere(library: Library):
    identifier = library.ids["probe"]

    view = library.json("statement", identifier)

    assert view == library.web.get(f"/api/statements/{identifier}").json()
    assert len(view["canonical"]["members"]) == 2
    assert {each["words"] for each in view["proposals"]} >= {"may be in tension with"}
    assert view["evidence"] == []
    page = library.web.get(f"/statements/{identifier}").text
    assert "Said by 2 statements that are merged" in page
    assert "None of them is evidence" in page
    printed = library.run("statement", identifier).stdout
    assert "merged by the rule, run" in printed
    assert "may be in tension with" in printed


def test_the_page_lists_groups_offers_and_decisions(library: Library):
    page = library.web.get("/duplicates").text

    assert "Merged (1)" in page
    assert "may be in tension with" in page
    assert "claimgraph undo 1" in page


def test_without_a_run_the_page_and_the_command_say_what_to_do(tmp_path: Path):
    engine = open_engine(tmp_path / "a.db")
    web = TestClient(create_app(engine))

    assert "claimgraph merge" in web.get("/duplicates").text
    assert web.get("/api/duplicates").json() == {
        "run": None,
        "groups": [],
        "offers": [],
        "n_offers": 0,
    }


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["merge", "stm_absent", "stm_gone"], "there is no statement"),
        (["split", "packed"], "merged with no other statement"),
        (["undo", "9"], "there is no decision 9"),
        (["merge", "probe", "again"], "merged already"),
    ],
)
def test_what_cannot_be_decided_is_said_with_exit_code_1(
    library: Library, arguments: list[str], said: str
):
    result = library.run(*(library.ids.get(each, each) for each in arguments))

    assert result.exit_code == 1
    assert said in result.stderr
    assert len(library.json("decisions")["decisions"]) == 1


def test_relations_are_asked_of_a_model_only_if_one_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("CLAIMGRAPH_MODEL", raising=False)

    result = CliRunner().invoke(app, ["relate-proposals", "--db", str(tmp_path / "none.db")])

    assert result.exit_code == 2
    assert "--model" in result.output
