r"""The least importances with which a model still says the same to one prompt.

The importances that were learned on all data keep, for one prompt, more than it needs. Here they
are parameters of their own, one for each subcomponent and position that is alive on the prompt,
and everything else is fixed:

.. math:: \min_g\; D(\hat y_\text{stochastic}) + D(\hat y_\text{adversarial})
    + \lambda \sum g^p

with D the divergence (or squared error) at one position. Stochastic masks are :math:`m = g +
(1 - g)\, r`; an adversary climbs D over the r of what is alive on the prompt, while everything
else stays random, so that a subnetwork that only survives friendly masks does not count. After
Goodfire (2026), Interpreting Language Model Parameters, which found that importances that are
merely fitted keep six nodes where those that withstand an adversary keep 150.
"""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from pydantic import Field
from torch import Tensor

from decomposition.adversary import climb, random_sources
from decomposition.causal_importance import lower_leaky_hard_sigmoid
from decomposition.errors import ExperimentError
from decomposition.losses import equal_weights, reconstruction_for
from decomposition.masks import Mask, masks_above
from decomposition.reports import AnalysisConfig, Subnetwork
from decomposition.seeds import generator_for
from decomposition.training import Decomposition
from decomposition.vocabularies import output_words

KEPT = 0.01
"""A subcomponent is kept where its importance ends above this."""


TEST_MASKS = 32
"""Random masks that the report averages over."""


class SubnetworkConfig(AnalysisConfig):
    """How the importances of one prompt are found."""

    steps: int = Field(default=500, ge=1)
    learning_rate: float = Field(default=0.03, gt=0)
    """Peak rate of AdamW, lowered to zero along a cosine."""

    penalty: float = Field(default=0.05, ge=0)
    r""":math:`\lambda`, relative to what ablating everything decomposed costs."""

    power: float = Field(default=0.3, gt=0)
    """p in g^p."""

    samples: int = Field(default=4, ge=1)
    """Random masks in every step, and as many where the adversary begins."""

    adversary_steps: int = Field(default=4, ge=0)
    """With none, only random masks are withstood."""

    adversary_step_size: float = Field(default=1.0, gt=0)
    test_steps: int = Field(default=20, ge=0)
    """Of the fresh adversary in the report, with steps of 0.1."""

    position: int | None = Field(default=None, ge=0)
    """Whose output is kept; None takes the last one."""


class Prompt(NamedTuple):
    """One input, what the target says to it, and where that is asked."""

    decomposition: Decomposition
    alive: Mapping[str, Tensor]
    """Which subcomponents have any importance on it, `1 positions C`."""

    row: Tensor
    expected: Tensor
    """Shape `1 ... outputs`."""

    position: int | None
    """None where outputs have no positions."""

    def said(self, output: Tensor) -> Tensor:
        """Return the outputs that are asked for: `rows outputs`."""
        return output if self.position is None else output[:, self.position]

    def loss(self, output: Tensor) -> Tensor:
        """Return D, averaged over rows."""
        said = self.said(output)
        expected = self.said(self.expected).expand_as(said)
        reconstruction = reconstruction_for(self.decomposition.target.is_categorical)
        return reconstruction(said, expected, equal_weights(said))


def find_subnetwork(
    decomposition: Decomposition, x: Tensor, config: SubnetworkConfig
) -> tuple[dict[str, Tensor], Subnetwork]:
    """Find the least importances for one input, without a batch axis, and say how good they are.

    Returns:
        g of each matrix, `1 positions C`, and the report.

    Raises:
        ExperimentError: The position is not one of the input's.
    """
    base = decomposition.model.importance(x.unsqueeze(0))
    prompt = _prompt(decomposition, base, x, config)
    generator = generator_for("subnetwork", config.seed)
    price = config.penalty * prompt.loss(_off(prompt)).item() / max(1, _count(base, 0.0))
    z = {name: torch.where(g > 0, g, -1.0).clone().requires_grad_() for name, g in base.items()}
    optimizer = torch.optim.AdamW(list(z.values()), lr=config.learning_rate, weight_decay=0)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, config.steps)
    for _ in range(config.steps):
        g = {name: lower_leaky_hard_sigmoid(v) * prompt.alive[name] for name, v in z.items()}
        harm = prompt.loss(_run(prompt, g, _sources(prompt, g, config, generator)))
        sizes = [(values.clamp(min=0) + 1e-12).pow(config.power).sum() for values in g.values()]
        loss = harm + price * torch.stack(sizes).sum()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch's stub lacks the annotation
        optimizer.step()
        schedule.step()
    found = {name: v.detach().clamp(0, 1) * prompt.alive[name] for name, v in z.items()}
    return found, _report(prompt, found, base, config)


