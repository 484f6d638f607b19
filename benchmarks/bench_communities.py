"""Time and quality of the way from stored vectors to communities, beside GraphRAG's and others'.

Statements with known topics (`planted`) are put into a database in a folder of its own. Then one
clustering runs as `claimgraph cluster` runs it, from the stored vectors to the stored memberships,
and the bridges of its largest community to a run of another method are read. It cuts with one seed:
what a consensus over several costs is in `docs/stability.md`. Libraries are loaded before the
clock, torch among them, which takes two seconds.

    python benchmarks/bench_communities.py --n 10000 --json

prints

- `stages`: CPU seconds of each stage, and `stages_wall` the same by the clock; `total_cpu_seconds`
  and `wall_seconds` of all of them, and `peak_mb`, the most memory of all processes at once, what
  they share counted once (`memory_watch.py`; on Linux);
- `recall` of the nearest neighbours against brute force, as the run stores it, and `modularity`;
- how well our deepest communities agree with the planted topics, and our top level with the
  planted fields (normalised mutual information);
- on the same graph, the community step of GraphRAG (`cluster_graph` of the installed package,
  around the call alone): `graphrag_cpu_seconds`, `graphrag_modularity` of its level 0 and `ratio`,
  how many times as many CPU seconds as our hierarchy it takes, which has more levels; and the same
  of our cheaper hierarchy from the bottom up: `bottom_up_ratio`, `bottom_up_modularity`. Whether a
  community is well connected is a stage of its own, which GraphRAG has not. Top levels are compared
  with top levels: all are partitions of the same graph, at resolution 1. With `--turns N` each is
  done N times in turns, and seconds are medians: a processor that others use is not equally fast
  from one second to the next;
- with `--peers`, one cut by leidenalg and by the Louvain method of networkx.

GraphRAG has many dependencies, so it has an environment of its own; without it its numbers are
null:

    python -m venv graphrag && graphrag/bin/pip install graphrag==3.3.0
    python benchmarks/bench_communities.py --graphrag graphrag/bin/python
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple, TypeVar

import igraph as ig
import leidenalg
import networkx as nx
import numpy as np
import torch
from numpy.typing import NDArray
from planted import MODEL, Planted, plant, store
from sklearn.metrics import normalized_mutual_info_score
from sqlalchemy import Engine

import kg.bottom_up
import kg.clustering
import kg.hierarchy
import kg.hybrid_graph
from kg.bridges import bridges_of
from kg.clustering import ClusteringReport, cluster
from kg.communities import community_id
from kg.db import open_engine, reading
from kg.embedders import OnProgress, Vectors
from kg.hierarchy import Hierarchy
from kg.hybrid_graph import HybridGraph
from kg.leiden import LeidenConfig, checked
from kg.partition_quality import modularity
from kg.processor import without_collector

METHOD = "leiden_hybrid_concepts"
OTHER = "leiden_relations"
ONE_SEED = LeidenConfig(n_seeds=1)
WATCH = Path(__file__).with_name("memory_watch.py")
GRAPHRAG = Path(__file__).with_name("graphrag_communities.py")

STAGES = [
    ("texts", kg.clustering, "embedded_texts"),
    ("vectors", kg.clustering, "vectors_of"),
    ("missing", kg.clustering, "embed_missing"),
    ("sources", kg.clustering, "sources_by_statement"),
    ("concepts", kg.hybrid_graph, "_concept_layer"),
    ("graph", kg.clustering, "build_hybrid_graph"),
    ("neighbours", kg.hybrid_graph, "nearest_neighbours"),
    ("neighbours within sources", kg.hybrid_graph, "neighbours_within"),
    ("hierarchy", kg.clustering, "leiden_hierarchy"),
    ("well-connectedness", kg.hierarchy, "well_connected"),
    ("well-connectedness", kg.bottom_up, "well_connected"),
    ("store communities", kg.clustering, "_store_communities"),
    ("store graph", kg.clustering, "_store_graph"),
]
"""Which function of which module each stage is; one that is called within another counts once.

