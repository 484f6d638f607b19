"""Canonical statements: what says the same, who merged it and why, and what is only proposed."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqlmodel import Session

from api.views.statement_rows import StatementRow, sources_by_statement, statement_rows
from api.views.view import SourceName, StatementName, View, statement_name
from api.views.works import WorkItem, work_items
from kg.canonical import Canonical, Canonicals, canonicals, decisions, proposals_of
from kg.duplicates import SAYS_THE_SAME, Relation
from kg.statements import quotes_of, statements_by_id
from kg.tables import Decision, Proposal, RelationKind
from kg.works import WorkLink, all_work_links

_WORDS: dict[str, tuple[str, str]] = {
    Relation.SAME: ("says the same as", "says the same as"),
    Relation.PROBABLY_SAME: ("probably says the same as", "probably says the same as"),
    Relation.MAYBE_SAME: ("may say the same as", "may say the same as"),
    Relation.REFINES: ("refines", "is refined by"),
    Relation.TENSION: ("may be in tension with", "may be in tension with"),
    Relation.RELATED: ("is related to", "is related to"),
}


_TAKEN_UP: dict[str, RelationKind] = {
    Relation.REFINES: RelationKind.REFINES,
    Relation.TENSION: RelationKind.CONTRADICTS,
}
"""What a reader asserts who takes up a proposal that is no merge."""


class MergeItem(View):
    """A decision that merged statements."""

    decision: int
    """Its number: `claimgraph undo NUMBER` takes it back."""

    method: str
    """Who decided: `rule`, `person`, or the name of a model."""

    run: int | None
    """The merging run, if it was the rule."""

    reason: str
    created_at: str


class PairItem(View):
    """Why a run takes two members for the same."""

    a: str
    """Id of a member."""

    b: str
    relation: str
    score: float
    """How sure it is that both say the same, in [0, 1]."""

    reasons: list[str]


class CanonicalItem(View):
    """Statements that say the same; each keeps its mentions."""

    id: str
    text: str
    """The words of the member that is said in most places; of several, that of the lowest id."""

    members: list[StatementRow]
    """By id."""

    merged_by: list[MergeItem]
    """Oldest first."""

    pairs: list[PairItem]
    """What the latest run says of the members; none of those that only a person merged."""

    works: list[WorkItem]
    """Which of their sources are one paper."""


class ProposalItem(View):
    """What a run takes a statement to be to another: an offer to a reader, never evidence."""

    relation: str
    words: str
    """What the statement does to the other, such as `is refined by`."""

    other: StatementName
    quote: str
    """A source's words for the statement, verbatim."""

    other_quote: str
    """A source's words for the other, verbatim."""

    sources: list[SourceName]
    """Which say the statement, by title."""

    other_sources: list[SourceName]
    """Which say the other, by title."""

    cosine: float
    score: float
    """How sure it is that both say the same, in [0, 1]."""

    reasons: list[str]
    command: str
    """What takes it up, if a reader thinks so too; empty if nothing does."""

    method: str
    """Who proposes it: the rule of a run."""

    run: int


class OfferItem(ProposalItem):
    """A proposal, seen from the statement that it is made of."""

    statement: StatementName


class RepeatsView(View):
    """What says the same, and what may."""

    run: int | None
    """The merging run that counts; none if none has been made."""

    groups: list[CanonicalItem]
    """Statements that are merged; by first member."""

    offers: list[OfferItem]
    """Pairs that are not merged, of the relations that were asked for; surest first."""

    n_offers: int
    """How many there are in all."""


OFFERED = tuple(relation for relation in Relation if relation is not Relation.RELATED)
"""The relations that are listed if none is asked for."""


def repeats_view(
    session: Session, relations: Sequence[Relation] = OFFERED, limit: int = 50
) -> RepeatsView:
    """Return what is merged, and up to so many pairs of these relations that are not."""
    state = canonicals(session)
    offered = _offered(session, state, relations)
    return RepeatsView(
        run=state.run_id,
        groups=canonical_items(session, state, state.groups),
        offers=_offers(session, offered[:limit]),
        n_offers=len(offered),
    )


def canonical_of(session: Session, state: Canonicals, statement_id: str) -> CanonicalItem | None:
    """Return the canonical statement that a statement belongs to, if it does to one."""
    found = [group for group in state.groups if statement_id in group.members]
    return next(iter(canonical_items(session, state, found)), None)


def canonical_items(
    session: Session, state: Canonicals, groups: Sequence[Canonical]
) -> list[CanonicalItem]:
    """Return groups with their members, and how they came about."""
    if not groups:
        return []
    identifiers = sorted({each for group in groups for each in group.members})
    rows = {row.id: row for row in statement_rows(session, identifiers)}
    log = {decision.id: decision for decision in decisions(session)}
    proposals = _proposals(session, state, identifiers)
    links = all_work_links(session)
    return [
        _canonical_item(
            group,
            [rows[each] for each in group.members],
            [_merge_item(log[number]) for number in group.decisions],
            [each for each in proposals if {each.head_id, each.tail_id} <= set(group.members)],
            links,
        )
        for group in groups
    ]


