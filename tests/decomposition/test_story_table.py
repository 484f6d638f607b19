"""What is said of storyworld is what was recorded with the configuration it has now."""

import pytest

from benchmarks.story_table import (
    BEGIN,
    END,
    PAGE,
    RESULTS,
    is_current,
    is_reached,
    read_rows,
    record,
    table,
)


def test_three_seeds_reach_all_that_is_asked_with_the_present_configuration():
    rows = read_rows(RESULTS)

    assert [row["seed"] for row in rows] == [0, 1, 2]
    assert all(is_current(row) for row in rows)
    assert all(is_reached(row) for row in rows)


def test_the_table_of_the_page_is_the_one_of_the_record():
    _, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
    shown, _ = rest.split(END)

    assert shown.strip() == table(read_rows(RESULTS))


@pytest.mark.parametrize(
    ("name", "value"),
    [("pgd_20", 0.1), ("ce_recovered_importance", 0.95), ("l0_share", 0.2)],
)
def test_a_row_that_misses_one_of_three_is_not_there(name: str, value: float):
    row = read_rows(RESULTS)[0]
    missed = row | {"metrics": row["metrics"] | {name: value}}

    assert not is_reached(missed)
    assert "**no**" in table([missed])


def test_a_row_of_another_configuration_is_not_current():
    row = read_rows(RESULTS)[0]

    assert not is_current(row | {"config": row["config"] | {"steps": 1}})


def test_a_seed_has_one_row(tmp_path):
    rows = read_rows(RESULTS)
    for row in [*rows, rows[0] | {"cpu_seconds": 1.0}]:
        record(tmp_path / "rows.json", row)

    kept = read_rows(tmp_path / "rows.json")

    assert [row["seed"] for row in kept] == [row["seed"] for row in rows]
    assert kept[0]["cpu_seconds"] == 1.0
