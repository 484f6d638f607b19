"""The commands that write: each opens the database, runs one job, and prints its report."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from api.options import (
    Budget,
    Database,
    Json,
    ModelName,
    Seed,
    database_of,
    engine_of,
    model_config,
    signed,
)
from api.settings import DEFAULT_METHOD, Settings, artifacts_of, replies_of
from kg.tables import RelationKind

app = typer.Typer()


@app.command()
def cluster(
    method: Annotated[str, typer.Option(help="How statements are tied together.")] = DEFAULT_METHOD,
    seed: Seed = 0,
    seeds: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Cuts that each cut is a consensus of; 1 is a single run, of which no stability "
            "is known. Default: 10 up to 100,000 statements, fewer above.",
        ),
    ] = None,
    resolution: Annotated[
        float | None,
        typer.Option(
            min=1e-6, max=1e6, help="Higher gives more and smaller communities. Default: 1."
        ),
    ] = None,
    direction: Annotated[
        Literal["top_down", "bottom_up"],
        typer.Option(help="bottom_up is a cheaper refresh from one seed, not quite as good."),
    ] = "top_down",
    layers: Annotated[
        Literal["sum", "multiplex"],
        typer.Option(help="multiplex compares each layer with its own chance: small graphs only."),
    ] = "sum",
    compare: Annotated[
        tuple[int, int] | None,
        typer.Option(
            metavar="RUN RUN", help="Cluster nothing: say what changed from one run to the other."
        ),
    ] = None,
    db: Database = None,
    as_json: Json = False,
) -> None:
    """Embed what is new, find communities, and label them."""
    from api import terminal
    from api.jobs import Cutting, cluster_statements

    if compare is not None:
        from api import reading_cli

        reading_cli.compare(*compare, db=db, as_json=as_json)
        return
    with terminal.progress("clustering") as on_progress:
        cutting = Cutting(seed, resolution, seeds, direction, layers)
        embedder = Settings().embedder
        view = cluster_statements(engine_of(db), method, cutting, embedder, on_progress)
    terminal.show(view, as_json, terminal.clustering)


@app.command()
def update(
    method: Annotated[
        str | None, typer.Option(help="Whose active run; default: every method's.")
    ] = None,
    db: Database = None,
    as_json: Json = False,
) -> None:
    """Place new statements in the communities that stand, without a new run."""
    from api import terminal, terminal_updates
    from api.jobs import update_runs

    with terminal.progress("updating") as on_progress:
        view = update_runs(engine_of(db), method, Settings().embedder, on_progress)
    terminal.show(view, as_json, terminal_updates.updates)


@app.command()
def remove(
    sources: Annotated[list[str], typer.Argument(metavar="SOURCE...", help="Ids of sources.")],
    with_evidence: Annotated[
        bool, typer.Option(help="Delete what was measured on their statements, too.")
    ] = False,
    db: Database = None,
    as_json: Json = False,
) -> None:
    """Delete sources with what only they say, and put the communities right, in one update."""
    from api import terminal, terminal_updates
    from api.jobs import remove_with_updates

    view = remove_with_updates(
        engine_of(db), sources, Settings().embedder, with_evidence=with_evidence
    )
    terminal.show(view, as_json, terminal_updates.removal)


@app.command()
def label(
    method: Annotated[str, typer.Option(help="Whose active run is named.")] = DEFAULT_METHOD,
    run: Annotated[int | None, typer.Option(help="A clustering run, instead of a method.")] = None,
    labeller: Annotated[str, typer.Option(help="Who names: offline, llm.")] = "offline",
    model: ModelName = None,
    budget: Budget = None,
    db: Database = None,
    as_json: Json = False,
) -> None:
    """Name the communities of a run anew, without clustering again."""
    from api import terminal
    from api.jobs import Naming, label_communities

    naming = Naming(
        method=method,
        run=run,
        labeller=labeller,
        model=model_config(model),
        replies=replies_of(database_of(db)),
        budget=budget,
    )
    with terminal.progress("naming") as on_progress:
        view = label_communities(engine_of(db), naming, on_progress)
    terminal.show(view, as_json, terminal.labelling)


@app.command()
def embed(db: Database = None, as_json: Json = False) -> None:
    """Embed all statements with $CLAIMGRAPH_EMBEDDER, also if it was another model until now."""
    from api import terminal
    from api.jobs import embed_statements

    with terminal.progress("embedding") as on_progress:
        view = embed_statements(engine_of(db), Settings().embedder, on_progress)
    terminal.show(view, as_json, terminal.embedding)


@app.command()
def keep(
    candidates: Annotated[
        list[str], typer.Argument(metavar="CANDIDATE...", help="Ids that `candidates` lists.")
    ],
    db: Database = None,
    as_json: Json = False,
) -> None:
    """Make statements of sentences that were not kept: all of them, or none."""
    from api import terminal, terminal_ingestion
    from api.jobs import keep_candidates

    view = keep_candidates(engine_of(db), candidates)
    terminal.show(view, as_json, terminal_ingestion.kept)


@app.command()
def relate(
    head: Annotated[str | None, typer.Argument(help="The statement that says it.")] = None,
    kind: Annotated[RelationKind | None, typer.Argument(help="What it is to the other.")] = None,
    tail: Annotated[str | None, typer.Argument(help="The statement that it is said of.")] = None,
    reason: Annotated[str, typer.Option(help="Why, in one sentence.")] = "",
    by: Annotated[
        str, typer.Option(callback=signed, help="Who asserts it: person, or a model's name.")
    ] = "person",
    file: Annotated[
        Path | None,
        typer.Option(help='JSON lines {"head", "kind", "tail", "reason"}: all, or none of them.'),
    ] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Take it back.")] = False,
    db: Database = None,
    as_json: Json = False,
) -> None:
    """Assert what one statement is to another. It is kept as an assertion, never as evidence."""
    from api import terminal
    from api.jobs import relate_statements
    from kg.relations import Listed, RelationDraft, read_relations

    if file is not None and head is None:
        listed = read_relations(file)
    elif file is None and head and kind and tail:
        draft = RelationDraft(head=head, kind=kind, tail=tail, reason=reason, method=by)
        listed = Listed([draft], [])
    else:
        raise typer.BadParameter("name STATEMENT KIND STATEMENT, or a --file of relations")
    view = relate_statements(engine_of(db), *listed, remove=remove)
    terminal.show(view, as_json, terminal.relations)


@app.command()
def decompose(
    target: Annotated[
        str, typer.Argument(help="Such as tms_5-2, storyworld, pretrained:FOLDER@TEXT.")
    ],
    seed: Seed = 0,
    paper: Annotated[
        bool, typer.Option("--paper", help="As the publication did, instead of what is best now.")
    ] = False,
    change: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Change a setting. May be repeated."),
    ] = None,
    device: Annotated[
        str | None,
        typer.Option(help="cpu, cuda, cuda:1. Default: auto, a GPU if there is one."),
    ] = None,
    sweep: Annotated[
        bool,
        typer.Option(
            "--sweep",
            help="Take a coefficient of minimality that keeps the error under an adversary and "
            "L0 low.",
        ),
    ] = False,
    coefficient: Annotated[
        list[float] | None,
        typer.Option(
            min=0, help="One to try in a sweep. May be repeated. Default: five around its own."
        ),
    ] = None,
    choose: Annotated[
        Literal["smallest", "largest"], typer.Option(help="Of a sweep: which that keep both low.")
    ] = "smallest",
    db: Database = None,
    as_json: Json = False,
) -> None:
    """Split the weights of a target into rank-one subcomponents."""
    from api import terminal
    from api.decomposing import Wanted, assist_with, decompose_target, joined

    wanted = Wanted(seed, paper, change or (), device, sweep, coefficient or (), choose)
    with joined(wanted) as number:
        if number:
            assist_with(target, wanted)
            return
        with terminal.progress("decomposing") as on_progress:
            view = decompose_target(
                engine_of(db, create=True),
                artifacts_of(database_of(db)),
                target,
                wanted,
                on_progress,
            )
    terminal.show(view, as_json, terminal.decomposition)


@app.command("test")
def examine(
    statement_id: Annotated[str, typer.Argument(metavar="STATEMENT")],
    experiment: Annotated[str, typer.Option(help="Such as recovery, attribution_faithfulness.")],
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
    from api import terminal, terminal_evidence
    from api.jobs import Trial, try_statement

    trial = Trial(statement_id, experiment, run, side, threshold, samples, seed)
    view = try_statement(engine_of(db), artifacts_of(database_of(db)), trial)
    terminal.show(view, as_json, terminal_evidence.verdict)
