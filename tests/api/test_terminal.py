"""What a terminal shows of long work while it goes on."""

import re
import time

import pytest

from api import terminal_curation
from api.terminal import progress
from api.views.decisions import MergingView

_CONTROL = re.compile(r"\x1b\[[\d;?]*[A-Za-z]")


def _shown(capsys: pytest.CaptureFixture[str]) -> str:
    return _CONTROL.sub("", capsys.readouterr().err)


def test_progress_shows_how_many_a_second_and_the_time_that_is_left(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "160")

    with progress("reading") as on_progress:
        on_progress(1, 10, "a.pdf")
        time.sleep(0.2)
        on_progress(2, 10, "b.pdf")

    shown = _shown(capsys)
    rate = re.search(r"b\.pdf .* 2/10 ([\d.]+)/s \d:\d\d:\d\d \d:\d\d:\d\d", shown)
    assert rate is not None, shown
    assert 0 < float(rate[1]) <= 5


def test_progress_is_silent_where_nobody_looks(capsys: pytest.CaptureFixture[str]):
    with progress("reading") as on_progress:
        on_progress(1, 10, "a.pdf")

    assert _shown(capsys) == ""


@pytest.mark.parametrize("groups", [0, 1])
def test_only_a_run_that_merged_something_says_how_to_take_it_back(groups: int):
    view = MergingView(
        run=9,
        decision=1,
        statements=5,
        groups=groups,
        merged=2 * groups,
        proposals={"related": 3},
        seconds=0.7,
    )

    lines = list(terminal_curation.merging(view))

    assert ("claimgraph undo" in lines[-1]) == bool(groups)
