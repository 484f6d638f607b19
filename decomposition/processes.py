"""Several processes that train one decomposition together, and come to what one would.

Each takes its share of the rows of every batch. Random numbers are drawn by all for the whole batch
from the same generator, and cut: so masks, adversaries and the state of the generator are those
of a single process. Losses are sums over rows, weighted in the whole batch, so gradients and
losses of the shares add up to the batch's; what is no such sum is added up before it is used
(frequencies, in `objective`) or divided by the number of processes (faithfulness). Adding up in
another order changes the last bits, and nothing else.

The first process alone reads and writes; what it has read goes to the others as bytes. Who the
processes are is known from torch.distributed, once the program has joined a group.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
import torch.distributed as dist
from safetensors.torch import load, save
from torch import Tensor


class Share(NamedTuple):
    """Which rows of a batch are this process's."""

    start: int
    stop: int
    """Exclusive."""

    total: int
    """Rows of the whole batch."""

    def of(self, x: Tensor) -> Tensor:
        """Return its rows of something that has one for each row of the batch."""
        return x[self.start : self.stop]


def uniform(
    shape: Sequence[int], generator: torch.Generator, share: Share | None, rows: int = 0
) -> Tensor:
    """Draw from [0, 1) in this shape, as what the whole batch would draw has it there.

    The numbers are on the device of the generator.

    Args:
        shape: Of this process's part.
        generator: The same in all processes.
        share: None draws for these rows alone.
        rows: Which axis counts the rows.
    """
    whole = shape if share is None else (*shape[:rows], share.total, *shape[rows + 1 :])
    drawn = torch.rand(tuple(whole), generator=generator, device=generator.device)
    return drawn if share is None else drawn.narrow(rows, share.start, share.stop - share.start)


class Processes(NamedTuple):
    """Those that work together; this one's number and how many there are."""

    number: int = 0
    n: int = 1

    def share(self, rows: int) -> Share:
        """Return which of so many rows are this process's; shares differ by one row at most."""
        return Share(self.number * rows // self.n, (self.number + 1) * rows // self.n, rows)

    def add_up(self, tensors: Sequence[Tensor]) -> None:
        """Replace tensors of one type by their sums over all processes."""
        if self.n == 1 or not tensors:
            return
        together = torch.cat([tensor.detach().flatten() for tensor in tensors])
        dist.all_reduce(together)
        sums = torch.split(together, [tensor.numel() for tensor in tensors])
        with torch.no_grad():
            for tensor, whole in zip(tensors, sums, strict=True):
                tensor.copy_(whole.view_as(tensor))

    def total(self, part: Tensor) -> Tensor:
        """Return the sum over all processes; its gradient is that of this one's part."""
        if self.n == 1:
            return part
        whole = part.detach().clone()
        self.add_up([whole])
        return part + (whole - part.detach())

    def counted_once(self, loss: Tensor) -> Tensor:
        """Give a loss that all processes know whole such a value that they add up to it.

        The gradient stays: it is this process's part of the whole.
        """
        return loss if self.n == 1 else loss - loss.detach() * (1 - 1 / self.n)

    def from_first(self, tensors: Mapping[str, Tensor] | None) -> dict[str, Tensor]:
        """Return the tensors that the first process has; what the others give is not looked at.

        All types and shapes go, by way of safetensors and not of pickle.
        """
        if self.n == 1:
            return dict(tensors or {})
        payload = save(dict(tensors or {})) if self.number == 0 else b""
        size = torch.tensor([len(payload)])
        dist.broadcast(size, 0)
        sent = torch.frombuffer(bytearray(payload.ljust(int(size), b"0")), dtype=torch.uint8)
        dist.broadcast(sent, 0)
        return load(sent.numpy().tobytes())


ALONE = Processes()


def processes() -> Processes:
    """Return those of the group that this program has joined, or this one alone."""
    if not (dist.is_available() and dist.is_initialized()):
        return ALONE
    return Processes(dist.get_rank(), dist.get_world_size())
