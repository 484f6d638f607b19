"""Two ways to cut a graph of several layers, beside each other on planted topics and real text.

The weighted sum adds the layers up and compares the sum with its chance; the multiplex compares
each layer with its own chance and adds up what is left (Mucha, Richardson, Macon, Porter & Onnela,
2010, Community structure in time-dependent, multiscale, and multiplex networks,
doi:10.1126/science.1184819). The first is done by igraph, the second only by leidenalg.

    python -m benchmarks.bench_layers --n 1000 --noise 2 --json
    python -m benchmarks.bench_layers --db claimgraph.db --json

Agreement is adjusted mutual information (Vinh, Epps & Bailey, 2010): with the planted topics and
fields, and on a database with the sources, which are no truth but something to hold against; and
between the cuts of different seeds, and of the two ways. CPU seconds are of one cut of the top.
"""

import argparse
import json
import time
from collections.abc import Mapping, Sequence
from itertools import combinations, product
from statistics import mean, stdev

import numpy as np
from sklearn.metrics import adjusted_mutual_info_score as ami
from sqlmodel import col, select

from benchmarks.planted import plant
from kg.clustering import METHODS
from kg.concepts import concepts_of
from kg.db import open_engine, reading
from kg.homonyms import NO_ORIGINS, told_apart
from kg.hybrid_graph import GraphConfig, HybridGraph, build_hybrid_graph
from kg.leiden import LeidenConfig, checked, cut
from kg.partition_quality import Labels
from kg.relations import Tie
from kg.statements import sources_by_statement
from kg.tables import LAYERS, Graph, RelationKind, RunKind

RESOLUTIONS = (1.0, 4.0, 16.0)


def main() -> None:
    """Run the benchmark and print what it measured."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--n", type=int, default=1000, help="planted statements")
    parser.add_argument("--noise", type=float, default=0.0, help="added to planted vectors")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--db", help="a clustered database, in place of planted statements")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    arguments = parser.parse_args()
    graph, truths = (
        _stored(arguments.db) if arguments.db else _planted(arguments.n, arguments.noise)
    )
    rows = [measured(graph, truths, resolution, arguments.seeds) for resolution in RESOLUTIONS]
    if arguments.json:
        print(json.dumps(rows, indent=2))
        return
    for row in rows:
        for name, value in row.items():
            print(f"{name:<36}{value:>10.4g}")


def measured(
    graph: HybridGraph, truths: Mapping[str, Sequence[int]], resolution: float, n_seeds: int
) -> dict[str, float]:
    """Return how well both ways agree with what is known, with themselves and each other."""
    config = LeidenConfig(resolution=resolution)
    layers = {name: getattr(GraphConfig(), name) for name in LAYERS}
    ways = {"sum": checked(graph), "multiplex": checked(graph, layers)}
    row: dict[str, float] = {"statements": len(graph.statement_ids), "ties": len(graph.head)}
    row["resolution"] = resolution
    cuts: dict[str, list[Labels]] = {}
    for way, pieces in ways.items():
        started = time.process_time()
        cuts[way] = [cut(pieces, config, seed) for seed in range(n_seeds)]
        row[f"{way}_cpu_seconds"] = round((time.process_time() - started) / n_seeds, 4)
        row[f"{way}_communities"] = mean(len(set(labels.tolist())) for labels in cuts[way])
        for name, truth in truths.items():
            found = [ami(truth, labels) for labels in cuts[way]]
            row[f"{way}_ami_{name}"] = round(mean(found), 4)
            row[f"{way}_ami_{name}_sd"] = round(stdev(found), 4)
        pairs = combinations(cuts[way], 2)
        row[f"{way}_ami_between_seeds"] = round(mean(ami(one, other) for one, other in pairs), 4)
    across = product(cuts["sum"], cuts["multiplex"])
    row["ami_sum_to_multiplex"] = round(mean(ami(one, other) for one, other in across), 4)
    return row


def _planted(n: int, noise: float) -> tuple[HybridGraph, dict[str, list[int]]]:
    """Return planted statements, one in five with a relation to another of its topic."""
    rng = np.random.default_rng(0)
    planted = plant(n, rng)
    vectors = planted.vectors + noise / np.sqrt(384) * rng.normal(size=planted.vectors.shape)
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    config = METHODS["leiden_hybrid_concepts"]
    ids = sorted(planted.ids)
    by_topic: dict[int, list[str]] = {}
    for one, topic in zip(ids, planted.topics.tolist(), strict=True):
        by_topic.setdefault(topic, []).append(one)
    ties = []
    for one, topic in zip(ids, planted.topics.tolist(), strict=True):
        other = by_topic[topic][rng.integers(len(by_topic[topic]))]
        if rng.random() < 0.2 and one != other:
            ties.append(Tie(one, other, RelationKind.SUPPORTS))
    found = concepts_of(list(zip(planted.ids, planted.texts, strict=True)))
    concepts = told_apart(found, vectors, planted.ids, NO_ORIGINS, config.homonyms).concepts
    numbers = zip(planted.ids, planted.sources.tolist(), strict=True)
    sources = {one: [f"src_{number}"] for one, number in numbers}
    graph = build_hybrid_graph(planted.ids, vectors, concepts, sources, config, ties)
    return graph, {"topics": planted.topics.tolist(), "fields": planted.fields.tolist()}


def _stored(database: str) -> tuple[HybridGraph, dict[str, list[int]]]:
    """Return the graph of the latest run of the hybrid method, and the source of each statement."""
    from kg.runs import active_run

    with reading(open_engine(database, create=False)) as session:
        run = active_run(session, RunKind.CLUSTERING, "leiden_hybrid_concepts")
        assert run is not None, "cluster it by leiden_hybrid_concepts first"
        stored = session.exec(select(Graph).where(col(Graph.run_id) == run.id)).one()
        sources = sources_by_statement(session)
        columns = {
            name: np.frombuffer(getattr(stored, name) or bytes(len(stored.weight)), dtype="<f4")
            for name in ("weight", *LAYERS)
        }
        ids = tuple(stored.statement_ids.split("\n"))
        graph = HybridGraph(
            statement_ids=ids,
            head=np.frombuffer(stored.head, dtype="<i4"),
            tail=np.frombuffer(stored.tail, dtype="<i4"),
            **columns,
        )
    names = {
        source: number for number, source in enumerate(sorted({s[0] for s in sources.values()}))
    }
    return graph, {"sources": [names[sources[one][0]] for one in ids]}


if __name__ == "__main__":
    main()
