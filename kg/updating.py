"""New statements join the communities that stand, without a new run.

A full run of the same method moves an eighth of the old statements for no reason: many partitions
are nearly as good. An update amends the active run in place instead. What is new is tied to its
neighbours (`kg.graph_updates`), only statements whose ties changed may move (`kg.placing`), and the
tree is put in order (`kg.community_tree`). An update is a run of its own, written down so that it
can be taken back to the byte (`kg.journal`); if what changed is just what earlier updates did the
other way round, they are taken back and nothing is computed.

A community that stands is neither split nor merged by an update, so with many of them the partition
falls behind what a full run would find. How far is estimated whenever another hundredth of the
statements has come or gone: one more Leiden iteration over the whole graph, from the memberships as
they are. If that gains more than `max_loss`, or a tenth of the statements have changed, the run
has *drifted*, and it is said that a full run is due.
"""

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import NamedTuple, TypedDict

import numpy as np
from pydantic import BaseModel, ConfigDict
from sqlalchemy import Engine
from sqlmodel import Session

from kg.amending import (
    BESIDE_FROM,
    Stand,
    Where,
    arrived,
    change_of,
    concept_ties,
    graph_config,
    material_for,
    placed,
    resolution_of,
    stand_of,
)
from kg.beside import Arrays, beside
from kg.db import reading, writer, writing
from kg.drift import reachable
from kg.embedders import Embedder, OnProgress, Vectors
from kg.embeddings import are_embedded, embed_missing, embedded_text
from kg.errors import ConfigError
from kg.graph_updates import NO_TIES, Amended, amending, ids_after, without
from kg.journal import amendments_of, apply, latest_update, lines, undo
from kg.labelling import label_due
from kg.news import Difference, Gone, difference, taken_back
from kg.placing import modularity_of
from kg.processor import without_collector
from kg.runs import active_runs, recording, run_of, succeed
from kg.stages import Stages
from kg.statements import statements_by_id
from kg.stored_graph import EdgeTable, place_of, store_graph, stored_graph
from kg.tables import Amendment, Run, RunKind
from kg.update_report import UpdateReport

log = logging.getLogger(__name__)

_CHECK_EVERY = 0.01
"""Share of the statements that may come or go until the loss is estimated again."""

_CHECK_ALWAYS_UP_TO = 5000
"""Statements; among so few a hundredth can already be worth more than `max_loss`."""


