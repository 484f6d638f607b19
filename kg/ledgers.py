"""What experiments said to statements: ledgers, what waits to be measured, what counts."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, Engine, func, or_
from sqlmodel import Session, col, select

from kg.db import writing
from kg.errors import ConfigError, NotFoundError
from kg.runs import run_of
from kg.statements import statement_of
from kg.tables import Evidence, Prediction, Run, Stance, Statement, now


class EvidenceRow(NamedTuple):
    """One entry of a statement's ledger."""

    evidence: Evidence
    prediction: Prediction
    predicted_by: Run
    measured_by: Run
    """The same run, where claimgraph measured; otherwise the one that took it in."""

    decomposition: Run | None
    """None where something else was measured, elsewhere."""


def evidence_of(session: Session, statement_id: str) -> list[EvidenceRow]:
    """Return the ledger of a statement, oldest entry first.

    Raises:
        NotFoundError: No statement has this id.
    """
    statement_of(session, statement_id)
    rows = session.exec(
        select(Evidence, Prediction)
        .join(Prediction, col(Prediction.id) == Evidence.prediction_id)
        .where(Evidence.statement_id == statement_id)
        .order_by(col(Evidence.run_id))
    )
    return [
        EvidenceRow(
            evidence,
            prediction,
            run_of(session, prediction.run_id),
            run_of(session, evidence.run_id),
            None
            if prediction.decomposition_run_id is None
            else run_of(session, prediction.decomposition_run_id),
        )
        for evidence, prediction in rows
    ]


def evidence_by_run(session: Session, run_id: int) -> list[tuple[Evidence, Prediction, Statement]]:
    """Return what a run predicted and measured, or what was measured on it.

    The oldest is first.
    """
    runs = (Evidence.run_id, Prediction.run_id, Prediction.decomposition_run_id)
    query = (
        select(Evidence, Prediction, Statement)
        .join(Prediction, col(Prediction.id) == Evidence.prediction_id)
        .join(Statement, col(Statement.id) == Evidence.statement_id)
        .where(or_(*(col(each) == run_id for each in runs)))
        .order_by(col(Evidence.run_id), col(Evidence.id))
    )
    return list(session.exec(query))


def open_predictions(
    session: Session, statement_id: str | None = None
) -> list[tuple[Prediction, Run]]:
    """Return predictions of what is measured elsewhere and was not recorded yet, oldest first.

    Args:
        session: Where to look.
        statement_id: Only those of this statement.
    """
    query = (
        select(Prediction, Run)
        .join(Run, col(Run.id) == Prediction.run_id)
        .where(col(Prediction.decomposition_run_id).is_(None))
        .where(col(Prediction.id).not_in(select(Evidence.prediction_id)))
        .order_by(col(Prediction.run_id))
    )
    if statement_id is not None:
        query = query.where(Prediction.statement_id == statement_id)
    return list(session.exec(query))


def statements_tested(session: Session, stance: Stance | None = None) -> list[str]:
    """Return the statements that were tested, that of the latest measurement first, then by id.

    Args:
        session: Where to look.
        stance: Only those of which some measurement that counts came out so.
    """
    latest = func.max(Evidence.run_id)
    query = select(Evidence.statement_id).group_by(Evidence.statement_id)
    if stance is not None:
        query = query.where(Evidence.stance == stance, _counts())
    return list(session.exec(query.order_by(latest.desc(), col(Evidence.statement_id))))


def stances_of(session: Session, statement_ids: Sequence[str]) -> dict[str, dict[str, int]]:
    """Return how often measurements support, refute, or say nothing about each statement.

    Statements without evidence are left out, and measurements that were withdrawn.
    """
    wanted = set(statement_ids)
    counts: dict[str, dict[str, int]] = {}
    rows = select(Evidence.statement_id, Evidence.stance).where(_counts())
    for statement, stance in session.exec(rows):
        if statement in wanted:
            tally = counts.setdefault(statement, dict.fromkeys((s.value for s in Stance), 0))
            tally[str(stance)] += 1
    return counts


def withdraw(engine: Engine, evidence_id: str, by: str, because: str) -> None:
    """Say that a measurement does not count; it stays in its ledger, with who said so, and why.

    Raises:
        NotFoundError: There is no such evidence.
        ConfigError: It was withdrawn before, or no reason is given.
    """
    if not because.strip():
        raise ConfigError("say why it does not count")
    with writing(engine) as session:
        evidence = _evidence(session, evidence_id)
        if evidence.withdrawn_at is not None:
            raise ConfigError(
                f"{evidence_id} was withdrawn on {evidence.withdrawn_at} by "
                f"{evidence.withdrawn_by}: {evidence.withdrawn_because}"
            )
        evidence.withdrawn_at, evidence.withdrawn_by = now(), by
        evidence.withdrawn_because = because.strip()


def reinstate(engine: Engine, evidence_id: str) -> None:
    """Let a measurement that was withdrawn count again.

    Raises:
        NotFoundError: There is no such evidence.
        ConfigError: It was not withdrawn.
    """
    with writing(engine) as session:
        evidence = _evidence(session, evidence_id)
        if evidence.withdrawn_at is None:
            raise ConfigError(f"{evidence_id} counts: it was not withdrawn")
        evidence.withdrawn_at, evidence.withdrawn_by, evidence.withdrawn_because = None, "", ""


def _evidence(session: Session, evidence_id: str) -> Evidence:
    evidence = session.get(Evidence, evidence_id)
    if evidence is None:
        raise NotFoundError(f"there is no evidence {evidence_id}: `claimgraph evidence` lists it")
    return evidence


def _counts() -> ColumnElement[bool]:
    return col(Evidence.withdrawn_at).is_(None)
