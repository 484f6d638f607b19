import pytest
import torch

from decomposition.config import DecompositionConfig
from decomposition.errors import TargetError
from decomposition.harvest import HarvestConfig
from decomposition.metrics import MetricsConfig, evaluate
from decomposition.seeds import generator_for
from decomposition.targets import TARGETS
from decomposition.targets.residual_mlp import (
    ResidualMlp,
    ResidualMlpConfig,
    ResidualMlpRecipe,
    computed,
    outputs_apart,
    signed_features,
)
from decomposition.training import decompose

SMALL = ResidualMlpConfig(
    n_features=4,
    n_layers=2,
    n_neurons=4,
    d_embed=16,
    feature_probability=0.1,
    steps=600,
    batch_size=256,
    learning_rate=0.01,
    min_effect=0,  # with so many neurons a layer may leave a feature to the other one
)


def exact() -> ResidualMlp:
    """Four features with a neuron each, two in either layer, and an orthogonal embedding."""
    model = ResidualMlp(torch.eye(4), n_layers=2, n_neurons=2)
    with torch.no_grad():
        for layer, rows in zip(model.layers, torch.eye(4).split(2), strict=True):
            layer.mlp_in.weight.copy_(rows)
            layer.mlp_out.weight.copy_(rows.T)
    return model


def test_a_model_with_a_neuron_for_each_feature_adds_its_relu():
    x = torch.tensor([[0.5, -0.5, 0.25, 0.0]])

    assert exact()(x).tolist() == [[1.0, -0.5, 0.5, 0.0]]


def test_a_stream_that_is_not_multiplied_out_gives_the_same_outputs_and_gradients():
    generator = generator_for("apart")
    model = ResidualMlp(torch.randn(16, 4, generator=generator), n_layers=3, n_neurons=5)
    x = torch.randn(7, 4, generator=generator)
    parameters = list(model.parameters())

    whole, apart = model(x), outputs_apart(model, x)

    assert torch.allclose(apart, whole, rtol=1e-4)
    for one, other in zip(
        torch.autograd.grad(whole.square().sum(), parameters),
        torch.autograd.grad(apart.square().sum(), parameters),
        strict=True,
    ):
        assert torch.allclose(one, other, rtol=1e-3, atol=1e-3)


def test_functions_that_a_model_does_not_compute_are_counted():
    config = SMALL.model_copy(update={"n_neurons": 2, "d_embed": 4})
    model = exact()
    assert computed(model, config).features == [True] * 4

    with torch.no_grad():
        model.layers[0].mlp_out.weight[1, 1] = 0.35  # too weak
        model.layers[1].mlp_out.weight[0, 0] = 0.35  # feature 2 leaks into output 0

    assert computed(model, config).features == [True, False, False, True]


def test_a_feature_on_which_a_layer_does_nothing_is_not_computed_by_all():
    size = {"n_neurons": 2, "d_embed": 4, "min_effect": 0.1, "max_crosstalk": 2}
    config = SMALL.model_copy(update=size)
    model = exact()  # either layer computes two features
    assert computed(model, config).features == [False] * 4

    with torch.no_grad():  # now what it adds for them depends on the other layer
        for one, other in ((0, 1), (1, 0)):
            model.layers[one].mlp_in.weight += model.layers[other].mlp_in.weight

    assert computed(model, config).features == [True] * 4


def test_features_are_sparse_and_of_both_signs():
    x = signed_features(20_000, SMALL, generator_for("x"))

    active = x != 0
    assert abs(active.float().mean() - 0.1) < 0.005
    assert abs(x[active].mean()) < 0.02
    assert abs((x[active] ** 2).mean() - 1 / 3) < 0.01


@pytest.fixture(scope="module")
def target():
    return ResidualMlpRecipe("resid_small", SMALL).train(0)


def test_a_trained_model_computes_all_functions_and_is_restored_to_the_last_bit(target):
    recipe = ResidualMlpRecipe("resid_small", SMALL)
    x = target.batch(20, generator_for("x"))

    again = recipe.restore(target.seed, target.attempts, target.tensors())

    assert computed(target.model, SMALL).all
    assert torch.equal(again.model(x), target.model(x))
    assert not any(parameter.requires_grad for parameter in again.model.parameters())


def test_when_no_attempt_succeeds_the_error_says_what_was_reached():
    config = SMALL.model_copy(update={"steps": 1, "max_attempts": 2})

    with pytest.raises(TargetError, match=r"seed 7: none of 2 .* all 4 features"):
        ResidualMlpRecipe("resid_small", config).train(7)


def test_a_residual_mlp_is_decomposed_and_measured_without_known_mechanisms(target):
    config = DecompositionConfig(
        n_subcomponents=6, restarts=1, steps=20, batch_size=64, n_objective=64
    )

    metrics = evaluate(
        decompose(target, config), MetricsConfig(harvest=HarvestConfig(n=200), n=100)
    )

    assert list(target.transposes) == [
        f"layers.{layer}.{matrix}" for layer in (0, 1) for matrix in ("mlp_in", "mlp_out")
    ]
    assert {"identity_error/layers.0.mlp_in", "dense_error/layers.1.mlp_out"} <= set(metrics)
    assert "mmcs" not in metrics


@pytest.mark.parametrize(("name", "neurons"), [("resid_mlp1", 50), ("resid_mlp2", 50)])
def test_the_published_sizes_have_half_as_many_neurons_as_features(name: str, neurons: int):
    config = TARGETS[name].config

    assert config.n_layers * config.n_neurons == neurons
    assert config.n_features == 2 * neurons
