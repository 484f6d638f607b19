"""Words that have changed slots in one frame of function words, and words that were put in."""

import pytest

from kg.agreement import Facet, disagreements
from kg.skeletons import frame_of, is_contained, order_shared, slots_are_swapped
from kg.wordings import readings


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            "The router sends code to the third expert and prose to the first.",
            "The router sends prose to the third expert and code to the first.",
        ),
        (
            "The two seeds converge to different circuits with the same loss.",
            "The two seeds converge to the same circuit with different losses.",
        ),
        (
            "Clustering the neurons by co-activation recovers the known modules.",
            "Clustering the known modules by co-activation recovers the neurons.",
        ),
        (
            "The proxy works well in early layers but poorly in late layers.",
            "The proxy works poorly in early layers but well in late layers.",
        ),
    ],
)
def test_the_same_words_in_other_slots_of_one_skeleton_say_something_else(one, other):
    assert slots_are_swapped(*readings(one, other))
    assert Facet.DIRECTION in {found.facet for found in disagreements(one, other)}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Heads and neurons copy the name.", "Neurons and heads copy the name."),
        ("The probe reads the layer.", "The layer is read by the probe."),
        ("The probe reads the layer.", "The probe reads a layer."),
        ("Ablation removes the circuit in GPT-2", "In GPT-2 ablation removes the circuit"),
        (
            "The router sends code to the third expert and prose to the first.",
            "Prose is sent to the first expert and code to the third by the router.",
        ),
    ],
)
def test_what_is_joined_or_moved_with_its_function_words_says_the_same(one, other):
    assert not slots_are_swapped(*readings(one, other))


def test_a_frame_has_one_slot_more_than_function_words_and_no_determiners():
    one, _ = readings("The probe reads the layer by a head", "x")

    frame = frame_of(one)

    assert frame.skeleton == ("by",)
    assert [len(slot) for slot in frame.slots] == [3, 1]


@pytest.mark.parametrize(
    ("one", "other", "is_so"),
    [
        ("Most heads have no role.", "Most heads in the upper half have no role.", True),
        ("Probes must be tested on tasks.", "Probes must be tested on debugging tasks.", True),
        ("Most heads have no role.", "Most heads have no role here.", False),
        ("Probes must be tested on tasks.", "On debugging tasks, probes must be tested.", False),
        ("Most heads have no role.", "Most heads have no role.", False),
    ],
)
def test_a_sentence_with_a_word_put_in_contains_the_other(one, other, is_so):
    assert is_contained(*readings(one, other)) is is_so
    assert is_contained(*readings(other, one)) is is_so


def test_the_share_of_words_in_the_same_order_is_counted_by_hand():
    one, two = readings("Heads copy the name of the subject.", "The subject is copied by heads.")

    assert order_shared(one, two) == order_shared(two, one) == 2 / 7  # "the subject"
    assert order_shared(one, one) == 1
