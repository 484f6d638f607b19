"""Precision, recall and F1, of each class and over all of them, with bootstrap intervals.

With TP, FP and FN the hits, false alarms and misses of a class, precision is TP / (TP + FP),
recall TP / (TP + FN) and F1 2 TP / (2 TP + FP + FN); a class that is never predicted has a
precision of 0. The macro figures are means over the classes that the truth has.

The intervals are 95 % percentile intervals over resampled cases (Efron & Tibshirani, 1993, An
Introduction to the Bootstrap). The figures depend on a sample only through its table of true by
predicted classes, and the table of a resample is a multinomial draw, so that no case is touched.

But: sentences of one document resemble each other, so the intervals are somewhat too narrow.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

N_RESAMPLES = 2000
SEED = 0

Counts = NDArray[np.int64]
Floats = NDArray[np.float64]
Interval = tuple[float, float]
"""The lower and the upper end, both in [0, 1]; in [-1, 1] for a difference."""


class Intervals(BaseModel):
    """How sure the figures are, at 95 %."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    precision: Interval
    recall: Interval
    f1: Interval


class Figures(BaseModel):
    """How well something was found; all in [0, 1]."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    precision: float
    recall: float
    f1: float
    n: int
    """How many cases there are: of a class, those that truly are of it."""

    intervals: Intervals


class Judgement(BaseModel):
    """The figures of each class, and their means."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    macro: Figures
    classes: dict[str, Figures]


class Gain(BaseModel):
    """How much larger one macro-F1 is than another on the same cases."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    f1: float
    interval: Interval


def judged(truth: Sequence[str], predicted: Sequence[str]) -> Judgement:
    """Compare what was predicted with what is true; there is at least one case."""
    names = sorted({*truth, *predicted})
    table = _table(names, truth, predicted)
    values, spread = _by_class(table), _by_class(_resampled(table))
    true = [row for row, name in enumerate(names) if name in set(truth)]
    return Judgement(
        macro=_figures(_mean(values[true]), _mean(spread[:, true]), len(truth)),
        classes={
            names[row]: _figures(values[row], spread[:, row], int(table[row].sum())) for row in true
        },
    )


def gain(truth: Sequence[str], ours: Sequence[str], theirs: Sequence[str]) -> Gain:
    """Compare the macro-F1 of two methods; the interval resamples the cases of both together."""
    names = sorted({*truth, *ours, *theirs})
    table = _table(names, truth, ours, theirs)
    true = [row for row, name in enumerate(names) if name in set(truth)]

    def difference(tables: Counts) -> Floats:
        mine, other = (_mean(_by_class(tables.sum(axis=away))[..., true, :]) for away in (-1, -2))
        return np.asarray(mine[..., 2] - other[..., 2])

    spread = difference(_resampled(table))
    return Gain(f1=round(float(difference(table)), 6), interval=_interval(spread))


def _table(names: Sequence[str], *labels: Sequence[str]) -> Counts:
    """Count how often labels occur together: one axis for each row of labels, in their order."""
    place = {name: index for index, name in enumerate(names)}
    table = np.zeros((len(names),) * len(labels), dtype=np.int64)
    for together in zip(*labels, strict=True):
        table[tuple(place[label] for label in together)] += 1
    return table


def _resampled(table: Counts) -> Counts:
    """Return the tables of resamples, stacked along a new first axis."""
    n = int(table.sum())
    draws = np.random.default_rng(SEED).multinomial(n, table.ravel() / n, N_RESAMPLES)
    return draws.reshape(N_RESAMPLES, *table.shape)


def _by_class(tables: Counts) -> Floats:
    """Return precision, recall and F1 of each class, along a last axis of three.

    Undefined figures of a class are NaN: all three where it neither is nor is predicted, and
    the recall of one that is only predicted.
    """
    hits = np.diagonal(tables, axis1=-2, axis2=-1).astype(float)
    true, claimed = tables.sum(axis=-1), tables.sum(axis=-2)
    precision = np.divide(hits, claimed, out=np.zeros_like(hits), where=claimed > 0)
    precision[true + claimed == 0] = np.nan
    recall = np.divide(hits, true, out=np.full_like(hits, np.nan), where=true > 0)
    either = true + claimed
    f1 = np.divide(2 * hits, either, out=np.full_like(hits, np.nan), where=either > 0)
    return np.stack([precision, recall, f1], axis=-1)


def _mean(figures: Floats) -> Floats:
    """Return the mean over classes; one whose figure a resample does not define is left out."""
    known = ~np.isnan(figures)
    return np.asarray(np.where(known, figures, 0).sum(axis=-2) / known.sum(axis=-2))


def _figures(values: Floats, spread: Floats, n: int) -> Figures:
    precision, recall, f1 = (round(float(value), 6) for value in values)
    intervals = [_interval(spread[:, column]) for column in range(3)]
    return Figures(
        precision=precision,
        recall=recall,
        f1=f1,
        n=n,
        intervals=Intervals(precision=intervals[0], recall=intervals[1], f1=intervals[2]),
    )


def _interval(values: Floats) -> Interval:
    low, high = np.nanquantile(values, [0.025, 0.975])
    return round(float(low), 6), round(float(high), 6)
