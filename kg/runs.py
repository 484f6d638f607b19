"""One row per execution: what ran, how it was configured, and how it ended.

`recording` stores the row before the work begins and closes it however the block ends. A
run whose process died cannot close its own row; `close_abandoned` does it for it as soon
as anyone opens the database, which is safe because the writer's lock goes with the process.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version

from pydantic import BaseModel
from sqlalchemy import Engine
from sqlalchemy.exc import DatabaseError as SqlError
from sqlmodel import Session, col, select, update

from kg.db import LARGEST, failure_of, reading, writer, writing
from kg.errors import ConfigError, DatabaseError, NotFoundError
from kg.tables import Run, RunKind, RunStatus, now

_LIBRARIES = (
    "igraph",
    "leidenalg",
    "networkx",
    "numpy",
    "pypdfium2",
    "sentence-transformers",
    "sqlmodel",
    "torch",
)


@contextmanager
def recording(
    engine: Engine, kind: RunKind, method: str, config: BaseModel, seed: int | None = None
) -> Iterator[int]:
    """Record a run around a block; yields its id.

    The run succeeds when the block ends, unless the block has said so itself with
    `succeed`, in the transaction that publishes its rows. Any exception, Ctrl-C included,
    marks it as failed and goes on to the caller.
    """
    with writer(engine):
        with writing(engine) as session:
            run = Run(
                kind=kind,
                method=method,
                status=RunStatus.RUNNING,
                config=config.model_dump(mode="json"),
                code_version=_version_of("claimgraph"),
                library_versions={name: _version_of(name) for name in _LIBRARIES},
                seed=seed,
                started_at=now(),
            )
            session.add(run)
            session.flush()
            run_id = run.id
        assert run_id is not None
        try:
            yield run_id
        except BaseException as error:
            with writing(engine) as session:
                _close(session, run_id, RunStatus.FAILED, error=_words(error))
            raise
        with writing(engine) as session:
            if run_of(session, run_id).status is RunStatus.RUNNING:
                _close(session, run_id, RunStatus.SUCCEEDED)


def succeed(session: Session, run_id: int, result: dict[str, object]) -> None:
    """Publish a run: its rows become visible in the same transaction, or not at all."""
    run = run_of(session, run_id)
    run.result = result
    session.add(run)
    session.flush()
    _close(session, run_id, RunStatus.SUCCEEDED)


def close_abandoned(engine: Engine) -> int:
    """Mark runs whose process died as failed; returns how many.

    Nothing happens while another process writes: its run is not abandoned.
    """
    with reading(engine) as session:
        if not session.exec(select(Run.id).where(Run.status == RunStatus.RUNNING)).first():
            return 0
    try:
        with writing(engine) as session:
            closed = session.exec(
                update(Run)
                .where(col(Run.status) == RunStatus.RUNNING)
                .values(
                    status=RunStatus.FAILED,
                    finished_at=now(),
                    error="the process ended before the run did",
                )
            )
            return int(closed.rowcount)
    except DatabaseError:
        return 0


def run_of(session: Session, run_id: int) -> Run:
    """Return a run.

    Raises:
        NotFoundError: No run has this number.
    """
    run = session.get(Run, run_id) if abs(run_id) <= LARGEST else None
    if run is None:
        raise NotFoundError(f"there is no run {run_id}: `claimgraph runs` lists them")
    return run


def succeeded_run(session: Session, run_id: int, kind: RunKind, otherwise: str) -> Run:
    """Return a run of this kind that succeeded.

    Args:
        session: Where to read.
        run_id: Its number.
        kind: What it has to be.
        otherwise: What to say of a run of another kind, after naming it.

    Raises:
        NotFoundError: No run has this number.
        ConfigError: It is of another kind, or did not succeed.
    """
    run = run_of(session, run_id)
    if run.kind is not kind:
        raise ConfigError(f"run {run_id} is a run of {run.kind.value}{otherwise}")
    if run.status is not RunStatus.SUCCEEDED:
        raise ConfigError(f"run {run_id} did not succeed: {run.error or run.status.value}")
    return run


def noted_in_runs(session: Session, kind: RunKind, name: str) -> dict[str, str]:
    """Return what the runs of a kind noted under a name, the latest of each thing they noted."""
    runs = session.exec(
        select(Run.result)
        .where(Run.kind == kind, Run.status == RunStatus.SUCCEEDED)
        .order_by(col(Run.id))
    )
    noted: dict[str, str] = {}
    for result in runs:
        noted |= result.get(name, {})
    return noted


def active_run(session: Session, kind: RunKind, method: str) -> Run | None:
    """Return the latest run of a method that succeeded, or None if there is none."""
    return session.exec(
        select(Run)
        .where(Run.kind == kind, Run.method == method, Run.status == RunStatus.SUCCEEDED)
        .order_by(col(Run.id).desc())
    ).first()


def active_runs(session: Session, kind: RunKind) -> list[Run]:
    """Return the active run of every method of a kind, by method."""
    runs = session.exec(
        select(Run).where(Run.kind == kind, Run.status == RunStatus.SUCCEEDED).order_by(col(Run.id))
    )
    latest = {run.method: run for run in runs}
    return [latest[method] for method in sorted(latest)]


def _close(session: Session, run_id: int, status: RunStatus, error: str | None = None) -> None:
    session.exec(
        update(Run)
        .where(col(Run.id) == run_id)
        .values(status=status, finished_at=now(), error=error)
    )


def _words(error: BaseException) -> str:
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    if isinstance(error, SqlError):
        return failure_of(error)
    return f"{type(error).__name__}: {error}"


def _version_of(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "not installed"
