"""Discs that do not overlap, and lie near what pulls at them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.packing import enclosing, packed

RADII = st.lists(st.floats(0.5, 20.0), min_size=1, max_size=12)


@given(RADII, st.floats(0.0, 3.0), st.integers(0, 99))
def test_no_two_discs_are_nearer_than_the_gap(sizes: list[float], gap: float, seed: int):
    radii = np.array(sizes)
    pull = np.random.default_rng(seed).random((len(radii), len(radii)))

    centres = packed(radii, pull + pull.T, gap)

    apart = np.linalg.norm(centres[:, None] - centres, axis=2)
    least = radii[:, None] + radii + gap
    others = ~np.eye(len(radii), dtype=bool)
    assert (apart[others] >= least[others] * (1 - 1e-6)).all()
    assert np.average(centres, axis=0, weights=radii**2) == pytest.approx([0, 0], abs=1e-6)
    assert np.linalg.norm(centres, axis=1).max() + radii.min() <= enclosing(centres, radii) + 1e-9


def test_two_groups_that_pull_within_lie_apart():
    group = np.arange(10) % 2
    pull = (group[:, None] == group).astype(float)

    centres = packed(np.ones(10), pull)

    apart = np.linalg.norm(centres[:, None] - centres, axis=2)
    within = apart[pull > 0].sum() / (pull.sum() - 10)
    assert within < 0.8 * apart[pull == 0].mean()


def test_the_flat_spread_to_the_sides():
    sides = np.ptp(packed(np.ones(30), np.zeros((30, 30)), flatness=2.0), axis=0)

    assert sides[0] > 1.4 * sides[1]


def test_none_and_one():
    assert packed(np.zeros(0), np.zeros((0, 0))).shape == (0, 2)
    assert packed(np.ones(1), np.zeros((1, 1))).tolist() == [[0.0, 0.0]]
