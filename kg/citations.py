"""What a source refers to, and what it says of the work of others.

A *reference* is an entry of a source's list; a *citation* is a sentence in which a source reports
what others claim or found, with the references that it gives for it. It is kept as that, and is
none of the source's own statements.

A reference is resolved to a source that is in the graph, by the first of these that fits: an arXiv
id, a DOI, the whole title (at least four words, regardless of case and marks) somewhere in the
entry. So one source *cites* another. Which sources there are changes with every ingestion, so
references are resolved anew after each (`resolve`); the result depends on what is in the graph
alone. Of several sources that fit, the one with the lowest id is taken; an earlier version of a
file is none.
"""

import json
import re
import unicodedata
from collections.abc import Iterable, Sequence, Set
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import insert, update
from sqlmodel import Session, col, select

from kg.db import blocks_of, plain_rows
from kg.ids import content_id
from kg.tables import Citation, Reference, Section, Source

_SHORTEST_TITLE = 4
"""Words."""

_REFERENCES = (
    "SELECT reference.id, reference.text, reference.identifiers, cited_id, found_by, source_id "
    "FROM reference JOIN section ON section.id = reference.section_id"
)
# The ways to resolve a reference are, by the alphabet, the surest first.
_CITATIONS_OF_SOURCES = (
    "SELECT source_id, cited_id, min(found_by) FROM reference "
    "JOIN section ON section.id = reference.section_id "
    "WHERE cited_id IS NOT NULL GROUP BY 1, 2 ORDER BY 1, 2"
)


class ReferenceDraft(BaseModel):
    """An entry of a list of references, to be stored."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    section_id: str
    char_start: int = Field(ge=0)
    char_end: int
    text: str = Field(min_length=1)
    number: int | None = None
    identifiers: dict[str, str] = {}

    def id(self) -> str:
        """Return the id under which it is stored."""
        return content_id("ref", self.section_id, self.char_start)


class CitationDraft(BaseModel):
    """A sentence on the work of others, to be stored."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    section_id: str
    char_start: int = Field(ge=0)
    char_end: int
    quote: str = Field(min_length=1)
    page: int | None = None
    score: float = Field(default=1.0, ge=0, le=1)
    references: list[str] = []
    """Ids of the references that it gives."""


class SourceCitation(NamedTuple):
    """One source refers to another."""

    citing: str
    cited: str
    found_by: str
    """The surest way by which one of its references was resolved: `arxiv`, `doi` or `title`."""


def add_references(session: Session, drafts: Sequence[ReferenceDraft]) -> None:
    """Store the entries of a new source, unresolved."""
    rows: list[dict[str, Any]] = [{"id": draft.id(), **draft.model_dump()} for draft in drafts]
    if rows:
        session.execute(insert(Reference), rows)


def add_citations(session: Session, drafts: Sequence[CitationDraft], run_id: int) -> None:
    """Store the citations of a new source."""
    rows: list[dict[str, Any]] = [
        {
            "id": content_id("cit", draft.section_id, draft.char_start),
            "run_id": run_id,
            **draft.model_dump(),
        }
        for draft in drafts
    ]
    if rows:
        session.execute(insert(Citation), rows)


def resolve(session: Session) -> int:
    """Say of every reference which source it means; returns how many mean one."""
    known = _Known(session)
    changed: list[dict[str, Any]] = []
    n_found = 0
    for identifier, text, identifiers, cited, found_by, own in plain_rows(session, _REFERENCES):
        meant = known.meant_by(text, json.loads(identifiers), own)
        n_found += meant.source is not None
        if meant != (cited, found_by):
            changed.append({"id": identifier, "cited_id": meant.source, "found_by": meant.found_by})
    if changed:
        session.execute(update(Reference), changed)
    return n_found


def forget(session: Session, sources: Iterable[str]) -> None:
    """Let no reference mean these sources any more; they leave."""
    leaving = sorted(sources)
    for block in blocks_of(leaving):
        session.execute(
            update(Reference)
            .where(col(Reference.cited_id).in_(block))
            .values(cited_id=None, found_by=None)
        )


def references_of(session: Session, source_id: str) -> list[Reference]:
    """Return the references of a source, in its order."""
    return list(
        session.exec(
            select(Reference)
            .join(Section, col(Section.id) == Reference.section_id)
            .where(Section.source_id == source_id)
            .order_by(col(Section.ordinal), col(Reference.char_start))
        )
    )


def citations_of(session: Session, source_id: str) -> list[Citation]:
    """Return what a source says of the work of others, in reading order."""
    return list(
        session.exec(
            select(Citation)
            .join(Section, col(Section.id) == Citation.section_id)
            .where(Section.source_id == source_id)
            .order_by(col(Section.ordinal), col(Citation.char_start))
        )
    )


def citing(session: Session, source_id: str) -> list[str]:
    """Return the ids of the sources that cite this one, ascending."""
    rows = session.exec(
        select(Section.source_id)
        .join(Reference, col(Reference.section_id) == Section.id)
        .where(Reference.cited_id == source_id)
        .distinct()
    )
    return sorted(rows)


def citations_among(session: Session, sources: Set[str]) -> list[SourceCitation]:
    """Return which of these sources cite which, by citing and then by cited source."""
    rows = plain_rows(session, _CITATIONS_OF_SOURCES)
    found = (SourceCitation(*row) for row in rows)
    return [each for each in found if {each.citing, each.cited} <= sources]


class _Meant(NamedTuple):
    """What a reference means, and by what that was found."""

    source: str | None = None
    found_by: str | None = None


class _Known:
    """The sources that a reference may mean, by what they are known by."""

    def __init__(self, session: Session) -> None:
        replaced: Set[str] = frozenset(
            each for each in session.exec(select(Source.replaces)) if each is not None
        )
        self._by_identifier: dict[tuple[str, str], list[str]] = {}
        self._by_title: dict[tuple[str, ...], list[tuple[list[str], str]]] = {}
        rows = select(Source.id, Source.title, Source.identifiers).order_by(Source.id)
        for identifier, title, identifiers in session.exec(rows):
            if identifier in replaced:
                continue
            for scheme in ("arxiv", "doi"):
                if scheme in identifiers:
                    key = (scheme, identifiers[scheme].lower())
                    self._by_identifier.setdefault(key, []).append(identifier)
            words = _words(title)
            if len(words) >= _SHORTEST_TITLE:
                key_words = tuple(words[:_SHORTEST_TITLE])
                self._by_title.setdefault(key_words, []).append((words, identifier))

    def meant_by(self, text: str, identifiers: dict[str, str], own: str) -> _Meant:
        """Return the source that an entry means and by what it was found, or none."""
        for scheme in ("arxiv", "doi"):
            found = self._by_identifier.get((scheme, identifiers.get(scheme, "").lower()), [])
            for source in found:
                if source != own:
                    return _Meant(source, scheme)
        words = _words(text) if self._by_title else []
        for start in range(len(words) - _SHORTEST_TITLE + 1):
            beginning = tuple(words[start : start + _SHORTEST_TITLE])
            for title, source in self._by_title.get(beginning, []):
                if source != own and words[start : start + len(title)] == title:
                    return _Meant(source, "title")
        return _Meant()


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", unicodedata.normalize("NFKC", text).casefold())
