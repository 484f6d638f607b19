"""How alike two partitions are: by hand, and beside scikit-learn."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import adjusted_mutual_info_score

from kg.partition_similarity import similarity

pairs = st.integers(1, 60).flatmap(
    lambda n: st.tuples(
        st.lists(st.integers(0, 9), min_size=n, max_size=n),
        st.lists(st.integers(0, 9), min_size=n, max_size=n),
    )
)


@given(pairs)
def test_the_adjusted_mutual_information_is_that_of_scikit_learn(pair):
    first, second = map(np.array, pair)

    found = similarity(first, second).adjusted_mutual_information

    assert found == pytest.approx(adjusted_mutual_info_score(first, second), abs=1e-9)


def test_large_parts_are_summed_as_scikit_learn_does():
    generator = np.random.default_rng(3)
    first = generator.integers(0, 4, 20_000)
    second = np.where(generator.random(20_000) < 0.4, first, generator.integers(0, 700, 20_000))

    found = similarity(first, second).adjusted_mutual_information

    assert found == pytest.approx(adjusted_mutual_info_score(first, second), abs=1e-9)


@given(pairs)
def test_the_order_of_the_two_makes_no_difference_and_names_of_parts_make_none(pair):
    first, second = map(np.array, pair)

    found = similarity(first, second)

    assert found == pytest.approx(similarity(second, first), abs=1e-12)
    assert found == pytest.approx(similarity(9 - first, second + 5), abs=1e-12)
    assert 0 <= found.variation_of_information <= math.log2(len(first)) + 1e-9


def test_halves_of_halves_differ_by_the_bit_that_tells_them_apart():
    whole, halves = np.zeros(8, int), np.arange(8) % 2
    quarters = np.arange(8) % 4

    assert similarity(whole, halves).variation_of_information == pytest.approx(1)
    assert similarity(halves, quarters).variation_of_information == pytest.approx(1)
    assert similarity(whole, quarters).variation_of_information == pytest.approx(2)
    assert similarity(quarters, quarters) == (1, 0)


def test_nothing_is_like_nothing():
    assert similarity(np.zeros(0, int), np.zeros(0, int)) == (1, 0)
