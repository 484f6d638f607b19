"""Sources and their sections, written once and read by id."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict
from sqlalchemy import func, insert
from sqlmodel import Session, col, select

from kg.errors import NotFoundError
from kg.ids import content_id
from kg.printed import PageBox, boxes_of, unpacked
from kg.tables import Abbreviation, Mention, Printed, Section, Source, Statement, StatementKind


class AbbreviationDraft(BaseModel):
    """A short form, its expansion, and where a section gives it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    short: str
    long: str
    char_start: int
    char_end: int


class SectionDraft(BaseModel):
    """A section to be stored; its text will never change."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    heading: str
    level: int
    kind: str
    text: str
    pages: list[tuple[int, int]] = []
    anchors: list[tuple[int, str]] = []
    printed: str = ""
    """As `kg.printed` packs it; empty where the format has no pages."""

    abbreviations: list[AbbreviationDraft] = []


class SourceDescription(BaseModel):
    """What a document is called, by whom it is, and where each of these is from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    authors: list[str] = []
    year: int | None = None
    url: str | None = None
    identifiers: dict[str, str] = {}
    origins: dict[str, str] = {}


class SourceDraft(SourceDescription):
    """A document to be stored, with its sections in reading order."""

    name: str
    format: str
    sha256: str
    hidden: list[dict[str, str | int]] = []
    file: str = ""
    sections: list[SectionDraft]


def source_id(sha256: str) -> str:
    """Return the id of the source with these bytes."""
    return content_id("src", sha256)


def section_id(source: str, ordinal: int) -> str:
    """Return the id of the section at this place of a source, from 0."""
    return content_id("sec", source, ordinal)


def has_source(session: Session, sha256: str) -> bool:
    """Say whether a source with these bytes is stored already."""
    return session.get(Source, source_id(sha256)) is not None


def known_origins(session: Session) -> dict[str, frozenset[str]]:
    """Return the SHA-256 of every source, with the places that its description comes from."""
    rows = session.exec(select(Source.sha256, Source.origins))
    return {sha256: frozenset(origins.values()) for sha256, origins in rows}


def describe(session: Session, identifier: str, description: SourceDescription) -> bool:
    """Let a source be described anew; returns whether that changes anything."""
    source = source_of(session, identifier)
    given = description.model_dump()
    changed = {name: value for name, value in given.items() if getattr(source, name) != value}
    for name, value in changed.items():
        setattr(source, name, value)
    session.add(source)
    return bool(changed)


def superseded(session: Session) -> list[str]:
    """Return the ids of the sources that a new version of the same file replaces, ascending."""
    newer = select(Source.replaces).where(col(Source.replaces).is_not(None))
    return sorted(session.exec(select(Source.id).where(col(Source.id).in_(newer))))


def add_source(session: Session, draft: SourceDraft, run_id: int) -> str:
    """Store a source with its sections and abbreviations; returns its id.

    One that was read from the same file before is replaced: it is stored still, and has to be
    removed (`kg.removal.remove_superseded`).
    """
    identifier = source_id(draft.sha256)
    before = _latest_of(session, draft.file)
    session.add(
        Source(
            id=identifier,
            run_id=run_id,
            version=before.version + 1 if before else 1,
            replaces=before.id if before else None,
            **draft.model_dump(exclude={"sections"}),
        )
    )
    session.flush()
    sections: list[dict[str, Any]] = []
    printed: list[dict[str, Any]] = []
    abbreviations: list[dict[str, Any]] = []
    for ordinal, section in enumerate(draft.sections):
        place = section_id(identifier, ordinal)
        sections.append(
            {
                "id": place,
                "source_id": identifier,
                "ordinal": ordinal,
                **section.model_dump(exclude={"abbreviations", "printed"}),
            }
        )
        if section.printed:
            printed.append({"id": place, "lines": section.printed})
        abbreviations.extend(
            {
                "id": content_id("abb", place, found.char_start, found.short),
                "section_id": place,
                **found.model_dump(),
            }
            for found in section.abbreviations
        )
    if sections:
        session.execute(insert(Section), sections)
    if printed:
        session.execute(insert(Printed), printed)
    if abbreviations:
        session.execute(insert(Abbreviation), abbreviations)
    return identifier


