"""Evidence in the terminal: what was measured, what it says, and what waits to be measured."""

from collections.abc import Iterable

from api.counting import who
from api.views.evidence import (
    EvidenceItem,
    LedgersView,
    LedgerView,
    WaitingsView,
    WaitingView,
)
from api.views.reports import AttachedView

Lines = Iterable[str]


def verdict(view: AttachedView) -> Lines:
    """Say what a test measured and what follows."""
    yield view.statement.text
    yield from evidence_item(view)


def ledger(view: LedgerView) -> Lines:
    """Show everything that was measured about a statement."""
    yield view.statement.text
    yield from tests(view.evidence, view.waiting)
    if not view.evidence and not view.waiting:
        yield "no experiment has tested it: `claimgraph test` does, and `claimgraph predict` says"
        yield "what one that you make yourself should find"


def ledgers(view: LedgersView) -> Lines:
    """Show everything that was measured about any statement."""
    for each in view.root:
        yield each.statement.id
        yield from ledger(each)
        yield ""
    if not view.root:
        yield "no statement has been tested, or none with this outcome: `claimgraph test` tests one"


def tests(evidence: Iterable[EvidenceItem], waits: Iterable[WaitingView]) -> Lines:
    """Show what was measured, then what waits to be."""
    for item in evidence:
        yield from evidence_item(item)
    for each in waits:
        yield from waiting(each)


def evidence_item(item: EvidenceItem) -> Lines:
    """Show one entry of a ledger."""
    measured = item.measured
    on = item.target if item.elsewhere else f"run {item.decomposition_run}"
    stance = "WITHDRAWN" if item.withdrawn else item.stance.upper()
    yield f"  {stance}  {item.experiment} on {on}  {item.id}"
    yield f"    predicted: {item.prediction.sentence}"
    yield (
        f"    measured:  {measured.value:.4g} [{measured.low:.4g}, {measured.high:.4g}] "
        f"{measured.unit}, n = {measured.n}"
    )
    for control in item.controls:
        yield (
            f"    control:   {control.value:.4g} [{control.low:.4g}, {control.high:.4g}] "
            f"{control.name}, n = {control.n}"
        )
    yield f"    because:   {item.reason}"
    if item.withdrawn:
        withdrawn = item.withdrawn
        yield f"    withdrawn: by {who(withdrawn.by)}, {withdrawn.at}: {withdrawn.because}"
    if item.elsewhere:
        made = item.elsewhere
        where = f", {made.where}" if made.where else ""
        yield f"    elsewhere: recorded by {who(made.by)} from {made.file}{where}"


def waiting(view: WaitingView) -> Lines:
    """Show a prediction that waits to be measured, and how to record what comes out."""
    yield f"  WAITING  {view.experiment} on {view.target}  {view.id}"
    yield f"    predicted: {view.prediction.sentence}"
    yield f"    stated by {who(view.by)}, {view.prediction.created_at}"
    yield f"    when it is measured: claimgraph record {view.id} FILE.json"


def waitings(view: WaitingsView) -> Lines:
    """Show all predictions that wait to be measured."""
    for each in view.root:
        yield f"{each.statement.id}  {each.statement.text}"
        yield from waiting(each)
    if not view.root:
        yield "nothing waits to be measured: `claimgraph predict` states what will be"
