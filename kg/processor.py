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

    return has_matrix_units() or bool(torch.cpu.get_capabilities().get("avx512_bf16"))


def has_matrix_units() -> bool:
    """Say whether this processor has units of their own for products of matrices."""
    import torch

    return bool(torch.cpu.get_capabilities().get("amx_bf16"))


@cache
def steps_of_bytes() -> int:
    """Return how many steps on either side of 0 bytes may have to be multiplied fast and exactly.

    0 if nothing is known of how fast they are here, or if torch cannot ask for it. Matrix units and
    the instructions for neural networks add up products of bytes in 32 bits. AVX2 first adds two of
    them in 16 bits, and what does not fit is cut off; one of the two bytes is shifted by 128 for
    it. So 2 · (128 + s) · s has to be less than 2¹⁵.
    """
    import torch

    if not hasattr(torch.ops.onednn, "qlinear_pointwise"):
        return 0
    found = torch.cpu.get_capabilities()
    if any(found.get(name) for name in ("amx_int8", "avx512_vnni", "avx_vnni")):
        return 127
    return 79 if found.get("avx2") else 0


def n_processors() -> int:
    """Return how many processes can run at once."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def n_threads() -> int:
    """Return how many threads numpy multiplies matrices on, unless it is told otherwise."""
    libraries = [each for each in _controller().info() if each["user_api"] == "blas"]
    return max((int(each["num_threads"] or 1) for each in libraries), default=1)


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
