"""Statements in lists: what pages show of each beside its words."""

from collections.abc import Sequence
from typing import TypeVar

from sqlalchemy import func
from sqlmodel import Session, col, select

from api.views.view import SourceName, StatementName, View
from kg.ledgers import stances_of
from kg.statements import notes_of, statements_by_id
from kg.tables import Mention, Section, Source, StatementKind


class EvidenceTally(View):
    """How many measurements support, refute, or say nothing about a statement."""

    supports: int = 0
    refutes: int = 0
    inconclusive: int = 0


class StatementRow(StatementName):
    """A statement in a list."""

    note: str
    """What it does in its source, in one line; empty if nothing says."""

    sources: list[SourceName]
    mentions: int
    """In how many places it is said."""

    evidence: EvidenceTally


RowT = TypeVar("RowT", bound=StatementRow)


def statement_rows(session: Session, statement_ids: Sequence[str]) -> list[StatementRow]:
    """Return these statements as list rows, in this order; unknown ids are left out."""
    statements = statements_by_id(session, statement_ids)
    notes = notes_of(session, statement_ids)
    stances = stances_of(session, statement_ids)
    sources, mentions = _places(session, statement_ids)
    return [
        StatementRow(
            id=identifier,
            kind=statements[identifier].kind,
            text=statements[identifier].text,
            note=notes.get(identifier, ""),
            sources=sources.get(identifier, []),
            mentions=mentions.get(identifier, 0),
            evidence=EvidenceTally.model_validate(stances.get(identifier, {})),
        )
        for identifier in statement_ids
        if identifier in statements
    ]


def split_by_kind(rows: Sequence[RowT]) -> tuple[list[RowT], list[RowT]]:
    """Return the claims and the findings, each in alphabetical order."""
    ordered = sorted(rows, key=lambda row: (row.text.casefold(), row.id))
    claims = [row for row in ordered if row.kind is StatementKind.CLAIM]
    findings = [row for row in ordered if row.kind is StatementKind.FINDING]
    return claims, findings


def sources_by_statement(
    session: Session, statement_ids: Sequence[str]
) -> dict[str, list[SourceName]]:
    """Return the sources that say each statement, by title."""
    return _places(session, statement_ids)[0]


def _places(
    session: Session, statement_ids: Sequence[str]
) -> tuple[dict[str, list[SourceName]], dict[str, int]]:
    """Return the sources of each statement, by title, and how often it is mentioned."""
    sources: dict[str, list[SourceName]] = {}
    mentions: dict[str, int] = {}
    for start in range(0, len(statement_ids), 500):
        block = statement_ids[start : start + 500]
        rows = session.exec(
            select(Mention.statement_id, Source.id, Source.title, func.count())
            .join(Section, col(Section.id) == Mention.section_id)
            .join(Source, col(Source.id) == Section.source_id)
            .where(col(Mention.statement_id).in_(block))
            .group_by(Mention.statement_id, Source.id, Source.title)
            .order_by(Source.title, Source.id)
        )
        for statement, source, title, count in rows:
            sources.setdefault(statement, []).append(SourceName(id=source, title=title))
            mentions[statement] = mentions.get(statement, 0) + count
    return sources, mentions
