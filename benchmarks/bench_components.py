"""How long grouping by description length takes, beside rebuilding all costs at every merge.

Planted groups of five subcomponents, each acting on 90 % of the inputs that its group acts on,
densities from 0.1 % to 5 %. Prints CPU seconds, the exponent from one size to the next, and the
adjusted Rand index with the truth of either way of naming groups and of communities.

    PYTHONPATH=. python benchmarks/bench_components.py --sizes 250 500 1000 2000
"""

import argparse
import json
import math
import time

import numpy as np
import numpy.typing as npt

from decomposition.components import adjusted_rand, leiden_groups
from decomposition.description_length import group_by_description_length

INPUTS, SIZE = 8192, 5


def planted(n: int) -> tuple[npt.NDArray[np.bool_], list[int]]:
    """Return `inputs members` and the group of each member."""
    rng = np.random.default_rng(n)
    truth = rng.permutation(np.repeat(np.arange(n // SIZE), SIZE))
    density = 10 ** rng.uniform(-3, math.log10(0.05), n // SIZE)
    acts = rng.random((INPUTS, n // SIZE)) < density
    return acts[:, truth] & (rng.random((INPUTS, n)) < 0.9), truth.tolist()


def all_pairs(active: npt.NDArray[np.bool_], alpha: float) -> int:
    """Merge with names by frequency, computing the change of every pair before every merge."""
    groups = active.astype(np.float32)
    sizes = np.ones(active.shape[1])

    def h(s: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.asarray(s * np.log2(np.maximum(s, 1)))

    while len(sizes) > 1:
        both = (groups.T @ groups).astype(np.float64)
        s = both.diagonal()
        total, union = s.sum(), s[:, None] + s - both
        change = alpha * (union * (sizes[:, None] + sizes) - (s * sizes)[:, None] - s * sizes)
        change += h(total - both) - h(total) + h(s)[:, None] + h(s) - h(union)
        np.fill_diagonal(change, np.inf)
        one, other = sorted(map(int, np.unravel_index(change.argmin(), change.shape)))
        if change[one, other] >= 0:
            break
        groups[:, one] = np.maximum(groups[:, one], groups[:, other])
        sizes[one] += sizes[other]
        groups, sizes = np.delete(groups, other, axis=1), np.delete(sizes, other)
    return len(sizes)


def labels(groups: list[list[int]]) -> list[int]:
    """Return the group of each member."""
    return [
        label for _, label in sorted((m, g) for g, members in enumerate(groups) for m in members)
    ]


def measure(n: int, peer_up_to: int) -> dict[str, float | int | None]:
    """Time both on one planted set."""
    active, truth = planted(n)
    row: dict[str, float | int | None] = {"n": n}
    for names in ("by_frequency", "equal"):
        began = time.process_time()
        found = group_by_description_length(
            active, 2.0, "equal" if names == "equal" else "by_frequency"
        )
        row[f"seconds_{names}"] = time.process_time() - began
        row[f"rand_{names}"] = adjusted_rand(truth, labels(found.groups))
    began = time.process_time()
    row["rand_communities"] = adjusted_rand(truth, labels(leiden_groups(active, 1.0, 0)))
    row["seconds_communities"] = time.process_time() - began
    began = time.process_time()
    row["groups_all_pairs"] = all_pairs(active, 2.0) if n <= peer_up_to else None
    row["seconds_all_pairs"] = time.process_time() - began if n <= peer_up_to else None
    return row


def main() -> None:
    """Print one row a size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[250, 500, 1000, 2000])
    parser.add_argument("--peer-up-to", type=int, default=500)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows = [measure(n, options.peer_up_to) for n in options.sizes]
    if options.json:
        print(json.dumps(rows, indent=2))
        return
    for row in rows:
        print(
            "  ".join(
                f"{k} {v:.3f}" if isinstance(v, float) else f"{k} {v}" for k, v in row.items()
            )
        )


if __name__ == "__main__":
    main()
