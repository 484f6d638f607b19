"""How well statements that say the same are told from those that only sound the same.

A pair is one line of JSON: `a`, `b`, `relation` (see `kg/labelled_pairs.py`). Printed is what
`claimgraph evaluate pairs` prints: precision, recall and F1 of merging with 95 % intervals, beside
plain cosine and other baselines, what was taken for what, and the pairs that went wrong.

    python -m benchmarks.bench_pairs [PAIRS.jsonl] [--json] [--fit]

`--fit` fits the logistic model on the development half and prints its weights, and the lowest
score from which on the precision there is at least 0.99.
"""

import math
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from api.evaluation_cli import pair_lines
from ingest.labelled import read_lines
from ingest.pair_evaluation import evaluate_pairs
from kg.agreement import disagreements, replaced_words
from kg.duplicates import Weights, overlap
from kg.embedders import open_embedder
from kg.labelled_pairs import LabelledPair, PairRelation, pair_cosines
from kg.wordings import readings

PAIRS = Path(__file__).parent.parent / "tests" / "data" / "pairs.jsonl"
_RIDGE = 0.1
_PRECISION = 0.99


def fitted(pairs: Sequence[LabelledPair], cosines: Sequence[float]) -> tuple[Weights, float]:
    """Return the weights of the model, by Newton's method with a ridge, and the least score."""
    rows: list[list[float]] = []
    same: list[bool] = []
    for pair, cosine in zip(pairs, cosines, strict=True):
        glossary = {short: set(longs) for short, longs in pair.glossary.items()}
        both = readings(pair.a, pair.b, glossary)
        words = overlap(*both)
        is_out = words.is_more or disagreements(pair.a, pair.b, glossary) or replaced_words(*both)
        if not is_out:
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


def main(arguments: list[str]) -> None:
    """Print the figures of a file of pairs."""
    paths = [Path(argument) for argument in arguments if not argument.startswith("--")]
    pairs = read_lines(paths[0] if paths else PAIRS, LabelledPair)
    cosines = pair_cosines(pairs, open_embedder())
    if "--fit" in arguments:
        part = [i for i, pair in enumerate(pairs) if pair.is_development]
        weights, least = fitted([pairs[i] for i in part], [cosines[i] for i in part])
        print(f"{weights}\nmin_score={least}")
        return
    view = evaluate_pairs(pairs, cosines)
    if "--json" in arguments:
        print(view.model_dump_json(indent=1))
        return
    print("\n".join(pair_lines(view)))


if __name__ == "__main__":
    main(sys.argv[1:])
