r"""Edits: other weights, made from the subcomponents of a decomposition.

Each change adds a matrix of rank one to the target's weight:

* *scale* subcomponent c by f: :math:`(f - 1)\, U_c V_c`; *remove* it: f = 0;
* *rewrite* what it writes: :math:`(\sigma\, s\, \|U_c\|\, d - U_c)\, V_c`, with d the new direction
  of length one, s a strength, and σ the sign of the inner activation where c is important, so
  that it is d, and not its opposite, that is written there;
* *add* a new one, that reads v and writes u: :math:`u\, v^\top`.

A direction may be given, or be *toward* an output: the mean gradient of that output (of logits,
beside the mean of all) with respect to what the layer puts out at the same position, where c is
important. But: an output that is cut off wherever c is important has no gradient there.
(Goodfire 2026, Interpreting Language Model Parameters, rewrites one subcomponent toward an
unembedding and finds fine-tuning with enough data better on both counts.)

Nothing is ever done to the target: what comes out is the difference of its parameters, and a copy.
"""

import copy
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, Self

import torch
from pydantic import BaseModel, ConfigDict, Field, model_validator
from torch import Tensor, nn
from torch.func import functional_call

from decomposition.decomposed_model import DecomposedModel
from decomposition.errors import EditError
from decomposition.matrices import known_layout
from decomposition.training import Decomposition
from decomposition.vocabularies import output_index

IMPORTANT = 0.5
"""A subcomponent is important where its importance exceeds this."""


class Change(BaseModel):
    """One matrix of rank one to be added."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    kind: Literal["scale", "remove", "rewrite", "add"]
    subcomponent: str
    """Which, as in `linear1:3`; of what is added, only the matrix counts."""

    factor: float | None = Field(default=None, allow_inf_nan=False)
    """Of `scale`."""

    writes: list[float] | None = None
    """Of `rewrite` and `add`: the direction, as long as the layer's output."""

    reads: list[float] | None = None
    """Of `add`: as long as what the matrix is given; none takes the subcomponent's."""

    toward: str | None = None
    """Of `rewrite` and `add`: instead of a direction, the output to write toward, by its word or
    its number."""

    strength: float = Field(default=1.0, allow_inf_nan=False)
    """Of `rewrite` and `add`: how long the new direction is, in lengths of the old one."""

    @model_validator(mode="after")
    def _says_what_it_needs(self) -> Self:
        if self.kind == "scale" and self.factor is None:
            raise ValueError("scale needs a factor")
        directions = (self.writes is not None) + (self.toward is not None)
        if self.kind in {"rewrite", "add"} and directions != 1:
            raise ValueError(f"{self.kind} needs either a direction or an output to write toward")
        return self


class Place(NamedTuple):
    """A subcomponent that is changed."""

    matrix: str
    number: int


def parameter_changes(
    decomposition: Decomposition, changes: Sequence[Change], x: Tensor
) -> dict[str, Tensor]:
    """Return what is added to each parameter of the target, by name, in the parameter's layout.

    Args:
        decomposition: Whose subcomponents are changed.
        changes: All of them, each against the decomposition as it is.
        x: Inputs, where the model is, from which signs, and directions toward outputs, are taken.

    Raises:
        EditError: There is no such subcomponent or output, or a direction has another length.
    """
    model, target = decomposition.model, decomposition.target.model
    deltas: dict[str, Tensor] = {}
    for change in changes:
        place = place_of(model, change.subcomponent)
        added = _rank_one(decomposition, change, place, x).cpu()
        layer = target.get_submodule(place.matrix)
        if known_layout(layer).is_transposed:
            added = added.T
        weight = target.get_parameter(f"{place.matrix}.weight")
        name = _first_name(target, f"{place.matrix}.weight")
        added = added.reshape(weight.shape)
        deltas[name] = deltas[name] + added if name in deltas else added
    return {name: delta.contiguous() for name, delta in deltas.items()}


def patched(target: nn.Module, deltas: Mapping[str, Tensor]) -> nn.Module:
    """Return a copy of a model with these differences added; parameters that are one stay one."""
    edited = copy.deepcopy(target)
    with torch.no_grad():
        for name, delta in deltas.items():
            edited.get_parameter(name).add_(delta)
    return edited


def also_changed(decomposition: Decomposition, changes: Sequence[Change]) -> list[str]:
    """Return the matrices that change with others because they share a parameter."""
    model = decomposition.target.model
    changed = {place_of(decomposition.model, change.subcomponent).matrix for change in changes}
    first = {name: _first_name(model, f"{name}.weight") for name in decomposition.model.layers}
    shared = {first[name] for name in changed}
    return [name for name, at in first.items() if at in shared and name not in changed]


