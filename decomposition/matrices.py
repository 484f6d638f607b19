r"""Which layers hold a matrix that can be split, and how each kind applies one.

A layer is seen as :math:`y = W x + b` at every *position* it is applied to. What a position
and x are depends on the kind:

=============  =====================  ==============================  ==========================
layer          positions              x                               W, from its `weight`
=============  =====================  ==============================  ==========================
`nn.Linear`    all axes but the last  the last axis                   as it is
`Conv1D`       all axes but the last  the last axis                   transposed
`nn.Embedding` all axes               the token, one-hot              transposed
`nn.Conv2d`    batch, height, width   the patch under the kernel      one row for each filter
=============  =====================  ==============================  ==========================

(`Conv1D` is the one of transformers, which GPT-2 has in place of linear layers.) Anything that
applies V or U in the place of W therefore works on all four alike, and subcomponent c of a
convolution is a single filter V_c whose output is spread over the channels by U_c.

Layers are chosen by patterns over module paths, as file names are in a shell.
"""

import sys
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import NamedTuple, Protocol, cast, runtime_checkable

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 -- the name torch's own documentation uses

from decomposition.errors import SplitError


@runtime_checkable
class Layout(Protocol):
    """How one kind of layer holds and applies its matrix."""

    is_transposed: bool
    """Whether the parameter `weight` is W transposed."""

    def matrix(self, layer: nn.Module) -> Tensor:
        """Return W, `d_out d_in`."""

    def product(self, layer: nn.Module, x: Tensor, matrix: Tensor) -> Tensor:
        """Apply a matrix `rows d_in` in the place of W, without bias: `*positions rows`."""

    def vectors(self, layer: nn.Module, x: Tensor) -> Tensor:
        """Return what stands at each position: `*positions vector_size`."""

    def vector_size(self, layer: nn.Module) -> int:
        """Return the length of those vectors."""

    def output(self, y: Tensor) -> Tensor:
        """Arrange `*positions d_out` as the layer's own output is."""


class _Linear:
    is_transposed = False

    def matrix(self, layer: nn.Module) -> Tensor:
        return cast(nn.Linear, layer).weight

    def product(self, layer: nn.Module, x: Tensor, matrix: Tensor) -> Tensor:  # noqa: ARG002
        return F.linear(x, matrix)

    def vectors(self, layer: nn.Module, x: Tensor) -> Tensor:  # noqa: ARG002
        return x

    def vector_size(self, layer: nn.Module) -> int:
        return self.matrix(layer).shape[1]

    def output(self, y: Tensor) -> Tensor:
        return y


class _Conv1D(_Linear):
    is_transposed = True

    def matrix(self, layer: nn.Module) -> Tensor:
        return cast(nn.Linear, layer).weight.T


class _Embedding(_Linear):
    """A one-hot input has no vector of a useful size: the looked-up row stands in for it."""

    is_transposed = True

    def matrix(self, layer: nn.Module) -> Tensor:
        return cast(nn.Embedding, layer).weight.T

    def product(self, layer: nn.Module, x: Tensor, matrix: Tensor) -> Tensor:  # noqa: ARG002
        return F.embedding(x, matrix.T)

    def vectors(self, layer: nn.Module, x: Tensor) -> Tensor:
        return F.embedding(x, cast(nn.Embedding, layer).weight)

    def vector_size(self, layer: nn.Module) -> int:
        return self.matrix(layer).shape[0]


class _Conv2d:
    is_transposed = False

    def matrix(self, layer: nn.Module) -> Tensor:
        return cast(nn.Conv2d, layer).weight.flatten(1)

    def product(self, layer: nn.Module, x: Tensor, matrix: Tensor) -> Tensor:
        conv = cast(nn.Conv2d, layer)
        filters = matrix.reshape(-1, *conv.weight.shape[1:])
        y: Tensor = conv._conv_forward(x, filters, None)
        return y.movedim(-3, -1)

    def vectors(self, layer: nn.Module, x: Tensor) -> Tensor:
        size = self.vector_size(layer)
        return self.product(layer, x, torch.eye(size, dtype=x.dtype, device=x.device))

    def vector_size(self, layer: nn.Module) -> int:
        return self.matrix(layer).shape[1]

    def output(self, y: Tensor) -> Tensor:
        return y.movedim(-1, -3)


