"""How well the grounding check tells labels that hold from labels that do not.

A case is a label, the texts it must be grounded in, and whether a careful reader would say that
it says nothing else. Abbreviations are read from the sentences of the members' sources as
ingestion reads them. Beside the check stands one that accepts everything.
"""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, StrictBool

from ingest.abbreviations import abbreviations
from kg.grounding import problems_of


class LabelCase(BaseModel):
    """A label and what it must be grounded in."""

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)

    members: list[str]
    """The texts of the community's members."""

    glossary_sentences: list[str] = []
    """What else the members' sources say."""

    label: str
    grounded: StrictBool


class WrongCase(BaseModel):
    """A case in which the check and the careful reader differ."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    case: int
    """Which one, from 1."""

    label: str
    grounded: bool
    """What the reader says."""

    problems: list[str]
    """What the check says against it."""


class LabelFigures(BaseModel):
    """How a check did; `false_accepts` are labels taken that do not hold."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    accuracy: float
    n: int
    false_accepts: int
    false_rejects: int


class LabelEvaluation(LabelFigures):
    """How the grounding check did, and where it went wrong."""

    baselines: dict[str, LabelFigures]
    wrong: list[WrongCase]


def evaluate_labels(cases: Sequence[LabelCase]) -> LabelEvaluation:
    """Judge the grounding check on labelled cases; there is at least one."""
    found = [problems(case) for case in cases]
    return LabelEvaluation(
        **dict(figures_of(cases, [not said for said in found])),
        baselines={"accept_everything": figures_of(cases, [True] * len(cases))},
        wrong=[
            WrongCase(case=n, label=case.label, grounded=case.grounded, problems=said)
            for n, (case, said) in enumerate(zip(cases, found, strict=True), start=1)
            if bool(said) == case.grounded
        ],
    )


def problems(case: LabelCase) -> list[str]:
    """Return what the check says against a label."""
    glossary: dict[str, set[str]] = {}
    for sentence in case.glossary_sentences:
        for found in abbreviations(sentence):
            glossary.setdefault(found.short, set()).add(found.long)
    return problems_of(case.label, case.members, glossary)


def figures_of(cases: Sequence[LabelCase], accepted: Sequence[bool]) -> LabelFigures:
    """Compare what a check accepted with what is grounded."""
    verdicts = list(zip(accepted, [case.grounded for case in cases], strict=True))
    n_wrong = sum(taken != grounded for taken, grounded in verdicts)
    return LabelFigures(
        accuracy=round(1 - n_wrong / len(verdicts), 6),
        n=len(verdicts),
        false_accepts=sum(taken and not grounded for taken, grounded in verdicts),
        false_rejects=sum(grounded and not taken for taken, grounded in verdicts),
    )
