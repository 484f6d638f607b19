"""The log of decisions on what says the same, and what one of them did."""

from collections.abc import Sequence

from sqlmodel import Session

from api.views.canonical import CanonicalItem, canonical_items
from api.views.view import StatementName, View, statement_name
from kg.canonical import canonicals, decisions, undone_of
from kg.statements import statements_by_id
from kg.tables import Decision, DecisionKind


class MergingView(View):
    """What a merging run found."""

    run: int
    decision: int
    """Its number in the log: `claimgraph undo NUMBER` takes it back."""

    statements: int
    groups: int
    merged: int
    """Statements in groups."""

    proposals: dict[str, int]
    """How many pairs were found to be what."""

    seconds: float


class DecisionItem(View):
    """A decision of the log."""

    id: int
    kind: DecisionKind
    groups: list[list[StatementName]]
    """Of a merge: what becomes one. Of a split: what is to be apart. But: empty for a run, whose
    groups are those of the list of merged statements."""

    n_statements: int
    """How many statements it names."""

    undoes: int | None
    is_undone: bool
    method: str
    run: int | None
    reason: str
    created_at: str


class DecisionsView(View):
    """The log of decisions, newest first."""

    decisions: list[DecisionItem]


class DecidedView(View):
    """What a decision did."""

    decision: DecisionItem
    groups: list[CanonicalItem]
    """The groups of the statements that it names, as they are now."""


def decisions_view(session: Session, limit: int = 100) -> DecisionsView:
    """Return the newest decisions."""
    log = decisions(session)
    undone = undone_of(log)
    chosen = list(reversed(log))[:limit]
    return DecisionsView(decisions=_decision_items(session, chosen, undone))


def decided_view(session: Session, decision_id: int) -> DecidedView:
    """Return a decision of the log, and what became of the statements that it names."""
    log = decisions(session)
    decision = next(each for each in log if each.id == decision_id)
    (item,) = _decision_items(session, [decision], undone_of(log))
    state = canonicals(session)
    named = {each for group in decision.groups for each in group}
    groups = [group for group in state.groups if named & set(group.members)]
    return DecidedView(decision=item, groups=canonical_items(session, state, groups))


def _decision_items(
    session: Session, log: Sequence[Decision], undone: set[int]
) -> list[DecisionItem]:
    by_hand = {each for item in log if item.run_id is None for g in item.groups for each in g}
    statements = statements_by_id(session, sorted(by_hand))
    names = {identifier: statement_name(each) for identifier, each in statements.items()}
    return [
        DecisionItem(
            id=decision.id or 0,
            kind=decision.kind,
            groups=[
                [names[each] for each in group if each in names]
                for group in (decision.groups if decision.run_id is None else [])
            ],
            n_statements=sum(map(len, decision.groups)),
            undoes=decision.undoes,
            is_undone=decision.id in undone,
            method=decision.method,
            run=decision.run_id,
            reason=decision.reason,
            created_at=decision.created_at,
        )
        for decision in log
    ]
