"""How long it takes to match two runs and to tell what changed, beside a dense assignment.

Two runs of a planted hierarchy (communities of about 12 in groups of 8, on four levels), each with
a share of the statements moved at random. CPU seconds of one thread. The peer is scipy's assignment
on the table of all pairs of communities, which finds the same total and needs its memory; it is
left out above `--dense` statements. Greedy takes the heaviest pair that is left, again and again.

    python benchmarks/bench_lineage.py --n 10000 --json
"""

import argparse
import json
import time
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from scipy.optimize import linear_sum_assignment

from kg.changes import compare
from kg.forest import CommunityRow, Forest, Overlaps, as_forest, overlaps_of
from kg.lineage import LineageConfig, match

T = TypeVar("T")

BRANCHING = 8
LEVELS = 4
SIZE = 12


def run_of(n: int, moved: float, seed: int) -> Forest:
    """Return a run of the planted hierarchy with a share of the statements moved at random."""
    generator = np.random.default_rng(seed)
    leaf = np.arange(n) // SIZE
    leaf = np.where(generator.random(n) < moved, generator.integers(0, leaf.max() + 1, n), leaf)
    rows: dict[str, CommunityRow] = {}
    held = []
    for statement, at in enumerate(leaf.tolist()):
        top = BRANCHING ** (LEVELS - 1)
        path = [at // top]
        for _ in range(LEVELS - 1):
            top //= BRANCHING
            path.append(at // top % BRANCHING)
        parent = None
        for end in range(1, LEVELS + 1):
            identifier = "-".join(f"c{step}" for step in path[:end])
            rows[identifier] = CommunityRow(identifier, parent, "")
            parent = identifier
        held.append((f"s{statement:07d}", identifier))
    return as_forest(list(rows.values()), held)


def measured(n: int, moved: float, dense: bool) -> dict[str, Any]:
    """Return CPU seconds by stage, and the weights that three ways of matching reach."""
    stages: dict[str, float] = {}
    old = _timed(stages, "forest", lambda: run_of(n, moved / 2, 1))
    new = run_of(n, moved / 2, 2)
    overlaps = _timed(stages, "overlaps", lambda: overlaps_of(old, new))
    matching = _timed(stages, "match", lambda: match(old, new, overlaps))
    changes = _timed(stages, "compare", lambda: len(compare(old, new, by_links=False).changes))
    weight = np.where(
        overlaps.jaccard >= LineageConfig().min_jaccard - 1e-12,
        overlaps.shared * overlaps.jaccard,
        0.0,
    )
    of_pair = dict(
        zip(
            zip(overlaps.before.tolist(), overlaps.after.tolist(), strict=True), weight, strict=True
        )
    )
    found: dict[str, Any] = {
        "n": n,
        "communities": len(old.ids),
        "stages": stages,
        "matched": len(matching),
        "changes": changes,
        "weight": sum(of_pair[pair] for pair in matching.items()),
        "greedy_weight": _greedy(overlaps, weight),
    }
    if dense:
        peer: dict[str, float] = {}
        found["dense_weight"] = _timed(peer, "dense", lambda: _dense(old, new, overlaps, weight))
        found["dense_cpu_seconds"] = peer["dense"]
    return found


def _greedy(overlaps: Overlaps, weight: np.ndarray) -> float:
    used: tuple[set[int], set[int]] = (set(), set())
    total = 0.0
    for at in np.argsort(-weight, kind="stable"):
        a, b = int(overlaps.before[at]), int(overlaps.after[at])
        if weight[at] > 0 and a not in used[0] and b not in used[1]:
            used[0].add(a)
            used[1].add(b)
            total += float(weight[at])
    return total


def _dense(old: Forest, new: Forest, overlaps: Overlaps, weight: np.ndarray) -> float:
    table = np.zeros((len(old.ids), len(new.ids)))
    table[overlaps.before, overlaps.after] = weight
    return float(table[linear_sum_assignment(table, maximize=True)].sum())


def _timed(stages: dict[str, float], name: str, work: Callable[[], T]) -> T:
    started = time.process_time()
    result = work()
    stages[name] = round(time.process_time() - started, 3)
    return result


def main() -> None:
    """Print the measurements."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=10_000)
    parser.add_argument("--moved", type=float, default=0.3)
    parser.add_argument("--dense", type=int, default=20_000)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    found = measured(given.n, given.moved, given.n <= given.dense)
    if given.json:
        print(json.dumps(found, indent=2))
        return
    for name, value in found.items():
        print(f"{name:<20} {value}")


if __name__ == "__main__":
    main()
