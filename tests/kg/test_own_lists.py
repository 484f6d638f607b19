"""The nearest neighbours that a graph was made of can be read back from it."""

import numpy as np
import pytest

from kg.own_lists import Entries, OwnLists, first_of_each

K = 3


def _lists(n: int, seed: int) -> np.ndarray:
    """Return the cosines in millionths of n vertices, the same from both ends."""
    steps = np.random.default_rng(seed).integers(1, 1_000_000, size=(n, n))
    return np.triu(steps, 1) + np.triu(steps, 1).T


def _tied(steps: np.ndarray) -> dict[str, np.ndarray]:
    """Return the edges of a graph in which all are tied to their K nearest."""
    order = np.lexsort((np.broadcast_to(np.arange(len(steps)), steps.shape), -steps))[:, :K]
    pairs = {tuple(sorted((row, int(other)))) for row in range(len(steps)) for other in order[row]}
    head, tail = np.array(sorted(pairs), dtype=np.int32).T
    return {"head": head, "tail": tail, "semantic": (steps[head, tail] / 1e6).astype(np.float32)}


@pytest.mark.parametrize("seed", range(3))
def test_lists_bars_and_who_lists_whom_are_read_back(seed: int):
    steps = _lists(20, seed)
    nearest = np.sort(np.argsort(-steps, axis=1)[:, :K], axis=1)

    lists = OwnLists.of(_tied(steps), 20, K)

    entries = lists.of_rows(np.arange(20))
    assert entries.row.tolist() == np.repeat(np.arange(20), K).tolist()
    assert np.sort(entries.other.reshape(20, K), axis=1).tolist() == nearest.tolist()
    assert entries.steps.tolist() == steps[entries.row, entries.other].tolist()
    assert lists.bars(0).tolist() == np.sort(steps, axis=1)[:, -K].tolist()
    wanted = np.arange(20) == 7
    assert lists.rows_that_list(wanted).tolist() == [r for r in range(20) if 7 in nearest[r]]


def test_a_list_that_is_not_full_lets_in_whoever_is_near_enough():
    edges = {"head": np.array([0]), "tail": np.array([1]), "semantic": np.array([0.5], np.float32)}

    lists = OwnLists.of(edges, 3, 1)

    assert lists.counts().tolist() == [1, 1, 0]
    assert lists.bars(300_000).tolist() == [500_000, 500_000, 300_000]
    assert lists.of_rows(np.array([2])).row.tolist() == []


def test_of_equals_the_lower_place_comes_first_and_an_entry_counts_once():
    entries = Entries(np.array([1, 1, 1, 1]), np.array([5, 3, 4, 3]), np.array([7, 7, 9, 7]))

    first = first_of_each([entries], 2, 6)

    assert first.other.tolist() == [4, 3]
    assert first.steps.tolist() == [9, 7]
