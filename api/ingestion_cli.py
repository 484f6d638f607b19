"""The command that reads documents."""

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
    processors,
    setting,
)
from api.settings import Settings, replies_of

app = typer.Typer()


@app.command()
def ingest(
    items: Annotated[
        list[str],
        typer.Argument(metavar="ITEM...", help="Files, folders, https addresses, arXiv ids, DOIs."),
    ],
    extractor: Annotated[
        str, typer.Option(help="Who finds the statements: offline, llm.")
    ] = "offline",
    model: ModelName = None,
    budget: Budget = None,
    change: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="Change a setting of the extractor, such as max_statements=20, min_worth=0.9. "
            "May be repeated.",
        ),
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option(min=1, max=256, help="Files read at once. Default: one for each processor."),
    ] = None,
    with_update: Annotated[
        bool, typer.Option("--update", help="Place what is new in the active runs, too.")
    ] = False,
    db: Database = None,
    as_json: Json = False,
) -> None:
    """Take documents and statement lists apart into claims and findings."""
    from api import terminal, terminal_ingestion
    from api.ingesting import Reading, ingest_items
    from api.jobs import check_updatable, update_runs

    engine = engine_of(db, create=True)
    if with_update:
        check_updatable(engine, Settings().embedder)
    with terminal.progress("reading") as on_progress:
        how = Reading(
            extractor=extractor,
            jobs=jobs or processors(),
            model=model_config(model) if extractor == "llm" else None,
            replies=replies_of(database_of(db)),
            budget=budget,
            settings=dict(setting(text) for text in change or []),
            embedder=Settings().embedder,
        )
        view = ingest_items(engine, items, how, on_progress)
        if with_update:
            placed = update_runs(engine, None, Settings().embedder, on_progress)
            view = view.model_copy(update={"updates": placed.updates})
    terminal.show(view, as_json, terminal_ingestion.ingestion)
    for failure in view.failures:
        typer.secho(f"error: {failure.reason}", err=True, fg="red")
    if view.stopped:
        typer.secho(f"error: stopped: {view.stopped}", err=True, fg="red")
    if view.failures or view.stopped:
        raise typer.Exit(1)
