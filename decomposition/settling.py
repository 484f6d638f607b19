"""Whether a training has settled: two numbers that matter, and when they have stopped moving.

The objective alone keeps falling a little as long as the learning rate does, and its parts can
move against each other. What a decomposition is judged by is what the worst masks do and how
few subcomponents it takes, so these two are watched.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from decomposition import losses
from decomposition.adversary import climb, random_sources
from decomposition.config import DecompositionConfig, EarlyStopConfig
from decomposition.decomposed_model import DecomposedModel
from decomposition.masks import masks_above
from decomposition.seeds import generator_for
from decomposition.targets import Target

ADVERSARY_STEPS, ADVERSARY_STEP_SIZE = 20, 0.1
"""Of the fresh search, as in the metric of this name."""

L0_THRESHOLD = 0.1
"""An importance above this counts."""


class VitalSigns(NamedTuple):
    """What is watched."""

    pgd_reconstruction: float
    """Error under the worst masks that a fresh search finds."""

    l0: float
    """Mean number of subcomponents that matter on an input."""


def vital_signs(
    model: DecomposedModel, target: Target, config: DecompositionConfig, n: int
) -> VitalSigns:
    """Measure both on n inputs that are the same every time."""
    generator = generator_for("settling", target.name, config.seed)
    x = target.batch(n, generator).to(model.device)
    importances = model.importance(x)
    with torch.no_grad():
        expected = model(x)
    reconstruction = losses.reconstruction_for(target.is_categorical)
    weights = losses.equal_weights(x)

    def harm(sources: Mapping[str, Tensor]) -> Tensor:
        masks = masks_above(importances, sources, config.mask_remainder)
        return reconstruction(model(x, masks), expected, weights)

    start = random_sources(importances, is_shared=True, generator=generator)
    worst = climb(start, harm, ADVERSARY_STEPS, ADVERSARY_STEP_SIZE)
    with torch.no_grad():
        pgd = harm(worst).item()
    l0 = sum((g > L0_THRESHOLD).float().sum(dim=-1).mean().item() for g in importances.values())
    return VitalSigns(pgd, l0)


def has_settled(history: Sequence[VitalSigns], config: EarlyStopConfig) -> bool:
    """Say whether neither has moved by more than the tolerance over the last measurements."""
    recent = history[-(config.patience + 1) :]
    if len(recent) <= config.patience:
        return False
    return all(
        max(values) - min(values) <= config.tolerance * max(values)
        for values in zip(*recent, strict=True)
    )
