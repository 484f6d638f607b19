"""The command line: every command opens the database, asks one view or job, and prints it.

Reading commands take `--json` and then print one JSON document on standard output and nothing
else; progress and remarks go to standard error. Exit code 0 means done, 1 that something the
user asked for cannot be done, 2 that the command line itself is wrong, 130 an interruption.
"""

import signal
import socket
from contextlib import suppress
from pathlib import Path
from threading import Thread
from types import FrameType
from typing import Annotated, Any

import typer
from sqlalchemy.exc import DatabaseError as SqlError
from typer.core import TyperGroup

from api import (
    curation_cli,
    decomposition_cli,
    evaluation_cli,
    evidence_cli,
    ingestion_cli,
    reading_cli,
    writing_cli,
)
from api.options import Database, engine_of, named
from api.settings import Settings
from kg.db import failure_of
from kg.errors import ConfigError, KnowledgeGraphError


def _ended(message: str, code: int) -> typer.Exit:
    """Say why a command ends, and return what ends it."""
    typer.secho(message, err=True, fg="red")
    return typer.Exit(code)


class _Commands(TyperGroup):
    """Turns errors of ours into a message and exit code 1."""

    def invoke(self, ctx: Any) -> Any:  # the context's class is private to typer
        try:
            return super().invoke(ctx)
        except KnowledgeGraphError as error:
            raise _ended(f"error: {error}", 1) from error
        except SqlError as error:
            raise _ended(f"error: {failure_of(error)}", 1) from error
        except BrokenPipeError:
            raise  # who reads has enough; typer ends quietly
        except OSError as error:
            raise _ended(f"error: {error}", 1) from error
        except UnicodeEncodeError as error:
            raise _ended(f"error: not text in UTF-8: {error.object!a}", 2) from error
        except KeyboardInterrupt as error:
            raise _ended("interrupted: nothing half done was stored", 130) from error


app = typer.Typer(
    name="claimgraph",
    cls=_Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="What interpretability research says, and what experiments say back.",
)
app.add_typer(ingestion_cli.app)
app.add_typer(writing_cli.app)
app.add_typer(evidence_cli.app)
app.add_typer(reading_cli.app)
app.add_typer(decomposition_cli.app)
app.add_typer(curation_cli.app)
app.add_typer(evaluation_cli.app, name="evaluate")


@app.callback()
def claimgraph(db: Database = None) -> None:
    """What interpretability research says, and what experiments say back."""
    named.set(db)


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on; loopback only.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8000,
    db: Database = None,
) -> None:
    """Serve the REST API and the web pages."""
    import uvicorn

    from api.app import create_app
    from api.views.search import get_ready

    if host not in {"127.0.0.1", "localhost", "::1"}:
        raise typer.BadParameter("there is no log-in yet, so only loopback addresses are served")
    embedder = Settings().embedder
    application = create_app(engine_of(db), embedder)
    config = uvicorn.Config(application, log_level="warning")
    with _listening(host, port) as listening, suppress(KeyboardInterrupt):
        shown = f"[{host}]" if ":" in host else host
        typer.echo(f"claimgraph on http://{shown}:{port} (Ctrl-C stops)", err=True)
        Thread(target=get_ready, args=(embedder,), daemon=True).start()
        uvicorn.Server(config).run(sockets=[listening])


@app.command()
def mcp(db: Database = None) -> None:
    """Answer a program that speaks the Model Context Protocol, over standard input and output."""
    try:
        from api.mcp_server import server_of
    except ModuleNotFoundError as error:
        raise ConfigError("this needs the extra: pip install 'claimgraph[mcp]'") from error

    server = server_of(engine_of(db), Settings().embedder)
    with suppress(KeyboardInterrupt):
        server.run()


@app.command()
def demo(
    examples: Annotated[Path, typer.Option(help="Documents to read.")] = Path("examples"),
    folder: Annotated[Path, typer.Option(help="Where the database goes.")] = Path("demo"),
) -> None:
    """Go the whole way once: read, cluster, decompose, test, show."""
    from api.demo import run_demo

    run_demo(examples, folder)


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise ConfigError(
            f"port {port} of {host} cannot be had ({error.strerror}): name another with --port"
        ) from error


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main() -> None:
    """Run the command line; a polite request to stop ends a run like Ctrl-C."""
    signal.signal(signal.SIGTERM, _interrupt)
    app()


if __name__ == "__main__":
    main()
