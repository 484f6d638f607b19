"""A multinomial logistic regression that needs nothing but numpy to run.

The weights are trained by `benchmarks/train_extractor.py` and shipped as text, so that they can
be read and compared. With x the binary features of a sentence, a label's probability is

    softmax((W x + b) / T + a),

where T and a (a temperature and one offset per label) are fitted on held-out documents: the
weights are trained with the labels in balance, which is what macro-F1 wants, and T and a turn
them into frequencies. Guo et al. (2017), On Calibration of Modern Neural Networks,
arXiv:1706.04599.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from itertools import chain, repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

LABELS = ("cited", "claim", "finding", "other")
"""What a sentence can be; the model's columns, in this order."""


@dataclass(frozen=True, eq=False)
class LinearModel:
    """Weights, and how to turn a sum of them into a probability."""

    vocabulary: dict[str, int]
    """Feature name to row of the weights."""

    weights: NDArray[np.float64]
    """One row per feature, one column per label."""

    bias: NDArray[np.float64]
    temperature: float = 1.0
    offsets: NDArray[np.float64] | None = None
    """Added after the temperature; none before calibration."""

    def scores(self, rows: Iterable[Sequence[str]]) -> NDArray[np.float64]:
        """Return W x + b for each row of feature names; unknown names count for nothing."""
        if not (found := list(rows)):
            return np.empty((0, len(LABELS)))
        unknown, first = len(self.weights), len(self.weights) + 1
        known = [[first, *map(self.vocabulary.get, names, repeat(unknown))] for names in found]
        lengths = np.fromiter(map(len, known), np.intp, len(known))
        flat = np.fromiter(chain.from_iterable(known), np.intp, lengths.sum())
        table = np.vstack([self.weights, np.zeros(len(LABELS)), self.bias])
        return np.add.reduceat(table.take(flat, axis=0), np.cumsum(lengths) - lengths)

    def probabilities(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return calibrated probabilities of the labels; each row sums to 1."""
        logits = scores / self.temperature
        if self.offsets is not None:
            logits = logits + self.offsets
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))


@lru_cache(maxsize=1)
def shipped_model() -> LinearModel:
    """Return the model that the package carries, read on the first call."""
    text = files("ingest.extractors").joinpath("coefficients.json").read_text(encoding="utf-8")
    return from_json(json.loads(text))


def from_json(content: dict[str, Any]) -> LinearModel:  # JSON is untyped until it is read
    """Return the model that `to_json` wrote."""
    assert tuple(content["labels"]) == LABELS
    weights: dict[str, list[float]] = content["weights"]
    return LinearModel(
        vocabulary={name: row for row, name in enumerate(weights)},
        weights=np.array(list(weights.values())).reshape(-1, len(LABELS)),
        bias=np.array(content["bias"]),
        temperature=content["temperature"],
        offsets=np.array(content["offsets"]),
    )


def to_json(model: LinearModel, report: dict[str, Any]) -> dict[str, Any]:
    """Return the model as plain values: rounded to three decimals, features by name."""
    offsets = np.zeros(len(LABELS)) if model.offsets is None else model.offsets
    return {
        "labels": list(LABELS),
        "report": report,
        "temperature": round(model.temperature, 4),
        "offsets": [round(float(offset), 4) for offset in offsets],
        "bias": [round(float(bias), 4) for bias in model.bias],
        "weights": {
            name: [round(float(weight), 3) for weight in model.weights[row]]
            for name, row in sorted(model.vocabulary.items())
        },
    }
