"""What was found: communities, who belongs to them, and what ties their members.

A community's id is its path: `leiden_semantic-run4-c0-c1` is part of `leiden_semantic-run4-c0`.
A membership names the deepest community of a statement, and all that contain it follow from the
path. So the members of a community are those of every id that begins with its own. Whatever takes
an id takes a permanent link too (`kg.lineage`).

Nothing here builds an object per edge of a graph: the columns are read as arrays, and only the
ties that are asked for become rows.
"""

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from itertools import accumulate
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement
from sqlmodel import Session, col, func, select

from kg.errors import NotFoundError
from kg.labels import labels_of_run
from kg.runs import active_runs, run_of
from kg.statements import statement_of
from kg.stored_graph import ENDS, EdgeTable, place_of, stored_graph
from kg.tables import Community, Membership, RunKind

_STEP = re.compile(r"-c\d+")
_ID = re.compile(r"(.+-run\d+)((?:-c\d+)+)")


class Steadiness(NamedTuple):
    """How stable a community is, beside chance; none where it was not measured."""

    stability: float | None
    """Mean certainty of its members, in (0, 1]."""

    chance_stability: float | None
    """What communities of random graphs reach."""

    is_well_connected: bool | None

    @property
    def is_stable(self) -> bool | None:
        """Whether it is more stable than communities of random graphs."""
        if self.stability is None or self.chance_stability is None:
            return None
        return self.stability > self.chance_stability


class CommunityNode(NamedTuple):
    """A community in the tree of its run."""

    id: str
    link: str
    """Permanent."""

    label: str | None
    """The latest, if a labelling run has named it."""

    level: int
    """0 at the top."""

    parent: str | None
    members: int
    """How many statements, those of its sub-communities included."""

    steadiness: Steadiness


class EdgeRow(NamedTuple):
    """A tie between two statements, with what each layer says."""

    head_id: str
    """The lower of the two ids."""

    tail_id: str
    weight: float
    semantic: float
    concepts: float
    relations: float
    source: float


class NeighbourRow(NamedTuple):
    """A statement that another is tied to."""

    statement_id: str
    weight: float
    semantic: float
    concepts: float
    relations: float
    source: float


def community_id(method: str, run_id: int, path: Sequence[int]) -> str:
    """Return the id of the community at this path, which has one ordinal a level."""
    return "-".join([f"{method}-run{run_id}", *(f"c{ordinal}" for ordinal in path)])


def path_of(identifier: str) -> tuple[int, ...]:
    """Return the ordinals on the way from the top to a community."""
    steps = identifier.rpartition("-run")[2].split("-c")
    return tuple(map(int, steps[1:]))


def branch_of(identifier: str) -> list[str]:
    """Return the ids of the communities that contain this one, from the top, and its own."""
    parts = _ID.fullmatch(identifier)
    assert parts is not None, identifier
    run, path = parts.groups()
    return list(accumulate(_STEP.findall(path), initial=run))[1:]


def community_of(session: Session, identifier: str) -> Community:
    """Return the community with this id, or the latest with this permanent link.

    An id always means this community of this run, whatever has run since. The latest community of
    a link is in the active run, unless what the link stands for is gone.

    Raises:
        NotFoundError: No community has this id or link.
    """
    community = session.get(Community, identifier)
    if community is None:
        community = session.exec(
            select(Community)
            .where(Community.link == identifier, Community.link != "")
            .order_by(col(Community.run_id).desc())
        ).first()
    if community is None:
        raise NotFoundError(
            f"there is no community {identifier}: `claimgraph communities` lists them"
        )
    return community


def latest_of(session: Session, community: Community) -> Community:
    """Return the latest community of the same permanent link: this one, if none has come after."""
    if not community.link:
        return community
    return community_of(session, community.link)


def first_run_of(session: Session, community: Community) -> int:
    """Return the run in which a community's permanent link was first seen."""
    if not community.link:
        return community.run_id
    first = session.exec(
        select(func.min(Community.run_id)).where(Community.link == community.link)
    ).one()
    assert isinstance(first, int)
    return first


def tree_of(session: Session, run_id: int) -> list[CommunityNode]:
    """Return every community of a run, depth first, siblings with the largest first.

    Raises:
        NotFoundError: No run has this number.
    """
    run_of(session, run_id)
    children: dict[str | None, list[Community]] = {}
    for community in session.exec(
        select(Community).where(Community.run_id == run_id).order_by(col(Community.ordinal))
    ):
        children.setdefault(community.parent_id, []).append(community)
    sizes = sizes_of(session, [run_id])
    labels = labels_of_run(session, run_id)
    nodes: list[CommunityNode] = []
    waiting = children.get(None, [])[::-1]
    while waiting:
        community = waiting.pop()
        nodes.append(
            CommunityNode(
                id=community.id,
                link=community.link,
                label=labels[community.id].label if community.id in labels else None,
                level=community.level,
                parent=community.parent_id,
                members=sizes[community.id],
                steadiness=steadiness_of(community),
            )
        )
        waiting += children.get(community.id, [])[::-1]
    return nodes


def steadiness_of(community: Community) -> Steadiness:
    """Return how stable a community is."""
    return Steadiness(community.stability, community.chance_stability, community.is_well_connected)


def stable_by_id(session: Session, identifiers: Sequence[str]) -> dict[str, bool | None]:
    """Return whether each of these communities is more stable than chance."""
    found: dict[str, bool | None] = {}
    for start in range(0, len(identifiers), 500):
        block = identifiers[start : start + 500]
        for community in session.exec(select(Community).where(col(Community.id).in_(block))):
            found[community.id] = steadiness_of(community).is_stable
    return found


