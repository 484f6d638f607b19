"""Where new statements come in among the neighbours of all."""

import numpy as np
import pytest
import torch

from kg.errors import ModelError
from kg.neighbours import nearest_neighbours
from kg.newcomers import Everybody, nearest_and_seen
from kg.own_lists import Entries
from kg.products import STEPS

K = 5


def _vectors(n: int, seed: int = 0) -> np.ndarray:
    vectors = np.random.default_rng(seed).standard_normal((n, 24), dtype=np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _all_of(vectors: np.ndarray, n_parts: int = 1) -> Everybody:
    order = np.random.default_rng(1).permutation(len(vectors))
    parts = [np.array_split(part, 3) for part in np.array_split(order, n_parts)]
    return Everybody(
        len(vectors),
        n_parts,
        lambda numbers: ((each, vectors[each]) for at in numbers for each in parts[at]),
        lambda at: vectors[at],
    )


def _found(
    everybody: Everybody, rows: np.ndarray, k: int, bars: np.ndarray
) -> tuple[Entries, Entries]:
    with nearest_and_seen(everybody, rows, k, bars) as found:
        return found()


def _steps(cosines: np.ndarray) -> np.ndarray:
    return np.rint(cosines.astype(np.float64) * STEPS).astype(np.int64)


@pytest.mark.parametrize("n", [1, 2, 5, 40, 1500])
def test_the_nearest_of_new_rows_are_those_among_all(n: int):
    vectors = _vectors(n)
    rows = np.unique(np.random.default_rng(1).integers(n, size=200))
    everything = nearest_neighbours(vectors, K)

    nearest, _ = _found(_all_of(vectors), rows, K, np.full(n, 2 * STEPS))

    for row in rows.tolist():
        mine = nearest.row == row
        order = np.lexsort((nearest.other[mine], -nearest.steps[mine]))[:K]
        is_near = everything.cosines[row] > 0
        steps = _steps(everything.cosines[row][is_near])
        assert nearest.other[mine][order].tolist() == everything.indices[row][is_near].tolist()
        assert nearest.steps[mine][order].tolist() == steps.tolist()


def test_whoever_has_a_new_row_at_its_bar_or_above_sees_it_and_nobody_else():
    vectors = _vectors(400)
    rows = np.arange(0, 400, 3)
    everything = nearest_neighbours(vectors, K)
    bars = _steps(everything.cosines[:, -1])

    _, seen = _found(_all_of(vectors), rows, K, bars)

    expected = {
        (row, other)
        for row, others in enumerate(everything.indices.tolist())
        for other in others
        if other % 3 == 0
    }
    assert set(zip(seen.row.tolist(), seen.other.tolist(), strict=True)) == expected


def test_a_crowd_of_equals_is_told_apart_by_place():
    vectors = np.repeat(_vectors(2), 600, axis=0)

    nearest, _ = _found(_all_of(vectors), np.array([3, 900]), K, np.full(1200, 2 * STEPS))

    assert nearest.other[nearest.row == 3].tolist() == [0, 1, 2, 4, 5]
    assert nearest.other[nearest.row == 900].tolist() == [600, 601, 602, 603, 604]


@pytest.mark.parametrize("n_parts", [1, 2])
def test_a_vector_that_is_not_finite_is_refused(n_parts: int):
    for place in range(0, 50, 7):
        vectors = _vectors(50)
        vectors[place, 3] = np.nan

        with pytest.raises(ModelError, match="not finite"):
            _found(_all_of(vectors, n_parts), np.array([20]), K, np.full(50, 2 * STEPS))


def test_several_processes_find_what_one_finds():
    vectors = np.concatenate([_vectors(9000), np.repeat(_vectors(2), 600, axis=0)])
    rows, bars = np.arange(0, len(vectors), 13), np.full(len(vectors), 700_000)

    one, several = (_found(_all_of(vectors, n), rows, K, bars) for n in (1, 3))

    for mine, theirs in zip(one, several, strict=True):
        parts = [set(zip(*(c.tolist() for c in each), strict=True)) for each in (mine, theirs)]
        assert parts[0] == parts[1]
    assert len(one[0].row) == K * len(rows)


def test_vectors_that_no_process_was_given_are_asked_for():
    asked = []
    vectors = _vectors(40)
    lacking = Everybody(
        40,
        2,
        lambda numbers: [
            (np.arange(20 * at, 20 * at + 19), vectors[20 * at :][:19]) for at in numbers
        ],
        lambda places: asked.append(places.tolist()) or vectors[places],
    )

    _found(lacking, np.array([3]), K, np.full(40, 2 * STEPS))

    assert asked == [[3], list(range(40))]


def test_many_rows_find_what_few_at_a_time_find():
    assert torch.__version__, "once it is there, many are compared in halves"
    vectors = _vectors(9000)
    bars = np.full(9000, 700_000)
    rows = np.arange(0, 9000, 15)

    many = _found(_all_of(vectors), rows, K, bars)
    few = [_found(_all_of(vectors), rows[at : at + 50], K, bars) for at in range(0, 600, 50)]

    for which in (0, 1):
        parts = [set(zip(*(c.tolist() for c in each[which]), strict=True)) for each in few]
        assert set(zip(*(c.tolist() for c in many[which]), strict=True)) == set().union(*parts)
