"""Training and all that follows it stay on one device, and give there what they give here."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from decomposition.adversary import AdversaryConfig
from decomposition.checkpoints import TENSORS, load, save
from decomposition.config import DecompositionConfig
from decomposition.devices import CPU, device_named, groups_for
from decomposition.errors import ConfigurationError, DeviceError
from decomposition.metrics import MetricsConfig, evaluate
from decomposition.presets import changed
from decomposition.training import decompose
from tests.decomposition.on_pretended_device import CHECKS

ROOT = Path(__file__).parents[2]
SHORT = DecompositionConfig(
    n_subcomponents=6, restarts=1, steps=8, batch_size=64, warm_up_steps=5, n_objective=100
)
on_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


@pytest.fixture(scope="module")
def found_there():
    done = subprocess.run(
        [sys.executable, "-m", "tests.decomposition.on_pretended_device"],
        capture_output=True, text=True, cwd=ROOT, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.slow
@pytest.mark.parametrize("check", CHECKS)
def test_on_a_device_of_its_own_memory(found_there, check: str):
    assert found_there[check] == ""


def test_without_a_gpu_everything_runs_on_the_processor():
    expected = torch.device("cuda", 0) if torch.cuda.is_available() else CPU

    assert device_named("auto") == expected
    assert device_named("cpu") == CPU


@pytest.mark.parametrize(
    ("name", "words"),
    [("gpu", "'gpu' is no device; there are: cpu, cuda"), ("cuda:99", "'cuda:99' is not there")],
)
def test_a_device_that_is_not_there_is_refused_by_name(name: str, words: str):
    with pytest.raises(DeviceError, match=words):
        device_named(name)


def test_a_training_on_a_device_that_is_not_there_does_not_begin(pentagon):
    with pytest.raises(DeviceError, match="cuda:99"):
        decompose(pentagon, SHORT.model_copy(update={"device": "cuda:99"}))


def test_the_device_is_a_setting_that_is_not_stored_with_the_others():
    config = changed(SHORT, {"device": "cuda:1"})

    assert changed(config, {"steps": 3}).device == "cuda:1"
    assert "cuda" not in config.model_dump_json()
    with pytest.raises(ConfigurationError, match="device"):
        changed(SHORT, {"device": 1})


def test_processes_on_gpus_talk_by_nccl_about_what_is_there_and_by_gloo_about_the_rest():
    assert groups_for("cuda") == groups_for("cuda:1") == "cpu:gloo,cuda:nccl"
    assert groups_for("cpu") == "gloo"


@on_gpu
@pytest.mark.parametrize("kind", ["fresh", "persistent"])
def test_a_gpu_trains_and_the_processor_measures_the_same(pentagon, tmp_path, kind: str):
    config = SHORT.model_copy(
        update={"device": "cuda", "adversarial": 1.0, "adversary": AdversaryConfig(kind=kind)}
    )

    save(decompose(pentagon, config), tmp_path / "run")

    there, here = (
        evaluate(load(tmp_path / "run", device), MetricsConfig(n=128, random_draws=2))
        for device in ("cuda", "cpu")
    )
    assert there == pytest.approx(here, rel=1e-3, abs=1e-4)


@on_gpu
def test_a_step_on_a_gpu_waits_for_nothing(pentagon):
    from decomposition.attempt import Attempt

    attempt = Attempt(pentagon, SHORT.model_copy(update={"device": "cuda"}), 0)
    attempt.warm_up()
    attempt.advance()
    torch.cuda.set_sync_debug_mode("error")
    try:
        attempt.advance()
    finally:
        torch.cuda.set_sync_debug_mode("default")


@on_gpu
def test_a_training_that_was_interrupted_on_a_gpu_goes_on_there_and_here(pentagon, tmp_path):
    def stop(done: int, _of: int) -> None:
        if done == 4:
            raise KeyboardInterrupt

    for device in ("cuda", "cpu"):
        state = tmp_path / device
        with pytest.raises(KeyboardInterrupt):
            decompose(pentagon, SHORT.model_copy(update={"device": "cuda"}), stop, state)
        assert load_file(state)["generator"].device == CPU
        seen = []
        decompose(
            pentagon,
            SHORT.model_copy(update={"device": device}),
            lambda done, _, seen=seen: seen.append(done),
            state,
        )
        assert seen[0] == 5


def test_what_is_stored_is_in_ordinary_memory(pentagon, tmp_path):
    save(decompose(pentagon, SHORT), tmp_path / "run")

    assert {t.device for t in load_file(tmp_path / "run" / TENSORS).values()} == {CPU}
