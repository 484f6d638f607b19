"""Whether decompositions recover the known mechanisms of their targets, seed by seed.

    python benchmarks/recovery_table.py tms_5-2 --seeds 5 --json
    python benchmarks/recovery_table.py tms_5-2 --seeds 5 --double
    python benchmarks/recovery_table.py --docs

Each seed trains a target and decomposes it with the target's own configuration; --double allots
twice as many subcomponents, which should leave as many alive. --paper takes the configuration of
the publication. --set takes changes of the configuration as JSON. Every row is written to
benchmarks/recovery.json as soon as it is finished, and one that is there already, with the same
configuration, is not made again (--again makes it). An interrupted row goes on where it was.
--docs writes the tables in docs/decomposition.md anew.

A row says *recovered* when mmcs is at least 0.999, ml2r within 0.98 to 1.02 (for 40 features 0.97
to 1.03), identity_error and dense_error zero, and no subcomponent alive that is not needed. mmcs
alone says little in few dimensions: mmcs_random is what random directions reach.
"""

import argparse
import hashlib
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from decomposition.config import DecompositionConfig, config_of
from decomposition.metrics import MetricsConfig, evaluate
from decomposition.presets import changed, paper_config
from decomposition.reached import Reached
from decomposition.targets import Target, train_target
from decomposition.threads import one_thread
from decomposition.training import Decomposition, decompose

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "recovery.json"
PAGE = ROOT / "docs" / "decomposition.md"
MARK, PAPER_MARK = "recovery table", "paper table"

KEPT = (
    *("mmcs", "mmcs_random", "ml2r", "identity_error", "dense_error", "alive", "l0"),
    *("faithfulness", "pgd_reconstruction", "reconstruction_stochastic", "reconstruction_off"),
)
"""The metrics that are recorded."""

Row = dict[str, Any]
"""One decomposition: what was asked, what was found, what it took. JSON."""


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("target", nargs="?")
    parser.add_argument("--seeds", type=int, default=5, help="how many, from 0")
    parser.add_argument("--from", type=int, default=0, dest="first", help="the first seed")
    parser.add_argument("--double", action="store_true", help="allot twice as many subcomponents")
    parser.add_argument("--paper", action="store_true", help="as the publication did")
    parser.add_argument("--set", type=json.loads, default={}, help="changes, as JSON")
    parser.add_argument("--again", action="store_true", help="make rows that are there already")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--docs", action="store_true", help="write the table in the documentation")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    rows: list[Row] = []
    if arguments.target:
        seeds = range(arguments.first, arguments.first + arguments.seeds)
        base = paper_config if arguments.paper else config_of
        asked = changed(base(arguments.target), arguments.set)
        for config in configs(asked, seeds, arguments.double):
            rows.append(recorded(arguments.target, config, arguments.results, arguments.again))
            if not arguments.json:
                print(line(rows[-1]), flush=True)
    if arguments.docs:
        kept = read_rows(arguments.results)
        put_into_page(PAGE, MARK, table(kept))
        put_into_page(PAGE, PAPER_MARK, paper_table(kept))
    if arguments.json:
        print(json.dumps(rows, indent=1))


def configs(
    base: DecompositionConfig, seeds: Iterable[int], is_double: bool
) -> list[DecompositionConfig]:
    """Return the configuration of every row that is asked for."""
    count = base.n_subcomponents * (2 if is_double else 1)
    return [base.model_copy(update={"seed": seed, "n_subcomponents": count}) for seed in seeds]


def recorded(
    target: str,
    config: DecompositionConfig,
    results: Path,
    is_again: bool = False,
    make: Callable[[str, DecompositionConfig], Row] | None = None,
) -> Row:
    """Return the row of this configuration, from the file or made now and written there."""
    known = [row for row in read_rows(results) if is_of(row, target, config)]
    if known and not is_again:
        return known[0]
    row = (make or measure)(target, config)
    others = [other for other in read_rows(results) if not is_of(other, target, config)]
    write_rows(results, [*others, row])
    return row