class UpdateConfig(BaseModel):
    """What an update amends, and when that is no longer enough."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    clustering_run: int
    max_loss: float = 0.0015
    """Of modularity, against what a full run would find, until a run has drifted."""

    max_changed: float = 0.1
    """Share of the statements of a run that may come or go until it has drifted."""


def update(
    engine: Engine,
    embedder: Embedder,
    method: str | None = None,
    on_progress: OnProgress | None = None,
) -> list[UpdateReport]:
    """Bring the active run of a method, or of every method, up to date.

    Args:
        engine: The database.
        embedder: Makes the vectors of statements that have none.
        method: Default: all that have run.
        on_progress: Called with statements embedded and statements to embed.

    Returns:
        A report of each run that something was new for, by method.

    Raises:
        ConfigError: Nothing, or not this method, has been clustered, or with another model.
        DatabaseError: Another process is writing.
        ModelError: The embedder cannot be used.
    """
    # Nobody adds statements between the embedding and the placing.
    with writer(engine), without_collector():
        label_due(engine)
        with reading(engine) as session:
            runs = updatable(session, embedder.name, method)
            cases = [case_of(session, run, Gone()) for run in runs]
        cases = [case for case in cases if case.news.changes]
        if cases and not _are_embedded(engine, embedder.name, cases):
            embed_missing(engine, embedder, on_progress)
        reports = []
        for case in cases:
            with (
                recording(engine, RunKind.UPDATE, case.run.method, config_of(case.run)) as number,
                writing(engine) as session,
            ):
                reports.append(amend(session, number, case, {}))
        label_due(engine)
        return reports


class Case(NamedTuple):
    """A run, and what is new for it."""

    run: Run
    table: EdgeTable
    news: Difference


def case_of(session: Session, run: Run, gone: Gone) -> Case:
    """Return what is new for a run.

    Args:
        session: Where to read.
        run: The clustering.
        gone: What will be deleted once nothing refers to it.
    """
    assert run.id is not None
    latest = latest_update(session, run.id)
    since = max(run.id, latest.id or 0) if latest else run.id
    table = stored_graph(session, run.id)
    return Case(run, table, difference(session, table, graph_config(run), since, gone))


def _are_embedded(engine: Engine, model: str, cases: Sequence[Case]) -> bool:
    """Say whether all that joined, or has another note, has its vector already.

    To look through everything that was ever embedded takes longer than the update.
    """
    notes = {i: note for case in cases for i, note in case.news.notes.items()}
    with reading(engine) as session:
        texts = {
            i: embedded_text(row.text, notes[i])
            for i, row in statements_by_id(session, sorted(notes)).items()
        }
        return are_embedded(session, model, texts)


def config_of(run: Run) -> UpdateConfig:
    """Return how a run is updated."""
    return UpdateConfig(clustering_run=run.id or 0)


def amend(
    session: Session, update_id: int, case: Case, vectors: Mapping[str, Vectors]
) -> UpdateReport:
    """Amend an active clustering run in place, and declare the update a success.

    Args:
        session: A write transaction.
        update_id: The run of the update.
        case: The clustering, and what is new for it.
        vectors: Those that are not stored yet, by statement.
    """
    started = time.perf_counter()
    run, news = case.run, case.news
    assert run.id is not None
    stages = Stages()
    back = taken_back(amendments_of(session, run.id), news.changes)
    if back:
        with stages("read who is where"):
            before = _modularity(stand_of(session, run, case.table))
        with stages("take back"):
            moved = undo(session, update_id, run, back)
            stand = stand_of(session, run, stored_graph(session, run.id))
        now = Where(stand.ties, stand.standing.top(), stand.standing.home)
        came = {row["id"] for each in back for row in each.communities_removed.get("community", ())}
        went = {name for each in back for name in each.communities_added}
        new, lost = len(came - went), len(went - came)
        course = _course(session, run)
        with (
            stages("estimate the loss"),
            _estimating(course, run, len(news.ids), lambda: now) as reached,
        ):
            quality = _quality(run, now, course, reached())
    else:
        course = _course(session, run, len(news.added()) + len(news.removed()))
        before, stand, graph = _compared(session, update_id, case, vectors, stages)
        with _estimating(
            course, run, len(news.ids), lambda: arrived(stand, graph, news)
        ) as reached:
            with stages("place, write the graph"), ThreadPoolExecutor(1) as pool:
                # To write the graph is no work for Python.
                placing = pool.submit(placed, stand, graph, news, may_move=True)
                store_graph(session, run.id, graph.table)
                found = placing.result()
                change = change_of(stand, graph, news, found)
            with stages("write"):
                apply(session, update_id, run, change)
            with stages("estimate the loss"):
                quality = _quality(run, found.where, course, reached())
        moved = found.moved
        new, lost = len(change.communities_added), len(change.communities_removed)
    report = UpdateReport(
        run=update_id,
        clustering_run=run.id,
        method=run.method,
        added=len(news.added()),
        removed=len(news.removed()),
        moved=moved,
        statements=len(news.ids),
        communities_new=new,
        communities_gone=lost,
        taken_back=len(back),
        modularity_before=round(before, 6),
        **quality,
        seconds=round(time.perf_counter() - started, 3),
        stages=stages.seconds,
    )
    result = {name: value for name, value in report.model_dump().items() if name not in _OWN}
    succeed(session, update_id, result)
    log.info("updated %s: %s", run.method, result)
    return report


_OWN = ("run", "method", "stages")


def _compared(
    session: Session,
    update_id: int,
    case: Case,
    vectors: Mapping[str, Vectors],
    stages: Stages,
) -> tuple[float, Stand, Amended]:
    """Return the modularity of a run, who is where in it, and its graph with what is new.

    Others begin to compare vectors and to find shared concepts while this process reads who is
    where.
    """
    run, table, news = case
    with ExitStack() as stack:
        with stages("begin to compare"):
            material = material_for(session, run, table.layers, news, vectors)
            amended = stack.enter_context(amending(table, material, graph_config(run)))
        with stages("read what is new"):
            ties = concept_ties(session, update_id, run, table.layers, news)
            concepts = stack.enter_context(ties)
        with stages("read who is where"):
            stand = stand_of(session, run, table)
            before = _modularity(stand)
        with stages("compare, tie"):
            return before, stand, amended(concepts)


def _modularity(stand: Stand) -> float:
    return modularity_of(stand.ties, stand.standing.top(), resolution_of(stand.run))


def thin(session: Session, update_id: int, run: Run, gone: Gone) -> None:
    """Take statements out of a run that is no longer active; nobody else moves."""
    assert run.id is not None
    stand = stand_of(session, run, stored_graph(session, run.id))
    left = sorted(i for i in gone.statements if place_of(stand.table.ids, i) >= 0)
    news = Difference(
        ids=ids_after(stand.table.ids, [], left),
        changes={identifier: ["gone", ""] for identifier in left},
        retied=frozenset(),
        notes={},
        touched=frozenset(),
        new_sources=[],
        gone_sources=gone.sources,
        relations=NO_TIES,
    )
    graph = without(stand.table, left)
    found = placed(stand, graph, news, may_move=False)
    store_graph(session, run.id, graph.table)
    apply(session, update_id, run, change_of(stand, graph, news, found))
    succeed(session, update_id, {"clustering_run": run.id, "removed": len(left)})


def check_model(run: Run, model: str) -> None:
    """Make sure that a run can be updated with an embedding model.

    Raises:
        ConfigError: It was made with another one.
    """
    made_with = run.config.get("model", model)
    if made_with != model:
        raise ConfigError(
            f"run {run.id} ({run.method}) was made with the embedding model {made_with}, and "
            f"{model} is named now: name the other one again, or run `claimgraph embed`, "
            f"and then `claimgraph cluster --method {run.method}`"
        )


def updatable(session: Session, model: str, method: str | None) -> list[Run]:
    """Return the active runs of a method, or of every method, that an update amends.

    Args:
        session: Where to read.
        model: The embedding model that is named now.
        method: Default: all that have run.

    Raises:
        ConfigError: Nothing, or not this method, has been clustered, or with another model.
    """
    runs = active_runs(session, RunKind.CLUSTERING)
    found = [run for run in runs if method in {None, run.method}]
    if not found:
        what = f"{method} has not been run" if method else "nothing has been clustered yet"
        named = f" --method {method}" if method else ""
        raise ConfigError(f"{what}: run `claimgraph cluster{named}` first")
    for run in found:
        check_model(run, model)
    return found


class _Quality(TypedDict):
    modularity: float
    changed: int
    loss: float | None
    loss_at: int
    drifted: str


class _Course(NamedTuple):
    """How far a run has come since it was made."""

    clustered: int
    """Statements that it was made of."""

    changed: int
    """Statements that came or went since."""

    loss: float | None
    """As it was last estimated."""

    loss_at: int
    """What `changed` was then."""


def _course(session: Session, run: Run, changing: int = 0) -> _Course:
    """Return how far a run has come, with so many that come or go and are not written yet."""
    assert run.id is not None
    standing = amendments_of(session, run.id)
    changed = sum(len(lines(each.added)) + len(lines(each.removed)) for each in standing)
    clustered = max(1, int(run.result["statements"]))
    return _Course(clustered, changed + changing, *_last_loss(session, standing))


@contextmanager
def _estimating(
    course: _Course, run: Run, n: int, where: Callable[[], Where]
) -> Iterator[Callable[[], float | None]]:
    """Yield what returns the modularity that a full run would find, if it is time to look at that.

    Of many statements it is estimated by a process of its own within the block.
    """
    enough = _CHECK_EVERY * course.clustered
    if n > _CHECK_ALWAYS_UP_TO and course.changed - course.loss_at < enough:
        yield lambda: None
        return

    def found() -> Arrays:
        return [np.array([reachable(*where(), resolution_of(run))])]

    with beside(found, worthwhile=n >= BESIDE_FROM) as result:
        yield lambda: float(result()[0][0])


def _quality(run: Run, where: Where, course: _Course, reached: float | None) -> _Quality:
    """Return how good the top level is, and whether a full run is due."""
    config = config_of(run)
    clustered, changed, loss, loss_at = course
    modularity = modularity_of(where.ties, where.top, resolution_of(run))
    if reached is not None:
        loss, loss_at = max(0.0, reached - modularity), changed
    drifted = ""
    if loss is not None and loss > config.max_loss:
        drifted = f"a full run would gain about {loss:.4f} of modularity"
    if changed > config.max_changed * clustered:
        drifted = (
            f"{changed} statements have come or gone since run {run.id}, which had {clustered}"
        )
    return {
        "modularity": round(modularity, 6),
        "changed": changed,
        "loss": loss,
        "loss_at": loss_at,
        "drifted": drifted,
    }


def _last_loss(session: Session, standing: Sequence[Amendment]) -> tuple[float | None, int]:
    for amendment in standing:
        result = run_of(session, amendment.run_id).result
        if "loss_at" in result:
            return result["loss"], result["loss_at"]
    return None, 0
