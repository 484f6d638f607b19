"""The bridges between two whole runs: worked by hand, against brute force, and planted."""

import json
import subprocess
import sys
from itertools import product
from math import comb
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import hypergeom

from kg.crossings import crossings_between
from kg.forest import CommunityRow, Forest, as_forest

ROOT = Path(__file__).parents[2]


def _forest(method: str, tree: dict[str, range | list[int]]) -> Forest:
    """Return a run given by the numbers of the statements of each deepest community."""
    paths = {"-".join(path.split("-")[:end]) for path in tree for end in (1, 2, 3)}
    rows = [
        CommunityRow(f"{method}-run1-{p}", f"{method}-run1-{above}" if above else None, "")
        for p, above in sorted((p, p.rpartition("-")[0]) for p in paths)
    ]
    held = [
        (f"s{i:04d}", f"{method}-run1-{path}") for path, numbers in tree.items() for i in numbers
    ]
    return as_forest(rows, held)


def _in_rows(numbers: range) -> dict[str, list[int]]:
    """Cut statements that are no matter into nine communities; `_in_columns` across them."""
    return {f"c{i + 1}": list(part) for i, part in enumerate(np.array_split(numbers, 9))}


def _in_columns(numbers: list[int]) -> dict[str, list[int]]:
    return {f"c{i + 1}": sorted(numbers)[i::9] for i in range(9)}


def _tail(shared: int, here: int, there: int, everyone: int) -> float:
    ways = (
        comb(here, k) * comb(everyone - here, there - k)
        for k in range(shared, min(here, there) + 1)
    )
    return sum(ways) / comb(everyone, there)


def test_a_crossing_has_the_numbers_of_the_worked_example():
    # Of 200, a-c0 has the first 10; b-c0 has five of them and five others. Three communities of
    # either run: nine tests, one crossing.
    a = _forest("a", {"c0": range(10), "c1": range(10, 100), "c2": range(100, 200)})
    b = _forest(
        "b",
        {
            "c0": range(5, 15),
            "c1": [*range(5), *range(15, 55), *range(100, 150)],
            "c2": [*range(55, 100), *range(150, 200)],
        },
    )

    found = crossings_between(a, b)

    (crossing,) = found.strongest
    assert (crossing.here, crossing.there) == ("a-run1-c0", "b-run1-c0")
    assert (crossing.n_here, crossing.n_there) == (10, 10)
    assert crossing.shared_ids == [f"s{i:04d}" for i in range(5, 10)]
    assert crossing.jaccard == pytest.approx(5 / 15)
    assert crossing.expected == pytest.approx(100 / 200)
    assert crossing.lift == pytest.approx(10)
    assert crossing.p_value == pytest.approx(_tail(5, 10, 10, 200))
    assert crossing.q_value == pytest.approx(9 * _tail(5, 10, 10, 200))
    assert (found.n_tests, found.n_overlaps) == (9, 7)
    assert (found.n_significant, found.n_nearly_same) == (1, 0)


def test_of_pairs_on_the_same_branches_one_is_returned():
    # The overlap of a-c0-c0 and b-c0-c0 shows in a-c0 with b-c0-c0, a-c0-c0 with b-c0 and both
    # tops too.
    a = _forest("a", {"c0-c0": range(12), "c0-c1": range(12, 30), **_in_rows(range(30, 300))})
    b = _forest(
        "b",
        {
            "c0-c0": [*range(8), *range(30, 34)],
            "c0-c1": range(34, 50),
            **_in_columns([*range(8, 30), *range(50, 300)]),
        },
    )

    found = crossings_between(a, b)

    assert [(c.here, c.there) for c in found.strongest] == [("a-run1-c0-c0", "b-run1-c0-c0")]
    assert found.n_overlaps > 5


def test_a_narrow_and_a_wide_pair_that_lie_in_each_other_are_one():
    # a-c0-c0 with b-c0 is the least likely; a-c0 with b-c0-c0 lies on the same branches, wider on
    # the one side and narrower on the other.
    a = _forest("a", {"c0-c0": range(20), "c0-c1": range(20, 60), **_in_rows(range(60, 600))})
    b = _forest(
        "b",
        {
            "c0-c0": [*range(9), *range(20, 24), 60, 590],
            "c0-c1": [*range(9, 18), *range(75, 595, 53)],
            **_in_columns(sorted({18, 19, *range(24, 600)} - {60, 590, *range(75, 595, 53)})),
        },
    )

    found, back = crossings_between(a, b), crossings_between(b, a)

    assert [(c.here, c.there) for c in found.strongest] == [("a-run1-c0-c0", "b-run1-c0")]
    assert [(c.here, c.there) for c in back.strongest] == [("b-run1-c0", "a-run1-c0-c0")]


