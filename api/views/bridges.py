"""Bridges: where the communities of other methods and runs cross this one.

`kg.bridges` finds them and says what chance would give; here they get names, the sources that
meet at each, and one sentence of why it matters.
"""

from collections.abc import Sequence
from typing import NamedTuple

from pydantic import RootModel
from sqlmodel import Session, col, select

from api.views.view import (
    CommunityName,
    SourceName,
    StatementName,
    label_text,
    statement_name,
)
from kg.bridges import Bridge, Nested, Relation, overlaps_of
from kg.communities import community_of, stable_by_id
from kg.labels import labels_of
from kg.meetings import Meeting, Shared, meetings_of
from kg.statements import statements_by_id
from kg.tables import Community, Run

NEARLY_THE_SAME = 0.5
"""Two communities with a greater index of Jaccard have more in common than not."""


class BridgeSource(SourceName):
    """A source of statements that two communities share."""

    shared: int
    """How many of the shared statements it makes."""


class Overlap(CommunityName):
    """A community of another method or run that shares members with this one."""

    method: str
    run: int
    shared: int
    """How many statements both hold."""

    jaccard: float
    """Shared statements over all statements of the two, in (0, 1]."""

    relation: Relation
    """`lateral`: each has members that the other lacks; `same`; `contains`: this one holds the
    other whole; `within`: the other holds this one whole."""


class NestedItem(Overlap):
    """A community of another run that is the same set, a part of this one, or holds it whole."""


class BridgeItem(Overlap):
    """A community of another run that crosses this one; its relation is `lateral`."""

    shared_ids: list[str]
    """The statements that both hold."""

    expected: float
    """How many statements communities of these sizes share by chance, in the mean."""

    lift: float
    """Shared over expected; 1 is chance."""

    p_value: float
    """Probability that chance alone gives as many or more, in (0, 1]."""

    q_value: float
    """The p-value corrected for all pairs that were tested, in (0, 1]."""

    significant: bool
    """The q-value is at most .05."""

    sources: list[BridgeSource]
    """The sources of the shared statements, most of them first."""

    why: str
    """One sentence on why it matters."""


class BridgeDetail(BridgeItem):
    """A bridge with the words of what is shared."""

    shared_statements: list[StatementName]


class BridgesView(RootModel[list[BridgeDetail]]):
    """The bridges of a community: significant first, then most shared members, then closest."""


class OverlapItems(NamedTuple):
    """What a community shares with those of other runs."""

    bridges: list[BridgeItem]
    nested: list[NestedItem]


def bridges_view(session: Session, community_id: str, all_runs: bool = False) -> BridgesView:
    """Return a community's bridges with the words of the shared statements.

    Args:
        session: A session to read with.
        community_id: The community to look from.
        all_runs: Look at every run that succeeded, not only at the active ones.

    Raises:
        NotFoundError: No community has this id.
    """
    items = overlap_items(session, community_of(session, community_id).id, all_runs).bridges
    shared = sorted({identifier for item in items for identifier in item.shared_ids})
    statements = statements_by_id(session, shared)
    return BridgesView(
        [
            BridgeDetail(
                **dict(item),
                shared_statements=[statement_name(statements[each]) for each in item.shared_ids],
            )
            for item in items
        ]
    )


def overlap_items(session: Session, community_id: str, all_runs: bool = False) -> OverlapItems:
    """Return a community's bridges, and the communities of other runs that are only nested."""
    found = overlaps_of(session, community_id, all_runs=all_runs)
    crossing = [each.community_id for each in found.bridges]
    names = names_of(session, [*crossing, *(each.community_id for each in found.nested)])
    crossings = [Shared(community_id, b.community_id, b.shared_ids) for b in found.bridges]
    meetings = meetings_of(session, crossings)
    return OverlapItems(
        [
            _bridge(names[bridge.community_id], bridge, meeting)
            for bridge, meeting in zip(found.bridges, meetings, strict=True)
        ],
        [_nested(names[nested.community_id], nested) for nested in found.nested],
    )


