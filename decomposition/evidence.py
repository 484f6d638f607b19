"""From a decomposition to evidence on a claim: the only place where the graph is touched.

`decompose_and_store` trains a target, decomposes it and stores what was found.
`measure_statement` reads from a statement what it predicts, has the prediction committed, only
then measures, judges by rule, and attaches the result. `predict_elsewhere` and `record_outcome` are
its two halves for what somebody measures elsewhere. `analyse_and_store` keeps what was found out
about a decomposition as a run of its own.
"""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel

from decomposition.assisting import send_target
from decomposition.checkpoints import load, save
from decomposition.config import METHOD, DecompositionConfig
from decomposition.errors import PredictionError
from decomposition.experiments import EXPERIMENTS, ExperimentConfig, Measured, find_experiment
from decomposition.harvest import HarvestConfig, SubcomponentSummary, harvest
from decomposition.interchange import Onto, export_decomposition, import_decomposition
from decomposition.language_metrics import LanguageMetricsConfig, language_metrics
from decomposition.limits import OF_METRICS, check_choice, memory_shortage_explained
from decomposition.measurements import Side
from decomposition.metrics import MetricsConfig, evaluate
from decomposition.outcomes import as_measured, read_outcome
from decomposition.predictions import Prediction, Verdict, judge, predict
from decomposition.reports import AnalysisConfig
from decomposition.settling import VitalSigns
from decomposition.sweeping import SweepRule, Trial, forget, sweep
from decomposition.targets import SkilledTarget, Target, TokenTarget, find_recipe
from decomposition.targets.cache import cached_target
from decomposition.threads import one_thread
from decomposition.training import Decomposition, decompose
from kg.evidence import (
    ControlDraft,
    DecompositionDraft,
    MeasurementDraft,
    PredictionDraft,
    StatedElsewhere,
    Store,
    SubcomponentDraft,
    TakenIn,
    TrialDraft,
)

OnProgress = Callable[[int, int], None]


class DecompositionReport(NamedTuple):
    """What a decomposition found."""

    run: int
    target: str
    method: str
    subcomponents: int
    alive: int
    metrics: dict[str, float]
    seconds: float


class Question(NamedTuple):
    """What is to be tested, and on what."""

    statement_id: str
    experiment: str
    decomposition_run: int
    side: Side | None = None
    """What the statement predicts; None reads it from the statement's words."""

    threshold: float | None = None
    """Of what value; None takes the experiment's own."""


def decompose_and_store(
    store: Store,
    target: str,
    config: DecompositionConfig,
    on_progress: OnProgress | None = None,
    on_signs: Callable[[VitalSigns, str], None] | None = None,
) -> DecompositionReport:
    """Train a target, decompose it, and store the run with its subcomponents and tensors.

    Other processes of this program's group, if there are any, `assist`.

    Until it is stored the state of its training lies under `unfinished` in the artifacts, and the
    next one of the same target and configuration goes on from there.

    Raises:
        DecompositionError: There is no such target, or it could not be trained or decomposed;
            nothing but a failed run is stored.
    """
    check_choice(find_recipe(target), config)
    with one_thread(), store.decomposing(METHOD, config, config.seed) as (run, folder):
        trained = cached_target(target, config.seed, store.artifacts / "targets")
        send_target(trained)
        state = store.artifacts / "unfinished" / f"{_key(target, config)}.safetensors"
        decomposition = decompose(trained, config, on_progress, state, on_signs)
        report = _publish(store, run, folder, decomposition)
        state.unlink(missing_ok=True)
        return report


def sweep_and_store(
    store: Store,
    target: str,
    configs: Sequence[DecompositionConfig],
    rule: SweepRule,
    on_progress: OnProgress | None = None,
) -> tuple[DecompositionReport, list[Trial]]:
    """Choose the coefficient of importance minimality by the rule, and store what it gives.

    The run has the configuration that was taken. An interrupted sweep goes on where it was.

    Args:
        store: Where it goes.
        target: Its name.
        configs: To choose from, as `sweeping.swept` returns them.
        rule: What has to be reached, and which is taken of those that do.
        on_progress: Called with the steps done and the steps to do, of all.

    Raises:
        DecompositionError: No coefficient keeps the rule, or the target could not be trained or
            decomposed; nothing but a failed run is stored.
    """
    check_choice(find_recipe(target), configs[0])
    seed = configs[0].seed
    with one_thread(), store.decomposing(METHOD, configs[0], seed) as (run, folder):
        trained = cached_target(target, seed, store.artifacts / "targets")
        states = store.artifacts / "unfinished"
        found = sweep(trained, configs, rule, on_progress, states)
        report = _publish(store, run, folder, found.decomposition, found.trials)
        forget(trained, configs, rule, states)
        return report, found.trials


