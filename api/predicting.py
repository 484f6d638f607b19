"""Predictions of measurements that are made elsewhere, and what came out of them."""

import hashlib
from pathlib import Path
from typing import Literal, NamedTuple

from sqlalchemy import Engine

from api.jobs import check_threshold, verdict_of
from api.views.evidence import WaitingView, waiting_view
from api.views.reports import AttachedView
from kg.db import reading
from kg.errors import ConfigError
from kg.evidence import PredictionDraft, StatedElsewhere, Store, TakenIn
from kg.statements import statement_of
from kg.tables import Side

MAX_NAME = 200
"""Characters of the name of an experiment, of what it is made on, and of a unit."""

MAX_BYTES = 10_000_000
"""Of a file that says what was measured."""


class Stated(NamedTuple):
    """What somebody says that a statement predicts."""

    statement: str
    experiment: str
    target: str
    unit: str
    side: Literal["above", "below"]
    threshold: float
    because: str
    by: str


def state_prediction(engine: Engine, artifacts: Path, stated: Stated) -> WaitingView:
    """Store a prediction of a measurement that is made elsewhere.

    Raises:
        NotFoundError: There is no such statement.
        ConfigError: Claimgraph makes that measurement itself.
    """
    from decomposition.errors import DecompositionError
    from decomposition.evidence import predict_elsewhere

    _check(stated)
    sentence = (
        f"As stated by hand, if it is true the {stated.unit}, measured by {stated.experiment} on "
        f"{stated.target}, lies {stated.side} {stated.threshold:g}."
    )
    draft = PredictionDraft(
        statement_id=stated.statement,
        experiment=stated.experiment,
        side=Side(stated.side),
        threshold=stated.threshold,
        unit=stated.unit,
        sentence=f"{sentence} {stated.because}".strip(),
    )
    about = StatedElsewhere(target=stated.target, by=stated.by)
    with reading(engine) as session:
        statement_of(session, stated.statement)
    try:
        prediction = predict_elsewhere(Store(engine, artifacts), draft, about)
    except DecompositionError as error:
        raise ConfigError(str(error)) from error
    with reading(engine) as session:
        waiting = waiting_view(session, stated.statement).root
    return next(view for view in waiting if view.id == prediction)


def _check(stated: Stated) -> None:
    check_threshold(stated.threshold)
    named = {"--experiment": stated.experiment, "--on": stated.target, "--unit": stated.unit}
    for option, text in named.items():
        if not text.strip():
            raise ConfigError(f"{option} is empty: say what it is")
        if len(text) > MAX_NAME or not text.isprintable():
            raise ConfigError(f"{option} is a name of one line, at most {MAX_NAME} characters")


def record_measurement(
    engine: Engine, artifacts: Path, prediction: str, file: Path, by: str
) -> AttachedView:
    """Attach what a file says was measured, judged by the rule, to the statement that predicted it.

    Raises:
        ConfigError: The file cannot be read or does not say what was measured, or it is no open
            prediction of a measurement elsewhere; nothing is stored.
        NotFoundError: There is no such prediction.
    """
    from decomposition.errors import DecompositionError
    from decomposition.evidence import record_outcome

    text = _read(file)
    taken = TakenIn(by=by, file=file.name, sha256=hashlib.sha256(text).hexdigest())
    try:
        evidence = record_outcome(Store(engine, artifacts), prediction, text, taken)
    except DecompositionError as error:
        raise ConfigError(str(error)) from error
    return verdict_of(engine, evidence)


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            text = opened.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror}") from error
    if len(text) > MAX_BYTES:
        raise ConfigError(f"{file} has more than {MAX_BYTES // 1_000_000} MB: give means instead")
    return text
