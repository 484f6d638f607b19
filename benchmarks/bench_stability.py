"""Whether the consensus is right, whether stability tells structure from chance, and what it costs.

Prints five things, each beside what it is to be compared with from the same run:

- *truth*: on LFR graphs (Lancichinetti, Fortunato & Radicchi, 2008, doi:10.1103/PhysRevE.78.046110)
  of rising mixing, the adjusted mutual information of the planted communities with the consensus,
  and with single runs from the same number of seeds (median);
- *marked*: the share of communities that are marked as unstable, on random graphs (Erdős-Rényi;
  nearest neighbours whose edges were swapped and whose weights were permuted), where all should be,
  at the top and below it, and on planted ones (LFR; cliques in a chain), where none should be;
- *cost*: CPU seconds of a hierarchy of nearest neighbours from one seed, and of one with consensus,
  stability and chance;
- with `--texts`, *real*: on the nearest neighbours of real sentences under MiniLM, how alike two
  single runs are, and two consensus runs (normalised mutual information), and what is marked.

    python benchmarks/bench_stability.py --json
    python benchmarks/bench_stability.py --texts FOLDER
"""

import argparse
import json
import time
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import networkx as nx
import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import adjusted_mutual_info_score, normalized_mutual_info_score

from benchmarks.graphs import one_layer
from ingest.readers import READERS, read
from ingest.sentences import sentences
from kg.embedders import open_embedder
from kg.errors import KnowledgeGraphError
from kg.hierarchy import leiden_hierarchy
from kg.hybrid_graph import GraphConfig, HybridGraph, build_hybrid_graph
from kg.leiden import LeidenConfig, checked, cut
from kg.stability import consensus, random_like

MIXINGS = (0.2, 0.3, 0.4, 0.45, 0.5, 0.55, 0.6)
"""The share of a vertex's edges that lead out of its community."""

CLEAR = 0.4
"""Up to this mixing, single runs find what was planted; a mark there is a mistake."""

DEGREES = (4, 8, 15)
"""Of Erdős-Rényi graphs."""

CLIQUES = ((12, 2), (24, 2), (24, 3), (36, 3))
"""Vertices, and the cliques that they fall into."""

SHORTEST = 40
"""Characters of a sentence, at least."""

Labels = NDArray[np.int64]
Measured = dict[str, float]


def main() -> None:
    """Run the benchmark and print what it measured."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--n", type=int, default=1000, help="vertices of the larger graphs")
    parser.add_argument("--graphs", type=int, default=3, help="graphs of each kind")
    parser.add_argument("--seeds", type=int, default=10, help="cuts of a consensus")
    parser.add_argument("--first", type=int, default=0, help="seed of the first graph of each kind")
    parser.add_argument("--texts", type=Path, help="a folder of documents whose sentences to tie")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    arguments = parser.parse_args()
    config = LeidenConfig(n_seeds=arguments.seeds)
    numbers = range(arguments.first, arguments.first + arguments.graphs)
    measured: Measured = {"vertices": arguments.n, "seeds": arguments.seeds}
    measured |= _truth(arguments.n, numbers, config)
    measured |= _chance(arguments.n, numbers, config)
    measured |= _cost(near(arguments.n, arguments.first), config)
    if arguments.texts is not None:
        measured |= _real(arguments.texts, config)
    if arguments.json:
        print(json.dumps(measured, indent=2))
        return
    for name, value in measured.items():
        print(f"{name:<52}{value:>12}")


def _truth(n: int, numbers: range, config: LeidenConfig) -> Measured:
    """Compare the consensus, and single runs, with what was planted."""
    measured: Measured = {}
    clear = [
        mark
        for size, n_cliques in CLIQUES
        for mark in unstable(clique_chain(size, n_cliques), config, level=0)
    ]
    for mixing in MIXINGS:
        single, agreed = [], []
        marked: list[bool] = []
        for number in numbers:
            graph, truth = lfr(n, mixing, number)
            pieces = checked(graph)
            runs = [cut(pieces, config, 1000 + seed) for seed in range(config.n_seeds or 1)]
            single.append(np.median([adjusted_mutual_info_score(truth, run) for run in runs]))
            agreed.append(adjusted_mutual_info_score(truth, consensus(pieces, config, number)))
            marked += unstable(graph, config, level=0)
        measured[f"ami, mixing {mixing}, single (median)"] = _mean(single)
        measured[f"ami, mixing {mixing}, consensus"] = _mean(agreed)
        measured[f"marked, mixing {mixing}"] = _mean(marked)
        clear += marked if mixing <= CLEAR else []
    return measured | {"marked, planted": _mean(clear), "planted communities": len(clear)}


def _chance(n: int, numbers: range, config: LeidenConfig) -> Measured:
    """Count what is marked in random graphs, of a third of the vertices and of all of them."""
    measured: Measured = {}
    everything: list[bool] = []
    below: list[bool] = []
    for size in (n // 3, n):
        graphs = [erdos_renyi(size, degree, number) for degree in DEGREES for number in numbers]
        even = [mark for graph in graphs for mark in unstable(graph, config, level=0)]
        rewired = [swapped(near(size, number), number) for number in numbers]
        uneven = [mark for graph in rewired for mark in unstable(graph, config, level=0)]
        below += [mark for graph in rewired for mark in unstable(graph, config, level=1)]
        measured[f"marked, Erdos-Renyi of {size}"] = _mean(even)
        measured[f"marked, edges swapped of {size}"] = _mean(uneven)
        everything += even + uneven
    return measured | {
        "marked, random": _mean(everything),
        "random communities": len(everything),
        "marked, random, below the top": _mean(below),
        "random communities below the top": len(below),
    }


def _cost(graph: HybridGraph, config: LeidenConfig) -> Measured:
    """Time a hierarchy of one seed, and one with consensus, stability and chance."""
    seconds = []
    for each in (config.model_copy(update={"n_seeds": 1}), config):
        started = time.process_time()
        leiden_hierarchy(graph, each)
        seconds.append(time.process_time() - started)
    return {
        "ties": len(graph.head),
        "cpu s, hierarchy of one seed": round(seconds[0], 3),
        "cpu s, consensus and stability": round(seconds[1], 3),
        "cost ratio": round(seconds[1] / seconds[0], 1),
    }


def lfr(n: int, mixing: float, seed: int) -> tuple[HybridGraph, Labels]:
    """Return an LFR graph and the planted community of each vertex."""
    graph = nx.LFR_benchmark_graph(
        n,
        2.5,
        1.5,
        mixing,
        average_degree=15,
        max_degree=50,
        min_community=20,
        max_community=100,
        seed=seed,
        max_iters=2000,
    )
    truth = np.zeros(n, dtype=np.int64)
    groups = sorted({tuple(sorted(graph.nodes[v]["community"])) for v in graph})
    for number, group in enumerate(groups):
        truth[list(group)] = number
    pairs = [tuple(sorted(pair)) for pair in graph.edges if pair[0] != pair[1]]
    return one_layer(n, np.array(sorted(pairs)), np.ones(len(pairs))), truth


def erdos_renyi(n: int, degree: float, seed: int) -> HybridGraph:
    """Return a graph in which each pair is tied with the same probability."""
    graph = nx.fast_gnp_random_graph(n, degree / n, seed=seed)
    pairs = np.array(sorted(tuple(sorted(pair)) for pair in graph.edges))
    return one_layer(n, pairs, np.ones(len(pairs)))


def near(n: int, seed: int, k: int = 5) -> HybridGraph:
    """Return the graph of the k nearest neighbours among vectors around random centres."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(max(3, n // 40), 16))
    vectors = centres[rng.integers(len(centres), size=n)] + 0.7 * rng.normal(size=(n, 16))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    ids = [f"s{vertex:06d}" for vertex in range(n)]
    config = GraphConfig(k_semantic=k, concepts=0, relations=0, source=0)
    return build_hybrid_graph(ids, vectors.astype(np.float32), {}, {}, config)


