"""Communities: the tree of a run, and one community with all it holds and touches."""

from collections import Counter
from collections.abc import Sequence
from typing import Literal

from pydantic import RootModel
from sqlmodel import Session

from api.views.bridges import BridgeItem, NestedItem, overlap_items
from api.views.runs import clusterings
from api.views.statement_rows import StatementRow, split_by_kind, statement_rows
from api.views.view import CommunityName, SourceName, View, label_text
from kg.changes import whereabouts
from kg.communities import (
    certainties_of,
    children_of,
    community_of,
    edges_of,
    first_run_of,
    latest_of,
    members_by_community,
    members_of,
    stable_by_id,
    steadiness_of,
    tree_of,
)
from kg.labels import labels_of
from kg.runs import active_run, run_of
from kg.tables import Community, Run, RunKind


class CommunityItem(View):
    """A community in the tree of its run."""

    id: str
    link: str
    """Permanent link: the same in every run in which the community is."""

    label: str
    level: int
    """0 at the top."""

    parent: str | None
    """Id of the community that it is a part of."""

    members: int
    method: str
    run: int
    stability: float | None
    chance_stability: float | None
    is_stable: bool | None
    """Whether it is more stable than communities of random graphs; none if not measured."""

    is_well_connected: bool | None

    is_unclustered: bool
    """One statement by itself at the top: it is tied to nothing, or too little to belong
    anywhere."""


class CommunitiesView(RootModel[list[CommunityItem]]):
    """The trees of the runs that are asked for, by method; each depth first, largest first."""


class CommunitySourceView(SourceName):
    """A source whose statements a community holds."""

    members: int
    """How many of the community's statements it makes."""


class MemberView(StatementRow):
    """A statement of a community."""

    sub_community: str | None
    """The sub-community that holds it, if the community is split."""

    certainty: float | None
    """How surely it belongs to the deepest community that holds it, given the one above, in
    (0, 1]: the mean agreement with cuts from other seeds and with ties drawn anew."""


class EdgeView(View):
    """A tie between two statements of a community."""

    source: str
    """Id of the one statement. Ties have no direction."""

    target: str
    """Id of the other statement."""

    weight: float
    """The weighted sum of the layers."""

    semantic: float
    """Cosine of the two texts in [0, 1]; 0 if neither is among the other's nearest."""

    concepts: float
    """Similarity by shared concepts, in [0, 1]."""

    relations: float
    """How strongly asserted relations tie the two, in [0, 1]."""

    same_source: bool


class HoldingName(CommunityName):
    """A community that holds statements of another."""

    shared: int
    """How many."""


class CommunityView(View):
    """One community with its members, its sources and its bridges."""

    id: str
    link: str
    """Permanent link: it leads to this community in the active run, and is the same in every run
    in which the community is."""

    first_run: int
    """The run in which the link was first seen."""

    status: Literal["active", "superseded"]
    """Superseded: a later run of the method has succeeded."""

    current: CommunityName | None
    """The same community in the active run; none if it is gone."""

    successors: list[HoldingName]
    """If it is gone, where its statements are in the active run: the smallest community that holds
    more than half of them, or else the largest pieces."""

    run: int
    method: str
    seed: int | None
    label: str
    """Its label, or its id where no labelling run has named it."""

    description: str
    label_model: str | None
    """Who named it; none if nobody has."""

    label_support: list[str]
    """Ids of the members that the label and the description rest on, as who named it says."""

    label_refusals: list[str]
    """A reason for each draft that failed the check before this label held."""

    level: int
    """0 at the top."""

    members: int
    stability: float | None
    """Mean certainty of its members when its parent is cut, in (0, 1]; none if not measured."""

    chance_stability: float | None
    """What communities of random graphs with the same degrees reach. If there is this and no
    stability, an update changed the community, and its stability was not measured since."""

    is_stable: bool | None
    """Whether it is more stable than those; none if that was not measured."""

    is_well_connected: bool | None
    """Whether cutting it in two takes more edges than log10 of its members."""

    parent: CommunityName | None
    sub_communities: list[CommunityName]
    """They partition the community; largest first."""

    sources: list[CommunitySourceView]
    """Most members first. A statement that two sources make counts for both."""

    bridges: list[BridgeItem]
    """Communities of other methods that cross this one: significant first, then most shared."""

    nested: list[NestedItem]
    """Communities of other methods that are the same, a part of this one, or hold it whole."""

    claims: list[MemberView]
    findings: list[MemberView]
    edges: list[EdgeView]


