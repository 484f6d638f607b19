"""The whole way once, on the example documents: what `make demo` shows.

Nothing here is special to the demo: each step is the command that its heading names.
"""

import shutil
import sys
from pathlib import Path

import typer
from sqlalchemy import Engine

from api import (
    terminal,
    terminal_curation,
    terminal_decompositions,
    terminal_evidence,
    terminal_ingestion,
)
from api.curation import merge_by_rule
from api.decomposing import Wanted, decompose_target
from api.decomposition_jobs import (
    Asking,
    Grouping,
    Harvesting,
    draw_graph_of,
    find_components_of,
    harvest_of,
)
from api.ingesting import Reading, ingest_files
from api.jobs import (
    Cutting,
    Trial,
    cluster_statements,
    try_statement,
)
from api.settings import Settings, artifacts_of
from api.views.communities import community_view
from api.views.decompositions import components_view, graph_view, harvest_view
from kg.communities import communities_of_statement
from kg.db import open_engine, reading
from kg.errors import ConfigError
from kg.runs import close_abandoned
from kg.statements import statement_id
from kg.tables import Statement, StatementKind

METHODS = ("leiden_semantic", "leiden_concepts", "leiden_hybrid_concepts")
TARGET = "tms_5-2"
TESTS = (
    (
        "recovery",
        "Stochastic Parameter Decomposition recovers the ground-truth mechanisms of the toy model "
        "of superposition.",
    ),
    (
        "ablation_specificity",
        "Removing a subcomponent changes the output only on inputs where it is causally important.",
    ),
    (
        "recovery",
        "The learned subcomponents do not match the ground-truth mechanisms of the toy model any "
        "better than random directions do.",
    ),
)
"""What is tested: an experiment, and a claim that the examples make. The last one is false."""


def run_demo(examples: Path, folder: Path) -> None:
    """Read the examples, find communities, decompose the toy target, test claims, show it all.

    Raises:
        ConfigError: The folder of examples is not there.
    """
    if not examples.is_dir():
        raise ConfigError(f"there is no folder {examples}: run this where the project lies")
    folder.mkdir(parents=True, exist_ok=True)
    database = folder / "claimgraph.db"
    engine = open_engine(database)
    close_abandoned(engine)

    _step(f"claimgraph ingest {examples}")
    with terminal.progress("reading") as on_progress:
        report = ingest_files(engine, [examples], Reading(), on_progress)
    _print(terminal_ingestion.ingestion(report))

    for method in METHODS:
        _step(f"claimgraph cluster --method {method}")
        with terminal.progress("clustering") as on_progress:
            clustering = cluster_statements(
                engine, method, Cutting(), Settings().embedder, on_progress
            )
        _print(terminal.clustering(clustering))

    _step("claimgraph merge")
    with terminal.progress("comparing") as on_progress:
        merged = merge_by_rule(engine, Settings().embedder, on_progress)
    _print(terminal_curation.merging(merged))

    _step(f"claimgraph decompose {TARGET} --seed 0")
    artifacts = artifacts_of(str(database))
    with terminal.progress("decomposing") as on_progress:
        decomposition = decompose_target(engine, artifacts, TARGET, Wanted(), on_progress)
    _print(terminal.decomposition(decomposition))
    _look_into(engine, artifacts, decomposition.run)

    for experiment, words in TESTS:
        statement = _statement(engine, words)
        _step(f"claimgraph test {statement} --experiment {experiment} --run {decomposition.run}")
        trial = Trial(statement, experiment, decomposition.run)
        _print(terminal_evidence.verdict(try_statement(engine, artifacts, trial)))

    with reading(engine) as session:
        tested = _statement(engine, TESTS[0][1])
        community = next(
            each.id
            for each in communities_of_statement(session, tested)
            if each.id.startswith(METHODS[-1])
        )
        _step(f"claimgraph community {community}")
        _print(terminal.community(community_view(session, community)))

    _step("to look at it in a browser")
    _print(to_serve(database))
    for path in (f"communities/{community}", f"runs/{decomposition.run}"):
        typer.echo(f"http://127.0.0.1:8000/{path}")


def to_serve(database: Path) -> terminal.Lines:
    """Say how to start the server from here, where the environment may not be active."""
    if shutil.which("claimgraph") is None:
        yield f"source {Path(sys.prefix, 'bin', 'activate')}"
    yield f"claimgraph serve --db {database}"


def _look_into(engine: Engine, artifacts: Path, run: int) -> None:
    """Show which subcomponents act together, what each does, and what acts on what."""
    _step(f"claimgraph components {run}")
    find_components_of(engine, artifacts, run, Grouping())
    with reading(engine) as session:
        _print(terminal_decompositions.components(components_view(session, artifacts, run)))
    _step(f"claimgraph harvest {run}")
    with terminal.progress("harvesting") as on_progress:
        harvest_of(engine, artifacts, run, Harvesting(), on_progress)
    with reading(engine) as session:
        _print(terminal_decompositions.harvest(harvest_view(session, artifacts, run)))
    _step(f"claimgraph attribute {run} --probe 0")
    drawn = draw_graph_of(engine, artifacts, run, Asking(probe=0))
    with reading(engine) as session:
        _print(terminal_decompositions.graph(graph_view(session, artifacts, drawn)))


def _step(command: str) -> None:
    typer.secho(f"\n$ {command}", bold=True)


def _print(lines: terminal.Lines) -> None:
    for line in lines:
        typer.echo(line)


def _statement(engine: Engine, words: str) -> str:
    """Return the id of a claim or finding in these words."""
    identifiers = [statement_id(kind, words) for kind in StatementKind]
    with reading(engine) as session:
        for identifier in identifiers:
            if session.get(Statement, identifier):
                return identifier
    raise ConfigError(f"the examples do not say: {words}")
