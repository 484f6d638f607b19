"""The straight line from files to stored statements.

A file is read and its statements are proposed, each is found verbatim in its section or refused,
and all of it is stored in one transaction: a file is in the graph whole, or not at all. Files are
taken apart by several processes at once, and stored one after the other, in their order. A file
whose bytes are in already is passed over without being read, so a run that was killed goes on
where it was. What goes wrong with one file is a value in the report; the others go on.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Engine

from ingest.crew import in_order
from ingest.documents import Document
from ingest.extractors import open_extractor
from ingest.extractors.protocol import Extractor
from ingest.folders import Found, Skipped, files_of, sha256_of
from ingest.isolated import ReadingProcess, Task
from ingest.preparing import Prepared, taken_apart
from ingest.readers.files import label
from ingest.sidecars import Sidecars
from ingest.storing import SourceReport, store, unchanged
from kg.citations import resolve
from kg.db import reading, writing
from kg.errors import DocumentError, LanguageModelError
from kg.ids import content_id
from kg.runs import recording, succeed
from kg.sources import known_hashes
from kg.tables import RunKind

logger = logging.getLogger(__name__)


class IngestionConfig(BaseModel):
    """What an ingestion run does."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    extractor: str = "offline"
    """Name of the extractor, as in `EXTRACTORS`."""

    model: str | None = None
    """The language model, if it asks one."""


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
    skipped: list[Skipped] = field(default_factory=list)
    """Files in a folder whose format is not one that can be read."""

    failures: list[Failure] = field(default_factory=list)
    sidecars: list[str] = field(default_factory=list)
    """Bibliographic files that said what a document of this run is."""

    stopped: str = ""
    """Why the run ended before the last file; what was stored before stays. Empty if it did not."""


class Crew(NamedTuple):
    """Who takes the files apart; what is stored does not depend on how many there are."""

    jobs: int = 1
    """Processes that read at once."""

    extractor: Extractor | None = None
    """The one that the config names, if it needs more than its name."""

    fetched: Mapping[Path, str] = MappingProxyType({})
    """Files that were fetched, with the address that each came from."""


class _Piece(NamedTuple):
    """A file that is to be taken apart."""

    found: Found
    sidecars: tuple[Path, ...]
    sha256: str | None
    """Of its bytes, if they could be read."""

    is_known: bool
    """A source has these bytes."""


def ingest(
    engine: Engine,
    paths: Sequence[Path],
    config: IngestionConfig,
    on_progress: Callable[[int, int, str], None] | None = None,
    crew: Crew | None = None,
) -> IngestionReport:
    """Take files and folders apart into statements, and store them.

    A file that was read before and has changed since becomes a source of its own, the next version
    of that file; the one before stays until `kg.removal.remove_superseded`.

    Args:
        engine: The database to store in.
        paths: Files and folders; folders are searched for files in every depth, by name.
        config: Which extractor.
        on_progress: Called before each file is stored with its place, the number of files, its
            name.
        crew: Who takes them apart; default: one process.

    Raises:
        ConfigError: There is no such extractor, or no such path.
    """
    files, skipped = files_of(paths)
    jobs, chosen, fetched = crew or Crew()
    extractor = chosen or open_extractor(config.extractor)
    with recording(engine, RunKind.INGESTION, extractor.name, config) as run_id:
        report = IngestionReport(run_id)
        with reading(engine) as session:
            known = known_hashes(session)
        results = in_order(
            _pieces(files, known), _work(extractor, chosen is None and extractor.is_offline), jobs
        )
        try:
            with closing(results):
                for place, (piece, result) in enumerate(results):
                    if on_progress:
                        on_progress(place, len(files), piece.found.path.name)
                    _take(engine, report, piece, result, fetched)
        except LanguageModelError as error:
            logger.warning("%s", error)
            report.stopped = str(error)
        report.sidecars = sorted(set(report.sidecars))
        report.skipped = [each for each in skipped if each.name not in report.sidecars]
        with writing(engine) as session:
            cited = resolve(session)
            succeed(session, run_id, {**_summary(report), "references_resolved": cited})
        return report


def _pieces(files: Sequence[Found], known: set[str]) -> Iterator[_Piece]:
    sidecars = Sidecars()
    for found in files:
        sha256 = sha256_of(found.path)
        is_known = sha256 in known
        beside = () if is_known else tuple(sidecars.of(found.path, found.top))
        yield _Piece(found, beside, sha256, is_known)


def _work(
    extractor: Extractor, is_in_child: bool
) -> Callable[[ReadingProcess, _Piece], list[Prepared] | DocumentError]:
    """Return what is done with each file, beside all others."""

    def work(process: ReadingProcess, piece: _Piece) -> list[Prepared] | DocumentError:
        if piece.is_known:
            return []
        try:
            if is_in_child:
                task = Task(piece.found.path, piece.sidecars, extractor.name)
                return process.prepare(task)
            return [
                taken_apart(document, extractor)
                for document in process.read(piece.found.path, piece.sidecars)
            ]
        except DocumentError as error:
            return error

    return work


def _take(
    engine: Engine,
    report: IngestionReport,
    piece: _Piece,
    result: list[Prepared] | DocumentError,
    fetched: Mapping[Path, str],
) -> None:
    """Store what came of a file, and say so in the report."""
    if isinstance(result, DocumentError):
        logger.warning("%s", result)
        report.failures.append(Failure(label(piece.found.path), str(result)))
        return
    if piece.is_known and piece.sha256:
        with reading(engine) as session:
            name = label(Path(piece.found.path.name))
            report.sources.append(unchanged(session, piece.sha256, name))
        return
    address = fetched.get(piece.found.path)
    place = content_id("fil", address) if address else piece.found.place
    sources = [each.at(address) for each in result] if address else result
    report.sources.extend(store(engine, sources, place, report.run))
    report.sidecars.extend(_used([each.document for each in result], piece.sidecars))


def _used(documents: Sequence[Document], sidecars: Sequence[Path]) -> Iterator[str]:
    """Yield the sidecars that a field of a document comes from."""
    origins = {origin for document in documents for _, origin in document.origins}
    yield from (str(sidecar) for sidecar in sidecars if label(Path(sidecar.name)) in origins)


def _summary(report: IngestionReport) -> dict[str, object]:
    return {
        "sources": len(report.sources),
        "new": sum(source.is_new for source in report.sources),
        "claims": sum(source.claims for source in report.sources),
        "findings": sum(source.findings for source in report.sources),
        "refused": sum(len(source.refusals) for source in report.sources),
        "skipped": len(report.skipped),
        "failed": [failure.reason for failure in report.failures],
        "stopped": report.stopped,
    }
