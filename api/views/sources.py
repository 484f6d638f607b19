"""Sources: what was read, and the text of a source with its statements marked in place."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from pydantic import RootModel
from sqlalchemy import func
from sqlmodel import Session, col, select

from api.views.bibtex import bibtex_of
from api.views.citations import CitationsView, citations_view
from api.views.hidden import HiddenView
from api.views.statement_rows import StatementRow, statement_rows
from api.views.view import StatementName, View, statement_name
from api.views.works import WorkItem, works_of
from kg.db import blocks_of, plain_rows
from kg.errors import NotFoundError
from kg.page_places import n_without_places
from kg.sources import counts_by_source, counts_of, sections_of, source_of
from kg.tables import Mention, Section, Source, Statement, StatementKind

N_TEXT = 150_000
"""Characters of a source that one page shows, unless a single section is longer."""


class SourceItem(View):
    """A source in the list of all."""

    id: str
    title: str
    name: str
    """The file's name."""

    format: str
    authors: list[str]
    year: int | None
    url: str | None
    identifiers: dict[str, str]
    """What it is known by elsewhere: scheme (`arxiv`, `doi`, `isbn`) to value."""

    origins: dict[str, str]
    """Where each of these fields comes from."""

    version: int
    """How many versions of its file were read, with this one."""

    claims: int
    findings: int


class SourcesView(RootModel[list[SourceItem]]):
    """Sources, by title."""


class SectionView(View):
    """A section of a source, without its text."""

    id: str
    ordinal: int
    """Place in reading order, from 0."""

    heading: str
    kind: str
    """Such as `abstract`, `body`, `references`."""

    characters: int
    """Length of its text in Unicode code points."""


class PlaceView(View):
    """Where in the source a statement is made."""

    mention: str
    section: str
    char_start: int
    char_end: int
    page: int | None


class SourceStatementView(StatementRow):
    """A statement that a source makes."""

    places: list[PlaceView]
    """In reading order."""


class SourceView(SourceItem):
    """One source with its sections and its statements."""

    run: int
    """The run that read it."""

    bibtex: str
    """An entry for a bibliography."""

    citations: CitationsView
    """What it cites, what it says of it, and who cites it."""

    hidden: list[HiddenView]
    """What its pages hide from a reader, which was not read."""

    n_unplaced: int
    """Sections of a PDF of which it is not known where they stand on its pages."""

    works: list[WorkItem]
    """Which other sources are of the same paper, such as its summary."""

    sections: list[SectionView]
    statements: list[SourceStatementView]
    """In the order in which the source first makes them: all of its `claims` and `findings`, or a
    stretch of them."""


class MarkView(View):
    """A stretch of a section's text that makes a statement."""

    mention: str
    char_start: int
    char_end: int
    statement: StatementName


class SectionTextView(View):
    """A section with its text and the statements in it."""

    id: str
    ordinal: int
    heading: str
    level: int
    """1 for the outermost headings; 0 for text before the first heading."""

    text: str
    marks: list[MarkView]
    """By offset."""


class SourceTextView(View):
    """A stretch of a source's text: whole sections, in reading order."""

    source: str
    sections: list[SectionTextView]
    first: int
    """Ordinal of the first section shown."""

    next: int | None
    """Ordinal of the section that the next stretch begins with; none at the end."""


class Place(NamedTuple):
    """The stretch of a source's text that shows a mention."""

    source_id: str
    first: int
    """Ordinal of the section that the stretch begins with."""


def count_sources(session: Session) -> int:
    """Return how many sources there are."""
    return session.exec(select(func.count()).select_from(Source)).one()


def sources_view(session: Session, limit: int | None = None, offset: int = 0) -> SourcesView:
    """Return the sources, by title: all of them, or a stretch of the list."""
    counts = counts_by_source(session)
    rows = session.exec(
        select(Source).order_by(Source.title, Source.id).limit(limit).offset(offset)
    )
    return SourcesView(
        [SourceItem.model_validate(_fields(row, counts.get(row.id, Counter()))) for row in rows]
    )


def source_view(
    session: Session, source_id: str, limit: int | None = None, offset: int = 0
) -> SourceView:
    """Return one source with its sections, and its statements: all, or a stretch of them.

    Raises:
        NotFoundError: No source has this id.
    """
    source = source_of(session, source_id)
    shown = _made_in_order(session, source_id)[offset : None if limit is None else offset + limit]
    places = _places(session, source_id, shown)
    return SourceView(
        **_fields(source, counts_of(session, source_id)),
        run=source.run_id,
        bibtex=bibtex_of(source.title, source.authors, source.year, source.url, source.identifiers),
        citations=citations_view(session, source_id),
        hidden=[HiddenView.model_validate(each) for each in source.hidden],
        n_unplaced=n_without_places(session, source_id),
        works=works_of(session, source_id),
        sections=[
            SectionView(
                id=section.id,
                ordinal=section.ordinal,
                heading=section.heading,
                kind=section.kind,
                characters=len(section.text),
            )
            for section in sections_of(session, source_id)
        ],
        statements=[
            SourceStatementView(**dict(row), places=places[row.id])
            for row in statement_rows(session, shown)
        ],
    )


