"""The benchmark of names: planted topics are found, and better than by a baseline."""

import random

import pytest

from benchmarks.bench_labels import measure, plant
from benchmarks.label_topics import TOPICS


@pytest.mark.slow
def test_names_are_matched_to_their_topics_more_often_than_the_most_frequent_word():
    measured = measure(300, 1, seed=2, mixings=(0.2, 0.4))

    assert measured["communities"] > 15
    assert measured["accuracy"] >= 0.75
    assert measured["accuracy"] > measured["accuracy, most frequent word"]
    assert measured["accuracy, the topics' own names"] == 1
    assert measured["labels_given_twice_in_a_graph"] == 0


def test_topics_share_words_and_no_statement_is_only_its_topics_name():
    planted = plant(300, 0.3, random.Random(1))
    terms = [term for topic in TOPICS for term in topic.terms]

    assert len(terms) - len(set(terms)) > 30
    for each in planted:
        assert len({member.text for member in each.members}) > 1
        assert sum(each.topic.name in member.text for member in each.members) < len(each.members)
