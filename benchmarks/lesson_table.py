r"""What decompositions of the lessons reach: `induction`, `convolution` and `mixer`.

    PYTHONPATH=. python benchmarks/lesson_table.py --docs
    PYTHONPATH=. python benchmarks/lesson_table.py induction --seeds 2 --set '{"steps": 500}' \
        --results other.json

Trains each target at seed 0 and decomposes it with its own configuration, or with changes of it.
No mechanism is known beforehand, so how faithful a decomposition is, and how sparse, stand beside
what ablating everything does. Every row is written to benchmarks/lessons.json as soon as it is
finished, and one that is there already, with the same configuration, is not made again (--again
makes it). --docs writes the table in docs/language-models.md anew.
"""

import argparse
import json
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from benchmarks.recovery_table import (
    Row,
    configs,
    measure,
    put_into_page,
    read_rows,
    recorded,
    rounded,
)
from decomposition.config import config_of
from decomposition.metrics import MetricsConfig, evaluate
from decomposition.presets import changed
from decomposition.targets import TARGETS, SkilledTarget
from decomposition.targets.lessons import LessonRecipe
from decomposition.training import Decomposition

HERE = Path(__file__).parent
RESULTS = HERE / "lessons.json"
PAGE = HERE.parent / "docs" / "language-models.md"
MARK = "lesson table"

LESSONS = tuple(name for name, recipe in TARGETS.items() if isinstance(recipe, LessonRecipe))
KINDS = ("unmasked", "stochastic", "importance", "rounded", "random", "off")


def row_of(
    decomposition: Decomposition, target_cpu_seconds: float, asked: MetricsConfig | None = None
) -> Row:
    """Measure a decomposition of a target that took this long to train."""
    target, config, model = decomposition.target, decomposition.config, decomposition.model
    assert isinstance(target, SkilledTarget), "a lesson has been learned"
    found = evaluate(decomposition, asked or MetricsConfig(seed=config.seed))
    return {
        "target": target.name,
        "seed": config.seed,
        "C": config.n_subcomponents,
        "accuracy": rounded(target.skills["accuracy"]),
        "rank_sum": sum(min(weight.shape) for weight in model.weights.values()),
        "metrics": {name: rounded(value) for name, value in found.items()},
        "target_cpu_seconds": target_cpu_seconds,
        "cpu_seconds": round(decomposition.cpu_seconds, 1),
        "config": config.model_dump(mode="json", exclude_defaults=True),
    }


def table(rows: Iterable[Row]) -> str:
    """Return the table of the documentation, a column for each row."""
    rows = list(rows)

    def line(title: str, *cells: str) -> str:
        return f"| {' | '.join([title, *cells])} |"

    def several(name: str, kinds: Iterable[str], form: str) -> list[str]:
        of = [[row["metrics"][f"{name}_{kind}"] for kind in kinds] for row in rows]
        return [", ".join(format(value, form).replace("%", " %") for value in each) for each in of]

    masked, rest = KINDS[:4], KINDS[4:]
    return "\n".join([
        line("", *(f"`{row['target']}`, seed {row['seed']}" for row in rows)),
        "|" + "---|" * (len(rows) + 1),
        line("right answers of the target", *(f"{row['accuracy']:.1%}" for row in rows)),
        line("KL under a fresh adversary of 20 steps", *several("pgd", ["reconstruction"], ".3g")),
        line(f"KL {', '.join(masked)}", *several("reconstruction", masked, ".2g")),
        line("KL of random masks, everything ablated", *several("reconstruction", rest, ".2g")),
        line("CE of the target, everything ablated", *several("ce", ["target", "off"], ".3g")),
        line(f"CE recovered {', '.join(masked)}", *several("ce_recovered", masked, ".1%")),
        line(
            "mean L0 of the sum of ranks",
            *(f"{row['metrics']['l0']:.1f} of {row['rank_sum']}" for row in rows),
        ),
        line("alive", *(f"{row['metrics']['alive']:.0f}" for row in rows)),
        line(
            "CPU seconds of target and training",
            *(f"{row['target_cpu_seconds'] + row['cpu_seconds']:.0f}" for row in rows),
        ),
    ])  # fmt: skip


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("targets", nargs="*", default=LESSONS)
    parser.add_argument("--seeds", type=int, default=1, help="how many, from 0")
    parser.add_argument("--set", type=json.loads, default={}, help="changes, as JSON")
    parser.add_argument("--again", action="store_true", help="make rows that are there already")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--docs", action="store_true", help="write the table in the documentation")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    made, seeds = partial(measure, described=row_of), range(options.seeds)
    rows = [
        recorded(target, config, options.results, options.again, made)
        for target in options.targets
        for config in configs(changed(config_of(target), options.set), seeds, is_double=False)
    ]
    if options.docs:
        put_into_page(PAGE, MARK, table(read_rows(options.results)))
    print(json.dumps(rows, indent=1) if options.json else table(rows))


if __name__ == "__main__":
    main()
