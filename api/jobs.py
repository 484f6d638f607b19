"""The commands that write: one function each, with its report as a view.

The command line calls these; so can a server or a notebook. Each picks the plugs by name and
hands over to the packages below; torch is imported only by those that need it.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

from sqlalchemy import Engine
from sqlmodel import Session

from api.views.candidates import KeptView, kept_view
from api.views.evidence import evidence_view
from api.views.relations import RelatedView, RelatingView, RelationReportView, words_of
from api.views.reports import (
    AttachedView,
    ClusteringView,
    EmbeddingView,
    LabellingView,
)
from api.views.runs import clusterings
from api.views.spent import spent_on
from api.views.updates import RemovalView, UpdatesView
from api.views.view import statement_name
from kg.candidates import keep
from kg.db import reading, writing
from kg.errors import ConfigError
from kg.evidence import Store
from kg.language_model import LanguageModel, ModelConfig, open_language_model
from kg.relations import RelationDraft, add_relations, remove_relations
from kg.runs import run_of
from kg.statements import statement_of, statements_by_id
from kg.tables import Evidence

if TYPE_CHECKING:
    from kg.leiden import LeidenConfig


class OnProgress(Protocol):
    """Is told what is done, what there is to do, and what is being done."""

    def __call__(self, done: int, total: int, what: str = "") -> None:
        """Show it."""


class Cutting(NamedTuple):
    """How the graph is cut: from which seed, how finely, as a consensus of how many seeds."""

    seed: int = 0
    resolution: float | None = None
    seeds: int | None = None
    direction: Literal["top_down", "bottom_up"] = "top_down"
    layers: Literal["sum", "multiplex"] = "sum"


def cluster_statements(
    engine: Engine, method: str, cutting: Cutting, embedder: str, on_progress: OnProgress
) -> ClusteringView:
    """Embed what is new, cut the graph into communities, and label them."""
    from kg.clustering import cluster
    from kg.embedders import open_embedder
    from kg.labellers import open_labeller
    from kg.labelling import label_run

    model = open_embedder(embedder)
    report = cluster(engine, method, model, cutting.seed, on_progress, _leiden_config(cutting))
    labelling = label_run(engine, report.run, open_labeller("offline"))
    return ClusteringView(
        run=report.run,
        method=report.method,
        seed=cutting.seed,
        statements=report.statements,
        levels=report.levels,
        communities=report.communities,
        modularity=report.modularity,
        recall=report.recall,
        seeds=report.seeds,
        unstable=report.unstable,
        layers=report.layers,
        asked_layers=cutting.layers,
        cutting_seconds=report.cutting_seconds,
        seconds=report.seconds,
        labelling_run=labelling,
    )


def embed_statements(engine: Engine, embedder: str, on_progress: OnProgress) -> EmbeddingView:
    """Embed what has no vector under this model, and go by it from now on."""
    from kg.embedders import open_embedder
    from kg.embeddings import embed_missing, model_in_use

    opened = open_embedder(embedder)
    with reading(engine) as session:
        previous = model_in_use(session)
    count = embed_missing(engine, opened, on_progress, change_model=True)
    return EmbeddingView(model=opened.name, previous=previous, statements=count)


def _leiden_config(cutting: Cutting) -> "LeidenConfig":
    from kg.leiden import LeidenConfig

    if cutting.direction == "bottom_up" and cutting.seeds not in (None, 1):
        raise ConfigError("from the bottom up there is one seed: leave --seeds out, or say 1")
    if cutting.direction == "bottom_up" and cutting.layers == "multiplex":
        raise ConfigError("from the bottom up the layers are summed: leave --layers out")
    named = {"resolution": cutting.resolution, "n_seeds": cutting.seeds}
    given = {name: value for name, value in named.items() if value is not None}
    return LeidenConfig.model_validate(
        {**given, "direction": cutting.direction, "layers": cutting.layers}
    )


def keep_candidates(engine: Engine, identifiers: Sequence[str]) -> KeptView:
    """Make statements of candidates: all of them, or none."""
    kept = keep(engine, identifiers)
    with reading(engine) as session:
        return kept_view(session, kept.run, kept.statements)


def relate_statements(
    engine: Engine, drafts: Sequence[RelationDraft], places: Sequence[str] = (), *, remove: bool
) -> RelationReportView:
    """Assert relations between statements, or take them back: all of them, or none."""
    change = remove_relations if remove else add_relations
    with writing(engine) as session:
        happened = change(session, drafts, places)
        return RelationReportView(relations=_related(session, drafts, happened, remove=remove))


def _related(
    session: Session, drafts: Sequence[RelationDraft], happened: Sequence[bool], *, remove: bool
) -> list[RelatedView]:
    """Return what became of each relation."""
    changed, unchanged = ("removed", "absent") if remove else ("added", "unchanged")
    ends = sorted({end for draft in drafts for end in (draft.head, draft.tail)})
    names = {i: statement_name(s) for i, s in statements_by_id(session, ends).items()}
    return [
        RelatedView(
            head=names[draft.head],
            kind=draft.kind,
            words=words_of(draft.kind, is_head=True),
            tail=names[draft.tail],
            change=changed if did else unchanged,
        )
        for draft, did in zip(drafts, happened, strict=True)
    ]


def relate_by_model(
    engine: Engine, model: LanguageModel, limit: int, on_progress: OnProgress
) -> RelatingView:
    """Have a language model say what the statements of proposed pairs are to each other.

    Raises:
        ConfigError: No pairs have been looked for.
        LanguageModelError: The model cannot be reached; what it has answered is kept.
    """
    from kg.relating import relate_proposals

    report = relate_proposals(engine, model, limit, on_progress)
    with reading(engine) as session:
        relations = _related(session, report.drafts, report.is_new, remove=False)
    return RelatingView(
        relations=relations,
        model=model.name,
        pairs=report.pairs,
        asked=report.asked,
        refused=report.refused,
        is_out_of_budget=report.is_out_of_budget,
        **spent_on(model),
    )


class Naming(NamedTuple):
    """Which clustering is to be named, and by whom."""

    method: str
    """Its active run is meant, unless a run is given."""

    run: int | None
    labeller: str
    model: ModelConfig | None
    replies: Path | None
    budget: int | None


def label_communities(engine: Engine, naming: Naming, on_progress: OnProgress) -> LabellingView:
    """Name the communities of a run anew; the clustering stays as it is.

    Raises:
        ConfigError: There is no such run or labeller, or the labeller lacks its model.
        LanguageModelError: The model cannot be reached; what it has answered is kept.
    """
    from kg.labellers import open_labeller
    from kg.labelling import label_run

    run = naming.run if naming.run is not None else _active_run(engine, naming.method)
    model = None
    if naming.labeller == "llm" and naming.model is not None:
        model = open_language_model(naming.model, naming.replies, naming.budget)
    labeller = open_labeller(naming.labeller, model)
    labelling = label_run(engine, run, labeller, on_progress)
    with reading(engine) as session:
        result = run_of(session, labelling).result
    return LabellingView(
        run=labelling,
        clustering_run=run,
        labeller=labeller.name,
        communities=result["communities"],
        refused=result["refused"],
        seconds=result["seconds"],
        **spent_on(model),
    )


def _active_run(engine: Engine, method: str) -> int:
    with reading(engine) as session:
        (active,) = clusterings(session, method)
        assert active.id is not None
        return active.id


def check_updatable(engine: Engine, embedder: str) -> None:
    """Make sure, before anything is stored, that an update could be made afterwards."""
    from kg.embedders import open_embedder
    from kg.updating import updatable

    with reading(engine) as session:
        updatable(session, open_embedder(embedder).name, None)


def update_runs(
    engine: Engine, method: str | None, embedder: str, on_progress: OnProgress
) -> UpdatesView:
    """Place new statements in the active runs, and name communities that are new."""
    from kg.embedders import open_embedder
    from kg.updating import update

    if method is not None:
        _active_run(engine, method)
    reports = update(engine, open_embedder(embedder), method, on_progress)
    return UpdatesView(updates=reports)


def remove_with_updates(
    engine: Engine, sources: Sequence[str], embedder: str, *, with_evidence: bool
) -> RemovalView:
    """Delete sources with what only they say, and put the communities right."""
    from kg.embedders import open_embedder
    from kg.removal import remove_sources

    report = remove_sources(
        engine, sources, lambda: open_embedder(embedder), with_evidence=with_evidence
    )
    return RemovalView(
        sources=list(report.sources),
        statements=report.statements,
        evidence=report.evidence,
        updates=list(report.updates),
    )


class Trial(NamedTuple):
    """What is to be tested, on which decomposition, and on how much."""

    statement: str
    experiment: str
    run: int
    side: Literal["above", "below"] | None = None
    threshold: float | None = None
    samples: int | None = None
    seed: int = 0


def try_statement(engine: Engine, artifacts: Path, trial: Trial) -> AttachedView:
    """Test a statement on a decomposition and attach the evidence to it."""
    from decomposition.errors import DecompositionError
    from decomposition.evidence import Question, measure_statement
    from decomposition.experiments import ExperimentConfig

    if trial.threshold is not None:
        check_threshold(trial.threshold)
    question = Question(trial.statement, trial.experiment, trial.run, trial.side, trial.threshold)
    config = ExperimentConfig(seed=trial.seed)
    if trial.samples is not None:
        config = ExperimentConfig(seed=trial.seed, n=trial.samples)
    try:
        evidence = measure_statement(Store(engine, artifacts), question, config)
    except DecompositionError as error:
        raise ConfigError(str(error)) from error
    return verdict_of(engine, evidence)


def check_threshold(threshold: float) -> None:
    """Refuse a threshold that is no number.

    Raises:
        ConfigError: It is not finite.
    """
    if not math.isfinite(threshold):
        raise ConfigError(f"--threshold is {threshold}: it has to be a number")


def verdict_of(engine: Engine, evidence: str) -> AttachedView:
    """Return a measurement that was attached, with the statement that it speaks about."""
    with reading(engine) as session:
        item = evidence_view(session, evidence)
        statement = statement_of(session, session.get_one(Evidence, evidence).statement_id)
    return AttachedView(**dict(item), evidence=evidence, statement=statement_name(statement))
