import pytest
import torch

from decomposition.config import CONFIGS, LOSSES, DecompositionConfig, config_of
from decomposition.targets import TARGETS


def test_every_target_has_its_configuration_and_no_other_has_one():
    assert set(CONFIGS) == set(TARGETS)


@pytest.mark.parametrize("name", CONFIGS)
def test_each_configuration_holds_what_it_would_accept(name: str):
    # copies with changed fields are not checked when they are made
    assert DecompositionConfig.model_validate(CONFIGS[name].model_dump()) == config_of(name)


def test_a_target_without_configuration_gets_the_default():
    assert config_of("mine") == DecompositionConfig()


def test_every_loss_has_a_coefficient():
    assert list(DecompositionConfig(hidden=2).coefficients()) == list(LOSSES)
    assert DecompositionConfig(hidden=2).coefficients()["hidden"] == 2


def test_the_coefficient_of_minimality_goes_from_one_value_to_another_by_equal_factors():
    config = DecompositionConfig(minimality=0.004, minimality_end=0.001)

    found = [config.coefficients(done)["minimality"] for done in (0.0, 0.5, 1.0)]

    assert found == pytest.approx([0.004, 0.002, 0.001])
    assert DecompositionConfig(minimality=0, minimality_end=1).coefficients(1.0)["minimality"] == 0


def test_an_unknown_setting_is_refused():
    with pytest.raises(ValueError, match="stpes"):
        DecompositionConfig.model_validate({"stpes": 10})


@pytest.mark.parametrize(("share", "n"), [(0.01, 0), (0.99, 8)])
def test_the_merged_loss_is_refused_where_all_rows_would_be_of_one_kind(share: float, n: int):
    alone = {"merged": 1, "merge_zero_rows": False, "stochastic": 0, "layerwise": 0}

    with pytest.raises(ValueError, match=f"{share} of 8 rows is {n}"):
        DecompositionConfig(**alone, batch_size=8, adversarial_share=share)


def test_the_rate_rises_and_then_falls_along_its_schedule():
    config = DecompositionConfig(steps=11, learning_rate=1.0)

    cosine = [config.rate(step) for step in range(11)]
    linear = config.model_copy(update={"schedule": "linear", "learning_rate_end": 0.1})
    constant = config.model_copy(update={"schedule": "constant", "rate_warm_up": 0.2})

    assert cosine[0] == 1
    assert cosine[5] == pytest.approx(0.5)
    assert cosine[10] == pytest.approx(0)
    assert [linear.rate(step) for step in (0, 5, 10)] == pytest.approx([1, 0.55, 0.1])
    # two of eleven steps rise: one third, two thirds
    assert [constant.rate(step) for step in (0, 1, 2, 10)] == pytest.approx([1 / 3, 2 / 3, 1, 1])


def test_what_an_importance_counts_for_is_annealed():
    g = torch.tensor([0.25])
    power = DecompositionConfig(minimality_power=2, minimality_power_end=0.5)
    smooth = DecompositionConfig(
        sparsity="smooth_l0", smooth_l0_width=0.75, smooth_l0_width_end=0.25
    )

    assert power.count(0.0)(g).item() == pytest.approx(0.0625)
    assert power.count(1.0)(g).item() == pytest.approx(0.5)
    # width 0.5 half-way: 1 / (1 + 4)
    assert smooth.count(0.5)(g).item() == pytest.approx(0.2)
    assert smooth.count(1.0)(g).item() == pytest.approx(0.5)


def test_after_training_importances_have_a_cost_of_their_own_where_it_is_consolidated():
    config = DecompositionConfig(
        **{"minimality": 0.002, "minimality_end": 0.004, "consolidation_steps": 10},
        **{"consolidation_minimality": 0.001, "consolidation_width": 0.5},
    )

    later = config.after_training()

    # g = 0.5 is as large as the width
    assert [later.count(done)(torch.tensor(0.5)).item() for done in (0.0, 1.0)] == [0.5, 0.5]
    assert [later.coefficients(done)["minimality"] for done in (0.0, 1.0)] == [0.001, 0.001]
    assert config.model_copy(update={"consolidation_steps": 0}).after_training().sparsity == "power"
    assert DecompositionConfig(consolidation_steps=10).after_training() == DecompositionConfig(
        consolidation_steps=10
    )
