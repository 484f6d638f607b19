"""What the processor can do in hardware, and how much of it is used."""

import gc
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cache

from threadpoolctl import ThreadpoolController


def has_fast_halves() -> bool:
    """Say whether this processor multiplies matrices of bfloat16 in hardware."""
    import torch

    found = torch.cpu.get_capabilities()
    return bool(found.get("amx_bf16") or found.get("avx512_bf16"))


@cache
def has_fast_bytes() -> bool:
    """Say whether this processor multiplies matrices of bytes in hardware, and torch can ask it to.

    Measured where it has matrix units; without them nothing is known of what is faster.
    """
    import torch

    can_ask = hasattr(torch.ops.onednn, "qlinear_pointwise")
    return can_ask and bool(torch.cpu.get_capabilities().get("amx_int8"))


def n_processors() -> int:
    """Return how many processes can run at once."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def one_thread() -> AbstractContextManager[object]:
    """Let numpy multiply matrices on one thread within a block.

    To look through all libraries for those that have threads takes some hundredths of a second, so
    that is done once.
    """
    return _controller().limit(limits=1, user_api="blas")


@contextmanager
def without_collector() -> Iterator[None]:
    """Keep Python from looking for cycles among millions of rows: there are none to be found.

    It would take a tenth of the time.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()
