import json
import math
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from decomposition import training as training_module
from decomposition.attempt import Attempt
from decomposition.config import DecompositionConfig
from decomposition.errors import DivergenceError
from decomposition.objective import Objective, objective_on_fresh_inputs, remainders
from decomposition.training import decompose

SHORT = DecompositionConfig(restarts=1, steps=20, batch_size=64)


def weights_of(decomposition) -> torch.Tensor:
    return weights_of_model(decomposition.model)


def weights_of_model(model) -> torch.Tensor:
    return model.subcomponents["linear1"].weight().detach().clone()


def test_training_lowers_the_losses_and_keeps_the_sum_faithful(pentagon):
    config = DecompositionConfig(restarts=1, steps=150, batch_size=256)

    started = decompose(pentagon, config.model_copy(update={"steps": 1}))
    decomposition = decompose(pentagon, config)

    for name in ("stochastic", "layerwise"):
        assert decomposition.losses[name] < 0.5 * started.losses[name]
    error = torch.cat([delta.flatten() for delta in remainders(decomposition.model)])
    assert error.square().mean().item() < 1e-3


def test_the_same_seed_gives_the_same_decomposition_and_another_one_another(pentagon):
    first, again = decompose(pentagon, SHORT), decompose(pentagon, SHORT)
    other = decompose(pentagon, SHORT.model_copy(update={"seed": 1}))

    assert torch.equal(weights_of(first), weights_of(again))
    assert first.losses == again.losses
    assert not torch.equal(weights_of(first), weights_of(other))


def test_training_leaves_the_global_random_numbers_alone(pentagon):
    torch.manual_seed(5)
    expected = torch.rand(3)

    torch.manual_seed(5)
    decompose(pentagon, SHORT)

    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("name", ["faithfulness", "stochastic", "layerwise", "minimality"])
def test_a_loss_that_is_no_number_stops_training_with_its_step_and_name(
    pentagon, monkeypatch, name: str
):
    calls = []
    intact = Objective.parts

    def spoil(*args):
        calls.append(1)
        parts = intact(*args)
        return parts | {name: parts[name] * float("nan")} if len(calls) == 3 else parts

    monkeypatch.setattr(Objective, "parts", spoil)

    with pytest.raises(DivergenceError, match=rf"step 3 of 20: the {name} loss is nan"):
        decompose(pentagon, SHORT)


def test_progress_counts_the_steps_and_can_interrupt(pentagon):
    seen = []

    def interrupt(done: int, of: int) -> None:
        seen.append((done, of))
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        decompose(pentagon, SHORT, interrupt)

    assert seen == [(1, 20), (2, 20), (3, 20)]


def test_of_several_starts_the_one_with_the_lowest_objective_is_kept(pentagon, monkeypatch):
    seen = []

    def spy(model, *args) -> float:
        seen.append((objective_on_fresh_inputs(model, *args), weights_of_model(model)))
        return seen[-1][0]

    monkeypatch.setattr(training_module, "objective_on_fresh_inputs", spy)

    kept = decompose(pentagon, SHORT.model_copy(update={"restarts": 4}))

    assert len({total for total, _ in seen}) == 4
    assert torch.equal(weights_of_model(kept.model), min(seen, key=lambda start: start[0])[1])


def test_progress_counts_the_steps_of_all_starts(pentagon):
    seen = []
    config = SHORT.model_copy(update={"restarts": 2, "steps": 3})

    decompose(pentagon, config, lambda done, of: seen.append((done, of)))

    assert seen == [(done, 6) for done in range(1, 7)]


def test_importance_gradients_can_be_clipped_by_themselves(pentagon):
    def norms(**changes) -> tuple[float, float]:
        attempt = Attempt(pentagon, SHORT.model_copy(update={"faithfulness": 100.0} | changes), 0)
        attempt.advance()
        networks = list(attempt.model.importance_networks.parameters())
        parts = [attempt.model.subcomponents["linear1"].U, attempt.model.subcomponents["linear1"].V]
        return tuple(
            torch.stack([p.grad.norm() for p in group]).norm().item() for group in (networks, parts)
        )

    free = norms(clip_norm=None)
    together = norms(clip_norm=0.1)
    apart = norms(clip_norm=0.1, importance_clip_norm=1e-4)
    networks_only = norms(clip_norm=None, importance_clip_norm=1e-4)

    assert free[0] > 1e-4
    assert free[1] > 0.1
    assert math.hypot(*together) == pytest.approx(0.1, rel=1e-3)
    assert apart == pytest.approx((1e-4, 0.1), rel=1e-2)
    assert networks_only == pytest.approx((1e-4, free[1]), rel=1e-2)


@pytest.mark.parametrize(
    "changes",
    [
        {"precision": "bfloat16"},
        {"sparsity": "smooth_l0"},
        {"leak": "value"},
        {"draw_masks_once": False},
        {"initialisation": "exact", "warm_up_steps": 0},
        {"schedule": "constant", "rate_warm_up": 0.1},
        {"importance": "input_vector", "precision": "bfloat16"},
    ],
)
def test_every_switch_trains_and_changes_the_outcome(pentagon, changes):
    config = DecompositionConfig(restarts=1, steps=60, batch_size=128, n_objective=512)

    plain = decompose(pentagon, config)
    found = decompose(pentagon, config.model_copy(update=changes))

    assert found.losses["stochastic"] < 0.02
    assert not torch.equal(weights_of(plain), weights_of(found))
    assert found.model.subcomponents["linear1"].U.dtype == torch.float32


def test_those_who_watch_are_told_the_signs_and_change_nothing(pentagon):
    seen = []

    watched = decompose(pentagon, SHORT, on_signs=lambda *found: seen.append(found))
    alone = decompose(pentagon, SHORT)

    assert len(seen) == 5
    assert all(signs.pgd_reconstruction > 0 for signs, _ in seen)
    assert {stage for _, stage in seen} == {"training"}
    assert torch.equal(weights_of(watched), weights_of(alone))


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 3])
def test_the_true_mechanisms_of_the_toy_model_are_found(seed: int):
    command = [sys.executable, "benchmarks/bench_decomposition.py", "--seeds", str(seed), "--json"]
    root = Path(__file__).parents[2]

    # in a process of its own: checking shapes at run time would double the time
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)

    (row,) = json.loads(done.stdout)["rows"]
    assert row["mmcs"] >= 0.999
    assert 0.97 <= row["ml2r"] <= 1.03
    assert row["identity_error"] == 0
    assert row["alive/linear1"] == row["alive/linear2"] == 5
    assert row["mmcs_random"] > 0.95
