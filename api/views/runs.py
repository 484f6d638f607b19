"""Runs: what was executed, how it was configured, and how it ended."""

from typing import Any

from pydantic import RootModel
from sqlalchemy import func
from sqlmodel import Session, col, select

from api.views.view import View
from kg.runs import run_of
from kg.tables import Run, RunKind, RunStatus


class RunView(View):
    """One execution of one method."""

    id: int
    kind: RunKind
    method: str
    status: RunStatus
    seed: int | None
    started_at: str
    finished_at: str | None
    error: str | None
    """Why it failed, if it did."""

    result: dict[str, Any]
    """What the run reports of itself: counts, modularity, seconds, metrics."""


class RunDetailView(RunView):
    """One execution with everything that is needed to repeat it."""

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
    return RunsView([RunView.model_validate(_fields(row, RunView)) for row in rows])


def run_view(session: Session, run_id: int) -> RunDetailView:
    """Return one run with its configuration.

    Raises:
        NotFoundError: No run has this number.
    """
    return RunDetailView.model_validate(_fields(run_of(session, run_id), RunDetailView))


def _fields(run: Run, view: type[RunView]) -> dict[str, Any]:
    return run.model_dump(include=set(view.model_fields))
