"""How bridges look in a terminal."""

from collections.abc import Iterable

from api.views.bridges import BridgeItem, BridgesView, NestedItem
from api.views.crossings import CrossingItem, RunBridgesView

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
    yield f"  {item.shared:>3} shared  {_numbers(item)}{mark}  {item.id}  {item.label}"
    yield f"       {item.why}"


def nested(item: NestedItem) -> str:
    """Show one community that is only nested."""
    words = {"same": "the same members", "contains": "a part of this", "within": "holds all of it"}
    return f"  {words[item.relation]:<16}  {item.id}  {item.members:>3}  {item.label}"


def _crossing(item: CrossingItem) -> Lines:
    yield f"  {item.shared:>3} shared  {_numbers(item)}"
    for side in (item.here, item.there):
        yield f"       {side.id}  {side.members:>3}  {side.label}"
    yield f"       {item.why}"


def _numbers(item: BridgeItem | CrossingItem) -> str:
    return f"Jaccard {item.jaccard:.2f}  lift {item.lift:.1f}  q {item.q_value:.2g}"
