"""Sources leave, with all that only they said, and every clustering run is put right.

What nobody says any more is deleted: the sections and mentions of the sources, the statements that
no other source makes, their vectors, relations and memberships. All of it, and the update of every
clustering run that is concerned, is one transaction, however many sources there are.

A statement that was tested holds what was measured. Nothing measured is lost in silence: a source
that is the only one to make such a statement is refused, unless it is said that the evidence goes
too.
"""

import logging
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import NamedTuple

from sqlalchemy import Engine, delete
from sqlalchemy.orm import Mapped
from sqlmodel import Session, SQLModel, col, select

from kg.citations import forget
from kg.db import blocks_of, reading, writer, writing
from kg.embedders import Embedder, Vectors
from kg.embeddings import embed_missing, embedded_text
from kg.errors import ConfigError, NotFoundError
from kg.labelling import label_due
from kg.news import Gone
from kg.runs import active_runs, recording, run_of
from kg.sources import superseded
from kg.statements import statements_by_id
from kg.tables import Evidence, Membership, Mention, Prediction, Run, RunKind, Section, Source
from kg.update_report import UpdateReport
from kg.updating import (
    Case,
    amend,
    case_of,
    check_model,
    config_of,
    thin,
)

log = logging.getLogger(__name__)


class RemovalReport(NamedTuple):
    """What left with some sources."""

    sources: Sequence[str]
    statements: int
    """That nobody else makes."""

    evidence: int
    updates: Sequence[UpdateReport]
    """Of each active clustering run that was concerned, by method."""


def remove_sources(
    engine: Engine,
    sources: Sequence[str],
    open_embedder: Callable[[], Embedder],
    *,
    with_evidence: bool = False,
) -> RemovalReport:
    """Delete sources and what only they say, and amend every clustering run once.

    Args:
        engine: The database.
        sources: Their ids.
        open_embedder: Opens the model for statements that stay and lose the note that was
            embedded with them, or whose neighbours have to be found again.
        with_evidence: Delete what was measured on statements that go, too.

    Raises:
        ConfigError: A statement that would go has been tested, or a run was made with another
            embedding model.
        DatabaseError: Another process is writing.
        NotFoundError: There is no such source; none is removed.
    """
    with writer(engine):
        label_due(engine)
        with reading(engine) as session:
            gone = _gone(session, sources)
            evidence = _tested(session, gone)
            if evidence and not with_evidence:
                raise ConfigError(_why_refused(session, evidence))
            cases, older = _concerned(session, gone)
        vectors = _vectors(engine, cases, open_embedder)
        with ExitStack() as runs:
            numbers = [
                runs.enter_context(recording(engine, RunKind.UPDATE, run.method, config_of(run)))
                for run in [*(case.run for case in cases), *older]
            ]
            session = runs.enter_context(writing(engine))
            updates = [
                amend(session, number, case, vectors)
                for number, case in zip(numbers, cases, strict=False)
            ]
            for number, run in zip(numbers[len(cases) :], older, strict=True):
                thin(session, number, run, gone)
            _delete(session, gone)
        if vectors:
            embed_missing(engine, open_embedder())
        label_due(engine)
    log.info("removed %s sources with %s statements", len(gone.sources), len(gone.statements))
    return RemovalReport(sorted(gone.sources), len(gone.statements), len(evidence), updates)


class Replaced(NamedTuple):
    """What became of the earlier versions of files."""

    removal: RemovalReport | None
    """None if none could be removed."""

    kept: Sequence[str]
    """Those that are the only ones to make a statement that was tested."""


def remove_superseded(engine: Engine, open_embedder: Callable[[], Embedder]) -> Replaced:
    """Delete the sources that newer versions of their files have replaced, with what only they say.

    Statements that the newer version makes, too, stay as they are, with their ids, memberships and
    evidence. A version that is the only one to make a statement that was tested stays beside the
    newer one.

    Raises:
        ConfigError: A clustering was made with another embedding model.
        DatabaseError: Another process is writing.
    """
    with writer(engine):
        with reading(engine) as session:
            earlier = superseded(session)
            tested = _tested(session, _gone(session, earlier))
            makers = _by_statement(session, col(Mention.statement_id), tested)
            kept = [each for each in earlier if any(each in sources for sources in makers.values())]
        leaving = [each for each in earlier if each not in kept]
        removal = remove_sources(engine, leaving, open_embedder) if leaving else None
    return Replaced(removal, kept)


