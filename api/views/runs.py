"""Runs: what was executed, how it was configured, and how it ended."""

from typing import Any

from pydantic import RootModel
from sqlalchemy import func
from sqlmodel import Session, col, select

from api.views.view import SourceName, StatementName, View, statement_name
from kg.errors import ConfigError
from kg.ledgers import evidence_by_run
from kg.runs import active_runs, run_of, succeeded_run
from kg.sources import sources_read_by
from kg.tables import Run, RunKind, RunStatus, Stance


class RunView(View):
    """One execution of one method."""

    id: int
    kind: RunKind
    method: str
    status: RunStatus
    is_active: bool
    """It is the clustering that is shown of its method: the latest that succeeded."""

    target: str | None
    """The network that was taken apart or measured, if one was."""

    seed: int | None
    started_at: str
    finished_at: str | None
    error: str | None
    """Why it failed, if it did."""

    result: dict[str, Any]
    """What the run reports of itself: counts, modularity, seconds, metrics."""


class VerdictView(View):
    """A measurement and the statement that it speaks about, without the numbers."""

    id: str
    stance: Stance
    experiment: str
    is_withdrawn: bool
    """It does not count."""

    run: int
    """The run that measured."""

    statement: StatementName


class RunDetailView(RunView):
    """One execution with everything that is needed to repeat it, and what came of it."""

    sources: list[SourceName]
    """What it read, unless a later run has read it again; by title."""

    verdicts: list[VerdictView]
    """What it predicted and measured, or what was measured on it, oldest first."""

    config: dict[str, Any]
    """The whole configuration, defaults included."""

    code_version: str
    library_versions: dict[str, str]


class RunsView(RootModel[list[RunView]]):
    """Runs, newest first."""


def count_runs(session: Session) -> int:
    """Return how many runs there are."""
    return session.exec(select(func.count()).select_from(Run)).one()


def runs_view(session: Session, limit: int | None = None, offset: int = 0) -> RunsView:
    """Return the runs, newest first: all of them, or a stretch of the list."""
    rows = session.exec(select(Run).order_by(col(Run.id).desc()).limit(limit).offset(offset))
    active = _active(session)
    return RunsView([RunView.model_validate(_fields(row, RunView, active)) for row in rows])


def run_view(session: Session, run_id: int) -> RunDetailView:
    """Return one run with its configuration.

    Raises:
        NotFoundError: No run has this number.
    """
    run = run_of(session, run_id)
    read = [SourceName(id=each.id, title=each.title) for each in sources_read_by(session, run_id)]
    return RunDetailView.model_validate(
        {
            **_fields(run, RunDetailView, _active(session)),
            "sources": read,
            "verdicts": _verdicts(session, run_id),
        }
    )


def clusterings(session: Session, method: str | None = None, run: int | None = None) -> list[Run]:
    """Return the clusterings that are asked for: the active ones, by method, unless one is named.

    Args:
        session: A session to read with.
        method: Only this method's.
        run: This one, superseded or not.

    Raises:
        NotFoundError: No run has this number.
        ConfigError: It is no clustering, did not succeed, or is of another method; or there is no
            such method, or it has not been run.
    """
    if run is not None:
        found = succeeded_run(session, run, RunKind.CLUSTERING, ": it has no communities")
        if method not in {None, found.method}:
            raise ConfigError(f"run {run} is of {found.method}, not of {method}")
        return [found]
    runs = active_runs(session, RunKind.CLUSTERING)
    if method is None:
        return runs
    if not any(each.method == method for each in runs):
        raise ConfigError(_why_no_run(method))
    return [each for each in runs if each.method == method]


def _verdicts(session: Session, run_id: int) -> list[VerdictView]:
    return [
        VerdictView(
            id=evidence.id,
            stance=evidence.stance,
            experiment=prediction.experiment,
            is_withdrawn=evidence.withdrawn_at is not None,
            run=evidence.run_id,
            statement=statement_name(statement),
        )
        for evidence, prediction, statement in evidence_by_run(session, run_id)
    ]


def _why_no_run(method: str) -> str:
    from kg.clustering import METHODS  # needs igraph, which a page that finds its run does not

    if method in METHODS:
        return f"{method} has not been run: run `claimgraph cluster --method {method}` first"
    return f"there is no method {method}: the methods are {', '.join(sorted(METHODS))}"


def _active(session: Session) -> set[int | None]:
    return {run.id for run in active_runs(session, RunKind.CLUSTERING)}


def _fields(run: Run, view: type[RunView], active: set[int | None]) -> dict[str, Any]:
    fields = run.model_dump(include=set(view.model_fields))
    target = run.result.get("target") or run.config.get("target")
    target = target if isinstance(target, str) else None
    return {**fields, "is_active": run.id in active, "target": target}