Concepts are looked for in a process beside this one: their CPU seconds are those of that process,
and their seconds by the clock those that this one waited for it in the end."""

Result = TypeVar("Result")
Measured = dict[str, Any]


class StoredVectors:
    """An embedder for vectors that are all stored."""

    name = MODEL

    def embed(self, texts: Sequence[str], on_progress: OnProgress | None = None) -> Vectors:
        """Refuse: there is nothing to embed."""
        raise AssertionError((len(texts), on_progress))


def main() -> None:
    """Run the benchmark and print what it measured."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--n", type=int, default=10_000, help="statements")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--graphrag", help="a Python that has graphrag installed")
    parser.add_argument("--turns", type=int, default=1, help="hierarchies beside GraphRAG's")
    parser.add_argument("--peers", action="store_true", help="cut by leidenalg and networkx, too")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measured = measure(arguments, Path(folder))
    if arguments.json:
        print(json.dumps(measured, indent=2))
        return
    walls = {f"{name} (wall)": value for name, value in measured.pop("stages_wall").items()}
    for name, value in ({**measured, **measured.pop("stages"), **walls}).items():
        print(f"{name:<34}{value!s:>12}")


def measure(arguments: argparse.Namespace, folder: Path) -> Measured:
    """Return every number of the benchmark by name."""
    engine = open_engine(folder / "planted.db")
    planted = plant(arguments.n, np.random.default_rng(arguments.seed))
    store(engine, planted)
    planted = planted._replace(ids=[], texts=[], vectors=planted.vectors[:0].copy())
    cluster(engine, OTHER, StoredVectors(), arguments.seed, leiden=ONE_SEED)

    assert torch.get_num_threads() > 0  # loaded, and so used whatever the number of statements
    stages: dict[str, Spent] = {}
    with _watched_memory() as peak:
        began = _now()
        with _timed_stages(stages) as results:
            report = cluster(engine, METHOD, StoredVectors(), arguments.seed, leiden=ONE_SEED)
        _timed(stages, "bridges", lambda: _bridges(engine, report))
        total = _now() - began
    stages["other"] = total - sum(stages.values(), start=NOTHING)
    graph: HybridGraph = results["graph"]
    hierarchy: Hierarchy = results["hierarchy"]
    measured: Measured = {
        "statements": report.statements,
        "edges": len(graph.head),
        "communities": report.communities,
        "levels": report.levels,
        "stages": {name: round(spent.cpu, 3) for name, spent in stages.items()},
        "stages_wall": {name: round(spent.wall, 3) for name, spent in stages.items()},
        "total_cpu_seconds": round(total.cpu, 3),
        "wall_seconds": round(total.wall, 3),
        "peak_mb": peak[0],
        "recall": report.recall,
        "modularity": report.modularity,
        "deepest_level_with_topics": _agreement(planted.topics, hierarchy.home),
        "top_level_with_fields": _agreement(planted.fields, hierarchy.top),
    }
    measured |= _beside_graphrag(arguments, graph, stages["hierarchy"].cpu)
    return measured | (_peers(planted, graph, arguments.seed) if arguments.peers else {})


def _beside_graphrag(
    arguments: argparse.Namespace, graph: HybridGraph, our_seconds: float
) -> Measured:
    """Compare both our hierarchies with GraphRAG's on the same graph."""
    seed, turns = arguments.seed, range(arguments.turns)
    upwards = LeidenConfig(seed=seed, n_seeds=1, direction="bottom_up")
    downwards = ONE_SEED.model_copy(update={"seed": seed})
    down, up, theirs = [our_seconds], [], []
    refresh, there = None, None
    for turn in turns:
        if turn:
            down.append(_cut(graph, downwards)[1])
        refresh, seconds = _cut(graph, upwards)
        up.append(seconds)
        if arguments.graphrag is not None:
            there = _graphrag(arguments.graphrag, graph)
            theirs.append(there["cpu_seconds"])
    assert refresh is not None
    measured: Measured = {
        "hierarchy_cpu_seconds": round(median(down), 3),
        "bottom_up_cpu_seconds": round(median(up), 3),
        "bottom_up_modularity": round(refresh.modularity, 6),
        "graphrag_cpu_seconds": None,
        "graphrag_modularity": None,
        "ratio": None,
        "bottom_up_ratio": None,
    }
    if there is None:
        return measured
    return measured | {
        "graphrag_cpu_seconds": round(median(theirs), 3),
        "graphrag_levels": there["levels"],
        "graphrag_modularity": there["modularity"],
        "ratio": round(median(theirs) / median(down), 2),
        "bottom_up_ratio": round(median(theirs) / median(up), 2),
    }


def _cut(graph: HybridGraph, config: LeidenConfig) -> tuple[Hierarchy, float]:
    """Return a hierarchy and the CPU seconds it took, whether it is well connected left out."""
    seconds: dict[str, Spent] = {}
    with _timed_stages(seconds), without_collector():
        found = kg.clustering.leiden_hierarchy(graph, config)
    return found, seconds["hierarchy"].cpu