def layout_of(layer: nn.Module) -> Layout | None:
    """Return how this layer applies its matrix, or None if it has none that can be split."""
    if isinstance(layer, nn.Linear):
        return _Linear()
    if isinstance(layer, nn.Embedding):
        return _Embedding()
    if isinstance(layer, nn.Conv2d):
        return _Conv2d()
    # without transformers loaded no layer can be one of its own, and loading it takes seconds
    transformers = sys.modules.get("transformers.pytorch_utils")
    if transformers is not None and isinstance(layer, transformers.Conv1D):
        return _Conv1D()
    return None


def known_layout(layer: nn.Module) -> Layout:
    """Return the layout of a layer that `choose` has let through."""
    layout = layout_of(layer)
    assert layout is not None, f"{type(layer).__name__} cannot be split"
    return layout


def choose(model: nn.Module, counts: Mapping[str, int]) -> dict[str, int]:
    """Return the matrices to split and how many subcomponents each gets, in module order.

    Args:
        model: Any model.
        counts: C for each pattern (`*` any characters, dots too; `?` one; `[ab]` one of these).
            C may exceed the rank. Of two patterns that match a layer the first decides. A
            pattern passes over modules that have no matrix of their own, as long as it matches
            one that has.

    Raises:
        SplitError: A count is below one, a pattern matches nothing, or only what cannot be
            split; or a layer does something that its subcomponents could not.
    """
    modules = {path: module for path, module in model.named_modules() if path}
    chosen: dict[str, int] = {}
    for pattern, count in counts.items():
        if count < 1:
            raise SplitError(f"{pattern!r} asks for {count} subcomponents; ask for 1 or more")
        for path in _matching(modules, pattern):
            chosen.setdefault(path, count)
    for path in chosen:
        _check(path, modules[path])
    return {path: chosen[path] for path in modules if path in chosen}


class Tie(NamedTuple):
    """A matrix that is another one, or that one transposed."""

    path: str
    is_transposed: bool


def find_ties(model: nn.Module, paths: Iterable[str]) -> dict[str, Tie | None]:
    """Return, for every matrix, the earlier one whose parameter it shares.

    An embedding that shares its parameter with the linear layer at the end is its transpose.
    """
    first: dict[int, str] = {}
    ties: dict[str, Tie | None] = {}
    for path in paths:
        layer = model.get_submodule(path)
        earlier = first.setdefault(id(layer.weight), path)
        layouts = known_layout(layer), known_layout(model.get_submodule(earlier))
        is_transposed = layouts[0].is_transposed != layouts[1].is_transposed
        ties[path] = None if earlier == path else Tie(earlier, is_transposed)
    return ties


def _matching(modules: Mapping[str, nn.Module], pattern: str) -> list[str]:
    matched = [path for path in modules if fnmatchcase(path, pattern)]
    if not matched:
        known = ", ".join(path for path, module in modules.items() if layout_of(module))
        raise SplitError(f"{pattern!r} matches no module; those with a matrix are: {known}")
    split = [path for path in matched if layout_of(modules[path])]
    if not split:
        kinds = ", ".join(f"{path} ({type(modules[path]).__name__})" for path in matched)
        raise SplitError(
            f"{pattern!r} matches only modules that cannot be split: {kinds}; Linear, Embedding, "
            "Conv1D and Conv2d can"
        )
    return split


def _check(path: str, layer: nn.Module) -> None:
    if isinstance(layer, nn.Conv2d) and layer.groups != 1:
        raise SplitError(
            f"{path} is a convolution in {layer.groups} groups, which is no single matrix; "
            "only groups=1 can be split"
        )
    if isinstance(layer, nn.Embedding) and layer.max_norm is not None:
        raise SplitError(f"{path} renormalises its rows as it runs (max_norm); it cannot be split")
