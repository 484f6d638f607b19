"""Evidence: the prediction comes first, and nothing of a failed run stays."""

from pathlib import Path

import pytest
from pydantic import BaseModel
from sqlmodel import func, select

from kg.db import open_engine, reading, writing
from kg.errors import ConfigError, NotFoundError
from kg.evidence import (
    ControlDraft,
    DecompositionDraft,
    MeasurementDraft,
    PredictionDraft,
    Store,
    SubcomponentDraft,
)
from kg.ledgers import evidence_of, stances_of
from kg.tables import Evidence, Prediction, Run, RunStatus, Side, Stance, Statement, StatementKind

PART = SubcomponentDraft(
    matrix="linear1", index=3, mean_importance=0.05, is_alive=True, norm=1.2, top_inputs=["2"]
)


class NoConfig(BaseModel):
    """A configuration without settings."""


@pytest.fixture
def store(tmp_path: Path) -> Store:
    engine = open_engine(tmp_path / "a.db")
    with writing(engine) as session:
        session.add(Statement(id="stm_a", kind=StatementKind.CLAIM, text="It recovers them."))
    return Store(engine, tmp_path / "a.artifacts")


def _decompose(store: Store) -> int:
    with store.decomposing("spd", NoConfig(), 0) as (run, folder):
        (folder / "tensors.safetensors").write_bytes(b"weights")
        draft = DecompositionDraft(subcomponents=[PART], metrics={"mmcs": 0.999})
        store.add_decomposition(run, "tms_5-2", draft)
    return run


def _prediction(statement: str = "stm_a") -> PredictionDraft:
    return PredictionDraft(
        statement_id=statement,
        experiment="recovery",
        side=Side.ABOVE,
        threshold=0.9,
        unit="share",
        sentence="More than 0.9 of the mechanisms are recovered.",
    )


def _measurement(stance: Stance) -> MeasurementDraft:
    control = ControlDraft(name="random directions", value=0.2, low=0.1, high=0.3, n=5)
    return MeasurementDraft(
        stance=stance,
        reason="The interval lies above the threshold.",
        value=0.98,
        low=0.95,
        high=0.99,
        n=5,
        unit="share",
        controls=[control],
        subcomponents=["linear1:3"],
    )


def test_a_measurement_becomes_an_entry_in_the_ledger_of_its_statement(store: Store):
    decomposition = _decompose(store)

    with store.experimenting("recovery", NoConfig(), 0) as run:
        prediction = store.state(_prediction(), decomposition, run)
        store.attach(prediction, _measurement(Stance.SUPPORTS))

    with reading(store.engine) as session:
        (row,) = evidence_of(session, "stm_a")
        counts = stances_of(session, ["stm_a", "stm_b"])
    assert row.evidence.stance is Stance.SUPPORTS
    assert row.evidence.subcomponents == [f"run{decomposition}:linear1:3"]
    assert row.prediction.sentence.startswith("More than")
    assert row.decomposition.result["target"] == "tms_5-2"
    assert counts == {"stm_a": {"supports": 1, "refutes": 0, "inconclusive": 0}}


def test_the_prediction_is_committed_before_the_measurement_is_made(store: Store):
    decomposition = _decompose(store)

    def fail_while_measuring() -> None:
        with store.experimenting("recovery", NoConfig(), 0) as run:
            store.state(_prediction(), decomposition, run)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_while_measuring()

    with reading(store.engine) as session:
        assert session.exec(select(func.count()).select_from(Prediction)).one() == 1
        assert session.exec(select(func.count()).select_from(Evidence)).one() == 0


def test_a_prediction_is_tested_once(store: Store):
    decomposition = _decompose(store)
    with store.experimenting("recovery", NoConfig(), 0) as run:
        prediction = store.state(_prediction(), decomposition, run)
        store.attach(prediction, _measurement(Stance.REFUTES))

    with pytest.raises(Exception, match="UNIQUE"):
        store.attach(prediction, _measurement(Stance.SUPPORTS))


def test_a_decomposition_that_fails_leaves_no_files(store: Store):
    def fail() -> None:
        with store.decomposing("spd", NoConfig(), 0) as (_, folder):
            (folder / "half.safetensors").write_bytes(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()

    assert list(store.artifacts.iterdir()) == []
    with reading(store.engine) as session:
        assert session.exec(select(Run.status)).all() == [RunStatus.FAILED]


def test_tensors_that_were_changed_are_not_measured(store: Store):
    run = _decompose(store)
    (store.artifacts / f"run{run}" / "tensors.safetensors").write_bytes(b"others")

    with pytest.raises(ConfigError, match="was changed"):
        store.decomposition(run)


def test_tensors_that_are_lost_are_named(store: Store):
    run = _decompose(store)
    (store.artifacts / f"run{run}" / "tensors.safetensors").unlink()

    with pytest.raises(NotFoundError, match=r"tensors\.safetensors"):
        store.decomposition(run)


def test_only_decompositions_can_be_measured(store: Store):
    with store.experimenting("recovery", NoConfig(), 0) as run:
        pass

    with pytest.raises(ConfigError, match="not a decomposition"):
        store.decomposition(run)


def test_a_statement_that_does_not_exist_predicts_nothing(store: Store):
    decomposition = _decompose(store)

    with (
        store.experimenting("recovery", NoConfig(), 0) as run,
        pytest.raises(NotFoundError, match="stm_absent"),
    ):
        store.state(_prediction("stm_absent"), decomposition, run)
