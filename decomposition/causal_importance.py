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

Instead, one network per matrix may look at the whole vector that the matrix is given.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx
from torch.nn import functional as F  # noqa: N812 -- the name torch's own documentation uses

from decomposition.network_blocks import networks_in_blocks, pays_in_blocks

LEAK = 0.01
"""Slope of the leaks."""

OFF = -1.0
"""What a network that has been switched off puts out."""

RAMP = 1.5
"""The first weights of a network that starts anew: at 1 it answers 1.3, at a half 0.4."""

NEARLY_CONSTANT = 0.1
"""What the last weights are multiplied by where all importances are to start alike."""

BELOW_ZERO, ABOVE_ONE = -(2.0**-149), 1 + 2.0**-23
"""Their next numbers in single precision, where torch leaves out an end of a range."""


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
        leaking = LEAK * grad.clamp(max=0)
        leaking -= torch.ops.aten.threshold_backward(leaking, z, 0)
        inside: Tensor = torch.ops.aten.hardtanh_backward(grad, z, 0, ABOVE_ONE)
        return inside.add_(leaking)


def lower_leaky_hard_sigmoid(z: Float[Tensor, "*batch C"]) -> Float[Tensor, "*batch C"]:
    """Squash z to [0, 1] for the masks; below zero only gradients that raise z pass, at 1 %.

    The gradient for an incoming ĝ is 0.01 min(ĝ, 0) where z ≤ 0, ĝ where 0 < z ≤ 1, and 0
    where z > 1: at z = 0 exactly it leaks, at z = 1 exactly it passes.
    """
    out: Tensor = _LowerLeakyHardSigmoid.apply(z)  # type: ignore[no-untyped-call]
    return out


def value_leaky_hard_sigmoid(z: Float[Tensor, "*batch C"]) -> Float[Tensor, "*batch C"]:
    """Squash z for the masks as the paper of 2025 does: 0.01 z below 0, then z, then 1."""
    return torch.maximum(z.clamp(max=1), LEAK * z.clamp(max=0))


def full_precision(x: Tensor) -> Tensor:
    """Return what was computed in half precision in single precision, and all else as it is."""
    return x.float() if x.dtype in {torch.bfloat16, torch.float16} else x


class _UpperLeakyHardSigmoid(torch.autograd.Function):
    """What `upper_leaky_hard_sigmoid` says, with its gradient in two operations."""

    @staticmethod
    def forward(ctx: FunctionCtx, z: Tensor) -> Tensor:
        ctx.save_for_backward(z)
        above_zero = z.clamp(min=0)
        return torch.minimum(above_zero, LEAK * above_zero + (1 - LEAK))

    @staticmethod
    def backward(ctx: FunctionCtx, *grads: Tensor) -> Tensor:
        (z,) = ctx.saved_tensors  # type: ignore[attr-defined]  # torch's stub lacks it
        (grad,) = grads
        inside: Tensor = torch.ops.aten.hardtanh_backward(grad, z, BELOW_ZERO, ABOVE_ONE)
        return inside.add_(torch.ops.aten.threshold_backward(LEAK * grad, z, 1))


def upper_leaky_hard_sigmoid(z: Float[Tensor, "*batch C"]) -> Float[Tensor, "*batch C"]:
    """Squash z for importance minimality: flat below 0, then z, then slope 0.01 above 1.

    The gradient is 0 where z < 0, 1 where 0 ≤ z ≤ 1 (both ends included), 0.01 where z > 1.
    """
    out: Tensor = _UpperLeakyHardSigmoid.apply(z)  # type: ignore[no-untyped-call]
    return out


class Seen:
    """What one matrix was given, as far as its importances can be told from it.

    Both are made when they are first asked for: importances are told from one of them only.
    """

    def __init__(self, inner: Callable[[], Tensor], vectors: Callable[[], Tensor]) -> None:
        self._inner = inner
        self.vectors = vectors
        """Returns x itself, `*positions vector_size`."""

    @cached_property
    def inner(self) -> Tensor:
        """V x of every subcomponent, `*positions C`."""
        return self._inner()


