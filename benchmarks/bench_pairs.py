"""How well statements that say the same are told from those that only sound the same.

A pair is one line of JSON: `a`, `b`, `relation` (see `kg/labelled_pairs.py`). Printed are pair
precision, recall and F1 for "same" with 95 % intervals, beside plain cosine at its best threshold
and the rule cosine ≥ 0.70 and token-set ratio ≥ 80, then what was taken for what, and the pairs
that went wrong. A file with families is scored by half; cosine then takes its threshold from
the development half.

    python -m benchmarks.bench_pairs [PAIRS.jsonl] [--json] [--fit]

`--fit` fits the logistic model on the development half and prints its weights, and the lowest
score from which on the precision there is at least 0.99.
"""

import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kg.agreement import disagreements
from kg.duplicates import Weights, overlap
from kg.embedders import open_embedder
from kg.labelled_pairs import (
    LabelledPair,
    PairRelation,
    PairReport,
    PairScore,
    pair_cosines,
    pair_report,
    read_pairs,
)
from kg.wordings import readings

PAIRS = Path(__file__).parent.parent / "tests" / "data" / "pairs.jsonl"
_RIDGE = 0.1
_PRECISION = 0.99


def halves(pairs: list[LabelledPair]) -> dict[str, list[int]]:
    """Return which pairs are in which half; all of them in one part if there are no families."""
    if not all(pair.family for pair in pairs):
        return {"all": list(range(len(pairs)))}
    parts: dict[str, list[int]] = {"development": [], "held-out": []}
    for index, pair in enumerate(pairs):
        parts["development" if pair.is_development else "held-out"].append(index)
    return parts


def reports(pairs: list[LabelledPair], cosines: list[float]) -> dict[str, PairReport]:
    """Return a report for each half."""
    found: dict[str, PairReport] = {}
    threshold: float | None = None
    for name, part in halves(pairs).items():
        found[name] = pair_report(
            [pairs[i] for i in part], [cosines[i] for i in part], cosine_threshold=threshold
        )
        threshold = found[name].cosine_threshold
    return found


def fitted(pairs: Sequence[LabelledPair], cosines: Sequence[float]) -> tuple[Weights, float]:
    """Return the weights of the model, by Newton's method with a ridge, and the least score."""
    rows: list[list[float]] = []
    same: list[bool] = []
    for pair, cosine in zip(pairs, cosines, strict=True):
        glossary = {short: set(longs) for short, longs in pair.glossary.items()}
        words = overlap(*readings(pair.a, pair.b, glossary))
        if not words.is_more and not disagreements(pair.a, pair.b, glossary):
            rows.append([1, cosine, words.dice, words.replaced])
            same.append(pair.relation is PairRelation.SAME)
    features, labels = np.array(rows), np.array(same, dtype=float)
    ridge = np.array([0.001, *[_RIDGE] * 3])
    weights = np.zeros(4)
    for _ in range(100):
        p = 1 / (1 + np.exp(-features @ weights))
        slope = features.T @ (p - labels) + ridge * weights
        bend = features.T @ (features * (p * (1 - p))[:, None]) + np.diag(ridge)
        weights -= np.linalg.solve(bend, slope)
    scores = 1 / (1 + np.exp(-features @ weights))
    order = np.argsort(-scores, kind="stable")
    precision = np.cumsum(labels[order]) / np.arange(1, len(order) + 1)
    enough = np.flatnonzero(precision >= _PRECISION)
    least = float(scores[order[enough[-1]]]) if len(enough) else 1.0
    return Weights(*(round(float(weight), 2) for weight in weights)), math.floor(least * 100) / 100


def as_json(report: PairReport) -> dict[str, Any]:
    """Return a report as `--json` prints it."""
    return {
        **_figures(report.rule),
        "baselines": {
            "cosine": {**_figures(report.cosine), "threshold": round(report.cosine_threshold, 4)},
            "cosine_and_words": _figures(report.cosine_and_words),
        },
        "confusions": [
            {"relation": relation, "found": found, "n": n}
            for (relation, found), n in sorted(report.confusions.items())
        ],
        "mistakes": [
            {
                "a": mistake.pair.a,
                "b": mistake.pair.b,
                "relation": mistake.pair.relation,
                "found": mistake.found,
                "reasons": mistake.reasons,
            }
            for mistake in report.mistakes
        ],
    }


def main(arguments: list[str]) -> None:
    """Print the figures of a file of pairs."""
    paths = [Path(argument) for argument in arguments if not argument.startswith("--")]
    pairs = read_pairs(paths[0] if paths else PAIRS)
    cosines = pair_cosines(pairs, open_embedder())
    if "--fit" in arguments:
        part = halves(pairs).get("development", list(range(len(pairs))))
        weights, least = fitted([pairs[i] for i in part], [cosines[i] for i in part])
        print(f"{weights}\nmin_score={least}")
        return
    found = reports(pairs, cosines)
    if "--json" in arguments:
        print(json.dumps({name: as_json(each) for name, each in found.items()}, indent=1))
        return
    for name, report in found.items():
        print("\n".join(_lines(name, report)))


def _figures(score: PairScore) -> dict[str, Any]:
    return {
        "precision": round(score.precision, 4),
        "recall": round(score.recall, 4),
        "f1": round(score.f1, 4),
        "n": score.n,
        "n_same": score.n_same,
        "precision_interval": [round(end, 4) for end in score.precision_interval],
        "recall_interval": [round(end, 4) for end in score.recall_interval],
        "f1_interval": [round(end, 4) for end in score.f1_interval],
    }


def _lines(name: str, report: PairReport) -> list[str]:
    rows = {
        "rule": report.rule,
        f"cosine ≥ {report.cosine_threshold:.2f}": report.cosine,
        "cosine ≥ 0.70, words ≥ 80": report.cosine_and_words,
    }
    lines = [f"{name}: {report.rule.n} pairs, {report.rule.n_same} of them the same"]
    for label, score in rows.items():
        figures = (
            (score.precision, score.precision_interval),
            (score.recall, score.recall_interval),
            (score.f1, score.f1_interval),
        )
        shown = "  ".join(f"{x:.3f} [{low:.3f}, {high:.3f}]" for x, (low, high) in figures)
        lines.append(f"  {label:<28}{shown}")
    lines.append("  a reader says / found:")
    lines += [f"    {said} / {got}: {n}" for (said, got), n in sorted(report.confusions.items())]
    for mistake in report.mistakes:
        lines.append(
            f"  {mistake.pair.relation} taken for {mistake.found}: {'; '.join(mistake.reasons)}"
        )
        lines += [f"    {mistake.pair.a}", f"    {mistake.pair.b}"]
    return lines


if __name__ == "__main__":
    main(sys.argv[1:])
