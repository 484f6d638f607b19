from itertools import combinations

import numpy as np
import numpy.typing as npt
import pytest

from decomposition.description_length import Names, group_by_description_length


def naive(
    active: npt.NDArray[np.bool_], alpha: float, names: Names
) -> tuple[list[list[int]], float]:
    """Look at every pair of groups before every merge, and add the whole length up each time."""

    def length(groups: list[list[int]]) -> float:
        acts = [active[:, group].any(axis=1).sum() for group in groups]
        name = [np.log2(len(groups) if names == "equal" else sum(acts) / s) for s in acts]
        return sum(
            s * (bits + alpha * len(group))
            for s, bits, group in zip(acts, name, groups, strict=True)
        )

    groups = [[c] for c in range(active.shape[1])]
    while len(groups) > 1:
        merged = [
            [g for g in groups if g not in (one, other)] + [sorted(one + other)]
            for one, other in combinations(groups, 2)
        ]
        best = min(merged, key=length)
        if length(best) >= length(groups):
            break
        groups = sorted(best)
    return sorted(groups), length(groups)


def test_things_that_always_occur_together_become_one() -> None:
    rng = np.random.default_rng(0)
    causes = rng.random((2000, 4)) < 0.1
    active = causes[:, [0, 0, 1, 2, 2, 2, 3]]

    grouping = group_by_description_length(active, 2.0)

    assert grouping.groups == [[0, 1], [2], [3, 4, 5], [6]]


def test_the_length_is_that_of_the_formula() -> None:
    active = np.array([[1, 1, 0], [1, 1, 0], [0, 0, 1], [0, 0, 0]], dtype=bool)

    grouping = group_by_description_length(active, 1.0, "equal")

    # before: (2 + 2 + 1) occurrences of log2 3 + 1 bits; after: 2 · (log2 2 + 2) + 1 · (log2 2 + 1)
    assert grouping.bits_before == pytest.approx(5 * (np.log2(3) + 1))
    assert grouping.groups == [[0, 1], [2]]
    assert grouping.bits_after == pytest.approx(8)
    assert grouping.bits_before + sum(m.change for m in grouping.merges) == pytest.approx(8)


def test_names_by_frequency_have_the_length_of_an_entropy() -> None:
    active = np.array([[1, 0], [1, 0], [1, 0], [0, 1]], dtype=bool)

    grouping = group_by_description_length(active, 1.0)

    # 3 log2(4/3) + 1 log2(4/1), and one bit for each of four rank-one matrices
    assert grouping.bits_before == pytest.approx(3 * np.log2(4 / 3) + 2 + 4)
    assert grouping.groups == [[0], [1]]


def test_rare_things_that_never_meet_are_merged_only_under_equal_names() -> None:
    active = np.zeros((1000, 6), dtype=bool)
    active[:800, :4] = np.random.default_rng(2).random((800, 4)) < 0.2
    active[900:903, 4] = active[903:906, 5] = True

    by_frequency = group_by_description_length(active, 2.0)
    equal = group_by_description_length(active, 2.0, "equal")

    assert by_frequency.groups == [[c] for c in range(6)]
    assert [4, 5] in equal.groups


@pytest.mark.parametrize("names", ["by_frequency", "equal"])
@pytest.mark.parametrize("seed", range(6))
def test_remembered_bounds_give_what_looking_at_every_pair_gives(seed: int, names: Names) -> None:
    rng = np.random.default_rng(seed)
    causes = rng.random((400, 4)) < 0.15
    active = causes[:, rng.integers(0, 4, 11)] & (rng.random((400, 11)) < 0.8)
    active |= rng.random((400, 11)) < 0.02

    grouping = group_by_description_length(active, 0.7, names)

    groups, bits = naive(active, 0.7, names)
    assert grouping.groups == groups
    assert grouping.bits_after == pytest.approx(bits)


def test_what_never_occurs_stays_alone() -> None:
    active = np.zeros((5, 3), dtype=bool)
    active[:, 0] = True

    assert group_by_description_length(active, 1.0).groups == [[0], [1], [2]]


def test_a_higher_price_for_members_gives_smaller_groups() -> None:
    rng = np.random.default_rng(1)
    cause = rng.random((3000, 1)) < 0.2
    active = np.hstack([cause, cause & (rng.random((3000, 1)) < 0.6), rng.random((3000, 2)) < 0.1])

    few, many = (len(group_by_description_length(active, alpha).groups) for alpha in (0.1, 3.0))

    assert few < many
