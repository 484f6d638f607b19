"""How what says the same, and concepts, look in a terminal."""

from collections.abc import Iterable, Sequence

from api.counting import count_of, who
from api.views.canonical import CanonicalItem, OfferItem, ProposalItem, RepeatsView
from api.views.concepts import ConceptItem, ConceptsView, ConceptView
from api.views.decisions import DecidedView, DecisionItem, DecisionsView, MergingView
from api.views.view import SourceName

Lines = Iterable[str]


def merging(view: MergingView) -> Lines:
    """Say what a merging run found, and how to go on."""
    merged = f"{view.merged} of {count_of(view.statements, 'statement')} say what another says"
    if view.groups:
        merged = f"{merged}, and are merged into {view.groups}"
    yield f"run {view.run}: {merged}, {view.seconds:.1f} s"
    for relation, count in view.proposals.items():
        yield f"  {count:>6}  {relation}"
    back = f"; `claimgraph undo {view.decision}` takes it back" if view.groups else ""
    yield f"`claimgraph duplicates` lists them{back}"


def decided(view: DecidedView) -> Lines:
    """Say what was decided, and which groups there are now."""
    yield from _decision(view.decision)
    for group in view.groups:
        yield from canonical(group)
    if not view.groups:
        yield "none of them is merged with another now"


def decisions(view: DecisionsView) -> Lines:
    """List the log."""
    for decision in view.decisions:
        yield from _decision(decision)
    if not view.decisions:
        yield "nothing has been decided: `claimgraph merge` lets the rule decide"


def repeats(view: RepeatsView) -> Lines:
    """List what is merged, and what is offered."""
    if view.run is None:
        yield "no run has looked for them: run `claimgraph merge`"
    yield f"Merged ({len(view.groups)})"
    for group in view.groups:
        yield from canonical(group)
    yield f"\nProposed, for a reader to decide ({view.n_offers}): found by a rule, no evidence"
    for offer in view.offers:
        yield from _offer(offer)
    if view.n_offers > len(view.offers):
        yield f"and {view.n_offers - len(view.offers)} more: see them with --limit"


def concepts(view: ConceptsView) -> Lines:
    """List concepts, one a line."""
    for item in view.root:
        yield _concept(item)
    if not view.root:
        yield "no two statements speak of the same"


def concept(view: ConceptView) -> Lines:
    """Show a concept with the statements that speak of it."""
    yield _concept(view)
    for link in view.links:
        spans = ", ".join(f"“{s.words}” {s.char_start} to {s.char_end}" for s in link.spans)
        yield f"  {link.id}  {link.text}"
        yield f"      {spans}"


def canonical(group: CanonicalItem) -> Lines:
    """Show statements that say the same, and who says so."""
    yield f"{group.id}  {group.text}"
    for member in group.members:
        yield f"    {member.id}  {member.text}  {_titles(member.sources)}"
    for work in group.works:
        yield f"    {work.source.title} {work.words} {work.other.title}"
    for each in group.merged_by:
        by = f"the rule, run {each.run}" if each.run is not None else who(each.method)
        yield f"    merged by {by}, decision {each.decision}{_reason(each.reason)}"
    for pair in group.pairs:
        yield f"    {pair.relation} {pair.score:.2f}: {'; '.join(pair.reasons)}"


def merged_with(group: CanonicalItem | None) -> Lines:
    """Show what a statement is merged with, if it is."""
    if group is not None:
        yield f"\nSaid by {len(group.members)} statements that are merged"
        yield from canonical(group)


def proposals(items: Sequence[ProposalItem]) -> Lines:
    """Show what a statement may be to others, with both quotes."""
    yield f"\nProposals ({len(items)}): found by a rule, no evidence"
    for item in items:
        yield from _proposal(item)


def _proposal(item: ProposalItem) -> Lines:
    yield f"  {item.words} {item.other.id}  {item.other.text}"
    yield f"    “{item.quote}” {_titles(item.sources)}"
    yield f"    “{item.other_quote}” {_titles(item.other_sources)}"
    yield f"    because: {'; '.join(item.reasons)} (cosine {item.cosine:.2f}, run {item.run})"
    if item.command:
        yield f"    if so: {item.command}"


def _titles(sources: Sequence[SourceName]) -> str:
    return f"[{'; '.join(source.title for source in sources)}]"


def _concept(item: ConceptItem) -> str:
    sense = f", meaning {item.sense}" if item.sense else ""
    also = f"  also {', '.join(item.aliases[:4])}" if item.aliases else ""
    return (
        f"{item.id}  {count_of(item.statements, 'statement'):>15} "
        f"{count_of(item.sources, 'source'):>11}  {item.type:<10}  "
        f"{item.name}{sense}{also}"
    )


def _offer(offer: OfferItem) -> Lines:
    yield f"{offer.statement.id}  {offer.statement.text}"
    yield from _proposal(offer)


def _decision(item: DecisionItem) -> Lines:
    what = f"undo {item.undoes}" if item.undoes is not None else item.kind.value
    by = f"the rule, run {item.run}" if item.run is not None else who(item.method)
    undone = "  [undone]" if item.is_undone else ""
    count = f", {count_of(item.n_statements, 'statement')}" if item.n_statements else ""
    yield f"{item.id:>4}  {what} by {by}, {item.created_at}{count}{_reason(item.reason)}{undone}"
    for group in item.groups:
        yield f"      {' '.join(each.id for each in group)}"


def _reason(reason: str) -> str:
    return f": {reason}" if reason else ""
