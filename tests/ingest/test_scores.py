"""Figures worked out by hand, and what their intervals must do."""

import pytest

from ingest.scores import gain, judged

TRUTH = ["claim"] * 4 + ["finding"] * 2 + ["neither"] * 2
FOUND = ["claim", "claim", "claim", "finding", "finding", "neither", "neither", "claim"]


def test_figures_of_classes_and_their_means_are_those_of_the_hand():
    judgement = judged(TRUTH, FOUND)

    # claim: 3 of 4 found are true, 3 of 4 true are found; finding: 1 of 2, 1 of 2; neither: same
    assert judgement.classes["claim"].precision == pytest.approx(3 / 4)
    assert judgement.classes["claim"].recall == pytest.approx(3 / 4)
    assert judgement.classes["finding"].f1 == pytest.approx(1 / 2)
    assert judgement.macro.f1 == pytest.approx((3 / 4 + 1 / 2 + 1 / 2) / 3, abs=1e-6)
    assert [each.n for each in judgement.classes.values()] == [4, 2, 2]
    assert judgement.macro.n == 8


def test_precision_and_recall_are_not_mixed_up():
    judgement = judged(["claim", "claim", "claim", "neither"], ["claim", *["neither"] * 3])

    assert judgement.classes["claim"].precision == 1
    assert judgement.classes["claim"].recall == pytest.approx(1 / 3, abs=1e-6)
    assert judgement.classes["neither"].precision == pytest.approx(1 / 3, abs=1e-6)


def test_a_class_that_is_never_predicted_counts_as_nothing():
    judgement = judged(["claim", "finding"], ["claim", "claim"])

    # claim: precision 1/2, recall 1, F1 2/3
    assert judgement.classes["finding"].f1 == 0
    assert judgement.macro.f1 == pytest.approx(1 / 3, abs=1e-6)


def test_a_class_that_is_only_predicted_is_no_class_of_its_own():
    judgement = judged(["claim", "claim"], ["claim", "finding"])

    assert list(judgement.classes) == ["claim"]
    assert judgement.macro.recall == pytest.approx(1 / 2)


def test_what_is_always_right_is_certain():
    figures = judged(TRUTH, TRUTH).macro

    assert figures.f1 == 1
    assert figures.intervals.f1 == (1, 1)


def test_intervals_hold_their_figure_and_narrow_with_more_cases():
    few, many = judged(TRUTH, FOUND).macro, judged(TRUTH * 50, FOUND * 50).macro

    for figures in (few, many):
        for name in ("precision", "recall", "f1"):
            low, high = getattr(figures.intervals, name)
            assert low < getattr(figures, name) < high
    # n is 50 times larger, so the interval is about 7 times narrower
    assert _width(many.intervals.f1) < _width(few.intervals.f1) / 5


def test_an_interval_is_as_wide_as_the_normal_approximation_says():
    truth, found = ["claim"] * 400, ["claim"] * 300 + ["neither"] * 100

    recall = judged(truth, found).classes["claim"].intervals.recall

    # 1.96 sqrt(.75 * .25 / 400) = .0424
    assert recall == pytest.approx((0.75 - 0.0424, 0.75 + 0.0424), abs=0.006)


def test_a_method_gains_nothing_over_itself():
    over_itself = gain(TRUTH, FOUND, FOUND)

    assert over_itself.f1 == 0
    assert over_itself.interval == (0, 0)


def test_a_gain_is_the_difference_of_the_two_macro_f1():
    other = ["claim"] * 8

    over = gain(TRUTH, FOUND, other)

    assert over.f1 == pytest.approx(judged(TRUTH, FOUND).macro.f1 - judged(TRUTH, other).macro.f1)
    assert gain(TRUTH, other, FOUND).f1 == -over.f1
    assert over.interval[0] < over.f1 < over.interval[1]


def test_a_gain_resamples_both_methods_together():
    n = 200
    truth = ["claim", "neither"] * n
    ours = ["claim", "claim"] * n
    theirs = [*ours[:-2], "neither", "claim"]

    over = gain(truth, ours, theirs)

    # alone, each F1 is uncertain by a few hundredths; they differ in one case of 400
    assert _width(over.interval) < 0.02 < _width(judged(truth, ours).macro.intervals.precision)


def _width(interval: tuple[float, float]) -> float:
    return interval[1] - interval[0]
