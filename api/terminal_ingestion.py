"""How an ingestion looks in a terminal."""

from collections.abc import Iterable

from api import terminal_updates
from api.views.reports import IngestionView, ReplacedView

Lines = Iterable[str]

_WIDTH = 100


def ingestion(view: IngestionView) -> Lines:
    """Say what became of every file."""
    for source in view.sources:
        state = "" if source.is_new else "  (unchanged: it is in already)"
        if source.is_new and source.version > 1:
            state = f"  (version {source.version} of its file)"
        yield (
            f"{source.id}  {source.claims:>3} claims {source.findings:>3} findings "
            f"{source.refused:>2} refused  {source.title}{state}"
        )
        for refusal in source.refusals:
            yield f"    refused: {refusal.reason}: {_short(refusal.quote)}"
    for sidecar in view.sidecars:
        yield f"used {sidecar}: it describes another file"
    for file in view.skipped:
        yield f"skipped {file.file}: {file.reason}"
    if view.replaced:
        yield from _replaced(view.replaced)
    n_new = sum(source.is_new for source in view.sources)
    yield (
        f"run {view.run}: {n_new} new sources, {len(view.sources) - n_new} unchanged, "
        f"{len(view.skipped)} skipped, {len(view.failures)} failed"
    )
    yield from terminal_updates.amended(view.updates)


def _replaced(view: ReplacedView) -> Lines:
    if view.sources:
        yield (
            f"{len(view.sources)} earlier versions left, with {view.statements} statements that "
            "nobody makes any more"
        )
    for source in view.kept:
        yield f"kept {source}: {view.problem or 'only it makes a statement that was tested'}"


def _short(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= _WIDTH else words[: _WIDTH - 1] + "…"
