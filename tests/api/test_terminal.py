"""What a terminal shows of long work while it goes on."""

import re
import time
from pathlib import Path

import pytest

from api import terminal_curation
from api.demo import to_serve
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


@pytest.mark.parametrize(("folder", "n_lines"), [("bin", 1), ("elsewhere", 2)])
def test_the_demo_ends_with_what_can_be_typed_where_it_ran(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str, n_lines: int
):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "claimgraph").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path / folder))

    lines = list(to_serve(Path("demo/claimgraph.db")))

    assert len(lines) == n_lines
    assert lines[0].startswith("source ") == (n_lines == 2)
    assert lines[-1] == "claimgraph serve --db demo/claimgraph.db"
