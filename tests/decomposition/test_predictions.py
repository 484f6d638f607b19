import dataclasses

import pytest

from decomposition.errors import PredictionError
from decomposition.experiments import EXPERIMENTS
from decomposition.measurements import Control, Measured
from decomposition.predictions import Prediction, judge, predict

RECOVERY, ABLATION = EXPERIMENTS["recovery"], EXPERIMENTS["ablation_specificity"]

SIDES = [
    (RECOVERY, "above", "SPD recovers the ground truth mechanisms in the toy model."),
    (RECOVERY, "above", "Parameter subcomponents cleanly isolate true mechanisms of the model"),
    (RECOVERY, "above", "SPD also better identifies mechanisms, and avoids shrinkage."),
    (RECOVERY, "above", "Subcomponents match the mechanisms better than random directions."),
    (RECOVERY, "above", "Random directions do not match the mechanisms as well as ours."),
    (RECOVERY, "above", "Not only does it recover the mechanisms, it does so quickly."),
    (RECOVERY, "above", "The method does not fail to recover the mechanisms."),
    (RECOVERY, "above", "The mechanisms are recovered without any labels."),
    (RECOVERY, "below", "Subcomponents do not match the true mechanisms of the toy model."),
    (
        RECOVERY,
        "below",
        "Random directions match the mechanisms of a toy model as well as learned subcomponents.",
    ),
    (RECOVERY, "below", "SPD is no better than random directions at finding the mechanisms."),
    (RECOVERY, "below", "Subcomponents are as close to the mechanisms as random directions."),
    (RECOVERY, "below", "APD fails to learn the ground truth mechanisms in this model."),
    (RECOVERY, "below", "Subcomponents match no mechanism of the model."),
    (RECOVERY, "below", "The subcomponents are unrelated to the model's mechanisms."),
    (RECOVERY, "below", "There is no evidence that subcomponents match the mechanisms."),
    (
        ABLATION,
        "above",
        "A good parameter subcomponent is causally important only for specific roles and can be "
        "removed from the model without hurting performance on irrelevant prompts",
    ),
    (
        ABLATION,
        "above",
        "Ablating a subcomponent changes the output where it is causally important, and leaves "
        "it unchanged elsewhere.",
    ),
    (ABLATION, "above", "Removing a subcomponent does not affect unrelated inputs."),
    (ABLATION, "above", "Ablations of subcomponents have specific effects."),
    (
        ABLATION,
        "below",
        "Removing a subcomponent changes the output on every input, whether or not it is "
        "causally important.",
    ),
    (ABLATION, "below", "Removing a subcomponent leaves every output unchanged on all inputs."),
    (ABLATION, "below", "A subcomponent cannot be removed without hurting unrelated inputs."),
    (ABLATION, "below", "Removing a subcomponent also changes the output on irrelevant prompts."),
    (
        ABLATION,
        "below",
        "Removing a subcomponent has no more effect where it matters than where it does not.",
    ),
]


@pytest.mark.parametrize(("experiment", "side", "text"), SIDES)
def test_the_side_is_read_from_the_statements_own_words(experiment, side: str, text: str):
    prediction = predict("stm-1", text, experiment)

    assert prediction.side == side
    assert prediction.threshold == experiment.default_threshold
    assert ("asserts" if side == "above" else "denies") in prediction.sentence


@pytest.mark.parametrize("experiment", EXPERIMENTS.values(), ids=EXPERIMENTS)
def test_a_statement_about_something_else_is_refused_with_what_to_do(experiment):
    with pytest.raises(PredictionError, match=r"none of its terms.*--side above or --side below"):
        predict("stm-1", "Attention heads attend to the first token.", experiment)


@pytest.mark.parametrize(
    ("experiment", "text"),
    [
        (RECOVERY, "Mechanisms are the units of the model."),
        (RECOVERY, "SPD matches the mechanisms but does not match them in deep models."),
        (ABLATION, "Removing a subcomponent changes the output."),
    ],
)
def test_a_statement_that_is_not_clear_is_refused_with_what_to_do(experiment, text: str):
    with pytest.raises(PredictionError, match=r"not clear.*--side above or --side below"):
        predict("stm-1", text, experiment)


def test_a_side_and_a_threshold_that_are_given_are_taken_whatever_the_words():
    prediction = predict("stm-1", "Nothing to read here.", RECOVERY, "below", 0.5)

    assert (prediction.side, prediction.threshold) == ("below", 0.5)
    assert prediction.sentence.startswith("As stated by hand")
    assert "below 0.5" in prediction.sentence


def test_a_number_in_the_text_does_not_move_the_threshold():
    text = "SPD recovers the mechanisms with a cosine similarity of 0.999."

    assert predict("stm-1", text, RECOVERY).threshold == RECOVERY.default_threshold


ABOVE = Prediction("stm-1", "recovery", "above", 0.9, "relative closeness", "")
BELOW = dataclasses.replace(ABOVE, side="below")
CONTROL = Control("random", 0.2, 0.1, 0.3, 100)


def measured(low: float, high: float, n: int = 5, control: Control = CONTROL) -> Measured:
    value = (low + high) / 2
    unit = "relative closeness"
    return Measured("recovery", value, low, high, n, 4, unit, (control,), (), {})


@pytest.mark.parametrize(
    ("outcome", "above", "below"),
    [
        (measured(0.91, 0.95), "supports", "refutes"),
        (measured(0.10, 0.89), "refutes", "supports"),
        (measured(0.85, 0.95), "inconclusive", "inconclusive"),
        (measured(0.90, 0.95), "inconclusive", "inconclusive"),
        (measured(0.80, 0.90), "inconclusive", "inconclusive"),
        (measured(0.91, 0.95, n=3), "inconclusive", "inconclusive"),
        (measured(0.10, 0.20, n=3), "inconclusive", "inconclusive"),
    ],
)
def test_the_whole_interval_decides(outcome: Measured, above: str, below: str):
    assert judge(ABOVE, outcome).stance == above
    assert judge(BELOW, outcome).stance == below


def test_a_number_that_the_control_reaches_too_neither_supports_nor_refutes():
    high = dataclasses.replace(CONTROL, high=0.92)
    outcome = measured(0.91, 0.95, control=high)

    assert judge(ABOVE, outcome).stance == judge(BELOW, outcome).stance == "inconclusive"
    assert "control (random) reaches 0.92 as well" in judge(ABOVE, outcome).reason


def test_the_reason_says_what_was_compared():
    assert "[0.91, 0.95] lies above 0.9" in judge(ABOVE, measured(0.91, 0.95)).reason
    assert "n = 3 is less than the 4" in judge(ABOVE, measured(0.91, 0.95, n=3)).reason


def test_a_prediction_is_not_judged_by_another_experiment():
    other = dataclasses.replace(ABOVE, experiment="ablation_specificity")

    with pytest.raises(AssertionError):
        judge(other, measured(0.91, 0.95))
