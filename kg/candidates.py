"""Sentences that may be claims or findings and were not kept, until somebody keeps them.

A reader keeps the statements of a source that matter most, and may be wrong about which. So the
others are listed as *candidates*: they are in no graph, no search and no community. One that
somebody keeps becomes a statement as if it had been kept at once, with the same id, text and note,
and stays one in later versions of its file, as long as these say it.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Engine, delete, func, insert
from sqlmodel import Session, col, select

from kg.db import blocks_of, reading, writer, writing
from kg.errors import NotFoundError
from kg.ids import content_id
from kg.runs import recording, succeed
from kg.statements import MentionDraft, add_mentions, statement_id
from kg.tables import Candidate, Mention, Run, RunKind, Section, Source

METHOD = "kept"
"""Method of the run that makes statements of candidates."""


class KeepConfig(BaseModel):
    """What such a run does."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    candidates: list[str]
    """Ids of what is kept."""


class Quoted(NamedTuple):
    """A candidate with its source's words."""

    candidate: Candidate
    quote: str


class Kept(NamedTuple):
    """What came of keeping candidates."""

    run: int
    statements: list[str]
    """Ids, in the order of the candidates."""


def add_candidates(session: Session, drafts: Sequence[MentionDraft], run_id: int) -> None:
    """Store the candidates of a new source."""
    rows: list[dict[str, Any]] = [
        {
            "id": content_id("can", draft.section_id, draft.char_start),
            "run_id": run_id,
            **draft.model_dump(exclude={"quote"}),
        }
        for draft in drafts
    ]
    if rows:
        session.execute(insert(Candidate), rows)


def candidates_of(
    session: Session, source_id: str, limit: int | None = None, offset: int = 0
) -> list[Quoted]:
    """Return the candidates of a source, the surest first, then in reading order."""
    rows = session.exec(
        select(Candidate, Section.text)
        .join(Section, col(Section.id) == Candidate.section_id)
        .where(Section.source_id == source_id)
        .order_by(col(Candidate.score).desc(), col(Section.ordinal), col(Candidate.char_start))
        .limit(limit)
        .offset(offset)
    )
    return [Quoted(row, text[row.char_start : row.char_end]) for row, text in rows]


def count_candidates(session: Session, source_id: str) -> int:
    """Return how many candidates a source has."""
    return session.exec(
        select(func.count())
        .select_from(Candidate)
        .join(Section, col(Section.id) == Candidate.section_id)
        .where(Section.source_id == source_id)
    ).one()


def keep(engine: Engine, identifiers: Sequence[str]) -> Kept:
    """Make statements of candidates, all or none.

    Raises:
        DatabaseError: Another process is writing.
        NotFoundError: There is no such candidate.
    """
    config = KeepConfig(candidates=list(dict.fromkeys(identifiers)))
    with writer(engine):
        with reading(engine) as session:
            found = [_candidate(session, identifier) for identifier in config.candidates]
        with (
            recording(engine, RunKind.INGESTION, METHOD, config) as run,
            writing(engine) as session,
        ):
            statements = _make_statements(session, found, run)
            succeed(session, run, {"kept": len(statements)})
    return Kept(run, statements)


def keep_again(session: Session, source_id: str) -> None:
    """Keep in a new version of a source what somebody has kept in the one before."""
    source = session.get(Source, source_id)
    if source is None or source.replaces is None:
        return
    rows = session.exec(
        select(Mention.statement_id, Mention.run_id)
        .join(Section, col(Section.id) == Mention.section_id)
        .join(Run, col(Run.id) == Mention.run_id)
        .where(Section.source_id == source.replaces, Run.method == METHOD)
        .order_by(col(Mention.run_id).desc())
    )
    by_run: dict[int, list[Candidate]] = {}
    kept = dict(rows.all())
    if kept:
        for each, _ in candidates_of(session, source_id):
            run = kept.get(statement_id(each.kind, each.text))
            if run is not None:
                by_run.setdefault(run, []).append(each)
    for run, found in by_run.items():
        _make_statements(session, found, run)


def _candidate(session: Session, identifier: str) -> Candidate:
    row = session.get(Candidate, identifier)
    if row is None:
        raise NotFoundError(
            f"there is no candidate {identifier}: `claimgraph candidates SOURCE` lists them"
        )
    return row


def _make_statements(session: Session, found: Sequence[Candidate], run: int) -> list[str]:
    """Store what these say as statements of this run; they are no candidates any more."""
    drafts = [
        MentionDraft(
            **each.model_dump(exclude={"id", "run_id"}),
            quote=session.get_one(Section, each.section_id).text[each.char_start : each.char_end],
        )
        for each in found
    ]
    for block in blocks_of([each.id for each in found]):
        session.execute(delete(Candidate).where(col(Candidate.id).in_(block)))
    return add_mentions(session, drafts, run)