def is_of(row: Row, target: str, config: DecompositionConfig) -> bool:
    """Say whether a row was made so; what its configuration does not name had its default."""
    return row["target"] == target and DecompositionConfig.model_validate(row["config"]) == config


def measure(
    name: str,
    config: DecompositionConfig,
    described: Callable[[Decomposition, float], Row] | None = None,
) -> Row:
    """Train a target, decompose it, and judge; as `row_of` does, or otherwise."""
    asked = config.model_dump(mode="json")
    key = hashlib.sha256(json.dumps([name, asked]).encode()).hexdigest()[:16]
    state = Path(tempfile.gettempdir()) / "claimgraph-recovery" / f"{key}.safetensors"
    with one_thread():
        started = time.process_time()
        target = train_target(name, config.seed)
        trained = time.process_time() - started
        decomposition = decompose(target, config, draw_progress(f"{name} {config.seed}"), state)
        row = (described or row_of)(decomposition, round(trained, 1))
    state.unlink(missing_ok=True)
    return row


def row_of(decomposition: Decomposition, target_cpu_seconds: float) -> Row:
    """Measure a decomposition of a target that took this long to train."""
    target, config = decomposition.target, decomposition.config
    metrics = evaluate(decomposition, MetricsConfig())
    row: Row = {
        "target": target.name,
        "seed": config.seed,
        "C": config.n_subcomponents,
        "attempts": target.attempts,
        "metrics": {
            metric: rounded(value)
            for metric, value in metrics.items()
            if metric.split("/")[0] in KEPT
        },
        "superfluous": superfluous(target, metrics),
        "pruned": decomposition.n_pruned,
        "target_cpu_seconds": target_cpu_seconds,
        "cpu_seconds": round(decomposition.cpu_seconds, 1),
        "config": config.model_dump(mode="json", exclude_defaults=True),
    }
    return row | {"recovered": recovered(row)}


def superfluous(target: Target, metrics: dict[str, float]) -> int:
    """Count the living subcomponents that are too many, over all matrices.

    A matrix needs one for each feature of the target, or as many as its one block has ranks.
    """
    n_features = len(target.probes())
    return sum(
        max(0, round(metrics[f"alive/{matrix}"]) - (n_features if rank is None else rank))
        for matrix, rank in target.blocks.items()
        if f"alive/{matrix}" in metrics
    )


def recovered(row: Row) -> bool:
    """Say whether every mechanism was found, and nothing else."""
    metrics = row["metrics"]
    margin = 0.03 if "40-10" in row["target"] else 0.02
    return bool(
        metrics.get("mmcs", 1.0) >= 0.999
        and abs(metrics.get("ml2r", 1.0) - 1) <= margin
        and metrics.get("identity_error", 0) == 0
        and metrics.get("dense_error", 0) == 0
        and row["superfluous"] == 0
    )


def rounded(value: float) -> float:
    """Round to six significant digits."""
    return float(f"{value:.6g}")


def read_rows(path: Path) -> list[Row]:
    """Return all rows that are recorded."""
    if not path.exists():
        return []
    rows: list[Row] = json.loads(path.read_text(encoding="utf-8"))
    return rows


def write_rows(path: Path, rows: Iterable[Row]) -> None:
    """Replace the record, one row a line, in the order of target, C and seed."""
    ordered = sorted(rows, key=lambda row: (row["target"], row["C"], row["seed"], str(row)))
    lines = ",\n".join(json.dumps(row) for row in ordered)
    partial = path.with_name(f"{path.name}.partial")
    partial.write_text(f"[\n{lines}\n]\n", encoding="utf-8")
    partial.replace(path)


COLUMNS = (
    "| target | C | seed | attempts at a target | `mmcs` | `mmcs_random` | `ml2r` "
    "| `identity_error` | `dense_error` | alive | superfluous | `pgd_reconstruction` "
    "(everything off) | CPU-seconds | recovered |"
)


def table(rows: Iterable[Row]) -> str:
    """Return the table of the documentation: the rows that have their target's configuration."""
    return as_table(row for row in rows if is_of_its_target(row))


