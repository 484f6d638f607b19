"""Work on many files in several processes at once, with the results in the order of the files.

Each thread here waits for a process of its own (`ingest.isolated`). Only a few files are begun
before the first result is asked for, so that however many there are, few are in memory.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from typing import TypeVar

from ingest.isolated import Limits, ReadingProcess

Work = TypeVar("Work")
Result = TypeVar("Result")

_AHEAD = 3
"""Pieces of work for each process that are begun or done before they are asked for."""


def in_order(
    pieces: Iterable[Work],
    do: Callable[[ReadingProcess, Work], Result],
    jobs: int,
    limits: Limits | None = None,
) -> Generator[tuple[Work, Result]]:
    """Yield each piece of work with what came of it, in order.

    Whatever ends the iteration, no process is left: what is being read then is stopped.

    Args:
        pieces: What there is to do; asked for as it is needed.
        do: Does a piece with a process that nobody else uses meanwhile.
        jobs: How many processes.
        limits: What one file may use.
    """
    idle: SimpleQueue[ReadingProcess] = SimpleQueue()
    processes = [ReadingProcess(limits) for _ in range(jobs)]
    for process in processes:
        idle.put(process)

    def run(piece: Work) -> Result:
        process = idle.get()
        try:
            return do(process, piece)
        finally:
            idle.put(process)

    pending: deque[tuple[Work, Future[Result]]] = deque()
    pool = ThreadPoolExecutor(jobs)
    try:
        for piece in pieces:
            pending.append((piece, pool.submit(run, piece)))
            if len(pending) >= _AHEAD * jobs:
                done, future = pending.popleft()
                yield done, future.result()
        while pending:
            done, future = pending.popleft()
            yield done, future.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        _stop(processes)  # what is being read is given up, so that nobody waits for it
        pool.shutdown()
        _stop(processes)  # and what a thread has begun since


def _stop(processes: Iterable[ReadingProcess]) -> None:
    for process in processes:
        process.stop()
