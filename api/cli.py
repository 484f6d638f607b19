"""The command line: every command opens the database, asks one view or job, and prints it.

Reading commands take `--json` and then print one JSON document on standard output and nothing
else; progress and remarks go to standard error. Exit code 0 means done, 1 that something the
user asked for cannot be done, 2 that the command line itself is wrong, 130 an interruption.
"""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, Literal

import typer
from sqlalchemy import Engine
from sqlmodel import Session
from typer.core import TyperGroup

from api.evaluation_cli import app as evaluation
from api.settings import Settings, artifacts_of
from kg.db import open_engine, reading
from kg.errors import KnowledgeGraphError
from kg.runs import close_abandoned


class _Commands(TyperGroup):
    """Turns errors of ours into a message and exit code 1."""

    def invoke(self, ctx: Any) -> Any:  # the context's class is private to typer
        try:
            return super().invoke(ctx)
        except KnowledgeGraphError as error:
            typer.secho(f"error: {error}", err=True, fg="red")
            raise typer.Exit(1) from error
        except KeyboardInterrupt as error:
            typer.secho("interrupted: nothing half done was stored", err=True, fg="red")
            raise typer.Exit(130) from error


app = typer.Typer(
    name="claimgraph",
    cls=_Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="What interpretability research says, and what experiments say back.",
)
app.add_typer(evaluation, name="evaluate")

