"""Reading documents, as a job: with its report as a view."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import Engine

from api.jobs import OnProgress
from api.views.hidden import HiddenView
from api.views.reports import (
    FailureView,
    IngestionView,
    RefusalView,
    ReplacedView,
    SourceReportView,
)
from api.views.spent import spent_on
from kg.db import reading
from kg.errors import DocumentError, KnowledgeGraphError
from kg.language_model import ModelConfig, open_language_model

if TYPE_CHECKING:
    from ingest.extractors import Settings
    from ingest.fetching import Fetcher


class Reading(NamedTuple):
    """Who finds the statements, and how many files are read at once."""

    extractor: str = "offline"
    jobs: int = 1
    model: ModelConfig | None = None
    """The language model, for an extractor that asks one."""

    replies: Path | None = None
    """Where its answers are kept."""

    budget: int | None = None
    """Tokens that may be spent."""

    fetcher: "Fetcher | None" = None
    """Who fetches what is no file; default: one with the usual limits."""

    settings: "Settings" = MappingProxyType({})
    """What of the extractor's config is not as usual."""

    embedder: str = "minilm"
    """For what has to be placed anew when an earlier version of a file leaves."""


def ingest_items(
    engine: Engine, items: Sequence[str], how: Reading, on_progress: OnProgress
) -> IngestionView:
    """Fetch what is an address, an arXiv id or a DOI, and take all of it apart into statements.

    What exists as a file or a folder is one, whatever it looks like.
    """
    from ingest.fetching import Fetcher, is_address

    paths, fetched, failures = list[Path](), dict[Path, str](), list[FailureView]()
    with TemporaryDirectory() as folder:
        for place, item in enumerate(items):
            if Path(item).exists() or not is_address(item):
                paths.append(Path(item))
                continue
            on_progress(place, len(items), item)
            own = Path(folder, str(place))
            own.mkdir()
            try:
                found = (how.fetcher or Fetcher()).fetch(item, own)
            except DocumentError as error:
                failures.append(FailureView(file=item, reason=str(error)))
                continue
            paths.append(found.path)
            fetched[found.path] = found.url
        view = ingest_files(engine, paths, how, on_progress, fetched)
    return view.model_copy(update={"failures": [*failures, *view.failures]})


def ingest_files(
    engine: Engine,
    paths: Sequence[Path],
    how: Reading,
    on_progress: OnProgress,
    fetched: Mapping[Path, str] = MappingProxyType({}),
) -> IngestionView:
    """Take files and folders apart into statements; earlier versions of changed files leave."""
    from ingest.extractors import open_extractor
    from ingest.pipeline import Crew, IngestionConfig, ingest

    model, extractor = None, None
    if how.extractor == "llm":
        if how.model is not None:
            model = open_language_model(how.model, how.replies, how.budget)
        extractor = open_extractor(how.extractor, model, how.settings)
    config = IngestionConfig(
        extractor=how.extractor,
        model=model.name if model else None,
        settings=dict(how.settings),
    )
    report = ingest(engine, paths, config, on_progress, Crew(how.jobs, extractor, fetched))
    replaced = _remove_earlier_versions(engine, how.embedder)
    return IngestionView(
        run=report.run,
        sources=[
            SourceReportView(
                id=source.id,
                title=source.title,
                name=source.name,
                format=source.format,
                is_new=source.is_new,
                version=source.version,
                is_described_anew=source.is_described_anew,
                n_placed=source.n_placed,
                read_with=source.read_with,
                claims=source.claims,
                findings=source.findings,
                candidates=source.candidates,
                refused=len(source.refusals),
                refusals=[
                    RefusalView(section=each.section, quote=each.quote, reason=each.reason)
                    for each in source.refusals
                ],
                hidden=[HiddenView(**each._asdict()) for each in source.hidden],
                text_from=source.text_from,
            )
            for source in report.sources
        ],
        sidecars=[str(path) for path in report.sidecars],
        skipped=[FailureView(file=each.name, reason=each.reason) for each in report.skipped],
        failures=[FailureView(file=each.name, reason=each.reason) for each in report.failures],
        stopped=report.stopped,
        **spent_on(model),
        replaced=replaced,
    )


def _remove_earlier_versions(engine: Engine, embedder: str) -> ReplacedView | None:
    """Delete the sources that newer versions of their files replace; a problem is a value."""
    from kg.sources import superseded

    with reading(engine) as session:
        earlier = superseded(session)
    if not earlier:
        return None
    from kg.embedders import open_embedder
    from kg.removal import remove_superseded

    try:
        done = remove_superseded(engine, lambda: open_embedder(embedder))
    except KnowledgeGraphError as error:
        return ReplacedView(sources=[], statements=0, kept=earlier, problem=str(error))
    return ReplacedView(
        sources=list(done.removal.sources) if done.removal else [],
        statements=done.removal.statements if done.removal else 0,
        kept=list(done.kept),
        problem="",
    )
