"""The commands on what says the same, and on what statements have in common: their concepts."""

from typing import Annotated

import typer

from api.options import (
    Budget,
    Database,
    Json,
    ModelName,
    database_of,
    engine_of,
    model_config,
    session_of,
    signed,
)
from api.settings import Settings, replies_of
from kg.concept_types import ConceptType
from kg.duplicates import Relation

app = typer.Typer()

Reason = Annotated[str, typer.Option(help="Why, in one sentence.")]
By = Annotated[str, typer.Option(callback=signed, help="Who decides: person, or a model's name.")]


@app.command()
def merge(
    statements: Annotated[
        list[str] | None, typer.Argument(metavar="[STATEMENT...]", help="Default: let the rule.")
    ] = None,
    reason: Reason = "",
    by: By = "person",
    db: Database = None,
    as_json: Json = False,
) -> None:
    """Merge statements that say the same: those that are named, or all that the rule is sure of.

    Mentions stay as they are, and `undo` takes a merge back.
    """
    from api import terminal, terminal_curation
    from api.curation import merge_by_hand, merge_by_rule
    from kg.canonical import Ruling

    if statements:
        decided = merge_by_hand(engine_of(db), statements, Ruling(by, reason))
        terminal.show(decided, as_json, terminal_curation.decided)
        return
    with terminal.progress("comparing") as on_progress:
        view = merge_by_rule(engine_of(db), Settings().embedder, on_progress)
    terminal.show(view, as_json, terminal_curation.merging)


@app.command()
def split(
    statements: Annotated[list[str], typer.Argument(metavar="STATEMENT...")],
    reason: Reason = "",
    by: By = "person",
    db: Database = None,
    as_json: Json = False,
) -> None:
    """Take statements out of the group that they are merged in; no run joins them again.

    Those that are named stay together; if they are the whole group, each stands alone.
    """
    from api import terminal, terminal_curation
    from api.curation import split_by_hand
    from kg.canonical import Ruling

    decided = split_by_hand(engine_of(db), statements, Ruling(by, reason))
    terminal.show(decided, as_json, terminal_curation.decided)


@app.command()
def undo(
    decision: Annotated[
        int | None, typer.Argument(help="Its number in the log. Default: the latest that counts.")
    ] = None,
    reason: Reason = "",
    by: By = "person",
    db: Database = None,
    as_json: Json = False,
) -> None:
    """Undo a merge or a split, or an undoing: what was before is there again, exactly."""
    from api import terminal, terminal_curation
    from api.curation import undo_decision
    from kg.canonical import Ruling

    decided = undo_decision(engine_of(db), decision, Ruling(by, reason))
    terminal.show(decided, as_json, terminal_curation.decided)


@app.command()
def decisions(
    limit: Annotated[int, typer.Option(min=1, help="The newest, so many.")] = 100,
    db: Database = None,
    as_json: Json = False,
) -> None:
    """List who decided what says the same, newest first."""
    from api import terminal, terminal_curation
    from api.views.decisions import decisions_view

    with session_of(db) as session:
        terminal.show(decisions_view(session, limit), as_json, terminal_curation.decisions)


@app.command()
def duplicates(
    relation: Annotated[
        list[Relation] | None,
        typer.Option(
            help="Of the pairs that are not merged, only these. Default: all but related."
        ),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Pairs that are not merged, at most.")] = 50,
    db: Database = None,
    as_json: Json = False,
) -> None:
    """List statements that are merged, and pairs for a reader to decide, with the reason."""
    from api import terminal, terminal_curation
    from api.views.canonical import OFFERED, repeats_view

    with session_of(db) as session:
        view = repeats_view(session, relation or OFFERED, limit)
        terminal.show(view, as_json, terminal_curation.repeats)


@app.command()
def concepts(
    kind: Annotated[ConceptType | None, typer.Option("--type", help="Only of this type.")] = None,
    statement: Annotated[str | None, typer.Option(help="Only of this statement.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Concepts, at most.")] = 50,
    db: Database = None,
    as_json: Json = False,
) -> None:
    """List what two statements or more speak of: methods, models, datasets, phenomena."""
    from api import terminal, terminal_curation
    from api.views.concepts import concepts_view

    with session_of(db) as session:
        view = concepts_view(session, kind, limit, statement)
        terminal.show(view, as_json, terminal_curation.concepts)


@app.command()
def concept(name: str, db: Database = None, as_json: Json = False) -> None:
    """Show a concept, by name, alias or id, with the words in which statements speak of it."""
    from api import terminal, terminal_curation
    from api.views.concepts import concept_view

    with session_of(db) as session:
        terminal.show(concept_view(session, name), as_json, terminal_curation.concept)


@app.command()
def relate_proposals(
    model: ModelName = None,
    limit: Annotated[int, typer.Option(min=1, help="Pairs to ask about, surest first.")] = 200,
    budget: Budget = None,
    db: Database = None,
    as_json: Json = False,
) -> None:
    """Ask a language model what the statements of proposed pairs are to each other.

    The pairs are those of `duplicates`. Every answer has to name words of both statements, which
    are looked up. It is kept as an assertion of the model, never as evidence; `relate --remove`
    takes it back.
    """
    from api import terminal
    from api.jobs import relate_by_model
    from kg.language_model import open_language_model

    chosen = model_config(model)
    if chosen is None:
        raise typer.BadParameter("name a model with --model provider:name, or $CLAIMGRAPH_MODEL")
    opened = open_language_model(chosen, replies_of(database_of(db)), budget)
    with terminal.progress("asking") as on_progress:
        view = relate_by_model(engine_of(db), opened, limit, on_progress)
    terminal.show(view, as_json, terminal.relating)
    if view.is_out_of_budget:
        raise typer.Exit(1)
