"""Work in a process beside this one: the same result, whatever becomes of the process."""

import os
import signal
import sys
from pathlib import Path

import numpy as np
import pytest

from kg.beside import beside


def _children() -> set[str]:
    """Return the processes that this thread has begun and not yet seen the end of."""
    return set(Path("/proc/thread-self/children").read_text(encoding="ascii").split())


def test_what_is_done_beside_comes_back_as_arrays():
    given = np.arange(200_000)

    with beside(
        lambda: [given * 2, np.float32([0.5]), np.empty(0), [os.getpid()]], worthwhile=True
    ) as result:
        found = result()

    np.testing.assert_array_equal(found[0], given * 2)
    assert found[1].dtype == np.float32
    assert len(found[2]) == 0
    assert found[3] != os.getpid()


def test_what_is_not_worth_it_is_done_here_when_it_is_asked_for():
    done = []

    with beside(lambda: done.append(1) or [np.ones(1)], worthwhile=False) as result:
        assert not done
        result()

    assert done == [1]


def test_if_the_process_is_killed_the_work_is_done_here():
    here = os.getpid()

    def work() -> list[np.ndarray]:
        if os.getpid() != here:
            os.kill(os.getpid(), signal.SIGKILL)
        return [np.arange(3)]

    with beside(work, worthwhile=True) as result:
        assert result()[0].tolist() == [0, 1, 2]


def test_an_error_beside_is_an_error_here():
    def work() -> list[np.ndarray]:
        raise ValueError("no such concept")

    with beside(work, worthwhile=True) as result, pytest.raises(ValueError, match="no such"):
        result()


@pytest.mark.skipif(sys.platform != "linux", reason="only there are processes forked")
def test_nothing_is_left_running_if_its_result_is_not_wanted():
    def work() -> list[np.ndarray]:
        signal.pause()
        return []

    before = _children()
    with beside(work, worthwhile=True):
        assert len(_children() - before) == 1

    assert _children() == before
