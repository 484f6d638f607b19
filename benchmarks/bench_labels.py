"""The labelled cases of the project, judged: the same as `claimgraph evaluate labels`.

python -m benchmarks.bench_labels [PATH]
"""

import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from api.evaluation_cli import label_lines
from ingest.label_evaluation import LabelCase, LabelFigures, evaluate_labels, figures_of, problems
from ingest.labelled import read_lines

CASES = Path(__file__).parent.parent / "tests" / "data" / "labels.jsonl"

__all__ = ["CASES", "outcome", "problems", "read_cases"]


def read_cases(path: Path) -> list[LabelCase]:
    """Return the cases of a file, in its order."""
    return read_lines(path, LabelCase)


def outcome(cases: Iterable[LabelCase], accepts: Callable[[LabelCase], bool]) -> LabelFigures:
    """Compare what a check accepts with what is grounded."""
    taken = list(cases)
    return figures_of(taken, [accepts(case) for case in taken])


def main() -> None:
    """Print the figures."""
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else CASES
    for line in label_lines(evaluate_labels(read_cases(path))):
        print(line)


if __name__ == "__main__":
    main()
