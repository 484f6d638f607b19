"""Words that can stand for one another, and words that exclude each other."""

import pytest

from kg.lexicon import stem
from kg.thesaurus import are_synonyms, opposites_of


@pytest.mark.parametrize(
    ("one", "other"), [("tracked", "trace"), ("revealing", "exposes"), ("tasks", "jobs")]
)
def test_words_that_mean_the_same_are_told_by_stem(one: str, other: str):
    assert are_synonyms(stem(one), stem(other))
    assert are_synonyms(stem(other), stem(one))


@pytest.mark.parametrize(("one", "other"), [("tiny", "large"), ("spread", "concentrated")])
def test_opposites_are_found_by_way_of_what_is_similar(one: str, other: str):
    assert stem(other) in opposites_of(stem(one))


def test_nothing_follows_from_one_line_to_another():
    assert are_synonyms(stem("spread"), stem("extend"))
    assert are_synonyms(stem("extend"), stem("enlarge"))
    assert not are_synonyms(stem("spread"), stem("enlarge"))


def test_an_unknown_word_has_neither():
    assert opposites_of("zzgrok") == frozenset()
    assert not are_synonyms("zzgrok", "track")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("student", "study"),
        ("positive", "position"),
        ("generate", "generalise"),
        ("story", "store"),
    ],
)
def test_words_with_one_beginning_are_not_one_word(one: str, other: str):
    assert stem(one) != stem(other)
