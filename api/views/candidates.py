"""Sentences of a source that may be statements and were not kept."""

from sqlmodel import Session

from api.views.statement_rows import statement_rows
from api.views.view import SourceName, View
from kg.candidates import Quoted, candidates_of, count_candidates
from kg.sources import source_of
from kg.tables import StatementKind


class CandidateView(View):
    """A sentence that may be a claim or a finding."""

    id: str
    kind: StatementKind
    """What it would be."""

    text: str
    quote: str
    section: str
    char_start: int
    char_end: int
    page: int | None
    note: str
    score: float
    """How sure the extractor is that it is a claim or a finding, in [0, 1]."""


class CandidatesView(View):
    """What a source may state beyond its statements."""

    source: SourceName
    total: int
    """How many there are, shown or not."""

    candidates: list[CandidateView]
    """The surest first."""


class KeptItem(View):
    """A candidate that is a statement now."""

    id: str
    kind: StatementKind
    text: str


class KeptView(View):
    """What came of keeping candidates."""

    run: int
    statements: list[KeptItem]


def candidates_view(
    session: Session, source_id: str, limit: int | None = None, offset: int = 0
) -> CandidatesView:
    """Return the candidates of a source: all of them, or a stretch of the list.

    Raises:
        NotFoundError: No source has this id.
    """
    source = source_of(session, source_id)
    return CandidatesView(
        source=SourceName(id=source.id, title=source.title),
        total=count_candidates(session, source_id),
        candidates=[_candidate(each) for each in candidates_of(session, source_id, limit, offset)],
    )


def kept_view(session: Session, run: int, statements: list[str]) -> KeptView:
    """Return what a run made of candidates."""
    rows = statement_rows(session, statements)
    return KeptView(
        run=run,
        statements=[KeptItem(id=row.id, kind=row.kind, text=row.text) for row in rows],
    )


def _candidate(found: Quoted) -> CandidateView:
    row = found.candidate
    return CandidateView(
        id=row.id,
        kind=row.kind,
        text=row.text,
        quote=found.quote,
        section=row.section_id,
        char_start=row.char_start,
        char_end=row.char_end,
        page=row.page,
        note=row.note,
        score=row.score,
    )
