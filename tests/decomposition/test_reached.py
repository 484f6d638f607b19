"""The figures stated for a configuration are those that were recorded with it."""

import json
import subprocess
import sys
from pathlib import Path

from benchmarks import bench_decomposition
from benchmarks.recovery_table import (
    MARK,
    PAGE,
    PAPER_MARK,
    RESULTS,
    configs,
    from_page,
    is_of,
    paper_table,
    reached,
    read_rows,
    recorded,
    recovered,
    superfluous,
    table,
)
from decomposition.config import config_of
from decomposition.presets import changed
from decomposition.reached import REACHED

ROOT = Path(__file__).parents[2]


def test_every_configuration_reaches_what_is_stated_for_it():
    assert reached(read_rows(RESULTS)) == REACHED


def test_every_recorded_verdict_follows_from_the_recorded_numbers():
    rows = read_rows(RESULTS)

    assert rows
    assert [row["recovered"] for row in rows] == [recovered(row) for row in rows]


def test_the_table_of_the_documentation_is_the_one_of_the_record():
    rows = read_rows(RESULTS)

    assert from_page(PAGE, MARK) == table(rows)
    assert from_page(PAGE, PAPER_MARK) == paper_table(rows)


def test_where_no_direction_is_known_no_cosine_is_stated():
    row = next(
        row for row in read_rows(RESULTS) if row["target"] == "tms_5-2-id" and row["C"] == 20
    )
    directions = {"mmcs", "mmcs_random", "ml2r"}
    metrics = {name: value for name, value in row["metrics"].items() if name not in directions}

    found = reached([row | {"metrics": metrics | {"dense_error": 3.0}}])["tms_5-2-id"]

    assert (found.mmcs, found.ml2r_low, found.ml2r_high) == (None, None, None)
    assert found.dense_errors == 3


def test_a_changed_configuration_has_no_recorded_figures():
    row = next(row for row in read_rows(RESULTS) if row["target"] == "tms_5-2")
    config = config_of("tms_5-2").model_copy(update={"seed": row["seed"]})

    assert is_of(row, "tms_5-2", config)
    assert not is_of(row, "tms_5-2", config.model_copy(update={"minimality": 0.004}))
    assert not is_of(row, "tms_40-10", config)


def test_living_subcomponents_beyond_the_features_are_superfluous(pentagon):
    assert superfluous(pentagon, {"alive/linear1": 5.0, "alive/linear2": 5.0}) == 0
    # two more in one matrix do not make up for one too few in the other
    assert superfluous(pentagon, {"alive/linear1": 7.0, "alive/linear2": 4.0}) == 2


def test_a_row_that_is_there_is_not_made_again(tmp_path):
    changes = {"steps": 2, "restarts": 1, "batch_size": 32, "n_objective": 64}
    (config,) = configs(changed(config_of("tms_5-2"), changes), [0], is_double=True)

    made = recorded("tms_5-2", config, tmp_path / "rows.json", is_again=False)
    text = (tmp_path / "rows.json").read_text(encoding="utf-8")
    found = recorded("tms_5-2", config, tmp_path / "rows.json", is_again=False)

    assert made["C"] == 40
    assert not made["recovered"]
    assert found == json.loads(text)[0] == json.loads(json.dumps(made))


def test_the_command_prints_recorded_rows_as_json():
    program = [sys.executable, "benchmarks/recovery_table.py", "tms_5-2", "--seeds", "1", "--json"]

    done = subprocess.run(
        program, cwd=ROOT, capture_output=True, text=True, check=True, env={"PYTHONPATH": "."}
    )

    (row,) = json.loads(done.stdout)
    assert row["target"] == "tms_5-2"
    assert row["metrics"]["mmcs"] >= 0.999


def test_the_benchmark_judges_residual_networks_by_importances_alone():
    metrics = {"identity_error": 0.0, "dense_error": 0.0, "alive/in": 100.0, "alive/out": 50.0}
    row = {"seed": 0, "attempts": 1, "seconds": 9.5, "steps_per_cpu_second": 12, **metrics}

    assert bench_decomposition.recovered(metrics)
    assert not bench_decomposition.recovered(metrics | {"dense_error": 1.0})
    assert not bench_decomposition.recovered({"l0": 3.0})
    line = bench_decomposition.line(row | {"recovered": True})
    assert line.split() == ["0", "1", "–", "–", "–", "0", "100+50", "9.5", "12", "yes"]
