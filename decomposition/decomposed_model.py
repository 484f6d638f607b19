r"""The target model with some of its matrices split into maskable subcomponents.

A masked matrix applies, for masks m on its subcomponents and :math:`m_\Delta` on what they
leave over, :math:`\Delta = W - UV`:

.. math:: y = U(m \odot Vx) + m_\Delta \Delta x + b
            = U((m - m_\Delta) \odot Vx) + m_\Delta W x + b

The second form (the δ-identity) never builds Δ. With m = 1 and :math:`m_\Delta = 1` it is the
target's own layer. Bushnaq, Braun & Sharkey (2025), arXiv:2506.20790, do not mask the
remainder (:math:`m_\Delta = 0`); treating it as one more part to be ablated came later, in
Goodfire's work on adversarial parameter decomposition (2026).

The decomposed model shares the target's parameters without ever writing to them, so a large
model is not held twice. Masks hold inside a `with` block:

    parts = split(model, {"h.*.mlp.*": 64, "wte": 128}, generator)
    decomposed = DecomposedModel(model, parts, networks)
    with decomposed.masked({"h.0.mlp.c_fc": Mask(m)}):
        decomposed.network(tokens)
"""

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor, nn

from decomposition.causal_importance import ImportanceNetworks, Importances, Seen
from decomposition.errors import SplitError
from decomposition.masks import Mask
from decomposition.matrices import choose, known_layout
from decomposition.shared_importance import AnyNetworks
from decomposition.subcomponents import AnySubcomponents, split


class CleanPass(NamedTuple):
    """What the target does on a batch."""

    output: Tensor
    """The target's output, without gradient."""

    seen: dict[str, Seen]
    """What each matrix was given."""

    outputs: dict[str, Tensor]
    """What each layer gave, bias included, in its own layout and without gradient."""

    first: "First"
    """The products of the layer that is called first."""


class First(NamedTuple):
    """What the first split layer makes of a batch, whatever is masked in it and after it.

    Its input is the same in every run of a batch, and so are these products: they need to be made
    only once.
    """

    name: str
    inner: Tensor
    """V x, `*positions C`, with gradient."""

    whole: Tensor
    """W x, `*positions d_out`, without."""


class Call(NamedTuple):
    """A layer was called."""

    layer: "MaskedLayer"
    given: Tensor
    gave: Tensor


class MaskedLayer(nn.Module):
    """Stands where a layer of the target stood, and is that layer until it is masked."""

    def __init__(self, layer: nn.Module, subcomponents: AnySubcomponents) -> None:
        super().__init__()
        self.layer = layer
        self.layout = known_layout(layer)
        self.subcomponents = subcomponents
        self.mask: Mask | None = None
        self.known: First | None = None
        """Its products, where they are the same as in an earlier run."""

        self.record: list[Call] | None = None
        """Where to note inputs and outputs; None where nobody asks."""

    def __getattr__(self, name: str) -> Tensor | nn.Module:
        """Answer what the model asks its layer for, such as `weight`, as the layer would."""
        try:
            return super().__getattr__(name)
        except AttributeError:
            found: Tensor | nn.Module = getattr(super().__getattr__("layer"), name)
            return found

    @property
    def matrix(self) -> Tensor:
        """W, `d_out d_in`, whatever the layout of the layer's own weight."""
        return self.layout.matrix(self.layer)

    def forward(self, x: Tensor) -> Tensor:
        """Apply the target's layer, or its masked form where a mask is set."""
        y: Tensor = self.layer(x) if self.mask is None else self._masked(x, self.mask)
        if self.record is not None:
            self.record.append(Call(self, x, y))
        return y

    def see(self, x: Tensor) -> Seen:
        """Return what the layer's importances can be told from."""
        inner = self.layout.product(self.layer, x, self.subcomponents.V)
        return Seen(inner, lambda: self.layout.vectors(self.layer, x))

    def whole(self, x: Tensor) -> Tensor:
        """Apply W alone, without bias: `*positions d_out`."""
        return self.layout.product(self.layer, x, self.matrix)

    def _masked(self, x: Tensor, mask: Mask) -> Tensor:
        inner = self.see(x).inner if self.known is None else self.known.inner
        if mask.remainder is None:
            y = in_runs(mask.subcomponents, inner) @ self.subcomponents.U.T
        else:
            kept = in_runs(mask.subcomponents - mask.remainder, inner)
            whole = self.whole(x) if self.known is None else self.known.whole
            y = kept @ self.subcomponents.U.T + in_runs(mask.remainder, whole)
        bias: Tensor | None = getattr(self.layer, "bias", None)
        return self.layout.output(y if bias is None else y + bias)


def in_runs(masks: Tensor, values: Tensor) -> Tensor:
    """Multiply the values of a batch with its masks, or with those of several runs, end to end."""
    if masks.ndim < values.ndim or len(masks) in {1, len(values)}:
        return masks * values
    return (masks.reshape(-1, *values.shape[:-1], masks.shape[-1]) * values).flatten(0, 1)


