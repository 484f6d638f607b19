"""What is found out about a decomposition, from the command to the page."""

import json
import re
from pathlib import Path
from typing import NamedTuple

import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from api.app import create_app
from api.cli import app
from decomposition.checkpoints import save
from decomposition.harvest import HarvestConfig, harvest
from kg.db import open_engine
from kg.evidence import DecompositionDraft, Store, SubcomponentDraft, TrialDraft
from tests.api.conftest import NoConfig
from tests.decomposition.pentagon import perfect_decomposition


class Stored(NamedTuple):
    """A database with the pentagon's decomposition in it."""

    database: Path
    run: int

    def command(self, *arguments: str, code: int = 0) -> str:
        result = CliRunner().invoke(app, ["--db", str(self.database), *arguments])
        assert result.exit_code == code, result.output
        return result.output if code else result.stdout

    def web(self) -> TestClient:
        return TestClient(create_app(open_engine(self.database)))


@pytest.fixture
def stored(tmp_path: Path) -> Stored:
    """The five features of a pentagon, each a subcomponent of two matrices, with an identity."""
    database = tmp_path / "claimgraph.db"
    store = Store(open_engine(database, create=True), database.with_suffix(".artifacts"))
    decomposition = perfect_decomposition(has_hidden_identity=True)
    with store.decomposing("spd", NoConfig(), seed=0) as (run, folder):
        save(decomposition, folder)
        parts = [
            SubcomponentDraft(
                matrix=summary.matrix,
                index=summary.index,
                mean_importance=summary.mean_importance,
                is_alive=summary.alive,
                norm=summary.norm,
                top_inputs=[f"feature {feature}" for feature in summary.top_inputs],
            )
            for summary in harvest(decomposition, HarvestConfig(n=2000))
        ]
        tried = [
            TrialDraft(minimality=0.0003, harm=0.021, l0=0.64, passes=False),
            TrialDraft(minimality=0.001, harm=0.034, l0=0.125, passes=True),
        ]
        metrics = {"mmcs": 1.0, "alive_threshold": 1e-6, "l0": 0.75, "l0_threshold": 0.1}
        metrics |= {"pgd_reconstruction": 0.0003, "reconstruction_off": 0.015}
        draft = DecompositionDraft(subcomponents=parts, metrics=metrics, sweep=tried)
        store.add_decomposition(run, "tms_5-2-id", draft)
    return Stored(database, run)


def test_components_are_found_stored_and_shown_alike_everywhere(stored: Stored):
    found = json.loads(stored.command("components", str(stored.run), "--json"))

    groups = [component["members"] for component in found["found"]["components"]]
    assert ["hidden:0", "hidden:1"] in groups
    web = stored.web()
    assert web.get(f"/api/runs/{stored.run}/decomposition").json()["components"] == found
    page = web.get(f"/runs/{stored.run}").text
    assert "<code>linear1:0</code> <code>linear2:0</code>" in page
    assert "adjusted Rand index" in stored.command("decomposition", str(stored.run))


def test_what_a_sweep_tried_is_shown_with_its_decomposition(stored: Stored):
    web = stored.web()

    tried = web.get(f"/api/runs/{stored.run}/decomposition").json()["sweep"]
    page = web.get(f"/runs/{stored.run}").text
    shown = stored.command("decomposition", str(stored.run))

    assert [trial["passes"] for trial in tried] == [False, True]
    assert "64.0 % of the ranks</td><td>broken" in page
    assert "12.5 % of the ranks</td><td>kept, taken" in page
    assert "L0 12.5% of the ranks  taken" in shown


def test_how_faithful_it_is_stands_on_its_page_and_in_the_terminal(stored: Stored):
    page = stored.web().get(f"/runs/{stored.run}").text
    shown = stored.command("decomposition", str(stored.run))

    assert 'adversary finds in 20 steps</td><td class="figure">0.0003</td>' in page
    assert "error (mean squared error) with its subcomponents masked:" in shown
    assert "0.015     everything ablated" in shown