def import_and_store(
    store: Store, path: Path, target: str | None, seed: int, *, needs_importances: bool = True
) -> DecompositionReport:
    """Store a decomposition from a file as a run, measured like any other.

    Args:
        store: Where it goes.
        path: What `interchange.import_decomposition` reads.
        target: The target to put it onto, by name; None for a folder that brings its own.
        seed: Of that target.
        needs_importances: Otherwise directions alone are taken where no importances can be read.

    Raises:
        DecompositionError: It cannot be read, or does not fit; nothing but a failed run is stored.
    """
    onto = None
    if target is not None:
        trained = cached_target(target, seed, store.artifacts / "targets")
        onto = Onto(trained, needs_importances)
    decomposition = import_decomposition(path, onto)
    method = f"{METHOD}-imported"
    with one_thread(), store.decomposing(method, decomposition.config, seed) as (run, folder):
        return _publish(store, run, folder, decomposition)


def export_stored(
    store: Store, decomposition_run: int, folder: Path, mean_importance: Mapping[str, float]
) -> list[Path]:
    """Write a stored decomposition for other programs; returns the files.

    Raises:
        DecompositionError: One of the files exists already.
    """
    stored = store.decomposition(decomposition_run)
    return export_decomposition(load(stored.folder, "cpu"), folder, mean_importance)


def _publish(
    store: Store,
    run: int,
    folder: Path,
    decomposition: Decomposition,
    trials: Sequence[Trial] = (),
) -> DecompositionReport:
    """Store a decomposition with its metrics and files, and report it."""
    target = decomposition.target
    with memory_shortage_explained(target, decomposition.config, OF_METRICS):
        metrics, summaries = _described(decomposition)
    if isinstance(decomposition.target, SkilledTarget):
        skills = decomposition.target.skills
        metrics |= {f"target_{skill}": share for skill, share in skills.items()}
    save(decomposition, folder)
    parts = [
        SubcomponentDraft(
            matrix=summary.matrix,
            index=summary.index,
            mean_importance=summary.mean_importance,
            is_alive=summary.alive,
            norm=summary.norm,
            top_inputs=[_named(target, feature) for feature in summary.top_inputs],
        )
        for summary in summaries
    ]
    draft = DecompositionDraft(
        subcomponents=parts,
        metrics=metrics,
        sweep=[TrialDraft(**trial._asdict()) for trial in trials],
        config=decomposition.config.model_dump(mode="json") if trials else None,
    )
    store.add_decomposition(run, target.name, draft)
    return DecompositionReport(
        run=run,
        target=target.name,
        method=METHOD,
        subcomponents=len(parts),
        alive=sum(part.is_alive for part in parts),
        metrics=metrics,
        seconds=decomposition.seconds,
    )


def _described(
    decomposition: Decomposition,
) -> tuple[dict[str, float], list[SubcomponentSummary]]:
    """Return the metrics that fit the target, and all subcomponents."""
    seed = decomposition.config.seed
    if isinstance(decomposition.target, TokenTarget):
        language = LanguageMetricsConfig(seed=seed)
        counted = HarvestConfig(n=language.n_census, density_threshold=language.threshold)
        return language_metrics(decomposition, language), harvest(decomposition, counted)
    config = MetricsConfig(seed=seed)
    return evaluate(decomposition, config), harvest(decomposition, config.harvest)


