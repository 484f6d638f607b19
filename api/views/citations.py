"""What a source refers to, who refers to it, and what it says of the work of others."""

from sqlmodel import Session, col, select

from api.views.view import SourceName, View
from kg.citations import citations_of, citing, references_of
from kg.tables import Citation, Reference, Source


class ReferenceView(View):
    """An entry of a list of references."""

    id: str
    section: str
    char_start: int
    char_end: int
    number: int | None
    """The number it is cited by; none where the list has none."""

    text: str
    identifiers: dict[str, str]
    cites: SourceName | None
    """The source that it means, if that is in the graph."""

    found_by: str | None
    """`arxiv`, `doi` or `title`: what tells which source is meant."""


class CitationView(View):
    """A sentence that reports what others claim or found."""

    id: str
    section: str
    char_start: int
    char_end: int
    quote: str
    page: int | None
    score: float
    """How sure the extractor is that this is on the work of others, in [0, 1]."""

    references: list[str]
    """Ids of the references that it gives."""

    cites: list[SourceName]
    """The sources that these mean, as far as they are in the graph."""


class CitationsView(View):
    """What a source cites, and who cites it."""

    references: list[ReferenceView]
    """In its order."""

    cited: list[CitationView]
    """In reading order."""

    cited_by: list[SourceName]
    """By title."""


def citations_view(session: Session, source_id: str) -> CitationsView:
    """Return what a source cites, what it says of it, and who cites it."""
    references = references_of(session, source_id)
    cited = {each.id: each.cited_id for each in references if each.cited_id is not None}
    citing_ids = citing(session, source_id)
    names = _names(session, [*cited.values(), *citing_ids])
    return CitationsView(
        references=[_reference(each, names) for each in references],
        cited=[_citation(each, cited, names) for each in citations_of(session, source_id)],
        cited_by=sorted((names[each] for each in citing_ids), key=lambda one: (one.title, one.id)),
    )


def _reference(row: Reference, names: dict[str, SourceName]) -> ReferenceView:
    return ReferenceView(
        id=row.id,
        section=row.section_id,
        char_start=row.char_start,
        char_end=row.char_end,
        number=row.number,
        text=row.text,
        identifiers=row.identifiers,
        cites=names.get(row.cited_id or ""),
        found_by=row.found_by,
    )


def _citation(row: Citation, cited: dict[str, str], names: dict[str, SourceName]) -> CitationView:
    meant = dict.fromkeys(cited[each] for each in row.references if each in cited)
    return CitationView(
        id=row.id,
        section=row.section_id,
        char_start=row.char_start,
        char_end=row.char_end,
        quote=row.quote,
        page=row.page,
        score=row.score,
        references=row.references,
        cites=[names[each] for each in meant if each in names],
    )


def _names(session: Session, identifiers: list[str]) -> dict[str, SourceName]:
    rows = session.exec(select(Source.id, Source.title).where(col(Source.id).in_(set(identifiers))))
    return {identifier: SourceName(id=identifier, title=title) for identifier, title in rows}
