"""What changed between two clustering runs, as data and in words."""

from collections import Counter
from collections.abc import Iterable, Sequence

from pydantic import RootModel
from sqlmodel import Session, col, select

from api.views.change_words import summary_of, words_of
from api.views.runs import clusterings
from api.views.view import CommunityName, StatementName, View, label_text, statement_name
from kg.changes import Change, ChangeKind, Comparison, compare_runs, previous_run
from kg.communities import stable_by_id
from kg.labels import labels_of
from kg.partition_similarity import Similarity
from kg.runs import run_of
from kg.statements import statements_by_id
from kg.tables import Amendment, Move, Run

N_CHANGES = 100
"""Changes that are shown, unless another number is asked for."""

N_NAMED = 20
"""Statements that are named of each change, at most."""


class CommunityVersion(CommunityName):
    """A community as one run has it."""

    link: str
    """Permanent link: the same in every run in which the community is."""


class ChangeView(View):
    """What became of a community, or of several."""

    kind: ChangeKind
    text: str
    """The change in words."""

    before: list[CommunityVersion]
    """In the first run; largest first."""

    after: list[CommunityVersion]
    """In the second run; largest first."""

    elsewhere: list[CommunityVersion]
    """Of one that is gone: where its statements are now; of a new one: where they were."""

    came: list[StatementName]
    """Statements that joined, 20 at most."""

    left: list[StatementName]
    """Statements that left, 20 at most."""

    n_came: int
    n_left: int


class RunName(View):
    """A run as a comparison names it."""

    id: int
    method: str
    seed: int | None
    started_at: str


class SimilarityView(View):
    """How alike two partitions are, on the statements that both runs cluster."""

    adjusted_mutual_information: float
    """1 if they are the same, 0 for what chance gives."""

    variation_of_information: float
    """In bits; 0 if they are the same."""


class ComparisonView(View):
    """Two clustering runs beside each other."""

    before: RunName
    after: RunName
    same_method: bool
    summary: list[str]
    """In words: statements, communities, similarity."""

    statements_before: int
    statements_after: int
    statements_in_both: int
    statements_new: int
    statements_gone: int
    statements_moved: int
    """Of those in both: not in what carries on their community any more."""

    moved_share: float
    """Of those in both, in [0, 1]."""

    top_level: SimilarityView
    deepest: SimilarityView
    counts: dict[ChangeKind, int]
    """How many events there are of each kind, `same` included."""

    changes: list[ChangeView]
    """All but `same`; those that concern the most statements first."""


class UpdateView(View):
    """What an update did to the run since."""

    run: int
    """The update."""

    started_at: str
    added: int
    removed: int
    moved: int
    """Statements that were there before and after, in another community."""


class MethodChangesView(View):
    """What changed in a method's active run."""

    method: str
    run: int
    notice: str
    """Why there is no comparison, if there is none."""

    comparison: ComparisonView | None
    """With the run that was active before. Updates since are in."""

    updates: list[UpdateView]
    """Of the active run, latest first; none that was undone."""


class ChangesView(RootModel[list[MethodChangesView]]):
    """The methods that have run, by name."""


def changes_view(
    session: Session, method: str | None = None, limit: int = N_CHANGES
) -> ChangesView:
    """Return what changed in the active run of a method, or of every method.

    Args:
        session: A session to read with.
        method: One method; otherwise all.
        limit: Changes to show of each, at most.

    Raises:
        ConfigError: There is no such method, or it has not been run.
    """
    found = []
    for run in clusterings(session, method):
        assert run.id is not None
        before = previous_run(session, run)
        comparison = None
        if before is not None and before.id is not None:
            comparison = comparison_view(session, before.id, run.id, limit)
        found.append(
            MethodChangesView(
                method=run.method,
                run=run.id,
                notice="" if comparison else f"run {run.id} is the first of {run.method}",
                comparison=comparison,
                updates=_updates(session, run.id),
            )
        )
    return ChangesView(found)


