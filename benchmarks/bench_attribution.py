"""How well attributions agree with ablations on a decomposition, and what a graph costs.

Draws the graphs of some inputs of a stored decomposition. Prints, over all edges tried, the rank
correlation and the share of equal signs of attributions with direct and total ablation effects,
the same with the attributions shuffled among the edges, and CPU seconds, beside asking for one
target, and one ablation, in each pass.

    PYTHONPATH=. python benchmarks/bench_attribution.py library.artifacts/run1 --samples 20
"""

import argparse
import json
import statistics
import time
from pathlib import Path

import torch

from decomposition import direct_effects
from decomposition.attribution import AttributionConfig, agreement, explain
from decomposition.checkpoints import load
from decomposition.reports import AttributionGraph
from decomposition.seeds import generator_for
from decomposition.training import Decomposition


def graphs(decomposition: Decomposition, n: int, rows: int) -> tuple[list[AttributionGraph], float]:
    """Draw the graphs of n inputs that are not empty; returns them with the CPU seconds."""
    direct_effects.ROWS = rows
    x = decomposition.target.batch(20 * n, generator_for("benchmark"))
    strongest = torch.stack(
        [g.reshape(len(x), -1).amax(dim=1) for g in decomposition.model.importance(x).values()]
    ).amax(dim=0)
    used = list(x[strongest > AttributionConfig().importance_threshold][:n])
    began = time.process_time()
    drawn = [explain(decomposition, row, AttributionConfig()) for row in used]
    return drawn, time.process_time() - began


def main() -> None:
    """Print the agreement and the times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--samples", type=int, default=20)
    parser.add_argument("--peer-samples", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    decomposition = load(options.folder)
    found, seconds = graphs(decomposition, options.samples, 64)
    _, one_by_one = graphs(decomposition, options.peer_samples, 1)
    edges = [edge for graph in found for edge in graph.edges]
    a = [edge.attribution for edge in edges]
    order = torch.randperm(len(a), generator=generator_for("shuffled")).tolist()
    nan = float("nan")
    row = {
        "graphs": len(found),
        "nodes": statistics.mean(len(graph.nodes) for graph in found),
        "edges": len(edges),
        "direct": agreement(a, [nan if e.direct is None else e.direct for e in edges]).model_dump(),
        "total": agreement(a, [nan if e.total is None else e.total for e in edges]).model_dump(),
        "shuffled": agreement(
            [a[i] for i in order], [nan if e.direct is None else e.direct for e in edges]
        ).model_dump(),
        "seconds_a_graph": seconds / max(1, len(found)),
        "seconds_a_graph_one_by_one": one_by_one / options.peer_samples,
    }
    print(
        json.dumps(row, indent=2) if options.json else "\n".join(f"{k} {v}" for k, v in row.items())
    )


if __name__ == "__main__":
    main()
