"""How long the stages of a piece of work take, by the processor and by the clock."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Stages:
    """Adds up the seconds of stages, in the order in which they first came."""

    def __init__(self) -> None:
        self.seconds: dict[str, tuple[float, float]] = {}
        """By stage: of the processor, on all threads, and by the clock."""

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Count the seconds of a block to a stage."""
        cpu, wall = time.process_time(), time.perf_counter()
        try:
            yield
        finally:
            before = self.seconds.get(name, (0.0, 0.0))
            self.seconds[name] = (
                round(before[0] + time.process_time() - cpu, 4),
                round(before[1] + time.perf_counter() - wall, 4),
            )
