"""Bridges: communities of different runs that cross, and what is only nested.

Within one run two communities share members only if one is part of the other. Across methods and
runs there are four ways to share members. Three of them are nesting, which is shown as what it
is: the other community is the *same* set, or this one *contains* it, or lies *within* it. Only
where each has members that the other lacks do two communities cross, and that is a **bridge**:
the same statements, drawn together for another reason.

The communities of another run that share a member lie on branches. Of each branch only the
community is shown whose overlap is the least likely by chance (ties to the greater index of
Jaccard, then by id); what contains it or is part of it says the same again. So the overlaps that
are shown with one run share no statement with each other.

How alike two communities A and B are is said by the index of Jaccard (1912, The distribution of
the flora in the alpine zone, doi:10.1111/j.1469-8137.1912.tb05611.x), |A ∩ B| / |A ∪ B|. What
chance would do (`kg.overlaps`) is reckoned over the statements that both runs cluster. The pairs
that are tested, and that the q-value is corrected for, are all communities of the other runs on
all levels, whether they share anything or not. A community with fewer than two of those
statements is not one that a theme could cross: it is neither tested nor shown.

A bridge is a query, and nothing of it is stored. It reads the members of one community and counts
those of the others in the index, so it answers for a run of any size.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np
from sqlalchemy import ColumnElement
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, func, select

from kg.communities import branch_of, community_of, lies_in, members_of
from kg.overlaps import SIGNIFICANT, expected_overlap, log_p_values, q_values, sizes
from kg.runs import active_runs
from kg.tables import Membership, Run, RunKind, RunStatus, Statement

Relation = Literal["lateral", "same", "contains", "within"]
"""`lateral`: each has members that the other lacks; `same`: both have the same ones; `contains`:
this community has all members of the other and more; `within`: the other way round."""

LEAST_MEMBERS = 2
"""A community of fewer is not compared with any."""


class Bridge(NamedTuple):
    """A community of another run that crosses the one that was asked about."""

    community_id: str
    members: int
    """How many statements the other community has."""

    shared_ids: list[str]
    """Ascending; never empty."""

    jaccard: float
    """In (0, 1)."""

    relation: Relation
    """Always `lateral`."""

    expected: float
    """How many would be shared by chance, in the mean."""

    lift: float
    """Shared over expected; 1 is chance."""

    p_value: float
    """Probability that chance alone makes as many or more shared, in (0, 1]."""

    q_value: float
    """The p-value corrected for all pairs that were tested, in (0, 1]."""

    is_significant: bool
    """The q-value is at most `SIGNIFICANT`."""


class Nested(NamedTuple):
    """A community of another run that is this one, a part of it, or a whole that it is part of."""

    community_id: str
    members: int
    shared_ids: list[str]
    """Ascending; never empty."""

    jaccard: float
    """In (0, 1]."""

    relation: Relation
    """Never `lateral`."""


class Overlaps(NamedTuple):
    """What a community shares with those of other runs."""

    bridges: list[Bridge]
    """Significant ones first, then most shared members, most alike, and by id."""

    nested: list[Nested]
    """The same set first, then what this one contains, then what contains it; largest first."""

    n_tests: int
    """Pairs that the q-values are corrected for."""


def bridges_of(session: Session, community_id: str, *, all_runs: bool = False) -> list[Bridge]:
    """Return the communities of other runs that cross this one, as in `overlaps_of`."""
    return overlaps_of(session, community_id, all_runs=all_runs).bridges


def overlaps_of(session: Session, community_id: str, *, all_runs: bool = False) -> Overlaps:
    """Return what shares members with this community in other runs: bridges, and what is nested.

    Args:
        session: Where to look.
        community_id: The community whose bridges are wanted.
        all_runs: Look in every other run that succeeded, and not only in the active one of each
            method.

    Raises:
        NotFoundError: No community has this id.
    """
    own = community_of(session, community_id)
    members = members_of(session, own.id)
    seen: list[_Seen] = []
    n_tests = 0
    for run in _clustering_runs(session, all_runs=all_runs, but=own.run_id):
        candidates, n_candidates = _candidates(session, own.run_id, run, own.id)
        n_tests += n_candidates
        seen += _one_per_branch(_measured(candidates, members))
    crossing = [each for each in seen if each.relation == "lateral"]
    q = q_values(np.array([each.log_p for each in crossing]), n_tests)
    bridges = [_bridge(each, float(value)) for each, value in zip(crossing, q, strict=True)]
    nested = [
        Nested(each.community_id, each.members, each.shared_ids, each.jaccard, each.relation)
        for each in seen
        if each.relation != "lateral"
    ]
    return Overlaps(
        sorted(bridges, key=_most_telling),
        sorted(nested, key=_most_alike),
        n_tests,
    )


def relation_of(n_shared: int, n_here: int, n_there: int) -> Relation:
    """Return how two sets of these sizes lie to each other."""
    if n_shared == n_here == n_there:
        return "same"
    if n_shared == n_there:
        return "contains"
    return "within" if n_shared == n_here else "lateral"


class _Candidate(NamedTuple):
    """A community of another run that shares a member."""

    community_id: str
    shared_ids: list[str]
    members: int
    here: int
    """Members of the community that was asked about, of those that both runs cluster."""

    there: int
    """Members of this one, of those that both runs cluster."""

    everyone: int
    """Statements that both runs cluster."""


class _Seen(NamedTuple):
    """A candidate with its numbers."""

    community_id: str
    members: int
    shared_ids: list[str]
    jaccard: float
    relation: Relation
    expected: float
    log_p: float


class _Common(NamedTuple):
    """The statements that two runs cluster."""

    everyone: int
    there: Mapping[str, int]
    """How many of them each community of the other run has, on all levels."""


def _candidates(
    session: Session, own_run: int, run: Run, community_id: str
) -> tuple[list[_Candidate], int]:
    """Return the communities of a run that share members, and how many could have."""
    shared = _shared(session, run, community_id)
    members = _sizes_in(session, run)
    common = _common(session, own_run, run, members)
    testable = {name for name, n in common.there.items() if n >= LEAST_MEMBERS}
    here = len({statement for found in shared.values() for statement in found})
    if here < LEAST_MEMBERS:
        return [], 0
    found = [
        _Candidate(
            name, sorted(statements), members[name], here, common.there[name], common.everyone
        )
        for name, statements in shared.items()
        if name in testable
    ]
    return found, len(testable)


def _measured(candidates: Sequence[_Candidate], members: Sequence[str]) -> list[_Seen]:
    """Return the candidates with their numbers, the least likely by chance first."""
    if not candidates:
        return []
    n_shared = [len(each.shared_ids) for each in candidates]
    _, _, _, here, there, everyone = zip(*candidates, strict=True)
    pairs = sizes(n_shared, here, there, everyone)
    log_p, expected = log_p_values(pairs).tolist(), expected_overlap(pairs).tolist()
    seen = [
        _Seen(
            community_id=each.community_id,
            members=each.members,
            shared_ids=each.shared_ids,
            jaccard=n / (len(members) + each.members - n),
            relation=relation_of(n, len(members), each.members),
            expected=mean,
            log_p=log,
        )
        for each, n, mean, log in zip(candidates, n_shared, expected, log_p, strict=True)
    ]
    return sorted(seen, key=lambda s: (round(s.log_p, 9), -s.jaccard, s.community_id))


def _one_per_branch(ordered: Iterable[_Seen]) -> list[_Seen]:
    """Return each that neither contains nor is part of one that came before it."""
    kept: dict[str, _Seen] = {}
    above: set[str] = set()
    for each in ordered:
        branch = branch_of(each.community_id)
        if each.community_id not in above and kept.keys().isdisjoint(branch):
            kept[each.community_id] = each
            above.update(branch)
    return list(kept.values())


def _bridge(seen: _Seen, q_value: float) -> Bridge:
    n_shared = len(seen.shared_ids)
    return Bridge(
        community_id=seen.community_id,
        members=seen.members,
        shared_ids=seen.shared_ids,
        jaccard=seen.jaccard,
        relation=seen.relation,
        expected=seen.expected,
        lift=n_shared / seen.expected,
        p_value=_probability(seen.log_p),
        q_value=max(q_value, _SMALLEST),
        is_significant=q_value <= SIGNIFICANT,
    )


_SMALLEST = float(np.finfo(np.float64).tiny)


def _probability(log_p: float) -> float:
    """Return a probability that is never 0, however small it is."""
    return max(float(np.exp(log_p)), _SMALLEST)


def _most_telling(bridge: Bridge) -> tuple[bool, int, float, str]:
    return (
        not bridge.is_significant,
        -len(bridge.shared_ids),
        -bridge.jaccard,
        bridge.community_id,
    )


_NESTING: tuple[Relation, ...] = ("same", "contains", "within")


def _most_alike(nested: Nested) -> tuple[int, int, str]:
    return _NESTING.index(nested.relation), -nested.members, nested.community_id


def _shared(session: Session, run: Run, community_id: str) -> dict[str, list[str]]:
    """Return the members that each community of this run shares with this one."""
    members = select(Membership.statement_id).where(lies_in(community_id))
    rows = session.exec(
        select(Membership.community_id, Membership.statement_id).where(
            Membership.run_id == run.id, col(Membership.statement_id).in_(members)
        )
    )
    by_deepest: dict[str, list[str]] = {}
    for deepest, statement in rows:
        by_deepest.setdefault(deepest, []).append(statement)
    shared: dict[str, list[str]] = {}
    for deepest, statements in by_deepest.items():
        for identifier in branch_of(deepest):
            shared.setdefault(identifier, []).extend(statements)
    return shared


def _common(session: Session, own_run: int, run: Run, members: Mapping[str, int]) -> _Common:
    """Return what both runs cluster; without a look at each statement where both cluster all."""
    n_all = session.exec(select(func.count()).select_from(Statement)).one()
    n_there = sum(n for name, n in members.items() if len(branch_of(name)) == 1)
    n_here = session.exec(select(func.count()).where(Membership.run_id == own_run)).one()
    if n_here == n_all:
        return _Common(n_there, members)
    own, other = aliased(Membership), aliased(Membership)
    rows = session.exec(
        select(other.community_id, func.count())
        .join(own, col(own.statement_id) == col(other.statement_id))
        .where(own.run_id == own_run, other.run_id == run.id)
        .group_by(other.community_id)
    )
    both = _on_all_levels(rows)
    return _Common(sum(n for name, n in both.items() if len(branch_of(name)) == 1), both)


def _sizes_in(session: Session, run: Run) -> Counter[str]:
    """Return how many members each community of a run has, on all levels, from the index alone."""
    return _on_all_levels(
        session.exec(
            select(Membership.community_id, func.count())
            .where(_is_in(run))
            .group_by(Membership.community_id)
        )
    )


def _is_in(run: Run) -> ColumnElement[bool]:
    """Return the condition that a membership is in a community of this run."""
    prefix = f"{run.method}-run{run.id}"  # "." is the character after "-"
    return col(Membership.community_id).between(f"{prefix}-", f"{prefix}.")


def _on_all_levels(counts: Iterable[tuple[str, int]]) -> Counter[str]:
    """Add the counts of the deepest communities up the branches."""
    sums: Counter[str] = Counter()
    for deepest, count in counts:
        for identifier in branch_of(deepest):
            sums[identifier] += count
    return sums


def _clustering_runs(session: Session, *, all_runs: bool, but: int) -> list[Run]:
    if all_runs:
        query = select(Run).where(Run.kind == RunKind.CLUSTERING, Run.status == RunStatus.SUCCEEDED)
        runs = list(session.exec(query.order_by(col(Run.id))))
    else:
        runs = active_runs(session, RunKind.CLUSTERING)
    return [run for run in runs if run.id != but]
