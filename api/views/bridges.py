"""Bridges: where the communities of other methods and runs share members with this one.

That two communities share members says little by itself: large ones always do. So each
bridge carries what chance alone would give. If the other community had drawn its members
blindly from the N statements that both runs cluster, the number of shared ones would follow
the hypergeometric law (Fisher, 1935, The Logic of Inductive Inference,
doi:10.2307/2342435): a * b / N of them in the mean, and at least k of them with probability

    P(X >= k) = sum_{i >= k} C(a, i) C(N - a, b - i) / C(N, b).

But: two methods that read the same texts are not independent, so a small probability says
that the overlap does not come from the sizes, not that it is a discovery.
"""

from collections.abc import Sequence
from math import exp, lgamma
from typing import NamedTuple

from pydantic import RootModel
from sqlmodel import Session, col, select

from api.views.view import StatementName, View, label_text, statement_name
from kg.bridges import Relation, bridges_of
from kg.communities import community_of, members_by_community
from kg.labelling import labels_of
from kg.statements import statements_by_id
from kg.tables import Community, Run


class BridgeItem(View):
    """A community of another method or run that shares members with this one."""

    id: str
    label: str
    method: str
    run: int
    members: int
    """How many statements the other community holds."""

    shared: int
    shared_ids: list[str]
    """The statements that both hold."""

    jaccard: float
    """Shared statements over all statements of the two, in (0, 1]."""

    relation: Relation
    """`contains`: this one holds the other whole; `within`: the other holds this one whole."""

    expected: float
    """How many statements communities of these sizes share by chance, in the mean."""

    p_value: float
    """Probability that chance alone gives as many or more, in [0, 1]."""


class BridgeDetail(BridgeItem):
    """A bridge with the words of what is shared."""

    shared_statements: list[StatementName]


class BridgesView(RootModel[list[BridgeDetail]]):
    """The bridges of a community: most shared members first, then closest."""


class Chance(NamedTuple):
    """What chance alone would make two communities share."""

    expected: float
    p_value: float


def bridges_view(session: Session, community_id: str, all_runs: bool = False) -> BridgesView:
    """Return a community's bridges with the words of the shared statements.

    Args:
        session: A session to read with.
        community_id: The community to look from.
        all_runs: Look at every run that succeeded, not only at the active ones.

    Raises:
        NotFoundError: No community has this id.
    """
    items = bridge_items(session, community_of(session, community_id).id, all_runs)
    shared = sorted({identifier for item in items for identifier in item.shared_ids})
    statements = statements_by_id(session, shared)
    return BridgesView(
        [
            BridgeDetail(
                **item.model_dump(),
                shared_statements=[
                    statement_name(statements[identifier]) for identifier in item.shared_ids
                ],
            )
            for item in items
        ]
    )


def bridge_items(session: Session, community_id: str, all_runs: bool = False) -> list[BridgeItem]:
    """Return a community's bridges: most shared members first, then closest, then by id."""
    bridges = bridges_of(session, community_id, all_runs=all_runs)
    others = _communities(session, [bridge.community_id for bridge in bridges])
    labels = labels_of(session, [bridge.community_id for bridge in bridges])
    own_run = community_of(session, community_id).run_id
    runs = {own_run} | {community.run_id for community, _ in others.values()}
    members = {run: members_by_community(session, run) for run in runs}
    clustered = {run: frozenset[str]().union(*members[run].values()) for run in runs}
    both = {run: clustered[own_run] & clustered[run] for run in runs}
    here = {run: len(members[own_run][community_id] & both[run]) for run in runs}
    items: list[BridgeItem] = []
    for bridge in bridges:
        community, run = others[bridge.community_id]
        there = members[community.run_id][community.id]
        common = both[community.run_id]
        chance = overlap_by_chance(
            len(bridge.shared_ids), here[community.run_id], len(there & common), len(common)
        )
        items.append(
            BridgeItem(
                id=bridge.community_id,
                label=label_text(labels, bridge.community_id),
                method=run.method,
                run=community.run_id,
                members=len(there),
                shared=len(bridge.shared_ids),
                shared_ids=list(bridge.shared_ids),
                jaccard=round(bridge.jaccard, 6),
                relation=bridge.relation,
                expected=round(chance.expected, 6),
                p_value=chance.p_value,
            )
        )
    return items


def overlap_by_chance(n_shared: int, n_here: int, n_there: int, n_all: int) -> Chance:
    """Return what two sets of these sizes, drawn blindly from n_all statements, would share."""
    log_all = _log_choose(n_all, n_there)
    first = max(n_shared, n_here + n_there - n_all)
    tail = sum(
        exp(_log_choose(n_here, k) + _log_choose(n_all - n_here, n_there - k) - log_all)
        for k in range(first, min(n_here, n_there) + 1)
    )
    return Chance(n_here * n_there / n_all, min(tail, 1.0))


def _log_choose(n: int, k: int) -> float:
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)


def _communities(session: Session, identifiers: Sequence[str]) -> dict[str, tuple[Community, Run]]:
    found: dict[str, tuple[Community, Run]] = {}
    for start in range(0, len(identifiers), 500):
        rows = session.exec(
            select(Community, Run)
            .join(Run, col(Run.id) == Community.run_id)
            .where(col(Community.id).in_(identifiers[start : start + 500]))
        )
        for community, run in rows:
            found[community.id] = (community, run)
    return found
