r"""The divergence of large vocabularies, a few tokens at a time.

.. math:: D = \sum_t w_t \sum_i p_{ti} \log \frac{p_{ti}}{q_{ti}}, \qquad
    \frac{\partial D}{\partial \hat y_{ti}} = w_t\, (q_{ti} - p_{ti})

with p and q the softmax of the target's logits y and the masked ones ŷ. Written as plain
operations it makes several tensors of tokens × vocabulary in single precision and keeps some of
them for the gradient: at 50,000 words a token takes 0.2 MB in each. Here nothing is kept but the
two logits themselves, in the precision that they come in; the softmax is taken of a few tokens at
a time and made again for the gradient, of which the formula is known.
"""

from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx

AT_ONCE = 2**24
"""Logits of which the softmax is taken at once: 64 MB in single precision."""

HELD = 2**22
"""Logits of the rows that are run at once where nothing is trained: 16 MB."""


class _Divergence(torch.autograd.Function):
    """The formulas above."""

    @staticmethod
    def forward(
        ctx: FunctionCtx, output: Tensor, expected: Tensor, weights: Tensor, at_once: int
    ) -> Tensor:
        ctx.save_for_backward(output, expected, weights)
        ctx.at_once = at_once  # type: ignore[attr-defined]  # torch's stub lacks it
        total = weights.new_zeros(())
        for some in _chunks(output, at_once):
            log_q, log_p = (x[some].float().log_softmax(dim=-1) for x in (output, expected))
            total += weights[some] @ (log_p.exp() * (log_p - log_q)).sum(dim=-1)
        return total

    @staticmethod
    def backward(ctx: FunctionCtx, *grads: Tensor) -> tuple[Tensor, None, None, None]:
        output, expected, weights = ctx.saved_tensors  # type: ignore[attr-defined]
        scale = (grads[0] * weights).unsqueeze(1)
        gradient = torch.empty_like(output)
        for some in _chunks(output, ctx.at_once):  # type: ignore[attr-defined]
            q, p = (x[some].float().softmax(dim=-1) for x in (output, expected))
            gradient[some] = (q.sub_(p).mul_(scale[some])).to(output.dtype)
        return gradient, None, None, None


def divergence_of_tokens(
    output: Float[Tensor, "tokens vocabulary"],
    expected: Float[Tensor, "tokens vocabulary"],
    weights: Float[Tensor, " tokens"],
    at_once: int = AT_ONCE,
) -> Float[Tensor, ""]:
    """Return the weighted sum of the divergences in nats; gradients reach the output alone."""
    total: Tensor = _Divergence.apply(output, expected, weights, at_once)  # type: ignore[no-untyped-call]
    return total


@torch.no_grad()
def rows_at_once(model: nn.Module, x: Tensor, most: int) -> int:
    """Return how many of these rows, at most so many, put out no more than `HELD` numbers."""
    of_one: int = model(x[:1]).numel()
    return max(1, min(most, HELD // of_one))


def _chunks(output: Tensor, at_once: int) -> Iterator[slice]:
    """Yield which tokens are taken at once."""
    n = max(1, at_once // output.shape[1])
    for start in range(0, len(output), n):
        yield slice(start, start + n)
