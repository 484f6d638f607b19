r"""Passes of a model in which the value that every subcomponent passes on can be held or replaced.

In a *traced* pass each split matrix computes the inner activations :math:`a = V x` of its
subcomponents, and what they leave over, :math:`\Delta x`, from what it is given, but passes on
copies of both that know nothing of where they came from. A gradient therefore ends at the copies:
it is the *direct* effect of one subcomponent on another, by all ways that lead through no third
one (attention, normalisation and nonlinearities included). Embeddings that are not split, or an
input that is a vector, are copied too.

The copies can be other values than those computed: an ablation of which only the direct effect
is wanted holds all of them where they were, with one set to zero.

Rows of a batch never meet inside a model, so many targets, or many ablations, are the rows of
one pass.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor, nn

from decomposition.decomposed_model import DecomposedModel, MaskedLayer
from decomposition.errors import SplitError

VECTOR = "input"
"""The place of the entries of an input that is a vector, or an array: row after row."""


class Values(NamedTuple):
    """What is passed on at one place, each `rows positions size`."""

    inner: Tensor | None
    """Inner activations of the subcomponents; None where there are none."""

    rest: Tensor
    """What the subcomponents leave over; an embedding, or the entries of the input."""


class Pass(NamedTuple):
    """What came out of a traced pass."""

    reached: dict[str, Tensor]
    """Inner activations as computed, `rows positions C`, by matrix, in the order of the calls."""

    passed: dict[str, Values]
    """What was passed on, by place in the order of the calls; gradients end here."""

    output: Tensor
    """Shape `rows positions size`."""


class _Tap(nn.Module):
    """Stands where a layer stands, for the length of some passes."""

    def __init__(self, name: str, run: "_Run") -> None:
        super().__init__()
        self.name, self.run = name, run

    def _copied(self, computed: Tensor, held: Tensor | None) -> Tensor:
        value = computed.detach() if held is None else held.reshape(computed.shape)
        return value.clone().requires_grad_()


class _SplitTap(_Tap):
    def __init__(self, name: str, run: "_Run", masked: MaskedLayer) -> None:
        super().__init__(name, run)
        self.masked = masked

    def __getattr__(self, name: str) -> Tensor | nn.Module:
        """Answer what the model asks its layer for, as the layer would."""
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(super().__getattr__("masked"), name)  # type: ignore[no-any-return]

    def forward(self, x: Tensor) -> Tensor:
        layer, layout = self.masked.layer, self.masked.layout
        V, U = self.masked.subcomponents.V.detach(), self.masked.subcomponents.U.detach()
        inner = layout.product(layer, x, V)
        rest = layout.product(layer, x, self.masked.matrix) - inner @ U.T
        held = self.run.held.get(self.name, Values(None, None))  # type: ignore[arg-type]
        inner_copy, rest_copy = self._copied(inner, held.inner), self._copied(rest, held.rest)
        self.run.note(self.name, inner, Values(inner_copy, rest_copy))
        mask = self.run.masks.get(self.name)
        y = inner_copy @ U.T + rest_copy if mask is None else (inner_copy * mask) @ U.T
        bias: Tensor | None = getattr(layer, "bias", None)
        return layout.output(y if bias is None else y + bias)


class _EmbeddingTap(_Tap):
    def __init__(self, name: str, run: "_Run", embedding: nn.Embedding) -> None:
        super().__init__(name, run)
        self.embedding = embedding

    def forward(self, tokens: Tensor) -> Tensor:
        rows: Tensor = self.embedding(tokens)
        if rows.ndim < 3:
            rows = rows.unsqueeze(0)  # positions alone, the same for every row of the batch
        rows = rows.expand(self.run.n_rows, *rows.shape[1:])
        held = self.run.held.get(self.name)
        copy = self._copied(rows, None if held is None else held.rest)
        self.run.note(self.name, None, Values(None, copy))
        return copy


class _Run:
    """What the taps share during one pass."""

    def __init__(self) -> None:
        self.n_rows = 1
        self.masks: Mapping[str, Tensor] = {}
        self.held: Mapping[str, Values] = {}
        self.reached: dict[str, Tensor] = {}
        self.passed: dict[str, Values] = {}

    def note(self, name: str, inner: Tensor | None, values: Values) -> None:
        if name in self.passed:
            raise SplitError(
                f"{name} is called more than once in one pass of the model; it cannot be traced"
            )
        if inner is not None:
            self.reached[name] = _at_positions(inner)
        self.passed[name] = values


class Tracer:
    """Runs traced passes of one model; made by `tracing`."""

    def __init__(self, model: DecomposedModel, run: _Run) -> None:
        self._model, self._run = model, run

    def __call__(
        self,
        x: Tensor,
        held: Mapping[str, Values] | None = None,
        masks: Mapping[str, Tensor] | None = None,
    ) -> Pass:
        """Run the model on these rows.

        Args:
            x: The input, one row for each thing that is asked.
            held: Values to pass on instead of those computed, by place.
            masks: m of each matrix, to be multiplied with what its subcomponents pass on; what
                they leave over is then dropped. None keeps everything.
        """
        run = self._run
        run.n_rows, run.held, run.masks = len(x), held or {}, masks or {}
        run.reached, run.passed = {}, {}
        if x.is_floating_point():
            vector = run.held.get(VECTOR)
            x = (x if vector is None else vector.rest.reshape(x.shape)).clone().requires_grad_()
            run.passed[VECTOR] = Values(None, x)
        with torch.enable_grad():
            output = _at_positions(self._model.network(x))
        return Pass(run.reached, dict(run.passed), output)


@contextmanager
def tracing(model: DecomposedModel) -> Iterator[Tracer]:
    """Trace the passes of a model until the block ends."""
    run, network = _Run(), model.network
    embeddings = {
        name: module
        for name, module in network.named_modules()
        if isinstance(module, nn.Embedding) and name.removesuffix(".layer") not in model.layers
    }
    try:
        for name, layer in model.layers.items():
            network.set_submodule(name, _SplitTap(name, run, layer))
        for name, embedding in embeddings.items():
            network.set_submodule(name, _EmbeddingTap(name, run, embedding))
        yield Tracer(model, run)
    finally:
        for name, layer in model.layers.items():
            network.set_submodule(name, layer)
        for name, embedding in embeddings.items():
            network.set_submodule(name, embedding)


def _at_positions(values: Tensor) -> Tensor:
    """Return `rows positions size`; a model without positions has one."""
    return values.flatten(1, -2) if values.ndim > 2 else values.unsqueeze(1)