def _prompt(
    decomposition: Decomposition, base: Mapping[str, Tensor], x: Tensor, config: SubnetworkConfig
) -> Prompt:
    row = x.unsqueeze(0).to(decomposition.model.device)
    with torch.no_grad():
        expected = decomposition.model(row)
    position = None
    if expected.ndim > 2:
        position = expected.shape[1] - 1 if config.position is None else config.position
        if position >= expected.shape[1]:
            raise ExperimentError(
                f"position {position} is beyond the input, which has {expected.shape[1]}"
            )
    alive = {name: g > 0 for name, g in base.items()}
    return Prompt(decomposition, alive, row, expected, position)


def _sources(
    prompt: Prompt, g: Mapping[str, Tensor], config: SubnetworkConfig, generator: torch.Generator
) -> dict[str, Tensor]:
    """Return r, `rows positions C+1`: half of the rows random, half climbed where alive."""
    shapes = {name: values.expand(config.samples, *values.shape[1:]) for name, values in g.items()}
    friendly = random_sources(shapes, is_shared=False, generator=generator)
    if not config.adversary_steps:
        return friendly
    start = random_sources(shapes, is_shared=False, generator=generator)
    hostile = _climbed(prompt, g, start, config.adversary_steps, config.adversary_step_size)
    return {name: torch.cat([friendly[name], hostile[name]]) for name in friendly}


def _climbed(
    prompt: Prompt,
    g: Mapping[str, Tensor],
    start: Mapping[str, Tensor],
    steps: int,
    step_size: float,
) -> dict[str, Tensor]:
    """Climb D over the sources of what is alive on the prompt; the others stay as they start."""
    fixed = {name: values.detach() for name, values in g.items()}

    def mixed(r: Mapping[str, Tensor]) -> dict[str, Tensor]:
        climbs = {
            name: torch.cat([alive, torch.zeros_like(alive[..., :1])], dim=-1)
            for name, alive in prompt.alive.items()
        }
        return {name: torch.where(climbs[name], r[name], start[name]) for name in start}

    def harm(r: Mapping[str, Tensor]) -> Tensor:
        return prompt.loss(_run(prompt, fixed, mixed(r)))

    begun = {name: r.clone() for name, r in start.items()}
    return mixed(climb(begun, harm, steps, step_size))


def _run(prompt: Prompt, g: Mapping[str, Tensor], sources: Mapping[str, Tensor]) -> Tensor:
    n = len(next(iter(sources.values())))
    wide = {name: values.expand(n, *values.shape[1:]) for name, values in g.items()}
    masks = masks_above(wide, sources, prompt.decomposition.config.mask_remainder)
    output: Tensor = prompt.decomposition.model(prompt.row.expand(n, *prompt.row.shape[1:]), masks)
    return output


@torch.no_grad()
def _off(prompt: Prompt) -> Tensor:
    """Return the output with everything decomposed ablated."""
    masks = {
        name: Mask(torch.zeros_like(alive, dtype=torch.float32))
        for name, alive in prompt.alive.items()
    }
    output: Tensor = prompt.decomposition.model(prompt.row, masks)
    return output


def _count(importance: Mapping[str, Tensor], threshold: float) -> int:
    return sum(int((g > threshold).sum()) for g in importance.values())


def _report(
    prompt: Prompt,
    found: Mapping[str, Tensor],
    base: Mapping[str, Tensor],
    config: SubnetworkConfig,
) -> Subnetwork:
    generator = generator_for("subnetwork", "test", config.seed)
    shapes = {name: g.expand(TEST_MASKS, *g.shape[1:]) for name, g in found.items()}
    random = random_sources(shapes, is_shared=False, generator=generator)
    start = {name: r[:1] for name, r in random.items()}
    worst = _climbed(prompt, found, start, config.test_steps, 0.1)
    target = prompt.decomposition.target
    with torch.no_grad():
        masks = {name: Mask(g) for name, g in found.items()}
        outputs = {
            "importance": prompt.decomposition.model(prompt.row, masks),
            "stochastic": _run(prompt, found, random),
            "adversarial": _run(prompt, found, worst),
            "off": _off(prompt),
        }
    label = int(prompt.said(prompt.expected)[0].argmax())
    likely = {"target": prompt.expected, **outputs} if target.is_categorical else {}
    return Subnetwork(
        kept=_count(found, KEPT),
        before=_count(base, KEPT),
        labelled=output_words(target, label) if target.is_categorical else "",
        loss={kind: prompt.loss(output).item() for kind, output in outputs.items()},
        probability={
            kind: prompt.said(output).softmax(dim=-1)[:, label].mean().item()
            for kind, output in likely.items()
        },
    )
