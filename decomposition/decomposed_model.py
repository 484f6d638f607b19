r"""The target model with some of its matrices split into maskable subcomponents.

A masked matrix applies, for masks m on its subcomponents and :math:`m_\Delta` on what they
leave over, :math:`\Delta = W - UV`:

.. math:: y = U(m \odot Vx) + m_\Delta \Delta x + b
            = U((m - m_\Delta) \odot Vx) + m_\Delta W x + b

The second form (the δ-identity) never builds Δ. With m = 1 and :math:`m_\Delta = 1` it is the
target's own layer. Bushnaq, Braun & Sharkey (2025), arXiv:2506.20790, do not mask the
remainder (:math:`m_\Delta = 0`); treating it as one more part to be ablated came later, in
Goodfire's work on adversarial parameter decomposition (2026).
"""

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 -- the name torch's own documentation uses

from decomposition.causal_importance import ImportanceNetworks, lower_leaky_hard_sigmoid
from decomposition.subcomponents import AnySubcomponents, Subcomponents, TransposedSubcomponents


class Mask(NamedTuple):
    """How much of one matrix is kept on each input."""

    subcomponents: Tensor
    """Shape `*batch C`; 1 keeps a subcomponent, 0 ablates it. May broadcast over the batch."""

    remainder: Tensor | None = None
    """Shape `*batch 1`, the same for what the subcomponents leave over; None ablates it."""


class CleanPass(NamedTuple):
    """What the target does on a batch."""

    output: Tensor
    """Shape `*batch d_out`, without gradient."""

    inner: Tensor
    """Shape `*batch total`: V x of every subcomponent, matrix after matrix."""


def masked_product(
    x: Float[Tensor, "*batch d_in"],
    weight: Float[Tensor, "d_out d_in"],
    subcomponents: AnySubcomponents,
    mask: Mask,
) -> Float[Tensor, "*batch d_out"]:
    """Apply a masked matrix to x, without its bias."""
    inner = x @ subcomponents.V.T
    if mask.remainder is None:
        return (inner * mask.subcomponents) @ subcomponents.U.T
    kept = inner * (mask.subcomponents - mask.remainder)
    return kept @ subcomponents.U.T + mask.remainder * (x @ weight.T)


class MaskedLinear(nn.Module):
    """Stands where a linear layer of the target stood, and is that layer until it is masked."""

    weight: Tensor
    bias: Tensor | None

    def __init__(self, linear: nn.Linear, subcomponents: AnySubcomponents) -> None:
        super().__init__()
        self.register_buffer("weight", linear.weight.detach())
        self.register_buffer("bias", None if linear.bias is None else linear.bias.detach())
        self.subcomponents = subcomponents
        self.mask: Mask | None = None
        self.input: Tensor | None = None
        """What the layer was last given."""

    def forward(self, x: Float[Tensor, "*batch d_in"]) -> Float[Tensor, "*batch d_out"]:
        """Apply the target's layer, or its masked form where a mask is set."""
        self.input = x
        if self.mask is None:
            return F.linear(x, self.weight, self.bias)
        y = masked_product(x, self.weight, self.subcomponents, self.mask)
        return y if self.bias is None else y + self.bias


class DecomposedModel(nn.Module):
    """A copy of the target whose named linear layers are masked, with importances for them.

    The target itself is never touched. But: only `nn.Linear` layers can be decomposed, and one
    copy cannot run in two threads at once, because a layer holds its mask while it runs.
    """

    def __init__(
        self,
        model: nn.Module,
        subcomponents: Mapping[str, AnySubcomponents],
        importance_networks: ImportanceNetworks,
    ) -> None:
        super().__init__()
        self.network = copy.deepcopy(model).requires_grad_(False)
        self.layers: dict[str, MaskedLinear] = {}
        for name, parts in subcomponents.items():
            linear = self.network.get_submodule(name)
            assert isinstance(linear, nn.Linear), f"{name} is not a linear layer"
            self.layers[name] = MaskedLinear(linear, parts)
            self.network.set_submodule(name, self.layers[name])
        self.importance_networks = importance_networks

    @property
    def subcomponents(self) -> dict[str, AnySubcomponents]:
        """The subcomponents of each matrix."""
        return {name: layer.subcomponents for name, layer in self.layers.items()}

    @property
    def weights(self) -> dict[str, Tensor]:
        """The target's weight of each matrix, laid out as in `nn.Linear.weight`."""
        return {name: layer.weight for name, layer in self.layers.items()}

    def forward(
        self, x: Float[Tensor, "*batch d_in"], masks: Mapping[str, Mask] | None = None
    ) -> Float[Tensor, "*batch d_out"]:
        """Run the model with these matrices masked; the others are the target's."""
        with self._masked(masks or {}):
            output: Tensor = self.network(x)
        return output

    def clean(self, x: Float[Tensor, "*batch d_in"]) -> CleanPass:
        """Run the target on x and read every subcomponent's inner activation."""
        with torch.no_grad():
            output = self(x)
        inner = [
            layer.input @ layer.subcomponents.V.T
            for layer in self.layers.values()
            if layer.input is not None
        ]
        return CleanPass(output, torch.cat(inner, dim=-1))

    def by_matrix(self, total: Float[Tensor, "*batch total"]) -> dict[str, Tensor]:
        """Split a tensor over all subcomponents into one per matrix, `*batch C` each."""
        sizes = [parts.V.shape[0] for parts in self.subcomponents.values()]
        return dict(zip(self.layers, torch.split(total, sizes, dim=-1), strict=True))

    @torch.no_grad()
    def importance(self, x: Float[Tensor, "*batch d_in"]) -> dict[str, Tensor]:
        """Return the causal importance g in [0, 1] per matrix, `*batch C` each."""
        z = self.importance_networks(self.clean(x).inner)
        return self.by_matrix(lower_leaky_hard_sigmoid(z))

    @contextmanager
    def _masked(self, masks: Mapping[str, Mask]) -> Iterator[None]:
        for name, mask in masks.items():
            self.layers[name].mask = mask
        try:
            yield
        finally:
            for name in masks:
                self.layers[name].mask = None


def decomposed_model(
    model: nn.Module,
    transposes: Mapping[str, str | None],
    C: int,
    n_hidden: int,
    generator: torch.Generator,
) -> DecomposedModel:
    """Split the named matrices of a model into freshly drawn subcomponents.

    Args:
        model: The target's network, which stays as it is.
        transposes: The module path of every matrix to decompose, in order, with the earlier
            matrix it is the transpose of, or None. Tied matrices share their subcomponents.
        C: Subcomponents per matrix.
        n_hidden: Hidden units of each importance network.
        generator: Source of all random numbers.
    """
    subcomponents: dict[str, AnySubcomponents] = {}
    for name, other in transposes.items():
        subcomponents[name] = (
            _fresh(model, name, C, generator)
            if other is None
            else TransposedSubcomponents(_untied(subcomponents[other]))
        )
    networks = ImportanceNetworks(C * len(subcomponents), n_hidden, generator)
    return DecomposedModel(model, subcomponents, networks)


def _fresh(model: nn.Module, name: str, C: int, generator: torch.Generator) -> Subcomponents:
    linear = model.get_submodule(name)
    assert isinstance(linear, nn.Linear), f"{name} is not a linear layer"
    return Subcomponents(C, linear.in_features, linear.out_features, generator)


def _untied(subcomponents: AnySubcomponents) -> Subcomponents:
    assert isinstance(subcomponents, Subcomponents), "a tied matrix names an untied one"
    return subcomponents
