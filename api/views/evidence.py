"""The ledger of a statement: what was predicted, what was measured, what follows."""

from pydantic import RootModel
from sqlmodel import Session

from api.views.view import StatementName, View, statement_name
from kg.errors import NotFoundError
from kg.ledgers import EvidenceRow, evidence_of, open_predictions, statements_tested
from kg.statements import statement_of
from kg.tables import Evidence, Prediction, Side, Stance


class PredictionView(View):
    """What the statement predicted, as it was stored before the measurement."""

    side: Side
    """On which side of the threshold the value was expected."""

    threshold: float
    unit: str
    sentence: str
    created_at: str


class MeasuredView(View):
    """A measured value with its 95 % interval."""

    value: float
    low: float
    high: float
    n: int
    """Sample size; the experiment says of what."""

    unit: str


class ControlView(View):
    """The same measurement on something that should not show the effect."""

    name: str
    value: float
    low: float
    high: float
    n: int


class ElsewhereView(View):
    """Who measured, where claimgraph did not."""

    by: str
    """Who recorded it."""

    where: str
    """Where the code and the data are; empty if that was not said."""

    file: str
    sha256: str
    """Of the file that said what was measured."""


class WithdrawnView(View):
    """That a measurement does not count, and who said so."""

    at: str
    by: str
    because: str


class WaitingView(View):
    """A prediction of what is measured elsewhere and was not recorded yet."""

    id: str
    statement: StatementName
    experiment: str
    target: str
    """What it will be measured on."""

    by: str
    """Who stated it."""

    prediction: PredictionView


class WaitingsView(RootModel[list[WaitingView]]):
    """What waits to be measured, oldest first."""


class EvidenceItem(View):
    """One entry of a ledger: a tested prediction."""

    id: str
    stance: Stance
    reason: str
    """The rule's words for the stance."""

    experiment: str
    prediction: PredictionView
    measured: MeasuredView
    control: ControlView | None
    """The first of the controls."""

    controls: list[ControlView]
    details: dict[str, float]
    """What else the experiment measured, by name."""

    run: int
    """The experiment's run."""

    decomposition_run: int | None
    """The decomposition that was measured; None of a measurement made elsewhere."""

    target: str | None
    """The model that was decomposed, or what was measured elsewhere."""

    withdrawn: WithdrawnView | None
    """None if it counts."""

    elsewhere: ElsewhereView | None
    """None if claimgraph measured."""

    subcomponents: list[str]
    """Ids of the subcomponents that the measurement touched."""

    created_at: str


class LedgerView(View):
    """A statement and all its evidence."""

    statement: StatementName
    evidence: list[EvidenceItem]
    """Oldest first."""

    waiting: list[WaitingView]
    """What it predicts of measurements elsewhere that were not recorded yet."""


class LedgersView(RootModel[list[LedgerView]]):
    """Statements that were tested, that of the latest measurement first."""


def ledgers_view(
    session: Session, stance: Stance | None = None, limit: int = 50, offset: int = 0
) -> LedgersView:
    """Return the ledgers of all statements that were tested.

    Args:
        session: Where to look.
        stance: Only statements of which some measurement came out so, and only those measurements.
        limit: Statements, at most.
        offset: Leave out this many first.
    """
    ledgers = []
    for identifier in statements_tested(session, stance)[offset : offset + limit]:
        ledger = ledger_view(session, identifier)
        kept = [
            entry
            for entry in ledger.evidence
            if stance is None or (entry.stance == stance and entry.withdrawn is None)
        ]
        ledgers.append(ledger.model_copy(update={"evidence": kept}))
    return LedgersView(ledgers)


def count_tested(session: Session, stance: Stance | None = None) -> int:
    """Return how many statements `ledgers_view` has in all."""
    return len(statements_tested(session, stance))


def ledger_view(session: Session, statement_id: str) -> LedgerView:
    """Return a statement's evidence.

    Raises:
        NotFoundError: No statement has this id.
    """
    statement = statement_of(session, statement_id)
    return LedgerView(
        statement=statement_name(statement),
        evidence=evidence_items(session, statement_id),
        waiting=waiting_view(session, statement_id).root,
    )


def waiting_view(session: Session, statement_id: str | None = None) -> WaitingsView:
    """Return what waits to be measured elsewhere, of all statements or of one."""
    return WaitingsView(
        [
            WaitingView(
                id=prediction.id,
                statement=statement_name(statement_of(session, prediction.statement_id)),
                experiment=prediction.experiment,
                target=run.config["target"],
                by=run.config["by"],
                prediction=_prediction(prediction),
            )
            for prediction, run in open_predictions(session, statement_id)
        ]
    )


def evidence_items(session: Session, statement_id: str) -> list[EvidenceItem]:
    """Return the entries of a statement's ledger, oldest first."""
    return [_item(row) for row in evidence_of(session, statement_id)]


def evidence_view(session: Session, evidence_id: str) -> EvidenceItem:
    """Return one entry of a ledger.

    Raises:
        NotFoundError: No evidence has this id.
    """
    evidence = session.get(Evidence, evidence_id)
    if evidence is None:
        raise NotFoundError(f"there is no evidence {evidence_id}: `claimgraph evidence` lists it")
    rows = evidence_of(session, evidence.statement_id)
    return next(_item(row) for row in rows if row.evidence.id == evidence_id)


def _item(row: EvidenceRow) -> EvidenceItem:
    evidence, prediction, decomposition = row.evidence, row.prediction, row.decomposition
    controls = [ControlView.model_validate(control) for control in evidence.controls]
    return EvidenceItem(
        id=evidence.id,
        stance=evidence.stance,
        reason=evidence.reason,
        experiment=prediction.experiment,
        prediction=_prediction(prediction),
        measured=MeasuredView(
            value=evidence.value,
            low=evidence.low,
            high=evidence.high,
            n=evidence.n,
            unit=evidence.unit,
        ),
        control=controls[0] if controls else None,
        controls=controls,
        details=evidence.details,
        run=evidence.run_id,
        decomposition_run=prediction.decomposition_run_id,
        target=(
            row.predicted_by.config["target"]
            if decomposition is None
            else decomposition.result.get("target")
        ),
        withdrawn=(
            None
            if evidence.withdrawn_at is None
            else WithdrawnView(
                at=evidence.withdrawn_at,
                by=evidence.withdrawn_by,
                because=evidence.withdrawn_because,
            )
        ),
        elsewhere=ElsewhereView(**row.measured_by.config) if decomposition is None else None,
        subcomponents=evidence.subcomponents,
        created_at=evidence.created_at,
    )


def _prediction(prediction: Prediction) -> PredictionView:
    return PredictionView(
        side=prediction.side,
        threshold=prediction.threshold,
        unit=prediction.unit,
        sentence=prediction.sentence,
        created_at=prediction.created_at,
    )