def test_nested_pairs_are_no_crossings_and_stand_for_their_branches():
    a = _forest("a", {"c0": range(20), "c1": range(20, 200)})
    b = _forest("b", {"c0-c0": range(15), "c0-c1": range(15, 24), "c1": range(24, 200)})

    found = crossings_between(a, b)

    # a-c0 with b-c0 shares 20 of 20 and 24, and is the least likely; it is nested.
    assert found.strongest == []
    assert found.n_overlaps == 6


def test_pairs_that_are_nearly_the_same_community_come_last():
    a = _forest("a", {"c0": range(30), "c1": range(30, 50), "c2": range(50, 500)})
    b = _forest(
        "b",
        {
            "c0": range(2, 32),
            "c1": [*range(32, 40), *range(60, 72)],
            "c2": [0, 1, *range(40, 60), *range(72, 500)],
        },
    )

    found = crossings_between(a, b)

    pairs = [(c.here[-2:], c.there[-2:], c.jaccard > 0.5) for c in found.strongest]
    assert pairs[0] == ("c1", "c1", False)
    assert sorted(pairs[1:]) == [("c0", "c0", True), ("c2", "c2", True)]
    assert found.n_nearly_same == 2
    assert crossings_between(a, b, limit=1).strongest == found.strongest[:1]
    assert crossings_between(a, b, limit=1).n_significant == 3


def _alike(seed: int) -> tuple[Forest, Forest]:
    """Return two runs of 400 statements, half of which stand where they stood; parts are mixed."""
    rng = np.random.default_rng(seed)
    trees: list[dict[str, list[int]]] = [{}, {}]
    parts = rng.permutation(24)
    for statement, (home, noise) in enumerate(rng.integers(24, size=(400, 2)).tolist()):
        other = parts[home] if seed % 2 else home
        places = home, other if rng.random() < 0.5 else noise
        for tree, place in zip(trees, places, strict=True):
            tree.setdefault(f"c{place // 4}-c{place % 4}", []).append(statement)
    return _forest("a", trees[0]), _forest("b", trees[1])


def _by_brute_force(a: Forest, b: Forest) -> set[tuple[str, str]]:
    """Return what should be found, pair by pair."""
    ranked = []
    for i, j in product(range(len(a.ids)), range(len(b.ids))):
        shared = len({*a.members(i)} & {*b.members(j)})
        if shared:
            n, m = int(a.sizes[i]), int(b.sizes[j])
            p = hypergeom.sf(shared - 1, 400, n, m)
            ranked.append((round(np.log(p), 9), -shared / (n + m - shared), i, j, shared))
    kept: list[tuple[int, int]] = []
    crossing: list[tuple[float, int, int]] = []
    for log_p, _, i, j, shared in sorted(ranked):
        told = any(
            (x in a.branch(i) or i in a.branch(x)) and (y in b.branch(j) or j in b.branch(y))
            for x, y in kept
        )
        if not told:
            kept.append((i, j))
            if shared < min(a.sizes[i], b.sizes[j]):
                crossing.append((log_p, i, j))
    ranks = [
        at
        for at, (log_p, _, _) in enumerate(crossing, 1)
        if np.exp(log_p) * len(a.ids) * len(b.ids) / at <= 0.05
    ]
    return {(a.ids[i], b.ids[j]) for _, i, j in crossing[: max(ranks, default=0)]}


@pytest.mark.parametrize("seed", range(6))
def test_what_is_found_is_what_brute_force_finds_from_either_run(seed: int):
    a, b = _alike(seed)

    there = {(c.here, c.there): c.q_value for c in crossings_between(a, b).strongest}
    back = {(c.there, c.here): c.q_value for c in crossings_between(b, a).strongest}

    assert {*there} == _by_brute_force(a, b)
    assert len(there) > 5
    assert there == pytest.approx(back)


def test_runs_without_a_statement_in_common_have_no_crossing():
    a, b = _forest("a", {"c0": range(5)}), _forest("b", {"c0": range(5, 9)})

    assert crossings_between(a, b) == ([], 0, 0, 0, 0)


@pytest.mark.slow
def test_planted_bridges_are_found_and_blind_runs_have_none():
    program = [sys.executable, "benchmarks/bench_bridges.py", "--json", "--stored", "500"]
    options = ["--n", "5000", "--seeds", "4"]

    done = subprocess.run(program + options, capture_output=True, text=True, check=True, cwd=ROOT)

    measured = json.loads(done.stdout)
    assert measured["precision, ours"] >= 0.95
    assert measured["recall, ours"] >= 0.95
    assert measured["null data sets with a discovery, ours"] <= 0.05
    assert measured["false discovery proportion on null, ours"] <= 0.05
    assert measured["false lists, null"] <= 0.05
    assert measured["precision, every overlap"] < 0.1
    assert measured["recall, best Jaccard"] < measured["recall, ours"]