def _graphrag(python: str, graph: HybridGraph) -> Measured:
    """Return how long GraphRAG takes for the same graph, and how good its top level is."""
    with tempfile.TemporaryDirectory() as folder:
        edges = Path(folder) / "edges.npz"
        np.savez(edges, head=graph.head, tail=graph.tail, weight=graph.weight)
        program = [python, str(GRAPHRAG), str(edges)]
        done = subprocess.run(program, capture_output=True, text=True, check=True)  # noqa: S603
        measured: Measured = json.loads(done.stdout.splitlines()[-1])
        top = np.load(edges.with_name("top.npy"))
    alone = np.flatnonzero(top < 0)
    top[alone] = top.max() + 1 + np.arange(len(alone))
    found = modularity(checked(graph), top[: len(graph.statement_ids)])
    return measured | {"modularity": round(found, 6)}


def _bridges(engine: Engine, report: ClusteringReport) -> None:
    with reading(engine) as session:
        bridges_of(session, community_id(report.method, report.run, [0]))


def _peers(planted: Planted, graph: HybridGraph, seed: int) -> Measured:
    """Return how leidenalg and the Louvain method of networkx cut the same graph, and how fast."""
    n = len(graph.statement_ids)
    edges = list(zip(graph.head.tolist(), graph.tail.tolist(), strict=True))
    weights = graph.weight.tolist()

    def by_leidenalg() -> list[int]:
        whole = ig.Graph(n, edges)
        partition = leidenalg.ModularityVertexPartition
        return leidenalg.find_partition(whole, partition, weights=weights, seed=seed).membership

    def by_louvain() -> list[int]:
        whole = nx.Graph()
        whole.add_nodes_from(range(n))
        whole.add_weighted_edges_from(
            (*ends, weight) for ends, weight in zip(edges, weights, strict=True)
        )
        membership = [0] * n
        for number, members in enumerate(nx.community.louvain_communities(whole, seed=seed)):
            for member in members:
                membership[member] = number
        return membership

    measured: Measured = {}
    for name, work in {"leidenalg": by_leidenalg, "networkx": by_louvain}.items():
        seconds: dict[str, Spent] = {}
        found = np.array(_timed(seconds, name, work))
        measured |= {
            f"{name}_cpu_seconds": round(seconds[name].cpu, 3),
            f"{name}_modularity": round(modularity(checked(graph), found), 6),
            f"{name}_with_fields": _agreement(planted.fields, found),
        }
    return measured


class Spent(NamedTuple):
    """Seconds."""

    cpu: float
    wall: float

    def __add__(self, other: "Spent") -> "Spent":  # type: ignore[override]
        """Return both together."""
        return Spent(self.cpu + other.cpu, self.wall + other.wall)

    def __sub__(self, other: "Spent") -> "Spent":
        """Return the rest."""
        return Spent(self.cpu - other.cpu, self.wall - other.wall)


NOTHING = Spent(0, 0)


@contextmanager
def _watched_memory() -> Iterator[list[int]]:
    """Yield a list that has the most megabytes within the block, once it ends."""
    peak: list[int] = []
    command = [sys.executable, str(WATCH), str(os.getpid())]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as watch:  # noqa: S603
        yield peak
        peak.append(int(watch.communicate()[0]))


def _now() -> Spent:
    beside = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Spent(time.process_time() + beside.ru_utime + beside.ru_stime, time.perf_counter())


@contextmanager
def _timed_stages(seconds: dict[str, Spent]) -> Iterator[Measured]:
    """Add up the seconds of each stage within the block; yields what each returned last."""
    results: Measured = {}
    running: list[Spent] = []

    def timed(name: str, work: Callable[..., Result]) -> Callable[..., Result]:
        def call(*arguments: object, **named: object) -> Result:
            running.append(NOTHING)
            began = _now()
            result = work(*arguments, **named)
            spent = _now() - began
            seconds[name] = seconds.get(name, NOTHING) + (spent - running.pop())
            if running:
                running[-1] += spent
            results[name] = result
            return result

        return call

    before = [getattr(module, function) for _, module, function in STAGES]
    for (name, module, function), work in zip(STAGES, before, strict=True):
        setattr(module, function, timed(name, work))
    try:
        yield results
    finally:
        for (_, module, function), work in zip(STAGES, before, strict=True):
            setattr(module, function, work)


def _agreement(planted: NDArray[np.int64], found: NDArray[np.int64]) -> float:
    return round(float(normalized_mutual_info_score(planted, found)), 4)


def _timed(seconds: dict[str, Spent], name: str, work: Callable[[], Result]) -> Result:
    began = _now()
    result = work()
    seconds[name] = _now() - began
    return result


if __name__ == "__main__":
    main()
