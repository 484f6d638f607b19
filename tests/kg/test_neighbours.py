"""Nearest neighbours: exact, in every block size, with ties to the lower index.

Beyond so many they come from cells: nearly all of them, and with exact cosines.
"""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kg import cells, grouped_neighbours, neighbours, tiles
from kg.embedders import Embedder
from kg.errors import ModelError
from kg.grouped_neighbours import neighbours_within
from kg.neighbours import nearest_among, nearest_neighbours
from tests.kg.conftest import STATEMENTS


def _vectors(n: int, seed: int) -> np.ndarray:
    """Four halves in eight places: of length 1, with cosines that are exact and often tied."""
    rng = np.random.default_rng(seed)
    vectors = np.zeros((n, 8), dtype=np.float32)
    for vector in vectors:
        vector[rng.permutation(8)[:4]] = rng.choice([-0.5, 0.5], size=4)
    return vectors


def _by_sorting_everything(vectors: np.ndarray, k: int) -> np.ndarray:
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -np.inf)
    return np.argsort(-cosines, axis=1, kind="stable")[:, : min(k, len(vectors) - 1)]


@given(
    n=st.integers(2, 60),
    k=st.integers(1, 12),
    seed=st.integers(0, 10**6),
    rows=st.integers(1, 20),
    columns=st.integers(1, 20),
)
@settings(deadline=None)
def test_neighbours_are_those_that_sorting_everything_gives(n, k, seed, rows, columns):
    vectors = _vectors(n, seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(neighbours, "_ROWS", rows)
        patch.setattr(neighbours, "_BLOCK", columns)
        found = nearest_neighbours(vectors, k)

    np.testing.assert_array_equal(found.indices, _by_sorting_everything(vectors, k))
    cosines = np.take_along_axis(vectors @ vectors.T, found.indices.astype(np.int64), axis=1)
    np.testing.assert_array_equal(found.cosines, cosines)


@given(
    n=st.integers(1, 60),
    k=st.integers(1, 12),
    seed=st.integers(0, 10**6),
    columns=st.integers(1, 20),
)
@settings(deadline=None)
def test_neighbours_of_some_are_those_that_they_have_among_all(n, k, seed, columns):
    vectors = _vectors(n, seed)
    rows = np.random.default_rng(seed).permutation(n)[: n // 2 + 1]
    everyone = nearest_neighbours(vectors, k)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(neighbours, "_BLOCK", columns)
        found = nearest_among(vectors, rows, k)

    np.testing.assert_array_equal(found.indices, everyone.indices[rows])
    np.testing.assert_array_equal(found.cosines, everyone.cosines[rows])


def test_cosines_of_real_sentences_are_in_falling_order(minilm: Embedder):
    vectors = minilm.embed([said.text for said in STATEMENTS])

    found = nearest_neighbours(vectors, 4)

    assert (np.diff(found.cosines, axis=1) <= 0).all()
    exact = [vectors[row] @ vectors[near].T for row, near in enumerate(found.indices)]
    np.testing.assert_allclose(found.cosines, exact, atol=1e-6)


def test_equal_vectors_are_tied_and_the_lower_index_wins():
    vectors = np.tile(np.float32([0.6, 0.8]), (5, 1))

    found = nearest_neighbours(vectors, 2)

    assert found.indices.tolist() == [[1, 2], [0, 2], [0, 1], [0, 1], [0, 1]]
    assert found.cosines.tolist() == [[1.0, 1.0]] * 5


def test_a_difference_below_a_millionth_is_a_tie():
    query, one, other = [1.0, 0.0], [0.6, 0.8], [0.6000001, 0.79999995]
    vectors = np.array([query, one, other], dtype=np.float32)

    found = nearest_neighbours(vectors, 2)

    assert found.indices[0].tolist() == [1, 2]


def test_there_are_no_more_neighbours_than_others():
    vectors = _vectors(3, seed=0)

    assert nearest_neighbours(vectors, 9).indices.shape == (3, 2)
    assert nearest_neighbours(vectors[:1], 9).indices.shape == (1, 0)
    assert nearest_neighbours(vectors[:0], 9).indices.shape == (0, 0)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_vector_that_is_not_finite_is_refused(bad: float):
    vectors = _vectors(4, seed=0)
    vectors[2, 1] = bad

    with pytest.raises(ModelError, match="not finite"):
        nearest_neighbours(vectors, 2)


def _topics(n: int) -> np.ndarray:
    """Vectors around 40 centres, some of which are much more popular than others."""
    rng = np.random.default_rng(0)
    popularity = 1 / np.arange(1, 41)
    topic = rng.choice(40, size=n, p=popularity / popularity.sum())
    vectors = rng.normal(size=(40, 32))[topic] + 0.7 * rng.normal(size=(n, 32))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(params=["half", "single"])
def in_cells(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Look into cells whatever the number of vectors, by either kind of product."""
    monkeypatch.setattr(neighbours, "EXACT_UP_TO", 0)
    monkeypatch.setattr(neighbours, "_CELLS_FROM", 0)
    monkeypatch.setattr(neighbours, "_MANY", np.inf)
    monkeypatch.setattr(neighbours, "_HALVES_FROM", 0)
    monkeypatch.setattr(neighbours, "has_fast_halves", lambda: request.param == "half")
    return request.param


@pytest.mark.usefixtures("in_cells")
def test_cells_find_nearly_all_neighbours_and_say_how_many():
    vectors = _topics(3000)
    exact = nearest_among(vectors, np.arange(3000), 5)

    found = nearest_neighbours(vectors, 5)

    share = (found.cosines >= exact.cosines[:, -1:]).mean()
    assert share >= 0.96
    assert found.recall == pytest.approx(share, abs=0.02)
    assert not (found.indices == np.arange(3000)[:, None]).any()
    rows = np.repeat(np.arange(3000), 5)
    true = (vectors[rows].astype(float) * vectors[found.indices.ravel()]).sum(axis=1)
    np.testing.assert_allclose(found.cosines.ravel(), true, atol=7e-7)


@pytest.mark.usefixtures("in_cells")
def test_enough_is_looked_into_where_cells_say_little(monkeypatch: pytest.MonkeyPatch):
    vectors = np.random.default_rng(0).normal(size=(2000, 24))  # no topics at all
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)

    enough = nearest_neighbours(vectors, 5).recall
    monkeypatch.setattr(neighbours, "_RECALL", 0.5)
    less = nearest_neighbours(vectors, 5).recall

    assert 0.5 <= less < 0.95 <= enough


@pytest.mark.usefixtures("in_cells")
def test_where_cells_say_little_each_pair_is_looked_at(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(neighbours, "_MANY", 0.2)
    vectors = np.random.default_rng(0).normal(size=(2000, 64))  # no topics at all
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)

    found = nearest_neighbours(vectors, 5)

    exact = nearest_among(vectors, np.arange(2000), 5)
    np.testing.assert_array_equal(found.indices, exact.indices)
    assert found.recall == 1


@pytest.mark.usefixtures("in_cells")
def test_where_a_few_cells_have_nearly_all_the_others_are_left_alone(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(neighbours, "_MANY", 0.2)
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(60, 64))[rng.integers(60, size=3600)]
    vectors += 0.5 * rng.normal(size=vectors.shape)
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    monkeypatch.setattr(neighbours, "_by_scores", None)

    assert nearest_neighbours(vectors, 5).recall >= 0.95


@pytest.mark.usefixtures("in_cells")
def test_the_number_of_threads_makes_no_difference():
    vectors = _topics(2500)
    threads = torch.get_num_threads()
    found = []
    for number in (1, 3):
        torch.set_num_threads(number)
        found.append(nearest_neighbours(vectors, 6))
    torch.set_num_threads(threads)

    np.testing.assert_array_equal(found[0].indices, found[1].indices)
    np.testing.assert_array_equal(found[0].cosines, found[1].cosines)


@pytest.mark.usefixtures("in_cells")
def test_many_equal_vectors_in_cells_are_neighbours_of_each_other():
    equal = np.tile(_topics(1), (3000, 1))

    found = nearest_neighbours(np.concatenate([equal, _topics(500)]), 4)

    assert (found.cosines[:3000] == 1).all()
    assert (found.indices[:3000] < 3001).all()


def test_where_cells_do_not_pay_only_the_sample_looks_for_them(monkeypatch):
    for limit in ("EXACT_UP_TO", "_CELLS_FROM"):
        monkeypatch.setattr(neighbours, limit, 0)
    monkeypatch.setattr(neighbours, "_MANY", -1)
    asked: list[int] = []
    probes_of = neighbours.probes_of

    def noted(vectors, *others):
        asked.append(len(vectors))
        return probes_of(vectors, *others)

    monkeypatch.setattr(neighbours, "probes_of", noted)
    monkeypatch.setattr(cells, "probes_of", noted)

    found = nearest_neighbours(_topics(3000), 5)

    assert found.recall >= 0.95
    assert asked == [500]


@pytest.mark.usefixtures("in_cells")
def test_cells_of_a_few_still_give_everyone_k_neighbours():
    vectors = _topics(60)

    found = nearest_neighbours(vectors, 50)

    np.testing.assert_array_equal(found.indices, nearest_among(vectors, np.arange(60), 50).indices)


@pytest.mark.usefixtures("in_cells")
def test_in_cells_too_there_are_no_more_neighbours_than_others():
    for n in (0, 1, 3):
        assert nearest_neighbours(_topics(n), 9).indices.shape == (n, max(0, n - 1))


@pytest.mark.usefixtures("in_cells")
@pytest.mark.parametrize("block", [7, 64, 1024])
def test_all_cells_together_are_exact_whatever_the_products(
    block: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(neighbours, "EXACT_UP_TO", 10**6)
    monkeypatch.setattr(neighbours, "_BLOCK", block)
    vectors = _vectors(150, seed=2)

    found = nearest_neighbours(vectors, 7)

    np.testing.assert_array_equal(found.indices, _by_sorting_everything(vectors, 7))


@given(
    n=st.integers(2, 90),
    k=st.integers(1, 12),
    seed=st.integers(0, 10**6),
    side=st.integers(1, 40),
    at_once=st.integers(1, 5),
    crowd=st.sampled_from([0, 48]),
    copies=st.sampled_from([0, 30]),
    single=st.booleans(),
)
@settings(deadline=None, max_examples=40)
def test_neighbours_of_each_pair_once_are_those_that_sorting_everything_gives(
    n, k, seed, side, at_once, crowd, copies, single
):
    vectors = _vectors(n, seed)
    vectors[:copies] = vectors[0]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(neighbours, "_TILES_FROM", 0)
        patch.setattr(neighbours, "_HALVES_FROM", 10**12 if single else 0)
        patch.setattr(neighbours, "has_fast_halves", lambda: True)
        patch.setattr(tiles, "_SIDE", side)
        patch.setattr(tiles, "_FIRST", side)
        patch.setattr(tiles, "_AT_ONCE", at_once)
        patch.setattr(tiles, "CROWD", crowd)
        found = nearest_neighbours(vectors, k)

    np.testing.assert_array_equal(found.indices, _by_sorting_everything(vectors, k))
    assert found.recall == 1


@pytest.mark.parametrize("halves_from", [0, 10**12])
def test_neighbours_of_each_pair_once_are_those_of_all_blocks(
    halves_from: int, monkeypatch: pytest.MonkeyPatch
):
    vectors = _topics(3000)
    monkeypatch.setattr(neighbours, "_HALVES_FROM", halves_from)
    monkeypatch.setattr(neighbours, "has_fast_halves", lambda: True)

    found = nearest_neighbours(vectors, 5)

    exact = nearest_among(vectors, np.arange(3000), 5)
    np.testing.assert_array_equal(found.indices, exact.indices)
    np.testing.assert_array_equal(found.cosines, exact.cosines)


def test_a_crowd_above_the_bar_is_ordered_exactly(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(neighbours, "CROWD", 0)
    vectors = _vectors(80, seed=1)

    found = nearest_neighbours(vectors, 7)

    np.testing.assert_array_equal(found.indices, _by_sorting_everything(vectors, 7))


@given(
    seed=st.integers(0, 10**6),
    sizes=st.lists(st.integers(0, 9), max_size=6),
    k=st.integers(1, 5),
    small=st.sampled_from([0, 4, 256]),
)
@settings(deadline=None)
def test_neighbours_within_groups_are_those_of_each_group_by_itself(seed, sizes, k, small):
    rng = np.random.default_rng(seed)
    vectors = _vectors(30, seed)
    groups = [sorted(rng.permutation(30)[:size].tolist()) for size in sizes]
    expected = []
    for group in groups:
        alone = nearest_neighbours(vectors[group], k).indices
        expected += [(group[one], group[near]) for one, row in enumerate(alone) for near in row]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grouped_neighbours, "SMALL", small)
        rows, others, _ = neighbours_within(vectors, groups, k)

    assert sorted(zip(rows.tolist(), others.tolist(), strict=True)) == sorted(expected)


def test_the_recall_within_groups_is_the_lowest_of_all(monkeypatch: pytest.MonkeyPatch):
    recalls = {5: 0.98, 6: 0.95, 7: 1.0}

    def measured(vectors, k):
        return nearest_neighbours(vectors, k)._replace(recall=recalls[len(vectors)])

    monkeypatch.setattr(grouped_neighbours, "SMALL", 4)
    monkeypatch.setattr(grouped_neighbours, "nearest_neighbours", measured)
    groups = [range(4), range(5), range(6), range(7)]

    assert neighbours_within(_vectors(30, 0), groups, 2).recall == 0.95
