"""Work in a process beside this one: the same result, whatever becomes of the process."""

import os
import signal
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from kg.beside import beside, handed_out


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


@pytest.mark.skipif(sys.platform != "linux", reason="only there are processes forked")
def test_what_is_done_beside_has_a_process_that_has_ended():
    before = _children()

    with beside(lambda: [np.arange(3), np.array([os.getpid()])], worthwhile=True) as result:
        numbers, process = result()

    assert numbers.tolist() == [0, 1, 2]
    assert process[0] != os.getpid()
    assert _children() == before


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


@pytest.mark.skipif(sys.platform != "linux", reason="only there are processes forked")
def test_tasks_are_handed_out_once_each():
    def work(numbers: Iterable[int]) -> list[np.ndarray]:
        mine = []
        for number in numbers:
            mine.append(number)
            time.sleep(0.002)
        return [np.array(mine), np.array([os.getpid()])]

    with handed_out(work, 60, 3) as together:
        found = together()

    assert sorted(np.concatenate([mine for mine, _ in found]).tolist()) == list(range(60))
    assert len({int(process) for _, (process,) in found}) == 3


def test_if_one_of_the_processes_is_killed_all_tasks_are_done_here():
    here = os.getpid()

    def work(numbers: Iterable[int]) -> list[np.ndarray]:
        if os.getpid() != here:
            next(iter(numbers))
            os.kill(os.getpid(), signal.SIGKILL)
        return [np.array([*numbers])]

    with handed_out(work, 5, 2) as together:
        time.sleep(0.05)
        found = [number for (numbers,) in together() for number in numbers.tolist()]

    assert set(found) == set(range(5))
