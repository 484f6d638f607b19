"""A statement: where it is said, what it is to others, and what experiments say of it."""

from sqlmodel import Session

from api.views.canonical import CanonicalItem, ProposalItem, canonical_of, proposal_items
from api.views.evidence import EvidenceItem, WaitingView, evidence_items, waiting_view
from api.views.relations import RelationItem, relation_items
from api.views.view import SourceName, StatementName, View, label_text
from kg.canonical import canonicals
from kg.citing_ties import reported
from kg.communities import (
    certainty_by_run,
    communities_of_statement,
    neighbours_of,
    size_of,
    steadiness_of,
)
from kg.labels import labels_of
from kg.runs import active_runs
from kg.sources import boxes_at, link_to
from kg.statements import MentionPlace, mentions_of, notes_of, statement_of, statements_by_id
from kg.tables import RunKind

N_CONTEXT = 240
"""Characters shown on either side of a quote, at most."""

N_NEIGHBOURS = 8
"""Neighbours shown of each method, at most."""


class SectionName(View):
    """A section as other pages name it."""

    id: str
    heading: str


class BoxView(View):
    """A rectangle on a page, in points from its lower left corner."""

    page: int
    left: float
    bottom: float
    right: float
    top: float


class MentionView(View):
    """One place where a source makes the statement."""

    id: str
    source: SourceName
    section: SectionName
    quote: str
    """The source's words, verbatim."""

    page: int | None
    """From 1; none where the format has no pages."""

    boxes: list[BoxView]
    """Where the quote is printed, a box for each line; empty where the format has no pages."""

    link: str | None
    """Address where the quote can be read, down to the element of a web page it stands in or
    after; none if no address is known."""

    char_start: int
    """Offset of the quote in the section's text, in Unicode code points."""

    char_end: int
    """Offset one past the quote's last code point."""

    note: str
    score: float
    """How sure the extractor was that this is a claim or a finding, in [0, 1]."""

    context_before: str
    """The text that leads up to the quote, verbatim."""

    context_after: str
    """The text that follows the quote, verbatim."""


class NeighbourView(StatementName):
    """A statement that one method's graph ties to this one."""

    weight: float
    """Weight of the tie: the weighted sum of its layers."""

    semantic: float
    """Cosine of the two texts in [0, 1]; 0 if neither is among the other's nearest."""

    concepts: float
    """Similarity by shared concepts, in [0, 1]."""

    relations: float
    """How strongly asserted relations, or a citation, tie the two, in [0, 1]."""

    cites: str
    """Where a citation ties them, which way and in what words, such as `cites: “Doe [3] found …”`;
    or else empty."""

    same_source: bool
    method: str


class StatementCommunityView(View):
    """A community that holds the statement."""

    id: str
    label: str
    level: int
    """0 at the top."""

    method: str
    run: int
    members: int
    """How many statements it holds."""

    is_stable: bool | None
    """Whether it is more stable than communities of random graphs; none if not measured."""

    certainty: float | None
    """How surely the statement belongs to its deepest community of this method, in (0, 1]."""


class StatementView(StatementName):
    """Everything about one statement."""

    note: str
    mentions: list[MentionView]
    """By source title, section and offset."""

    neighbours: list[NeighbourView]
    """By method; within a method, strongest tie first."""

    communities: list[StatementCommunityView]
    """By method; within a method, from the top of the hierarchy down."""

    evidence: list[EvidenceItem]
    """Oldest first."""

    waiting: list[WaitingView]
    """What it predicts of measurements elsewhere that were not recorded yet."""

    relations: list[RelationItem]
    """What it was asserted to be to others, which is no evidence; its own first, then by kind."""

    canonical: CanonicalItem | None
    """The statements that say the same, this one among them; none if it is merged with no other."""

    proposals: list[ProposalItem]
    """What a run takes it to be to others, which is an offer and no evidence; by relation, surest
    first."""


