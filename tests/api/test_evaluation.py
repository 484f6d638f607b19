"""`claimgraph evaluate`: documents, tables, and errors that name the line."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from api.cli import app
from api.reference import command_reference
from tests.kg.model_server import says, serving

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
    assert found["n"] == 271
    assert found["accuracy"] == pytest.approx(1 - n_wrong / 271, abs=1e-5)
    assert len(found["wrong"]) == n_wrong
    assert found["baselines"]["accept_everything"]["false_accepts"] == 135


def test_labels_list_the_cases_that_went_wrong():
    result = _run("labels", DATA / "labels.jsonl")

    assert result.exit_code == 0
    assert "grounding check" in result.stdout
    assert "false reject, case" in result.stdout


@pytest.mark.parametrize("command", ["extraction", "labels", "pairs"])
@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "the file is empty: get it anew"),
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


PAIRS = [
    ("Ablation removes the circuit in GPT-2", "In GPT-2 ablation removes the circuit", "same"),
    ("Ablation removes the circuit", "Ablation does not remove the circuit", "contradicts"),
    ("Dead latents come back after resampling", "Heads in layer 5 copy names", "unrelated"),
    ("Probes read tense from layer 3", "Tense can be had from that place by a readout", "same"),
]


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    path = tmp_path / "pairs.jsonl"
    lines = [json.dumps({"a": a, "b": b, "relation": relation}) for a, b, relation in PAIRS]
    path.write_text("\n".join(lines))
    return path


def test_pairs_are_one_document_with_intervals_baselines_and_confusions(pairs: Path):
    found = _json("pairs", pairs)

    assert (found["precision"], found["recall"], found["n"], found["n_same"]) == (1, 0.5, 4, 2)
    assert found["f1"] == pytest.approx(2 / 3, abs=1e-5)
    assert {"cosine", "token_set_ratio", "everything_same"} <= set(found["baselines"])
    for figures in (found, *found["baselines"].values()):
        assert all(0 <= figures[name] <= figures["n"] for name in MACRO)
        low, high = figures["intervals"]["precision"]
        assert low <= figures["precision"] <= high
    assert found["baselines"]["everything_same"]["precision"] == 0.5
    assert sum(each["n"] for each in found["confusions"]) == 4
    assert [(each["pair"], each["relation"]) for each in found["wrong"]] == [(4, "same")]
    assert found["parts"] == {}


def test_pairs_print_the_baselines_the_confusions_and_the_wrong_pairs(pairs: Path):
    result = _run("pairs", pairs)

    assert result.exit_code == 0
    assert "  cosine ≥ " in result.stdout
    assert "  contradicts / possible tension: 1" in result.stdout
    assert "missed, pair 4: same taken for " in result.stdout


def test_pairs_with_families_are_judged_by_part(tmp_path: Path):
    path = tmp_path / "pairs.jsonl"
    families = ("held-1", "dev-1", "held-2", "dev-2")
    lines = [
        json.dumps({"a": a, "b": b, "relation": relation, "family": family})
        for (a, b, relation), family in zip(PAIRS, families, strict=True)
    ]
    path.write_text("\n".join(lines))

    parts = _json("pairs", path)["parts"]

    assert {name: part["n"] for name, part in parts.items()} == {"development": 2, "held-out": 2}
    thresholds = {part["baselines"]["cosine"]["threshold"] for part in parts.values()}
    assert len(thresholds) == 1


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"a": "It fell.", "b": "It rose.", "relation": "opposite"}', "line 1: relation: "),
        ('{"a": "It fell.", "b": "  ", "relation": "same"}', "line 1: b: "),
        ('{"a": "It fell.", "relation": "same"}', "line 1: b: Field required"),
        ('{"a": 3, "b": "It rose.", "relation": "same"}', "line 1: a: "),
        ("[1]", "line 1: not a JSON object"),
    ],
)
def test_a_bad_pair_is_named_with_its_line_and_field(tmp_path: Path, line: str, said: str):
    path = tmp_path / "pairs.jsonl"
    path.write_text(line + "\n")

    result = _run("pairs", path)

    assert result.exit_code == 1
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


def test_a_language_model_is_judged_beside_the_baselines_and_asked_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    pytest.importorskip("pydantic_ai")
    gold, replies = tmp_path / "gold.jsonl", tmp_path / "replies.jsonl"
    rows = [
        {"text": "We find that heads copy names in 8 of 9 runs.", "label": "finding"},
        {"text": "The paper is organised as follows.", "label": "other"},
    ]
    gold.write_text("\n".join(json.dumps({**row, "source": "a"}) for row in rows))
    found = {"statements": [{"kind": "finding", "quote": rows[0]["text"]}]}
    options = ["--extractor", "llm", "--model", "openai:tiny", "--replies", str(replies), "--json"]
    with serving(says(found)) as server:
        monkeypatch.setenv("CLAIMGRAPH_MODEL_URL", server.url)
        first = _run("extraction", gold, *options)
        again = _run("extraction", gold, *options)

    judged = json.loads(first.stdout)
    assert len(server.asked) == 1
    assert judged["extractor"] == "llm"
    assert judged["classes"]["finding"]["f1"] == judged["classes"]["neither"]["f1"] == 1
    assert "1 requests, 100 tokens in, 20 out" in judged["remarks"]
    assert json.loads(again.stdout)["remarks"][-1] == "nothing was asked"
