"""Canonical statements: groups of statements that say the same, by decisions that can be undone.

Statements and their mentions stay as they are. A canonical statement is a group of two or more,
and the groups are never stored: they are the replay of a log of decisions (`Decision`), which only
grows.

1. The groups of the latest merging run (`kg.merging`) come first.
2. What people and models decided is replayed on top, oldest first. A merge joins the groups of the
   statements that it names. A split takes apart every group with members of several of its parts:
   each part becomes a group, and members of no part stay with the last one.
3. What was undone is left out, as if it had never been decided. To undo an undoing brings back
   what was undone.

So the state after undoing is exactly the state without the decision, and a new run changes nothing
that was decided by hand. Statements that have left the graph are left out.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sqlmodel import Session, col, or_, select

from kg.errors import ConfigError, NotFoundError
from kg.ids import content_id
from kg.statements import statements_by_id
from kg.tables import Decision, DecisionKind, Proposal, now


class Canonical(NamedTuple):
    """Statements that say the same."""

    members: tuple[str, ...]
    """Their ids, ascending; two or more."""

    decisions: tuple[int, ...]
    """Which merges joined them, oldest first."""

    @property
    def id(self) -> str:
        """It follows from the members."""
        return content_id("can", *self.members)


class Canonicals(NamedTuple):
    """The state that the decisions make."""

    groups: list[Canonical]
    """By first member."""

    run_id: int | None
    """The merging run that counts; none if there is none."""

    apart: frozenset[tuple[str, str]]
    """Pairs that a split keeps apart, the lower id first."""


class Ruling(NamedTuple):
    """Who decides, and why."""

    method: str = "person"
    reason: str = ""


def canonicals(session: Session) -> Canonicals:
    """Return the canonical statements, and what keeps others apart."""
    log = decisions(session)
    named = {each for decision in log for group in decision.groups for each in group}
    return replayed(log, frozenset(statements_by_id(session, sorted(named))))


def decisions(session: Session) -> list[Decision]:
    """Return the log, oldest first."""
    return list(session.exec(select(Decision).order_by(col(Decision.id))))


def standing(log: Sequence[Decision]) -> list[Decision]:
    """Return the decisions that count, oldest first: neither undone, nor an undoing."""
    undone = undone_of(log)
    return [each for each in log if each.undoes is None and each.id not in undone]


def undone_of(log: Sequence[Decision]) -> set[int]:
    """Return which decisions are undone by a later one that is not."""
    undone: set[int] = set()
    for decision in reversed(log):
        if decision.undoes is not None and decision.id not in undone:
            undone.add(decision.undoes)
    return undone


def replayed(log: Sequence[Decision], known: frozenset[str]) -> Canonicals:
    """Return the state that decisions make of the statements that there are."""
    valid = standing(log)
    runs = [decision for decision in valid if decision.run_id is not None]
    ordered = [*runs[-1:], *(decision for decision in valid if decision.run_id is None)]
    state = _State()
    for decision in ordered:
        parts = [[each for each in group if each in known] for group in decision.groups]
        if decision.kind is DecisionKind.MERGE:
            for group in parts:
                state.merge(group, decision.id or 0)
        else:
            state.split([frozenset(part) for part in parts])
    found = sorted(
        Canonical(tuple(sorted(group)), tuple(sorted(by))) for group, by in state.groups()
    )
    return Canonicals(found, runs[-1].run_id if runs else None, frozenset(state.apart))


class _State:
    """Groups, while decisions are replayed."""

    def __init__(self) -> None:
        self._group_of: dict[str, tuple[frozenset[str], frozenset[int]]] = {}
        self.apart: set[tuple[str, str]] = set()

    def groups(self) -> list[tuple[frozenset[str], frozenset[int]]]:
        return list(dict(self._group_of.values()).items())

    def merge(self, members: Sequence[str], decision: int) -> None:
        if len(members) < 2:
            return
        joined: set[str] = set()
        by = {decision}
        for member in members:
            group, earlier = self._group_of.get(member, (frozenset({member}), frozenset()))
            joined |= group
            by |= earlier
        self._put(frozenset(joined), frozenset(by))
        self.apart = {pair for pair in self.apart if not joined.issuperset(pair)}

    def split(self, parts: Sequence[frozenset[str]]) -> None:
        for index, part in enumerate(parts):
            for other in parts[index + 1 :]:
                self.apart |= {(min(a, b), max(a, b)) for a in part for b in other}
        for group, by in self.groups():
            pieces = [part & group for part in parts if part & group]
            if len(pieces) > 1:
                pieces[-1] |= group - frozenset().union(*pieces)
                for piece in pieces:
                    self._put(piece, by)

    def _put(self, group: frozenset[str], by: frozenset[int]) -> None:
        for member in group:
            if len(group) > 1:
                self._group_of[member] = (group, by)
            else:
                self._group_of.pop(member, None)


def merge(session: Session, statement_ids: Sequence[str], ruling: Ruling) -> int:
    """Decide that statements, and all that is merged with them, say the same; returns its number.

    Raises:
        ConfigError: Fewer than two were named, or they are one group already.
        NotFoundError: There is no such statement.
    """
    named = sorted(set(statement_ids))
    _check(session, named)
    if len(named) < 2:
        raise ConfigError("name two statements or more that say the same")
    if any(set(named) <= set(group.members) for group in canonicals(session).groups):
        raise ConfigError(f"{', '.join(named)} are merged already: there is nothing to do")
    return _add(session, DecisionKind.MERGE, [named], ruling)


def split(session: Session, statement_ids: Sequence[str], ruling: Ruling) -> int:
    """Decide that statements are not what the rest of their group is; returns its number.

    Those of one group that are named stay together, unless they are all of it: then each of
    them stands alone.

    Raises:
        ConfigError: None is named, they are of several groups, or one is merged with no other.
        NotFoundError: There is no such statement.
    """
    leaving = sorted(set(statement_ids))
    _check(session, leaving)
    if not leaving:
        raise ConfigError("name the statements that leave their group")
    group_of = {each: group for group in canonicals(session).groups for each in group.members}
    alone = [each for each in leaving if each not in group_of]
    if alone:
        raise ConfigError(f"{', '.join(alone)} is merged with no other statement: nothing to split")
    groups = {group_of[each].members for each in leaving}
    if len(groups) > 1:
        raise ConfigError("the statements are of several groups: split one group at a time")
    rest = sorted(set(groups.pop()) - set(leaving))
    parts = [leaving, rest] if rest else [[each] for each in leaving]
    return _add(session, DecisionKind.SPLIT, parts, ruling)


def undo(session: Session, decision_id: int | None, ruling: Ruling) -> int:
    """Undo a decision, by default the latest that counts; returns which one it was.

    To undo an undoing brings back what was undone.

    Raises:
        ConfigError: It is undone already, or there is nothing to undo.
        NotFoundError: There is no such decision.
    """
    log = decisions(session)
    if decision_id is None:
        valid = standing(log)
        if not valid:
            raise ConfigError("there is no decision to undo")
        decision_id = valid[-1].id
    if decision_id not in {decision.id for decision in log}:
        raise NotFoundError(
            f"there is no decision {decision_id}: `claimgraph decisions` lists them"
        )
    if decision_id in undone_of(log):
        raise ConfigError(f"decision {decision_id} is undone already")
    assert decision_id is not None
    undoing = _decision(DecisionKind.UNDO, [], ruling)
    undoing.undoes = decision_id
    _stored(session, undoing)
    return decision_id


def decide_by_run(session: Session, run_id: int, groups: Iterable[Sequence[str]]) -> int:
    """Put the groups of a merging run in the place of those of the run before."""
    found = sorted(sorted(group) for group in groups)
    decision = _decision(DecisionKind.MERGE, found, Ruling("rule"))
    decision.run_id = run_id
    return _stored(session, decision)


def proposals_of(session: Session, run_id: int, statement_id: str | None = None) -> list[Proposal]:
    """Return what a merging run proposes, of one statement or of all: surest first, then by id."""
    query = select(Proposal).where(Proposal.run_id == run_id)
    if statement_id is not None:
        query = query.where(or_(Proposal.head_id == statement_id, Proposal.tail_id == statement_id))
    return sorted(
        session.exec(query),
        key=lambda each: (-each.score, -each.cosine, each.head_id, each.tail_id),
    )


def _check(session: Session, statement_ids: Sequence[str]) -> None:
    known = statements_by_id(session, statement_ids)
    unknown = [each for each in statement_ids if each not in known]
    if unknown:
        raise NotFoundError(
            f"there is no statement {', '.join(unknown)}: `claimgraph search WORDS` finds ids"
        )


def _add(session: Session, kind: DecisionKind, groups: list[list[str]], ruling: Ruling) -> int:
    return _stored(session, _decision(kind, groups, ruling))


def _decision(kind: DecisionKind, groups: list[list[str]], ruling: Ruling) -> Decision:
    method, reason = ruling
    return Decision(kind=kind, groups=groups, method=method, reason=reason, created_at=now())


def _stored(session: Session, decision: Decision) -> int:
    session.add(decision)
    session.flush()
    assert decision.id is not None
    return decision.id
