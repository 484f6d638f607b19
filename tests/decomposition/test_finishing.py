"""What follows training is seen, can be interrupted, and goes on with the round it was in."""

import pytest
import torch

from decomposition.attempt import trained_parameters
from decomposition.config import DecompositionConfig
from decomposition.training import decompose
from tests.decomposition.pentagon import pentagon_target

CONFIG = DecompositionConfig(
    **{"restarts": 1, "steps": 40, "batch_size": 64, "n_objective": 256, "n_subcomponents": 12},
    **{"consolidation_steps": 5, "prune": True},
    **{"unmix": True, "unmix_tolerance": 2.0},
)
"""Setting apart, and four rounds of consolidation, of ten at most."""

MOST, TAKEN = 40 + 5 * (1 + 10), 40 + 5 * (1 + 4)


@pytest.fixture(scope="module", autouse=True)
def _few_inputs():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("decomposition.unmixing.N_INPUTS", 2048)
        yield


@pytest.fixture(scope="module")
def target():
    return pentagon_target(has_hidden_identity=True)


@pytest.fixture(scope="module")
def whole(target):
    steps: list[tuple[int, int]] = []
    stages: list[str] = []
    found = decompose(
        target,
        CONFIG,
        lambda done, of: steps.append((done, of)),
        on_signs=lambda _, stage: stages.append(stage),
    )
    return found, steps, stages


def test_every_step_after_training_is_told_with_how_many_there_may_be(whole):
    _, steps, _ = whole

    assert [done for done, _ in steps] == [*range(1, 46), *range(45, TAKEN + 1), TAKEN]
    assert steps[0] == (1, MOST)
    assert steps[-1] == (TAKEN, TAKEN)


def test_those_who_watch_are_told_every_stage(whole):
    _, _, stages = whole

    named = list(dict.fromkeys(stages))
    assert named == [
        *("training", "setting apart 1", "pruning"),
        *(f"consolidating {number}" for number in range(1, 6)),
        "pruning again",
    ]
    assert stages.count("consolidating 1") == 6  # before it, and after each of its steps


def same(one, other) -> bool:
    pairs = zip(*(trained_parameters(found.model).values() for found in (one, other)), strict=True)
    return (
        all(torch.equal(a, b) for a, b in pairs)
        and one.losses == other.losses
        and one.n_pruned == other.n_pruned
    )


@pytest.mark.parametrize(
    ("step", "first"),
    [(43, 41), (53, 51), (65, 61)],
    ids=["setting apart", "second consolidation", "fourth"],
)
def test_an_interrupted_round_is_made_again_and_none_before_it(
    target, whole, tmp_path, step: int, first: int
):
    def interrupt(done: int, _of: int) -> None:
        if done == step:
            raise KeyboardInterrupt

    state = tmp_path / "state.safetensors"
    with pytest.raises(KeyboardInterrupt):
        decompose(target, CONFIG, interrupt, state)
    steps: list[int] = []
    again = decompose(target, CONFIG, lambda done, _: steps.append(done), state)

    assert steps[0] == first
    assert same(again, whole[0])


@pytest.mark.parametrize("stage", ["pruning", "pruning again"])
def test_an_interruption_between_rounds_costs_no_step(target, whole, tmp_path, stage: str):
    def interrupt(_signs: object, at: str) -> None:
        if at == stage:
            raise KeyboardInterrupt

    state = tmp_path / "state.safetensors"
    with pytest.raises(KeyboardInterrupt):
        decompose(target, CONFIG, None, state, interrupt)
    steps: list[int] = []
    again = decompose(target, CONFIG, lambda done, _: steps.append(done), state)

    assert steps[:1] == ([46] if stage == "pruning" else [])
    assert same(again, whole[0])