def clique_chain(n: int, n_cliques: int) -> HybridGraph:
    """Return cliques of n vertices in all, each tied to the next by one edge."""
    size = n // n_cliques
    pairs = [pair for pair in combinations(range(n), 2) if pair[0] // size == pair[1] // size]
    pairs += [(size * after - 1, size * after) for after in range(1, n_cliques)]
    return one_layer(n, np.array(sorted(pairs)), np.ones(len(pairs)))


def swapped(graph: HybridGraph, seed: int) -> HybridGraph:
    """Return a random graph with the same degrees, weights permuted."""
    random = random_like(checked(graph), 10_000 + seed)
    n = len(graph.statement_ids)
    first = random.head < n
    pairs = np.stack([random.head[first], random.tail[first]], axis=1)
    return one_layer(n, pairs, random.weight[first])


def unstable(graph: HybridGraph, config: LeidenConfig, level: int) -> list[bool]:
    """Return whether each community of two and more on this level is marked.

    Below the top, cuts of half the usual gain are made, so that random graphs have some, and
    none is left out for not being stable.
    """
    gain = config.min_gain / (1 + level)
    update = {"max_levels": level + 1, "min_gain": gain, "min_supported": 0.0}
    hierarchy = leiden_hierarchy(graph, config.model_copy(update=update))
    marked = hierarchy.stability <= hierarchy.chance_stability
    return [bool(mark) for mark in marked[(hierarchy.level == level) & (hierarchy.size > 1)]]


def _real(folder: Path, config: LeidenConfig) -> Measured:
    texts = sorted(set(_sentences(folder)))
    vectors = open_embedder("minilm").embed(texts)
    ids = [f"s{number:06d}" for number in range(len(texts))]
    graph = build_hybrid_graph(ids, vectors, {}, {}, GraphConfig(concepts=0, source=0))
    pieces = checked(graph)
    single = [cut(pieces, config, 1000 + seed) for seed in range(8)]
    agreed = [consensus(pieces, config, 1000 + seed) for seed in range(8)]
    hierarchy = leiden_hierarchy(graph, config)
    is_top = hierarchy.level == 0
    marked = hierarchy.stability <= hierarchy.chance_stability
    measured = {
        "sentences": len(texts),
        "nmi of two single runs": _pairwise(single),
        "nmi of two consensus runs": _pairwise(agreed),
        "marked, sentences, top level": _mean(marked[is_top & (hierarchy.size > 1)].tolist()),
        "marked, sentences, below": _mean(marked[~is_top].tolist()),
    }
    return measured | {f"{name}, sentences": value for name, value in _cost(graph, config).items()}


def _sentences(folder: Path) -> Iterator[str]:
    for path in sorted(folder.iterdir()):
        if path.suffix not in READERS or _has_source(path):
            continue
        try:
            documents = read(path)
        except KnowledgeGraphError:
            continue  # a file that cannot be read has no sentences
        for document in documents:
            for section in document.sections:
                for start, end in sentences(section.text):
                    sentence = " ".join(section.text[start:end].split())
                    if len(sentence) >= SHORTEST:
                        yield sentence


def _has_source(path: Path) -> bool:
    return path.suffix == ".pdf" and path.with_suffix(".tex").exists()


def _pairwise(runs: list[Labels]) -> float:
    return _mean([normalized_mutual_info_score(a, b) for a, b in combinations(runs, 2)])


def _mean(values: list[float] | list[bool]) -> float:
    return round(float(np.mean(values)), 4) if values else 0.0


if __name__ == "__main__":
    main()