def certainties_of(session: Session, identifier: str) -> dict[str, float | None]:
    """Return how surely each statement of a community belongs to its deepest community.

    Raises:
        NotFoundError: No community has this id.
    """
    identifier = community_of(session, identifier).id
    query = select(Membership.statement_id, Membership.certainty)
    return dict(session.exec(query.where(lies_in(identifier))).all())


def certainty_by_run(
    session: Session, statement_id: str, run_ids: Collection[int]
) -> dict[int, float | None]:
    """Return how surely a statement belongs to its deepest community in each of these runs."""
    query = select(Membership.run_id, Membership.certainty).where(
        Membership.statement_id == statement_id, col(Membership.run_id).in_(run_ids)
    )
    return dict(session.exec(query).all())


def members_of(session: Session, identifier: str) -> list[str]:
    """Return the ids of a community's statements, ascending, those of its sub-communities too.

    Raises:
        NotFoundError: No community has this id.
    """
    identifier = community_of(session, identifier).id
    return list(
        session.exec(
            select(Membership.statement_id)
            .where(lies_in(identifier))
            .order_by(Membership.statement_id)
        )
    )


def lies_in(identifier: str) -> ColumnElement[bool]:
    """Return the condition that a membership is in this community or in one of its parts."""
    # "." is the character after "-", so this is the id and all that continue it with "-".
    return col(Membership.community_id).between(identifier, f"{identifier}.")


def children_of(session: Session, identifier: str) -> list[Community]:
    """Return the communities that this one is cut into, largest first; none if it is whole.

    Raises:
        NotFoundError: No community has this id.
    """
    identifier = community_of(session, identifier).id
    return list(
        session.exec(
            select(Community)
            .where(Community.parent_id == identifier)
            .order_by(col(Community.ordinal))
        )
    )


def communities_of_statement(session: Session, statement_id: str) -> list[Community]:
    """Return the communities of a statement in the active run of every method.

    They are in the order of their methods, and in each from the top down.

    Raises:
        NotFoundError: No statement has this id.
    """
    statement_of(session, statement_id)
    found: list[Community] = []
    for run in active_runs(session, RunKind.CLUSTERING):
        membership = session.get(Membership, (run.id, statement_id))
        if membership is not None:
            found += [community_of(session, part) for part in branch_of(membership.community_id)]
    return found


def members_by_community(session: Session, run_id: int) -> dict[str, frozenset[str]]:
    """Return the statements of every community of a run, on all levels.

    Raises:
        NotFoundError: No run has this number.
    """
    run_of(session, run_id)
    members: dict[str, set[str]] = {}
    query = select(Membership.statement_id, Membership.community_id)
    for statement, deepest in session.exec(query.where(Membership.run_id == run_id)):
        members.setdefault(deepest, set()).add(statement)
    whole: dict[str, set[str]] = {}
    for deepest, statements in members.items():
        for identifier in branch_of(deepest):
            whole.setdefault(identifier, set()).update(statements)
    return {identifier: frozenset(statements) for identifier, statements in whole.items()}


def size_of(session: Session, identifier: str) -> int:
    """Return how many statements a community has, those of its sub-communities too."""
    query = select(func.count()).select_from(Membership).where(lies_in(identifier))
    return session.exec(query).one()


def sizes_of(session: Session, run_ids: Sequence[int]) -> Mapping[str, int]:
    """Return how many statements every community of these runs has, on all levels."""
    counts = session.exec(
        select(Membership.community_id, func.count())
        .where(col(Membership.run_id).in_(run_ids))
        .group_by(Membership.community_id)
    )
    sizes: Counter[str] = Counter()
    for deepest, count in counts:
        sizes.update(dict.fromkeys(branch_of(deepest), count))
    return sizes


def edges_of(session: Session, identifier: str) -> list[EdgeRow]:
    """Return the ties between members of a community, in the order of the graph.

    Raises:
        NotFoundError: No community has this id.
    """
    community = community_of(session, identifier)
    table = stored_graph(session, community.run_id)
    held = np.zeros(len(table.ids), dtype=bool)
    held[table.places(members_of(session, community.id))] = True
    inside = np.flatnonzero(held[table.edges["head"]] & held[table.edges["tail"]])
    return edge_rows(table, inside)


def edge_rows(table: EdgeTable, edges: NDArray[np.integer]) -> list[EdgeRow]:
    """Return some edges of a graph as rows, in their order."""
    heads, tails = (table.edges[name][edges].tolist() for name in ENDS)
    return [
        EdgeRow(table.ids[head], table.ids[tail], *weights)
        for head, tail, weights in zip(heads, tails, table.weights_at(edges), strict=True)
    ]


def neighbours_of(
    session: Session, run_id: int, statement_id: str, limit: int
) -> list[NeighbourRow]:
    """Return what a statement is tied to in the graph of a run, strongest first, then by id.

    A statement that the run did not know has no neighbours.

    Raises:
        NotFoundError: No run has this number.
    """
    run_of(session, run_id)
    table = stored_graph(session, run_id)
    place = place_of(table.ids, statement_id)
    if place < 0:
        return []
    head, tail = (table.edges[name] for name in ENDS)
    at_head, at_tail = np.flatnonzero(head == place), np.flatnonzero(tail == place)
    edges = np.concatenate([at_head, at_tail])
    others = np.concatenate([tail[at_head], head[at_tail]])
    order = np.lexsort((others, -table.edges["weight"][edges]))[:limit]
    return [
        NeighbourRow(table.ids[other], *weights)
        for other, weights in zip(
            others[order].tolist(), table.weights_at(edges[order]), strict=True
        )
    ]
