"""The benchmark of communities runs, and finds what was planted."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_the_benchmark_finds_exact_neighbours_and_cuts_as_well_as_its_peers():
    program = [sys.executable, "benchmarks/bench_communities.py", "--n", "400", "--json"]

    done = subprocess.run(program, capture_output=True, text=True, check=True, cwd=ROOT)

    measured = json.loads(done.stdout)
    assert measured["statements"] == 400
    assert measured["recall"] > 0.999
    peers = [value for name, value in measured.items() if name.startswith("modularity")]
    assert len(peers) == 4
    assert measured["modularity, ours"] >= max(peers) - 0.005
