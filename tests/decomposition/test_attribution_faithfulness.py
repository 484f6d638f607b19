import pytest
import torch

from decomposition.experiments import ExperimentConfig, find_experiment
from decomposition.predictions import judge, predict
from decomposition.training import Decomposition
from tests.decomposition.pentagon import BIAS, RADIUS
from tests.decomposition.small_transformer import transformer_decomposition

EXPERIMENT = find_experiment("attribution_faithfulness")
CONFIG = ExperimentConfig(n=1000, resamples=500)


def test_without_thresholds_attributions_are_what_ablations_do(perfect: Decomposition) -> None:
    with torch.no_grad():  # far above the threshold the outputs are linear
        perfect.model.network.get_submodule("linear2").layer.bias.fill_(10.0)

    assert EXPERIMENT.run(perfect, CONFIG).value == pytest.approx(1, abs=1e-4)


def test_with_thresholds_they_overstate_what_an_output_can_lose(perfect: Decomposition) -> None:
    found = EXPERIMENT.run(perfect, CONFIG)

    # an output of x r² + b can lose no more than itself, and x r² is attributed to its source
    x = 1.0
    attributed, lost = x * RADIUS**2, x * RADIUS**2 + BIAS
    assert found.details["worst_subcomponent"] < 1
    assert found.value < 1 - (attributed - lost) / (attributed + lost) / 10
    assert found.value > found.control.high


def test_a_claim_is_supported_or_refuted_by_what_ablations_did(perfect: Decomposition) -> None:
    found = EXPERIMENT.run(perfect, CONFIG)

    for text, stance in {
        "Attributions along pathways predict what ablations do.": "supports",
        "Attributions along pathways do not predict what ablations do.": "refutes",
    }.items():
        assert judge(predict("stm-1", text, EXPERIMENT), found).stance == stance


def test_attributions_to_outputs_at_their_limit_are_not_what_ablations_do(
    perfect: Decomposition, monkeypatch
) -> None:
    outputs = perfect.model.network.forward
    monkeypatch.setattr(perfect.model.network, "forward", lambda x: outputs(x).clamp(max=0.02))

    found = EXPERIMENT.run(perfect, CONFIG)

    # an output that has reached its limit has no gradient, but ablation takes all of it
    assert found.details["worst_subcomponent"] < 0.2


@pytest.mark.parametrize(
    ("text", "side"),
    [
        ("Attribution graphs agree with ablations of their sources.", "above"),
        ("Gradient attributions do not predict the effect of interventions.", "below"),
        ("The pathways that attributions show are misleading.", "below"),
        ("Attributions are faithful to the circuit.", "above"),
    ],
)
def test_a_claim_on_attributions_is_read(text: str, side: str) -> None:
    assert predict("stm-1", text, EXPERIMENT).side == side


def test_of_a_model_of_words_the_likeliest_is_the_output(monkeypatch) -> None:
    monkeypatch.setattr("decomposition.experiments.attribution_faithfulness.N_SUBCOMPONENTS", 6)
    found = EXPERIMENT.run(
        transformer_decomposition(), ExperimentConfig(n=12, resamples=100, min_samples=1)
    )

    assert found.details["targets"] == found.details["alive"] + 1
    assert 0 <= found.low <= found.value <= found.high <= 1
