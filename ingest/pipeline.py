"""The straight line from files to stored statements.

A file is read and its statements are proposed, each is found verbatim in its section or refused,
and all of it is stored in one transaction: a file is in the graph whole, or not at all. Files are
taken apart by several processes at once, and stored one after the other, in their order. A file
whose bytes are in already is passed over without being read, so a run that was killed goes on
where it was. Only if a bibliography beside it has changed, it is read again, for what it is called
(`ingest.rereading`), or if it is a PDF that was stored without its places on its pages, for those
(`kg.page_places`). What goes wrong with one file is a value in the report; the others go on.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Engine

from ingest.crew import in_order
from ingest.extractors import Settings, open_extractor
from ingest.extractors.protocol import Extractor
from ingest.folders import Found, Skipped, files_of, sha256_of
from ingest.isolated import ReadingProcess, Task
from ingest.preparing import Prepared, prepared, taken_apart
from ingest.readers.files import label
from ingest.rereading import Bibliographies
from ingest.sidecars import Sidecars
from ingest.storing import SourceReport, met_again, store
from kg.citations import resolve
from kg.db import reading, writing
from kg.errors import DocumentError, LanguageModelError
from kg.ids import content_id
from kg.page_places import without_places
from kg.runs import noted_in_runs, recording, succeed
from kg.sources import known_origins, source_of
from kg.tables import RunKind

logger = logging.getLogger(__name__)


_NOTED = "bibliographies"
"""Under this name a run notes the digests of the bibliographies that it saw."""


class IngestionConfig(BaseModel):
    """What an ingestion run does."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    extractor: str = "offline"
    """Name of the extractor, as in `EXTRACTORS`."""

    model: str | None = None
    """The language model, if it asks one."""

    settings: dict[str, Any] = {}
    """What of the extractor's own config is not as usual."""


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
    """What of a folder is not read: files of unknown format, links, folders without permission."""

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

    is_read_again: bool = False
    """It is known, but what lies beside it may say something else now, or it was stored without
    its places on its pages."""


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
        ConfigError: There is no such extractor, or none of the paths is there.
    """
    file = engine.url.database
    files, skipped, missing = files_of(paths, Path(file) if file else None)
    jobs, chosen, fetched = crew or Crew()
    extractor = chosen or open_extractor(config.extractor, settings=config.settings)
    with recording(engine, RunKind.INGESTION, extractor.name, config) as run_id:
        report = IngestionReport(run_id)
        report.failures = [Failure(*each) for each in missing]
        with reading(engine) as session:
            known, unplaced = known_origins(session), without_places(session)
            bibliographies = Bibliographies(noted_in_runs(session, RunKind.INGESTION, _NOTED))
        results = in_order(
            _pieces(files, known, unplaced, bibliographies),
            _work(extractor, config.settings if chosen is None and extractor.is_offline else None),
            jobs,
        )
        try:
            with closing(results):
                for place, (piece, result) in enumerate(results):
                    if on_progress:
                        on_progress(place, len(files), piece.found.path.name)
                    if isinstance(result, DocumentError):
                        bibliographies.forget(piece.sidecars)
                    _take(engine, report, piece, result, fetched)
        except LanguageModelError as error:
            logger.warning("%s", error)
            report.stopped = str(error)
        report.sidecars = sorted(set(report.sidecars))
        report.skipped = [each for each in skipped if each.name not in report.sidecars]
        with writing(engine) as session:
            cited = resolve(session)
            noted = {"references_resolved": cited, _NOTED: bibliographies.digests}
            succeed(session, run_id, {**_summary(report), **noted})
        return report


def _pieces(
    files: Sequence[Found],
    known: Mapping[str, Set[str]],
    unplaced: Set[str],
    bibliographies: Bibliographies,
) -> Iterator[_Piece]:
    sidecars = Sidecars()
    for found in files:
        sha256 = sha256_of(found.path)
        beside = tuple(sidecars.of(found.path, found.top))
        origins = known.get(sha256 or "", frozenset())
        is_known = sha256 in known
        anew = bibliographies.have_changed(found, beside, origins) or sha256 in unplaced
        yield _Piece(found, beside, sha256, is_known, is_known and anew)


def _work(
    extractor: Extractor, settings: Settings | None
) -> Callable[[ReadingProcess, _Piece], list[Prepared] | DocumentError]:
    """Return what is done with each file, beside all others; with settings, all in the child."""

    def work(process: ReadingProcess, piece: _Piece) -> list[Prepared] | DocumentError:
        if piece.is_known and not piece.is_read_again:
            return []
        try:
            if settings is not None and not piece.is_known:
                task = Task(piece.found.path, piece.sidecars, extractor.name, settings)
                return process.prepare(task)
            documents = process.read(piece.found.path, piece.sidecars)
            if piece.is_known:
                return [prepared(document, ()) for document in documents]
            return [taken_apart(document, extractor) for document in documents]
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
        logger.info("%s", result)
        report.failures.append(Failure(label(piece.found.path), str(result)))
        return
    if piece.is_known and piece.sha256:
        name = label(Path(piece.found.path.name))
        documents = [each.document for each in result]
        report.sources.append(met_again(engine, piece.sha256, name, documents, report.run))
        with reading(engine) as session:
            origins = set(source_of(session, report.sources[-1].id).origins.values())
        report.sidecars.extend(_among(origins, piece.sidecars))
        return
    address = fetched.get(piece.found.path)
    place = content_id("fil", address) if address else piece.found.place
    sources = [each.at(address) for each in result] if address else result
    report.sources.extend(store(engine, sources, place, report.run))
    used = {origin for each in result for _, origin in each.document.origins}
    report.sidecars.extend(_among(used, piece.sidecars))


def _among(origins: Set[str], sidecars: Sequence[Path]) -> Iterator[str]:
    """Yield the sidecars that a field comes from."""
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
