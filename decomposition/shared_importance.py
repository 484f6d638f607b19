r"""One transformer that tells the importances of all matrices from what all of them are given.

.. math:: s_0 = W_\mathrm{in} \big[\mathrm{RMS}(x_1), \ldots, \mathrm{RMS}(x_L)\big],\quad
    s_{k+1} = \mathrm{Block}_k(s_k),\quad z = W_\mathrm{out}\, \mathrm{RMS}(s_K) + b

with one row s for each position, before-norm blocks of attention with rotary positions and a
GELU MLP of four times the width (after Goodfire 2026, Interpreting Language Model Parameters).
It sees what a network for one matrix cannot: what the other matrices, and other positions, are
about to do. But the published one looks both ways, so that what is called important at a token
may depend on tokens that come later; a *causal* one looks back only, as the model itself does,
and is what a statement about prediction needs.
"""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 -- the name torch's own documentation uses

from decomposition.causal_importance import (
    NEARLY_CONSTANT,
    OFF,
    ImportanceNetworks,
    Importances,
    Seen,
    VectorNetworks,
    full_precision,
    lower_leaky_hard_sigmoid,
    upper_leaky_hard_sigmoid,
)
from decomposition.errors import SplitError

HEAD_SIZE = 32
"""Dimensions of each attention head; narrower networks have one head."""

ROTARY_BASE = 10000.0


class SharedShape(NamedTuple):
    """How large the transformer is, and which way it looks."""

    width: int
    n_layers: int
    is_causal: bool


class SharedTransformer(nn.Module):
    """Importances of all matrices at every position, from the inputs of all of them there.

    Or of those alone that `vector_sizes` names: queries, keys and values are given the same, and
    what is added to a stream of vectors can be read from the stream itself.

    All matrices must have the same positions, one axis of them beside the batch, as in a
    transformer; otherwise the importances have to come from a network for each matrix.
    """

    def __init__(
        self,
        sizes: Mapping[str, int],
        vector_sizes: Mapping[str, int],
        shape: SharedShape,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.sizes = dict(sizes)
        self.lower = lower_leaky_hard_sigmoid
        self.reads = [name for name in sizes if name in vector_sizes]
        self.read = nn.Linear(sum(vector_sizes[name] for name in self.reads), shape.width)
        self.blocks = nn.ModuleList(_Block(shape) for _ in range(shape.n_layers))
        self.write = nn.Linear(shape.width, sum(sizes.values()))
        _draw(self, generator)

    def forward(self, seen: Mapping[str, Seen]) -> Importances:
        """Return the importances of all matrices from what those that are read were given."""
        vectors = [seen[name].vectors() for name in self.reads]
        positions = {x.shape[:-1] for x in vectors}
        if len(positions) != 1 or vectors[0].ndim != 3:
            raise SplitError(
                "one transformer for all importances wants every matrix to be applied at the "
                "same tokens; take importance=input_vector or inner_activation for this model"
            )
        s = self.read(torch.cat([_normed(x) for x in vectors], dim=-1))
        for block in self.blocks:
            s = block(s)
        z = full_precision(self.write(_normed(s)))
        parts = torch.split(self.lower(z), list(self.sizes.values()), dim=-1)
        return Importances(dict(zip(self.sizes, parts, strict=True)), [upper_leaky_hard_sigmoid(z)])

    @torch.no_grad()
    def switch_off(self, matrix: str, index: int) -> None:
        """Let one subcomponent never be important again."""
        names = list(self.sizes)
        place = sum(self.sizes[name] for name in names[: names.index(matrix)]) + index
        self.write.weight[place] = 0
        self.write.bias[place] = OFF

    @torch.no_grad()
    def start_at(self, z: float) -> None:
        """Let every answer be about this, whatever the input."""
        self.write.weight.mul_(NEARLY_CONSTANT)
        self.write.bias.fill_(z)

    def by_subcomponent(self) -> list[tuple[str, list[str]]]:
        """Return the parameters with a row for each subcomponent, and of which matrices."""
        return [(name, list(self.sizes)) for name in ("write.weight", "write.bias")]


AnyNetworks = ImportanceNetworks | VectorNetworks | SharedTransformer


class _Block(nn.Module):
    """Attention and an MLP, each adding to the stream."""

    def __init__(self, shape: SharedShape) -> None:
        super().__init__()
        width = shape.width
        self.n_heads = max(1, width // HEAD_SIZE) if width % HEAD_SIZE == 0 else 1
        self.is_causal = shape.is_causal
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.o = nn.Linear(width, width, bias=False)
        self.up = nn.Linear(width, 4 * width)
        self.down = nn.Linear(4 * width, width)

    def forward(self, s: Float[Tensor, "batch T width"]) -> Float[Tensor, "batch T width"]:
        q, k, v = (
            of.unflatten(-1, (self.n_heads, -1)).transpose(1, 2)
            for of in self.qkv(_normed(s)).chunk(3, dim=-1)
        )
        moved = F.scaled_dot_product_attention(rotated(q), rotated(k), v, is_causal=self.is_causal)
        s = s + self.o(moved.transpose(1, 2).flatten(-2))
        added: Tensor = self.down(F.gelu(self.up(_normed(s))))
        return s + added


def rotated(x: Float[Tensor, "batch heads T d"]) -> Float[Tensor, "batch heads T d"]:
    """Turn pairs of dimensions by an angle that grows with the position.

    Products of two such vectors depend on how far apart they are alone (Su et al. 2021, RoFormer,
    arXiv:2104.09864). An odd last dimension stays as it is. Half precision knows no
    position beyond 256 that is odd, so angles are computed in single precision at least.
    """
    half, exact = x.shape[-1] // 2, torch.promote_types(x.dtype, torch.float32)
    rates = ROTARY_BASE ** (-torch.arange(half, dtype=exact, device=x.device) / max(1, half))
    angles = torch.arange(x.shape[-2], dtype=exact, device=x.device)[:, None] * rates
    first, second, rest = x[..., :half], x[..., half : 2 * half], x[..., 2 * half :]
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    return torch.cat([first * cos - second * sin, second * cos + first * sin, rest], dim=-1)


def _normed(x: Float[Tensor, "*positions d"]) -> Float[Tensor, "*positions d"]:
    """Divide by the root of the mean square."""
    return F.rms_norm(x, x.shape[-1:])


def _draw(model: nn.Module, generator: torch.Generator) -> None:
    """Draw matrices from N(0, 1/d_in) and set biases to zero."""
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.Linear):
                drawn = torch.randn(module.weight.shape, generator=generator)
                module.weight.copy_(drawn * module.in_features**-0.5)
                if module.bias is not None:
                    module.bias.zero_()
