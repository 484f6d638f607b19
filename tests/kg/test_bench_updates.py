"""The benchmark of updates runs: few move, and the quality is that of a full run."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def measured() -> dict[str, Any]:
    program = [sys.executable, "benchmarks/bench_updates.py", "--n", "1500", "--sources", "20"]
    done = subprocess.run(
        [*program, "--json"], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return json.loads(done.stdout)


@pytest.mark.slow
def test_an_update_moves_less_than_one_in_a_hundred_and_a_full_run_more(measured):
    moved = [measured[f"add_{name}_moved_share"] for name in ("20", "1_percent")]

    assert measured["added_20"] >= 15
    assert max(moved) < 0.01
    assert measured["full_run_moved_share"] > max(moved)


@pytest.mark.slow
@pytest.mark.parametrize("change", ["add_20", "add_1_percent", "remove"])
def test_an_update_is_as_good_as_a_full_run_or_says_that_one_is_due(measured, change: str):
    lost = measured[f"{change}_modularity_of_a_full_cut"] - measured[f"{change}_modularity"]

    assert lost <= 0.002 or measured[f"{change}_drifted"]


@pytest.mark.slow
def test_many_sources_leave_in_one_update_and_one_that_came_leaves_nothing(measured):
    assert (measured["sources_removed"], measured["updates_of_the_active_run"]) == (20, 1)
    assert (measured["taken_back"], measured["same_bytes"]) == (1, True)
