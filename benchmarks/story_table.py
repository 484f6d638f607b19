"""What the decompositions of `storyworld` reach, beside what is asked, for all recorded seeds.

Measures decompositions that `claimgraph decompose storyworld --seed N` has stored, with its
metrics, and with the adversary on other draws of as many rows and of half as many (where one
source of masks finds more), and keeps a row for each seed in `benchmarks/storyworld.json`. With
--docs the table of `docs/language-models.md` is written from the rows.

    PYTHONPATH=. python benchmarks/story_table.py library.artifacts/run1 --docs
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from decomposition.checkpoints import load
from decomposition.config import DecompositionConfig, config_of
from decomposition.language_metrics import LanguageMetricsConfig, divergences, language_metrics
from decomposition.threads import one_thread
from decomposition.training import Decomposition

TARGET = "storyworld"
HERE = Path(__file__).parent
RESULTS = HERE / "storyworld.json"
PAGE = HERE.parent / "docs" / "language-models.md"
BEGIN, END = "<!-- storyworld table: begin -->", "<!-- storyworld table: end -->"
ROWS, DRAWS = (64, 32), 5
"""On how many rows, and on how many draws of them, the adversary is tried besides."""

MAX_PGD, MIN_RECOVERED, MAX_L0_SHARE = 0.1, 0.95, 0.2
"""What is asked: nats/token, and shares."""

LADDER = ("pgd_40", "pgd_80", "pgd_160", "pgd_320")
KEPT = (
    *("l0", "l0_positive", "l0_share", "rank_sum", "alive", "faithfulness"),
    *("kl_importance", "kl_rounded", "kl_stochastic", "kl_random", "kl_off"),
    *("ce_target", "ce_recovered_importance", "pgd_20", *LADDER),
)

Row = dict[str, Any]
"""One decomposition, as JSON."""


def measure(folder: Path) -> Row:
    """Measure a stored decomposition."""
    decomposition = load(folder)
    config = decomposition.config
    asked = LanguageMetricsConfig(seed=config.seed)
    with one_thread():
        found = language_metrics(decomposition, asked)
        draws = {n: [pgd_on(decomposition, n, draw) for draw in range(DRAWS)] for n in ROWS}
    metrics = {name: float(f"{found[name]:.6g}") for name in KEPT}
    return {
        "seed": config.seed,
        "metrics": metrics,
        "pgd_20_draws": {str(n): sorted(values) for n, values in draws.items()},
        "cpu_seconds": round(decomposition.cpu_seconds, 1),
        "config": config.model_dump(mode="json", exclude_defaults=True),
    }


def pgd_on(decomposition: Decomposition, n: int, draw: int) -> float:
    """Return the loss under a fresh adversary of 20 steps on other rows, in nats/token."""
    config = LanguageMetricsConfig(seed=draw, n=n, ladder=(20,))
    return float(f"{divergences(decomposition, config)['pgd_20']:.6g}")


def is_reached(row: Row) -> bool:
    """Say whether a row has all that is asked."""
    metrics = row["metrics"]
    return bool(
        metrics["pgd_20"] < MAX_PGD
        and metrics["ce_recovered_importance"] > MIN_RECOVERED
        and metrics["l0_share"] < MAX_L0_SHARE
    )


def is_current(row: Row) -> bool:
    """Say whether a row was made with the configuration that the target has now."""
    made = DecompositionConfig.model_validate(row["config"])
    return made == config_of(TARGET).model_copy(update={"seed": row["seed"]})


def table(rows: Sequence[Row]) -> str:
    """Return the table of the documentation, a column for each seed."""

    def line(title: str, *cells: str) -> str:
        return f"| {' | '.join([title, *cells])} |"

    def of(name: str, form: str) -> list[str]:
        return [format(row["metrics"][name], form) for row in rows]

    def several(names: Sequence[str], form: str) -> list[str]:
        return [", ".join(format(row["metrics"][n], form) for n in names) for row in rows]

    def drawn(n: int) -> list[str]:
        return [", ".join(f"{v:.2f}" for v in row["pgd_20_draws"][str(n)]) for row in rows]

    recovered = [share.replace("%", " %") for share in of("ce_recovered_importance", ".1%")]
    ranks = {row["metrics"]["rank_sum"] for row in rows}
    most = " or ".join(f"{MAX_L0_SHARE * n:.0f} of {n:,.0f}" for n in sorted(ranks))
    return "\n".join([
        line("asked", *(f"seed {row['seed']}" for row in rows)),
        "|" + "---|" * (len(rows) + 1),
        line(f"fresh PGD, 20 steps, under {MAX_PGD}", *of("pgd_20", ".3f")),
        line("CE recovered above 95 %, masked by importance", *recovered),
        line(f"mean L0 under a fifth of the sum of ranks ({most})", *of("l0", ".1f")),
        line("all three", *("yes" if is_reached(row) else "**no**" for row in rows)),
        line("*beside it:* L0 counting every g > 0", *of("l0_positive", ".1f")),
        line(
            "KL masked by importance, rounded, stochastic",
            *several(("kl_importance", "kl_rounded", "kl_stochastic"), ".3f"),
        ),
        line("KL of random masks, everything ablated", *several(("kl_random", "kl_off"), ".2f")),
        line("PGD of 40, 80, 160, 320 steps", *several(LADDER, ".2f")),
        *(line(f"PGD of 20 steps on {DRAWS} draws of {n} rows", *drawn(n)) for n in ROWS),
        line("CPU seconds of the training", *(f"{row['cpu_seconds']:.0f}" for row in rows)),
    ])  # fmt: skip


def read_rows(path: Path) -> list[Row]:
    """Return all rows that are recorded."""
    rows: list[Row] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
    return rows


def record(path: Path, row: Row) -> None:
    """Put a row in the place of its seed's."""
    rows = [other for other in read_rows(path) if other["seed"] != row["seed"]]
    ordered = sorted([*rows, row], key=lambda each: int(each["seed"]))
    text = ",\n".join(json.dumps(each) for each in ordered)
    path.write_text(f"[\n{text}\n]\n", encoding="utf-8")


def main() -> None:
    """Measure what is named, keep it, and show all seeds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", type=Path, nargs="*")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--docs", action="store_true", help="write the table in the documentation")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    for folder in options.folders:
        record(options.results, measure(folder))
    rows = read_rows(options.results)
    if options.docs:
        before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
        after = rest.split(END)[1]
        page = f"{before}{BEGIN}\n\n{table(rows)}\n\n{END}{after}"
        PAGE.write_text(page, encoding="utf-8")
    print(json.dumps(rows, indent=1) if options.json else table(rows))


if __name__ == "__main__":
    main()
