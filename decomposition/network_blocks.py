r"""Many small networks 1 → hidden → 1 at once, in blocks that stay in the processor's cache.

For every network n and row b

.. math:: z_{nb} = \sum_h w'_{nh}\, \mathrm{gelu}(w_{nh} a_{nb} + v_{nh}) + v'_n .

Written as products over all networks this makes several tensors of networks × rows × hidden,
and the time goes into carrying them to and from memory: with 400 networks, 900 rows and 16 hidden
units each is 23 MB. Here a few networks at a time are run, and run again for the gradient, so
that nothing of that size exists; it takes half the time and memory that grows with networks × rows
alone. Where everything fits in the cache anyway, the plain products are as fast.

With :math:`t = (w a + v) / \sqrt2`, which is linear in a, and :math:`e = \mathrm{erf}(t)`

.. math:: \mathrm{gelu} = \frac{t + t e}{\sqrt2}, \qquad
    \mathrm{gelu}' = \frac{1 + e + 2 t \exp(-t^2) / \sqrt\pi}{2} ,

so that z and all gradients are sums over e and :math:`t \exp(-t^2)`, which products of matrices
make; no hidden unit is multiplied with anything twice. Where e is small enough it is kept for the
gradient instead of being made again.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import FunctionCtx

BLOCK = 2**17
"""Hidden activations in a block: 512 kB, a quarter of a common second-level cache."""

KEPT_UP_TO = 2**24
"""Hidden activations in all up to which e is kept: 64 MB."""

PAYS_FROM = 2**20
"""Hidden activations in all from which blocks are faster than plain products."""

ROOT_HALF = 0.5**0.5


class _Block(NamedTuple):
    """A few networks with their hidden layer."""

    networks: slice
    t: Tensor
    """Shape `networks hidden rows`, in room that the next block overwrites."""

    error: Tensor
    """Room for e, of the same shape; or e itself, if it was kept."""


class _NetworksInBlocks(torch.autograd.Function):
    """The formula above without the last bias; see `networks_in_blocks`."""

    @staticmethod
    def forward(
        ctx: FunctionCtx, inner: Tensor, weight_in: Tensor, bias_in: Tensor, weight_out: Tensor
    ) -> Tensor:
        n_networks, n_rows = inner.shape
        n_kept = n_networks if inner.numel() * weight_in.shape[1] <= KEPT_UP_TO else 0
        kept = inner.new_empty(n_kept, weight_in.shape[1], n_rows)
        # t (1 + e) as a line in a with slope and height, each of them 1 + e times a weight
        weights = torch.stack([weight_in * weight_out, bias_in * weight_out], dim=1) / 2
        sums = inner.new_empty(n_networks, 2, n_rows)
        for here, t, error in _blocks(inner, weight_in, bias_in, kept):
            torch.bmm(weights[here], torch.erf(t, out=error), out=sums[here])
        sums += weights.sum(dim=2, keepdim=True)
        ctx.save_for_backward(inner, weight_in, bias_in, weight_out, kept)
        return torch.addcmul(sums[:, 1], sums[:, 0], inner)

    @staticmethod
    def backward(ctx: FunctionCtx, *grads: Tensor) -> tuple[Tensor, ...]:
        inner, weight_in, bias_in, weight_out, kept = ctx.saved_tensors  # type: ignore[attr-defined]
        carried = torch.stack([grads[0] * inner, grads[0]], dim=2)
        through = (weight_in * weight_out).unsqueeze(1) / 2
        slopes = torch.empty_like(inner)
        over_error, over_bell = (inner.new_empty(*weight_in.shape, 2) for _ in range(2))
        peak = inner.new_full((), math.log(2 / math.pi**0.5))
        room = torch.empty_like(_room(inner, weight_in))
        for here, t, error in _blocks(inner, weight_in, bias_in, kept):
            if not len(kept):
                torch.erf(t, out=error)
            bell = torch.addcmul(peak, t, t, value=-1, out=room[: len(t)]).exp_().mul_(t)
            torch.bmm(error, carried[here], out=over_error[here])
            torch.bmm(bell, carried[here], out=over_bell[here])
            slope = slopes[here].unsqueeze(1)
            torch.bmm(through[here], bell.add_(error), out=slope)
        over_error += carried.sum(dim=1, keepdim=True)  # of 1 + e
        of_out = (over_error * torch.stack([weight_in, bias_in], dim=2)).sum(dim=2) / 2
        of_hidden = (over_error + over_bell) * weight_out.unsqueeze(2) / 2
        of_inner = (slopes + through.sum(dim=2)) * grads[0]
        return of_inner, of_hidden[..., 0], of_hidden[..., 1], of_out


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


def _room(inner: Tensor, weight_in: Tensor) -> Tensor:
    """Return room for the hidden layer of as many networks as are run at a time."""
    n_hidden, n_rows = weight_in.shape[1], inner.shape[1]
    size = min(len(inner), max(1, BLOCK // max(1, n_rows * n_hidden)))
    return inner.new_empty(size, n_hidden, n_rows)


def _blocks(inner: Tensor, weight_in: Tensor, bias_in: Tensor, kept: Tensor) -> Iterator[_Block]:
    """Yield a few networks at a time."""
    room = _room(inner, weight_in)
    errors = kept if len(kept) else torch.empty_like(room)
    scaled, shifts = ((p * ROOT_HALF).unsqueeze(2) for p in (weight_in, bias_in))
    for start in range(0, len(inner), len(room)):
        here = slice(start, start + len(room))
        t = room[: len(scaled[here])]
        torch.mul(scaled[here], inner[here].unsqueeze(1), out=t).add_(shifts[here])
        yield _Block(here, t, errors[here] if len(kept) else errors[: len(t)])
