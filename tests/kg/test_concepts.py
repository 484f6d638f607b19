"""Concepts: what statements share in words, and how much that counts."""

import math
import random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kg.concepts import Concepts, concept_neighbours, concepts_of, inverse_frequency, lined_up
from tests.kg.conftest import STATEMENTS

SAID = [(f"s{place:02d}", said.text) for place, said in enumerate(STATEMENTS)]


def _columns(sets: list[set[str]]) -> Concepts:
    ids = [f"s{place:04d}" for place in range(len(sets))]
    return lined_up(dict(zip(ids, map(frozenset, sets), strict=True)), ids)


def _neighbours(sets: list[set[str]], k: int = 5, max_share: float = 1.0) -> dict:
    found = concept_neighbours(_columns(sets), k, max_share, 1000)
    pairs = zip(found.row.tolist(), found.other.tolist(), strict=True)
    return dict(zip(pairs, found.similarity.tolist(), strict=True))


def test_statements_share_the_phrases_that_both_use():
    concepts = concepts_of(SAID)

    assert "induction head" in concepts["s04"] & concepts["s05"] & concepts["s07"]
    assert "feature splitting" in concepts["s03"] & concepts["s10"]
    assert not concepts["s04"] & concepts["s02"]


def test_what_one_statement_alone_says_is_no_concept():
    concepts = concepts_of(SAID)

    counts = [sum(name in found for found in concepts.values()) for name in _names(concepts)]
    assert min(counts) == 2


def test_case_and_plural_make_no_difference():
    concepts = concepts_of([("a", "Induction Heads in it"), ("b", "An induction head")])

    assert concepts["a"] == concepts["b"] == {"induction head"}


def test_a_word_that_only_occurs_in_a_longer_concept_says_nothing_more():
    twice = [("a", "Sparse autoencoders are wide"), ("b", "This is a sparse autoencoder")]
    apart = [*twice, ("c", "An autoencoder without a penalty")]

    assert concepts_of(twice)["a"] == {"sparse autoencoder"}
    assert concepts_of(apart)["a"] == {"sparse autoencoder", "autoencoder"}


@given(st.integers(0, 10**6))
def test_the_order_of_the_statements_makes_no_difference(seed: int):
    shuffled = random.Random(seed).sample(SAID, len(SAID))

    assert concepts_of(shuffled) == concepts_of(SAID)


def test_an_acronym_is_a_concept():
    concepts = concepts_of([("a", "SAEs split features"), ("b", "Training an SAE is cheap")])

    assert concepts["a"] == concepts["b"] == {"sae"}


def test_without_statements_there_are_no_concepts():
    assert concepts_of([]) == {}
    assert _neighbours([]) == {}
    assert _neighbours([set(), set()]) == {}


def test_what_everybody_mentions_counts_next_to_nothing():
    # ln(1 + 0.5 / 100.5) and ln(1 + 98.5 / 2.5), by hand
    assert math.isclose(inverse_frequency(100, 100), 0.004963, abs_tol=1e-6)
    assert math.isclose(inverse_frequency(2, 100), 3.698830, abs_tol=1e-6)


def test_similarity_is_the_damped_cosine_of_the_worked_example():
    # n = 4. x is had by 2: w = ln(1 + 2.5/2.5) = ln 2; y by 3: w = ln(1 + 1.5/3.5) = 0.356675;
    # one's own concept: w1 = ln(1 + 3.5/1.5) = 1.203973. Squares: 0.480453, 0.127217, 1.449551.
    # s(0, 1) = (0.480453 + 0.127217) / (1.449551 + 0.480453 + 0.127217) = 0.295384
    # s(0, 2) = 0.127217 / sqrt(2.057221 * (1.449551 + 0.127217)) = 0.070636
    found = _neighbours([{"x", "y"}, {"x", "y"}, {"y"}, set()])

    assert set(found) == {(0, 1), (1, 0), (0, 2), (2, 0), (1, 2), (2, 1)}
    assert math.isclose(found[0, 1], 0.295384, abs_tol=2e-6)
    assert math.isclose(found[0, 2], 0.070636, abs_tol=2e-6)


@given(st.lists(st.sets(st.sampled_from("abcdefg")), max_size=25), st.integers(1, 4))
def test_each_statement_has_at_most_k_similar_ones_and_similarity_has_no_direction(sets, k):
    found = _neighbours(sets, k)

    every = _neighbours(sets, k=25)
    counts = np.bincount([row for row, _ in found], minlength=1)
    assert counts.max() <= k
    assert all(0 < similarity < 1 for similarity in every.values())
    assert all(math.isclose(every[pair], every[pair[::-1]], abs_tol=2e-6) for pair in every)


def test_a_concept_that_many_share_ties_nobody_but_their_rarer_ones_do():
    n = 1200  # more than one block of rows
    sets = [{f"rare {place // 2}"} | ({"model"} if place % 4 else set()) for place in range(n)]

    found = _neighbours(sets, k=5, max_share=0.1)
    with_the_common_one = _neighbours(sets, k=5, max_share=1.0)

    assert set(found) == {(place, place ^ 1) for place in range(n)}
    assert len(with_the_common_one) > 3 * n


def test_a_concept_of_very_many_ties_nobody_whatever_their_share():
    sets = [{"model"} for _ in range(30)]

    assert concept_neighbours(_columns(sets), 5, 1.0, 29).row.size == 0
    assert concept_neighbours(_columns(sets), 5, 1.0, 30).row.size == 150


def _names(concepts: dict[str, frozenset[str]]) -> list[str]:
    return sorted(frozenset().union(*concepts.values()))
