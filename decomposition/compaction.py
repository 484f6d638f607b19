r"""Setting dead subcomponents aside while others train, with a way back.

Most subcomponents that are allotted die (three of four in a published language model), but cost
as much as the living: masks, inner activations and importances are made for all of them. Now and
then those with next to no mean importance on a batch are taken out of V, U, the last layer of the
importance networks, the moments of Adam and the sources of an adversary, so that every tensor of
a step is as small as if they had never been. What they add up to stays a constant,

.. math:: A = \sum_{c\ \text{aside}} U_c V_c, \qquad \Delta = W - \sum_{c\ \text{kept}} U_c V_c ,

so that faithfulness still measures :math:`W - A - UV`. Under masks A is a part of what the others
leave over: it is masked by one number and no longer by one for each.

*The way back*: after a number of steps all are put in again with the moments they had, and train
for a while as if nothing had been. A gradient reaches importances of zero (see
`causal_importance`), so one that is needed rises and stays; then it is counted again.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from decomposition.adversary import Adversary
from decomposition.decomposed_model import DecomposedModel
from decomposition.subcomponents import Subcomponents, TransposedSubcomponents, untied


class CompactionConfig(BaseModel):
    """When dead subcomponents are set aside, and when they are tried again."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    every: int = Field(default=1000, ge=2)
    """Steps after which all are put in again ..."""

    awake: int = Field(default=50, ge=1)
    """... for so many steps, after which the dead are set aside."""

    threshold: float = Field(default=1e-6, ge=0)
    """Dead is what has no mean importance above this on a batch."""


class Aside(NamedTuple):
    """A parameter that is a part of itself, and what it is as a whole."""

    owner: nn.Module
    name: str
    axis: int
    places: Tensor
    """Which of its rows are in use."""

    whole: nn.Parameter
    moments: dict[str, Tensor]
    """Adam's, of the whole; empty before its first step."""


class Compaction:
    """Makes a model in training smaller, and whole again."""

    def __init__(
        self,
        model: DecomposedModel,
        optimizer: torch.optim.Optimizer,
        adversary: Adversary,
        config: CompactionConfig,
    ) -> None:
        self.model, self.config = model, config
        self.optimizer, self.adversary = optimizer, adversary
        self.kept: dict[str, Tensor] = {}
        """Numbers of the subcomponents of each matrix that are not set aside; empty if none is."""

        self._aside: list[Aside] = []
        self._sources: dict[str, Aside] = {}

    def before(self, step: int, draw: Callable[[], Tensor]) -> bool:
        """Do what is due before this step; says whether parameters are other ones now.

        Args:
            step: Counted from 0.
            draw: Returns a batch, to count the dead on.
        """
        phase = step % self.config.every
        if phase == 0 and self.kept:
            self.expand()
            return True
        if phase == self.config.awake:
            self.compact(self.living(draw()))
            return True
        return False

    @torch.no_grad()
    def living(self, x: Tensor) -> dict[str, Tensor]:
        """Return the numbers of those of each matrix that are not dead, or at least of one.

        A matrix that is tied to another keeps those that either needs.
        """
        roots = {name: _root(self.model, name) for name in self.model.layers}
        means: dict[str, Tensor] = {}
        for name, g in self.model.importance(x).items():
            mean, root = g.flatten(0, -2).mean(dim=0), roots[name]
            means[root] = torch.maximum(means[root], mean) if root in means else mean
        found = {
            root: ((mean > self.config.threshold) | (mean == mean.max())).nonzero().flatten()
            for root, mean in means.items()
        }
        return {name: found[root] for name, root in roots.items()}

    @torch.no_grad()
    def compact(self, kept: Mapping[str, Tensor]) -> None:
        """Set all others aside."""
        assert not self.kept, "they come back first"
        self.kept = {name: index.to(self.model.device) for name, index in kept.items()}
        for name, parts in untied(self.model.subcomponents).items():
            index = self.kept[name]
            out = torch.ones(len(parts.V), dtype=torch.bool, device=index.device)
            out[index] = False
            parts.aside = parts.U[:, out] @ parts.V[out]
            self._take(parts, "V", 0, index)
            self._take(parts, "U", 1, index)
        networks = self.model.importance_networks
        for name, matrices in networks.by_subcomponent():
            self._take(networks, name, 0, self._places(matrices))
        networks.sizes = {name: len(index) for name, index in self.kept.items()}
        for name, source in list(self.adversary.sources.items()):
            size = source.shape[-1] - 1
            index = torch.cat([self.kept[name], self.kept[name].new_full((1,), size)])
            self._take_source(name, source, index)

    @torch.no_grad()
    def expand(self) -> None:
        """Put all in again."""
        for aside in self._aside:
            self._put_back(aside)
        for name, aside in self._sources.items():
            part = self.adversary.sources[name]
            assert self.adversary.optimizer is not None, "it has sources"
            _put_in(self.adversary.optimizer, part, aside)
            self.adversary.sources[name] = aside.whole
        for parts in untied(self.model.subcomponents).values():
            parts.aside = None
        networks = self.model.importance_networks
        networks.sizes = {
            name: parts.V.shape[0] for name, parts in self.model.subcomponents.items()
        }
        self._aside, self._sources, self.kept = [], {}, {}

    def _places(self, matrices: list[str]) -> Tensor:
        """Return where the kept ones of some matrices stand in what is laid end to end for them."""
        sizes = self.model.importance_networks.sizes
        start, found = 0, []
        for name in matrices:
            found.append(self.kept[name] + start)
            start += sizes[name]
        return torch.cat(found)

    def _take(self, module: nn.Module, name: str, axis: int, index: Tensor) -> None:
        """Put a part of a parameter in its place."""
        path, _, leaf = name.rpartition(".")
        owner = module.get_submodule(path)
        whole = owner.get_parameter(leaf)
        part = nn.Parameter(whole.index_select(axis, index))
        moments = _take_out(self.optimizer, whole, part, axis, index)
        owner.register_parameter(leaf, part)
        self._aside.append(Aside(owner, leaf, axis, index, whole, moments))

    def _take_source(self, name: str, source: Tensor, index: Tensor) -> None:
        axis = source.ndim - 1
        part = source.index_select(axis, index).requires_grad_()
        assert self.adversary.optimizer is not None, "it has sources"
        moments = _take_out(self.adversary.optimizer, source, part, axis, index)
        self._sources[name] = Aside(self.model, name, axis, index, source, moments)  # type: ignore[arg-type]  # a source is a leaf as a parameter is
        self.adversary.sources[name] = part

    def _put_back(self, aside: Aside) -> None:
        part = aside.owner.get_parameter(aside.name)
        _put_in(self.optimizer, part, aside)
        aside.owner.register_parameter(aside.name, aside.whole)