def place_of(model: DecomposedModel, identifier: str) -> Place:
    """Return the matrix and index that an id means.

    Raises:
        EditError: There is no such subcomponent.
    """
    matrix, _, index = identifier.rpartition(":")
    if matrix not in model.layers or not index.isdecimal():
        raise EditError(
            f"no subcomponent is called {identifier!r}: say a matrix and a number, as in "
            f"{next(iter(model.layers))}:0; the matrices are {', '.join(model.layers)}"
        )
    n = model.subcomponents[matrix].V.shape[0]
    if int(index) >= n:
        raise EditError(f"{matrix} has {n} subcomponents, from {matrix}:0 to {matrix}:{n - 1}")
    return Place(matrix, int(index))


def _rank_one(decomposition: Decomposition, change: Change, place: Place, x: Tensor) -> Tensor:
    """Return what is added to W, `d_out d_in`."""
    parts = decomposition.model.subcomponents[place.matrix]
    u, v = parts.U.detach()[:, place.number], parts.V.detach()[place.number]
    if change.kind in {"scale", "remove"}:
        factor = 0.0 if change.kind == "remove" else change.factor
        assert factor is not None, "checked with the change"
        return (factor - 1) * torch.outer(u, v)
    direction = _direction(decomposition, change, place, x)
    length = torch.linalg.vector_norm(direction)
    if length == 0:
        raise EditError(f"the direction to write for {change.subcomponent} is zero")
    reads = v
    if change.reads is not None:
        reads = _sized("reads", change.reads, len(v), place.matrix).to(v.device)
    if change.kind == "add":
        return change.strength * torch.outer(direction / length, reads)
    sign = _sign(decomposition, place, x)
    written = sign * change.strength * torch.linalg.vector_norm(u) * direction / length
    return torch.outer(written - u, v)


def _direction(decomposition: Decomposition, change: Change, place: Place, x: Tensor) -> Tensor:
    model = decomposition.model
    d_out = model.subcomponents[place.matrix].U.shape[0]
    if change.writes is not None:
        return _sized("writes", change.writes, d_out, place.matrix).to(model.device)
    assert change.toward is not None, "checked with the change"
    return toward(decomposition, place, output_index(decomposition.target, change.toward), x)


def toward(decomposition: Decomposition, place: Place, output: int, x: Tensor) -> Tensor:
    """Return the direction in a layer's output that raises one output of the model most.

    The mean gradient, over the positions of x where the subcomponent is important, of that
    output (of logits, beside the mean of all) at the same position.

    Raises:
        EditError: There is no such output, the subcomponent is important nowhere, or its matrix
            has other positions than the output.
    """
    model = decomposition.model
    where = model.importance(x)[place.matrix][..., place.number] > IMPORTANT
    if not where.any():
        raise EditError(
            f"{place.matrix}:{place.number} is important on none of {len(x)} inputs; nothing says "
            "what its output does"
        )
    layer = model.network.get_submodule(place.matrix)
    given: list[Tensor] = []

    def note(_module: nn.Module, _inputs: object, y: Tensor) -> Tensor:
        given.append(y.detach().requires_grad_())
        return given[-1]

    handle = layer.register_forward_hook(note)
    try:
        outputs = model.network(x)
    finally:
        handle.remove()
    if output >= outputs.shape[-1]:
        raise EditError(f"there are {outputs.shape[-1]} outputs, from 0; there is no {output}")
    wanted = outputs[..., output]
    if wanted.shape != where.shape:
        raise EditError(
            f"{place.matrix} is not applied at the positions of the output, so there is no "
            "direction toward an output; remove it or scale it"
        )
    if decomposition.target.is_categorical:
        wanted = wanted - outputs.mean(dim=-1)
    (gradient,) = torch.autograd.grad(wanted[where].sum(), given[0])
    mean: Tensor = gradient[where].mean(dim=0)
    return mean


def _sign(decomposition: Decomposition, place: Place, x: Tensor) -> float:
    """Return the sign of the inner activation where the subcomponent is important, or 1."""
    clean = decomposition.model.clean(x)
    g = decomposition.model.importance(x)[place.matrix][..., place.number]
    inner = clean.seen[place.matrix].inner[..., place.number]
    return -1.0 if (inner * (g > IMPORTANT)).sum() < 0 else 1.0


def _sized(what: str, values: Sequence[float], size: int, matrix: str) -> Tensor:
    if len(values) != size:
        raise EditError(f"{what} has {len(values)} numbers; {matrix} needs {size}")
    vector = torch.tensor(values, dtype=torch.float32)
    if not vector.isfinite().all():
        raise EditError(f"{what} holds numbers that are not finite")
    return vector


def _first_name(model: nn.Module, name: str) -> str:
    """Return the name under which a model lists the parameter that has this name."""
    wanted = model.get_parameter(name)
    for listed, parameter in model.named_parameters():
        if parameter is wanted:
            return listed
    raise AssertionError("the parameter is the model's own")


def run_with(model: nn.Module, deltas: Mapping[str, Tensor], x: Tensor) -> Tensor:
    """Run a model as it would be with these differences."""
    own = {name: model.get_parameter(name) for name in deltas}
    changed = {name: own[name] + delta.to(own[name].device) for name, delta in deltas.items()}
    output: Tensor = functional_call(model, changed, (x,))
    return output
