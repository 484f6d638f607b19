"""How well statements that say the same are told from those that only sound the same.

A pair is one line of JSON: `a`, `b`, `relation` (see `kg/labelled_pairs.py`). Printed is what
`claimgraph evaluate pairs` prints: precision, recall and F1 of merging with 95 % intervals, beside
plain cosine and other baselines, what was taken for what, and the pairs that went wrong.

    python -m benchmarks.bench_pairs [PAIRS.jsonl ...] [--json] [--fit]

`--fit` fits the two logistic models on the development pairs of the files and prints their weights.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from api.evaluation_cli import pair_lines
from ingest.labelled import read_lines
from ingest.pair_evaluation import evaluate_pairs
from kg.agreement import disagreements, replaced_words
from kg.duplicates import RewordedWeights, Weights, overlap
from kg.embedders import open_embedder
from kg.labelled_pairs import LabelledPair, PairRelation, pair_cosines
from kg.skeletons import order_shared
from kg.wordings import readings

PAIRS = Path(__file__).parent.parent / "tests" / "data" / "pairs.jsonl"
_RIDGE = 0.1


def fitted(
    pairs: Sequence[LabelledPair], cosines: Sequence[float]
) -> tuple[Weights, RewordedWeights]:
    """Return the weights of both models: of pairs with known words, and of those without.

    Those of the second are fitted on both, and chosen for what the second is asked about.
    """
    known: list[tuple[float, ...]] = []
    reworded: list[tuple[float, ...]] = []
    for pair, cosine in zip(pairs, cosines, strict=True):
        glossary = {short: set(longs) for short, longs in pair.glossary.items()}
        both = readings(pair.a, pair.b, glossary)
        words = overlap(*both)
        if words.is_more or disagreements(pair.a, pair.b, glossary):
            continue
        is_same = pair.relation is PairRelation.SAME
        reworded.append((cosine, words.dice, order_shared(*both), is_same))
        if not replaced_words(*both):
            known.append((cosine, words.dice, words.replaced, is_same))
    return Weights(*_logistic(known)), RewordedWeights(*_logistic(reworded))


def _logistic(rows: Sequence[tuple[float, ...]]) -> list[float]:
    """Return the bias and the weights, by Newton's method with a ridge; labels stand last."""
    table = np.array(rows, dtype=float)
    features, labels = np.insert(table[:, :-1], 0, 1.0, axis=1), table[:, -1]
    ridge = np.array([0.001, *[_RIDGE] * (features.shape[1] - 1)])
    weights = np.zeros(features.shape[1])
    for _ in range(100):
        p = 1 / (1 + np.exp(-features @ weights))
        slope = features.T @ (p - labels) + ridge * weights
        bend = features.T @ (features * (p * (1 - p))[:, None]) + np.diag(ridge)
        weights -= np.linalg.solve(bend, slope)
    return [round(float(weight), 2) for weight in weights]


def main(arguments: list[str]) -> None:
    """Print the figures of a file of pairs."""
    paths = [Path(argument) for argument in arguments if not argument.startswith("--")]
    pairs = [pair for path in paths or [PAIRS] for pair in read_lines(path, LabelledPair)]
    cosines = pair_cosines(pairs, open_embedder())
    if "--fit" in arguments:
        part = [i for i, pair in enumerate(pairs) if pair.is_development]
        weights = fitted([pairs[i] for i in part], [cosines[i] for i in part])
        print(*weights, sep="\n")
        return
    view = evaluate_pairs(pairs, cosines)
    if "--json" in arguments:
        print(view.model_dump_json(indent=1))
        return
    print("\n".join(pair_lines(view)))


if __name__ == "__main__":
    main(sys.argv[1:])
