"""From a decomposition to a ledger: planted claims get the stance they deserve."""

from pathlib import Path

import pytest
from sqlmodel import func, select

from api.views.decompositions import decomposition_view
from decomposition import evidence as module
from decomposition.checkpoints import save
from decomposition.config import DecompositionConfig
from decomposition.errors import (
    DecompositionError,
    MemoryShortageError,
    SplitError,
    UnknownNameError,
)
from decomposition.evidence import (
    Question,
    decompose_and_store,
    measure_statement,
    sweep_and_store,
)
from decomposition.experiments import ExperimentConfig
from decomposition.sweeping import SweepRule, swept
from kg.db import open_engine, reading, writing
from kg.evidence import DecompositionDraft, Store, SubcomponentDraft
from kg.ledgers import EvidenceRow, evidence_of
from kg.runs import run_of
from kg.tables import (
    Artifact,
    Prediction,
    Run,
    RunStatus,
    Stance,
    Statement,
    StatementKind,
    Subcomponent,
)

TRUE = "Stochastic Parameter Decomposition recovers the mechanisms of the toy model."
FALSE = "The subcomponents match the true mechanisms no better than random directions do."
SPECIFIC = "Removing a subcomponent changes the output only where it is causally important."
UNSPECIFIC = "Removing a subcomponent changes the output whether or not it is causally important."
ELSEWHERE = "Attention heads attend to the previous token."


@pytest.fixture
def store(tmp_path: Path) -> Store:
    engine = open_engine(tmp_path / "a.db")
    with writing(engine) as session:
        for text in (TRUE, FALSE, SPECIFIC, UNSPECIFIC, ELSEWHERE):
            session.add(Statement(id=text, kind=StatementKind.CLAIM, text=text))
    return Store(engine, tmp_path / "a.artifacts")


@pytest.fixture
def run(store: Store, perfect) -> int:
    """A stored decomposition that is right by construction."""
    part = SubcomponentDraft(
        matrix="linear1", index=0, mean_importance=0.05, is_alive=True, norm=1.0
    )
    with store.decomposing("constructed", perfect.config, 0) as (identifier, folder):
        save(perfect, folder)
        draft = DecompositionDraft(subcomponents=[part], metrics={})
        store.add_decomposition(identifier, perfect.target.name, draft)
    return identifier


def _ledger(store: Store, statement: str) -> list[EvidenceRow]:
    with reading(store.engine) as session:
        return evidence_of(session, statement)


@pytest.mark.parametrize(
    ("statement", "experiment", "stance"),
    [
        (TRUE, "recovery", Stance.SUPPORTS),
        (FALSE, "recovery", Stance.REFUTES),
        (SPECIFIC, "ablation_specificity", Stance.SUPPORTS),
        (UNSPECIFIC, "ablation_specificity", Stance.REFUTES),
    ],
)
def test_planted_claims_get_the_stance_they_deserve(
    store: Store, run: int, statement: str, experiment: str, stance: Stance
):
    identifier = measure_statement(store, Question(statement, experiment, run), ExperimentConfig())

    (row,) = _ledger(store, statement)
    assert row.evidence.id == identifier
    assert row.evidence.stance is stance
    assert row.evidence.low <= row.evidence.value <= row.evidence.high
    assert row.evidence.controls
    assert all(name.startswith(f"run{run}:") for name in row.evidence.subcomponents)


def test_a_sweep_is_stored_with_what_was_tried_and_what_was_taken(
    store: Store,
):
    rule = SweepRule(max_harm=1e9, max_l0=1e9)
    config = DecompositionConfig(restarts=1, steps=2, batch_size=32, n_objective=64)

    report, trials = sweep_and_store(store, "tms_5-2", swept(config, [0.2, 0.1]), rule)

    with reading(store.engine) as session:
        run = run_of(session, report.run)
        shown = decomposition_view(session, store.artifacts, report.run)
    assert [trial.minimality for trial in trials] == [0.1]
    assert run.config["minimality"] == 0.1
    assert run.result["sweep"] == [trial._asdict() for trial in trials]
    assert [trial.model_dump() for trial in shown.sweep] == run.result["sweep"]
    assert not list((store.artifacts / "unfinished").iterdir())


