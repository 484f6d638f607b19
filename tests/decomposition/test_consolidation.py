from copy import deepcopy

import pytest
import torch

from decomposition.attempt import fresh_model, trained_parameters
from decomposition.config import DecompositionConfig
from decomposition.consolidation import candidates, consolidate, set_apart
from decomposition.decomposed_model import DecomposedModel
from decomposition.objective import objective_on_fresh_inputs
from decomposition.resuming import Course
from decomposition.rounds import CONSOLIDATING, SETTING_APART, Journal
from decomposition.seeds import generator_for
from decomposition.targets import Target
from decomposition.targets.residual_mlp import ResidualMlp, ResidualMlpConfig, ResidualMlpTarget
from decomposition.training import decompose
from decomposition.unmixing import unmix
from tests.decomposition.test_unmixing import ALL_READ, IN_PAIRS, mix, two_of_four

CONFIG = DecompositionConfig(
    n_subcomponents=8, n_hidden=4, n_objective=2000, batch_size=256, consolidation_steps=30
)


def share(perfect, one: int, other: int, part: float) -> None:
    """Let two subcomponents hold one mechanism between them, both important where it acts."""
    parts, networks = perfect.model.subcomponents["linear1"], perfect.model.importance_networks
    with torch.no_grad():
        parts.V[other] = parts.V[one]
        parts.U[:, other] = part * parts.U[:, one]
        parts.U[:, one] *= 1 - part
        for offset in (0, 8):  # the two matrices
            for parameter in networks.parameters():
                parameter[offset + other] = parameter[offset + one]
        networks.weight_in[8 + other] /= part
        networks.weight_in[8 + one] /= 1 - part


def consolidated(perfect, config: DecompositionConfig) -> Course:
    stage = Journal(config).stage(CONSOLIDATING)
    return consolidate(perfect.model, perfect.target, config, stage)


def alive(perfect) -> dict[str, int]:
    x = perfect.target.batch(5000, torch.Generator().manual_seed(3))
    importance = perfect.model.importance(x)
    return {name: int((g.mean(dim=0) > 1e-6).sum()) for name, g in importance.items()}


@pytest.mark.parametrize("part", [0.5, 0.2])
def test_of_two_that_share_a_mechanism_one_takes_it_over(perfect, part: float):
    share(perfect, 0, 6, part)
    assert alive(perfect) == {"linear1": 6, "linear2": 6}
    before = objective_on_fresh_inputs(perfect.model, perfect.target, CONFIG)

    found = consolidated(perfect, CONFIG)

    assert found.n == 1
    assert found.losses is not None
    assert alive(perfect) == {"linear1": 5, "linear2": 5}
    assert objective_on_fresh_inputs(perfect.model, perfect.target, CONFIG) < before


def test_three_that_span_two_dimensions_become_two(perfect_identity):
    parts = perfect_identity.model.subcomponents["hidden"]
    networks = perfect_identity.model.importance_networks
    with torch.no_grad():
        parts.V[2] = torch.tensor([0.6, 0.8])
        parts.U[:, 2] = 0.3 * parts.V[2]
        parts.U[:, :2] -= 0.3 * torch.outer(parts.V[2], parts.V[2])
        for parameter in networks.parameters():
            parameter[10] = parameter[8]

    consolidated(perfect_identity, CONFIG)

    assert alive(perfect_identity) == {"linear1": 5, "hidden": 2, "linear2": 5}


def test_as_many_as_the_rank_are_no_candidates_however_alike_they_are(perfect_identity):
    model, target = perfect_identity.model, perfect_identity.target
    parts = model.subcomponents["hidden"]
    with torch.no_grad():
        parts.V[1] = torch.tensor([0.95, 0.3122])
        parts.U[:, :2] = torch.linalg.inv(parts.V[:2])
    numbers = list(range(5))
    alive = {"linear1": numbers, "hidden": [0, 1], "linear2": numbers}

    assert candidates(model, target, CONFIG, alive) == []
    alive["hidden"] = [0, 1, 2]
    assert {place.matrix for place in candidates(model, target, CONFIG, alive)} == {"hidden"}


