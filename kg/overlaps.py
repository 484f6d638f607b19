"""What chance alone would make two sets of statements share, and which overlaps are more.

That two communities share members says little by itself: large ones always do. If the second had
drawn its b members blindly from the N statements that both runs cluster, the number that it
shares with the a members of the first would follow the hypergeometric law (Fisher, 1935, The
Logic of Inductive Inference, doi:10.2307/2342435): a b / N in the mean, and at least k with
probability

    p = P(X >= k) = sum_{i >= k} C(a, i) C(N - a, b - i) / C(N, b).

Among many pairs some have a small p by chance. The q-value of the k-th smallest of the p-values
that are shown, out of m pairs that were tested, is

    q_(k) = min_{j >= k} m p_(j) / j

(Benjamini & Hochberg, 1995, Controlling the False Discovery Rate,
doi:10.1111/j.2517-6161.1995.tb02031.x): if everything up to a q of .05 is believed, at most a
twentieth of it is wrong in the mean.

A community and those that contain it are tested too, and of each branch only one is shown. The
rank j counts the overlaps that are shown, while m counts all that were tested. This is the
procedure of Katsevich, Sabatti & Bogomolov (2021, Filtering the Rejection Set While Preserving
False Discovery Rate Control, doi:10.1080/01621459.2021.1920958): were j to count overlaps that
are not shown, one strong overlap on five levels would let four weak ones in.

But: two methods that read the same texts are not independent, so a small q says that the overlap
does not come from the sizes, not that it is a discovery about the world.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaln

SIGNIFICANT = 0.05
"""An overlap whose q-value is no greater is more than chance would make."""

_NEGLIGIBLE = 1e-17
"""A term of a sum that is this small beside the sum is the last."""

Counts = NDArray[np.int64]
Numbers = NDArray[np.float64]


class Sizes(NamedTuple):
    """Pairs of sets as columns; each row is a pair."""

    shared: Counts
    here: Counts
    there: Counts
    everyone: Counts
    """How many there are to draw from."""


def sizes(shared: ArrayLike, here: ArrayLike, there: ArrayLike, everyone: ArrayLike) -> Sizes:
    """Return columns of one length from numbers and columns."""
    columns = [np.asarray(column, dtype=np.int64) for column in (shared, here, there, everyone)]
    return Sizes(*np.broadcast_arrays(*np.atleast_1d(*columns)))


def expected_overlap(pairs: Sizes) -> Numbers:
    """Return how many members sets of these sizes share by chance, in the mean: a b / N."""
    return pairs.here * pairs.there / pairs.everyone


def log_p_values(pairs: Sizes) -> Numbers:
    """Return the natural logarithm of the probability that chance makes as much or more shared.

    The law's ratio of successive probabilities is simple, so only the first is computed from
    factorials, and the sum stops where terms become negligible: above the mean it runs upwards
    from k, and below it is what the downward sum from k - 1 leaves.

    Returns:
        At most 0; finite wherever the overlap is possible. Relative error of p: about 1e-8.
    """
    k, a, b, n = pairs
    above = k * n > a * b
    log_p = np.zeros(len(k))
    if above.any():
        up = Sizes(k[above], a[above], b[above], n[above])
        log_p[above] = _log_probability(up) + np.log(_sum_of_ratios(up, upwards=True))
    below = ~above & (k > np.maximum(0, a + b - n))
    if below.any():
        down = Sizes(k[below] - 1, a[below], b[below], n[below])
        less = np.exp(_log_probability(down)) * _sum_of_ratios(down, upwards=False)
        log_p[below] = np.log1p(-np.minimum(less, 1 - 1e-16))
    return np.minimum(log_p, 0.0)


def q_values(log_p: Numbers, n_tests: int) -> Numbers:
    """Return the q-value of each overlap that is shown.

    Args:
        log_p: Natural logarithms of the p-values of those that are shown, in any order.
        n_tests: How many pairs were tested, those that are not shown included.

    Returns:
        In [0, 1], in the order of log_p; never falling as p rises.
    """
    assert n_tests >= len(log_p)
    order = np.argsort(log_p, kind="stable")
    ranks = np.arange(1, len(log_p) + 1)
    log_q = log_p[order] + np.log(n_tests) - np.log(ranks) if len(log_p) else log_p
    falling = np.minimum.accumulate(log_q[::-1])[::-1]
    q = np.empty(len(log_p))
    q[order] = np.exp(np.minimum(falling, 0.0))
    return q


def _log_probability(pairs: Sizes) -> Numbers:
    """Return the logarithm of the probability that exactly this many are shared."""
    k, a, b, n = pairs
    return _log_choose(a, k) + _log_choose(n - a, b - k) - _log_choose(n, b)


def _log_choose(n: Counts, k: Counts) -> Numbers:
    chosen: Numbers = gammaln(n + 1.0) - gammaln(k + 1.0) - gammaln(n - k + 1.0)
    return chosen


def _sum_of_ratios(pairs: Sizes, *, upwards: bool) -> Numbers:
    """Return 1 + r_1 + r_1 r_2 + ..., the tail over its first term."""
    total, term = np.ones(len(pairs.shared)), np.ones(len(pairs.shared))
    k, a, b, n = (column.astype(np.float64) for column in pairs)
    left = np.arange(len(total))
    while len(left):
        if upwards:
            ratio = (a - k) * (b - k) / ((k + 1) * (n - a - b + k + 1))
            k = k + 1
        else:
            ratio = k * (n - a - b + k) / ((a - k + 1) * (b - k + 1))
            k = k - 1
        term = term * np.maximum(ratio, 0.0)
        total[left] += term
        going = term > _NEGLIGIBLE * total[left]
        left, term = left[going], term[going]
        k, a, b, n = k[going], a[going], b[going], n[going]
    return total