def _latest_of(session: Session, file: str) -> Source | None:
    """Return the latest source that was read from a file, if there is one."""
    if not file:
        return None
    query = select(Source).where(Source.file == file).order_by(col(Source.version).desc())
    return session.exec(query).first()


def source_of(session: Session, identifier: str) -> Source:
    """Return a source.

    Raises:
        NotFoundError: No source has this id.
    """
    source = session.get(Source, identifier)
    if source is None:
        raise NotFoundError(f"there is no source {identifier}: `claimgraph sources` lists them")
    return source


def sources_read_by(session: Session, run_id: int) -> list[Source]:
    """Return the sources as this run was the latest to read them, by title."""
    query = select(Source).where(Source.run_id == run_id).order_by(Source.title, Source.id)
    return list(session.exec(query))


def sections_of(session: Session, identifier: str) -> list[Section]:
    """Return the sections of a source in reading order."""
    return list(
        session.exec(
            select(Section).where(Section.source_id == identifier).order_by(col(Section.ordinal))
        )
    )


def boxes_at(session: Session, section: str, start: int, end: int) -> list[PageBox]:
    """Return where a span of a section is printed: a box a line; none where there are no pages."""
    printed = session.get(Printed, section)
    return boxes_of(unpacked(printed.lines), start, end) if printed else []


def anchor_at(anchors: Sequence[Sequence[Any]], offset: int) -> str:
    """Return the id of the element nearest before an offset; empty if there is none."""
    index = bisect_right(anchors, offset, key=lambda anchor: anchor[0])
    return str(anchors[index - 1][1]) if index else ""


def link_to(source: Source, section: Section, mention: Mention) -> str | None:
    """Return the address where a mention can be read; none if the source has no address.

    On a web page it leads to the element that the mention stands in or after, in a PDF to the page.
    """
    if source.url is None:
        return None
    anchor = anchor_at(section.anchors, mention.char_start)
    if anchor:
        return f"{source.url.partition('#')[0]}#{quote(anchor)}"
    if mention.page is not None and source.url.lower().endswith(".pdf"):
        return f"{source.url}#page={mention.page}"
    return source.url


def counts_by_source(session: Session) -> dict[str, Counter[StatementKind]]:
    """Return, for every source that says something, how many statements of each kind it makes."""
    rows = session.exec(
        select(Section.source_id, Statement.kind, func.count(func.distinct(Statement.id)))
        .join(Mention, col(Mention.section_id) == Section.id)
        .join(Statement, col(Statement.id) == Mention.statement_id)
        .group_by(Section.source_id, col(Statement.kind))
    )
    counts: dict[str, Counter[StatementKind]] = {}
    for source, kind, count in rows:
        counts.setdefault(source, Counter())[StatementKind(kind)] = count
    return counts


def counts_of(session: Session, identifier: str) -> Counter[StatementKind]:
    """Return how many statements of each kind a source makes."""
    rows = session.exec(
        select(Statement.kind, func.count(func.distinct(Statement.id)))
        .join(Mention, col(Mention.statement_id) == Statement.id)
        .join(Section, col(Section.id) == Mention.section_id)
        .where(Section.source_id == identifier)
        .group_by(col(Statement.kind))
    )
    return Counter({StatementKind(kind): count for kind, count in rows})


def glossary(session: Session, sources: list[str]) -> dict[str, set[str]]:
    """Return every short form that these sources spell out, with its expansions."""
    expansions: dict[str, set[str]] = {}
    rows = session.exec(
        select(Abbreviation.short, Abbreviation.long)
        .join(Section, col(Section.id) == Abbreviation.section_id)
        .where(col(Section.source_id).in_(sources))
    )
    for short, long in rows:
        expansions.setdefault(short, set()).add(long)
    return expansions


def glossaries(session: Session) -> dict[str, dict[str, set[str]]]:
    """Return every short form that each source spells out, with its expansions, by source."""
    found: dict[str, dict[str, set[str]]] = {}
    rows = session.exec(
        select(Section.source_id, Abbreviation.short, Abbreviation.long).join(
            Section, col(Section.id) == Abbreviation.section_id
        )
    )
    for source, short, long in rows:
        found.setdefault(source, {}).setdefault(short, set()).add(long)
    return found
