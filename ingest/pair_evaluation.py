"""How well statements that say the same are told from those that only sound the same.

The figures are those of `kg.labelled_pairs`: a hit is a pair that a careful reader and the rule
both take for the same. Beside the rule stand simple methods on the same pairs. A file whose pairs
are in families is judged by part, too; the baselines then take their thresholds for the held-out
part from the development part.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict

from ingest.scores import Figures, Intervals
from kg.labelled_pairs import (
    Baseline,
    LabelledPair,
    Mistake,
    PairRelation,
    PairReport,
    PairScore,
    pair_report,
)


class PairFigures(Figures):
    """How well the pairs that say the same were found."""

    n_same: int
    """How many pairs say the same."""


class BaselineFigures(PairFigures):
    """How well a simple method found them."""

    threshold: float | None
    """From which value on it takes a pair for the same; none if it has no such value."""


class PairPart(PairFigures):
    """The rule on some pairs, with the baselines on the same."""

    automatic: PairFigures
    """Of the pairs that are merged without asking; the others of the rule are offered."""

    baselines: dict[str, BaselineFigures]


class Confusion(BaseModel):
    """How often pairs of one relation were taken for another, or for the same one."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    relation: PairRelation
    """What the reader says."""

    found: str
    """What the rule says."""

    n: int


class WrongPair(BaseModel):
    """A pair that was merged and should not have been, or the other way round."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    pair: int
    """Which one, from 1."""

    a: str
    b: str
    relation: PairRelation
    found: str
    reasons: list[str]
    """What the rule gives for it."""


class PairEvaluation(PairPart):
    """The rule and the baselines, what was taken for what, and where it went wrong."""

    parts: dict[str, PairPart]
    """Development and held-out, of a file that has both."""

    confusions: list[Confusion]
    wrong: list[WrongPair]


def evaluate_pairs(pairs: Sequence[LabelledPair], cosines: Sequence[float]) -> PairEvaluation:
    """Judge the rule on labelled pairs; there is at least one.

    Args:
        pairs: What a reader says.
        cosines: Of each pair.
    """
    report = pair_report(pairs, cosines)
    return PairEvaluation(
        **dict(part_of(report)),
        parts={name: part_of(each) for name, each in reports_by_part(pairs, cosines).items()},
        confusions=[
            Confusion(relation=PairRelation(relation), found=found, n=n)
            for (relation, found), n in sorted(report.confusions.items())
        ],
        wrong=[_wrong(mistake) for mistake in report.mistakes],
    )


def reports_by_part(
    pairs: Sequence[LabelledPair], cosines: Sequence[float]
) -> dict[str, PairReport]:
    """Return a report for development and one for what is held out; none without both parts."""
    parts: dict[str, list[int]] = {"development": [], "held-out": []}
    for index, pair in enumerate(pairs):
        parts["development" if pair.is_development else "held-out"].append(index)
    if not all(parts.values()):
        return {}
    found: dict[str, PairReport] = {}
    thresholds: Mapping[str, float] = {}
    for name, indices in parts.items():
        found[name] = pair_report(
            [pairs[i] for i in indices], [cosines[i] for i in indices], thresholds=thresholds
        )
        thresholds = {
            baseline: each.threshold
            for baseline, each in found[name].baselines.items()
            if each.threshold is not None
        }
    return found


def part_of(report: PairReport) -> PairPart:
    """Return the figures of a report."""
    return PairPart(
        **_figures(report.rule),
        automatic=PairFigures(**_figures(report.automatic)),
        baselines={name: _baseline(each) for name, each in report.baselines.items()},
    )


def _baseline(baseline: Baseline) -> BaselineFigures:
    threshold = None if baseline.threshold is None else round(baseline.threshold, 6)
    return BaselineFigures(**_figures(baseline.score), threshold=threshold)


def _figures(score: PairScore) -> dict[str, Any]:
    spans = (score.precision_interval, score.recall_interval, score.f1_interval)
    precision, recall, f1 = ((round(low, 6), round(high, 6)) for low, high in spans)
    return {
        "precision": round(score.precision, 6),
        "recall": round(score.recall, 6),
        "f1": round(score.f1, 6),
        "n": score.n,
        "n_same": score.n_same,
        "intervals": Intervals(precision=precision, recall=recall, f1=f1),
    }


def _wrong(mistake: Mistake) -> WrongPair:
    return WrongPair(
        pair=mistake.number,
        a=mistake.pair.a,
        b=mistake.pair.b,
        relation=mistake.pair.relation,
        found=mistake.found,
        reasons=list(mistake.reasons),
    )