Database = Annotated[
    str | None,
    typer.Option(
        "--db", help="Database: a path or SQLAlchemy URL. Default: $CLAIMGRAPH_DB, claimgraph.db."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of everything random.")]


_named: ContextVar[str | None] = ContextVar("_named", default=None)


@app.callback()
def claimgraph(db: Database = None) -> None:
    """What interpretability research says, and what experiments say back."""
    _named.set(db)


@app.command()
def ingest(
    paths: Annotated[list[Path], typer.Argument(help="Files and folders.")],
    extractor: Annotated[str, typer.Option(help="Who finds the statements.")] = "offline",
    db: Database = None,
    as_json: Json = False,
) -> None:
    """Take documents and statement lists apart into claims and findings."""
    from api import terminal
    from api.jobs import ingest_files

    with terminal.progress("reading") as on_progress:
        view = ingest_files(_engine(db, create=True), paths, extractor, on_progress)
    terminal.show(view, as_json, terminal.ingestion)
    for failure in view.failures:
        typer.secho(f"error: {failure.reason}", err=True, fg="red")
    if view.failures:
        raise typer.Exit(1)


@app.command()
def cluster(
    method: Annotated[str, typer.Option(help="How statements are tied together.")] = (
        "leiden_hybrid_concepts"
    ),
    seed: Seed = 0,
    db: Database = None,
    as_json: Json = False,
) -> None:
    """Embed what is new, find communities, and label them."""
    from api import terminal
    from api.jobs import cluster_statements

    with terminal.progress("clustering") as on_progress:
        view = cluster_statements(_engine(db), method, seed, Settings().embedder, on_progress)
    terminal.show(view, as_json, terminal.clustering)


@app.command()
def communities(
    method: Annotated[str | None, typer.Option(help="One method; default: all that ran.")] = None,
    db: Database = None,
    as_json: Json = False,
) -> None:
    """List the communities of the active runs, as a tree."""
    from api import terminal
    from api.views.communities import communities_view

    with _session(db) as session:
        terminal.show(communities_view(session, method), as_json, terminal.community_tree)


@app.command()
def community(community_id: str, db: Database = None, as_json: Json = False) -> None:
    """Show one community: members, sub-communities, sources, bridges, edges."""
    from api import terminal
    from api.views.communities import community_view

    with _session(db) as session:
        terminal.show(community_view(session, community_id), as_json, terminal.community)


@app.command()
def bridges(
    community_id: str,
    all_runs: Annotated[bool, typer.Option(help="Earlier runs too, not only active ones.")] = False,
    db: Database = None,
    as_json: Json = False,
) -> None:
    """List the communities of other methods and runs that share members with one."""
    from api import terminal
    from api.views.bridges import bridges_view

    with _session(db) as session:
        view = bridges_view(session, community_id, all_runs=all_runs)
        terminal.show(view, as_json, terminal.bridges)


@app.command()
def statement(statement_id: str, db: Database = None, as_json: Json = False) -> None:
    """Show a claim or finding with every quote, its neighbours, communities and evidence."""
    from api import terminal
    from api.views.statements import statement_view

    with _session(db) as session:
        terminal.show(statement_view(session, statement_id), as_json, terminal.statement)


@app.command()
def sources(db: Database = None, as_json: Json = False) -> None:
    """List the sources, with how many claims and findings each makes."""
    from api import terminal
    from api.views.sources import sources_view

    with _session(db) as session:
        terminal.show(sources_view(session), as_json, terminal.sources)


@app.command()
def source(source_id: str, db: Database = None, as_json: Json = False) -> None:
    """Show one source: its sections and the statements it makes."""
    from api import terminal
    from api.views.sources import source_view

    with _session(db) as session:
        terminal.show(source_view(session, source_id), as_json, terminal.source)


@app.command()
def search(
    query: str,
    limit: Annotated[int, typer.Option(min=1, max=200)] = 20,
    db: Database = None,
    as_json: Json = False,
) -> None:
    """Find statements by their words and by their meaning."""
    from api import terminal
    from api.views.search import search_view

    with _session(db) as session:
        view = search_view(session, query, Settings().embedder, limit)
        terminal.show(view, as_json, terminal.search)


@app.command()
def duplicates(
    db: Database = None,
    as_json: Json = False,
) -> None:
    """List pairs of statements that may say the same, for a reader to decide."""
    from api import terminal
    from api.views.duplicates import duplicates_view

    with _session(db) as session:
        terminal.show(duplicates_view(session), as_json, terminal.duplicates)


@app.command()
def runs(db: Database = None, as_json: Json = False) -> None:
    """List what was run, when, and how it ended."""
    from api import terminal
    from api.views.runs import runs_view

    with _session(db) as session:
        terminal.show(runs_view(session), as_json, terminal.runs)


@app.command()
def decompose(
    target: Annotated[str, typer.Argument(help="Such as tms_5-2.")],
    seed: Seed = 0,
    db: Database = None,
    as_json: Json = False,
) -> None:
    """Split the weights of a target into rank-one subcomponents."""
    from api import terminal
    from api.jobs import decompose_target

    with terminal.progress("decomposing") as on_progress:
        view = decompose_target(
            _engine(db, create=True), artifacts_of(_database(db)), target, seed, on_progress
        )
    terminal.show(view, as_json, terminal.decomposition)


@app.command("test")
def examine(
    statement_id: Annotated[str, typer.Argument(metavar="STATEMENT")],
    experiment: Annotated[str, typer.Option(help="Such as recovery, ablation_specificity.")],
    run: Annotated[int, typer.Option(help="The decomposition to measure.")],
    side: Annotated[
        Literal["above", "below"] | None,
        typer.Option(help="What the statement predicts. Default: read from its own words."),
    ] = None,
    threshold: Annotated[
        float | None, typer.Option(help="Of what value. Default: the experiment's.")
    ] = None,
    samples: Annotated[
        int | None, typer.Option(min=1, help="How many inputs. Default: the experiment's.")
    ] = None,
    seed: Seed = 0,
    db: Database = None,
    as_json: Json = False,
) -> None:
    """Test a statement: state its prediction, measure, judge, attach the evidence."""
    from api import terminal
    from api.jobs import Trial, try_statement

    trial = Trial(statement_id, experiment, run, side, threshold, samples, seed)
    view = try_statement(_engine(db), artifacts_of(_database(db)), trial)
    terminal.show(view, as_json, terminal.verdict)


@app.command()
def evidence(
    statement_id: Annotated[str, typer.Argument(metavar="STATEMENT")],
    db: Database = None,
    as_json: Json = False,
) -> None:
    """Show what experiments say about a statement."""
    from api import terminal
    from api.views.evidence import ledger_view

    with _session(db) as session:
        terminal.show(ledger_view(session, statement_id), as_json, terminal.ledger)


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
    from kg.exporters import export as export_graph

    with _session(db) as session:
        export_graph(session, format, output or sys.stdout, method)
    if output is not None:
        typer.echo(f"wrote {output}", err=True)


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on; loopback only.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8000,
    db: Database = None,
) -> None:
    """Serve the REST API and the web pages."""
    import uvicorn

    from api.app import create_app

    if host not in {"127.0.0.1", "localhost", "::1"}:
        raise typer.BadParameter("there is no log-in yet, so only loopback addresses are served")
    application = create_app(_engine(db), Settings().embedder)
    typer.echo(f"claimgraph on http://{host}:{port} (Ctrl-C stops)", err=True)
    uvicorn.run(application, host=host, port=port, log_level="warning")


@app.command()
def demo(
    examples: Annotated[Path, typer.Option(help="Documents to read.")] = Path("examples"),
    folder: Annotated[Path, typer.Option(help="Where the database goes.")] = Path("demo"),
) -> None:
    """Go the whole way once: read, cluster, decompose, test, show."""
    from api.demo import run_demo

    run_demo(examples, folder)


def _database(db: str | None) -> str:
    """Return the database's name: the command's option, the program's, the environment's."""
    return db or _named.get() or Settings().db


def _engine(db: str | None, *, create: bool = False) -> Engine:
    engine = open_engine(_database(db), create=create)
    close_abandoned(engine)
    return engine


@contextmanager
def _session(db: str | None) -> Iterator[Session]:
    with reading(_engine(db)) as session:
        yield session


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main() -> None:
    """Run the command line; a polite request to stop ends a run like Ctrl-C."""
    signal.signal(signal.SIGTERM, _interrupt)
    app()


if __name__ == "__main__":
    main()