def paper_table(rows: Iterable[Row]) -> str:
    """Return the table of the rows that have the configuration of the publication."""
    return as_table(row for row in rows if is_of_its_target(row, paper_config))


def as_table(rows: Iterable[Row]) -> str:
    """Return rows as a table."""
    return "\n".join([COLUMNS, "|" + "---|" * (COLUMNS.count("|") - 1), *map(line, rows)])


def reached(rows: Iterable[Row]) -> dict[str, Reached]:
    """Return the worst over the seeds of each target, with its own configuration and C."""
    own: dict[str, list[Row]] = {}
    for row in rows:
        if is_of_its_target(row) and row["C"] == config_of(row["target"]).n_subcomponents:
            own.setdefault(row["target"], []).append(row)
    return {target: _worst(of_target) for target, of_target in own.items()}


def _worst(rows: Sequence[Row]) -> Reached:
    metrics = [row["metrics"] for row in rows]
    cosines = [found["mmcs"] for found in metrics if "mmcs" in found]
    ratios = [found["ml2r"] for found in metrics if "ml2r" in found]
    return Reached(
        seeds=len(rows),
        recovered=sum(row["recovered"] for row in rows),
        mmcs=round(min(cosines), 4) if cosines else None,
        ml2r_low=round(min(ratios), 4) if ratios else None,
        ml2r_high=round(max(ratios), 4) if ratios else None,
        identity_errors=round(max(found["identity_error"] for found in metrics)),
        dense_errors=round(max(found.get("dense_error", 0) for found in metrics)),
        superfluous=max(row["superfluous"] for row in rows),
        cpu_seconds=round(max(row["target_cpu_seconds"] + row["cpu_seconds"] for row in rows)),
    )


def is_of_its_target(row: Row, source: Callable[[str], DecompositionConfig] = config_of) -> bool:
    """Say whether a row was made with its target's configuration, with any C and seed."""
    free = {"seed": row["seed"], "n_subcomponents": row["C"]}
    return is_of(row, row["target"], source(row["target"]).model_copy(update=free))


def line(row: Row) -> str:
    """Return one row as a line of the table."""
    metrics = row["metrics"]
    alive = [f"{value:.0f}" for name, value in metrics.items() if name.startswith("alive/")]
    seconds = row["target_cpu_seconds"] + row["cpu_seconds"]
    cells = [
        *(row["target"], row["C"], row["seed"], row["attempts"]),
        *(decimals(metrics.get(name), 4) for name in ("mmcs", "mmcs_random", "ml2r")),
        *(decimals(metrics.get(name), 0) for name in ("identity_error", "dense_error")),
        *(" + ".join(alive), row["superfluous"]),
        f"{metrics['pgd_reconstruction']:.2g} ({metrics['reconstruction_off']:.2g})",
        f"{seconds:.0f}",
        "yes" if row["recovered"] else "no",
    ]
    return "| " + " | ".join(map(str, cells)) + " |"


def decimals(value: float | None, n: int) -> str:
    """Return a number with n decimals, or nothing where there is none."""
    return "" if value is None else f"{value:.{n}f}"


def put_into_page(path: Path, mark: str, shown: str) -> None:
    """Put a table between its marks in a page."""
    begin, end = f"<!-- {mark}: begin -->", f"<!-- {mark}: end -->"
    before, rest = path.read_text(encoding="utf-8").split(begin)
    _, after = rest.split(end)
    path.write_text(f"{before}{begin}\n\n{shown}\n\n{end}{after}", encoding="utf-8")


def from_page(path: Path, mark: str) -> str:
    """Return the table between its marks in a page."""
    _, rest = path.read_text(encoding="utf-8").split(f"<!-- {mark}: begin -->")
    return rest.split(f"<!-- {mark}: end -->")[0].strip()


def draw_progress(title: str) -> Callable[[int, int], None]:
    """Return a callback that writes every hundredth step to standard error."""

    def draw(done: int, of: int) -> None:
        if done % 100 == 0 or done == of:
            end = "\n" if done == of else ""
            print(f"\r{title}: step {done} of {of}", end=end, file=sys.stderr, flush=True)

    return draw


if __name__ == "__main__":
    main()
