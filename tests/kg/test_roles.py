"""Words that have changed places between two sentences."""

import pytest

from kg.agreement import disagreements, replaced_words
from kg.wordings import readings


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("Traits pass from teacher to student", "Traits pass from student to teacher"),
        (
            "Feedback rewards agreeable answers over true ones",
            "Feedback rewards true answers over agreeable ones",
        ),
        (
            "Early layers detect edges while later layers detect objects",
            "Early layers detect objects while later layers detect edges",
        ),
        (
            "Small changes to the prompt cause large changes in the answer",
            "Large changes to the prompt cause small changes in the answer",
        ),
        (
            "Erasure makes probes fairer but less accurate",
            "Erasure makes probes less fair but more accurate",
        ),
        (
            "Tokenisation errors cause miscounted letters",
            "Miscounted letters cause tokenisation errors",
        ),
        (
            "Distillation transfers the teacher's circuits to the student",
            "Distillation transfers the student's circuits to the teacher",
        ),
        (
            "Steering changes the tone without affecting the accuracy",
            "Steering changes the accuracy without affecting the tone",
        ),
        (
            "Transcoders replace an MLP layer with a sparse approximation",
            "A sparse approximation is replaced by an MLP layer in transcoders",
        ),
        ("Two heads in three layers copy", "Three heads in two layers copy"),
        ("Models deceive users", "Users deceive models"),
        ("Patching identifies the cause of misidentification", "Patching misses the cause of it"),
        ("Few neurons are polysemantic", "Polysemantic neurons are common"),
        ("Heads and layers both matter", "Heads matter, whereas layers do not"),
    ],
)
def test_words_that_change_places_are_a_disagreement(a: str, b: str):
    assert disagreements(a, b) or replaced_words(*readings(a, b))


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("Noise prevents convergence", "Convergence is prevented by noise"),
        ("Adding noise destroys the trigger", "Noise added destroys the trigger"),
        ("Probes agree with monitors", "Monitors agree with probes"),
        (
            "While later layers detect objects, early layers detect edges",
            "Early layers detect edges while later layers detect objects",
        ),
        ("Heads form before the loss falls", "The loss falls after heads form"),
        ("Dropping the loss hurts", "Without the loss it hurts"),
        (
            "The student studies the teacher's circuits",
            "The circuits of the teacher are studied by the student",
        ),
        (
            "Probes bridge interpretability with alignment",
            "Probes bridge alignment with interpretability",
        ),
        ("Safety training does not remove backdoors", "Backdoors survive safety training"),
    ],
)
def test_a_passive_or_another_order_is_none(a: str, b: str):
    assert disagreements(a, b) == []
