"""The bridges between two whole runs: every community of the one with every one of the other.

For one community `kg.bridges` says what crosses it. Here all pairs are tested at once, on all
levels of both hierarchies, and the strongest are returned; `kg.overlaps` has the statistics. The
m pairs that the q-values are corrected for are all that could be drawn: communities of the first
run times communities of the second, each with two statements or more that both runs cluster.

If A and B cross, so do, as a rule, what contains A or is part of it and what contains B or is part
of it. Two pairs say different things only if their first communities lie on different branches, or
their second ones do. Of pairs that do not, the one is kept that is the least likely by chance (ties
to the greater index of Jaccard, then in the order of the communities); from either run this looks
the same.

Pairs whose p-value is too large to be significant in any case are not sorted out one by one, so
the time goes with the overlaps that are there, and not with the m pairs that are tested.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kg.bridges import LEAST_MEMBERS
from kg.forest import Forest, Overlaps, overlaps_of
from kg.overlaps import SIGNIFICANT, expected_overlap, log_p_values, q_values, sizes

NEARLY_THE_SAME = 0.5
"""Two communities with a greater index of Jaccard have more in common than not: they are one theme
that both runs found, rather than two that meet."""

_SMALLEST = float(np.finfo(np.float64).tiny)


class Crossing(NamedTuple):
    """A community of one run and a community of another that cross more than chance makes them."""

    here: str
    there: str
    n_here: int
    """How many statements the first has."""

    n_there: int
    shared_ids: list[str]
    """Ascending; never empty."""

    jaccard: float
    """In (0, 1)."""

    expected: float
    """How many would be shared by chance, in the mean."""

    lift: float
    """Shared over expected."""

    p_value: float
    q_value: float
    """At most `SIGNIFICANT`."""


class Crossings(NamedTuple):
    """What is found between two runs."""

    strongest: list[Crossing]
    """Those that are nearly the same community last; else the least likely by chance first."""

    n_significant: int
    """How many crossings there are, those that are not returned included."""

    n_nearly_same: int
    """How many of them are nearly the same community."""

    n_overlaps: int
    """Pairs with a statement in common, on all levels, nested ones included."""

    n_tests: int
    """Pairs that the q-values are corrected for."""


class _Pairs(NamedTuple):
    """Pairs of communities as columns, the least likely by chance first."""

    before: NDArray[np.int64]
    after: NDArray[np.int64]
    shared: NDArray[np.int64]
    jaccard: NDArray[np.float64]
    expected: NDArray[np.float64]
    log_p: NDArray[np.float64]
    q: NDArray[np.float64]

    def at(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> "_Pairs":
        return _Pairs(
            self.before[rows],
            self.after[rows],
            self.shared[rows],
            self.jaccard[rows],
            self.expected[rows],
            self.log_p[rows],
            self.q[rows],
        )


def crossings_between(before: Forest, after: Forest, limit: int | None = None) -> Crossings:
    """Return the bridges between two runs that chance does not explain.

    Args:
        before: The one run.
        after: The other run.
        limit: Return so many, at most.
    """
    found = overlaps_of(before, after)
    n_tests = int((found.sizes_before >= LEAST_MEMBERS).sum()) * int(
        (found.sizes_after >= LEAST_MEMBERS).sum()
    )
    likely = _likely(found, before, after, n_tests)
    pairs = _crossing(_one_per_branch(likely, before, after), before, after)
    pairs = _significant(pairs, n_tests)
    nearly = pairs.jaccard > NEARLY_THE_SAME
    listed = pairs.at(np.argsort(nearly, kind="stable")[:limit])
    return Crossings(
        strongest=[_named(listed, at, before, after) for at in range(len(listed.before))],
        n_significant=len(pairs.before),
        n_nearly_same=int(nearly.sum()),
        n_overlaps=len(found.shared),
        n_tests=n_tests,
    )


def _likely(found: Overlaps, before: Forest, after: Forest, n_tests: int) -> _Pairs:
    """Return the pairs that could be significant if all were, the least likely by chance first."""
    here, there = found.sizes_before[found.before], found.sizes_after[found.after]
    testable = np.flatnonzero((here >= LEAST_MEMBERS) & (there >= LEAST_MEMBERS))
    columns = sizes(found.shared[testable], here[testable], there[testable], len(found.rows_before))
    log_p = log_p_values(columns)
    union = before.sizes[found.before] + after.sizes[found.after] - found.shared
    bound = np.log(SIGNIFICANT) + np.log(max(1, len(testable))) - np.log(max(1, n_tests))
    pairs = _Pairs(
        found.before[testable],
        found.after[testable],
        found.shared[testable],
        (found.shared / union)[testable],
        expected_overlap(columns),
        log_p,
        np.ones(len(testable)),
    ).at(log_p <= bound)
    order = np.lexsort((pairs.after, pairs.before, -pairs.jaccard, np.round(pairs.log_p, 9)))
    return pairs.at(order)


def _one_per_branch(pairs: _Pairs, before: Forest, after: Forest) -> _Pairs:
    """Return each pair of which no other that came before it is told apart by nothing."""
    up, across = cache(before.branch), cache(after.branch)
    kept: set[tuple[int, int]] = set()
    wider: set[tuple[int, int]] = set()
    wider_there: set[tuple[int, int]] = set()
    wider_here: set[tuple[int, int]] = set()
    rows: list[int] = []
    for row, (a, b) in enumerate(zip(pairs.before.tolist(), pairs.after.tolist(), strict=True)):
        above_a, above_b = up(a), across(b)
        if (
            (a, b) in wider
            or any((each, b) in wider_there for each in above_a)
            or any((a, each) in wider_here for each in above_b)
            or any((one, other) in kept for one in above_a for other in above_b)
        ):
            continue
        rows.append(row)
        kept.add((a, b))
        wider.update((one, other) for one in above_a for other in above_b)
        wider_there.update((a, other) for other in above_b)
        wider_here.update((one, b) for one in above_a)
    return pairs.at(np.array(rows, dtype=np.intp))


def _crossing(pairs: _Pairs, before: Forest, after: Forest) -> _Pairs:
    """Return the pairs of which neither is a part of the other."""
    whole = np.minimum(before.sizes[pairs.before], after.sizes[pairs.after])
    return pairs.at(pairs.shared < whole)


def _significant(pairs: _Pairs, n_tests: int) -> _Pairs:
    with_q = pairs._replace(q=q_values(pairs.log_p, max(n_tests, len(pairs.log_p))))
    return with_q.at(with_q.q <= SIGNIFICANT)


def _named(pairs: _Pairs, at: int, before: Forest, after: Forest) -> Crossing:
    a, b = int(pairs.before[at]), int(pairs.after[at])
    shared_ids = sorted({*before.members(a)} & {*after.members(b)})
    expected = float(pairs.expected[at])
    return Crossing(
        here=before.ids[a],
        there=after.ids[b],
        n_here=int(before.sizes[a]),
        n_there=int(after.sizes[b]),
        shared_ids=shared_ids,
        jaccard=float(pairs.jaccard[at]),
        expected=expected,
        lift=len(shared_ids) / expected,
        p_value=max(float(np.exp(pairs.log_p[at])), _SMALLEST),
        q_value=max(float(pairs.q[at]), _SMALLEST),
    )