def corners_of_a_simplex() -> tuple[DecomposedModel, Target]:
    """Return a model whose first matrix, of rank 15, has 16 subcomponents at equal angles."""
    network = ResidualMlp(torch.eye(15), n_layers=1, n_neurons=15)
    with torch.no_grad():
        network.layers[0].mlp_in.weight.copy_(torch.eye(15))
    size = ResidualMlpConfig(
        n_features=15, n_layers=1, n_neurons=15, d_embed=15, feature_probability=0.3
    )
    target = ResidualMlpTarget("resid_mlp1", 0, 1, size, network.requires_grad_(False))
    config = CONFIG.model_copy(update={"n_subcomponents": 16})
    model = fresh_model(target, config, generator_for("simplex"))
    with torch.no_grad():
        corners = torch.eye(16) - 1 / 16
        _, axes = torch.linalg.eigh(corners)
        model.subcomponents["layers.0.mlp_in"].V.copy_(corners @ axes[:, 1:])
    return model, target


def test_where_one_more_lives_than_the_rank_candidates_may_be_further_from_the_others():
    model, target = corners_of_a_simplex()
    numbers, first, second = list(range(16)), "layers.0.mlp_in", "layers.0.mlp_out"

    found = candidates(model, target, CONFIG, {first: numbers, second: [0]})

    assert sorted(place.number for place in found) == numbers
    assert {place.matrix for place in found} == {first}
    assert candidates(model, target, CONFIG, {first: numbers[:15], second: [0]}) == []


def test_nothing_is_dissolved_where_everything_is_needed(perfect):
    before = {n: p.detach().clone() for n, p in trained_parameters(perfect.model).items()}

    found = consolidated(perfect, CONFIG)

    assert (found.n, found.losses) == (0, None)
    for name, parameter in trained_parameters(perfect.model).items():
        assert torch.equal(parameter, before[name])


def test_everything_is_put_back_where_the_objective_does_not_gain(perfect):
    # importances cost nothing, so one subcomponent instead of two is no gain
    free = CONFIG.model_copy(
        update={"minimality": 0.0, "consolidation_steps": 1, "consolidation_rate": 1e-6}
    )
    share(perfect, 0, 6, 0.2)
    with torch.no_grad():
        perfect.model.subcomponents["linear1"].V[6, 1] += 0.1
    before = {n: p.detach().clone() for n, p in trained_parameters(perfect.model).items()}

    found = consolidated(perfect, free)

    assert (found.n, found.losses) == (0, None)
    for name, parameter in trained_parameters(perfect.model).items():
        assert torch.equal(parameter, before[name])


def test_what_was_unmixed_stays_where_training_on_makes_it_worse(perfect):
    mix(perfect, torch.tensor([[1.0, 0.9], [1.0, -1.0]]))
    harmful = CONFIG.model_copy(
        update={"unmix": True, "consolidation_steps": 3, "consolidation_rate": 1000.0}
    )
    unmixed = deepcopy(perfect.model)
    assert unmix(unmixed, perfect.target, harmful)
    expected = trained_parameters(unmixed)

    found = consolidated(perfect, harmful)

    assert (found.n, found.losses) == (0, None)
    for name, parameter in trained_parameters(perfect.model).items():
        assert torch.equal(parameter, expected[name])


