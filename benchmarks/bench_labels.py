"""How well the grounding check tells labels that hold from labels that do not.

A case is one line of JSON: `members` (texts), `glossary_sentences` (what else their sources say;
abbreviations are read from it as ingestion reads them), `label`, and `grounded`, whether a careful
reader would say that the label says nothing else. Printed are accuracy, false accepts, false
rejects and n, beside a check that accepts everything, and the cases that went wrong.

    python -m benchmarks.bench_labels [PATH]
"""

import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

from ingest.abbreviations import abbreviations
from kg.grounding import problems_of

CASES = Path(__file__).parent.parent / "tests" / "data" / "labels.jsonl"


class Case(BaseModel):
    """A label and what it must be grounded in."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    members: list[str]
    glossary_sentences: list[str]
    label: str
    grounded: bool


class Outcome(NamedTuple):
    """How a check did on a set of cases."""

    n: int
    false_accepts: int
    false_rejects: int

    @property
    def accuracy(self) -> float:
        """Share of cases that it got right."""
        return 1 - (self.false_accepts + self.false_rejects) / self.n


def read_cases(path: Path) -> list[Case]:
    """Return the cases of a file, in its order."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [Case.model_validate(json.loads(line)) for line in lines if line.strip()]


def problems(case: Case) -> list[str]:
    """Return what the check says against a label."""
    glossary: dict[str, set[str]] = {}
    for sentence in case.glossary_sentences:
        for found in abbreviations(sentence):
            glossary.setdefault(found.short, set()).add(found.long)
    return problems_of(case.label, case.members, glossary)


def outcome(cases: Iterable[Case], accepts: Callable[[Case], bool]) -> Outcome:
    """Compare what a check accepts with what is grounded."""
    verdicts = [(accepts(case), case.grounded) for case in cases]
    return Outcome(
        n=len(verdicts),
        false_accepts=sum(accepted and not grounded for accepted, grounded in verdicts),
        false_rejects=sum(grounded and not accepted for accepted, grounded in verdicts),
    )


def main() -> None:
    """Print the figures."""
    cases = read_cases(Path(sys.argv[1]) if len(sys.argv) > 1 else CASES)
    if not cases:
        sys.exit("there are no cases in this file")
    checks: dict[str, Callable[[Case], bool]] = {
        "grounding check": lambda case: not problems(case),
        "accept everything": lambda _case: True,
    }
    print(f"{'':<20}{'accuracy':>10}{'false accepts':>16}{'false rejects':>16}{'n':>6}")
    for name, accepts in checks.items():
        got = outcome(cases, accepts)
        print(
            f"{name:<20}{got.accuracy:>10.3f}{got.false_accepts:>16}{got.false_rejects:>16}"
            f"{got.n:>6}"
        )
    for case in cases:
        found = problems(case)
        if bool(found) == case.grounded:
            print(f"wrong: {case.label!r} is {'' if case.grounded else 'not '}grounded; {found}")


if __name__ == "__main__":
    main()
