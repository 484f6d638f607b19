import pytest

from decomposition.config import CONFIGS, DecompositionConfig
from decomposition.errors import ConfigurationError
from decomposition.presets import changed, paper_config
from decomposition.training import decompose


@pytest.mark.parametrize("target", CONFIGS)
def test_every_target_has_a_configuration_of_the_paper_that_can_be(target: str):
    config = paper_config(target)

    assert DecompositionConfig.model_validate(config.model_dump()) == config
    assert not config.prune
    assert not config.unmix
    assert config.minimality_end is None
    assert config.sparsity == "power"
    assert config.restarts == 1


def test_residual_mlps_are_allotted_as_many_subcomponents_as_in_the_paper():
    allotted = [paper_config(f"resid_mlp{n}").n_subcomponents for n in (1, 2, 3)]

    assert allotted == [100, 400, 500]


def test_the_papers_settings_can_be_trained_and_leave_the_remainder_out(pentagon):
    config = changed(paper_config("tms_5-2"), {"steps": 3, "batch_size": 64, "n_objective": 64})

    decomposition = decompose(pentagon, config)

    assert not config.mask_remainder
    assert decomposition.model.importance(pentagon.probes())["linear1"].min() >= 0
    assert set(decomposition.losses) == {"faithfulness", "stochastic", "layerwise", "minimality"}


def test_an_unknown_setting_is_named_with_those_there_are():
    with pytest.raises(ConfigurationError, match="no setting 'stpes'; there are: seed, "):
        changed(DecompositionConfig(), {"stpes": 3})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"n_subcomponents": 0}, "n_subcomponents: Input should be greater than or equal to 1"),
        ({"adversary": {"kind": "kind"}}, "adversary.kind: Input should be 'fresh' or"),
        (
            {"adversarial": 1, "adversary": {"kind": "persistent", "scope": "row"}},
            "needs merge_zero_rows=False",
        ),
    ],
)
def test_an_impossible_value_is_refused_by_name(changes, words: str):
    with pytest.raises(ConfigurationError, match=words):
        changed(DecompositionConfig(), changes)
