"""A toy model whose decomposition is known exactly: five features as a regular pentagon."""

import math

import torch

from decomposition.attempt import fresh_model
from decomposition.config import DecompositionConfig
from decomposition.seeds import generator_for
from decomposition.targets.tms import TmsConfig, TmsTarget, ToyModel
from decomposition.training import Decomposition

RADIUS, BIAS = 1.135, -0.35
"""About what training arrives at: five columns as a regular pentagon.

The bias is a little stronger, so that no feature leaks into another's output: alone at 0.75 a
feature reaches the next one with 0.75 * 1.135² * cos 72° = 0.30.
"""

SPLIT = DecompositionConfig(n_subcomponents=8, n_hidden=4)


def pentagon_target(has_hidden_identity: bool = False) -> TmsTarget:
    angles = torch.arange(5) * (2 * math.pi / 5)
    columns, bias = torch.stack([angles.cos(), angles.sin()]), torch.full((5,), BIAS)
    model = ToyModel(RADIUS * columns, bias, has_hidden_identity)
    config = TmsConfig(n_features=5, n_hidden=2, has_hidden_identity=has_hidden_identity)
    name = "tms_5-2-id" if has_hidden_identity else "tms_5-2"
    return TmsTarget(name=name, seed=0, attempts=1, config=config, model=model)


def fresh_decomposition(target: TmsTarget) -> Decomposition:
    """The target before any training: random subcomponents and importances."""
    return Decomposition(
        target, SPLIT, fresh_model(target, SPLIT, generator_for("fresh")), {}, 0.0, 0.0
    )


def perfect_decomposition(has_hidden_identity: bool = False) -> Decomposition:
    """Subcomponent j is the mechanism of feature j, important where the feature is active.

    The others are zero. An importance is a steep ramp: above an inner activation of 0 in the
    first matrix, and of 0.4 in the second, where other features interfere by less than that.
    An identity between them is split along its two axes, which are important wherever anything
    comes in: their importance is a ramp of the absolute value of the inner activation.
    """
    decomposition = fresh_decomposition(pentagon_target(has_hidden_identity))
    subcomponents = decomposition.model.subcomponents
    networks = decomposition.model.importance_networks
    with torch.no_grad():
        _set(subcomponents["linear1"], decomposition.target.model.linear1.weight, torch.eye(5))
        for parameter in networks.parameters():
            parameter.zero_()
        networks.weight_in[:, 0] = 100
        networks.weight_out[:, 0] = 1
        networks.bias_in[-8:, 0] = -40
        if has_hidden_identity:
            _set(subcomponents["hidden"], torch.eye(2), torch.eye(2))
            networks.weight_in[8:16, 1] = -100
            networks.weight_out[8:16, 1] = 1
    return decomposition


def _set(parts, U, V):
    parts.U.zero_()[:, : U.shape[1]] = U
    parts.V.zero_()[: len(V)] = V
