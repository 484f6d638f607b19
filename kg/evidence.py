"""The door for experiments: decompositions, predictions and measurements come in here.

The order is what makes evidence worth having. A prediction is committed in a transaction of
its own before anything is measured; the measurement is stored with the stance that follows
from it by rule; and the run that measured is named. Whoever measures needs nothing else of
the graph than this module.
"""

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Engine, insert
from sqlmodel import Session, col, select

from kg.db import reading, writing
from kg.errors import ConfigError, NotFoundError
from kg.ids import content_id
from kg.runs import recording, run_of, succeed, succeeded_run
from kg.statements import statement_of
from kg.tables import (
    Artifact,
    Evidence,
    Prediction,
    Run,
    RunKind,
    RunStatus,
    Side,
    Stance,
    Subcomponent,
    now,
)


class _Draft(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class SubcomponentDraft(_Draft):
    """A rank-one part of a weight matrix, as it will be listed."""

    matrix: str
    index: int
    mean_importance: float
    is_alive: bool
    norm: float
    top_inputs: list[str] = []


class TrialDraft(_Draft):
    """One coefficient of importance minimality that was tried."""

    minimality: float
    harm: float
    """Error under a fresh adversary, as a share of that with everything ablated."""

    l0: float
    """Mean subcomponents that matter on an input, as a share of the matrices' ranks."""

    passes: bool


class DecompositionDraft(_Draft):
    """What a decomposition found: its parts and how good they are."""

    subcomponents: list[SubcomponentDraft]
    metrics: dict[str, float]
    sweep: list[TrialDraft] = []
    """What was tried to choose the cost of importances, in this order."""

    config: dict[str, Any] | None = None
    """What a sweep chose; None keeps the configuration of the run."""


class PredictionDraft(_Draft):
    """What a statement predicts of a measurement that has not been made yet."""

    statement_id: str
    experiment: str
    side: Side
    threshold: float
    unit: str
    sentence: str


class StatedElsewhere(_Draft):
    """The configuration of a run that states what somebody will measure elsewhere."""

    target: str
    """What it will be measured on, such as a model."""

    by: str
    """Who says so."""


class TakenIn(_Draft):
    """The configuration of a run that takes in what was measured elsewhere."""

    by: str
    """Who records it."""

    file: str
    """The name of the file that says what was measured."""

    sha256: str
    """Of that file."""

    where: str = ""
    """Where the code and the data are, as the file says."""


class ControlDraft(_Draft):
    """The same measurement on something that should not show the effect."""

    name: str
    value: float
    low: float
    high: float
    n: int


class MeasurementDraft(_Draft):
    """A value with its 95 % interval, its controls, and the stance it gives."""

    stance: Stance
    reason: str
    value: float
    low: float
    high: float
    n: int
    unit: str
    controls: list[ControlDraft]
    details: dict[str, float] = {}
    subcomponents: list[str] = []
    """`<matrix>:<index>` of each subcomponent that was touched."""


class StoredDecomposition(NamedTuple):
    """A decomposition that can be measured again."""

    run_id: int
    target: str
    folder: Path
    """Where its tensors are."""


class Store:
    """The part of the graph that experiments may see: a database and a folder of artifacts."""

    def __init__(self, engine: Engine, artifacts: Path) -> None:
        self.engine = engine
        self.artifacts = artifacts

    @contextmanager
    def decomposing(self, method: str, config: BaseModel, seed: int) -> Iterator[tuple[int, Path]]:
        """Record a decomposition run; yields its id and an empty folder for its tensors.

        The folder is removed if the block fails, and so is everything in it.
        """
        with (
            recording(self.engine, RunKind.DECOMPOSITION, method, config, seed) as run_id,
            self._folder(run_id) as folder,
        ):
            yield run_id, folder

    def add_decomposition(self, run_id: int, target: str, draft: DecompositionDraft) -> None:
        """Publish a decomposition with its subcomponents, metrics and the files it wrote."""
        rows = [
            {"id": f"run{run_id}:{part.matrix}:{part.index}", "run_id": run_id, **part.model_dump()}
            for part in draft.subcomponents
        ]
        with writing(self.engine) as session:
            session.execute(insert(Subcomponent), rows)
            self._add_files(session, run_id)
            if draft.config is not None:
                run_of(session, run_id).config = draft.config
            result: dict[str, object] = {"target": target, "metrics": draft.metrics}
            if draft.sweep:
                result["sweep"] = [trial.model_dump() for trial in draft.sweep]
            succeed(session, run_id, result)

    def decomposition(self, run_id: int) -> StoredDecomposition:
        """Return a decomposition that succeeded, with its files checked against their hashes.

        Raises:
            NotFoundError: No such run, or a file of it is missing.
            ConfigError: The run is no decomposition, did not succeed, or a file was changed.
        """
        with reading(self.engine) as session:
            run = succeeded_run(session, run_id, RunKind.DECOMPOSITION, ", not a decomposition")
            files = session.exec(select(Artifact).where(Artifact.run_id == run_id)).all()
        for file in files:
            path = self.artifacts / file.path
            if not path.is_file():
                raise NotFoundError(f"run {run_id} has lost its file {path}: decompose again")
            if hashlib.sha256(path.read_bytes()).hexdigest() != file.sha256:
                raise ConfigError(
                    f"{path} was changed after run {run_id} wrote it: decompose again"
                )
        return StoredDecomposition(run_id, run.result["target"], self.artifacts / f"run{run_id}")

    def statement_text(self, statement_id: str) -> str:
        """Return the words of a statement.

        Raises:
            NotFoundError: No statement has this id.
        """
        with reading(self.engine) as session:
            return statement_of(session, statement_id).text

    @contextmanager
    def experimenting(self, experiment: str, config: BaseModel, seed: int | None) -> Iterator[int]:
        """Record an experiment's run; yields its id."""
        with recording(self.engine, RunKind.EXPERIMENT, experiment, config, seed) as run_id:
            yield run_id

    @contextmanager
    def analysing(self, method: str, config: BaseModel, seed: int) -> Iterator[tuple[int, Path]]:
        """Record an analysis of a decomposition; yields the run's id and a folder for its files.

        The folder is removed if the block fails, and so is everything in it.
        """
        with (
            recording(self.engine, RunKind.EXPERIMENT, method, config, seed) as run_id,
            self._folder(run_id) as folder,
        ):
            yield run_id, folder

    def add_analysis(self, run_id: int, decomposition_run: int, result: dict[str, Any]) -> None:
        """Publish an analysis with the files it wrote; its result names the decomposition."""
        with writing(self.engine) as session:
            self._add_files(session, run_id)
            succeed(session, run_id, {"decomposition": decomposition_run, **result})

    def state(self, draft: PredictionDraft, decomposition_run: int | None, run_id: int) -> str:
        """Commit a prediction, before the measurement; returns its id.

        Args:
            draft: What is predicted.
            decomposition_run: What is going to be measured; None if that happens elsewhere.
            run_id: The run that predicts.
        """
        identifier = content_id("prd", run_id, draft.statement_id, draft.experiment)
        with writing(self.engine) as session:
            statement_of(session, draft.statement_id)
            session.add(
                Prediction(
                    id=identifier,
                    decomposition_run_id=decomposition_run,
                    run_id=run_id,
                    created_at=now(),
                    **draft.model_dump(),
                )
            )
        return identifier

    def open_prediction(self, prediction_id: str) -> Prediction:
        """Return a prediction of what is measured elsewhere and has not been recorded yet.

        Raises:
            NotFoundError: There is no such prediction.
            ConfigError: It is of a measurement made here, or has been recorded.
        """
        with reading(self.engine) as session:
            prediction = session.get(Prediction, prediction_id)
            if prediction is None:
                raise NotFoundError(
                    f"there is no prediction {prediction_id}; `claimgraph predictions` lists those "
                    "that wait for a measurement"
                )
            found = session.exec(select(Evidence).where(Evidence.prediction_id == prediction_id))
            evidence = found.first()
        if prediction.decomposition_run_id is not None:
            raise ConfigError(
                f"{prediction_id} is of a measurement that claimgraph makes itself, with "
                "`claimgraph test`"
            )
        if evidence is not None:
            raise ConfigError(
                f"{prediction_id} was measured on {evidence.created_at} ({evidence.id}); for "
                "another measurement state another prediction, before it is made"
            )
        return prediction

    def attach(self, prediction_id: str, draft: MeasurementDraft, run_id: int | None = None) -> str:
        """Attach a measurement to the statement whose prediction it tests; returns its id.

        Args:
            prediction_id: The prediction.
            draft: What was measured, and how it was judged.
            run_id: The run that measured; None if it is the one that predicted.
        """
        with writing(self.engine) as session:
            prediction = session.get(Prediction, prediction_id)
            if prediction is None:
                raise NotFoundError(f"there is no prediction {prediction_id}")
            run_id = prediction.run_id if run_id is None else run_id
            identifier = content_id("evd", prediction_id)
            subcomponents = [
                f"run{prediction.decomposition_run_id}:{name}" for name in draft.subcomponents
            ]
            fields: dict[str, Any] = draft.model_dump() | {"subcomponents": subcomponents}
            session.add(
                Evidence(
                    id=identifier,
                    statement_id=prediction.statement_id,
                    prediction_id=prediction_id,
                    run_id=run_id,
                    created_at=now(),
                    **fields,
                )
            )
            session.flush()
            succeed(session, run_id, {"evidence": identifier, "stance": draft.stance})
        return identifier

    @contextmanager
    def _folder(self, run_id: int) -> Iterator[Path]:
        folder = self.artifacts / f"run{run_id}"
        folder.mkdir(parents=True)
        try:
            yield folder
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise

    def _add_files(self, session: Session, run_id: int) -> None:
        folder = self.artifacts / f"run{run_id}"
        files = [
            {
                "run_id": run_id,
                "path": path.relative_to(self.artifacts).as_posix(),
                "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            }
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        ]
        session.execute(insert(Artifact), files)


class Analysis(NamedTuple):
    """What was found out about a decomposition after it was made."""

    run: Run
    files: list[str]
    """Paths in the folder of artifacts."""


def analyses_of(session: Session, decomposition_run: int) -> list[Analysis]:
    """Return the analyses of a decomposition that succeeded, oldest first."""
    runs = session.exec(
        select(Run)
        .where(Run.kind == RunKind.EXPERIMENT, Run.status == RunStatus.SUCCEEDED)
        .order_by(col(Run.id))
    ).all()
    found = [run for run in runs if run.result.get("decomposition") == decomposition_run]
    paths: dict[int, list[str]] = {}
    wanted = col(Artifact.run_id).in_([run.id for run in found])
    for file in session.exec(select(Artifact).where(wanted).order_by(col(Artifact.path))):
        paths.setdefault(file.run_id, []).append(file.path)
    return [Analysis(run, paths.get(run.id or 0, [])) for run in found]


def subcomponents_of(session: Session, run_id: int) -> list[Subcomponent]:
    """Return the subcomponents of a decomposition, by matrix and index.

    Raises:
        NotFoundError: There is no such run.
    """
    run_of(session, run_id)
    rows = session.exec(
        select(Subcomponent)
        .where(Subcomponent.run_id == run_id)
        .order_by(col(Subcomponent.matrix), col(Subcomponent.index))
    )
    return list(rows)
