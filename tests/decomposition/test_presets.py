import pytest

from decomposition.config import CONFIGS, DecompositionConfig, config_of
from decomposition.errors import ConfigurationError
from decomposition.presets import changed, paper_config
from decomposition.targets.pretrained import PREFIX
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


@pytest.mark.parametrize("target", ["storyworld", f"{PREFIX}folder@text.txt"])
def test_a_language_model_is_decomposed_as_published_but_for_its_size(target: str):
    config, default = paper_config(target), DecompositionConfig()

    assert (config.importance, config.importance_causal) == ("shared_transformer", False)
    assert (config.initialisation, config.importance_start) == ("random", None)
    assert (config.warm_up_steps, config.warm_up_learning_rate) == (400, 0.001)
    assert config.importance_rate == default.importance_rate
    assert (config.subset, config.adversarial, config.layerwise) == (0.5, 0.5, 0)
    assert (config.minimality_power, config.minimality_power_end) == (2.0, 0.4)
    assert config.n_hidden == config_of(target).n_hidden


def test_allotted_per_rank_are_as_many_as_the_published_language_model_had():
    assert paper_config("storyworld").n_subcomponents == CONFIGS["storyworld"].n_subcomponents
    per_rank = paper_config(f"{PREFIX}folder@text.txt").subcomponents_per_rank
    assert per_rank == pytest.approx(2.11, abs=0.01)


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
