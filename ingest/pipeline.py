"""The straight line from a file to stored statements.

A file is read, its statements are proposed, each is found verbatim in its section or
refused, and all of it is stored in one transaction: a file is in the graph whole, or not at
all. What goes wrong with one file is a value in the report; the others go on.
"""

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Engine
from sqlmodel import Session

from ingest.abbreviations import abbreviations
from ingest.documents import Document, Located, Refusal, Section
from ingest.extractors import open_extractor
from ingest.extractors.protocol import Extractor
from ingest.provenance import locate_quotes
from ingest.readers import READERS
from ingest.readers.files import label
from ingest.readers.isolated import read_isolated
from ingest.sidecars import SUFFIXES, Sidecars
from kg.db import reading, writing
from kg.errors import ConfigError, DocumentError
from kg.runs import recording, succeed
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
from kg.tables import RunKind, StatementKind

logger = logging.getLogger(__name__)


class IngestionConfig(BaseModel):
    """What an ingestion run does."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    extractor: str = "offline"
    """Name of the extractor, as in `EXTRACTORS`."""


@dataclass(frozen=True)
class SourceReport:
    """What became of one source."""

    id: str
    title: str
    name: str
    format: str
    is_new: bool
    claims: int = 0
    findings: int = 0
    refusals: tuple[Refusal, ...] = ()


@dataclass(frozen=True)
class Failure:
    """A file that could not be taken, and why."""

    name: str
    reason: str


@dataclass
class IngestionReport:
    """What became of every file of a run."""

    run: int
    sources: list[SourceReport] = field(default_factory=list)
    skipped: list[Failure] = field(default_factory=list)
    """Files in a folder whose format is not one that can be read."""

    failures: list[Failure] = field(default_factory=list)
    sidecars: list[str] = field(default_factory=list)
    """Bibliographic files that said what a document of this run is."""


def ingest(
    engine: Engine,
    paths: Sequence[Path],
    config: IngestionConfig,
    on_progress: Callable[[int, int, str], None] | None = None,
) -> IngestionReport:
    """Take files and folders apart into statements, and store them.

    Args:
        engine: The database to store in.
        paths: Files and folders; folders are searched for files in every depth, by name.
        config: Which extractor.
        on_progress: Called before each file with its place, the number of files, its name.

    Raises:
        ConfigError: There is no such extractor, or no such path.
    """
    for path in paths:
        if path.parts[:1] in {("http:",), ("https:",)}:
            raise ConfigError(f"{path} is a URL: save the page or the PDF, and give the file")
        if not path.exists():
            raise ConfigError(f"there is no file or folder {path}")
    extractor = open_extractor(config.extractor)
    with recording(engine, RunKind.INGESTION, config.extractor, config) as run_id:
        report = IngestionReport(run_id)
        files = list(_files(paths, report))
        sidecars = Sidecars()
        for place, (path, top) in enumerate(files):
            if on_progress:
                on_progress(place, len(files), path.name)
            try:
                beside = sidecars.of(path, top)
                documents = read_isolated(path, sidecars=beside)
                report.sources.extend(_store(engine, documents, extractor, run_id))
                report.sidecars.extend(_used(documents, beside))
            except DocumentError as error:
                logger.warning("%s", error)
                report.failures.append(Failure(str(path), str(error)))
        report.sidecars = sorted(set(report.sidecars))
        report.skipped = [each for each in report.skipped if each.name not in report.sidecars]
        with writing(engine) as session:
            succeed(session, run_id, _summary(report))
        return report


def _store(
    engine: Engine, documents: list[Document], extractor: Extractor, run_id: int
) -> list[SourceReport]:
    """Store every source of a file in one transaction, or none of them."""
    with reading(engine) as session:
        reports = [
            _unchanged(session, document)
            for document in documents
            if has_source(session, document.sha256)
        ]
    known = {report.id for report in reports}
    new = [document for document in documents if source_id(document.sha256) not in known]
    drafts = [document.drafts or extractor.extract(document) for document in new]
    with writing(engine) as session:
        for document, proposed in zip(new, drafts, strict=True):
            located, refusals = locate_quotes(document, proposed)
            source = add_source(session, _source_draft(document), run_id)
            add_mentions(session, [_mention_draft(source, each) for each in located], run_id)
            reports.append(_taken(document, located, refusals))
    return reports


def _used(documents: list[Document], sidecars: list[Path]) -> Iterator[str]:
    """Yield the sidecars that a field of a document comes from."""
    origins = {origin for document in documents for _, origin in document.origins}
    yield from (str(sidecar) for sidecar in sidecars if label(Path(sidecar.name)) in origins)


def _files(paths: Sequence[Path], report: IngestionReport) -> Iterator[tuple[Path, Path]]:
    """Yield the files to read, each with the folder that it was found from.

    Of a folder's files, hidden ones are left out, and links and those of unknown format are
    skipped and reported.
    """
    for path in paths:
        if not path.is_dir():
            yield path, path.parent
            continue
        for file in _files_in(path):
            if file.is_symlink():
                report.skipped.append(Failure(str(file), "it is a link: name what it points to"))
            elif file.suffix.lower() in READERS:
                yield file, path
            else:
                report.skipped.append(Failure(str(file), _why_skipped(file)))


def _why_skipped(file: Path) -> str:
    reason = f"{file.suffix or 'a name without a suffix'} is not a known format"
    if file.suffix.lower() in SUFFIXES:
        reason += ", and it describes no document here"
    return reason


def _files_in(folder: Path) -> Iterator[Path]:
    """Yield a folder's files in every depth, by name; linked folders are not entered."""
    for place, subfolders, names in os.walk(folder):
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        yield from (Path(place, name) for name in sorted(names) if not name.startswith("."))


def _source_draft(document: Document) -> SourceDraft:
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
        sections=[_section_draft(section) for section in document.sections],
    )


def _section_draft(section: Section) -> SectionDraft:
    return SectionDraft(
        heading=section.heading,
        level=section.level,
        kind=section.kind,
        text=section.text,
        pages=list(section.pages),
        abbreviations=[
            AbbreviationDraft(
                short=found.short,
                long=found.long,
                char_start=found.span.start,
                char_end=found.span.end,
            )
            for found in abbreviations(section.text)
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


def _taken(document: Document, located: list[Located], refusals: list[Refusal]) -> SourceReport:
    kinds = [each.draft.kind for each in located]
    return SourceReport(
        id=source_id(document.sha256),
        title=document.title,
        name=document.name,
        format=document.format,
        is_new=True,
        claims=kinds.count("claim"),
        findings=kinds.count("finding"),
        refusals=tuple(refusals),
    )


def _unchanged(session: Session, document: Document) -> SourceReport:
    """Report a source that was in before, as it is stored."""
    source = source_of(session, source_id(document.sha256))
    counts = counts_of(session, source.id)
    return SourceReport(
        id=source.id,
        title=source.title,
        name=document.name,
        format=source.format,
        is_new=False,
        claims=counts[StatementKind.CLAIM],
        findings=counts[StatementKind.FINDING],
    )


def _summary(report: IngestionReport) -> dict[str, object]:
    return {
        "sources": len(report.sources),
        "new": sum(source.is_new for source in report.sources),
        "claims": sum(source.claims for source in report.sources),
        "findings": sum(source.findings for source in report.sources),
        "refused": sum(len(source.refusals) for source in report.sources),
        "skipped": len(report.skipped),
        "failed": [failure.reason for failure in report.failures],
    }
