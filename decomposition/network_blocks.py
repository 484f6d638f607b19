r"""Many small networks 1 → hidden → 1 at once, in blocks that stay in the processor's cache.

For every network n and row b

.. math:: z_{nb} = \sum_h w'_{nh}\, \mathrm{gelu}(w_{nh} a_{nb} + v_{nh}) + v'_n .

Written as products over all networks this makes several tensors of networks × rows × hidden,
and the time goes into carrying them to and from memory: with 400 networks, 900 rows and 16 hidden
units each is 23 MB. Here a few networks at a time are run, and run again for the gradient, so
that nothing of that size exists; it takes half the time and memory that grows with networks × rows
alone. Where everything fits in the cache anyway, the plain products are as fast.
"""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import FunctionCtx

BLOCK = 2**17
"""Hidden activations in a block: 512 kB, a quarter of a common second-level cache."""


PAYS_FROM = 2**20
"""Hidden activations in all from which blocks are faster than plain products."""


class _Block(NamedTuple):
    """A few networks, with room for their hidden layer."""

    networks: slice
    before: Tensor
    """Shape `networks hidden rows`: the hidden layer before the GELU."""

    after: Tensor
    """The same, after it."""


class _NetworksInBlocks(torch.autograd.Function):
    """The formula above without the last bias; see `networks_in_blocks`."""

    @staticmethod
    def forward(
        ctx: FunctionCtx, inner: Tensor, weight_in: Tensor, bias_in: Tensor, weight_out: Tensor
    ) -> Tensor:
        ctx.save_for_backward(inner, weight_in, bias_in, weight_out)
        z = torch.empty_like(inner)
        for block in _blocks(inner, weight_in, bias_in):
            here = block.networks
            torch.bmm(weight_out[here].unsqueeze(1), block.after, out=z[here].unsqueeze(1))
        return z

    @staticmethod
    def backward(ctx: FunctionCtx, *grads: Tensor) -> tuple[Tensor, ...]:
        inner, weight_in, bias_in, weight_out = ctx.saved_tensors  # type: ignore[attr-defined]
        grad = grads[0].contiguous()
        of_inner = torch.empty_like(inner)
        of_in, of_bias, of_out = (torch.empty_like(weight_in) for _ in range(3))
        through = (weight_in * weight_out).unsqueeze(1)
        ones = torch.ones(())
        for here, before, after in _blocks(inner, weight_in, bias_in):
            torch.bmm(after, grad[here].unsqueeze(2), out=of_out[here].unsqueeze(2))
            slope = torch.ops.aten.gelu_backward.grad_input(
                ones.expand_as(before), before, grad_input=after
            )
            slope *= grad[here].unsqueeze(1)
            torch.sum(slope, dim=2, out=of_bias[here])
            torch.bmm(slope, inner[here].unsqueeze(2), out=of_in[here].unsqueeze(2))
            torch.bmm(through[here], slope, out=of_inner[here].unsqueeze(1))
        return of_inner, of_in.mul_(weight_out), of_bias.mul_(weight_out), of_out


def pays_in_blocks(inner: Float[Tensor, "networks rows"], n_hidden: int) -> bool:
    """Say whether blocks are the faster way: on a processor, in single precision, above a size."""
    is_plain = inner.device.type == "cpu" and inner.dtype == torch.float32
    return (
        is_plain and not torch.is_autocast_enabled("cpu") and inner.numel() * n_hidden > PAYS_FROM
    )


def networks_in_blocks(
    inner: Float[Tensor, "networks rows"],
    weight_in: Float[Tensor, "networks hidden"],
    bias_in: Float[Tensor, "networks hidden"],
    weight_out: Float[Tensor, "networks hidden"],
) -> Float[Tensor, "networks rows"]:
    """Return z of every network on its own row of inner activations, without the last bias."""
    z: Tensor = _NetworksInBlocks.apply(  # type: ignore[no-untyped-call]
        inner.contiguous(), weight_in, bias_in, weight_out
    )
    return z


def _blocks(inner: Tensor, weight_in: Tensor, bias_in: Tensor) -> Iterator[_Block]:
    """Yield a few networks at a time with their hidden layers, which the next ones overwrite."""
    n_networks, n_rows = inner.shape
    n_hidden = weight_in.shape[1]
    size = max(1, BLOCK // max(1, n_rows * n_hidden))
    before = inner.new_empty(min(size, n_networks), n_hidden, n_rows)
    after = torch.empty_like(before)
    for start in range(0, n_networks, size):
        here = slice(start, start + size)
        w, x = weight_in[here].unsqueeze(2), inner[here].unsqueeze(1)
        now, then = before[: len(w)], after[: len(w)]
        torch.mul(w, x, out=now).add_(bias_in[here].unsqueeze(2))
        torch.ops.aten.gelu.out(now, out=then)
        yield _Block(here, now, then)
