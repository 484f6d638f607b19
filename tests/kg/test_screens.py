"""Which pairs are over a bar: the same by bytes and by products, but for what rounding changes."""

import os
import subprocess
import sys

import numpy as np
import pytest

from kg import screens
from kg.processor import steps_of_bytes
from kg.products import SingleProducts
from kg.screens import COLUMNS, ByteScreen, ProductScreen, Screen, as_bytes_hold, screen_of

N = 2 * COLUMNS + 300


STEPS = steps_of_bytes()


@pytest.fixture
def rounded(monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    monkeypatch.setattr(screens, "steps_of_bytes", lambda: STEPS or 127)
    vectors = np.random.default_rng(0).normal(size=(N, 48)).astype(np.float32)
    return as_bytes_hold(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def _screens(vectors: np.ndarray, order: np.ndarray, bars: np.ndarray) -> list[Screen]:
    by_products = ProductScreen(vectors, order, bars, SingleProducts())
    return [by_products, ByteScreen(vectors, order, bars)] if STEPS else [by_products]


def test_the_pairs_of_all_tiles_are_those_over_the_bar_of_their_column(rounded: np.ndarray):
    order = np.random.default_rng(1).permutation(N)
    bars = np.linspace(0.5, 0.3, N).astype(np.float32)
    scores = rounded[order].astype(np.float64) @ rounded[order].T
    expected = scores > bars

    for screen in _screens(rounded, order, bars):
        found = np.zeros((N, N), dtype=bool)
        for first in range(0, N, screen.rows):
            for second in range(0, N, COLUMNS):
                row, column = screen.over(first, second)
                found[first + row, second + column] = True

        different = found != expected
        assert (np.abs(scores - bars)[different] < 1e-5).all()
        assert 10_000 < expected.sum() < 200_000


def test_bars_below_zero_let_no_vector_in_that_was_added_to_fill_a_tile(rounded: np.ndarray):
    bars = np.full(N, -0.02, dtype=np.float32)

    for screen in _screens(rounded, np.arange(N), bars):
        row, column = screen.over(screen.rows, 2 * COLUMNS)

        assert row.max() < N - screen.rows
        assert column.max() < N - 2 * COLUMNS


@pytest.mark.skipif(not STEPS, reason="this processor does not multiply bytes fast")
def test_bytes_that_are_as_large_as_can_be_are_added_up_without_loss():
    vectors = np.full((2 * COLUMNS, 160), 160**-0.5, dtype=np.float32)
    vectors[COLUMNS:] *= -1
    below, above = (np.full(len(vectors), bar, dtype=np.float32) for bar in (1 - 1e-3, 1 + 1e-3))
    order = np.arange(len(vectors))

    for second in (0, COLUMNS):
        found = ByteScreen(vectors, order, below).over(0, second)
        assert len(found.row) == COLUMNS**2
        assert (found.row // COLUMNS == second // COLUMNS).all()
        assert len(ByteScreen(vectors, order, above).over(0, second).row) == 0


@pytest.mark.skipif(not STEPS, reason="this processor does not multiply bytes fast")
def test_bytes_are_not_multiplied_by_what_is_there_only_to_be_compared_with():
    program = (
        "import numpy as np; from kg.screens import ByteScreen; "
        "vectors = np.eye(64, 16, dtype=np.float32); "
        "ByteScreen(vectors, np.arange(64), vectors[:, 0]).over(0, 0)"
    )
    said = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "ONEDNN_VERBOSE": "1"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    products = [line.split(",")[6] for line in said.splitlines() if ",exec,cpu,matmul," in line]
    assert products
    assert not any(implementation.startswith("ref") for implementation in products)


def test_vectors_are_rounded_to_few_steps_where_bytes_are_fast(
    monkeypatch: pytest.MonkeyPatch, rounded: np.ndarray
):
    steps = rounded / (np.abs(rounded).max() / (STEPS or 127))

    assert np.abs(steps - np.rint(steps)).max() < 1e-3
    again = as_bytes_hold(rounded.copy())
    np.testing.assert_allclose(again, rounded, atol=1e-6)
    monkeypatch.setattr(screens, "steps_of_bytes", lambda: 0)
    other = np.float32([[0.123456789]])
    assert as_bytes_hold(other.copy()).tolist() == other.tolist()


def test_where_bytes_are_not_fast_products_are_asked(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(screens, "steps_of_bytes", lambda: 0)
    vectors = np.eye(3, dtype=np.float32)

    screen = screen_of(vectors, np.arange(3), np.float32([0.5, 0.5, 0.5]), SingleProducts())

    assert isinstance(screen, ProductScreen)
    assert np.stack(screen.over(0, 0)).tolist() == [[0, 1, 2], [0, 1, 2]]
