"""The benchmark of communities runs, and finds what was planted."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_the_benchmark_finds_exact_neighbours_and_cuts_as_well_as_its_peers():
    program = [sys.executable, "benchmarks/bench_communities.py", "--n", "400", "--peers", "--json"]

    done = subprocess.run(program, capture_output=True, text=True, check=True, cwd=ROOT)

    measured = json.loads(done.stdout)
    assert measured["statements"] == 400
    assert measured["recall"] == 1
    assert sum(measured["stages"].values()) == pytest.approx(
        measured["total_cpu_seconds"], abs=0.02
    )
    assert measured["stages"]["neighbours"] > 0
    assert measured["stages"]["hierarchy"] > 0
    peers = [measured["leidenalg_modularity"], measured["networkx_modularity"]]
    assert measured["modularity"] >= max(peers) - 0.005
    assert measured["deepest_level_with_topics"] > 0.5
    assert measured["ratio"] is None  # GraphRAG has an environment of its own
