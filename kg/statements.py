"""Statements and their mentions: written from validated drafts, read in canonical order."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.dialects.sqlite import insert
from sqlmodel import Session, col, select

from kg.db import blocks_of, plain_rows
from kg.errors import NotFoundError
from kg.ids import content_id, normalised
from kg.tables import Mention, Section, Source, Statement, StatementKind


class MentionDraft(BaseModel):
    """A statement to be stored, with the place that makes it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: StatementKind
    text: str = Field(min_length=1)
    section_id: str
    char_start: int = Field(ge=0)
    char_end: int
    quote: str = Field(min_length=1)
    page: int | None = None
    note: str = ""
    score: float = Field(default=1.0, ge=0, le=1)


class MentionPlace(NamedTuple):
    """A mention with the section and the source it stands in."""

    mention: Mention
    section: Section
    source: Source


def statement_id(kind: StatementKind, text: str) -> str:
    """Return the id of a statement; only white space makes no difference.

    Were case or a full stop ignored, the words that are stored would be those of whichever
    source was read first.
    """
    return content_id("stm", kind.value, text)


def add_mentions(session: Session, drafts: Sequence[MentionDraft], run_id: int) -> list[str]:
    """Store mentions, and the statements that are new; returns the statements' ids in order.

    A mention that is stored already is left as it is.
    """
    statements: dict[str, dict[str, Any]] = {}
    mentions: dict[str, dict[str, Any]] = {}
    identifiers: list[str] = []
    for draft in drafts:
        identifier = statement_id(draft.kind, draft.text)
        identifiers.append(identifier)
        statements.setdefault(
            identifier, {"id": identifier, "kind": draft.kind, "text": normalised(draft.text)}
        )
        place = content_id("men", identifier, draft.section_id, draft.char_start)
        mentions[place] = {
            "id": place,
            "statement_id": identifier,
            "run_id": run_id,
            **draft.model_dump(exclude={"kind", "text"}),
        }
    if mentions:
        session.execute(insert(Statement).on_conflict_do_nothing(), list(statements.values()))
        session.execute(insert(Mention).on_conflict_do_nothing(), list(mentions.values()))
    return identifiers


def statement_of(session: Session, identifier: str) -> Statement:
    """Return a statement.

    Raises:
        NotFoundError: No statement has this id.
    """
    statement = session.get(Statement, identifier)
    if statement is None:
        raise NotFoundError(
            f"there is no statement {identifier}: `claimgraph search WORDS` finds ids"
        )
    return statement


def statements_by_id(session: Session, identifiers: Sequence[str]) -> dict[str, Statement]:
    """Return these statements by id; unknown ids are left out."""
    found: dict[str, Statement] = {}
    for start in range(0, len(identifiers), 500):
        block = identifiers[start : start + 500]
        for row in session.exec(select(Statement).where(col(Statement.id).in_(block))):
            found[row.id] = row
    return found


def all_statements(session: Session) -> list[tuple[str, str]]:
    """Return the id and text of every statement, by id."""
    return plain_rows(session, "SELECT id, text FROM statement ORDER BY id")


def notes_of(session: Session, identifiers: Sequence[str] | None = None) -> dict[str, str]:
    """Return the note of each statement that has one; of several, the first by mention id.

    The order does not depend on which source was read first.
    """
    query = (
        select(Mention.statement_id, Mention.note)
        .where(Mention.note != "")
        .order_by(col(Mention.id).desc())
    )
    if identifiers is None:
        return dict(session.exec(query).all())
    notes: dict[str, str] = {}
    for block in blocks_of(identifiers):
        notes.update(session.exec(query.where(col(Mention.statement_id).in_(block))).all())
    return notes


def quotes_of(session: Session, identifiers: Sequence[str]) -> dict[str, str]:
    """Return a source's words for each statement, verbatim: those of its first mention by id."""
    found: dict[str, str] = {}
    for start in range(0, len(identifiers), 500):
        block = identifiers[start : start + 500]
        query = (
            select(Mention.statement_id, Mention.quote)
            .where(col(Mention.statement_id).in_(block))
            .order_by(col(Mention.id).desc())
        )
        found.update(session.exec(query).all())
    return found


def mentions_of(session: Session, identifier: str) -> list[MentionPlace]:
    """Return every place that makes a statement, by source title, section and offset."""
    rows = session.exec(
        select(Mention, Section, Source)
        .join(Section, col(Section.id) == Mention.section_id)
        .join(Source, col(Source.id) == Section.source_id)
        .where(Mention.statement_id == identifier)
        .order_by(Source.title, col(Section.ordinal), col(Mention.char_start), col(Mention.id))
    )
    return [MentionPlace(mention, section, source) for mention, section, source in rows]


def sources_by_statement(
    session: Session, identifiers: Sequence[str] | None = None
) -> dict[str, list[str]]:
    """Return the ids of the sources that make each statement, sorted; by default of all."""
    query = (
        "SELECT DISTINCT mention.statement_id, section.source_id FROM mention "
        "JOIN section ON section.id = mention.section_id {} ORDER BY 1, 2"
    )
    found: list[tuple[str, str]] = []
    if identifiers is None:
        found = plain_rows(session, query.format(""))
    else:
        for block in blocks_of(identifiers):
            chosen = f"WHERE mention.statement_id IN ({', '.join('?' * len(block))})"
            found += plain_rows(session, query.format(chosen), *block)
    sources: dict[str, list[str]] = {}
    for statement, source in found:
        sources.setdefault(statement, []).append(source)
    return sources
