"""The commands that link statements to what somebody measures elsewhere."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from api.options import Database, Json, database_of, engine_of, session_of, signed
from api.settings import artifacts_of

app = typer.Typer()


@app.command()
def predict(
    statement_id: Annotated[str, typer.Argument(metavar="STATEMENT")],
    experiment: Annotated[str, typer.Option(help="A name, such as path_patching.")],
    on: Annotated[str, typer.Option("--on", help="What is measured, such as gpt2-small.")],
    unit: Annotated[str, typer.Option(help="Of the value: 'share of the logit difference'.")],
    side: Annotated[
        Literal["above", "below"], typer.Option(help="Where the value lies if it is true ...")
    ],
    threshold: Annotated[float, typer.Option(help="... of this value.")],
    because: Annotated[str, typer.Option(help="Why it predicts that, in one sentence.")] = "",
    by: Annotated[str, typer.Option(callback=signed, help="Who says so.")] = "person",
    db: Database = None,
    as_json: Json = False,
) -> None:
    """State what a statement predicts of a measurement that you will make elsewhere.

    `record` then takes in what came out. The prediction is stored with its time and cannot be
    changed.
    """
    from api import terminal, terminal_evidence
    from api.predicting import Stated, state_prediction

    stated = Stated(statement_id, experiment, on, unit, side, threshold, because, by)
    view = state_prediction(engine_of(db), artifacts_of(database_of(db)), stated)
    terminal.show(view, as_json, terminal_evidence.waiting)


@app.command()
def record(
    prediction_id: Annotated[str, typer.Argument(metavar="PREDICTION")],
    file: Annotated[Path, typer.Argument(help="JSON: value, low, high, n (or values), controls.")],
    by: Annotated[str, typer.Option(callback=signed, help="Who records it.")] = "person",
    db: Database = None,
    as_json: Json = False,
) -> None:
    """Attach what you measured elsewhere to the statement that predicted it, judged by the rule.

    docs/evidence.md says what the file holds.
    """
    from api import terminal, terminal_evidence
    from api.predicting import record_measurement

    view = record_measurement(engine_of(db), artifacts_of(database_of(db)), prediction_id, file, by)
    terminal.show(view, as_json, terminal_evidence.verdict)


@app.command()
def withdraw(
    evidence_id: Annotated[str, typer.Argument(metavar="EVIDENCE")],
    because: Annotated[str, typer.Option(help="Why it does not count, in one sentence.")] = "",
    by: Annotated[str, typer.Option(callback=signed, help="Who says so.")] = "person",
    back: Annotated[bool, typer.Option("--back", help="Let it count again.")] = False,
    db: Database = None,
    as_json: Json = False,
) -> None:
    """Say that a measurement does not count, such as one with a mistake in it.

    It stays in the ledger of its statement, with who says so and why.
    """
    from api import terminal, terminal_evidence
    from api.views.evidence import evidence_view
    from kg import ledgers

    engine = engine_of(db)
    if back:
        ledgers.reinstate(engine, evidence_id)
    else:
        ledgers.withdraw(engine, evidence_id, by, because)
    with session_of(db) as session:
        terminal.show(evidence_view(session, evidence_id), as_json, terminal_evidence.evidence_item)


@app.command()
def predictions(db: Database = None, as_json: Json = False) -> None:
    """List what statements predict of measurements elsewhere that were not recorded yet."""
    from api import terminal, terminal_evidence
    from api.views.evidence import waiting_view

    with session_of(db) as session:
        terminal.show(waiting_view(session), as_json, terminal_evidence.waitings)
