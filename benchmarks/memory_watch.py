"""The most memory that a process and those it forked had at once, what they share counted once.

    python benchmarks/memory_watch.py PID

looks at them again and again until its input ends, and prints megabytes. A page that several
processes share counts for each by its part (Pss of Linux). To look takes some milliseconds a
gigabyte, so it waits twenty times as long as that.
"""

import select
import sys
import time
from collections.abc import Iterator
from pathlib import Path

_LEAST, _SHARE = 0.05, 20


def main() -> None:
    """Print the most that was seen."""
    most = 0
    while True:
        began = time.perf_counter()
        most = max(most, sum(_kilobytes(each) for each in _family(int(sys.argv[1]))))
        wait = max(_LEAST, _SHARE * (time.perf_counter() - began))
        if select.select([sys.stdin], [], [], wait)[0]:
            break
    print(most // 1024)


def _family(pid: int) -> Iterator[int]:
    yield pid
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    except OSError:  # it has ended
        return
    for child in map(int, children):
        yield from _family(child)


def _kilobytes(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


if __name__ == "__main__":
    main()