class DecomposedModel(nn.Module):
    """A model whose named matrices can be masked, with importances for their subcomponents.

    The target itself is never touched, not even while this runs; the parameters are the same
    tensors. Dropout is off. But: it cannot run in two threads at once, because a layer holds
    its mask while it runs; and a layer that is called more than once in a pass has no single
    input, and is refused.
    """

    def __init__(
        self,
        model: nn.Module,
        subcomponents: Mapping[str, AnySubcomponents],
        importance_networks: AnyNetworks,
    ) -> None:
        super().__init__()
        self.network = _frozen_twin(model)
        self.layers: dict[str, MaskedLayer] = {}
        for name, parts in subcomponents.items():
            self.layers[name] = MaskedLayer(self.network.get_submodule(name), parts)
            self.network.set_submodule(name, self.layers[name])
        self.importance_networks = importance_networks

    @property
    def subcomponents(self) -> dict[str, AnySubcomponents]:
        """The subcomponents of each matrix."""
        return {name: layer.subcomponents for name, layer in self.layers.items()}

    @property
    def weights(self) -> dict[str, Tensor]:
        """The target's weight of each matrix, `d_out d_in` whatever the kind of layer."""
        return {name: layer.matrix for name, layer in self.layers.items()}

    def forward(
        self,
        x: Tensor,
        masks: Mapping[str, Mask] | None = None,
        first: First | None = None,
    ) -> Tensor:
        """Run the model with these matrices masked; the others are the target's.

        Args:
            x: Inputs.
            masks: Of the matrices to mask, for every row.
            first: Of the clean pass on x, to save making these products again. x may be what the
                clean pass was given several times over.
        """
        with self.masked(masks or {}, first):
            output: Tensor = self.network(x)
        return output

    def clean(self, x: Tensor) -> CleanPass:
        """Run the target on x; gradients reach V through what each matrix was given.

        Raises:
            SplitError: A layer was not called, or was called more than once.
        """
        with torch.no_grad(), self._recording() as calls:
            output = self(x)
        single = self._once_each(calls)
        seen = {name: call.layer.see(call.given) for name, call in single.items()}
        started = calls[0].layer
        first = next(name for name, layer in self.layers.items() if layer is started)
        with torch.no_grad():
            known = First(first, seen[first].inner, started.whole(calls[0].given))
        return CleanPass(output, seen, {name: call.gave for name, call in single.items()}, known)

    def masked_outputs(self, x: Tensor, masks: Mapping[str, Mask]) -> dict[str, Tensor]:
        """Run the masked model and return what each layer gave, with gradients."""
        with self._recording() as calls:
            self(x, masks)
        return {name: call.gave for name, call in self._once_each(calls).items()}

    @torch.no_grad()
    def importance(self, x: Tensor) -> dict[str, Tensor]:
        """Return the causal importance g in [0, 1] per matrix, `*positions C` each."""
        found: Importances = self.importance_networks(self.clean(x).seen)
        return {name: g.clamp(0, 1) for name, g in found.g.items()}

    @contextmanager
    def masked(self, masks: Mapping[str, Mask], first: First | None = None) -> Iterator[None]:
        """Mask these matrices until the block ends, however it ends."""
        for name, mask in masks.items():
            self.layers[name].mask = mask
        if first is not None:
            self.layers[first.name].known = first
        try:
            yield
        finally:
            for layer in self.layers.values():
                layer.mask = layer.known = None

    @contextmanager
    def _recording(self) -> Iterator[list[Call]]:
        calls: list[Call] = []
        for layer in self.layers.values():
            layer.record = calls
        try:
            yield calls
        finally:
            for layer in self.layers.values():
                layer.record = None

    def _once_each(self, calls: list[Call]) -> dict[str, Call]:
        """Return the call of each layer, which has to be a single one."""
        found: dict[str, Call] = {}
        for name, layer in self.layers.items():
            of_layer = [call for call in calls if call.layer is layer]
            if len(of_layer) != 1:
                raise SplitError(
                    f"{name} was called {len(of_layer)} times in one pass of the model; a layer "
                    "can be split if it is called once"
                )
            found[name] = of_layer[0]
        return found


def decomposed_model(
    model: nn.Module,
    counts: Mapping[str, int],
    n_hidden: int,
    generator: torch.Generator,
    transposes: Mapping[str, str | None] | None = None,
) -> DecomposedModel:
    """Split the matrices that patterns choose into freshly drawn subcomponents.

    Args:
        model: The target's network, which stays as it is.
        counts: C for each pattern of module paths, as for `matrices.choose`.
        n_hidden: Hidden units of each importance network.
        generator: Source of all random numbers.
        transposes: For a matrix that equals an earlier one transposed without sharing its
            parameter, that one. Ties by shared parameters are found without being told.

    Raises:
        SplitError: The matrices cannot be chosen so.
    """
    subcomponents = split(model, choose(model, counts), generator, transposes or {})
    sizes = {name: parts.V.shape[0] for name, parts in subcomponents.items()}
    return DecomposedModel(model, subcomponents, ImportanceNetworks(sizes, n_hidden, generator))


def _frozen_twin(model: nn.Module) -> nn.Module:
    """Return the same modules over the same parameters, as ones that need no gradient."""
    shared = {
        id(parameter): nn.Parameter(parameter.detach(), requires_grad=False)
        for parameter in model.parameters()
    }
    return copy.deepcopy(model, shared).eval()