def test_what_counts_as_alive_and_as_important_stands_beside_the_counts(stored: Stored):
    page = stored.web().get(f"/runs/{stored.run}").text
    shown = stored.command("decomposition", str(stored.run))

    assert "alive (mean importance above 1e-06), L0 0.75 (importance above 0.1)" in shown
    assert "Alive: mean importance above 1e-06. L0: 0.75 subcomponents an input" in page


def test_a_decomposition_without_analyses_says_how_to_get_them(stored: Stored):
    web = stored.web()
    page = web.get(f"/runs/{stored.run}").text

    held = web.get(f"/api/runs/{stored.run}/decomposition").json()["subcomponents"]
    assert page.count("<circle") == len(held) > 0
    assert f"claimgraph components {stored.run}" in page
    assert f"claimgraph components {stored.run}" in stored.command("decomposition", str(stored.run))


def test_a_run_that_is_no_decomposition_is_refused_by_name(stored: Stored):
    stored.command("components", str(stored.run))

    assert "not a decomposition" in stored.command("components", "2", code=1)
    assert stored.web().get("/api/runs/2/decomposition").status_code >= 400
    assert stored.web().get("/runs/2").status_code == 200


def test_a_lost_report_is_an_error_that_names_the_file(stored: Stored):
    stored.command("components", str(stored.run))
    (report,) = stored.database.with_suffix(".artifacts").rglob("components.json")
    report.unlink()

    answer = stored.web().get(f"/api/runs/{stored.run}/decomposition")

    assert answer.status_code == 404
    assert "components.json" in answer.json()["detail"]


def test_a_graph_is_drawn_checked_stored_and_shown(stored: Stored):
    drawn = json.loads(stored.command("attribute", str(stored.run), "--probe", "1", "--json"))

    web = stored.web()
    assert web.get(f"/api/runs/{drawn['run']}/graph").json() == drawn
    assert drawn["graph"]["direct"]["sign"] == 1
    page = web.get(f"/runs/{drawn['run']}").text
    assert "linear1:1 → hidden:" in page
    assert 'class="mark output"' in page
    assert f'href="/runs/{drawn["run"]}"' in web.get(f"/runs/{stored.run}").text


def test_a_graph_says_of_which_input_and_which_decomposition_it_is(stored: Stored):
    drawn = json.loads(stored.command("attribute", str(stored.run), "--probe", "1", "--json"))

    page = stored.web().get(f"/runs/{drawn['run']}").text

    assert "Of probe 1 of tms_5-2" in page
    assert f'href="/runs/{stored.run}">run {stored.run}</a>' in page


def test_the_number_of_a_subcomponent_stands_beside_it_where_no_line_leaves(stored: Stored):
    drawn = json.loads(stored.command("attribute", str(stored.run), "--probe", "1", "--json"))

    page = stored.web().get(f"/runs/{drawn['run']}").text
    marks = re.findall(r'mark subcomponent"><circle cx="(\S+)"[^>]*/><text x="(\S+)"', page)

    assert marks
    assert all(float(text) - float(circle) > 6 for circle, text in marks)


def test_a_minimal_graph_says_what_was_kept(stored: Stored):
    arguments = ("--probe", "1", "--minimal", "--steps", "3")

    assert "nodes kept" in stored.command("attribute", str(stored.run), *arguments)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ([], "say one of"),
        (["--probe", "1", "--sample", "2"], "say one of"),
        (["--probe", "5"], "has 5 probes"),
        (["--prompt", "the princess"], "reads no text"),
        (["--probe", "0", "--position", "1"], "beyond the input"),
    ],
)
def test_an_input_that_is_not_there_is_refused(stored: Stored, arguments, reason):
    assert reason in stored.command("attribute", str(stored.run), *arguments, code=1)
    assert stored.web().get("/api/runs/2/graph").status_code == 404


