"""Bridges: communities of other runs that share members with this one.

Within one run two communities share members only if one is part of the other. Those are parents
and sub-communities, and never bridges. What shares members across methods and runs is: the same
statements, drawn together for another reason.

How alike two communities A and B are is said by the index of Jaccard (1912, The distribution of
the flora in the alpine zone, doi:10.1111/j.1469-8137.1912.tb05611.x), |A ∩ B| / |A ∪ B|.

A bridge is a query, and nothing of it is stored.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from sqlmodel import Session, col, select

from kg.communities import branch_of, community_of, lies_in, members_of, sizes_of
from kg.runs import active_runs
from kg.tables import Membership, Run, RunKind, RunStatus

Relation = Literal["lateral", "contains", "within"]
"""`contains`: this community has all members of the other; `within`: the other has all members of
this one, and maybe no more; `lateral`: each has members that the other lacks."""


class Bridge(NamedTuple):
    """Another community that shares members with the one that was asked about."""

    community_id: str
    shared_ids: list[str]
    """Ascending; never empty."""

    jaccard: float
    """In (0, 1]."""

    relation: Relation


def bridges_of(session: Session, community_id: str, *, all_runs: bool = False) -> list[Bridge]:
    """Return the communities of other runs that share members with this one.

    Those with the most shared members come first, then the most alike, then by id.

    Args:
        session: Where to look.
        community_id: The community whose bridges are wanted.
        all_runs: Look in every other run that succeeded, and not only in the active one of each
            method.

    Raises:
        NotFoundError: No community has this id.
    """
    own = community_of(session, community_id)
    n_members = len(members_of(session, community_id))
    runs = _clustering_runs(session, all_runs=all_runs, but=own.run_id)
    sizes = sizes_of(session, runs)
    bridges = [
        _bridge(other, shared, n_members, sizes[other])
        for other, shared in _shared(session, community_id, runs).items()
    ]
    return sorted(bridges, key=lambda b: (-len(b.shared_ids), -b.jaccard, b.community_id))


def _bridge(other: str, shared: list[str], n_members: int, n_others: int) -> Bridge:
    relation: Relation = "lateral"
    if len(shared) == n_members:
        relation = "within"
    elif len(shared) == n_others:
        relation = "contains"
    union = n_members + n_others - len(shared)
    return Bridge(other, sorted(shared), len(shared) / union, relation)


def _shared(session: Session, community_id: str, runs: Sequence[int]) -> dict[str, list[str]]:
    """Return the members that each community of these runs shares with this one."""
    members = select(Membership.statement_id).where(lies_in(community_id))
    rows = session.exec(
        select(Membership.statement_id, Membership.community_id).where(
            col(Membership.run_id).in_(runs), col(Membership.statement_id).in_(members)
        )
    )
    shared: dict[str, list[str]] = {}
    for statement, deepest in rows:
        for identifier in branch_of(deepest):
            shared.setdefault(identifier, []).append(statement)
    return shared


def _clustering_runs(session: Session, *, all_runs: bool, but: int) -> list[int]:
    if all_runs:
        query = select(Run).where(Run.kind == RunKind.CLUSTERING, Run.status == RunStatus.SUCCEEDED)
        runs = list(session.exec(query))
    else:
        runs = active_runs(session, RunKind.CLUSTERING)
    return [run.id for run in runs if run.id is not None and run.id != but]
