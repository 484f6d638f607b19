"""How views look in a terminal: plain lines, one thing a line, easy to search and cut."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import groupby
from typing import TypeVar

import typer
from pydantic import BaseModel
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from api import (
    terminal_bridges,
    terminal_curation,
    terminal_decompositions,
    terminal_evidence,
    terminal_ingestion,
)
from api.counting import count_of, who
from api.jobs import OnProgress
from api.terminal_names import named
from api.views.communities import CommunitiesView, CommunityView
from api.views.relations import RelatingView, RelationItem, RelationReportView
from api.views.reports import (
    ClusteringView,
    DecompositionView,
    EmbeddingView,
    LabellingView,
)
from api.views.runs import RunDetailView, RunsView, RunView
from api.views.search import SearchView
from api.views.sources import SourcesView, SourceView
from api.views.statement_rows import StatementRow
from api.views.statements import StatementView

V = TypeVar("V", bound=BaseModel)
Lines = Iterable[str]


def show(view: V, as_json: bool, lines: Callable[[V], Lines]) -> None:
    """Print a view on standard output: as one JSON document, or as lines."""
    if as_json:
        typer.echo(view.model_dump_json(indent=2))
        return
    for line in lines(view):
        typer.echo(line)


class _Rate(ProgressColumn):
    """How many are done in a second."""

    def render(self, task: Task) -> Text:
        """Show it, when it is known."""
        return Text(f"{task.speed:.1f}/s" if task.speed else "", style="progress.data.speed")


@contextmanager
def progress(title: str) -> Iterator[OnProgress]:
    """Show how far a long piece of work is on standard error, if that is a terminal."""
    console = Console(stderr=True)
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as bar:
        task = bar.add_task(title, total=None)

        def update(done: int, total: int, what: str = "") -> None:
            bar.update(task, completed=done, total=total, description=f"{title} {what[:40]}")

        yield update


def clustering(view: ClusteringView) -> Lines:
    """Say what a clustering made."""
    yield (
        f"run {view.run} ({view.method}, seed {view.seed}): "
        f"{count_of(view.statements, 'statement')} in "
        f"{count_of(view.communities, 'community', 'communities')} on "
        f"{count_of(view.levels, 'level')}, "
        f"modularity {view.modularity:.3f}, recall of neighbours {view.recall:.3f}, "
        f"{view.seconds:.1f} s"
    )
    if view.seeds > 1:
        yield (
            f"a consensus of {view.seeds} seeds: {view.cutting_seconds:.1f} s of "
            f"{view.seconds:.1f} s; {_unstable(view.unstable)}"
        )
    else:
        yield "a single seed: how stable the communities are was not measured"
    if view.layers == "multiplex":
        yield "the layers were cut as a multiplex: each was compared with its own chance"
    elif view.asked_layers == "multiplex":
        yield "the graph has too many ties to be cut as a multiplex: the layers were added up"
    yield f"see them with: claimgraph communities --method {view.method}"


def _unstable(n: int) -> str:
    if not n:
        return "no community is unstable"
    are = "is" if n == 1 else "are"
    return f"{count_of(n, 'community', 'communities')} {are} unstable: no more stable than chance"


def labelling(view: LabellingView) -> Lines:
    """Say what a labelling did, and what it cost."""
    yield (
        f"run {view.run} ({view.labeller}): named "
        f"{count_of(view.communities, 'community', 'communities')} of run "
        f"{view.clustering_run}, refused {view.refused}, {view.seconds:.1f} s"
    )
    yield from terminal_ingestion.spent(view)


def community_tree(view: CommunitiesView) -> Lines:
    """Show the trees, one community a line, indented by level."""
    run = None
    unclustered = Counter(each.run for each in view.root if each.is_unclustered)
    for community in view.root:
        if community.run != run:
            run = community.run
            yield f"{community.method}, run {run}"
        if community.is_unclustered and unclustered[community.run]:
            n = unclustered.pop(community.run)
            yield f"  unclustered: {n} tied to nothing, or too little to belong anywhere"
        indent = "  " * (community.level + 1)
        yield f"{indent}{community.id}  {community.members:>3}  {named(community)}"
    if not view.root:
        yield "there are no communities: ingest something, then run `claimgraph cluster`"


def community(view: CommunityView) -> Lines:
    """Show a community in the order of its page."""
    yield f"{view.status}  {view.method}  label: {view.label_model or 'none'}"
    yield view.id
    yield from _identity(view)
    yield from _name(view)
    yield count_of(view.members, "member")
    yield from _steadiness(view)
    if view.parent:
        yield f"part of {view.parent.id}  {named(view.parent)} ({view.parent.members})"
    yield f"\nSub-communities ({len(view.sub_communities)})"
    for child in view.sub_communities:
        yield f"  {child.id}  {child.members:>3}  {named(child)}"
    yield f"\nDrawn from {count_of(len(view.sources), 'source')}"
    for source in view.sources:
        yield f"  {source.members:>3}  {source.title}"
    yield f"\nBridges ({len(view.bridges)})"
    for bridge in view.bridges:
        yield from terminal_bridges.bridge(bridge)
    yield f"\nNested in other methods ({len(view.nested)})"
    yield from map(terminal_bridges.nested, view.nested)
    for title, rows in (("Claims", view.claims), ("Findings", view.findings)):
        yield f"\n{title} ({len(rows)})"
        for row in rows:
            yield from _statement(row, "*" if row.id in view.label_support else " ", row.certainty)


def _name(view: CommunityView) -> Lines:
    yield ""
    yield view.label
    yield view.description
    if view.label_support:
        support = count_of(len(view.label_support), "member")
        yield f"named by {view.label_model} on {support}, marked *"
    for reason in view.label_refusals:
        yield f"refused before: {reason}"


def _identity(view: CommunityView) -> Lines:
    """Give the permanent link, and where a superseded community is today."""
    if view.link:
        yield f"{view.link}  permanent link, first seen in run {view.first_run}"
    if view.current and view.current.id != view.id:
        yield f"today: {view.current.id}  {named(view.current)} ({view.current.members})"
    if view.current is None:
        places = [
            f"{named(place)} ({place.id}, {place.shared} of {view.members})"
            for place in view.successors
        ]
        yield f"gone: its statements are today in {', '.join(places) or 'no community'}"


def statement(view: StatementView) -> Lines:
    """Show a statement with where it is said and what is near it."""
    yield f"{view.kind}  {view.id}"
    yield view.text
    if view.note:
        yield f"  {view.note}"
    yield f"\nMentions ({len(view.mentions)})"
    for mention in view.mentions:
        page = f", page {mention.page}" if mention.page else ""
        heading = mention.section.heading or "no heading"
        place = f"characters {mention.char_start} to {mention.char_end}"
        yield f"  {mention.source.title}: {heading}{page}, {place}"
        yield f"    “{mention.quote}”"
        if mention.link:
            yield f"    {mention.link}"
    yield from terminal_curation.merged_with(view.canonical)
    yield f"\nRelations ({len(view.relations)}): asserted, not measured"
    for relation in view.relations:
        yield from _relation(relation)
    yield from terminal_curation.proposals(view.proposals)
    yield f"\nCommunities ({len(view.communities)})"
    for each in view.communities:
        sure = "" if each.certainty is None else f", certainty {each.certainty:.2f}"
        yield f"  {each.id}  {named(each)}{sure}"
    yield "\nNeighbours"
    for method, near in groupby(view.neighbours, lambda neighbour: neighbour.method):
        yield f"  {method}"
        for neighbour in near:
            cites = f"\n           {neighbour.cites}" if neighbour.cites else ""
            yield f"    {neighbour.weight:.3f}  {neighbour.id}  {_short(neighbour.text)}{cites}"
    yield f"\nEvidence ({len(view.evidence)})"
    yield from terminal_evidence.tests(view.evidence, view.waiting)


def embedding(view: EmbeddingView) -> Lines:
    """Say what was embedded, and what to do where the model is another one now."""
    yield f"embedded {count_of(view.statements, 'statement')} with {view.model}"
    if view.previous not in (None, view.model):
        yield f"it was {view.previous} before: run `claimgraph cluster` again for every method"


def relations(view: RelationReportView) -> Lines:
    """Say what became of relations that were asserted or taken back."""
    for each in view.relations:
        yield f"{each.change:<9}  {each.head.id} {each.words} {each.tail.id}"
        yield f"           {_short(each.head.text)}"
        yield f"           {_short(each.tail.text)}"
    counts = Counter(each.change for each in view.relations)
    yield ", ".join(f"{count} {change}" for change, count in sorted(counts.items())) or "none"


def relating(view: RelatingView) -> Lines:
    """Say what a language model asserted, what was refused, and what it cost."""
    yield from relations(view)
    for problem in view.refused:
        yield f"refused: {problem}"
    yield f"{view.model} was asked about {view.asked} of {view.pairs} pairs"
    yield from terminal_ingestion.spent(view)
    if view.is_out_of_budget:
        yield "the budget is spent: the same command with a larger one goes on from here"


def sources(view: SourcesView) -> Lines:
    """List sources, one a line."""
    for each in view.root:
        yield (
            f"{each.id}  {each.claims:>3} claims {each.findings:>3} findings  "
            f"{each.format:<10}  {each.title}"
        )
    if not view.root:
        yield "there are no sources: `claimgraph ingest PATH` takes some in"


def source(view: SourceView) -> Lines:
    """Show a source with its sections and statements."""
    yield f"{view.id}  {view.format}  {view.name}"
    yield view.title
    for scheme, value in view.identifiers.items():
        yield f"{scheme} {value}"
    yield from terminal_ingestion.origins(view)
    yield from terminal_ingestion.hidden(view.hidden)
    yield from terminal_ingestion.unplaced(view)
    for work in view.works:
        yield f"{work.source.title} {work.words} {work.other.title}"
    yield f"\nSections ({len(view.sections)})"
    for section in view.sections:
        yield f"  {section.ordinal:>3}  {section.characters:>6} characters  {section.heading}"
    n_statements = view.claims + view.findings
    yield f"\nStatements ({n_statements})"
    for row in view.statements:
        yield from _statement(row)
    if len(view.statements) < n_statements:
        yield f"  and {n_statements - len(view.statements)} more: see them with --limit"
    yield from terminal_ingestion.citations(view.citations)
    yield f"\nCite it\n{view.bibtex}"


def search(view: SearchView) -> Lines:
    """List what was found, best first."""
    for hit in view.hits:
        yield f"{hit.id}  {hit.kind:<7}  {hit.text}"
    if not view.hits:
        yield (
            "nothing found among the statements; `claimgraph candidates SOURCE` lists sentences "
            "that were not kept"
        )
    if view.notice:
        yield f"note: {view.notice}"


def runs(view: RunsView) -> Lines:
    """List runs, newest first."""
    yield from map(_run, view.root)


def run(view: RunDetailView) -> Lines:
    """Show one run: what it read, which statements it speaks about, its result, its settings."""
    yield _run(view)
    if view.sources:
        yield f"\nSources read ({len(view.sources)})"
    for source in view.sources:
        yield f"  {source.id}  {source.title}"
    if view.verdicts:
        yield f"\nEvidence ({len(view.verdicts)})"
    for each in view.verdicts:
        stance = "WITHDRAWN" if each.is_withdrawn else each.stance.upper()
        yield f"  {stance}  {each.experiment}, run {each.run}  {each.id}"
        yield f"    {each.statement.id}  {each.statement.text}"
    for title, facts in (("Result", view.result), ("Configuration", view.config)):
        yield f"\n{title}"
        for name, value in facts.items():
            yield f"  {name:<24} {json.dumps(value, ensure_ascii=False)}"


def _run(view: RunView) -> str:
    error = f"  {view.error}" if view.error else ""
    of = f" of {view.target}" if view.target else ""
    status = "active" if view.is_active else view.status.value
    return (
        f"{view.id:>4}  {status:<9}  {view.kind:<13}  {view.method}{of}  {view.started_at}{error}"
    )


def decomposition(view: DecompositionView) -> Lines:
    """Say what a decomposition found."""
    yield (
        f"run {view.run} ({view.method} of {view.target}, seed {view.seed}): "
        f"{view.alive} of {view.subcomponents} subcomponents alive, {view.seconds:.0f} s"
    )
    yield from terminal_decompositions.sweep(view.sweep)
    for name, value in view.metrics.items():
        yield f"  {name:<28} {value:.6g}"
    yield f"test a claim on it: claimgraph test STATEMENT --experiment recovery --run {view.run}"


def _relation(relation: RelationItem) -> Lines:
    yield f"  {relation.words} {relation.other.id}  {_short(relation.other.text)}"
    reason = f": {relation.reason}" if relation.reason else ""
    yield f"    asserted by {who(relation.method)}, {relation.created_at}{reason}"


def _steadiness(view: CommunityView) -> Lines:
    if view.stability is None or view.chance_stability is None:
        since = " since an update changed it" if view.chance_stability is not None else ""
        yield f"stability: not measured{since}"
    else:
        what = "stable" if view.is_stable else "unstable: no more stable than chance"
        yield f"{what} ({view.stability:.2f}; random graphs reach {view.chance_stability:.2f})"
    if view.is_well_connected is False:
        yield "hangs by few ties: log10 of its members or fewer cut it in two"


def _statement(row: StatementRow, mark: str = " ", certainty: float | None = None) -> Lines:
    counts = row.evidence.model_dump()
    marks = ", ".join(f"{stance} {count}" for stance, count in counts.items() if count)
    sure = "" if certainty is None else f"{certainty:.2f}  "
    yield f"{mark} {row.id}  {sure}{row.text}{f'  [{marks}]' if marks else ''}"
    if row.note:
        yield f"      {row.note}"


def _short(text: str, width: int = 100) -> str:
    line = " ".join(text.split())
    return line if len(line) <= width else line[: width - 1].rstrip() + "…"
