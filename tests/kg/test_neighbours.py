"""Nearest neighbours: exact, in every block size, with ties to the lower index."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kg import neighbours
from kg.embedders import Embedder
from kg.errors import ModelError
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
        patch.setattr(neighbours, "_COLUMNS", columns)
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
        patch.setattr(neighbours, "_COLUMNS", columns)
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
