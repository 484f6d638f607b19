"""Phrases: runs of words between stop words, verbs and punctuation."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kg.phrases import Spelling, acronyms_in, folded, folded_words, phrases_of


def test_phrases_stand_between_function_words_verbs_numbers_and_punctuation():
    found = phrases_of("Sparse dictionaries, which explain 40 dead neurons, show feature splitting")

    assert {spelling.words for spelling in found.values()} == {
        "Sparse dictionaries",
        "dictionaries",
        "dead neurons",
        "neurons",
        "feature",
        "feature splitting",
        "splitting",
    }


def test_a_name_with_underscores_is_one_word_and_a_number_is_none():
    assert set(phrases_of("pre_tool activation predicts x_1 except on #22358’s turns")) == {
        "pre tool",
        "pre tool activation",
        "activation",
    }


def test_contractions_are_not_part_of_a_phrase():
    found = phrases_of("It’s fair that they've zinc probes; don't see what there's iron in")

    assert {spelling.words for spelling in found.values()} == {
        "zinc",
        "zinc probes",
        "probes",
        "iron",
    }


def test_verbs_and_adjectives_end_no_phrase_and_are_none():
    found = phrases_of("An honest probe evaluates what spatial latents distinguish, and is safe")

    assert set(found) == {"honest probe", "probe", "spatial latent", "latent"}


def test_plural_case_and_hyphen_make_no_difference():
    keys = [set(phrases_of(text)) for text in ("the attribution graph", "Attribution-Graphs")]

    assert keys[0] & keys[1] == {"attribution graph"}


def test_a_spelling_from_inside_a_sentence_is_preferred():
    found = phrases_of("Toy models are small. No toy models are large. Toy models again.")

    assert found["toy model"] == Spelling("toy models", False)


def test_a_phrase_at_the_beginning_of_a_sentence_is_marked():
    found = phrases_of("We saw it. “Toy models” are small")

    assert found["toy model"] == Spelling("Toy models", True)


@pytest.mark.parametrize(
    ("word", "key"),
    [
        ("Features", "feature"),
        ("frequencies", "frequency"),
        ("SAEs", "sae"),
        ("SAE's", "sae"),
        ("matrices", "matrix"),
        ("classes", "class"),
        ("loss", "loss"),
        ("corpus", "corpus"),
        ("analysis", "analysis"),
        ("Ｆeature’s", "feature"),
    ],
)
def test_a_word_loses_its_case_and_plural(word: str, key: str):
    assert folded(word) == key


def test_an_acronym_is_half_capitals():
    text = "SAEs, VPD's ML2R and V.P.C. of GPT-2 by OpenAI on GitHub: THE LoRA, a ReLU; mRNA"

    assert acronyms_in(text) == {
        "SAE", "VPD", "ML2R", "VPC", "GPT", "OpenAI", "LoRA", "ReLU", "mRNA"
    }  # fmt: skip


@given(st.text())
def test_every_phrase_is_made_of_words_of_the_text(text: str):
    words = folded_words(text)

    for key, spelling in phrases_of(text).items():
        assert spelling.words in text or " ".join(spelling.words.split()) in " ".join(text.split())
        assert key in " ".join(words)