def test_what_a_harvest_finds_is_shown_as_a_map_and_one_by_one(stored: Stored):
    arguments = ("--batches", "3", "--rows", "500")
    found = json.loads(stored.command("harvest", str(stored.run), *arguments, "--json"))

    web = stored.web()
    assert web.get(f"/api/runs/{stored.run}/harvest").json() == found
    heat = found["found"]["heat"]
    first = heat["importance"][heat["ids"].index("linear1:2")]
    assert [value > 0.9 for value in first] == [symbol == "feature 2" for symbol in heat["symbols"]]
    page = web.get(f"/runs/{stored.run}").text
    assert 'class="heat"' in page
    assert "The stronger the colour" in page, "on a dark page what is important is light"
    assert "style=" not in page
    assert "/subcomponents/linear1%3A2" in page
    one = web.get(f"/api/runs/{stored.run}/subcomponents/linear1:2").json()
    assert one["profile"]["reads"][0]["word"] == "feature 2"
    profile = web.get(f"/runs/{stored.run}/subcomponents/linear1:2").text
    assert "feature 2 = " in profile
    assert "<mark>" not in profile, "none of the features of a place is the place"
    assert "linear2:2" in stored.command("subcomponent", str(stored.run), "linear1:2")
    assert "no subcomponent" in stored.command("subcomponent", str(stored.run), "x:1", code=1)
    assert web.get(f"/runs/{stored.run}/subcomponents/linear1:7").status_code == 404


def test_an_export_comes_back_as_a_run_with_the_same_numbers(stored: Stored, tmp_path: Path):
    folder = str(tmp_path / "out")
    files = json.loads(stored.command("export-decomposition", str(stored.run), folder, "--json"))

    back = json.loads(stored.command("import-decomposition", folder, "--json"))

    assert [Path(file).name for file in files["files"]] == [
        "components.safetensors",
        "components.json",
    ]
    assert back["metrics"]["identity_error"] == 0
    assert back["run"] != stored.run
    again = str(tmp_path / "again")
    stored.command("export-decomposition", str(back["run"]), again)
    name = "components.safetensors"
    assert (tmp_path / "again" / name).read_bytes() == (tmp_path / "out" / name).read_bytes()
    assert "exists already" in stored.command("export-decomposition", "1", folder, code=1)


def test_a_file_that_cannot_be_imported_says_why(stored: Stored, tmp_path: Path):
    file = tmp_path / "model.pth"
    file.write_bytes(b"PK")

    assert "is a pickle" in stored.command("import-decomposition", str(file), code=1)
    gone = str(tmp_path / "gone.safetensors")
    assert "there is no such file" in stored.command("import-decomposition", gone, code=1)


def test_dictionaries_of_one_size_are_refused_with_what_to_do(stored: Stored):
    refused = stored.command("dictionaries", str(stored.run), "--size", "10", code=1)

    assert "repeat --size" in refused


def test_an_edit_is_measured_stored_and_shown(stored: Stored):
    arguments = ("--remove", "linear1:0", "--scale", "linear1:1=0.5")
    made = json.loads(stored.command("edit", str(stored.run), *arguments, "--json"))

    assert made["found"]["effects"]["edit"]["elsewhere"] < 1e-6
    assert (stored.database.with_suffix(".artifacts") / made["file"]).exists()
    web = stored.web()
    assert web.get(f"/api/runs/{made['run']}/edit").json() == made
    assert "scale linear1:1 by 0.5" in web.get(f"/runs/{made['run']}").text


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ([], "say what to change: --remove"),
        (["--scale", "linear1:0"], "SUBCOMPONENT=VALUE"),
        (["--scale", "linear1:0=much"], "not valid: changes.0.factor"),
        (["--remove", "linear7:0"], "the matrices are"),
    ],
)
def test_an_edit_that_cannot_be_read_says_why(stored: Stored, arguments, reason):
    assert reason in stored.command("edit", str(stored.run), *arguments, code=1)


def test_dictionaries_stand_beside_a_decomposition(stored: Stored):
    arguments = ("--size", "4", "--size", "8", "--matrix", "linear1", "--steps", "5")
    made = json.loads(stored.command("dictionaries", str(stored.run), *arguments, "--json"))

    assert made["found"]["known"] == 5
    web = stored.web()
    assert web.get(f"/api/runs/{made['run']}/dictionaries").json() == made
    assert "more alive for each more allotted" in web.get(f"/runs/{made['run']}").text
    assert "was not decomposed" in stored.command(
        "dictionaries", str(stored.run), "--matrix", "x", code=1
    )
