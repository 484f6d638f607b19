r"""Adversaries: the masks that hurt most, among those that the importances allow.

Masks drawn at random are harmless on average; a decomposition can be wrong where none of them
looks. An adversary climbs the reconstruction loss over the sources r of the masks
:math:`m = g + (1 - g)\, r`, kept in [0, 1]; the importances g stay as they are.

* *Fresh*: a random r takes n steps :math:`r \leftarrow \mathrm{clip}(r + \eta\,
  \mathrm{sign}\, \partial L / \partial r)` (projected gradient; Madry et al. 2018,
  arXiv:1706.06083).
* *Persistent*: r survives from step to step of the training and climbs with an Adam of its own,
  a little before the loss is taken and once more with the gradient of the loss itself. It is
  cheaper for the strength it has (after Goodfire 2026, Interpreting Language Model Parameters).

With r shared across the batch an adversary cannot tailor its masks to each input, which would
break any decomposition; it is also what makes the fresh search a fair and cheap metric.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from decomposition.processes import ALONE, Processes, Share, uniform

Harm = Callable[[Mapping[str, Tensor]], Tensor]
"""The loss under given sources, to be climbed."""

ADAM = (0.5, 0.99)
"""Decay of the persistent adversary's moments: short, for it follows a moving model."""


class AdversaryConfig(BaseModel):
    """How the masks that hurt most are looked for."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    kind: Literal["fresh", "persistent"] = "persistent"
    steps: int = Field(default=2, ge=0)
    """Ascents before the loss is taken."""

    step_size: float = Field(default=0.01, gt=0)
    """Of a sign step (fresh), or the rate of Adam (persistent)."""

    scope: Literal["shared", "row"] = "shared"
    """One r for the whole batch, or one for each of its rows. A persistent adversary with a
    source for each row wants batches of one size, in which equal rows are not merged."""


def random_sources(
    importances: Mapping[str, Tensor],
    is_shared: bool,
    generator: torch.Generator,
    share: Share | None = None,
) -> dict[str, Tensor]:
    """Draw r uniformly for every matrix: one for everything, or one for each position.

    Where the rows are a share of a batch, it is drawn for all of it.
    """
    return {
        name: uniform((*_positions(g, is_shared, share), g.shape[-1] + 1), generator, None).to(
            g.device
        )
        for name, g in importances.items()
    }


def _positions(g: Tensor, is_shared: bool, share: Share | None) -> tuple[int, ...]:
    if is_shared:
        return (1,) * (g.ndim - 1)
    return (len(g) if share is None else share.total, *g.shape[1:-1])


def climb(
    sources: Mapping[str, Tensor],
    harm: Harm,
    steps: int,
    step_size: float,
    together: Processes = ALONE,
) -> dict[str, Tensor]:
    """Take n sign steps up the loss from these sources; the result lies in [0, 1].

    Of several processes each knows the harm to its own rows.
    """
    return climb_sum(sources, [harm], steps, step_size, together)


def climb_sum(
    sources: Mapping[str, Tensor],
    harms: Sequence[Harm],
    steps: int,
    step_size: float,
    together: Processes = ALONE,
) -> dict[str, Tensor]:
    """Do what `climb` does up a sum of losses, holding what one of them needs at a time."""
    r = dict(sources)
    for _ in range(steps):
        for source in r.values():
            source.requires_grad_()
        gradients = [torch.zeros_like(source) for source in r.values()]
        for harm in harms:
            torch._foreach_add_(gradients, torch.autograd.grad(harm(r), list(r.values())))
        together.add_up(gradients)
        r = {
            name: (source.detach() + step_size * gradient.sign()).clamp(0, 1)
            for (name, source), gradient in zip(r.items(), gradients, strict=True)
        }
    return r


class Adversary:
    """Finds sources at every step of a training, and remembers them if it is persistent.

    With several processes all of them have all sources, and climb by the sum of their gradients.
    """

    def __init__(
        self,
        config: AdversaryConfig,
        generator: torch.Generator,
        together: Processes = ALONE,
    ) -> None:
        self.config = config
        self.generator = generator
        self.together = together
        self.sources: dict[str, Tensor] = {}
        self.optimizer: torch.optim.Adam | None = None
        """The Adam of a persistent adversary, once it has begun."""

    def of_rows(self, sources: Mapping[str, Tensor], share: Share) -> Mapping[str, Tensor]:
        """Return the sources for a share of the batch's rows."""
        if self.config.scope == "shared":
            return sources
        return {name: share.of(r) for name, r in sources.items()}

    def find(
        self, importances: Mapping[str, Tensor], harm: Harm, share: Share | None = None
    ) -> dict[str, Tensor]:
        """Return sources that do harm, after the configured ascents.

        Those of a persistent adversary need a gradient: `after_backward` goes on with it.
        """
        is_shared = self.config.scope == "shared"
        if self.config.kind == "fresh":
            start = random_sources(importances, is_shared, self.generator, share)
            return climb(start, harm, self.config.steps, self.config.step_size, self.together)
        if not self.sources:
            self.start_from(random_sources(importances, is_shared, self.generator, share))
        sources = list(self.sources.values())
        for _ in range(self.config.steps):
            gradients = torch.autograd.grad(harm(self.sources), sources)
            self.together.add_up(gradients)
            for source, gradient in zip(sources, gradients, strict=True):
                source.grad = gradient.contiguous()  # what a fused step takes for granted
            self._ascend()
        for source in sources:
            source.grad = None
        return self.sources

    def after_backward(self) -> None:
        """Climb once more, with the gradient that the training step has left."""
        if self.sources:
            self.together.add_up([r.grad for r in self.sources.values() if r.grad is not None])
            self._ascend()

    def start_from(self, sources: Mapping[str, Tensor]) -> None:
        """Take these sources for a persistent adversary's own."""
        self.sources = {name: r.clone().requires_grad_() for name, r in sources.items()}
        self.optimizer = torch.optim.Adam(
            list(self.sources.values()),
            lr=self.config.step_size,
            betas=ADAM,
            maximize=True,
            fused=True,
        )

    def _ascend(self) -> None:
        assert self.optimizer is not None, "a persistent adversary has begun"
        self.optimizer.step()
        with torch.no_grad():
            for source in self.sources.values():
                source.clamp_(0, 1)
