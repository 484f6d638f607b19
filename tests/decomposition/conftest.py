"""A toy model whose decomposition is known exactly, and shapes checked at run time."""

import math

import pytest
import torch
from jaxtyping import install_import_hook

with install_import_hook("decomposition", "beartype.beartype"):
    from decomposition.attempt import fresh_model
    from decomposition.config import DecompositionConfig
    from decomposition.seeds import generator_for
    from decomposition.targets.tms import TmsConfig, TmsTarget, ToyModel
    from decomposition.training import Decomposition

torch.set_num_threads(1)  # the models are so small that a second thread only costs

RADIUS, BIAS = 1.135, -0.35
"""About what training arrives at: five columns as a regular pentagon.

The bias is a little stronger, so that no feature leaks into another's output: alone at 0.75 a
feature reaches the next one with 0.75 * 1.135² * cos 72° = 0.30.
"""


@pytest.fixture
def pentagon() -> TmsTarget:
    angles = torch.arange(5) * (2 * math.pi / 5)
    model = ToyModel(RADIUS * torch.stack([angles.cos(), angles.sin()]), torch.full((5,), BIAS))
    config = TmsConfig(n_features=5, n_hidden=2)
    return TmsTarget(name="tms_5-2", seed=0, attempts=1, config=config, model=model)


@pytest.fixture
def fresh(pentagon: TmsTarget) -> Decomposition:
    """The pentagon before any training: random subcomponents and importances."""
    config = DecompositionConfig(n_subcomponents=8, n_hidden=4)
    model = fresh_model(pentagon, config, generator_for("fresh"))
    return Decomposition(pentagon, config, model, {}, 0.0, 0.0)


@pytest.fixture
def perfect(fresh: Decomposition) -> Decomposition:
    """Subcomponent j is the mechanism of feature j, important where the feature is active.

    The others are zero. An importance is a steep ramp: above an inner activation of 0 in the
    first matrix, and of 0.4 in the second, where other features interfere by less than that.
    """
    parts = fresh.model.subcomponents["linear1"]
    networks = fresh.model.importance_networks
    with torch.no_grad():
        parts.U.zero_()[:, :5] = fresh.target.model.linear1.weight
        parts.V.zero_()[:5] = torch.eye(5)
        for parameter in networks.parameters():
            parameter.zero_()
        networks.weight_in[:, 0] = 100
        networks.bias_in[8:, 0] = -40
        networks.weight_out[:, 0] = 1
    return fresh
