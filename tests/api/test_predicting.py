"""What statements predict of measurements that are made elsewhere, and what came out."""

import json
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlmodel import select
from typer.testing import CliRunner

from api.app import create_app
from api.cli import app
from kg.db import open_engine, reading, writing
from kg.ledgers import stances_of
from kg.tables import Evidence, Prediction, Run, RunStatus, Statement, StatementKind

STATED = [
    *("predict", "stm_a", "--experiment", "path_patching", "--on", "gpt2-small"),
    *("--unit", "share of the logit difference", "--side", "above", "--threshold", "0.6"),
    *("--because", "Names have to be moved.", "--by", "ada"),
]
OUTCOME = {
    "values": [0.7, 0.75, 0.66, 0.8, 0.71],
    "controls": [{"name": "random heads", "values": [0.1, 0.2, 0.05, 0.12]}],
    "where": "https://example.org/commit/1",
}


@pytest.fixture
def database(tmp_path: Path) -> Path:
    engine = open_engine(tmp_path / "a.db", create=True)
    with writing(engine) as session:
        session.add(Statement(id="stm_a", kind=StatementKind.CLAIM, text="Name movers copy names."))
    return tmp_path / "a.db"


def _run(database: Path, *arguments: str):
    return CliRunner().invoke(app, [*arguments, "--db", str(database)])


def _stated(database: Path) -> str:
    result = _run(database, *STATED, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)["id"]


def _recorded(database: Path, prediction: str, outcome: object, *more: str):
    file = database.with_name("outcome.json")
    file.write_text(json.dumps(outcome), encoding="utf-8")
    return _run(database, "record", prediction, str(file), *more)


def test_a_prediction_waits_until_its_measurement_is_recorded(database: Path):
    web = TestClient(create_app(open_engine(database)))
    before = web.get("/evidence").text
    prediction = _stated(database)

    (waiting,) = web.get("/api/predictions").json()
    waits = web.get("/statements/stm_a").text, web.get("/evidence").text
    shown = _run(database, "predictions").stdout
    recorded = _recorded(database, prediction, OUTCOME, "--by", "grace")

    assert "claimgraph predict STATEMENT" in before
    assert (waiting["id"], waiting["target"], waiting["by"]) == (prediction, "gpt2-small", "ada")
    assert all(f"claimgraph record {prediction}" in text for text in (*waits, shown))
    assert "Names have to be moved." in shown
    assert recorded.exit_code == 0, recorded.output
    assert "SUPPORTS  path_patching on gpt2-small" in recorded.stdout
    assert web.get("/api/predictions").json() == []


def test_what_was_measured_elsewhere_is_shown_with_who_vouches_for_it(database: Path):
    _recorded(database, _stated(database), OUTCOME, "--by", "grace")
    web = TestClient(create_app(open_engine(database)))

    ledger = web.get("/api/statements/stm_a/evidence").json()
    page = web.get("/statements/stm_a").text

    (entry,) = ledger["evidence"]
    assert ledger["waiting"] == []
    assert (entry["stance"], entry["target"], entry["decomposition_run"]) == (
        "supports",
        "gpt2-small",
        None,
    )
    assert entry["elsewhere"]["by"] == "grace"
    assert entry["elsewhere"]["file"] == "outcome.json"
    assert entry["measured"]["value"] == pytest.approx(0.724)
    assert entry["controls"][0]["name"] == "random heads"
    assert '<a href="https://example.org/commit/1" rel="' in page
    assert "recorded by grace" in page


@pytest.mark.parametrize(
    ("side", "values", "stance"),
    [
        ("above", [0.9, 0.91, 0.92, 0.9], "supports"),
        ("above", [0.3, 0.31, 0.32, 0.3], "refutes"),
        ("below", [0.3, 0.31, 0.32, 0.3], "supports"),
        ("above", [0.9, 0.91, 0.92], "inconclusive"),
        ("above", [0.62, 0.63, 0.61, 0.62], "inconclusive"),
    ],
)
def test_the_rule_judges_and_nobody_else(database: Path, side, values, stance):
    high = {"name": "random heads", "value": 0.6, "low": 0.5, "high": 0.7, "n": 9}
    stated = [side if word == "above" else word for word in STATED]
    prediction = json.loads(_run(database, *stated, "--json").stdout)["id"]

    result = _recorded(database, prediction, {"values": values, "controls": [high]}, "--json")

    assert json.loads(result.stdout)["stance"] == stance


