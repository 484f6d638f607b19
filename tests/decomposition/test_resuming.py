"""An interruption costs nothing but time: training goes on to the same numbers."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from decomposition import training as training_module
from decomposition.adversary import AdversaryConfig
from decomposition.attempt import Attempt, trained_parameters
from decomposition.config import DecompositionConfig, EarlyStopConfig
from decomposition.errors import CheckpointError, DivergenceError
from decomposition.objective import Objective
from decomposition.resuming import above, below
from decomposition.training import decompose

SHORT = DecompositionConfig(
    n_subcomponents=6, restarts=2, steps=8, batch_size=64, warm_up_steps=5, n_objective=100
)
ADVERSARIAL = SHORT.model_copy(update={"adversarial": 1.0, "adversary": AdversaryConfig()})


def interrupt_at(step: int):
    def stop(done: int, _of: int) -> None:
        if done == step:
            raise KeyboardInterrupt

    return stop


def parameters(decomposition) -> dict[str, torch.Tensor]:
    return trained_parameters(decomposition.model)


@pytest.fixture
def state(tmp_path):
    return tmp_path / "runs" / "state.safetensors"


@pytest.mark.parametrize("config", [SHORT, ADVERSARIAL], ids=["plain", "adversarial"])
@pytest.mark.parametrize("step", [3, 8, 13], ids=["first start", "between", "second start"])
def test_a_resumed_training_gives_the_same_numbers_to_the_last_bit(
    pentagon, state, config, step: int
):
    whole = decompose(pentagon, config)

    with pytest.raises(KeyboardInterrupt):
        decompose(pentagon, config, interrupt_at(step), state)
    resumed = decompose(pentagon, config, None, state)

    assert resumed.losses == whole.losses
    expected = parameters(whole)
    assert all(torch.equal(p, expected[name]) for name, p in parameters(resumed).items())


def test_what_is_trained_already_is_found_again_without_a_step(pentagon, state):
    config = SHORT.model_copy(update={"prune": True})
    first = decompose(pentagon, config, None, state)

    seen = []
    again = decompose(pentagon, config, lambda done, _: seen.append(done), state)

    assert seen == []
    assert again.losses == first.losses
    expected = parameters(first)
    assert all(torch.equal(p, expected[name]) for name, p in parameters(again).items())


def test_a_training_that_had_settled_is_found_again_without_a_step(pentagon, state):
    stop = EarlyStopConfig(every=2, patience=1, tolerance=1e9, n=32)
    config = SHORT.model_copy(update={"restarts": 1, "early_stop": stop})
    first = decompose(pentagon, config, None, state)

    seen = []
    again = decompose(pentagon, config, lambda done, _: seen.append(done), state)

    assert seen == []
    assert again.losses == first.losses


def test_an_interruption_inside_a_step_falls_back_on_the_last_whole_one(
    pentagon, state, monkeypatch
):
    monkeypatch.setattr(training_module, "SAVE_EVERY", -1.0)
    monkeypatch.setattr(training_module, "CHECK_EVERY", 2)
    calls = []
    intact = Objective.total

    def interrupt(self, parts, done):
        calls.append(1)
        if len(calls) == 6:
            raise KeyboardInterrupt
        return intact(self, parts, done)

    with monkeypatch.context() as patch:
        patch.setattr(Objective, "total", interrupt)
        with pytest.raises(KeyboardInterrupt):
            decompose(pentagon, SHORT, None, state)
    seen = []
    resumed = decompose(pentagon, SHORT, lambda done, _: seen.append(done), state)

    assert seen[0] == 5
    assert resumed.losses == decompose(pentagon, SHORT).losses


def test_a_training_that_diverges_keeps_the_last_good_state(pentagon, state, monkeypatch):
    monkeypatch.setattr(training_module, "SAVE_EVERY", -1.0)
    monkeypatch.setattr(training_module, "CHECK_EVERY", 2)
    intact = Attempt.advance

    def spoil(self):
        intact(self)
        if self.step == 5:
            self._unchecked[-1][0] = float("inf")

    monkeypatch.setattr(Attempt, "advance", spoil)

    with pytest.raises(DivergenceError, match="step 5 of 8: the faithfulness loss is inf"):
        decompose(pentagon, SHORT, None, state)

    assert all(torch.isfinite(tensor).all() for tensor in load_file(state).values())
    seen = []
    monkeypatch.setattr(Attempt, "advance", intact)
    decompose(pentagon, SHORT, lambda done, _: seen.append(done), state)
    assert seen[0] == 5


@pytest.fixture
def poisoned(monkeypatch):
    """Parameters are spoiled by step 5, after its losses were measured."""
    intact = Attempt.advance

    def spoil(self):
        intact(self)
        if self.step == 5:
            next(self.model.importance_networks.parameters()).data.fill_(float("inf"))

    monkeypatch.setattr(Attempt, "advance", spoil)


@pytest.mark.usefixtures("poisoned")
@pytest.mark.parametrize("stop", [5, 6], ids=["before any loss shows it", "when a loss shows it"])
def test_poisoned_parameters_are_not_saved_on_an_interruption(
    pentagon, state, monkeypatch, stop: int
):
    monkeypatch.setattr(training_module, "SAVE_EVERY", -1.0)
    monkeypatch.setattr(training_module, "CHECK_EVERY", 4)

    with pytest.raises(DivergenceError, match=f"step {stop} of 8: "):
        decompose(pentagon, SHORT, interrupt_at(stop), state)

    assert all(torch.isfinite(tensor).all() for tensor in load_file(state).values())


@pytest.mark.usefixtures("poisoned")
def test_poisoned_parameters_are_not_saved_after_losses_that_were_well(
    pentagon, state, monkeypatch
):
    monkeypatch.setattr(training_module, "SAVE_EVERY", -1.0)
    monkeypatch.setattr(training_module, "CHECK_EVERY", 5)

    with pytest.raises(DivergenceError, match=r"step 5 of 8: .* numbers of model\.importance"):
        decompose(pentagon, SHORT, None, state)

    assert all(torch.isfinite(tensor).all() for tensor in load_file(state).values())


@pytest.mark.usefixtures("poisoned")
def test_parameters_that_the_last_step_poisons_are_no_result(pentagon):
    with pytest.raises(DivergenceError, match=r"step 5 of 5: .* numbers of importance"):
        decompose(pentagon, SHORT.model_copy(update={"steps": 5, "restarts": 1}))


def interrupted(pentagon, state):
    with pytest.raises(KeyboardInterrupt):
        decompose(pentagon, SHORT, interrupt_at(3), state)


def test_a_state_of_another_configuration_is_refused(pentagon, state):
    interrupted(pentagon, state)
    before = state.read_bytes()

    with pytest.raises(CheckpointError, match="another configuration"):
        decompose(pentagon, SHORT.model_copy(update={"seed": 5}), None, state)

    assert state.read_bytes() == before


def test_a_state_of_other_weights_is_refused(pentagon, state):
    interrupted(pentagon, state)
    pentagon.model.linear1.weight.data[0, 0] += 1e-6

    with pytest.raises(CheckpointError, match="other weights"):
        decompose(pentagon, SHORT, None, state)


def test_a_file_that_is_no_state_is_refused(pentagon, state):
    state.parent.mkdir()
    for content in (b"", b"not a tensor in sight"):
        state.write_bytes(content)
        with pytest.raises(CheckpointError, match="no training state"):
            decompose(pentagon, SHORT, None, state)
    save_file({"a": torch.zeros(1)}, state)
    with pytest.raises(CheckpointError, match="no training state"):
        decompose(pentagon, SHORT, None, state)


def test_a_state_of_another_version_is_refused(pentagon, state):
    save = {"version": 99, "target": "tms_5-2"}
    state.parent.mkdir()
    save_file({"a": torch.zeros(1)}, state, metadata={"progress": json.dumps(save)})

    with pytest.raises(CheckpointError, match="another version"):
        decompose(pentagon, SHORT, None, state)


def test_prefixes_are_put_before_names_and_taken_away_again():
    tensors = {"a.b": torch.zeros(1), "c": torch.ones(1)}

    assert below("x", above("x", tensors) | {"xy.c": torch.ones(1)}) == tensors
