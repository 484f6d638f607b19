import pytest
import torch

from decomposition.attempt import fresh_model, trained_parameters
from decomposition.config import DecompositionConfig
from decomposition.decomposed_model import DecomposedModel
from decomposition.metrics import importance_errors
from decomposition.objective import objective_on_fresh_inputs
from decomposition.seeds import generator_for
from decomposition.targets.residual_mlp import ResidualMlp, ResidualMlpConfig, ResidualMlpTarget
from decomposition.unmixing import Group, apply, groups, important_together, unmix

CONFIG = DecompositionConfig(n_subcomponents=8, n_hidden=4, n_objective=2000)


def mix(perfect, mixing: torch.Tensor) -> None:
    """Let the first subcomponents read mixtures of their features, without changing the sum."""
    parts, n = perfect.model.subcomponents["linear1"], len(mixing)
    with torch.no_grad():
        parts.V[:n] = mixing @ parts.V[:n]
        parts.U[:, :n] = parts.U[:, :n] @ torch.linalg.inv(mixing)


def copies(model) -> dict[str, torch.Tensor]:
    return {name: p.detach().clone() for name, p in trained_parameters(model).items()}


@pytest.mark.parametrize("matrix", ["linear1", "linear2"])
def test_unmixing_keeps_the_sum_of_the_subcomponents(perfect, matrix: str):
    model = perfect.model
    mix(perfect, torch.tensor([[1.0, 0.4], [0.3, 1.0]]))
    read = model.subcomponents[matrix].V.detach().clone()
    weight = model.subcomponents["linear1"].weight().detach().clone()
    mixing = torch.tensor([[1.0, 0.5], [-0.25, 1.0]])

    apply(model, matrix, Group([3, 1], mixing, [], []))

    assert torch.allclose(model.subcomponents["linear1"].weight(), weight, atol=1e-6)
    assert torch.allclose(mixing @ model.subcomponents[matrix].V[[3, 1]], read[[3, 1]], atol=1e-6)


@pytest.mark.parametrize(
    "mixing",
    [
        [[1.0, 0.0], [0.7, 1.0]],
        [[1.0, 1.0], [1.0, -1.0]],
        [[1.0, 0.6, 0.0], [0.0, 1.0, 0.8], [0.9, 0.0, 1.0]],
    ],
)
def test_mixed_subcomponents_are_each_given_their_feature_again(perfect, mixing):
    mix(perfect, torch.tensor(mixing))
    assert importance_errors(perfect)["identity_error"]["linear1"] > 0
    mixed = objective_on_fresh_inputs(perfect.model, perfect.target, CONFIG)

    n = unmix(perfect.model, perfect.target, CONFIG)

    assert n >= len(mixing)
    assert objective_on_fresh_inputs(perfect.model, perfect.target, CONFIG) < mixed
    assert importance_errors(perfect)["identity_error"]["linear1"] == 0


ALL_READ = [[1.0, 0.0, 0.8, -0.6], [0.0, 1.0, 0.6, 0.8]]
IN_PAIRS = [[1.0, 0.0, 0.8, 0.0], [0.0, 1.0, 0.0, 0.8]]


def two_of_four(
    weights=ALL_READ, probability: float = 0.1
) -> tuple[ResidualMlpTarget, DecomposedModel]:
    """Two neurons read four features, and one subcomponent of each reads what it reads."""
    model = ResidualMlp(torch.eye(4), 1, 2).requires_grad_(False)
    read = torch.tensor(weights)
    model.layers[0].mlp_in.weight.copy_(read)
    model.layers[0].mlp_out.weight.copy_(read.T)
    size = ResidualMlpConfig(
        n_features=4, n_layers=1, n_neurons=2, d_embed=4, feature_probability=probability
    )
    target = ResidualMlpTarget("small", 0, 1, size, model)
    found = fresh_model(target, CONFIG, generator_for("two of four"))
    networks = found.importance_networks
    with torch.no_grad():
        for number, parts in enumerate(found.subcomponents.values()):
            parts.U.zero_()[:, :2] = torch.eye(2) if number == 0 else read.T
            parts.V.zero_()[:2] = read if number == 0 else torch.eye(2)
        for parameter in networks.parameters():
            parameter.zero_()
        networks.weight_in[[0, 1, 8, 9], :2] = torch.tensor([100.0, -100.0])
        networks.weight_out[[0, 1, 8, 9], :2] = 1
        networks.bias_out[:] = -5.0
        networks.bias_out[[0, 1, 8, 9]] = -0.1
    return target, found