@pytest.mark.parametrize("experiment", ["recovery", "ablation_specificity"])
def test_too_few_inputs_decide_nothing(store: Store, run: int, experiment: str):
    statement = TRUE if experiment == "recovery" else SPECIFIC

    measure_statement(store, Question(statement, experiment, run), ExperimentConfig(n=3))

    (row,) = _ledger(store, statement)
    assert row.evidence.stance is Stance.INCONCLUSIVE


def test_the_prediction_is_stored_when_the_measurement_begins(
    store: Store, run: int, monkeypatch: pytest.MonkeyPatch
):
    stored: list[str] = []

    class Interrupted:
        """The real experiment, stopped at its first step."""

        def __getattr__(self, name: str):
            return getattr(experiment, name)

        def run(self, *_arguments):
            with reading(store.engine) as session:
                stored.extend(session.exec(select(Prediction.sentence)))
            raise KeyboardInterrupt

    experiment = module.find_experiment("recovery")
    monkeypatch.setattr(module, "find_experiment", lambda _name: Interrupted())

    with pytest.raises(KeyboardInterrupt):
        measure_statement(store, Question(TRUE, "recovery", run), ExperimentConfig())

    assert len(stored) == 1
    assert _ledger(store, TRUE) == []
    with reading(store.engine) as session:
        status = session.exec(select(Run.status).where(Run.kind == "experiment")).one()
    assert status is RunStatus.FAILED


def test_a_statement_about_something_else_is_not_tested_and_nothing_is_stored(
    store: Store, run: int
):
    with pytest.raises(DecompositionError, match="--side"):
        measure_statement(store, Question(ELSEWHERE, "recovery", run), ExperimentConfig())

    with reading(store.engine) as session:
        assert session.exec(select(func.count()).select_from(Prediction)).one() == 0


def test_a_prediction_given_by_hand_overrules_the_words(store: Store, run: int):
    question = Question(ELSEWHERE, "recovery", run, side="below", threshold=0.2)

    measure_statement(store, question, ExperimentConfig())

    (row,) = _ledger(store, ELSEWHERE)
    assert row.prediction.threshold == 0.2
    assert row.evidence.stance is Stance.REFUTES


def test_a_decomposition_is_stored_with_its_parts_metrics_and_files(store: Store):
    config = DecompositionConfig(restarts=1, steps=3, n_subcomponents=6, warm_up_steps=2)

    report = decompose_and_store(store, "tms_5-2", config)

    with reading(store.engine) as session:
        parts = session.exec(select(Subcomponent)).all()
        files = session.exec(select(Artifact.path)).all()
        stored = session.get(Run, report.run)
    assert stored is not None
    assert report.subcomponents == len(parts) == 12
    assert report.alive == sum(part.is_alive for part in parts)
    assert stored.result["metrics"] == report.metrics
    assert all((store.artifacts / path).is_file() for path in files)
    assert {"mmcs", "mmcs_random", "ml2r", "identity_error"} <= set(report.metrics)


def test_the_same_seed_gives_the_same_decomposition(store: Store):
    config = DecompositionConfig(seed=3, restarts=1, steps=3, warm_up_steps=2)

    first = decompose_and_store(store, "tms_5-2", config)
    second = decompose_and_store(store, "tms_5-2", config)

    assert first.metrics == second.metrics


def test_an_unknown_target_records_no_run(store: Store):
    with pytest.raises(UnknownNameError, match="tms_5-2"):
        decompose_and_store(store, "gpt-9", DecompositionConfig())

    with reading(store.engine) as session:
        assert session.exec(select(func.count()).select_from(Run)).one() == 0


