"""What is said of the lessons is what was recorded with the configurations they have now."""

from benchmarks.lesson_table import LESSONS, MARK, PAGE, RESULTS, row_of, table
from benchmarks.recovery_table import from_page, is_of, read_rows
from decomposition.config import config_of
from decomposition.harvest import HarvestConfig
from decomposition.metrics import MetricsConfig
from decomposition.training import decompose
from tests.decomposition.test_lessons import CONFIG, few_steps


def test_every_lesson_is_recorded_with_its_present_configuration():
    rows = {row["target"]: row for row in read_rows(RESULTS)}

    assert set(rows) == set(LESSONS) == {"induction", "convolution", "mixer"}
    assert all(is_of(row, target, config_of(target)) for target, row in rows.items())


def test_the_table_of_the_page_is_the_one_of_the_record():
    assert from_page(PAGE, MARK) == table(read_rows(RESULTS))


def test_a_row_has_what_the_table_shows():
    brief = decompose(few_steps("mixer").train(0), CONFIG)
    quick = MetricsConfig(n=16, harvest=HarvestConfig(n=32))

    shown = table([row_of(brief, 1.5, quick)])

    assert len({line.count("|") for line in shown.splitlines()}) == 1
    assert "`mixer`, seed 0" in shown
    assert "of 48 |" in shown  # ranks of two pairs of matrices, at most
