"""The run that turns statements into communities, and the methods it can do that by.

Embed what has no vector yet; tie the statements into a graph; cut the graph into communities and
those into sub-communities; store graph, communities and memberships in the transaction that also
declares the run a success. Until then nothing of the run can be seen, and if anything goes
wrong, nothing ever will.
"""

import logging
import time
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, Protocol, TypedDict

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Engine
from sqlmodel import Session

from kg.beside import beside
from kg.citing_ties import related_ties
from kg.communities import community_id
from kg.concepts import ConceptNeighbours, concepts_of
from kg.db import reading, writer, writing_much
from kg.embedders import Embedder
from kg.embeddings import embed_missing, embedded_texts, vectors_of
from kg.errors import ConfigError
from kg.forest import CommunityRow, as_forest
from kg.hierarchy import Hierarchy, leiden_hierarchy
from kg.homonyms import NO_ORIGINS, origins_of, told_apart
from kg.hybrid_graph import (
    GraphConfig,
    HybridGraph,
    RelationWeights,
    build_hybrid_graph,
    ties_by_concepts,
)
from kg.leiden import LeidenConfig
from kg.lineage import first_link, inherited_links
from kg.partition_quality import Floats
from kg.processor import one_thread, without_collector
from kg.runs import active_run, recording, succeed
from kg.sources import glossaries
from kg.statements import sources_by_statement
from kg.stored_graph import ENDS, WEIGHTS, EdgeTable, store_graph
from kg.tables import LAYERS, RunKind

log = logging.getLogger(__name__)

_BESIDE_FROM = 4000
"""Statements whose concepts are looked for in a process of their own."""

METHODS: Mapping[str, GraphConfig] = {
    "leiden_concepts": GraphConfig(semantic=0, relations=0, source=0),
    "leiden_hybrid_concepts": GraphConfig(),
    "leiden_relations": GraphConfig(
        semantic=0, concepts=0, source=0.25, relation_kinds=RelationWeights(reports=0.25)
    ),
    "leiden_semantic": GraphConfig(concepts=0, relations=0, source=0),
}
"""What each method ties statements by; all of them cut with Leiden. Where only relations and
sources tie, a relation weighs as much as four ties within a source: a statement has about that
many, and one relation is then as good a reason to leave it as they are to stay. What a citation
ties was told from its words and not asserted, and weighs as much as one tie within a source."""