def test_dead_ones_are_recruited_where_two_read_four_features():
    target, model = two_of_four()
    before = objective_on_fresh_inputs(model, target, CONFIG)
    weight = model.subcomponents["layers.0.mlp_in"].weight().detach().clone()
    probes = target.probes()
    assert (model.importance(probes)["layers.0.mlp_in"] > 0.5).sum() == 6

    unmix(model, target, CONFIG)

    important = model.importance(probes)["layers.0.mlp_in"] > 0.5
    assert important.sum(dim=1).tolist() == [1, 1, 1, 1]
    assert important.any(dim=0).sum() == 4
    assert torch.allclose(model.subcomponents["layers.0.mlp_in"].weight(), weight, atol=1e-5)
    assert objective_on_fresh_inputs(model, target, CONFIG) < before
    assert (model.importance(-probes)["layers.0.mlp_in"] > 0.5).sum() == 4


def test_two_features_of_one_subcomponent_are_set_apart_only_where_a_rise_is_tolerated():
    target, model = two_of_four(IN_PAIRS, 0.02)  # one is cheaper where both are there
    before = objective_on_fresh_inputs(model, target, CONFIG)
    probes, matrix = target.probes(), "layers.0.mlp_in"

    assert unmix(model, target, CONFIG) == 0
    assert (model.importance(probes)[matrix] > 0.5).any(dim=0).sum() == 2
    assert unmix(model, target, CONFIG, tolerance=0.001) == 0
    assert unmix(model, target, CONFIG, tolerance=1.0) == 4

    important = model.importance(probes)[matrix] > 0.5
    assert important.sum(dim=1).tolist() == [1, 1, 1, 1]
    assert important.any(dim=0).sum() == 4
    assert before < objective_on_fresh_inputs(model, target, CONFIG) < 2 * before
    assert unmix(model, target, CONFIG, tolerance=1.0) == 0  # they are apart


def test_who_is_important_on_one_side_alone_does_not_know_a_line_that_others_know_on_both():
    target, model = two_of_four()
    networks = model.importance_networks
    with torch.no_grad():
        networks.weight_in[0, :2] = torch.tensor([-100.0, -100.0])  # below zero only

    seen = important_together(model, target, CONFIG, {})["layers.0.mlp_in"]

    lines = [int(seen.directions[feature].abs().argmax()) for feature in range(4)]
    assert seen.knows[lines, 0].tolist() == [True, False, False, False]
    assert seen.knows[lines, 1].tolist() == [False, True, True, True]
    assert seen.concerns[lines, 0].tolist() == [True, False, True, True]


def test_a_line_of_which_two_have_a_side_each_goes_to_one_that_is_important_on_both():
    target, model = two_of_four([[1.0, 0.6, 0.8, 0.7], [0.6, 1.0, 0.7, 0.8]])
    with torch.no_grad():  # one above zero, one below
        model.importance_networks.weight_in[0, :2] = torch.tensor([100.0, 100.0])
        model.importance_networks.weight_in[1, :2] = torch.tensor([-100.0, -100.0])
    matrix, probes = "layers.0.mlp_in", torch.cat([target.probes(), -target.probes()]) / 0.75
    assert (model.importance(probes)[matrix] > 0.5).sum(dim=1).tolist() == [1] * 8
    seen = important_together(model, target, CONFIG, {})[matrix]
    (group,) = groups(model, matrix, seen, 0.0)
    assert len(group.recruits) == 2

    apply(model, matrix, group)

    above, below = (model.importance(probes)[matrix] > 0.5).chunk(2)
    assert above.sum(dim=1).tolist() == [1] * 4
    assert torch.equal(above, below)


