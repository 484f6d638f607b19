r"""How alike two partitions of the same statements are.

The mutual information of two partitions is high by chance alone where there are many small parts.
The adjusted one takes off what chance gives (Vinh, Epps & Bailey, 2010, Information theoretic
measures for clusterings comparison, JMLR 11:2837-2854),

.. math:: AMI = \frac{I - E[I]}{(H_1 + H_2) / 2 - E[I]},

with E over all partitions with parts of these sizes: 1 for the same partition, 0 in the mean for
unrelated ones. The expectation depends on sizes only, so it is summed once for each pair of sizes
that occurs, and only over overlaps that are not absurd; that keeps it to a second for thousands of
parts.

The variation of information (Meilă, 2007, Comparing clusterings, doi:10.1016/j.jmva.2006.11.013),

.. math:: VI = H_1 + H_2 - 2 I,

is a distance, in bits here: what one partition leaves open once the other is known, added up for
both. It is 0 for the same partition and at most log2 of the number of statements.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Similarity(NamedTuple):
    """What two partitions have in common."""

    adjusted_mutual_information: float
    """At most 1; 0 is chance."""

    variation_of_information: float
    """In bits, 0 or more."""


def similarity(first: NDArray[np.int64], second: NDArray[np.int64]) -> Similarity:
    """Compare two partitions, each given as the part of each statement."""
    n = len(first)
    if not n:
        return Similarity(1.0, 0.0)
    _, first = np.unique(first, return_inverse=True)
    _, second = np.unique(second, return_inverse=True)
    sizes, others = np.bincount(first), np.bincount(second)
    pairs, shared = np.unique(first * len(others) + second, return_counts=True)
    expected_shared = sizes[pairs // len(others)] * others[pairs % len(others)] / n
    mutual = float((shared * np.log(shared / expected_shared)).sum()) / n
    entropies = _entropy(sizes), _entropy(others)
    by_chance = _expected(sizes, others)
    scale = sum(entropies) / 2 - by_chance
    same = len(sizes) == len(others) == len(pairs)
    adjusted = 1.0 if same else (mutual - by_chance) / scale if abs(scale) > 1e-12 else 0.0
    variation = 0.0 if same else max(sum(entropies) - 2 * mutual, 0.0) / np.log(2)
    return Similarity(float(adjusted), float(variation))


def _entropy(sizes: NDArray[Any]) -> float:
    share = sizes / sizes.sum()
    return float(-(share * np.log(share)).sum())


def _expected(sizes: NDArray[Any], others: NDArray[Any]) -> float:
    """Return the mutual information to expect of random partitions with parts of these sizes."""
    n = int(sizes.sum())
    log_factorial = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, n + 1)))])
    kinds, times = np.unique(sizes, return_counts=True)
    b, b_times = np.unique(others, return_counts=True)
    return float(
        sum(
            t * (b_times * _term(int(a), b, n, log_factorial)).sum()
            for a, t in zip(kinds, times, strict=True)
        )
    )


def _term(a: int, b: NDArray[Any], n: int, log_factorial: NDArray[Any]) -> NDArray[Any]:
    """Return the expectation for a part of a statements and one of b, of each b.

    Overlaps follow the hypergeometric law. Those further from the mean than ten standard deviations
    and forty have a probability under e^-50, and are left out.
    """
    mean = a * b / n
    reach = 10 * np.sqrt(mean) + 40
    low = np.maximum(np.maximum(1, a + b - n), np.floor(mean - reach)).astype(int)
    high = np.minimum(np.minimum(a, b), np.ceil(mean + reach)).astype(int)
    steps = np.arange(int((high - low).max(initial=-1)) + 1)
    k = np.minimum(low[:, None] + steps, high[:, None])
    valid = low[:, None] + steps <= high[:, None]
    f, column = log_factorial, b[:, None]
    chance = f[a] + f[column] + f[n - a] + f[n - column] - f[n]
    chance = chance - f[k] - f[a - k] - f[column - k] - f[n - a - column + k]
    information = k / n * np.log(n * k / (a * column))
    total: NDArray[Any] = np.where(valid, information * np.exp(chance), 0.0).sum(axis=1)
    return total
