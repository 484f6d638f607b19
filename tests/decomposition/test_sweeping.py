import pytest

from decomposition import sweeping
from decomposition.config import DecompositionConfig
from decomposition.errors import CheckpointError, SweepError
from decomposition.sweeping import (
    SweepRule,
    Trial,
    judged,
    sweep,
    swept,
    with_minimality,
)

SHORT = DecompositionConfig(restarts=1, steps=2, batch_size=32, n_objective=64)


def test_the_smallest_coefficient_that_passes_is_taken_and_none_beyond_it_tried(
    pentagon, monkeypatch
):
    def judge(decomposition, _rule):
        coefficient = decomposition.config.minimality
        return Trial(coefficient, 0.0, 0.0, passes=coefficient >= 0.01)

    monkeypatch.setattr(sweeping, "judged", judge)

    found = sweep(pentagon, swept(SHORT, [0.1, 0.001, 0.01]), SweepRule())

    assert [trial.minimality for trial in found.trials] == [0.001, 0.01]
    assert found.decomposition.config.minimality == 0.01


def test_the_largest_that_passes_can_be_asked_for(pentagon, monkeypatch):
    def judge(decomposition, _rule):
        coefficient = decomposition.config.minimality
        return Trial(coefficient, 0.0, 0.0, passes=coefficient <= 0.01)

    monkeypatch.setattr(sweeping, "judged", judge)

    found = sweep(pentagon, swept(SHORT, [0.1, 0.001, 0.01]), SweepRule(choose="largest"))

    assert [trial.minimality for trial in found.trials] == [0.1, 0.01]
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
        sweep(pentagon, swept(SHORT, [0.01, 0.001]), SweepRule(max_harm=1e-9))


def test_coefficients_around_the_configurations_own_include_it():
    assert swept(DecompositionConfig(minimality=0.02))[2].minimality == 0.02


def test_progress_counts_the_steps_of_all_trials(pentagon):
    seen = []

    with pytest.raises(SweepError):
        sweep(
            pentagon,
            swept(SHORT, [0.1, 0.2]),
            SweepRule(max_harm=1e-9),
            lambda done, of: seen.append((done, of)),
        )

    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_an_interrupted_sweep_trains_nothing_twice_and_ends_alike(pentagon, tmp_path):
    config, strict = SHORT.model_copy(update={"steps": 3}), SweepRule(max_harm=1e-9)
    configs = swept(config, [0.001, 0.01, 1e3])

    def interrupt(done: int, _of: int) -> None:
        if done == 5:
            raise KeyboardInterrupt

    seen = []
    with pytest.raises(KeyboardInterrupt):
        sweep(pentagon, configs, strict, interrupt, tmp_path)
    left = sorted(path.suffix for path in tmp_path.iterdir())
    with pytest.raises(SweepError) as resumed:
        sweep(pentagon, configs, strict, lambda done, _: seen.append(done), tmp_path)
    with pytest.raises(SweepError) as whole:
        sweep(pentagon, configs, strict)

    assert left == [".json", ".safetensors"]
    assert seen == [6, 7, 8, 9]
    assert str(resumed.value) == str(whole.value)
    assert not list(tmp_path.iterdir())


def test_notes_of_a_sweep_that_are_damaged_are_refused_by_name(pentagon, tmp_path):
    def stop(done: int, _of: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    rule = SweepRule(max_harm=1e-9)
    with pytest.raises(KeyboardInterrupt):
        sweep(pentagon, swept(SHORT, [0.1, 0.2]), rule, stop, tmp_path)
    (note,) = tmp_path.glob("*.json")
    note.write_text('{"minimality": ', encoding="utf-8")

    with pytest.raises(CheckpointError, match=note.name):
        sweep(pentagon, swept(SHORT, [0.1, 0.2]), rule, None, tmp_path)


def test_a_coefficient_that_changes_keeps_its_proportions():
    config = DecompositionConfig(
        minimality=0.002, minimality_end=0.0005, consolidation_minimality=0.001
    )

    other = with_minimality(config, 0.02)

    assert (other.minimality, other.minimality_end) == (0.02, pytest.approx(0.005))
    assert other.consolidation_minimality == pytest.approx(0.01)
    assert with_minimality(DecompositionConfig(), 0.02).minimality_end is None
