"""Work that is done in a process of its own while this one does something else.

Python runs one thread at a time, and what finds the concepts of statements is Python, while what
finds their neighbours multiplies matrices. So where the system can fork, the one is forked off: it
has all that it needs in memory, and only arrays come back, through a file without a name. Where it
cannot, or if the process comes to an end before its time, the same work is done here; the result is
the same.
"""

import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

Arrays = Sequence[NDArray[Any]]
Work = Callable[[], Arrays]


@contextmanager
def beside(work: Work, *, worthwhile: bool) -> Iterator[Work]:
    """Begin some work in a process of its own; yields what waits for it and returns its arrays.

    Args:
        work: May read what is in memory and nothing else: no database, and torch on one thread.
        worthwhile: Whether it is enough work; if not, it is done here when it is asked for.
    """
    if not (worthwhile and sys.platform == "linux"):  # elsewhere a fork of threads is not safe
        yield work
        return
    with tempfile.TemporaryFile() as file:
        process = os.fork()
        if not process:
            _work_and_end(work, file)
        running = [process]

        def result() -> Arrays:
            return work() if _waited_for(running.pop()) else _arrays(file)

        try:
            yield result
        finally:
            for left in running:
                os.kill(left, signal.SIGKILL)
                _waited_for(left)


def shared_out(work: Callable[[int], Arrays], n: int) -> list[Arrays]:
    """Return what the work makes of each number below n, each in a process of its own.

    Threads would wait for each other where the work is many short calls.
    """
    with ExitStack() as stack:
        others = [
            stack.enter_context(beside(partial(work, number), worthwhile=True))
            for number in range(1, n)
        ]
        return [work(0), *(result() for result in others)]


@contextmanager
def handed_out(
    work: Callable[[Iterable[int]], Arrays], n: int, n_processes: int
) -> Iterator[Callable[[], list[Arrays]]]:
    """Begin tasks in processes of their own; yields what joins in, and returns what came of all.

    Each process takes the next number as soon as it is ready for it, so that all are done at the
    same time, whenever this one joins in. If one comes to an end before its time, nobody knows
    which tasks it took, and all are done here: some then come twice.

    Args:
        work: Does the tasks with these numbers; as for `beside`.
        n: How many there are; at most 256, a byte each.
        n_processes: With this one.
    """
    here = os.getpid()
    n_others = n_processes - 1 if sys.platform == "linux" else 0
    with tempfile.TemporaryFile(buffering=0) as left, ExitStack() as stack:
        left.write(bytes(range(n)))
        left.seek(0)  # from here on all read on from where the last one stopped

        def taken() -> Iterator[int]:
            while number := left.read(1):
                yield number[0]

        def of_another() -> Arrays:
            return work(range(n) if os.getpid() == here else taken())

        others = [stack.enter_context(beside(of_another, worthwhile=True)) for _ in range(n_others)]
        yield lambda: [work(taken()), *(other() for other in others)]


def _waited_for(process: int) -> int:
    """Return what a process says at its end; 0 if all went well."""
    return os.waitpid(process, 0)[1]


def _work_and_end(work: Work, file: IO[bytes]) -> None:
    """Write the arrays to a file and end this process at once, as nothing in it is its own."""
    status = 1
    try:
        for array in work():
            np.save(file, array, allow_pickle=False)
        file.flush()
        status = 0
    finally:
        os._exit(status)


def _arrays(file: IO[bytes]) -> Arrays:
    """Return all the arrays of a file."""
    end = file.seek(0, os.SEEK_END)
    file.seek(0)
    arrays = []
    while file.tell() < end:
        arrays.append(np.load(file, allow_pickle=False))
    return arrays