def comparison_view(
    session: Session, before: int, after: int, limit: int = N_CHANGES
) -> ComparisonView:
    """Return what changed from one clustering run to another, of the same method or not.

    Raises:
        NotFoundError: No run has one of these numbers.
        ConfigError: One of them is no clustering, or did not succeed.
    """
    found = compare_runs(session, before, after)
    runs = run_of(session, before), run_of(session, after)
    counts = Counter(change.kind for change in found.changes)
    told = [change for change in found.changes if change.kind is not ChangeKind.SAME]
    view = ComparisonView(
        before=_run_name(runs[0]),
        after=_run_name(runs[1]),
        same_method=runs[0].method == runs[1].method,
        summary=[],
        statements_before=len(found.before.statements),
        statements_after=len(found.after.statements),
        statements_in_both=found.n_shared,
        statements_new=len(found.after.statements) - found.n_shared,
        statements_gone=len(found.before.statements) - found.n_shared,
        statements_moved=found.n_moved,
        moved_share=round(found.n_moved / max(found.n_shared, 1), 6),
        top_level=_similarity(found.similarity_at_the_top()),
        deepest=_similarity(found.similarity_of_the_deepest()),
        counts={kind: counts[kind] for kind in ChangeKind},
        changes=_changes(session, found, told[:limit]),
    )
    return view.model_copy(
        update={"summary": summary_of(view.model_dump(exclude={"changes"}), len(told))}
    )


def _changes(session: Session, found: Comparison, told: Sequence[Change]) -> list[ChangeView]:
    before, after = _names(session, found, told)
    statements = statements_by_id(
        session, sorted({s for each in told for s in (*each.came[:N_NAMED], *each.left[:N_NAMED])})
    )

    def named(identifiers: Iterable[str]) -> list[StatementName]:
        return [statement_name(statements[each]) for each in identifiers if each in statements]

    views = []
    for change in told:
        others = before if change.kind is ChangeKind.NEW else after
        view = ChangeView(
            kind=change.kind,
            text="",
            before=[before[each] for each in change.before],
            after=[after[each] for each in change.after],
            elsewhere=[others[each] for each in change.elsewhere],
            came=named(change.came[:N_NAMED]),
            left=named(change.left[:N_NAMED]),
            n_came=len(change.came),
            n_left=len(change.left),
        )
        views.append(view.model_copy(update={"text": words_of(view.model_dump())}))
    return views


def _names(
    session: Session, found: Comparison, told: Sequence[Change]
) -> tuple[dict[int, CommunityVersion], dict[int, CommunityVersion]]:
    """Return the communities that the changes name, by number, of either run."""
    before, after = set[int](), set[int]()
    for change in told:
        before.update(change.before)
        after.update(change.after)
        (before if change.kind is ChangeKind.NEW else after).update(change.elsewhere)
    versions = []
    for forest, wanted in ((found.before, before), (found.after, after)):
        identifiers = [forest.ids[each] for each in sorted(wanted)]
        labels, stable = labels_of(session, identifiers), stable_by_id(session, identifiers)
        versions.append(
            {
                each: CommunityVersion(
                    id=forest.ids[each],
                    label=label_text(labels, forest.ids[each]),
                    members=int(forest.sizes[each]),
                    is_stable=stable[forest.ids[each]],
                    link=forest.links[each],
                )
                for each in wanted
            }
        )
    return versions[0], versions[1]


def _updates(session: Session, run_id: int) -> list[UpdateView]:
    rows = session.exec(
        select(Amendment, Run)
        .join(Run, col(Run.id) == Amendment.run_id)
        .where(Amendment.clustering_run_id == run_id, col(Amendment.is_standing))
        .order_by(col(Amendment.run_id).desc())
    ).all()
    updates = []
    for amendment, run in rows:
        moves = session.exec(select(Move.before, Move.after).where(Move.run_id == amendment.run_id))
        updates.append(
            UpdateView(
                run=amendment.run_id,
                started_at=run.started_at,
                added=len(amendment.added.split()),
                removed=len(amendment.removed.split()),
                moved=sum(None not in (old, new) and old != new for old, new in moves),
            )
        )
    return updates


def _run_name(run: Run) -> RunName:
    assert run.id is not None
    return RunName(id=run.id, method=run.method, seed=run.seed, started_at=run.started_at)


def _similarity(found: Similarity) -> SimilarityView:
    return SimilarityView(
        adjusted_mutual_information=round(found.adjusted_mutual_information, 6),
        variation_of_information=round(found.variation_of_information, 6),
    )
