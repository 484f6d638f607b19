"""One thread for small matrices: faster there, and the same numbers on any machine.

The products of a toy model are so small that handing them to a second thread costs more than
it saves, and much more while another program wants the processor. How sums are split over
threads also decides their last bits, so one thread is what makes a run repeatable elsewhere.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch use a single thread until the block ends."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