class Importances(NamedTuple):
    """How much each subcomponent matters, squashed in both ways."""

    g: dict[str, Tensor]
    """Of each matrix, `*positions C`, in [0, 1]: for masks, and what is reported."""

    penalised: list[Tensor]
    """The upper-leaky ones, `*positions n`; together they are those of all matrices."""


class ImportanceNetworks(nn.Module):
    """One network 1 → hidden → 1 with GELU for every subcomponent of every matrix.

    Where all matrices have as many positions, all networks run in one batched product: on small
    models this is most of the work.
    """

    def __init__(self, sizes: Mapping[str, int], n_hidden: int, generator: torch.Generator) -> None:
        super().__init__()
        self.sizes = dict(sizes)
        self.lower = lower_leaky_hard_sigmoid
        total = sum(sizes.values())

        def normal(std: float) -> nn.Parameter:
            return nn.Parameter(torch.randn(total, n_hidden, generator=generator) * std)

        self.weight_in = normal(2**0.5)
        self.bias_in = nn.Parameter(torch.zeros(total, n_hidden))
        self.weight_out = normal(n_hidden**-0.5)
        self.bias_out = nn.Parameter(torch.zeros(total))

    def forward(self, seen: Mapping[str, Seen]) -> Importances:
        """Return the importances of all matrices from what each was given."""
        positions = {seen[name].inner.shape[:-1] for name in self.sizes}
        if len(positions) == 1:
            together = torch.cat([seen[name].inner for name in self.sizes], dim=-1)
            z = self.z(together, slice(None))
            parts = torch.split(self.lower(z), list(self.sizes.values()), dim=-1)
            return Importances(
                dict(zip(self.sizes, parts, strict=True)), [upper_leaky_hard_sigmoid(z)]
            )
        apart = {name: self.z(seen[name].inner, place) for name, place in self.places()}
        return Importances(
            {name: self.lower(z) for name, z in apart.items()},
            [upper_leaky_hard_sigmoid(z) for z in apart.values()],
        )

    @torch.no_grad()
    def switch_off(self, matrix: str, index: int) -> None:
        """Let one subcomponent never be important again."""
        place = dict(self.places())[matrix].start + index
        self.weight_out[place] = 0
        self.bias_out[place] = OFF

    @torch.no_grad()
    def copy(self, matrix: str, source: int, to: int) -> None:
        """Give one subcomponent the network of another one of the same matrix."""
        start = dict(self.places())[matrix].start
        for parameter in self.parameters():
            parameter[start + to] = parameter[start + source]

    @torch.no_grad()
    def start_anew(self, matrix: str, index: int) -> None:
        """Let one subcomponent be important where its inner activation is far from zero.

        From about 1 on, on either side, it is fully so.
        """
        place = dict(self.places())[matrix].start + index
        for parameter in (self.bias_in, self.weight_out, self.bias_out):
            parameter[place] = 0
        for hidden, weight in enumerate((RAMP, -RAMP)[: self.weight_in.shape[1]]):
            self.weight_in[place, hidden] = weight
            self.weight_out[place, hidden] = 1

    @torch.no_grad()
    def rescale(self, matrix: str, numbers: Tensor, factors: Tensor) -> None:
        """Multiply what these networks are given with these factors from now on."""
        self.weight_in[dict(self.places())[matrix].start + numbers] *= factors.unsqueeze(1)

    @torch.no_grad()
    def start_at(self, z: float) -> None:
        """Let every network answer about this, whatever its input."""
        self.weight_out.mul_(NEARLY_CONSTANT)
        self.bias_out.fill_(z)

    def by_subcomponent(self) -> list[tuple[str, list[str]]]:
        """Return the parameters with a row for each subcomponent, and of which matrices."""
        names = ("weight_in", "bias_in", "weight_out", "bias_out")
        return [(name, list(self.sizes)) for name in names]

    def places(self) -> Iterator[tuple[str, slice]]:
        """Yield where the networks of each matrix stand among all of them."""
        start = 0
        for name, size in self.sizes.items():
            yield name, slice(start, start + size)
            start += size

    def z(
        self, inner: Float[Tensor, "*positions networks"], place: slice
    ) -> Float[Tensor, "*positions networks"]:
        """Return z, before any squashing, from the networks at this place."""
        rows = inner.flatten(0, -2).T  # networks rows
        own = (self.weight_in, self.bias_in, self.weight_out, self.bias_out)
        # the gradient of a part is put into zeros for the whole, so nothing is cut without need
        cut = own if place == slice(None) else (parameter[place] for parameter in own)
        weight_in, bias_in, weight_out, bias_out = cut
        if pays_in_blocks(rows, self.weight_in.shape[1]):
            products = networks_in_blocks(rows, weight_in, bias_in, weight_out)
            return (products.T + bias_out).reshape(inner.shape)
        # rows stand last: with the hidden units there, these products take twice as long
        lines = torch.stack([weight_in, bias_in], dim=2)
        seen = torch.bmm(lines, torch.stack([rows, torch.ones_like(rows)], dim=1))
        products = torch.bmm(weight_out.unsqueeze(1), F.gelu(seen)).squeeze(1)
        return full_precision(products.T + bias_out).reshape(inner.shape)


