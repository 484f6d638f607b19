"""The commands that show: each opens the database, asks one view, and prints it."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from api.options import Database, Json, session_of
from api.settings import DEFAULT_METHOD, Settings
from kg.tables import Stance, StatementKind

app = typer.Typer()


@app.command()
def communities(
    method: Annotated[str | None, typer.Option(help="One method; default: all that ran.")] = None,
    run: Annotated[int | None, typer.Option(help="This run, superseded or not.")] = None,
    db: Database = None,
    as_json: Json = False,
) -> None:
    """List the communities of the active runs, or of any one run, as a tree."""
    from api import terminal
    from api.views.communities import communities_view
    from api.views.updates import advice_on

    with session_of(db) as session:
        terminal.show(communities_view(session, method, run), as_json, terminal.community_tree)
        for advice in advice_on(session, method) if run is None else ():
            typer.echo(advice, err=True)


@app.command(name="map")
def map_(
    method: Annotated[str | None, typer.Option(help="One method; default: all that ran.")] = None,
    run: Annotated[int | None, typer.Option(help="This run, superseded or not.")] = None,
    output: Annotated[
        Path | None, typer.Option(help="Draw it as SVG into this file, for papers and slides.")
    ] = None,
    db: Database = None,
    as_json: Json = False,
) -> None:
    """Show which communities are tied to which, beside what chance would make."""
    from api import terminal, terminal_bridges
    from api.map_picture import write_map
    from api.views.map import maps_view

    if output is not None and run is None:
        method = method or DEFAULT_METHOD
    with session_of(db) as session:
        view = maps_view(session, method, run)
    if output is not None:
        write_map(view, output)
        typer.echo(f"wrote {output}", err=True)
    if output is None or as_json:
        terminal.show(view, as_json, terminal_bridges.maps)


@app.command()
def resolutions(
    method: Annotated[
        str | None, typer.Option(help=f"Whose active run. Default: {DEFAULT_METHOD}.")
    ] = None,
    run: Annotated[int | None, typer.Option(help="This run, superseded or not.")] = None,
    low: Annotated[
        float, typer.Option("--from", min=1e-6, max=1e6, help="The lowest resolution.")
    ] = 0.1,
    high: Annotated[
        float, typer.Option("--to", min=1e-6, max=1e6, help="The highest resolution.")
    ] = 10.0,
    cuts: Annotated[int, typer.Option(min=2, max=1000, help="Resolutions to try.")] = 60,
    db: Database = None,
    as_json: Json = False,
) -> None:
    """Show which communities there are at which resolution, to choose one for `cluster`."""
    from api import terminal, terminal_resolutions
    from api.views.resolutions import resolutions_view
    from kg.resolutions import Resolutions

    wanted = Resolutions(low, high, cuts)
    with session_of(db) as session, terminal.progress("cutting") as on_progress:
        view = resolutions_view(session, method, run, wanted, on_progress)
    terminal.show(view, as_json, terminal_resolutions.resolutions)


@app.command()
def community(community_id: str, db: Database = None, as_json: Json = False) -> None:
    """Show one community: members, sub-communities, sources, bridges, edges."""
    from api import terminal
    from api.views.communities import community_view

    with session_of(db) as session:
        terminal.show(community_view(session, community_id), as_json, terminal.community)


@app.command()
def changes(
    method: Annotated[str | None, typer.Option(help="One method; default: all that ran.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Changes to show of each, at most.")] = 100,
    db: Database = None,
    as_json: Json = False,
) -> None:
    """Say what moved since the last run: what grew, shrank, split, merged, came and went."""
    from api import terminal, terminal_changes
    from api.views.changes import changes_view

    with session_of(db) as session:
        view = changes_view(session, method, limit)
        terminal.show(view, as_json, terminal_changes.changes)


@app.command()
def compare(
    before: Annotated[int, typer.Argument(metavar="RUN")],
    after: Annotated[int, typer.Argument(metavar="RUN")],
    limit: Annotated[int, typer.Option(min=1, help="Changes to show, at most.")] = 100,
    db: Database = None,
    as_json: Json = False,
) -> None:
    """Say what changed from one clustering run to another, of the same method or not."""
    from api import terminal, terminal_changes
    from api.views.changes import comparison_view

    with session_of(db) as session:
        view = comparison_view(session, before, after, limit)
        terminal.show(view, as_json, terminal_changes.comparison)


@app.command()
def bridges(
    community_id: Annotated[
        str | None, typer.Argument(metavar="[COMMUNITY]", help="Default: between whole methods.")
    ] = None,
    all_runs: Annotated[
        bool, typer.Option(help="Of a community: earlier runs too, not only active ones.")
    ] = False,
    limit: Annotated[
        int, typer.Option(min=1, max=200, help="Between whole methods: of each two, so many.")
    ] = 10,
    db: Database = None,
    as_json: Json = False,
) -> None:
    """List the communities of other methods that cross one; or the strongest of all crossings."""
    from api import terminal, terminal_bridges
    from api.views.bridges import bridges_view
    from api.views.crossings import run_bridges_view

    with session_of(db) as session:
        if community_id is None:
            found = run_bridges_view(session, limit)
            terminal.show(found, as_json, terminal_bridges.run_bridges)
            return
        view = bridges_view(session, community_id, all_runs=all_runs)
        terminal.show(view, as_json, terminal_bridges.bridges)


@app.command()
def seams(
    community_id: Annotated[
        str | None, typer.Argument(metavar="[COMMUNITY]", help="Default: of whole methods.")
    ] = None,
    method: Annotated[str | None, typer.Option(help="Of whole methods: only this one.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="Of each list, so many.")] = 10,
    db: Database = None,
    as_json: Json = False,
) -> None:
    """Show where communities touch, what connects them, and papers that lie across them."""
    from api import terminal, terminal_bridges
    from api.views.seams import run_seams_view, seams_view

    with session_of(db) as session:
        if community_id is None:
            found = run_seams_view(session, method, limit)
            terminal.show(found, as_json, terminal_bridges.run_seams)
            return
        view = seams_view(session, community_id, limit)
        terminal.show(view, as_json, terminal_bridges.seams)


@app.command()
def statement(statement_id: str, db: Database = None, as_json: Json = False) -> None:
    """Show a claim or finding with every quote, its neighbours, communities and evidence."""
    from api import terminal
    from api.views.statements import statement_view

    with session_of(db) as session:
        terminal.show(statement_view(session, statement_id), as_json, terminal.statement)


@app.command()
def evidence(
    statement_id: Annotated[
        str | None, typer.Argument(metavar="[STATEMENT]", help="Default: all that were tested.")
    ] = None,
    stance: Annotated[Stance | None, typer.Option(help="Of all: only what came out so.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Of all: statements, at most.")] = 50,
    db: Database = None,
    as_json: Json = False,
) -> None:
    """Show what experiments say about a statement, or about all that were tested."""
    from api import terminal, terminal_evidence
    from api.views.evidence import ledger_view, ledgers_view

    with session_of(db) as session:
        if statement_id is None:
            terminal.show(ledgers_view(session, stance, limit), as_json, terminal_evidence.ledgers)
        else:
            terminal.show(ledger_view(session, statement_id), as_json, terminal_evidence.ledger)


@app.command()
def sources(db: Database = None, as_json: Json = False) -> None:
    """List the sources, with how many claims and findings each makes."""
    from api import terminal
    from api.views.sources import sources_view

    with session_of(db) as session:
        terminal.show(sources_view(session), as_json, terminal.sources)


@app.command()
def source(
    source_id: str,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Statements to show, at most. Default: all.")
    ] = None,
    db: Database = None,
    as_json: Json = False,
) -> None:
    """Show one source: its sections and the statements it makes."""
    from api import terminal
    from api.views.sources import source_view

    with session_of(db) as session:
        terminal.show(source_view(session, source_id, limit), as_json, terminal.source)


@app.command()
def candidates(
    source_id: str,
    limit: Annotated[
        int | None, typer.Option(min=1, help="At most this many. Default: all.")
    ] = None,
    db: Database = None,
    as_json: Json = False,
) -> None:
    """List sentences of a source that may be statements and were not kept, the surest first."""
    from api import terminal, terminal_ingestion
    from api.views.candidates import candidates_view

    with session_of(db) as session:
        view = candidates_view(session, source_id, limit)
        terminal.show(view, as_json, terminal_ingestion.candidates)


@app.command()
def search(
    query: str,
    limit: Annotated[int, typer.Option(min=1, max=200)] = 20,
    kind: Annotated[StatementKind | None, typer.Option(help="Only these.")] = None,
    source: Annotated[
        str | None, typer.Option(metavar="SOURCE", help="Only what this source says.")
    ] = None,
    db: Database = None,
    as_json: Json = False,
) -> None:
    """Find statements by their words and by their meaning."""
    from api import terminal
    from api.views.search import search_view
    from kg.search import Within

    with session_of(db) as session:
        within = Within(kind, source)
        view = search_view(session, query, Settings().embedder, limit, within)
        terminal.show(view, as_json, terminal.search)


@app.command()
def runs(db: Database = None, as_json: Json = False) -> None:
    """List what was run, when, and how it ended."""
    from api import terminal
    from api.views.runs import runs_view

    with session_of(db) as session:
        terminal.show(runs_view(session), as_json, terminal.runs)


@app.command("run")
def show_run(
    run: Annotated[int, typer.Argument(metavar="RUN")], db: Database = None, as_json: Json = False
) -> None:
    """Show one run: what it read, which statements it speaks about, its result and settings."""
    from api import terminal
    from api.views.runs import run_view

    with session_of(db) as session:
        terminal.show(run_view(session, run), as_json, terminal.run)


@app.command()
def export(
    format: Annotated[str, typer.Option(help="graphml or json.")] = "graphml",
    method: Annotated[
        str | None, typer.Option(help="Whose graph. Default: the latest clustering's.")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="A file; default: standard output.")] = None,
    db: Database = None,
) -> None:
    """Write the active graph with communities and evidence, for Gephi and notebooks."""
    from api.views.runs import clusterings
    from kg.exporters import export as export_graph

    with session_of(db) as session:
        if method is not None:
            clusterings(session, method)
        export_graph(session, format, output or sys.stdout, method)
    if output is not None:
        typer.echo(f"wrote {output}", err=True)
