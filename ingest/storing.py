"""Storing what was taken apart: a file whole, in one transaction, or not at all."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Engine
from sqlmodel import Session

from ingest.abbreviations import Abbreviation
from ingest.documents import Hidden, Located, Refusal, Section
from ingest.preparing import Prepared
from ingest.references import Entry
from kg.citations import CitationDraft, ReferenceDraft, add_citations, add_references
from kg.db import writing
from kg.ids import content_id
from kg.sources import (
    AbbreviationDraft,
    SectionDraft,
    SourceDraft,
    add_source,
    counts_of,
    has_source,
    section_id,
    source_id,
    source_of,
)
from kg.statements import MentionDraft, add_mentions
from kg.tables import StatementKind


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
    refusals: tuple[Refusal, ...] = ()
    hidden: tuple[Hidden, ...] = ()
    """What its pages hide from a reader, which was not read."""


def store(engine: Engine, sources: list[Prepared], place: str, run_id: int) -> list[SourceReport]:
    """Store every source of a file in one transaction, or none of them."""
    reports: list[SourceReport] = []
    with writing(engine) as session:
        for each in sources:
            document = each.document
            if has_source(session, document.sha256):
                reports.append(unchanged(session, document.sha256, document.name))
                continue
            is_list = document.format == "statements"
            file = content_id("fil", place, document.title) if is_list else place
            source = add_source(session, _source_draft(each, file), run_id)
            mentions = [_mention_draft(source, found) for found in each.located]
            add_mentions(session, mentions, run_id)
            references = [_reference_draft(source, entry) for entry in each.references]
            add_references(session, references)
            add_citations(session, _citation_drafts(source, each, references), run_id)
            reports.append(_taken(each, source_of(session, source).version))
    return reports


def _source_draft(taken: Prepared, file: str) -> SourceDraft:
    document = taken.document
    return SourceDraft(
        title=document.title,
        name=document.name,
        format=document.format,
        sha256=document.sha256,
        authors=list(document.authors),
        year=document.year,
        url=document.url,
        identifiers=dict(document.identifiers),
        origins=dict(document.origins),
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
        refusals=tuple(taken.refusals),
        hidden=document.hidden,
    )


def unchanged(session: Session, sha256: str, name: str) -> SourceReport:
    """Report a source that was in before, as it is stored."""
    source = source_of(session, source_id(sha256))
    counts = counts_of(session, source.id)
    return SourceReport(
        id=source.id,
        title=source.title,
        name=name,
        format=source.format,
        is_new=False,
        version=source.version,
        claims=counts[StatementKind.CLAIM],
        findings=counts[StatementKind.FINDING],
    )