def proposal_items(session: Session, state: Canonicals, statement_id: str) -> list[ProposalItem]:
    """Return what the run that counts proposes of a statement; not of those it is merged with."""
    if state.run_id is None:
        return []
    proposals = [
        each
        for each in proposals_of(session, state.run_id, statement_id)
        if not _is_settled(state, each)
    ]
    context = _Context.of(session, proposals)
    order = list(_WORDS)
    items = [_proposal_item(each, statement_id, context) for each in proposals]
    return sorted(items, key=lambda item: order.index(item.relation))


class _Context(NamedTuple):
    """What items show of the statements they name."""

    names: Mapping[str, StatementName]
    quotes: Mapping[str, str]
    sources: Mapping[str, list[SourceName]]

    @classmethod
    def of(cls, session: Session, proposals: Sequence[Proposal]) -> "_Context":
        ids = sorted({end for each in proposals for end in (each.head_id, each.tail_id)})
        names = {i: statement_name(s) for i, s in statements_by_id(session, ids).items()}
        return cls(names, quotes_of(session, ids), sources_by_statement(session, ids))


def _offered(session: Session, state: Canonicals, relations: Sequence[Relation]) -> list[Proposal]:
    if state.run_id is None:
        return []
    return [
        each
        for each in proposals_of(session, state.run_id)
        if each.relation in relations and not _is_settled(state, each)
    ]


def _offers(session: Session, offered: Sequence[Proposal]) -> list[OfferItem]:
    context = _Context.of(session, offered)
    return [
        OfferItem(
            statement=context.names[each.head_id],
            **dict(_proposal_item(each, each.head_id, context)),
        )
        for each in offered
    ]


def _is_settled(state: Canonicals, proposal: Proposal) -> bool:
    """Say whether two statements are merged, or somebody has decided that they are not the same."""
    ends = {proposal.head_id, proposal.tail_id}
    is_parted = (min(ends), max(ends)) in state.apart
    says_same = proposal.relation in (*SAYS_THE_SAME, Relation.MAYBE_SAME)
    return (is_parted and says_same) or any(ends <= set(group.members) for group in state.groups)


def _proposals(session: Session, state: Canonicals, statement_ids: Sequence[str]) -> list[Proposal]:
    if state.run_id is None:
        return []
    if len(statement_ids) > 20:
        return proposals_of(session, state.run_id)
    found = {
        (each.head_id, each.tail_id): each
        for identifier in statement_ids
        for each in proposals_of(session, state.run_id, identifier)
    }
    return [found[key] for key in sorted(found)]


def _canonical_item(
    group: Canonical,
    members: list[StatementRow],
    merges: list[MergeItem],
    proposals: list[Proposal],
    links: Sequence[WorkLink],
) -> CanonicalItem:
    sources = {source.id: source for member in members for source in member.sources}
    return CanonicalItem(
        id=group.id,
        text=max(members, key=lambda member: member.mentions).text,
        members=members,
        merged_by=merges,
        pairs=[
            PairItem(
                a=min(each.head_id, each.tail_id),
                b=max(each.head_id, each.tail_id),
                relation=each.relation,
                score=each.score,
                reasons=each.reasons,
            )
            for each in proposals
        ],
        works=work_items([link for link in links if {*link[:2]} <= sources.keys()], sources),
    )


def _merge_item(decision: Decision) -> MergeItem:
    assert decision.id is not None
    return MergeItem(
        decision=decision.id,
        method=decision.method,
        run=decision.run_id,
        reason=decision.reason,
        created_at=decision.created_at,
    )


def _proposal_item(proposal: Proposal, statement_id: str, context: _Context) -> ProposalItem:
    is_head = proposal.head_id == statement_id
    other = proposal.tail_id if is_head else proposal.head_id
    return ProposalItem(
        relation=proposal.relation,
        words=_WORDS[proposal.relation][0 if is_head else 1],
        other=context.names[other],
        quote=context.quotes.get(statement_id, ""),
        other_quote=context.quotes.get(other, ""),
        sources=context.sources.get(statement_id, []),
        other_sources=context.sources.get(other, []),
        cosine=proposal.cosine,
        score=proposal.score,
        reasons=proposal.reasons,
        command=_command(proposal),
        method="rule",
        run=proposal.run_id,
    )


def _command(proposal: Proposal) -> str:
    head, tail = proposal.head_id, proposal.tail_id
    kind = _TAKEN_UP.get(proposal.relation)
    if kind is not None:
        return f"claimgraph relate {head} {kind} {tail}"
    return "" if proposal.relation == Relation.RELATED else f"claimgraph merge {head} {tail}"
