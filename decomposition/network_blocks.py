r"""Many small networks 1 → hidden → 1 at once, in blocks that stay in the processor's cache.

For every network n and row b

.. math:: z_{nb} = \sum_h w'_{nh}\, \mathrm{gelu}(w_{nh} a_{nb} + v_{nh}) + v'_n .

Written as products over all networks this makes several tensors of networks × hidden × rows,
and the time goes into carrying them to and from memory: with 400 networks, 900 rows and 16 hidden
units each is 23 MB. Here a few networks at a time are run, and what they see is made again for
the gradient, so that of that size only the hidden layer is kept, and where that is large nothing.
Where everything fits in the cache anyway, the plain products are as fast.

The gradients of a network's weights are products of :math:`\mathrm{gelu}` and
:math:`\mathrm{gelu}'` with :math:`\hat z a` and :math:`\hat z`, where ẑ comes in. These stand as
two rows on the left of the product: as two columns on the right, they take six times as long.
"""

from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import FunctionCtx

BLOCK = 2**18
"""Hidden activations in a block: 1 MB."""

KEPT_UP_TO = 2**24
"""Hidden activations in all up to which they are kept for the gradient: 64 MB."""

PAYS_FROM = 2**20
"""Hidden activations in all from which blocks need less memory than plain products, and no more
time."""


class _NetworksInBlocks(torch.autograd.Function):
    """The formula above without the last bias; see `networks_in_blocks`."""

    @staticmethod
    def forward(
        ctx: FunctionCtx, inner: Tensor, weight_in: Tensor, bias_in: Tensor, weight_out: Tensor
    ) -> Tensor:
        n_networks, n_rows = inner.shape
        n_kept = n_networks if inner.numel() * weight_in.shape[1] <= KEPT_UP_TO else 0
        kept = inner.new_empty(n_kept, weight_in.shape[1], n_rows)
        weights, z = weight_out.unsqueeze(1), inner.new_empty(n_networks, 1, n_rows)
        for here, seen in _blocks(inner, weight_in, bias_in):
            hidden = _gelu(seen, out=kept[here] if n_kept else seen)
            torch.bmm(weights[here], hidden, out=z[here])
        ctx.save_for_backward(inner, weight_in, bias_in, weight_out, kept)
        return z.squeeze(1)

    @staticmethod
    def backward(ctx: FunctionCtx, *grads: Tensor) -> tuple[Tensor, ...]:
        inner, weight_in, bias_in, weight_out, kept = ctx.saved_tensors  # type: ignore[attr-defined]
        carried = torch.stack([grads[0] * inner, grads[0]], dim=1)
        through = (weight_in * weight_out).unsqueeze(1)
        of_inner = torch.empty_like(inner).unsqueeze(1)
        over_slope = inner.new_empty(len(inner), 2, weight_in.shape[1])
        over_hidden = torch.empty_like(over_slope)
        room = _room(inner, weight_in)
        ones = torch.ones_like(room)
        for here, seen in _blocks(inner, weight_in, bias_in):
            other = room[: len(seen)]
            hidden = kept[here] if len(kept) else _gelu(seen, out=other)
            torch.bmm(carried[here], hidden.mT, out=over_hidden[here])
            slope = _gelu_slope(seen, ones[: len(seen)], out=other)
            torch.bmm(carried[here], slope.mT, out=over_slope[here])
            torch.bmm(through[here], slope, out=of_inner[here])
        over_slope *= weight_out.unsqueeze(1)
        return of_inner.squeeze(1) * grads[0], *over_slope.unbind(1), over_hidden[:, 1]


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


def _blocks(inner: Tensor, weight_in: Tensor, bias_in: Tensor) -> Iterator[tuple[slice, Tensor]]:
    """Yield a few networks at a time with what their hidden units see.

    That has shape `networks hidden rows`, in room that the next block overwrites.
    """
    room = _room(inner, weight_in)
    rows, weights, shifts = inner.unsqueeze(1), weight_in.unsqueeze(2), bias_in.unsqueeze(2)
    for start in range(0, len(inner), len(room)):
        here = slice(start, start + len(room))
        seen = room[: len(weights[here])]
        yield here, torch.mul(weights[here], rows[here], out=seen).add_(shifts[here])


def _room(inner: Tensor, weight_in: Tensor) -> Tensor:
    """Return room for the hidden layer of as many networks as are run at a time."""
    n_hidden, n_rows = weight_in.shape[1], inner.shape[1]
    size = min(len(inner), max(1, BLOCK // max(1, n_rows * n_hidden)))
    return inner.new_empty(size, n_hidden, n_rows)


def _gelu(seen: Tensor, out: Tensor) -> Tensor:
    hidden: Tensor = torch.ops.aten.gelu.out(seen, out=out)
    return hidden


def _gelu_slope(seen: Tensor, ones: Tensor, out: Tensor) -> Tensor:
    slope: Tensor = torch.ops.aten.gelu_backward.grad_input(ones, seen, grad_input=out)
    return slope
