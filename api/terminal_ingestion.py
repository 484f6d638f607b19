"""How an ingestion, and what a source cites, look in a terminal."""

from collections.abc import Iterable, Sequence

from api import terminal_updates
from api.counting import count_of
from api.views.candidates import CandidatesView, KeptView
from api.views.citations import CitationsView, ReferenceView
from api.views.hidden import HiddenView
from api.views.reports import IngestionView, ReplacedView, SourceReportView
from api.views.sources import SourceView
from api.views.spent import SpentView

Lines = Iterable[str]

_WIDTH = 100
_MOST_PAGES = 5


def ingestion(view: IngestionView) -> Lines:
    """Say what became of every file."""
    for source in view.sources:
        yield (
            f"{source.id}  {source.claims:>3} claims {source.findings:>3} findings "
            f"{source.candidates:>4} candidates {source.refused:>2} refused  "
            f"{source.title}{_state(source)}"
        )
        for refusal in source.refusals:
            yield f"    refused: {refusal.reason}: {_short(refusal.quote)}"
        if source.text_from:
            yield f"    text from {source.text_from}"
        yield from hidden(source.hidden)
    for sidecar in view.sidecars:
        yield f"used {sidecar}: it describes another file"
    for file in view.skipped:
        yield f"skipped {file.file}: {file.reason}"
    if view.replaced:
        yield from _replaced(view.replaced)
    n_new = sum(source.is_new for source in view.sources)
    yield (
        f"run {view.run}: {count_of(n_new, 'new source')}, {len(view.sources) - n_new} unchanged, "
        f"{len(view.skipped)} skipped, {len(view.failures)} failed"
    )
    yield from spent(view)
    yield from terminal_updates.amended(view.updates)


def candidates(view: CandidatesView) -> Lines:
    """List what a source may state beyond its statements."""
    for each in view.candidates:
        yield f"{each.id}  {each.kind:<7}  {each.score:.2f}  {each.text}"
    if view.total:
        yield (
            f"{len(view.candidates)} of {view.total}; `claimgraph keep CANDIDATE...` makes "
            "statements of them"
        )
    else:
        yield f"{view.source.title} has no candidates"


def kept(view: KeptView) -> Lines:
    """Say which statements candidates have become."""
    for each in view.statements:
        yield f"{each.id}  {each.kind:<7}  {each.text}"
    yield (
        f"run {view.run}: {len(view.statements)} kept; `claimgraph update` places them in the "
        "communities"
    )


def spent(view: SpentView) -> Lines:
    """Say what was spent on a language model, if one was asked."""
    if view.requests:
        cost = "" if view.cost is None else f", {view.cost:.4f} US dollars by list price"
        yield (
            f"{view.requests} requests, {view.input_tokens} tokens in, "
            f"{view.output_tokens} out{cost}"
        )


def hidden(places: Sequence[HiddenView]) -> Lines:
    """Say what the pages of a source hide from a reader, a line for each way of hiding."""
    for why in sorted({place.why for place in places}):
        found = [place for place in places if place.why == why]
        pages = ", ".join(str(place.page) for place in found[:_MOST_PAGES])
        more = f" and {len(found) - _MOST_PAGES} more" if len(found) > _MOST_PAGES else ""
        yield (
            f"    not read, {why}: {sum(place.characters for place in found)} characters on page "
            f"{pages}{more}, such as {_short(found[0].example)!r}"
        )


def origins(view: SourceView) -> Lines:
    """Say what is known of a source, and where each field comes from."""
    known = {**view.identifiers, "authors": ", ".join(view.authors), "year": view.year}
    known |= {"title": view.title, "url": view.url}
    for field, origin in view.origins.items():
        value = f": {known[field]}" if known.get(field) else ""
        yield f"  {field} from {origin}{value}"


def unplaced(view: SourceView) -> Lines:
    """Say of how many sections of a PDF the places are not known, and what to do."""
    if view.n_unplaced:
        yield (
            f"{view.n_unplaced} of its sections were stored without their places on its pages: "
            "ingest its file again to have them (where that does not help, because its text is "
            f"read otherwise now, claimgraph remove {view.id} before)"
        )


def _state(source: SourceReportView) -> str:
    if source.is_new:
        return f"  (version {source.version} of its file)" if source.version > 1 else ""
    if source.n_placed:
        n_placed = count_of(source.n_placed, "section")
        return f"  (read again for the places of {n_placed}; its text is in already)"
    if source.read_with:
        return (
            f"  (not read again: it is in already, read with {source.read_with}; to read it anew, "
            f"claimgraph remove {source.id}, then ingest it)"
        )
    if source.is_described_anew:
        return "  (described anew by what lies beside it; its text is in already)"
    return "  (unchanged: it is in already)"


def _replaced(view: ReplacedView) -> Lines:
    if view.sources:
        yield (
            f"{count_of(len(view.sources), 'earlier version')} left, with "
            f"{count_of(view.statements, 'statement')} that nobody makes any more"
        )
    for source in view.kept:
        yield f"kept {source}: {view.problem or 'only it makes a statement that was tested'}"


def citations(view: CitationsView) -> Lines:
    """Say what a source cites, what it says of it, and who cites it."""
    entries = {each.id: each for each in view.references}
    if view.cited:
        yield f"\nOn the work of others ({len(view.cited)})"
    for each in view.cited:
        yield f"  {each.score:.2f}  {_short(each.quote)}"
        yield from (f"        cites {source.id}  {source.title}" for source in each.cites)
        others = (entries[reference] for reference in each.references)
        yield from (f"        cites {_short(other.text)}" for other in others if not other.cites)
    yield from _references(view.references)
    if view.cited_by:
        yield f"\nCited by ({len(view.cited_by)})"
    yield from (f"  {source.id}  {source.title}" for source in view.cited_by)


def _references(references: Sequence[ReferenceView]) -> Lines:
    if references:
        yield f"\nReferences ({len(references)})"
    for each in references:
        number = f"[{each.number}]" if each.number is not None else "-"
        yield f"  {number:>5}  {_short(each.text)}"
        if each.cites:
            yield f"         is {each.cites.id}  {each.cites.title} (by {each.found_by})"


def _short(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= _WIDTH else words[: _WIDTH - 1] + "…"
