import pytest

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


def test_an_unknown_setting_is_refused():
    with pytest.raises(ValueError, match="stpes"):
        DecompositionConfig.model_validate({"stpes": 10})
