"""Time and quality of the way from vectors to communities, on planted topics.

Statements are planted: every topic has a direction and a vocabulary of its own, drawn from those
of a broader field; a statement's vector is its topic's with noise, its text names some of the
topic's terms and some that everybody uses (Zipf), and it comes from one of many sources. So the
topics that should be found are known.

    python benchmarks/bench_communities.py --n 10000 --json

prints CPU seconds of each stage; the recall of the nearest neighbours against brute force; how
well our deepest communities agree with the planted topics (normalised mutual information); and,
for our top level and three peers on the same graph, modularity and agreement with the planted
fields: leidenalg, our cut of the top level alone, and the Louvain method of networkx.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterable
from typing import NamedTuple, TypeVar

import igraph as ig
import leidenalg
import networkx as nx
import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import normalized_mutual_info_score

from kg.concepts import concepts_of
from kg.hierarchy import leiden_hierarchy
from kg.hybrid_graph import GraphConfig, HybridGraph, build_hybrid_graph
from kg.leiden import LeidenConfig, checked, cut
from kg.neighbours import nearest_neighbours
from kg.partition_quality import modularity

DIMENSIONS = 384
STATEMENTS_PER_TOPIC = 20
TOPICS_PER_FIELD = 25
STATEMENTS_PER_SOURCE = 40
QUERIES = 500

Result = TypeVar("Result")


class Planted(NamedTuple):
    """Statements whose topics are known."""

    ids: list[str]
    texts: list[str]
    vectors: NDArray[np.float32]
    sources: dict[str, list[str]]
    topics: list[int]
    """Of each statement, in the order of the ids."""

    fields: list[int]


def main() -> None:
    """Run the benchmark and print what it measured."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--n", type=int, default=10_000, help="statements")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--no-networkx", action="store_true", help="leave the slow peer out")
    arguments = parser.parse_args()
    measured = measure(arguments)
    if arguments.json:
        print(json.dumps(measured, indent=2))
        return
    for name, value in measured.items():
        print(f"{name:<34}{value:>12}")


def measure(arguments: argparse.Namespace) -> dict[str, float]:
    """Return every number of the benchmark by name."""
    planted = plant(arguments.n, np.random.default_rng(arguments.seed))
    config, leiden = GraphConfig(), LeidenConfig(seed=arguments.seed, n_seeds=1)
    seconds: dict[str, float] = {}

    pairs = list(zip(planted.ids, planted.texts, strict=True))
    concepts = _timed(seconds, "concepts", lambda: concepts_of(pairs))
    near = _timed(
        seconds, "neighbours", lambda: nearest_neighbours(planted.vectors, config.k_semantic)
    )
    graph = _timed(
        seconds,
        "graph, neighbours included",
        lambda: build_hybrid_graph(planted.ids, planted.vectors, concepts, planted.sources, config),
    )
    hierarchy = _timed(seconds, "hierarchy", lambda: leiden_hierarchy(graph, leiden))
    deepest = normalized_mutual_info_score(planted.topics, hierarchy.home)
    measured: dict[str, float] = {
        "statements": arguments.n,
        "edges": len(graph.head),
        "communities": hierarchy.n_communities,
        "levels": hierarchy.n_levels(),
        "recall": recall(planted.vectors, near.indices),
        "deepest level with topics": round(float(deepest), 4),
    }
    cuts = {"ours": hierarchy.top, **_peers(graph, leiden, seconds, slow=not arguments.no_networkx)}
    for name, membership in cuts.items():
        measured[f"modularity, {name}"] = round(modularity(checked(graph), membership), 4)
        nmi = normalized_mutual_info_score(planted.fields, membership)
        measured[f"top level with fields, {name}"] = round(float(nmi), 4)
    return measured | {f"cpu s, {name}": round(value, 3) for name, value in seconds.items()}


