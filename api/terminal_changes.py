"""How comparisons of runs look in a terminal."""

from collections.abc import Iterator

from api.counting import count_of
from api.terminal_names import marks
from api.views.changes import ChangesView, ComparisonView
from kg.changes import ChangeKind


def changes(view: ChangesView) -> Iterator[str]:
    """Say what changed in the active run of each method."""
    for each in view.root:
        if each.comparison is None:
            yield f"{each.notice}: there is nothing to compare it with"
        else:
            yield from comparison(each.comparison)
        for update in each.updates:
            yield (
                f"update {update.run} of run {each.run} ({update.started_at}): {update.added:,} "
                f"added, {update.removed:,} removed, {count_of(update.moved, 'other')} moved"
            )
    if not view.root:
        yield "nothing has been clustered: run `claimgraph cluster`"


def comparison(view: ComparisonView) -> Iterator[str]:
    """Say what changed from one run to another: the sums, then one change a line."""
    before, after = view.before, view.after
    if view.same_method:
        yield f"{after.method}: run {before.id} to run {after.id}"
    else:
        yield f"run {before.id} ({before.method}) to run {after.id} ({after.method})"
    for sentence in view.summary:
        yield f"  {sentence}"
    for change in view.changes:
        shown = change.after or change.before
        mark = marks([*shown, *change.elsewhere])
        yield f"  {change.kind:<8}{change.text}  {shown[0].link}{mark}"
    n_more = sum(view.counts.values()) - view.counts[ChangeKind.SAME] - len(view.changes)
    if n_more:
        yield f"  and {n_more} more: see them with --limit"
