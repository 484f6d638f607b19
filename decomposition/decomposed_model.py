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
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor, nn

from decomposition.causal_importance import ImportanceNetworks, Importances, Seen
from decomposition.errors import SplitError
from decomposition.factored import Factored, Stream, Term, end_to_end, whole
from decomposition.masks import Mask, Runs
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
    """What each layer gave, bias included, in its own layout and without gradient; where products
    are kept apart, only of those layers whose are not."""

    first: "First"
    """The products of the layer that is called first."""

    def head(self, n: int) -> "CleanPass":
        """Return what it does on the first n rows, for masked runs on them."""
        first = self.first._replace(inner=self.first.inner[:n], whole=self.first.whole[:n])
        return CleanPass(self.output[:n], {}, {}, first)


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
    given: Stream
    gave: Stream


def kept_of(inner: Tensor, mask: Tensor, remainder: Tensor) -> Tensor:
    """Return (m - m_Δ) ⊙ V x, in the precision of V x."""
    return ((mask - remainder) * inner).to(inner.dtype)


class MaskedLayer(nn.Module):
    """Stands where a layer of the target stood, and is that layer until it is masked."""

    def __init__(self, layer: nn.Module, subcomponents: AnySubcomponents) -> None:
        super().__init__()
        self.layer = layer
        self.layout = known_layout(layer)
        self.subcomponents = subcomponents
        self.mask: Mask | Runs | None = None
        self.known: First | None = None
        """Its products, where they are the same as in an earlier run."""

        self.is_apart = False
        """Whether to leave what it adds to a wide stream unmultiplied (see `factored`)."""

        self.kept_of = kept_of
        """The function of this name, which training may replace by a compiled one."""

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

    def forward(self, x: Stream) -> Stream:
        """Apply the target's layer, or its masked form where a mask is set."""
        y = self._in_runs(x, self.mask) if isinstance(self.mask, Runs) else self._run(x, self.mask)
        if self.record is not None:
            self.record.append(Call(self, x, y))
        return y

    def see(self, x: Stream) -> Seen:
        """Return what the layer's importances can be told from."""
        return Seen(
            lambda: self._product(x, self.subcomponents.V),
            lambda: self.layout.vectors(self.layer, whole(x)),
        )

    def whole(self, x: Stream) -> Tensor:
        """Apply W alone, without bias: `*positions d_out`."""
        return self._product(x, self.matrix)

    def _product(self, x: Stream, matrix: Tensor) -> Tensor:
        if isinstance(x, Factored):
            return x.read_by(matrix)
        return self.layout.product(self.layer, x, matrix)

    @property
    def is_widening(self) -> bool:
        """Whether fewer numbers go into W and come from V together than come out, and no bias."""
        d_out, d_in = self.matrix.shape
        is_linear = isinstance(self.layer, nn.Linear) and self.layer.bias is None
        return is_linear and d_out > d_in + self.subcomponents.V.shape[0]

    def _in_runs(self, x: Stream, runs: Runs) -> Stream:
        """Apply the layer to several runs; where all are given the same, to each mask once."""
        parts: Sequence[Stream] = x.chunk(len(runs.masks))
        if self.known is None:
            made = [self._run(part, mask) for part, mask in zip(parts, runs.masks, strict=True)]
        else:
            different = {id(mask): mask for mask in runs.masks}
            once = {key: self._run(parts[0], mask) for key, mask in different.items()}
            made = [once[id(mask)] for mask in runs.masks]
        return end_to_end(made)

    def _run(self, x: Stream, mask: Mask | None) -> Stream:
        if self.is_apart:
            return self._apart(whole(x), mask)
        if mask is not None:
            return self._masked(x, mask)
        y: Tensor = self.layer(x)
        return y

    def _apart(self, x: Tensor, mask: Mask | None) -> Factored:
        """Return what `_run` does, its products with W and U not made yet."""
        n_kept, U = self.subcomponents.V.shape[0], self.subcomponents.U
        if mask is None:
            kept, left = x.new_zeros(*x.shape[:-1], n_kept), x
        elif mask.remainder is None:
            kept, left = mask.subcomponents * self.see(x).inner, torch.zeros_like(x)
        else:
            kept = (mask.subcomponents - mask.remainder) * self.see(x).inner
            left = mask.remainder * x
        return Factored(Term(left, self.matrix.T), Term(kept, U.T))

    def _masked(self, x: Stream, mask: Mask) -> Tensor:
        inner = self.see(x).inner if self.known is None else self.known.inner
        if mask.remainder is None:
            y = (mask.subcomponents * inner) @ self.subcomponents.U.T
        else:
            kept = self.kept_of(inner, mask.subcomponents, mask.remainder)
            whole = self.whole(x) if self.known is None else self.known.whole
            y = kept @ self.subcomponents.U.T + mask.remainder * whole
        bias: Tensor | None = getattr(self.layer, "bias", None)
        return self.layout.output(y if bias is None else y + bias)


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
    def device(self) -> torch.device:
        """Where it runs; inputs from elsewhere are brought there."""
        return next(self.importance_networks.parameters()).device

    @property
    def weights(self) -> dict[str, Tensor]:
        """The target's weight of each matrix, `d_out d_in` whatever the kind of layer."""
        return {name: layer.matrix for name, layer in self.layers.items()}

    def forward(
        self,
        x: Tensor,
        masks: Mapping[str, Mask | Runs] | None = None,
        first: First | None = None,
    ) -> Tensor:
        """Run the model with these matrices masked; the others are the target's.

        Args:
            x: Inputs.
            masks: Of the matrices to mask, for every row; or for every row of several runs, x
                then being as many batches end to end.
            first: Of the clean pass on the batch, to save making these products again.
        """
        with self.masked(masks or {}, first):
            output: Tensor = self.network(x.to(self.device))
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
        inner = seen[first].inner
        with torch.no_grad():
            known = First(first, inner, started.whole(calls[0].given))
        gave = {n: call.gave for n, call in single.items() if isinstance(call.gave, Tensor)}
        return CleanPass(output, seen, gave, known)

    def masked_outputs(self, x: Tensor, masks: Mapping[str, Mask]) -> dict[str, Tensor]:
        """Run the masked model and return what each layer gave, with gradients."""
        with self._recording() as calls:
            self(x, masks)
        return {name: whole(call.gave) for name, call in self._once_each(calls).items()}

    @torch.no_grad()
    def importance(self, x: Tensor) -> dict[str, Tensor]:
        """Return the causal importance g in [0, 1] per matrix, `*positions C` each."""
        found: Importances = self.importance_networks(self.clean(x).seen)
        return {name: g.clamp(0, 1) for name, g in found.g.items()}

    @contextmanager
    def masked(
        self, masks: Mapping[str, Mask | Runs], first: First | None = None
    ) -> Iterator[None]:
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
    def products_apart(self) -> Iterator[None]:
        """Until the block ends, add to a wide stream without multiplying out (see `factored`).

        Only a network that has `is_apart` can do with that; all others stay as they are.
        """
        parts = [layer for layer in self.layers.values() if layer.is_widening]
        flagged = [self.network, *parts] if hasattr(self.network, "is_apart") else []
        for module in flagged:
            module.is_apart = True  # type: ignore[assignment]  # a flag, and not a module
        try:
            yield
        finally:
            for module in flagged:
                module.is_apart = False  # type: ignore[assignment]

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
