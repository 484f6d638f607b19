"""The benchmark's plain step is the same step as ours, and the benchmark runs."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from decomposition.attempt import Attempt, trained_parameters
from decomposition.seeds import generator_for

ROOT = Path(__file__).parents[2]
FILE = ROOT / "benchmarks" / "bench_language_step.py"


@pytest.fixture(scope="module")
def bench():
    spec = importlib.util.spec_from_file_location("bench_language_step", FILE)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_the_plain_step_has_the_losses_of_ours_step_by_step(bench):
    config = bench.as_published(bench.SMALL, "cpu", 4).model_copy(
        update={"precision": "float32", "learning_rate": 0.003, "faithfulness": 1.0}
    )
    target = bench.random_target(bench.SMALL)
    ours = Attempt(target, config, 0)
    plain = bench.PlainStep(ours, config)
    generator = generator_for("plain")
    generator.set_state(ours.tensors()["generator"])

    for _ in range(4):
        expected = plain.step(target.batch(4, generator), generator)
        ours.advance()
        found = ours.check()
        assert found == pytest.approx({n: x.item() for n, x in expected.items()}, rel=1e-4)

    assert expected["adversarial"] > expected["subset"] > 0
    parts = trained_parameters(ours.model)
    for name, (V, U) in plain.parts.items():
        torch.testing.assert_close(V, parts[f"subcomponents.{name}.V"], rtol=0.01, atol=1e-3)
        torch.testing.assert_close(U, parts[f"subcomponents.{name}.U"], rtol=0.01, atol=1e-3)


@pytest.mark.slow
def test_the_benchmark_runs_on_a_tiny_model():
    done = subprocess.run(
        [sys.executable, str(FILE), "--small", "--json", "--steps", "1", "--device", "cpu",
         "--rows", "plain", "ours", "merged", "taps", "compacted"],
        capture_output=True, text=True, cwd=ROOT, check=False,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)["rows"]
    assert [row["name"] for row in rows] == ["plain", "ours", "merged", "taps", "compacted"]
    assert all(row["tokens_per_second"] > 0 and len(row["profile"]) == 15 for row in rows)
