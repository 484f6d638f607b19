import math

import pytest
import torch

from decomposition.config import DecompositionConfig
from decomposition.harvest import HarvestConfig
from decomposition.masks import Mask
from decomposition.metrics import (
    MetricsConfig,
    adversarial_masks,
    cross_entropies,
    dense_error,
    evaluate,
    geometry,
    identity_error,
    reconstructions,
    restricted_cosines,
)
from decomposition.seeds import generator_for
from decomposition.targets.mechanisms import Mechanisms
from decomposition.targets.tms import TmsConfig, TmsRecipe
from decomposition.training import Decomposition, decompose

QUICK = TmsRecipe("tms_5-2", TmsConfig(n_features=5, n_hidden=2, steps=600, batch_size=256))
CONFIG = MetricsConfig(harvest=HarvestConfig(n=4000), n=500, random_draws=20)


def alive(n: int) -> dict[str, torch.Tensor]:
    return {matrix: torch.arange(8) < n for matrix in ("linear1", "linear2")}


def test_a_perfect_decomposition_scores_perfectly(perfect):
    metrics = evaluate(perfect, CONFIG)

    assert metrics["mmcs"] == pytest.approx(1, abs=1e-6)
    assert metrics["ml2r"] == pytest.approx(1, abs=1e-6)
    assert metrics["identity_error"] == 0
    assert metrics["alive/linear1"] == metrics["alive/linear2"] == 5
    assert metrics["alive"] == 10
    assert metrics["faithfulness"] < 1e-12
    assert metrics["reconstruction_unmasked"] < 1e-10


@pytest.fixture(scope="module")
def trained() -> Decomposition:
    """A decomposition in the middle of its training."""
    return decompose(QUICK.train(1), DecompositionConfig(restarts=1, steps=150, batch_size=256))


def test_every_metric_is_a_finite_number(fresh):
    assert all(math.isfinite(value) for value in evaluate(fresh, CONFIG).values())


def test_the_adversary_does_more_harm_than_chance(trained):
    found = reconstructions(trained, CONFIG)

    assert found["pgd_reconstruction"] > 2 * found["reconstruction_stochastic"]


def test_random_directions_look_good_by_cosine_alone(perfect):
    # for 8 directions in 2 dimensions; for the 20 of the default it is 0.98
    assert geometry(perfect, alive(5), CONFIG)["mmcs_random"] > 0.85


def test_shrunken_subcomponents_show_in_the_ratio_and_not_in_the_cosine(perfect):
    with torch.no_grad():
        perfect.model.subcomponents["linear1"].U *= 0.5

    found = geometry(perfect, alive(5), CONFIG)

    assert found["mmcs"] == pytest.approx(1, abs=1e-6)
    assert found["ml2r"] == pytest.approx(0.5, abs=1e-6)


def test_cosine_and_ratio_both_look_at_a_mechanisms_own_entries(perfect):
    with torch.no_grad():
        # half of every subcomponent spills into the columns of all other features
        perfect.model.subcomponents["linear1"].V[:5] += 0.5 * (1 - torch.eye(5))

    found = geometry(perfect, alive(5), CONFIG)

    assert (found["mmcs"], found["ml2r"]) == pytest.approx((1, 1), abs=1e-5)


def test_a_dead_subcomponent_that_points_along_a_mechanism_is_not_matched(perfect):
    parts = perfect.model.subcomponents["linear1"]
    with torch.no_grad():
        parts.U[:, 0] += 0.05  # the living one is slightly off
        parts.U[:, 7] = 1e-6 * perfect.target.model.linear1.weight[:, 0]
        parts.V[7, 0] = 1

    assert geometry(perfect, alive(5), CONFIG)["ml2r"] == pytest.approx(1, abs=0.02)
    # this is what matching with the dead ones would have said: one of five has no length
    assert geometry(perfect, alive(8), CONFIG)["ml2r"] == pytest.approx(0.8, abs=0.02)


def test_cosines_look_at_the_entries_of_the_mechanism_only():
    mechanisms = Mechanisms.columns_of(torch.tensor([[3.0, 1.0], [4.0, 0.0]]))
    matrices = torch.tensor([[[3.0, 9.0], [4.0, 9.0]], [[-4.0, 2.0], [3.0, 0.0]]])

    # the first column of both: (3, 4) and (-4, 3); the second: (9, 9) and (2, 0)
    expected = torch.tensor([[1.0, 0.0], [1 / math.sqrt(2), 1.0]])
    torch.testing.assert_close(restricted_cosines(matrices, mechanisms), expected)


def test_identity_error_is_zero_for_a_permutation_and_tolerates_a_tenth():
    importance = torch.tensor([[0.0, 0.95, 0.05], [0.92, 0.0, 0.0]])

    assert identity_error(importance) == 0


