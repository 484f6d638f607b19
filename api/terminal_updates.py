"""How updates and removals look in a terminal."""

from collections.abc import Iterable, Sequence

from api.counting import count_of
from api.views.updates import RemovalView, UpdatesView, why_due
from kg.update_report import UpdateReport

Lines = Iterable[str]


def updates(view: UpdatesView) -> Lines:
    """Say what an update did to each run."""
    yield from amended(view.updates)
    if not view.updates:
        yield "nothing is new: every active run holds all statements there are"


def removal(view: RemovalView) -> Lines:
    """Say what left with sources."""
    for source in view.sources:
        yield f"removed {source}"
    tested = f", {view.evidence} of them tested" if view.evidence else ""
    gone = count_of(view.statements, "statement", "statements")
    are = "is" if view.statements == 1 else "are"
    yield f"{gone} that nobody else makes {are} gone{tested}"
    yield from amended(view.updates)


def amended(updates: Sequence[UpdateReport]) -> Lines:
    """Say what became of each run."""
    for each in updates:
        yield from _update(each)


def _update(view: UpdateReport) -> Lines:
    """Say what became of one run."""
    undone = f"; took back {count_of(view.taken_back, 'earlier update')}" if view.taken_back else ""
    yield (
        f"run {view.run} brought run {view.clustering_run} ({view.method}) up to date: "
        f"{count_of(view.added, 'statement')} joined, {view.removed:,} left, "
        f"{count_of(view.moved, 'other')} moved{undone}"
    )
    yield (
        f"  {count_of(view.statements, 'statement')}, "
        f"{count_of(view.communities_new, 'community', 'communities')} new, "
        f"{view.communities_gone:,} gone, modularity {view.modularity_before:.4f} -> "
        f"{view.modularity:.4f}, {view.seconds:.1f} s"
    )
    if view.drifted:
        yield f"  {why_due(view.drifted, view.method)}"