class VectorNetworks(nn.Module):
    """One network per matrix, vector_size → hidden → C with GELU, on what the matrix is given.

    It knows more than the inner activations say, and needs fewer numbers where C is large. But
    one subcomponent's importance may then follow what only another one reads.
    """

    def __init__(
        self,
        sizes: Mapping[str, int],
        vector_sizes: Mapping[str, int],
        n_hidden: int,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.sizes = dict(sizes)
        self.lower = lower_leaky_hard_sigmoid

        def normal(*shape: int, variance: float) -> nn.Parameter:
            return nn.Parameter(torch.randn(shape, generator=generator) * variance**0.5)

        self.weights_in = nn.ParameterList(
            normal(n_hidden, vector_sizes[name], variance=2 / vector_sizes[name]) for name in sizes
        )
        self.biases_in = nn.ParameterList(nn.Parameter(torch.zeros(n_hidden)) for _ in sizes)
        self.weights_out = nn.ParameterList(
            normal(C, n_hidden, variance=1 / n_hidden) for C in sizes.values()
        )
        self.biases_out = nn.ParameterList(nn.Parameter(torch.zeros(C)) for C in sizes.values())

    def forward(self, seen: Mapping[str, Seen]) -> Importances:
        """Return the importances of all matrices from what each was given."""
        z = {}
        for place, name in enumerate(self.sizes):
            x = seen[name].vectors()
            hidden = F.gelu(F.linear(x, self.weights_in[place], self.biases_in[place]))
            z[name] = full_precision(
                F.linear(hidden, self.weights_out[place], self.biases_out[place])
            )
        return Importances(
            {name: self.lower(of) for name, of in z.items()},
            [upper_leaky_hard_sigmoid(of) for of in z.values()],
        )

    @torch.no_grad()
    def switch_off(self, matrix: str, index: int) -> None:
        """Let one subcomponent never be important again."""
        place = list(self.sizes).index(matrix)
        self.weights_out[place][index] = 0
        self.biases_out[place][index] = OFF

    @torch.no_grad()
    def start_at(self, z: float) -> None:
        """Let every network answer about this, whatever its input."""
        for weight, bias in zip(self.weights_out, self.biases_out, strict=True):
            weight.mul_(NEARLY_CONSTANT)
            bias.fill_(z)

    def by_subcomponent(self) -> list[tuple[str, list[str]]]:
        """Return the parameters with a row for each subcomponent, and of which matrices."""
        return [
            (f"{kind}.{place}", [name])
            for place, name in enumerate(self.sizes)
            for kind in ("weights_out", "biases_out")
        ]
