"""How bridges and seams look in a terminal."""

from collections.abc import Iterable

from api.counting import count_of
from api.terminal_names import named
from api.views.bridges import BridgeItem, BridgesView, NestedItem
from api.views.crossings import CrossingItem, RunBridgesView
from api.views.map import MapsView
from api.views.seams import RunSeamsView, SeamsOfCommunity

Lines = Iterable[str]


def bridges(view: BridgesView) -> Lines:
    """Show the bridges of a community with what is shared."""
    for each in view.root:
        yield from bridge(each)
        for shared in each.shared_statements:
            yield f"       {shared.id}  {shared.text}"
    if not view.root:
        yield "no community of another active clustering crosses it: `claimgraph community` shows"
        yield "what is only nested; another --method of `claimgraph cluster` may find more"


def run_bridges(view: RunBridgesView) -> Lines:
    """Show the strongest bridges between every two methods."""
    for pair in view.root:
        yield (
            f"{pair.here.method} (run {pair.here.run}) and {pair.there.method} "
            f"(run {pair.there.run}): {pair.significant:,} bridges, {pair.nearly_same:,} of them "
            f"nearly the same community; {pair.tests:,} pairs tested"
        )
        for each in pair.bridges:
            yield from _crossing(each)
    if not view.root:
        yield "bridges join methods: run `claimgraph cluster` with two or more"


def bridge(item: BridgeItem) -> Lines:
    """Show one bridge of a community."""
    mark = "" if item.significant else "  (chance could do this)"
    yield f"  {item.shared:>3} shared  {_numbers(item)}{mark}  {item.id}  {named(item)}"
    yield f"       {item.why}"


def nested(item: NestedItem) -> str:
    """Show one community that is only nested."""
    words = {"same": "the same members", "contains": "a part of this", "within": "holds all of it"}
    return f"  {words[item.relation]:<16}  {item.id}  {item.members:>3}  {named(item)}"


def _crossing(item: CrossingItem) -> Lines:
    yield f"  {item.shared:>3} shared  {_numbers(item)}"
    for side in (item.here, item.there):
        yield f"       {side.id}  {side.members:>3}  {named(side)}"
    yield f"       {item.why}"


def _numbers(item: BridgeItem | CrossingItem) -> str:
    return f"Jaccard {item.jaccard:.2f}  lift {item.lift:.1f}  q {item.q_value:.2g}"


def maps(view: MapsView) -> Lines:
    """Show the communities at the top, each with those that it is tied to most beyond chance."""
    for each in view.root:
        yield f"{each.method}, run {each.run}"
        names = {one.id: named(one) for one in each.communities}
        for top in each.communities:
            if top.level or top.is_unclustered:
                continue
            yield f"  {top.members:>5}  {top.id}  {names[top.id]}"
            near = sorted(each.ties_of(top.id), key=lambda tie: (-tie.lift, -tie.weight))
            for tie in near[:3]:
                other = tie.other if tie.one == top.id else tie.one
                ties = count_of(tie.ties, "tie")
                yield f"         {tie.lift:.2f} of chance in {ties}: {names[other]}"
        yield ""
    if not view.root:
        yield "there are no communities: ingest something, then run `claimgraph cluster`"


def run_seams(view: RunSeamsView) -> Lines:
    """Show what holds the communities of each run together, and where they touch."""
    for run in view.root:
        yield f"{run.method}, run {run.run}"
        yield f"\nPapers at the seam ({len(run.papers)})"
        for paper in run.papers:
            yield f"  {paper.spread:.2f}  {paper.id}  {paper.title}"
            places = (f"{named(place)} ({place.statements})" for place in paper.places[:4])
            yield f"       {count_of(paper.statements, 'statement')}: {', '.join(places)}"
        yield from seams(run)
        yield ""
    if not view.root:
        yield "there are no communities: ingest something, then run `claimgraph cluster`"


def seams(view: SeamsOfCommunity) -> Lines:
    """Show seams and connectors."""
    yield f"\nSeams ({len(view.seams)})"
    for seam in view.seams:
        lift = "" if seam.lift is None else f", {seam.lift:.2f} of chance"
        yield f"  {seam.weight:.2f} in {count_of(seam.ties, 'tie')}{lift}"
        for side in (seam.one, seam.other):
            yield f"       {side.id}  {named(side)}"
        for edge in seam.edges:
            yield f"    {edge.weight:.2f}  {edge.why}"
            yield f"          {edge.one.text}"
            yield f"          {edge.other.text}"
    yield f"\nConnectors between communities ({len(view.connectors)})"
    for each in view.connectors:
        yield (
            f"  participation {each.participation:.2f}, ties into {each.communities} communities"
            f"  {each.id}"
        )
        yield f"       {each.text}"
    yield f"\nStatements that hold one community together ({len(view.holding)})"
    for each in view.holding:
        yield f"  without it {each.falls_apart:.0%} of the others come off  {each.id}"
        yield f"       {each.text}"