def test_nothing_is_measured_twice_and_nothing_wrong_is_stored(database: Path):
    prediction = _stated(database)

    wrong = _recorded(database, prediction, OUTCOME | {"controls": []})
    unknown = _recorded(database, "prd_nowhere", OUTCOME)
    lost = _run(database, "record", prediction, str(database.with_name("lost.json")))
    with reading(open_engine(database)) as session:
        assert session.exec(select(Evidence)).all() == []
    right = _recorded(database, prediction, OUTCOME)
    again = _recorded(database, prediction, OUTCOME)

    assert [each.exit_code for each in (wrong, unknown, lost, right, again)] == [1, 1, 1, 0, 1]
    assert "controls" in wrong.output
    assert "there is no prediction prd_nowhere" in unknown.output
    assert "cannot be read" in lost.output
    assert "was measured on" in again.output
    with reading(open_engine(database)) as session:
        assert len(session.exec(select(Evidence)).all()) == 1
        assert all(run.status is RunStatus.SUCCEEDED for run in session.exec(select(Run)))


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--experiment", "recovery", "is measured here"),
        ("--threshold", "nan", "has to be a number"),
        ("--unit", " ", "--unit is empty"),
        ("--on", "gpt2\nsmall", "--on is a name of one line"),
        ("--experiment", "x" * 201, "at most 200 characters"),
    ],
)
def test_a_prediction_that_says_nothing_is_refused(database: Path, option, value, message):
    changed = list(STATED)
    changed[changed.index(option) + 1] = value

    result = _run(database, *changed)

    assert result.exit_code == 1
    assert message in result.output
    with reading(open_engine(database)) as session:
        assert session.exec(select(Prediction)).all() == []


def test_no_statement_is_predicted_of_that_is_not_there(database: Path):
    result = _run(database, "predict", "stm_b", *STATED[2:])

    assert result.exit_code == 1
    assert "stm_b" in result.output


def test_what_was_withdrawn_stays_in_sight_and_counts_for_nothing(database: Path):
    recorded = _recorded(database, _stated(database), OUTCOME, "--json")
    evidence = json.loads(recorded.stdout)["evidence"]
    web = TestClient(create_app(open_engine(database)))

    done = _run(database, "withdraw", evidence, "--because", "Wrong seed.", "--by", "ada")
    again = _run(database, "withdraw", evidence, "--because", "Wrong seed.")
    page = web.get("/statements/stm_a").text
    filtered = web.get("/api/evidence?stance=supports").json()
    (ledger,) = web.get("/api/evidence").json()
    back = _run(database, "withdraw", evidence, "--back")

    assert "WITHDRAWN  path_patching" in done.stdout
    assert again.exit_code == 1
    assert "was withdrawn on" in again.output
    assert "This does not count: Wrong seed." in page
    assert "supported</span>" not in page
    assert filtered == []
    assert ledger["evidence"][0]["withdrawn"]["by"] == "ada"
    assert "SUPPORTS" in back.stdout
    assert len(web.get("/api/evidence?stance=supports").json()) == 1


def test_what_is_withdrawn_is_no_longer_in_the_tally(database: Path):
    recorded = _recorded(database, _stated(database), OUTCOME, "--json")
    evidence = json.loads(recorded.stdout)["evidence"]
    engine = open_engine(database)

    with reading(engine) as session:
        before = stances_of(session, ["stm_a"])
    _run(database, "withdraw", evidence, "--because", "Wrong seed.")
    with reading(engine) as session:
        after = stances_of(session, ["stm_a"])

    assert before["stm_a"]["supports"] == 1
    assert after == {}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["evd_nowhere", "--because", "Wrong."], "there is no evidence evd_nowhere"),
        (["{}"], "say why"),
        (["{}", "--back"], "was not withdrawn"),
    ],
)
def test_nothing_is_withdrawn_without_a_reason_or_twice(database: Path, arguments, message):
    recorded = _recorded(database, _stated(database), OUTCOME, "--json")
    evidence = json.loads(recorded.stdout)["evidence"]

    result = _run(database, "withdraw", *(each.format(evidence) for each in arguments))

    assert result.exit_code == 1
    assert message in result.output