def communities_view(
    session: Session, method: str | None = None, run: int | None = None
) -> CommunitiesView:
    """Return the tree of a method's active run, or of every method's, or of any one run.

    Raises:
        NotFoundError: No run has this number.
        ConfigError: It is no clustering, did not succeed, or is of another method; or there is no
            such method, or it has not been run.
    """
    runs = clusterings(session, method, run)
    return CommunitiesView(
        [
            CommunityItem(
                id=node.id,
                link=node.link,
                label=node.label or node.id,
                level=node.level,
                parent=node.parent,
                members=node.members,
                method=each.method,
                run=each.id,
                is_unclustered=node.level == 0 and node.members == 1,
                is_stable=node.steadiness.is_stable,
                **node.steadiness._asdict(),
            )
            for each in runs
            if each.id is not None
            for node in tree_of(session, each.id)
        ]
    )


def community_view(session: Session, community_id: str) -> CommunityView:
    """Return one community with its claims, findings, sources and bridges.

    Raises:
        NotFoundError: No community has this id.
    """
    community = community_of(session, community_id)
    community_id = community.id
    run = run_of(session, community.run_id)
    active = active_run(session, RunKind.CLUSTERING, run.method)
    latest = latest_of(session, community)
    members = members_by_community(session, community.run_id)
    children = children_of(session, community_id)
    labels = labels_of(session, _family(community, children))
    label = labels.get(community_id)
    overlaps = overlap_items(session, community_id)
    steadiness = steadiness_of(community)
    named = {name.id: name for name in _names(session, _family(community, children)[1:])}
    rows = _members(session, community_id, {c.id: members[c.id] for c in children})
    claims, findings = split_by_kind(rows)
    current = latest if active is not None and latest.run_id == active.id else None
    return CommunityView(
        id=community.id,
        link=community.link,
        first_run=first_run_of(session, community),
        current=_names(session, [current.id])[0] if current else None,
        successors=_successors(session, community.id, active) if current is None else [],
        status="active" if active is not None and active.id == run.id else "superseded",
        run=community.run_id,
        method=run.method,
        seed=run.seed,
        label=label_text(labels, community_id),
        description=label.description if label else "",
        label_model=label.model if label else None,
        label_support=label.support if label else [],
        label_refusals=label.refusals if label else [],
        level=community.level,
        members=len(members[community_id]),
        is_stable=steadiness.is_stable,
        **steadiness._asdict(),
        parent=named.get(community.parent_id or ""),
        sub_communities=[named[child.id] for child in children],
        sources=_sources(rows),
        bridges=overlaps.bridges,
        nested=overlaps.nested,
        claims=claims,
        findings=findings,
        edges=_edges(session, community_id),
    )


def _names(session: Session, identifiers: Sequence[str]) -> list[CommunityName]:
    labels, stable = labels_of(session, identifiers), stable_by_id(session, identifiers)
    return [
        CommunityName(
            id=each,
            label=label_text(labels, each),
            members=len(members_of(session, each)),
            is_stable=stable[each],
        )
        for each in identifiers
    ]


def _successors(session: Session, identifier: str, active: Run | None) -> list[HoldingName]:
    if active is None or active.id is None:
        return []
    places = whereabouts(session, identifier, active.id)
    names = _names(session, [place.community_id for place in places])
    return [
        HoldingName(**name.model_dump(), shared=place.shared)
        for name, place in zip(names, places, strict=True)
    ]


def _family(community: Community, children: list[Community]) -> list[str]:
    parent = [community.parent_id] if community.parent_id else []
    return [community.id, *parent, *(child.id for child in children)]


def _members(
    session: Session, community_id: str, children: dict[str, frozenset[str]]
) -> list[MemberView]:
    child_of = {statement: child for child, held in children.items() for statement in held}
    sure = certainties_of(session, community_id)
    return [
        MemberView(**dict(row), sub_community=child_of.get(row.id), certainty=sure[row.id])
        for row in statement_rows(session, sorted(sure))
    ]


def _sources(rows: list[MemberView]) -> list[CommunitySourceView]:
    titles = {source.id: source.title for row in rows for source in row.sources}
    counts = Counter(source.id for row in rows for source in row.sources)
    ordered = sorted(titles, key=lambda source: (-counts[source], titles[source], source))
    return [
        CommunitySourceView(id=source, title=titles[source], members=counts[source])
        for source in ordered
    ]


def _edges(session: Session, community_id: str) -> list[EdgeView]:
    return [
        EdgeView(
            source=edge.head_id,
            target=edge.tail_id,
            weight=round(float(edge.weight), 6),
            semantic=round(float(edge.semantic), 6),
            concepts=round(float(edge.concepts), 6),
            relations=round(float(edge.relations), 6),
            same_source=edge.source > 0,
        )
        for edge in edges_of(session, community_id)
    ]
