"""What chance would make two sets share, and the correction for many pairs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import false_discovery_control, hypergeom

from kg.overlaps import expected_overlap, log_p_values, q_values, sizes


@st.composite
def overlaps(draw: st.DrawFn) -> tuple[int, int, int, int]:
    """How many are shared, in one set, in the other, and in all; possible ones only."""
    everyone = draw(st.integers(1, 400))
    here, there = draw(st.integers(1, everyone)), draw(st.integers(1, everyone))
    shared = draw(st.integers(max(0, here + there - everyone), min(here, there)))
    return shared, here, there, everyone


@given(st.lists(overlaps(), min_size=1, max_size=20))
def test_the_p_value_is_the_tail_of_the_hypergeometric_law(pairs):
    shared, here, there, everyone = np.array(pairs).T

    log_p = log_p_values(sizes(shared, here, there, everyone))

    expected = hypergeom.sf(shared - 1, everyone, here, there)
    np.testing.assert_allclose(np.exp(log_p), expected, rtol=1e-8)


def test_the_p_value_of_a_worked_example():
    # Of 11, 7 here and 5 there: at least 3 shared with probability
    # (C(7,3) C(4,2) + C(7,4) C(4,1) + C(7,5)) / C(11,5) = (210 + 140 + 21) / 462.
    pairs = sizes(3, 7, 5, 11)

    assert np.exp(log_p_values(pairs)) == pytest.approx(371 / 462)
    assert expected_overlap(pairs) == pytest.approx(35 / 11)


def test_a_p_value_too_small_for_a_float_still_has_a_logarithm():
    # All 1000 of 10^6 shared: 1 / C(10^6, 1000).
    terms = np.log(np.arange(1, 1001)) - np.log(np.arange(10**6 - 999, 10**6 + 1))

    log_p = log_p_values(sizes(1000, 1000, 1000, 10**6))

    assert log_p == pytest.approx(terms.sum(), rel=1e-9)
    assert log_p < -7000


@given(st.lists(st.floats(1e-12, 1), min_size=1, max_size=30))
def test_where_all_that_is_tested_is_shown_q_is_that_of_benjamini_and_hochberg(p):
    q = q_values(np.log(p), len(p))

    np.testing.assert_allclose(q, false_discovery_control(p, method="bh"), rtol=1e-9)


def test_pairs_that_are_not_shown_count_as_tests_but_not_as_discoveries():
    # Of ten tests two are shown: 10 * .002 / 1 and 10 * .01 / 2, of which the first may not be
    # more than the second.
    q = q_values(np.log([0.01, 0.002]), 10)

    np.testing.assert_allclose(q, [0.05, 0.02])


def test_no_overlap_has_no_q_value():
    assert q_values(np.array([]), 5).tolist() == []