def source_text_view(session: Session, source_id: str, first: int = 0) -> SourceTextView:
    """Return the text of a source from one section on, with its statements marked.

    Whole sections are shown, as many as fit a page, and at least one.

    Raises:
        NotFoundError: No source has this id.
    """
    source_of(session, source_id)
    rest = [s for s in sections_of(session, source_id) if s.ordinal >= first]
    shown: list[Section] = []
    n_characters = 0
    for section in rest:
        n_characters += len(section.text)
        if shown and n_characters > N_TEXT:
            break
        shown.append(section)
    marks = _marks(session, shown) if shown else {}
    return SourceTextView(
        source=source_id,
        sections=[
            SectionTextView(
                id=section.id,
                ordinal=section.ordinal,
                heading=section.heading,
                level=section.level,
                text=section.text,
                marks=marks.get(section.id, []),
            )
            for section in shown
        ],
        first=first,
        next=rest[len(shown)].ordinal if len(shown) < len(rest) else None,
    )


def place_of(session: Session, mention_id: str) -> Place:
    """Return where a mention can be read.

    Raises:
        NotFoundError: No mention has this id.
    """
    mention = session.get(Mention, mention_id)
    if mention is None:
        raise NotFoundError(f"there is no mention {mention_id}")
    section = session.get(Section, mention.section_id)
    assert section is not None
    opening = source_text_view(session, section.source_id)
    is_at_once = opening.next is None or section.ordinal < opening.next
    return Place(section.source_id, 0 if is_at_once else section.ordinal)


def _fields(source: Source, counts: Counter[StatementKind]) -> dict[str, Any]:
    return {
        "id": source.id,
        "title": source.title,
        "name": source.name,
        "format": source.format,
        "authors": source.authors,
        "year": source.year,
        "url": source.url,
        "identifiers": source.identifiers,
        "origins": source.origins,
        "version": source.version,
        "claims": counts[StatementKind.CLAIM],
        "findings": counts[StatementKind.FINDING],
    }


def _made_in_order(session: Session, source_id: str) -> list[str]:
    """Return the ids of the statements of a source, in the order in which it first makes them."""
    query = (
        "SELECT statement_id FROM mention JOIN section ON section.id = mention.section_id "
        "WHERE source_id = ? ORDER BY section.ordinal, char_start, mention.id"
    )
    return list(dict.fromkeys(plain_rows(session, query, source_id)))


def _places(
    session: Session, source_id: str, statements: Sequence[str]
) -> dict[str, list[PlaceView]]:
    """Return where a source makes each of these statements, in reading order."""
    places: dict[str, list[PlaceView]] = {}
    for block in blocks_of(statements):
        rows = session.exec(
            select(Mention)
            .join(Section, col(Section.id) == Mention.section_id)
            .where(
                Section.source_id == source_id,
                col(Mention.statement_id).in_(block),
            )
            .order_by(col(Section.ordinal), col(Mention.char_start), col(Mention.id))
        )
        for mention in rows:
            places.setdefault(mention.statement_id, []).append(
                PlaceView(
                    mention=mention.id,
                    section=mention.section_id,
                    char_start=mention.char_start,
                    char_end=mention.char_end,
                    page=mention.page,
                )
            )
    return places


def _marks(session: Session, sections: Sequence[Section]) -> dict[str, list[MarkView]]:
    """Return the statements in sections that follow one another in a source, by section."""
    marks: dict[str, list[MarkView]] = {}
    rows = session.exec(
        select(Mention, Statement)
        .join(Section, col(Section.id) == Mention.section_id)
        .join(Statement, col(Statement.id) == Mention.statement_id)
        .where(
            Section.source_id == sections[0].source_id,
            col(Section.ordinal).between(sections[0].ordinal, sections[-1].ordinal),
        )
        .order_by(col(Mention.char_start), col(Mention.id))
    )
    for mention, statement in rows:
        marks.setdefault(mention.section_id, []).append(
            MarkView(
                mention=mention.id,
                char_start=mention.char_start,
                char_end=mention.char_end,
                statement=statement_name(statement),
            )
        )
    return marks
