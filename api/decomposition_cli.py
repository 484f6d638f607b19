"""The commands on stored decompositions: what is in one, and what can be found out about it."""

from pathlib import Path
from typing import Annotated

import typer

from api.options import Database, Json, Seed, database_of, engine_of, session_of
from api.settings import artifacts_of

app = typer.Typer()

Of = Annotated[int, typer.Argument(metavar="RUN", help="A decomposition.")]


@app.command()
def decomposition(run: Of, db: Database = None, as_json: Json = False) -> None:
    """Show a decomposition: its subcomponents, and what was found out about them."""
    from api import terminal, terminal_decompositions
    from api.views.decompositions import decomposition_view

    with session_of(db) as session:
        view = decomposition_view(session, artifacts_of(database_of(db)), run)
        terminal.show(view, as_json, terminal_decompositions.decomposition)


@app.command()
def components(
    run: Of,
    inputs: Annotated[
        int | None, typer.Option(min=1, help="Inputs to look at. Default: 16384.")
    ] = None,
    alpha: Annotated[
        float | None,
        typer.Option(
            min=0, max=1e6, help="Bits for every rank-one matrix; higher gives smaller groups."
        ),
    ] = None,
    resolution: Annotated[
        float | None, typer.Option(min=1e-6, max=1e6, help="Of the communities to compare with.")
    ] = None,
    seed: Seed = 0,
    db: Database = None,
    as_json: Json = False,
) -> None:
    """Group the subcomponents of a decomposition that act together."""
    from api import terminal, terminal_decompositions
    from api.decomposition_jobs import Grouping, find_components_of
    from api.views.decompositions import components_view

    artifacts = artifacts_of(database_of(db))
    grouping = Grouping(inputs, alpha, resolution, seed)
    find_components_of(engine_of(db), artifacts, run, grouping)
    with session_of(db) as session:
        view = components_view(session, artifacts, run)
        terminal.show(view, as_json, terminal_decompositions.components)


@app.command()
def harvest(
    run: Of,
    batches: Annotated[int | None, typer.Option(min=1, help="Default: 64.")] = None,
    rows: Annotated[int | None, typer.Option(min=1, help="Of a batch. Default: 256.")] = None,
    contexts: Annotated[
        int | None, typer.Option(min=1, help="Places kept of each subcomponent. Default: 8.")
    ] = None,
    seed: Seed = 0,
    db: Database = None,
    as_json: Json = False,
) -> None:
    """Run over the data and say what every subcomponent reads, writes and goes with."""
    from api import terminal, terminal_decompositions
    from api.decomposition_jobs import Harvesting, harvest_of
    from api.views.decompositions import harvest_view

    artifacts = artifacts_of(database_of(db))
    harvesting = Harvesting(batches, rows, contexts, seed)
    with terminal.progress("harvesting") as on_progress:
        harvest_of(engine_of(db), artifacts, run, harvesting, on_progress)
    with session_of(db) as session:
        view = harvest_view(session, artifacts, run)
        terminal.show(view, as_json, terminal_decompositions.harvest)


@app.command()
def subcomponent(
    run: Of,
    name: Annotated[str, typer.Argument(help="Such as linear1:3.")],
    db: Database = None,
    as_json: Json = False,
) -> None:
    """Show what one subcomponent does on the data, as the latest harvest found."""
    from api import terminal, terminal_decompositions
    from api.views.decompositions import profile_view

    with session_of(db) as session:
        view = profile_view(session, artifacts_of(database_of(db)), run, name)
        terminal.show(view, as_json, terminal_decompositions.profile)


@app.command()
def attribute(
    run: Of,
    prompt: Annotated[str | None, typer.Option(help="Of this text, where it reads text.")] = None,
    probe: Annotated[
        int | None, typer.Option(min=0, help="Of the input in which this feature alone is active.")
    ] = None,
    sample: Annotated[
        int | None, typer.Option(min=0, max=1_000_000, help="Of this row of its data.")
    ] = None,
    position: Annotated[
        int | None, typer.Option(min=0, help="Whose outputs. Default: the last one.")
    ] = None,
    edges: Annotated[int | None, typer.Option(min=1, help="At most. Default: 300.")] = None,
    masked: Annotated[
        bool, typer.Option("--masked", help="Ablate what is unimportant in all passes.")
    ] = False,
    minimal: Annotated[
        bool,
        typer.Option("--minimal", help="Of the least importances that say the same, found first."),
    ] = False,
    steps: Annotated[int | None, typer.Option(min=1, help="To find them in. Default: 500.")] = None,
    seed: Seed = 0,
    db: Database = None,
    as_json: Json = False,
) -> None:
    """Draw what acts on what in one input, every edge checked by an ablation."""
    from api import terminal, terminal_decompositions
    from api.decomposition_jobs import Asking, draw_graph_of
    from api.views.decompositions import graph_view

    artifacts = artifacts_of(database_of(db))
    asking = Asking(prompt, probe, sample, position, edges, masked, minimal, steps, seed)
    drawn = draw_graph_of(engine_of(db), artifacts, run, asking)
    with session_of(db) as session:
        view = graph_view(session, artifacts, drawn)
        terminal.show(view, as_json, terminal_decompositions.graph)


