"""Whether the rule that chooses how much importances cost chooses well.

    python benchmarks/sweep_table.py tms_5-2 --seeds 2 --json
    python benchmarks/sweep_table.py --docs

Decomposes a known mechanism with every coefficient that `claimgraph decompose TARGET --sweep` may
try, those beyond the one it would stop at as well, and says beside the rule's verdict, which never
looks at the mechanism, whether it was recovered. Every row is written to benchmarks/sweep.json as
soon as it is finished, and one that is there already is not made again. --docs writes the table
in docs/decomposition.md anew.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from benchmarks.recovery_table import (
    PAGE,
    ROOT,
    Row,
    draw_progress,
    put_into_page,
    read_rows,
    recorded,
    rounded,
    row_of,
)
from decomposition.config import DecompositionConfig, config_of
from decomposition.sweeping import SweepRule, judged, swept
from decomposition.targets import train_target
from decomposition.threads import one_thread
from decomposition.training import decompose

RESULTS = ROOT / "benchmarks" / "sweep.json"
MARK = "sweep table"


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("target", nargs="?")
    parser.add_argument("--seeds", type=int, default=1, help="how many, from 0")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--docs", action="store_true", help="write the table in the documentation")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    rows: list[Row] = []
    if arguments.target:
        for seed in range(arguments.seeds):
            base = config_of(arguments.target).model_copy(update={"seed": seed})
            for config in swept(base):
                rows.append(recorded(arguments.target, config, arguments.results, make=measure))
                print(line(rows[-1]), file=sys.stderr, flush=True)
    if arguments.docs:
        put_into_page(PAGE, MARK, table(read_rows(arguments.results)))
    if arguments.json:
        print(json.dumps(rows, indent=1))


def measure(name: str, config: DecompositionConfig) -> Row:
    """Train a target, decompose it, and judge it by the rule and by the truth."""
    with one_thread(), tempfile.TemporaryDirectory() as folder:
        started = time.process_time()
        target = train_target(name, config.seed)
        trained = time.process_time() - started
        title = f"{name} {config.seed}, {config.minimality:.3g}"
        state = Path(folder) / "state.safetensors"
        decomposition = decompose(target, config, draw_progress(title), state)
        trial = judged(decomposition, SweepRule())
        row = row_of(decomposition, round(trained, 1))
    found = {"harm": rounded(trial.harm), "l0": rounded(trial.l0), "passes": trial.passes}
    return row | {"trial": found}


COLUMNS = (
    "| target | seed | minimality | error under an adversary | L0 | the rule | `mmcs` "
    "| `identity_error` | alive | superfluous | CPU-seconds | recovered |"
)


def table(rows: Iterable[Row]) -> str:
    """Return the table of the documentation."""
    ordered = sorted(rows, key=lambda row: (row["target"], row["seed"], cost(row)))
    return "\n".join([COLUMNS, "|" + "---|" * (COLUMNS.count("|") - 1), *map(line, ordered)])


def cost(row: Row) -> float:
    """Return the coefficient of importance minimality of a row."""
    return DecompositionConfig.model_validate(row["config"]).minimality


def line(row: Row) -> str:
    """Return one row as a line of the table."""
    metrics, trial = row["metrics"], row["trial"]
    alive = [f"{value:.0f}" for name, value in metrics.items() if name.startswith("alive/")]
    cells = [
        *(row["target"], row["seed"], f"{cost(row):.3g}"),
        *(f"{trial['harm']:.1%}", f"{trial['l0']:.1%}", "kept" if trial["passes"] else "broken"),
        *(f"{metrics['mmcs']:.4f}", f"{metrics['identity_error']:.0f}", " + ".join(alive)),
        *(row["superfluous"], f"{row['target_cpu_seconds'] + row['cpu_seconds']:.0f}"),
        "yes" if row["recovered"] else "no",
    ]
    return "| " + " | ".join(map(str, cells)) + " |"


if __name__ == "__main__":
    main()