def analyse_and_store(
    store: Store,
    decomposition_run: int,
    method: str,
    config: AnalysisConfig,
    find: Callable[[Decomposition, Path], BaseModel],
) -> int:
    """Find something out about a stored decomposition and store it as a run of its own.

    Args:
        store: Where the decomposition is and the result goes.
        decomposition_run: The run that made the decomposition.
        method: What kind of analysis it is; also the name of the file, `METHOD.json`.
        config: What decides the result.
        find: Given the decomposition and an empty folder for files, returns what was found.

    Returns:
        The id of the run.

    Raises:
        DecompositionError: It could not be found out; nothing but a failed run is stored.
    """
    stored = store.decomposition(decomposition_run)
    with one_thread(), store.analysing(method, config, config.seed) as (run, folder):
        found = find(load(stored.folder), folder)
        path = folder / f"{method}.json"
        path.write_text(found.model_dump_json(indent=2) + "\n", encoding="utf-8")
        store.add_analysis(run, decomposition_run, {"target": stored.target})
    return run


def _key(target: str, config: DecompositionConfig) -> str:
    """Name a training state; a target's own name may be a path."""
    digest = hashlib.sha256(f"{target}\n{config.model_dump_json()}".encode()).hexdigest()[:16]
    return f"{re.sub(r'[^A-Za-z0-9_-]+', '-', target)[:40]}-{digest}"


def _named(target: Target, feature: int) -> str:
    return target.words[feature] if isinstance(target, TokenTarget) else f"feature {feature}"


def measure_statement(store: Store, question: Question, config: ExperimentConfig) -> str:
    """Test a statement on a stored decomposition; returns the id of the evidence.

    The prediction is committed before anything is measured.

    Raises:
        DecompositionError: There is no such experiment, it cannot speak about this target, or
            the statement does not say what it predicts.
    """
    experiment = find_experiment(question.experiment)
    stored = store.decomposition(question.decomposition_run)
    prediction = predict(
        question.statement_id,
        store.statement_text(question.statement_id),
        experiment,
        question.side,
        question.threshold,
    )
    decomposition = load(stored.folder, "cpu")
    with one_thread(), store.experimenting(experiment.name, config, config.seed) as run:
        prediction_id = store.state(
            PredictionDraft.model_validate(vars(prediction)), stored.run_id, run
        )
        measured = experiment.run(decomposition, config)
        return store.attach(prediction_id, _draft(measured, judge(prediction, measured)))


def predict_elsewhere(store: Store, draft: PredictionDraft, stated: StatedElsewhere) -> str:
    """Store what a statement predicts of a measurement that somebody makes elsewhere.

    Args:
        store: Where it goes.
        draft: The prediction.
        stated: On what it will be measured, and who says so.

    Returns:
        The id of the prediction.

    Raises:
        PredictionError: The experiment is one that claimgraph makes itself.
    """
    if draft.experiment in EXPERIMENTS:
        raise PredictionError(
            f"{draft.experiment} is measured here, by `claimgraph test`; give what you measure "
            "yourself a name of its own"
        )
    with store.experimenting(draft.experiment, stated, None) as run:
        return store.state(draft, None, run)


def record_outcome(store: Store, prediction_id: str, text: bytes, taken: TakenIn) -> str:
    """Attach what was measured elsewhere, judged by the rule; returns the id of the evidence.

    Args:
        store: Where the prediction is.
        prediction_id: What was predicted.
        text: The file that says what was measured; see `outcomes`.
        taken: Who records it, from where.

    Raises:
        DecompositionError: The file does not say what was measured. Nothing is stored.
    """
    outcome = read_outcome(text, taken.file)
    stored = store.open_prediction(prediction_id)
    prediction = Prediction(
        stored.statement_id,
        stored.experiment,
        stored.side.value,
        stored.threshold,
        stored.unit,
        stored.sentence,
    )
    measured = as_measured(outcome, stored.experiment, stored.unit)
    taken = taken.model_copy(update={"where": outcome.where})
    with store.experimenting(stored.experiment, taken, None) as run:
        draft = _draft(measured, judge(prediction, measured))
        return store.attach(prediction_id, draft, run)


def _draft(measured: Measured, verdict: Verdict) -> MeasurementDraft:
    return MeasurementDraft.model_validate(
        {
            "stance": verdict.stance,
            "reason": verdict.reason,
            "value": measured.value,
            "low": measured.low,
            "high": measured.high,
            "n": measured.n,
            "unit": measured.unit,
            "controls": [ControlDraft.model_validate(vars(c)) for c in measured.controls],
            "details": measured.details,
            "subcomponents": list(measured.subcomponents),
        }
    )
