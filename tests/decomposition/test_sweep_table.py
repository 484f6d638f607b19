"""The table of how well a sweep chooses is the one that was recorded."""

from benchmarks.recovery_table import PAGE, from_page, read_rows, recovered
from benchmarks.sweep_table import MARK, RESULTS, cost, measure, table
from decomposition.config import config_of
from decomposition.presets import changed
from decomposition.sweeping import SweepRule, swept


def test_the_table_of_the_documentation_is_the_one_of_the_record():
    assert from_page(PAGE, MARK) == table(read_rows(RESULTS))


def test_every_recorded_verdict_follows_from_the_recorded_numbers():
    rows, rule = read_rows(RESULTS), SweepRule()

    assert rows
    for row in rows:
        trial = row["trial"]
        assert row["recovered"] == recovered(row)
        assert trial["passes"] == (trial["harm"] <= rule.max_harm and trial["l0"] <= rule.max_l0)


def test_a_whole_sweep_is_recorded_for_every_target_and_seed():
    found: dict[tuple[str, int], list[float]] = {}
    for row in read_rows(RESULTS):
        found.setdefault((row["target"], row["seed"]), []).append(cost(row))

    for (target, _), costs in found.items():
        assert sorted(costs) == [each.minimality for each in swept(config_of(target))]


def test_a_row_says_what_the_rule_sees_beside_what_is_true():
    settings = {"steps": 2, "restarts": 1, "batch_size": 32, "n_objective": 64}

    row = measure("tms_5-2", changed(config_of("tms_5-2"), settings))

    assert row["trial"]["harm"] > SweepRule().max_harm
    assert not row["trial"]["passes"]
    assert not row["recovered"]
    assert f"| {row['trial']['harm']:.1%} |" in table([row])