class ClusteringConfig(BaseModel):
    """Everything that decides what a clustering run finds in given statements."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    model: str
    """The embedder's name, with the first digits of its weights' SHA-256."""

    graph: GraphConfig
    leiden: LeidenConfig


class ClusteringReport(NamedTuple):
    """What a clustering run found."""

    run: int
    method: str
    statements: int
    levels: int
    """Depth of the deepest community; 0 without statements."""

    communities: int
    """On all levels together."""

    modularity: float
    """Of the top level, in [-1/2, 1]; 0 for a graph without ties."""

    recall: float
    """The share of the true nearest neighbours that were found, as measured on a sample; 1 up to
    40,000 statements."""
    seeds: int
    """Cuts that each cut is a consensus of; of 1, no stability is known."""

    unstable: int
    """Communities that are no more stable than those of random graphs, on all levels together."""

    layers: Literal["sum", "multiplex"]
    """How the layers were cut: added up, or each compared with its own chance."""

    cutting_seconds: float
    """Of `seconds`, those of the cuts of all seeds, their stability and that of chance."""

    seconds: float
    """From the call to the last row, embedding included."""


class OnStep(Protocol):
    """Is told what is done, what there is to do, and what is being done."""

    def __call__(self, done: int, total: int, what: str = "") -> None:
        """Show it."""


def cluster(  # noqa: PLR0913 - what, by whom, and how
    engine: Engine,
    method: str,
    embedder: Embedder,
    seed: int = 0,
    on_progress: OnStep | None = None,
    leiden: LeidenConfig | None = None,
) -> ClusteringReport:
    """Find the communities of all statements by one method, and store them as one run.

    Args:
        engine: The database.
        method: One of `METHODS`.
        embedder: Makes the vectors of statements that have none.
        seed: Of Leiden's random choices; it replaces that of `leiden`.
        on_progress: Called with statements embedded and statements to embed, and then with the
            cuts of each step.
        leiden: How the graph is cut, where it is not as by default.

    Raises:
        ConfigError: There is no such method, or the seed is negative.
        DatabaseError: Another process is writing.
        ModelError: The embedder cannot be used.
    """
    started = time.perf_counter()
    if seed < 0:
        raise ConfigError(f"the seed is {seed}: give 0 or more")
    cutting = (leiden or LeidenConfig()).model_copy(update={"seed": seed})
    config = ClusteringConfig(model=embedder.name, graph=_graph_config(method), leiden=cutting)
    with writer(engine):  # nobody adds statements between the embedding and the clustering
        with reading(engine) as session:
            texts = embedded_texts(session)
        embed_missing(engine, embedder, on_progress, texts=texts)
        with (
            without_collector(),
            recording(engine, RunKind.CLUSTERING, method, config, seed) as run_id,
        ):
            with reading(engine) as session:
                graph = _graph(session, texts, config)
            way = cutting.layers_for(len(graph.head))
            layers = _counted(config.graph) if way == "multiplex" else None
            cut_from = time.perf_counter()
            hierarchy = leiden_hierarchy(graph, cutting, layers, on_progress)
            cutting_seconds = time.perf_counter() - cut_from
            with writing_much(engine) as session:  # of statements that the lock keeps
                _store_communities(session, run_id, method, graph.statement_ids, hierarchy)
                _store_graph(session, run_id, graph, config.graph)
                result: _Result = {
                    "statements": len(graph.statement_ids),
                    "levels": hierarchy.n_levels(),
                    "communities": hierarchy.n_communities,
                    "modularity": round(hierarchy.modularity, 6),
                    "recall": round(graph.recall, 4),
                    "seeds": cutting.seeds_for(len(graph.statement_ids)),
                    "unstable": hierarchy.n_unstable,
                    "layers": way,
                    "cutting_seconds": round(cutting_seconds, 3),
                    "seconds": round(time.perf_counter() - started, 3),
                }
                succeed(session, run_id, dict(result))
    log.info("clustered by %s: %s", method, result)
    return ClusteringReport(run=run_id, method=method, **result)


class _Result(TypedDict):
    statements: int
    levels: int
    communities: int
    modularity: float
    recall: float
    seeds: int
    unstable: int
    layers: Literal["sum", "multiplex"]
    cutting_seconds: float
    seconds: float


def _counted(config: GraphConfig) -> dict[str, float]:
    """Return the layers that count for something, with what they count for."""
    return {name: getattr(config, name) for name in LAYERS if getattr(config, name)}


def _graph_config(method: str) -> GraphConfig:
    if method not in METHODS:
        raise ConfigError(f"there is no method {method!r}: choose one of {', '.join(METHODS)}")
    return METHODS[method]


def _graph(session: Session, texts: Mapping[str, str], config: ClusteringConfig) -> HybridGraph:
    ids = list(texts)
    vectors = vectors_of(session, config.model, ids)
    sources = sources_by_statement(session)
    origins = NO_ORIGINS
    if config.graph.concepts:
        origins = origins_of(sources, glossaries(session))

    def by_concepts() -> ConceptNeighbours:
        found = concepts_of(list(texts.items()))
        with one_thread():  # as many as beside other work
            concepts, split = told_apart(found, vectors, ids, origins, config.graph.homonyms)
        log.info("told apart the meanings of %s words: %s", len(split), ", ".join(split))
        return ties_by_concepts(concepts, ids, config.graph)

    is_much = config.graph.concepts > 0 and len(ids) >= _BESIDE_FROM
    with beside(by_concepts, worthwhile=is_much) as result:
        return build_hybrid_graph(
            ids,
            vectors,
            lambda: ConceptNeighbours(*result()),
            sources,
            config.graph,
            related_ties(session, config.graph),
        )


def _store_communities(
    session: Session,
    run_id: int,
    method: str,
    statement_ids: Sequence[str],
    hierarchy: Hierarchy,
) -> None:
    ids = [community_id(method, run_id, path) for path in hierarchy.paths()]
    parents = [ids[parent] if parent >= 0 else None for parent in hierarchy.parent.tolist()]
    connected = [
        each if size > 1 else None
        for each, size in zip(
            hierarchy.is_well_connected.tolist(), hierarchy.size.tolist(), strict=True
        )
    ]
    homes = [ids[home] for home in hierarchy.home.tolist()]
    links = [first_link(identifier) for identifier in ids]
    if ids and active_run(session, RunKind.CLUSTERING, method) is not None:
        rows = map(CommunityRow, ids, parents, links)
        new = as_forest(list(rows), list(zip(statement_ids, homes, strict=True)))
        inherited = inherited_links(session, method, new)
        links = [inherited[identifier] for identifier in ids]
    communities: dict[str, Sequence[object]] = {
        "id": ids,
        "run_id": [run_id] * len(ids),
        "parent_id": parents,
        "level": hierarchy.level.tolist(),
        "ordinal": hierarchy.ordinal.tolist(),
        "link": links,
        "stability": _or_none(hierarchy.stability),
        "chance_stability": _or_none(hierarchy.chance_stability),
        "is_well_connected": connected,
    }
    memberships: dict[str, Sequence[object]] = {
        "run_id": [run_id] * len(homes),
        "statement_id": statement_ids,
        "community_id": homes,
        "certainty": _or_none(hierarchy.certainty),
    }
    _insert(session, "community", communities)
    _insert(session, "membership", memberships)


def _insert(session: Session, table: str, columns: Mapping[str, Sequence[object]]) -> None:
    """Insert rows below the ORM, in half its time."""
    values = ", ".join("?" * len(columns))
    statement = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({values})"  # noqa: S608
    rows = list(zip(*columns.values(), strict=True))
    if rows:
        session.connection().exec_driver_sql(statement, rows)


def _or_none(values: Floats) -> list[float | None]:
    """Return numbers as they are shown, and none for what was not measured."""
    return [None if value != value else round(value, 6) for value in values.tolist()]


def _store_graph(session: Session, run_id: int, graph: HybridGraph, config: GraphConfig) -> None:
    columns = {name: getattr(graph, name) for name in (*ENDS, *WEIGHTS)}
    layers = {name: getattr(config, name) for name in LAYERS}
    store_graph(session, run_id, EdgeTable(graph.statement_ids, columns, layers))
