"""The benchmark of stability runs, and shows that structure is told from chance."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_the_benchmark_tells_planted_from_random_communities():
    program = [sys.executable, "benchmarks/bench_stability.py", "--n", "300", "--graphs", "3"]

    done = subprocess.run(
        [*program, "--seeds", "5", "--json"], capture_output=True, text=True, check=True, cwd=ROOT
    )

    measured = json.loads(done.stdout)
    assert measured["random communities"] >= 200
    assert measured["marked, random"] >= 0.95
    assert measured["marked, planted"] <= 0.05
    assert measured["ami, mixing 0.2, consensus"] >= 0.95
    assert measured["cost ratio"] > 1
