"""How updates and removals look in a terminal."""

from collections.abc import Iterable, Sequence

from api.views.updates import RemovalView, UpdatesView, UpdateView, why_due

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
    yield f"{view.statements} statements that nobody else makes are gone{tested}"
    yield from amended(view.updates)


def amended(updates: Sequence[UpdateView]) -> Lines:
    """Say what became of each run."""
    for each in updates:
        yield from _update(each)


def _update(view: UpdateView) -> Lines:
    """Say what became of one run."""
    undone = f"; took back {view.taken_back} earlier updates" if view.taken_back else ""
    yield (
        f"run {view.run} brought run {view.clustering_run} ({view.method}) up to date: "
        f"{view.added} statements joined, {view.removed} left, {view.moved} others moved{undone}"
    )
    yield (
        f"  {view.statements} statements, {view.communities_new} communities new, "
        f"{view.communities_gone} gone, modularity {view.modularity_before:.4f} -> "
        f"{view.modularity:.4f}, {view.seconds:.1f} s"
    )
    if view.drifted:
        yield f"  {why_due(view.drifted, view.method)}"