@pytest.mark.parametrize(("weights", "pays"), [(ALL_READ, True), (IN_PAIRS, False)])
def test_what_was_set_apart_is_put_back_where_training_on_does_not_pay_for_it(weights, pays: bool):
    target, model = two_of_four(weights, 0.02)
    brief = CONFIG.model_copy(
        update={"unmix_tolerance": 1.0, "consolidation_steps": 1, "unmixing_rate": 1e-6}
    )
    before = {n: p.detach().clone() for n, p in trained_parameters(model).items()}

    found = set_apart(model, target, brief, Journal(brief).stage(SETTING_APART))

    assert (found.losses is not None) == pays
    importance = model.importance(target.probes())["layers.0.mlp_in"]
    assert (importance > 0.5).any(dim=0).sum() == (4 if pays else 2)
    unchanged = [torch.equal(p, before[n]) for n, p in trained_parameters(model).items()]
    assert all(unchanged) != pays


def test_what_follows_training_has_costs_and_a_rate_of_its_own_and_training_has_not(
    pentagon, monkeypatch
):
    plain = DecompositionConfig(
        **{"restarts": 1, "steps": 20, "batch_size": 64, "n_objective": 256, "prune": True},
        **{"consolidation_steps": 5, "unmix": True, "unmix_tolerance": 0.1},
    )
    changes = {
        **{"consolidation_minimality": 0.001, "consolidation_width": 0.5},
        "consolidation_importance_rate": 4.0,
    }
    seen: list[tuple[str, float, float]] = []

    def looked_at(result: object):
        def look(
            _model: object, _target: object, config: DecompositionConfig, *_: object
        ) -> object:
            minimality = config.coefficients(1.0)["minimality"]
            seen.append((config.sparsity, minimality, config.importance_rate))
            return result

        return look

    for name, result in {
        "set_apart": Course(),
        "prune": 0,
        "consolidate": Course(),
    }.items():
        monkeypatch.setattr(f"decomposition.finishing.{name}", looked_at(result))
    found = [decompose(pentagon, plain.model_copy(update=of)).model for of in ({}, changes)]

    assert seen == 4 * [("power", 0.003, 1.0)] + 4 * [("smooth_l0", 0.001, 4.0)]
    for one, other in zip(*(trained_parameters(model).values() for model in found), strict=True):
        assert torch.equal(one, other)


ONE_FOR_EACH = {"layers.0.mlp_in": [0, 1, 2, 3], "layers.0.mlp_out": []}


def alike_where_no_input_is(feature_probability: float) -> tuple[DecomposedModel, Target]:
    """Return a model with a subcomponent for each of four features, and one that no input reaches.

    All of them are alike in a direction that no input has.
    """
    network = ResidualMlp(torch.eye(8, 4), n_layers=1, n_neurons=4)
    with torch.no_grad():
        network.layers[0].mlp_in.weight.copy_(torch.eye(4, 8))
    size = ResidualMlpConfig(
        n_features=4,
        n_layers=1,
        n_neurons=4,
        d_embed=8,
        feature_probability=feature_probability,
    )
    target = ResidualMlpTarget("resid_mlp1", 0, 1, size, network.requires_grad_(False))
    model = fresh_model(target, CONFIG, generator_for("alike"))
    parts = model.subcomponents["layers.0.mlp_in"]
    with torch.no_grad():
        for parameter in [*parts.parameters(), *model.importance_networks.parameters()]:
            parameter.zero_()
        parts.V[:5, :4], parts.V[:5, 7] = torch.eye(5, 4), 5.0
        parts.U[:, :4], parts.U[:, 4] = torch.eye(4), -1.0
        model.importance_networks.weight_in[:8, :2] = torch.tensor([100.0, -100.0])
        model.importance_networks.weight_out[:8, :2] = 1.0
    return model, target


def test_those_that_are_alike_only_where_no_input_is_are_no_candidates():
    model, target = alike_where_no_input_is(feature_probability=0.1)

    assert candidates(model, target, CONFIG, ONE_FOR_EACH) == []


def test_features_that_few_inputs_of_the_objective_have_are_no_candidates():
    model, target = alike_where_no_input_is(feature_probability=0.05)
    few = CONFIG.model_copy(update={"n_objective": 40})

    assert candidates(model, target, few, ONE_FOR_EACH) == []