def _root(model: DecomposedModel, name: str) -> str:
    """Return the first matrix that has the same subcomponents as this one."""
    parts = model.subcomponents[name]
    own = parts.other if isinstance(parts, TransposedSubcomponents) else parts
    assert isinstance(own, Subcomponents), "nothing else is there"
    return next(first for first, other in model.subcomponents.items() if other is own)


def _take_out(
    optimizer: torch.optim.Optimizer, whole: Tensor, part: Tensor, axis: int, index: Tensor
) -> dict[str, Tensor]:
    """Let an optimizer go on with a part of what it trained; returns the moments of the whole."""
    moments: dict[str, Tensor] = dict(optimizer.state.pop(whole, {}))
    if moments:
        optimizer.state[part] = {
            name: moment.index_select(axis, index) if moment.ndim else moment
            for name, moment in moments.items()
        }
    _exchange(optimizer, whole, part)
    return moments


def _put_in(optimizer: torch.optim.Optimizer, part: Tensor, aside: Aside) -> None:
    """Let an optimizer go on with the whole, in which the part is what it has become."""
    aside.whole.index_copy_(aside.axis, aside.places, part)
    state: dict[str, Tensor] = dict(optimizer.state.pop(part, {}))
    if state:
        optimizer.state[aside.whole] = {
            name: _whole_moment(moment, aside, name) for name, moment in state.items()
        }
    _exchange(optimizer, part, aside.whole)


def _whole_moment(part: Tensor, aside: Aside, name: str) -> Tensor:
    if not part.ndim:
        return part
    whole = aside.moments.get(name, torch.zeros_like(aside.whole, requires_grad=False))
    return whole.index_copy_(aside.axis, aside.places, part)


def _exchange(optimizer: torch.optim.Optimizer, old: Tensor, new: Tensor) -> None:
    for group in optimizer.param_groups:
        group["params"] = [new if one is old else one for one in group["params"]]