def test_identity_error_counts_what_is_missing_and_what_is_too_much():
    # feature 0 on two subcomponents (one too many), feature 1 on one that is too weak
    importance = torch.tensor([[1.0, 0.0, 0.3], [0.0, 0.8, 0.0]])

    assert identity_error(importance) == 2


def test_one_subcomponent_for_two_features_is_an_error():
    importance = torch.tensor([[1.0, 0.0], [1.0, 0.0]])

    # matched to one of them, wrong for the other, whose own is missing
    assert identity_error(importance) == 2


def test_adversarial_masks_stay_between_importance_and_one_and_do_harm(fresh):
    x = fresh.target.batch(300, generator_for("x"))
    importance = fresh.model.importance(x)

    masks = adversarial_masks(fresh, x, CONFIG, generator_for("worst"))

    for matrix, mask in masks.items():
        assert (mask.subcomponents >= importance[matrix] - 1e-6).all()
        assert (mask.subcomponents <= 1 + 1e-6).all()
        assert mask.remainder.shape == (1, 1)
        assert 0 <= mask.remainder.item() <= 1


def test_more_adversary_steps_do_more_harm(trained):
    x = trained.target.batch(300, generator_for("x"))
    target = trained.target.model(x)

    def harm(steps: int) -> float:
        config = CONFIG.model_copy(update={"adversary_steps": steps})
        masks = adversarial_masks(trained, x, config, generator_for("worst"))
        return (trained.model(x, masks) - target).square().mean().item()

    assert harm(0) < harm(5) < harm(20)


def test_reconstruction_with_importances_is_the_error_of_those_masks(fresh):
    generator = generator_for("metrics", "reconstruction", CONFIG.seed)
    x = fresh.target.batch(CONFIG.n, generator)
    masks = {matrix: Mask(g) for matrix, g in fresh.model.importance(x).items()}
    expected = (fresh.model(x, masks) - fresh.target.model(x)).square().mean().item()

    found = reconstructions(fresh, CONFIG)["reconstruction_importance"]

    assert found == pytest.approx(expected, rel=1e-5)


def test_every_kind_of_masks_is_measured_and_a_good_decomposition_orders_them(perfect):
    found = reconstructions(perfect, CONFIG)

    good = ("unmasked", "stochastic", "importance", "rounded")
    assert all(found[f"reconstruction_{kind}"] < 1e-3 for kind in good)
    # half of every mechanism is gone, then all of them: what is left is ReLU(b) = 0
    x = perfect.target.batch(CONFIG.n, generator_for("metrics", "reconstruction", CONFIG.seed))
    off = perfect.target.model(x).square().mean().item()
    assert found["reconstruction_off"] == pytest.approx(off)
    assert 0.1 * off < found["reconstruction_random"] < off


def test_rounding_keeps_what_is_above_a_tenth(perfect):
    # importances of 0.2 everywhere are rounded up, and all there is stays
    with torch.no_grad():
        for parameter in perfect.model.importance_networks.parameters():
            parameter.zero_()
        perfect.model.importance_networks.bias_out.fill_(0.2)

    found = reconstructions(perfect, CONFIG)

    assert found["reconstruction_rounded"] == pytest.approx(0, abs=1e-10)
    assert found["reconstruction_importance"] > 1e-3


def test_the_issues_metrics_are_all_there(fresh):
    wanted = {
        *("mmcs", "mmcs_random", "ml2r", "identity_error", "alive", "l0", "faithfulness"),
        *("pgd_reconstruction", "l0/linear1", "l0/linear2"),
    }
    assert wanted <= set(evaluate(fresh, CONFIG))


def test_dense_error_wants_as_many_subcomponents_as_the_rank_and_no_more():
    # two that matter, one of them for both features; the third is nothing
    importance = torch.tensor([[0.95, 0.0, 0.05], [1.0, 0.92, 0.0]])

    assert dense_error(importance, 2) == 0
    assert dense_error(importance, 1) == 1  # the second is superfluous
    assert dense_error(importance, 3) == 1  # the third is missing
    assert dense_error(importance, 5) == 3  # and so are two that do not exist


def test_half_of_the_loss_is_recovered_half_way():
    assert cross_entropies(1.0, {"importance": 2.0, "off": 3.0}) == {
        **{"ce_target": 1.0, "ce_importance": 2.0, "ce_off": 3.0},
        **{"ce_recovered_importance": 0.5, "ce_recovered_off": 0.0},
    }


def test_where_ablating_everything_loses_nothing_no_share_is_recovered():
    assert cross_entropies(1.0, {"off": 1.0}) == {"ce_target": 1.0, "ce_off": 1.0}