def _gone(session: Session, sources: Sequence[str]) -> Gone:
    """Return the sources, and the statements that no other source makes.

    Raises:
        NotFoundError: There is no such source.
    """
    unknown = [source for source in sources if session.get(Source, source) is None]
    if unknown:
        raise NotFoundError(
            f"there is no source {', '.join(unknown)}, so nothing was removed: "
            "`claimgraph sources` lists them"
        )
    leaving = frozenset(sources)
    said = _by_statement(session, col(Section.source_id), sorted(leaving))
    elsewhere = _by_statement(session, col(Mention.statement_id), sorted(said))
    return Gone(leaving, frozenset(i for i, makers in elsewhere.items() if makers <= leaving))


def _by_statement(
    session: Session, column: Mapped[str], values: Sequence[str]
) -> dict[str, set[str]]:
    """Return the sources of each statement, of the mentions that have one of these values."""
    found: dict[str, set[str]] = {}
    for block in blocks_of(values):
        rows = session.exec(
            select(Mention.statement_id, Section.source_id)
            .join(Section, col(Section.id) == Mention.section_id)
            .where(column.in_(block))
        )
        for statement, source in rows:
            found.setdefault(statement, set()).add(source)
    return found


def _tested(session: Session, gone: Gone) -> list[str]:
    """Return the statements that would go and that something was predicted or measured of."""
    tested: set[str] = set()
    for block in blocks_of(sorted(gone.statements)):
        for table in (Prediction, Evidence):
            rows = select(table.statement_id).where(col(table.statement_id).in_(block))
            tested.update(session.exec(rows))
    return sorted(tested)


def _why_refused(session: Session, tested: Sequence[str]) -> str:
    text = statements_by_id(session, tested)[tested[0]].text
    others = f", and {len(tested) - 1} others" if len(tested) > 1 else ""
    return (
        f"nothing was removed: {tested[0]} ({text}) has been tested{others}; "
        "say --with-evidence to delete what was measured, too"
    )


def _concerned(session: Session, gone: Gone) -> tuple[list[Case], list[Run]]:
    """Return the active runs that change, and the older ones that hold what goes."""
    active = active_runs(session, RunKind.CLUSTERING)
    cases = [case_of(session, run, gone) for run in active]
    holding: set[int] = set()
    for block in blocks_of(sorted(gone.statements)):
        rows = select(Membership.run_id).where(col(Membership.statement_id).in_(block)).distinct()
        holding.update(session.exec(rows))
    older = sorted(holding - {run.id for run in active if run.id is not None})
    return [case for case in cases if case.news.changes], [run_of(session, run) for run in older]


def _vectors(
    engine: Engine, cases: Sequence[Case], open_embedder: Callable[[], Embedder]
) -> dict[str, Vectors]:
    """Embed what has no vector yet; return those of statements that will lose their note."""
    changed = {i: case.news.notes[i] for case in cases for i in case.news.retied}
    if not changed and not any(case.news.added() for case in cases):
        return {}
    embedder = open_embedder()
    for case in cases:
        check_model(case.run, embedder.name)
    embed_missing(engine, embedder)
    with reading(engine) as session:
        found = statements_by_id(session, sorted(changed))
    texts = [embedded_text(found[i].text, changed[i]) for i in sorted(changed)]
    return dict(zip(sorted(changed), embedder.embed(texts), strict=True)) if changed else {}


def _delete(session: Session, gone: Gone) -> None:
    """Delete sources and statements with every row that refers to them."""
    forget(session, gone.sources)
    sections = [
        section
        for block in blocks_of(sorted(gone.sources))
        for section in session.exec(select(Section.id).where(col(Section.source_id).in_(block)))
    ]
    for target, identifiers in (
        ("section", sections),
        ("statement", sorted(gone.statements)),
        ("source", sorted(gone.sources)),
    ):
        _delete_referring(session, target, identifiers)
        table = SQLModel.metadata.tables[target]
        for block in blocks_of(identifiers):
            session.execute(delete(table).where(table.c.id.in_(block)))


def _delete_referring(session: Session, target: str, identifiers: Sequence[str]) -> None:
    for table in reversed(SQLModel.metadata.sorted_tables):
        for key in sorted(table.foreign_keys, key=lambda key: key.parent.name):
            if key.column.table.name == target:
                for block in blocks_of(identifiers):
                    session.execute(delete(table).where(key.parent.in_(block)))
