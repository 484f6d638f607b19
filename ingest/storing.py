"""Storing what was taken apart: a file whole, in one transaction, or not at all."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Engine
from sqlmodel import Session

from ingest.abbreviations import Abbreviation
from ingest.documents import Document, Hidden, Located, Refusal, Section
from ingest.preparing import FETCHED, Prepared
from ingest.references import Entry
from kg.candidates import add_candidates, count_candidates, keep_again
from kg.citations import CitationDraft, ReferenceDraft, add_citations, add_references
from kg.db import writing
from kg.ids import content_id
from kg.page_places import add_places
from kg.runs import run_of
from kg.sources import (
    AbbreviationDraft,
    SectionDraft,
    SourceDescription,
    SourceDraft,
    add_source,
    counts_of,
    describe,
    has_source,
    section_id,
    source_id,
    source_of,
)
from kg.statements import MentionDraft, add_mentions
from kg.tables import Source, StatementKind


@dataclass(frozen=True)
class SourceReport:
    """What became of one source."""

    id: str
    title: str
    name: str
    format: str
    is_new: bool
    version: int = 1
    """How many versions of its file were read."""

    claims: int = 0
    findings: int = 0
    candidates: int = 0
    """Sentences that may be statements and were not kept."""

    refusals: tuple[Refusal, ...] = ()
    hidden: tuple[Hidden, ...] = ()
    """What its pages hide from a reader, which was not read."""

    text_from: str = ""
    """Where its text comes from, if that is not simply the file."""

    is_described_anew: bool = False
    """It was in before, and what a bibliography beside it says of it has changed."""

    n_placed: int = 0
    """Sections of it that were stored without their places on its pages, and have them now."""

    read_with: str = ""
    """The extractor that found its statements, if it was in before and that is another."""


def store(engine: Engine, sources: list[Prepared], place: str, run_id: int) -> list[SourceReport]:
    """Store every source of a file in one transaction, or none of them."""
    reports: list[SourceReport] = []
    with writing(engine) as session:
        for each in sources:
            document = each.document
            if has_source(session, document.sha256):
                reports.append(_unchanged(session, document.sha256, document.name, run_id))
                continue
            is_list = document.format == "statements"
            file = content_id("fil", place, document.title) if is_list else place
            source = add_source(session, _source_draft(each, file), run_id)
            mentions = [_mention_draft(source, found) for found in each.located]
            add_mentions(session, mentions, run_id)
            add_candidates(session, [_mention_draft(source, c) for c in each.candidates], run_id)
            keep_again(session, source)
            references = [_reference_draft(source, entry) for entry in each.references]
            add_references(session, references)
            add_citations(session, _citation_drafts(source, each, references), run_id)
            reports.append(_taken(each, source_of(session, source).version))
    return reports


def _description(document: Document) -> SourceDescription:
    return SourceDescription(
        title=document.title,
        authors=list(document.authors),
        year=document.year,
        url=document.url,
        identifiers=dict(document.identifiers),
        origins=dict(document.origins),
    )


def _source_draft(taken: Prepared, file: str) -> SourceDraft:
    document = taken.document
    return SourceDraft(
        **dict(_description(document)),
        name=document.name,
        format=document.format,
        sha256=document.sha256,
        hidden=[each._asdict() for each in document.hidden],
        file=file,
        sections=[
            _section_draft(section, found)
            for section, found in zip(document.sections, taken.abbreviations, strict=True)
        ],
    )


def _section_draft(section: Section, found: Sequence[Abbreviation]) -> SectionDraft:
    return SectionDraft(
        heading=section.heading,
        level=section.level,
        kind=section.kind,
        text=section.text,
        pages=list(section.pages),
        anchors=list(section.anchors),
        printed=section.printed,
        abbreviations=[
            AbbreviationDraft(
                short=each.short,
                long=each.long,
                char_start=each.span.start,
                char_end=each.span.end,
            )
            for each in found
        ],
    )


def _mention_draft(source: str, located: Located) -> MentionDraft:
    draft = located.draft
    return MentionDraft(
        kind=StatementKind(draft.kind),
        text=draft.text,
        section_id=section_id(source, draft.section),
        char_start=located.span.start,
        char_end=located.span.end,
        quote=draft.quote,
        page=located.page,
        note=draft.note,
        score=draft.score,
    )


def _reference_draft(source: str, entry: Entry) -> ReferenceDraft:
    return ReferenceDraft(
        section_id=section_id(source, entry.section),
        char_start=entry.span.start,
        char_end=entry.span.end,
        text=entry.text,
        number=entry.number,
        identifiers=dict(entry.identifiers),
    )


def _citation_drafts(
    source: str, taken: Prepared, references: Sequence[ReferenceDraft]
) -> list[CitationDraft]:
    return [
        CitationDraft(
            section_id=section_id(source, located.draft.section),
            char_start=located.span.start,
            char_end=located.span.end,
            quote=located.draft.quote,
            page=located.page,
            score=located.draft.score,
            references=[references[place].id() for place in places],
        )
        for located, places in taken.citations
    ]


def _taken(taken: Prepared, version: int) -> SourceReport:
    document = taken.document
    kinds = [each.draft.kind for each in taken.located]
    return SourceReport(
        id=source_id(document.sha256),
        title=document.title,
        name=document.name,
        format=document.format,
        is_new=True,
        version=version,
        claims=kinds.count("claim"),
        findings=kinds.count("finding"),
        candidates=len(taken.candidates),
        refusals=tuple(taken.refusals),
        hidden=document.hidden,
        text_from=dict(document.origins).get("text", ""),
    )


def met_again(
    engine: Engine, sha256: str, name: str, documents: Sequence[Document], run_id: int
) -> SourceReport:
    """Report a source that was in before; if it was read again, take what was not known of it."""
    with writing(engine) as session:
        source = source_of(session, source_id(sha256))
        same = [document for document in documents if document.sha256 == sha256]
        changed = [
            describe(session, source.id, _described_again(source, document)) for document in same
        ]
        n_placed = sum(
            add_places(
                session,
                source.id,
                {section.text: section.printed for section in document.sections},
                [each._asdict() for each in document.hidden],
            )
            for document in same
        )
        report = _unchanged(session, sha256, name, run_id)
    return replace(report, is_described_anew=any(changed), n_placed=n_placed)


def _described_again(source: Source, document: Document) -> SourceDescription:
    """Return what a document says of itself now; the address it was fetched from stays."""
    description = _description(document)
    if description.url is not None or source.origins.get("url") != FETCHED:
        return description
    origins = description.origins | {"url": FETCHED}
    return description.model_copy(update={"url": source.url, "origins": origins})


def _unchanged(session: Session, sha256: str, name: str, run_id: int) -> SourceReport:
    """Report a source that was in before, as it is stored."""
    source = source_of(session, source_id(sha256))
    counts = counts_of(session, source.id)
    then, now = _reader_of(session, source.run_id), _reader_of(session, run_id)
    return SourceReport(
        id=source.id,
        title=source.title,
        name=name,
        format=source.format,
        is_new=False,
        version=source.version,
        claims=counts[StatementKind.CLAIM],
        findings=counts[StatementKind.FINDING],
        candidates=count_candidates(session, source.id),
        read_with="" if then == now or source.format == "statements" else then,
    )


def _reader_of(session: Session, run_id: int) -> str:
    """Return the extractor of a run, with its language model if it has one."""
    run = run_of(session, run_id)
    return " ".join(filter(None, (run.method, run.config.get("model"))))