@app.command("import-decomposition")
def import_file(
    path: Annotated[Path, typer.Argument(help="An exported folder, safetensors, or JSON.")],
    target: Annotated[
        str | None, typer.Option(help="What it is of, unless the folder says so.")
    ] = None,
    directions_only: Annotated[
        bool, typer.Option("--directions-only", help="Where no importances can be read.")
    ] = False,
    seed: Seed = 0,
    db: Database = None,
    as_json: Json = False,
) -> None:
    """Store a decomposition from elsewhere as a run: an export, or a run of goodfire-ai/spd."""
    from api import terminal
    from api.decomposition_jobs import Importing, import_from

    importing = Importing(path, target, seed, directions_only)
    view = import_from(engine_of(db, create=True), artifacts_of(database_of(db)), importing)
    terminal.show(view, as_json, terminal.decomposition)


@app.command("export-decomposition")
def export_files(
    run: Of,
    folder: Annotated[Path, typer.Argument(help="Where to; nothing is overwritten.")],
    db: Database = None,
    as_json: Json = False,
) -> None:
    """Write a decomposition as safetensors and JSON that load back bit for bit."""
    from api import terminal, terminal_decompositions
    from api.decomposition_jobs import export_to

    view = export_to(engine_of(db), artifacts_of(database_of(db)), run, folder)
    terminal.show(view, as_json, terminal_decompositions.exported)


@app.command()
def edit(
    run: Of,
    remove: Annotated[
        list[str] | None, typer.Option(metavar="SUBCOMPONENT", help="Such as linear1:3.")
    ] = None,
    scale: Annotated[
        list[str] | None, typer.Option(metavar="SUBCOMPONENT=FACTOR", help="By this factor.")
    ] = None,
    rewrite: Annotated[
        list[str] | None,
        typer.Option(metavar="SUBCOMPONENT=OUTPUT", help="To write toward this output instead."),
    ] = None,
    strength: Annotated[
        float, typer.Option(help="Of what is rewritten, in lengths of what was written.")
    ] = 1.0,
    rows: Annotated[int | None, typer.Option(min=1, help="To measure on. Default: 1024.")] = None,
    seed: Seed = 0,
    db: Database = None,
    as_json: Json = False,
) -> None:
    """Change subcomponents, measure what that does on and off target, and keep the difference."""
    from api import terminal, terminal_decompositions
    from api.decomposition_jobs import Editing, edit_of
    from api.views.decompositions import edit_view

    artifacts = artifacts_of(database_of(db))
    editing = Editing(remove or [], scale or [], rewrite or [], strength, rows, seed)
    edited = edit_of(engine_of(db), artifacts, run, editing)
    with session_of(db) as session:
        view = edit_view(session, artifacts, edited)
        terminal.show(view, as_json, terminal_decompositions.edit)


@app.command()
def dictionaries(
    run: Of,
    matrix: Annotated[str | None, typer.Option(help="Of which. Default: the first.")] = None,
    size: Annotated[
        list[int] | None, typer.Option(min=1, help="Repeat it. Default: 10, 20, 40, 80.")
    ] = None,
    k: Annotated[int | None, typer.Option(min=1, help="Latents kept by top-k. Default: 1.")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Of each. Default: 1500.")] = None,
    decompose: Annotated[
        bool, typer.Option("--decompose", help="Decompose the target in every size, too: slow.")
    ] = False,
    seed: Seed = 0,
    db: Database = None,
    as_json: Json = False,
) -> None:
    """Train dictionaries beside a decomposition: does what is allotted decide what is alive?"""
    from api import terminal, terminal_decompositions
    from api.decomposition_jobs import Comparing, compare_of
    from api.views.decompositions import dictionaries_view

    artifacts = artifacts_of(database_of(db))
    comparing = Comparing(matrix, size or None, k, steps, decompose, seed)
    compared = compare_of(engine_of(db), artifacts, run, comparing)
    with session_of(db) as session:
        view = dictionaries_view(session, artifacts, compared)
        terminal.show(view, as_json, terminal_decompositions.dictionaries)
