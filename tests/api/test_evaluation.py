"""`claimgraph evaluate`: documents, tables, and errors that name the line."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from api.cli import app
from api.reference import command_reference

DATA = Path(__file__).parents[1] / "data"
MACRO = ("precision", "recall", "f1", "n")


def _run(*arguments: object) -> Any:
    return CliRunner().invoke(app, ["evaluate", *map(str, arguments)])


def _json(*arguments: object) -> Any:
    result = _run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_extraction_is_one_document_with_classes_intervals_and_baselines():
    found = _json("extraction", DATA / "gold.jsonl")

    assert set(found["classes"]) == {"claim", "finding", "neither"}
    assert {"majority", "tfidf_logistic_regression"} <= set(found["baselines"])
    for figures in (found, *found["classes"].values(), *found["baselines"].values()):
        assert all(0 <= figures[name] <= figures["n"] for name in MACRO)
        low, high = figures["intervals"]["f1"]
        assert low <= figures["f1"] <= high
    assert found["n"] == sum(each["n"] for each in found["classes"].values()) == 24


def test_extraction_prints_every_class_and_baseline():
    result = _run("extraction", DATA / "gold.jsonl")

    assert result.exit_code == 0
    starts = [line.split()[0] for line in result.stdout.splitlines()]
    assert {"claim", "finding", "neither", "majority", "tfidf_logistic_regression"} <= set(starts)
    assert result.stdout.startswith("offline, as shipped: 24 sentences, 3 documents")


def test_holding_out_can_be_asked_for():
    result = _run("extraction", DATA / "gold.jsonl", "--hold-out")

    assert result.exit_code == 0
    assert result.stdout.startswith("offline, trained without the document: 24 sentences")
    assert "note: the shipped model was trained on 0 of these 24" in result.stdout


def test_labels_are_one_document_with_counts_and_baselines():
    found = _json("labels", DATA / "labels.jsonl")

    n_wrong = found["false_accepts"] + found["false_rejects"]
    assert found["n"] == 152
    assert found["accuracy"] == pytest.approx(1 - n_wrong / 152, abs=1e-5)
    assert len(found["wrong"]) == n_wrong
    assert found["baselines"]["accept_everything"]["false_accepts"] == 77


def test_labels_list_the_cases_that_went_wrong():
    result = _run("labels", DATA / "labels.jsonl")

    assert result.exit_code == 0
    assert "grounding check" in result.stdout
    assert "false reject, case" in result.stdout


@pytest.mark.parametrize("command", ["extraction", "labels"])
@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "the file is empty"),
        ('{"text": "It fell."}\n', "line 1: "),
        ("text,label\n", "line 1, column 1: not JSON"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_with_exit_code_1(
    tmp_path: Path, command: str, content: str, said: str
):
    path = tmp_path / "cases.jsonl"
    path.write_text(content)

    result = _run(command, path, "--json")

    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith(f"error: {path}: {said}")


def test_an_extractor_that_does_not_exist_is_refused_with_exit_code_1():
    result = _run("extraction", DATA / "gold.jsonl", "--extractor", "oracle")

    assert result.exit_code == 1
    assert "there is no extractor 'oracle'" in result.stderr


def test_the_reference_lists_commands_inside_groups():
    reference = command_reference(app)

    assert "## claimgraph evaluate extraction\n" in reference
    assert "`claimgraph evaluate labels [OPTIONS] {cases}`" in reference
    assert "## claimgraph evaluate\n" not in reference
