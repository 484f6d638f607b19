"""Runs as arrays: members, sizes and overlaps against sets, and numbers that ids do not touch."""

from itertools import product

import numpy as np
from hypothesis import given

from kg.forest import as_forest, overlaps_of
from tests.kg.forests import forest, forests, renamed

OLD = {"c0-c0": "abc", "c0-c1": "de", "c1": "fg"}
NEW = {"c0": "abd", "c1-c0": "ce", "c1-c1": "fz"}


def test_communities_are_numbered_by_level_and_smallest_statement():
    found = forest({"c1": "ax", "c0-c0": "bc", "c0-c1": "de"})

    assert found.ids == ("m-run1-c1", "m-run1-c0", "m-run1-c0-c0", "m-run1-c0-c1")
    assert found.level.tolist() == [0, 0, 1, 1]
    assert found.parent.tolist() == [-1, -1, 1, 1]
    assert found.sizes.tolist() == [2, 4, 2, 2]
    assert found.members(1) == ["b", "c", "d", "e"]
    assert found.members(3) == ["d", "e"]
    assert found.branch(3) == [3, 1]
    assert found.deepest.tolist() == [0, 2, 2, 3, 3, 0]


def test_overlaps_count_only_what_both_runs_hold():
    old, new = forest(OLD), forest(NEW)

    overlaps = overlaps_of(old, new)

    named = {
        (old.ids[a].partition("-")[2], new.ids[b].partition("-")[2]): int(n)
        for a, b, n in zip(overlaps.before, overlaps.after, overlaps.shared, strict=True)
    }
    # Both hold a to f; g is gone and z is new.
    assert named == {
        ("run1-c0", "run1-c0"): 3,
        ("run1-c0", "run1-c1"): 2,
        ("run1-c0", "run1-c1-c0"): 2,
        ("run1-c0-c0", "run1-c0"): 2,
        ("run1-c0-c0", "run1-c1"): 1,
        ("run1-c0-c0", "run1-c1-c0"): 1,
        ("run1-c0-c1", "run1-c0"): 1,
        ("run1-c0-c1", "run1-c1"): 1,
        ("run1-c0-c1", "run1-c1-c0"): 1,
        ("run1-c1", "run1-c1"): 1,
        ("run1-c1", "run1-c1-c1"): 1,
    }
    assert dict(zip(old.ids, overlaps.sizes_before.tolist(), strict=True)) == {
        "m-run1-c0": 5,
        "m-run1-c1": 1,
        "m-run1-c0-c0": 3,
        "m-run1-c0-c1": 2,
    }


@given(forests(), forests())
def test_overlaps_are_those_of_the_sets(old, new):
    overlaps = overlaps_of(old, new)

    both = set(old.statements) & set(new.statements)
    expected = {
        (a, b): len(both.intersection(old.members(a), new.members(b)))
        for a, b in product(range(len(old.ids)), range(len(new.ids)))
    }
    pairs = zip(overlaps.before.tolist(), overlaps.after.tolist(), strict=True)
    counted = dict(zip(pairs, overlaps.shared.tolist(), strict=True))
    assert counted == {pair: n for pair, n in expected.items() if n}
    assert overlaps.sizes_before.tolist() == [
        len(both.intersection(old.members(at))) for at in range(len(old.ids))
    ]


@given(forests())
def test_other_ids_give_the_same_numbers(found):
    other = renamed(found)

    assert np.array_equal(other.homes, found.homes)
    assert np.array_equal(other.parent, found.parent)


def test_a_run_without_communities_overlaps_with_nothing():
    nothing = as_forest([], [])

    assert nothing.deepest.tolist() == []
    assert overlaps_of(nothing, forest(OLD)).shared.tolist() == []
    assert overlaps_of(forest(OLD), nothing).shared.tolist() == []
