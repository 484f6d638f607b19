r"""Turning off, after training, what the objective does not miss.

Gradient descent leaves a few subcomponents barely alive. One of tms_5-2 was causally important,
at 0.03, on a single one of 16,384 inputs: its inner activation there is larger than on any other
input, training draws such inputs a few hundred times in all, and each time the penalty can move
the importance only by what the learning rate still allows. The loss on it is next to nothing
either way, but the count of living subcomponents is wrong by one.

So the weak ones are tried without: those whose mean importance is a small share of the largest of
their matrix, or zero on all inputs looked at. They are turned off together if the objective, on
the same fresh inputs and with the same random masks, does not rise by more than a tolerance; if it
does, the weaker half is tried, and so on until it is known up to which one they can go. A
subcomponent is turned off by giving its importance network a constant negative output. U and V
stay, so that the sum still fits the weights. The true mechanisms are not looked at; a subcomponent
that the objective needs stays, however weak.
"""

import logging
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from decomposition.config import DecompositionConfig
from decomposition.decomposed_model import DecomposedModel
from decomposition.objective import objective_on_fresh_inputs
from decomposition.seeds import generator_for
from decomposition.targets import Target

logger = logging.getLogger(__name__)


class Place(NamedTuple):
    """Where a subcomponent is."""

    matrix: str
    number: int


def prune(
    model: DecomposedModel, target: Target, config: DecompositionConfig, all_that_can: bool = True
) -> int:
    """Turn off the weak subcomponents that the objective does not miss; returns how many.

    Args:
        model: Its importance networks are changed.
        target: Where inputs come from.
        config: Its `weak_share` says which are tried, `prune_tolerance` what may be lost, both on
            `n_pruning` inputs.
        all_that_can: Whether the search goes on after the first half, quarter and so on that can
            go.
    """
    config = config.model_copy(update={"n_objective": config.n_pruning or config.n_objective})
    candidates = weak_ones(model, target, config)
    if not candidates:
        return 0
    before = objective_on_fresh_inputs(model, target, config)
    allowed = before + config.prune_tolerance * abs(before)
    n_off, n_missed = 0, len(candidates) + 1
    n, saved = len(candidates), _copy(model)
    while n > n_off:
        for place in candidates[n_off:n]:
            model.importance_networks.switch_off(place.matrix, place.number)
        if objective_on_fresh_inputs(model, target, config) <= allowed:
            n_off, saved = n, _copy(model)
            if not all_that_can:
                break
        else:
            n_missed = n
            model.importance_networks.load_state_dict(saved)
        n = (n_off + n_missed) // 2
    logger.info("turned off %s weak subcomponents of %s", n_off, target.name)
    return n_off


@torch.no_grad()
def weak_ones(
    model: DecomposedModel, target: Target, config: DecompositionConfig
) -> Sequence[Place]:
    """Return the subcomponents that are hardly ever important, the weakest first."""
    x = target.batch(config.n_objective, generator_for("pruning", config.seed))
    weak: list[tuple[float, Place]] = []
    for matrix, g in model.importance(x).items():
        means = g.flatten(0, -2).mean(dim=0)
        limit = config.weak_share * means.max().item()
        weak += [
            (mean, Place(matrix, index))
            for index, mean in enumerate(means.tolist())
            if mean < limit
        ]
    return [place for _, place in sorted(weak)]


def _copy(model: DecomposedModel) -> dict[str, Tensor]:
    networks = model.importance_networks.state_dict()
    return {name: tensor.clone() for name, tensor in networks.items()}
