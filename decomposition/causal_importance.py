r"""How much each subcomponent matters on each input, as a learned function.

Each subcomponent c has its own small network, which sees only the subcomponent's inner
activation :math:`a_c = V_c x`, one number, and answers with one number z. Two squashings of
the same z are used (Bushnaq, Braun & Sharkey 2025, arXiv:2506.20790, section 2 and appendix):

* masks take the *lower-leaky* hard sigmoid, :math:`g = \mathrm{clamp}(z, 0, 1)`. Below zero
  its value is flat, but it lets 1 % of those gradients through that would raise z, so that a
  subcomponent which is off can come back. (In the paper its value leaks as well, which gives
  negative masks; here only the gradient does.)
* importance minimality takes the *upper-leaky* one, which goes on above 1 with slope 0.01, so
  that a saturated importance can come down.

Hidden weights start from N(0, 2), the last layer from N(0, 1/hidden), biases from zero.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx
from torch.nn import functional as F  # noqa: N812 -- the name torch's own documentation uses

LEAK = 0.01
"""Slope of the leaks."""


class _LowerLeakyHardSigmoid(torch.autograd.Function):
    """clamp(z, 0, 1); its gradient is written out in `lower_leaky_hard_sigmoid`."""

    @staticmethod
    def forward(ctx: FunctionCtx, z: Tensor) -> Tensor:
        ctx.save_for_backward(z)
        return z.clamp(0, 1)

    @staticmethod
    def backward(ctx: FunctionCtx, *grads: Tensor) -> Tensor:
        (z,) = ctx.saved_tensors  # type: ignore[attr-defined]  # torch's stub lacks it
        (grad,) = grads
        inside = torch.where(z <= 1, grad, 0.0)
        return torch.where(z <= 0, LEAK * grad.clamp(max=0), inside)


def lower_leaky_hard_sigmoid(z: Float[Tensor, "*batch C"]) -> Float[Tensor, "*batch C"]:
    """Squash z to [0, 1] for the masks; below zero only gradients that raise z pass, at 1 %.

    The gradient for an incoming ĝ is 0.01 min(ĝ, 0) where z ≤ 0, ĝ where 0 < z ≤ 1, and 0
    where z > 1: at z = 0 exactly it leaks, at z = 1 exactly it passes.
    """
    out: Tensor = _LowerLeakyHardSigmoid.apply(z)  # type: ignore[no-untyped-call]
    return out


def upper_leaky_hard_sigmoid(z: Float[Tensor, "*batch C"]) -> Float[Tensor, "*batch C"]:
    """Squash z for importance minimality: flat below 0, then z, then slope 0.01 above 1.

    The gradient is 0 where z < 0, 1 where 0 ≤ z ≤ 1 (both ends included), 0.01 where z > 1.
    """
    return torch.where(z > 1, 1 + LEAK * (z - 1), z.clamp(0, 1))


class ImportanceNetworks(nn.Module):
    """One network 1 → hidden → 1 with GELU for every subcomponent of every matrix, at once.

    All networks run in one batched product: on small models this is most of the work.
    """

    def __init__(self, n_subcomponents: int, n_hidden: int, generator: torch.Generator) -> None:
        super().__init__()

        def normal(std: float) -> nn.Parameter:
            return nn.Parameter(torch.randn(n_subcomponents, n_hidden, generator=generator) * std)

        self.weight_in = normal(2**0.5)
        self.bias_in = nn.Parameter(torch.zeros(n_subcomponents, n_hidden))
        self.weight_out = normal(n_hidden**-0.5)
        self.bias_out = nn.Parameter(torch.zeros(n_subcomponents))

    def forward(self, inner: Float[Tensor, "*batch total"]) -> Float[Tensor, "*batch total"]:
        """Return z, before any squashing, for the inner activations of all subcomponents."""
        by_network = inner.reshape(-1, inner.shape[-1]).T.unsqueeze(2)  # total batch 1
        hidden = F.gelu(
            torch.baddbmm(self.bias_in.unsqueeze(1), by_network, self.weight_in.unsqueeze(1))
        )
        z = torch.bmm(hidden, self.weight_out.unsqueeze(2)).squeeze(2).T + self.bias_out
        return z.reshape(inner.shape)