def plant(n: int, rng: np.random.Generator) -> Planted:
    """Return n statements with planted topics and fields."""
    n_topics = max(1, n // STATEMENTS_PER_TOPIC)
    n_fields = max(1, n_topics // TOPICS_PER_FIELD)
    field_of = rng.integers(n_fields, size=n_topics)
    topic = rng.integers(n_topics, size=n)
    centres = rng.normal(size=(n_fields, DIMENSIONS))
    topics = centres[field_of] + rng.normal(size=(n_topics, DIMENSIONS))
    vectors = topics[topic] + 1.2 * rng.normal(size=(n, DIMENSIONS))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    common = np.minimum(rng.zipf(1.3, size=(n, 2)), 10**6)
    own = rng.integers(8, size=(n, 2))
    ids = [f"stm_{number:07d}" for number in rng.permutation(n)]
    texts = [
        f"The term{topic[i]}x{own[i, 0]} of the term{topic[i]}x{own[i, 1]} is in "
        f"the area{field_of[topic[i]]} with the word{common[i, 0]} and the word{common[i, 1]}"
        for i in range(n)
    ]
    sources = rng.integers(max(1, n // STATEMENTS_PER_SOURCE), size=n)
    return Planted(
        ids=ids,
        texts=texts,
        vectors=vectors.astype(np.float32),
        sources={name: [f"src_{source}"] for name, source in zip(ids, sources, strict=True)},
        topics=topic[np.argsort(ids)].tolist(),
        fields=field_of[topic][np.argsort(ids)].tolist(),
    )


def recall(vectors: NDArray[np.float32], indices: NDArray[np.int32]) -> float:
    """Return the share of true nearest neighbours that were found, for some of the vectors."""
    n, k = indices.shape
    queries = np.arange(0, n, max(1, n // QUERIES))
    cosines = vectors[queries].astype(np.float64) @ vectors.T.astype(np.float64)
    cosines[np.arange(len(queries)), queries] = -np.inf
    true = np.argsort(-cosines, axis=1, kind="stable")[:, :k]
    found = [len(np.intersect1d(a, b)) for a, b in zip(true, indices[queries], strict=True)]
    return round(sum(found) / true.size, 4)


def _peers(
    graph: HybridGraph, config: LeidenConfig, seconds: dict[str, float], *, slow: bool
) -> dict[str, NDArray[np.int64]]:
    whole = checked(graph)
    edges = list(zip(whole.head.tolist(), whole.tail.tolist(), strict=True))
    other = ig.Graph(whole.n, edges, edge_attrs={"weight": whole.weight.tolist()})
    optimiser = leidenalg.Optimiser()
    optimiser.set_rng_seed(config.seed)
    partition = leidenalg.RBConfigurationVertexPartition(other, weights="weight")
    _timed(
        seconds,
        "top level, leidenalg",
        lambda: optimiser.optimise_partition(partition, n_iterations=2),
    )
    peers = {"leidenalg": np.array(partition.membership)}
    peers["our single cut"] = _timed(
        seconds, "top level, our single cut", lambda: cut(whole, config, config.seed)
    )
    if slow:
        louvain = nx.Graph()
        louvain.add_nodes_from(range(whole.n))
        louvain.add_weighted_edges_from(
            zip(graph.head.tolist(), graph.tail.tolist(), graph.weight.tolist(), strict=True)
        )
        found = _timed(
            seconds,
            "top level, networkx louvain",
            lambda: nx.community.louvain_communities(louvain, seed=config.seed),
        )
        peers["networkx louvain"] = _membership(found, whole.n)
    return peers


def _membership(communities: Iterable[Iterable[int]], n: int) -> NDArray[np.int64]:
    membership = np.zeros(n, dtype=np.int64)
    for ordinal, members in enumerate(communities):
        for member in members:
            membership[member] = ordinal
    return membership


def _timed(seconds: dict[str, float], name: str, work: Callable[[], Result]) -> Result:
    started = time.process_time()
    result = work()
    seconds[name] = time.process_time() - started
    return result


if __name__ == "__main__":
    main()
