import pytest

from decomposition import sweeping
from decomposition.config import DecompositionConfig
from decomposition.errors import SweepError
from decomposition.sweeping import SweepRule, Trial, coefficients_around, judged, sweep

SHORT = DecompositionConfig(restarts=1, steps=2, batch_size=32, n_objective=64)


def test_the_smallest_coefficient_that_passes_is_taken_and_none_beyond_it_tried(
    pentagon, monkeypatch
):
    def judge(decomposition, _rule):
        coefficient = decomposition.config.minimality
        return Trial(coefficient, 0.0, 0.0, passes=coefficient >= 0.01)

    monkeypatch.setattr(sweeping, "judged", judge)

    found = sweep(pentagon, SHORT, [0.1, 0.001, 0.01], SweepRule())

    assert [trial.minimality for trial in found.trials] == [0.001, 0.01]
    assert found.decomposition.config.minimality == 0.01


def test_a_perfect_decomposition_keeps_a_rule_that_is_not_too_strict(perfect):
    trial = judged(perfect, SweepRule())

    assert trial.passes
    # a quarter of five features at one in twenty, in each of two matrices of rank 2
    assert trial.l0 == pytest.approx(2 * 5 * 0.05 / 4, rel=0.3)
    assert not judged(perfect, SweepRule(max_l0=0.01)).passes


def test_a_decomposition_that_breaks_under_masks_does_not_keep_the_rule(fresh):
    trial = judged(fresh, SweepRule())

    assert trial.harm > 0.1
    assert not trial.passes


def test_a_sweep_in_which_nothing_passes_says_what_it_found(pentagon):
    with pytest.raises(SweepError, match=r"0\.001: error .*%, L0 .*%; 0\.01: error"):
        sweep(pentagon, SHORT, [0.01, 0.001], SweepRule(max_harm=1e-9))


def test_coefficients_around_the_configurations_own_include_it():
    assert coefficients_around(DecompositionConfig(minimality=0.02))[2] == 0.02


def test_progress_counts_the_steps_of_all_trials(pentagon):
    seen = []

    with pytest.raises(SweepError):
        sweep(
            pentagon,
            SHORT,
            [0.1, 0.2],
            SweepRule(max_harm=1e-9),
            lambda done, of: seen.append((done, of)),
        )

    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]