def statement_view(session: Session, statement_id: str) -> StatementView:
    """Return one statement with its mentions, neighbours, communities, evidence and relations.

    Raises:
        NotFoundError: No statement has this id.
    """
    statement = statement_of(session, statement_id)
    state = canonicals(session)
    return StatementView(
        id=statement.id,
        kind=statement.kind,
        text=statement.text,
        note=notes_of(session, [statement_id]).get(statement_id, ""),
        mentions=[_mention(session, place) for place in mentions_of(session, statement_id)],
        neighbours=_neighbours(session, statement_id),
        communities=_communities(session, statement_id),
        evidence=evidence_items(session, statement_id),
        waiting=waiting_view(session, statement_id).root,
        relations=relation_items(session, statement_id),
        canonical=canonical_of(session, state, statement_id),
        proposals=proposal_items(session, state, statement_id),
    )


def _mention(session: Session, place: MentionPlace) -> MentionView:
    mention, section, source = place
    boxes = boxes_at(session, section.id, mention.char_start, mention.char_end)
    before = section.text[max(0, mention.char_start - N_CONTEXT) : mention.char_start]
    after = section.text[mention.char_end : mention.char_end + N_CONTEXT]
    if mention.char_start > N_CONTEXT:
        before = before.partition(" ")[2]
    if mention.char_end + N_CONTEXT < len(section.text):
        after = after.rpartition(" ")[0]
    return MentionView(
        id=mention.id,
        source=SourceName(id=source.id, title=source.title),
        section=SectionName(id=section.id, heading=section.heading),
        quote=mention.quote,
        page=mention.page,
        boxes=[BoxView(**box._asdict()) for box in boxes],
        link=link_to(source, section, mention),
        char_start=mention.char_start,
        char_end=mention.char_end,
        note=mention.note,
        score=mention.score,
        context_before=before,
        context_after=after,
    )


def _neighbours(session: Session, statement_id: str) -> list[NeighbourView]:
    ties = [
        (run.method, tie)
        for run in active_runs(session, RunKind.CLUSTERING)
        if run.id is not None
        for tie in neighbours_of(session, run.id, statement_id, N_NEIGHBOURS)
    ]
    statements = statements_by_id(session, sorted({tie.statement_id for _, tie in ties}))
    is_related = any(tie.relations > 0 for _, tie in ties)
    cites = _cites(session, statement_id) if is_related else {}
    return [
        NeighbourView(
            id=tie.statement_id,
            kind=statements[tie.statement_id].kind,
            text=statements[tie.statement_id].text,
            weight=round(float(tie.weight), 6),
            semantic=round(float(tie.semantic), 6),
            concepts=round(float(tie.concepts), 6),
            relations=round(float(tie.relations), 6),
            cites=cites.get(tie.statement_id, "") if tie.relations > 0 else "",
            same_source=tie.source > 0,
            method=method,
        )
        for method, tie in ties
    ]


def _cites(session: Session, statement_id: str) -> dict[str, str]:
    """Return how citations tie the statement to others, by those; the first counts."""
    sources = {place.source.id for place in mentions_of(session, statement_id)}
    said: dict[str, str] = {}
    for head, tail, quote in reported(session, about=sources):
        if statement_id == head:
            said.setdefault(tail, f"cites: “{quote}”")
        elif statement_id == tail:
            said.setdefault(head, f"is cited: “{quote}”")
    return said


def _communities(session: Session, statement_id: str) -> list[StatementCommunityView]:
    methods = {run.id: run.method for run in active_runs(session, RunKind.CLUSTERING)}
    path = communities_of_statement(session, statement_id)
    labels = labels_of(session, [community.id for community in path])
    sure = certainty_by_run(session, statement_id, {community.run_id for community in path})
    return [
        StatementCommunityView(
            id=community.id,
            label=label_text(labels, community.id),
            level=community.level,
            method=methods[community.run_id],
            run=community.run_id,
            members=size_of(session, community.id),
            is_stable=steadiness_of(community).is_stable,
            certainty=sure[community.run_id],
        )
        for community in sorted(path, key=lambda c: (methods[c.run_id], c.level))
    ]