def test_an_interrupted_decomposition_leaves_a_failed_run_and_goes_on_when_asked_again(
    store: Store,
):
    def interrupt(done: int, _total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    config = DecompositionConfig(restarts=1, steps=5, warm_up_steps=2, n_objective=100)
    with pytest.raises(KeyboardInterrupt):
        decompose_and_store(store, "tms_5-2", config, interrupt)

    with reading(store.engine) as session:
        assert session.exec(select(Run.status)).all() == [RunStatus.FAILED]
        assert session.exec(select(func.count()).select_from(Subcomponent)).one() == 0
    assert sorted(path.name for path in store.artifacts.iterdir()) == ["targets", "unfinished"]

    seen: list[int] = []
    resumed = decompose_and_store(store, "tms_5-2", config, lambda done, _: seen.append(done))
    whole = decompose_and_store(store, "tms_5-2", config)

    assert seen == [3, 4, 5]
    assert resumed.metrics == whole.metrics
    assert list((store.artifacts / "unfinished").iterdir()) == []


@pytest.fixture
def brief() -> DecompositionConfig:
    return DecompositionConfig(restarts=1, steps=5, warm_up_steps=2, n_objective=100)


def test_what_was_trained_is_measured_later_if_measuring_was_interrupted(
    store: Store, brief: DecompositionConfig, monkeypatch: pytest.MonkeyPatch
):
    def interrupt(*_arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module, "evaluate", interrupt)
        with pytest.raises(KeyboardInterrupt):
            decompose_and_store(store, "tms_5-2", brief)
    seen: list[int] = []
    resumed = decompose_and_store(store, "tms_5-2", brief, lambda done, _: seen.append(done))
    whole = decompose_and_store(store, "tms_5-2", brief)

    assert seen == []
    assert resumed.metrics == whole.metrics
    assert list((store.artifacts / "unfinished").iterdir()) == []


def test_what_a_sweep_took_is_measured_later_if_measuring_was_interrupted(
    store: Store, brief: DecompositionConfig, monkeypatch: pytest.MonkeyPatch
):
    def interrupt(*_arguments):
        raise KeyboardInterrupt

    rule, configs = SweepRule(max_harm=1e9, max_l0=1e9), swept(brief, [0.1])
    with monkeypatch.context() as patch:
        patch.setattr(module, "evaluate", interrupt)
        with pytest.raises(KeyboardInterrupt):
            sweep_and_store(store, "tms_5-2", configs, rule)
    seen: list[int] = []
    sweep_and_store(store, "tms_5-2", configs, rule, lambda done, _: seen.append(done))

    assert seen == []
    assert list((store.artifacts / "unfinished").iterdir()) == []


def test_a_shortage_of_memory_in_measuring_is_said_with_the_sizes(
    store: Store, brief: DecompositionConfig, monkeypatch: pytest.MonkeyPatch
):
    def exhaust(*_arguments):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(module, "evaluate", exhaust)

    with pytest.raises(MemoryShortageError, match=r"C = 20.*more memory is free"):
        decompose_and_store(store, "tms_5-2", brief)


NOWHERE = {"matrices": {"blocs.*": 4}}, r"'blocs\.\*' matches no module"
READS_NOTHING = (
    {"importance": "shared_transformer", "importance_reads": ("blocs.*",)},
    r"importance_reads: 'blocs\.\*' matches none",
)
NO_TOKENS = {"importance": "shared_transformer"}, "every matrix to be applied at the same tokens"


@pytest.mark.parametrize(
    ("target", "asked"),
    [
        *((name, NOWHERE) for name in ("tms_5-2", "storyworld", "mixer", "resid_mlp1")),
        ("storyworld", READS_NOTHING),
        ("tms_5-2", NO_TOKENS),
        ("mixer", NO_TOKENS),
    ],
)
def test_what_does_not_fit_a_target_is_refused_before_it_is_trained(
    store: Store, target: str, asked: tuple[dict, str], monkeypatch: pytest.MonkeyPatch
):
    changes, said = asked
    monkeypatch.setattr(module, "cached_target", refuse_to_train)

    with pytest.raises(SplitError, match=said):
        decompose_and_store(store, target, DecompositionConfig(n_subcomponents=4, **changes))


def refuse_to_train(*_arguments):
    raise AssertionError("it is trained")