def why(bridge: Bridge, meeting: Meeting) -> str:
    """Say in one sentence what a bridge amounts to: how far from chance, and who meets there."""
    n = len(bridge.shared_ids)
    return f"{_statements(n)} shared, {_beside_chance(bridge)}: {_who(meeting, n)}."


class Named(NamedTuple):
    """What to call a community, and which run made it."""

    label: str
    method: str
    run: int
    is_stable: bool | None


def names_of(session: Session, identifiers: Sequence[str]) -> dict[str, Named]:
    """Return label, method and run of each of these communities, by its id."""
    labels = labels_of(session, identifiers)
    stable = stable_by_id(session, identifiers)
    found: dict[str, Named] = {}
    for start in range(0, len(identifiers), 500):
        rows = session.exec(
            select(Community.id, Community.run_id, Run.method)
            .join(Run, col(Run.id) == Community.run_id)
            .where(col(Community.id).in_(identifiers[start : start + 500]))
        )
        for identifier, run, method in rows:
            found[identifier] = Named(
                label_text(labels, identifier), method, run, stable[identifier]
            )
    return found


def sources_at(meeting: Meeting) -> list[BridgeSource]:
    """Return the sources that meet at a bridge."""
    return [
        BridgeSource(id=source.id, title=source.title, shared=source.n_statements)
        for source in meeting.sources
    ]


def _bridge(name: Named, bridge: Bridge, meeting: Meeting) -> BridgeItem:
    return BridgeItem(
        id=bridge.community_id,
        **name._asdict(),
        members=bridge.members,
        shared=len(bridge.shared_ids),
        shared_ids=bridge.shared_ids,
        jaccard=round(bridge.jaccard, 6),
        relation=bridge.relation,
        expected=round(bridge.expected, 6),
        lift=round(bridge.lift, 4),
        p_value=bridge.p_value,
        q_value=bridge.q_value,
        significant=bridge.is_significant,
        sources=sources_at(meeting),
        why=why(bridge, meeting),
    )


def _nested(name: Named, nested: Nested) -> NestedItem:
    return NestedItem(
        id=nested.community_id,
        **name._asdict(),
        members=nested.members,
        shared=len(nested.shared_ids),
        jaccard=round(nested.jaccard, 6),
        relation=nested.relation,
    )


def _statements(n: int) -> str:
    return "1 statement is" if n == 1 else f"{n:,} statements are"


def _beside_chance(bridge: Bridge) -> str:
    if not bridge.is_significant:
        return f"which chance could do ({bridge.expected:.1f} expected)"
    times = f"{bridge.lift:,.0f}" if bridge.lift >= 9.95 else f"{bridge.lift:.1f}"
    if bridge.jaccard > NEARLY_THE_SAME:
        return f"{times} times what chance would give, so this is nearly the same community"
    return f"{times} times what chance would give"


def _who(meeting: Meeting, n_shared: int) -> str:
    if not meeting.sources:
        return "no source is known to make them"
    first, *others = [f"“{source.title}”" for source in meeting.sources]
    if not others:
        made = {1: "it comes", 2: "both come"}.get(n_shared, "all come")
        return f"{made} from {first}, which has a foot in both"
    counts = [source.n_statements for source in meeting.sources]
    rest = ""
    if meeting.meet_elsewhere is False:
        rest = ", and in no other of the smallest communities"
    if len(others) == 1:
        return f"{first} ({counts[0]}) and {others[0]} ({counts[1]}) meet here{rest}"
    more = f"{len(others) - 1} more {'source' if len(others) == 2 else 'sources'}"
    rest = rest.replace(", and", "; the first two")
    return f"{first} ({counts[0]}), {others[0]} ({counts[1]}) and {more} meet here{rest}"
