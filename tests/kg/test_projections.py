"""Neighbours that are looked for in fewer dimensions first: nearly all, and as many as is said."""

from typing import Any

import numpy as np
import pytest
import torch

from kg import neighbours, projections, screens
from kg.neighbours import nearest_among, nearest_neighbours
from kg.processor import steps_of_bytes
from kg.projections import Scores

STEPS = steps_of_bytes()


def _like_sentences(n: int, seed: int = 0) -> np.ndarray:
    """Topics with members around them, spread over few of 384 directions more than over others."""
    rng = np.random.default_rng(seed)
    spectrum = (np.arange(384) + 9) ** -0.45
    vectors = rng.normal(size=(n // 20, 384))[rng.integers(n // 20, size=n)]
    vectors = (vectors + 0.9 * rng.normal(size=(n, 384))) * spectrum
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(params=["bytes", "half", "single"])
def in_fewer(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Look in fewer dimensions first whatever the number of vectors, by each way to multiply."""
    if request.param == "bytes" and not STEPS:
        pytest.skip("this processor does not multiply bytes fast")
    monkeypatch.setattr(screens, "steps_of_bytes", lambda: STEPS * (request.param == "bytes"))
    monkeypatch.setattr(neighbours, "EXACT_UP_TO", 0)
    monkeypatch.setattr(neighbours, "_HALVES_FROM", 0)
    monkeypatch.setattr(neighbours, "has_fast_halves", lambda: request.param != "single")
    return str(request.param)


def _share_found(vectors: np.ndarray, found: neighbours.Neighbours) -> float:
    exact = nearest_among(vectors, np.arange(len(vectors)), found.indices.shape[1])
    return float((found.cosines >= exact.cosines[:, -1:]).mean())


@pytest.mark.usefixtures("in_fewer")
def test_nearly_all_neighbours_are_found_and_it_is_said_how_many(monkeypatch: pytest.MonkeyPatch):
    vectors = _like_sentences(4500)
    monkeypatch.setattr(neighbours, "_of_each_pair", None)  # it would find all

    found = nearest_neighbours(vectors, 5)

    share = _share_found(vectors, found)
    assert 0.95 <= share < 1
    assert found.recall == pytest.approx(share, abs=0.015)
    assert not (found.indices == np.arange(4500)[:, None]).any()
    rows = np.repeat(np.arange(4500), 5)
    true = (vectors[rows].astype(float) * vectors[found.indices.ravel()]).sum(axis=1)
    np.testing.assert_allclose(found.cosines.ravel(), true, atol=1e-6)


@pytest.mark.usefixtures("in_fewer")
def test_where_few_dimensions_say_little_whole_vectors_are_compared(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(projections, "_are_many", lambda _, n: n > 0)
    vectors = _like_sentences(3000)

    found = nearest_neighbours(vectors, 5)

    assert found.recall == 1
    assert _share_found(vectors, found) == 1


@pytest.mark.usefixtures("in_fewer")
def test_the_number_of_threads_changes_no_neighbour():
    vectors = _like_sentences(4500)
    threads = torch.get_num_threads()
    found = []
    for number in (1, 2):
        torch.set_num_threads(number)
        found.append(nearest_neighbours(vectors, 5))
    torch.set_num_threads(threads)

    assert found[0].recall < 1
    np.testing.assert_array_equal(found[0].indices, found[1].indices)
    np.testing.assert_array_equal(found[0].cosines, found[1].cosines)


@pytest.mark.usefixtures("in_fewer")
def test_how_many_pairs_are_held_at_once_changes_no_neighbour(monkeypatch: pytest.MonkeyPatch):
    vectors = _like_sentences(4500)
    found = [nearest_neighbours(vectors, 5)]
    monkeypatch.setattr(projections, "_PAIRS", 1)  # after the last tiles none are held any more

    found.append(nearest_neighbours(vectors, 5))

    np.testing.assert_array_equal(found[0].indices, found[1].indices)
    np.testing.assert_array_equal(found[0].cosines, found[1].cosines)


@pytest.mark.usefixtures("in_fewer")
@pytest.mark.parametrize("n_equal", [150, 2000])
def test_equal_vectors_are_neighbours_of_each_other(n_equal: int):
    vectors = _like_sentences(4500)
    vectors[:n_equal] = vectors[0]

    found = nearest_neighbours(vectors, 5)

    assert (found.cosines[:n_equal] == 1).all()
    assert (found.indices[:n_equal] < n_equal).all()
    assert _share_found(vectors, found) >= 0.95


@pytest.mark.usefixtures("in_fewer")
@pytest.mark.parametrize(("pair_costs", "width"), [(1e-3, 96), (1e12, 256)])
def test_scores_have_more_numbers_where_it_costs_more_to_measure_a_pair(
    monkeypatch: pytest.MonkeyPatch, pair_costs: float, width: int
):
    for name in ("_MEASURED", "_MEASURED_BY_HALVES", "_MEASURED_BY_UNITS"):
        monkeypatch.setattr(projections, name, pair_costs)
    monkeypatch.setattr(projections, "_are_many", lambda *_: False)
    seen = []

    def scores_of(*given: Any) -> Scores | None:
        found = projections.scores_of(*given)
        seen.append(found)
        return found

    monkeypatch.setattr(neighbours, "scores_of", scores_of)

    # Of 40 neighbours; of few, the last bit of a score decides between as many numbers.
    nearest_neighbours(_like_sentences(4500), 40)

    assert [scores.vectors.shape for scores in seen] == [(4500, width)]