def test_what_is_important_on_few_inputs_of_its_line_alone_is_apart():
    target, model = two_of_four(IN_PAIRS, 0.02)
    unmix(model, target, CONFIG, tolerance=1.0)
    probes, matrix = target.probes(), "layers.0.mlp_in"
    owner = int(model.importance(probes)[matrix][0].argmax())
    with torch.no_grad():
        model.importance_networks.bias_out[owner] = -80.0
    assert model.importance(probes)[matrix][0].max() < 0.5
    assert model.importance(probes / 0.75)[matrix][0].max() > 0.5

    seen = important_together(model, target, CONFIG, {})[matrix]
    (group,) = groups(model, matrix, seen, 0.0)

    assert seen.concerns[:, owner].sum() == 1
    assert not seen.knows[:, owner].any()
    assert not group.sets_apart


def test_how_long_v_is_makes_no_difference_to_who_is_set_apart():
    target, model = two_of_four(IN_PAIRS, 0.02)
    parts, networks = model.subcomponents["layers.0.mlp_in"], model.importance_networks
    with torch.no_grad():
        parts.V[0] *= 100
        parts.U[:, 0] /= 100
        networks.weight_in[0] /= 100
    weight = parts.weight().detach().clone()
    probes = target.probes()

    assert unmix(model, target, CONFIG, tolerance=1.0) == 4

    important = model.importance(probes)["layers.0.mlp_in"] > 0.5
    assert important.sum(dim=1).tolist() == [1, 1, 1, 1]
    assert important.any(dim=0).sum() == 4
    assert torch.allclose(parts.weight(), weight, atol=1e-5)


def test_what_is_set_apart_is_given_one_in_the_mean_where_it_is_important():
    target, model = two_of_four(IN_PAIRS, 0.02)
    weight = model.subcomponents["layers.0.mlp_in"].weight().detach().clone()
    x = target.batch(20_000, torch.Generator().manual_seed(3))

    unmix(model, target, CONFIG, tolerance=1.0)

    importance, seen = model.importance(x), model.clean(x).seen
    for matrix in model.layers:
        on = importance[matrix] > 0.5
        given = (seen[matrix].inner.abs() * on).sum(dim=0) / on.sum(dim=0)
        assert given[on.any(dim=0)].tolist() == pytest.approx(int(on.any(dim=0).sum()) * [1], 0.1)
    assert torch.allclose(model.subcomponents["layers.0.mlp_in"].weight(), weight, atol=1e-5)


def test_who_does_not_know_its_line_is_given_another_network():
    target, model = two_of_four()
    matrix = "layers.0.mlp_in"
    mixing = torch.tensor([[1.0, 0.5], [0.0, 1.0]])

    apply(model, matrix, Group([0, 1], mixing, [], [1]))

    read = model.subcomponents[matrix].V.detach()
    assert torch.allclose(read[1], torch.tensor([0.0, 1.0, 0.6, 0.8]))
    probes = torch.cat([target.probes(), -target.probes()]) / 0.75
    g = model.importance(probes)[matrix]
    assert (g[:, 2:] == 0).all()
    assert g[:, 1].tolist() == pytest.approx([0, 1, 0.569, 0.924] * 2, abs=0.01)


def test_nothing_changes_where_nothing_is_gained(perfect):
    before = copies(perfect.model)
    assert unmix(perfect.model, perfect.target, CONFIG) == 0
    assert all(torch.equal(p, before[n]) for n, p in copies(perfect.model).items())

    mix(perfect, torch.tensor([[1.0, 0.0], [0.7, 1.0]]))
    before = copies(perfect.model)
    nothing = {"minimality": 0.0, "stochastic": 0.0, "layerwise": 0.0, "faithfulness": 0.0}
    costless = CONFIG.model_copy(update=nothing)

    assert unmix(perfect.model, perfect.target, costless) == 0
    assert all(torch.equal(p, before[n]) for n, p in copies(perfect.model).items())
