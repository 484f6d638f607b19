import pytest
import torch

from decomposition.attribution import AttributionConfig, explain
from decomposition.errors import ExperimentError
from decomposition.seeds import generator_for
from decomposition.subnetwork import SubnetworkConfig, find_subnetwork
from decomposition.training import Decomposition
from tests.decomposition.small_transformer import transformer_decomposition


def crowded(perfect: Decomposition) -> Decomposition:
    """Everything is called important everywhere, needed or not."""
    with torch.no_grad():
        perfect.model.importance_networks.bias_out.fill_(1.0)
    return perfect


def test_of_what_is_called_important_only_the_mechanism_is_kept(perfect: Decomposition) -> None:
    decomposition = crowded(perfect)
    x = decomposition.target.probes()[1]

    importance, report = find_subnetwork(
        decomposition, x, SubnetworkConfig(steps=80, learning_rate=0.1)
    )

    assert report.before == 16
    assert report.kept == 2
    assert importance["linear1"][0, 1] > 0.5
    assert importance["linear2"][0, 1] > 0.5
    assert report.loss["importance"] < 0.1 * report.loss["off"]
    assert report.loss["adversarial"] < 0.2 * report.loss["off"]


def test_without_a_penalty_nothing_has_to_go(perfect: Decomposition) -> None:
    decomposition = crowded(perfect)

    _, report = find_subnetwork(
        decomposition, decomposition.target.probes()[1], SubnetworkConfig(steps=5, penalty=0)
    )

    assert report.kept == report.before


def test_the_same_seed_finds_the_same(perfect: Decomposition) -> None:
    decomposition, config = crowded(perfect), SubnetworkConfig(steps=8, seed=4)
    x = decomposition.target.probes()[0]

    first, second = (find_subnetwork(decomposition, x, config) for _ in range(2))

    assert first[1] == second[1]
    assert all(torch.equal(first[0][name], second[0][name]) for name in first[0])


def test_for_words_the_probability_of_the_likeliest_is_reported() -> None:
    decomposition = transformer_decomposition()
    x = decomposition.target.batch(1, generator_for("prompt"))[0]

    importance, report = find_subnetwork(decomposition, x, SubnetworkConfig(steps=5, position=3))
    graph = explain(
        decomposition, x, AttributionConfig(is_masked=True, position=3), (importance, report)
    )

    label = decomposition.target.model(x[None])[0, 3].argmax()
    assert report.labelled == decomposition.target.words[label]
    assert set(report.probability) == {"target", "importance", "stochastic", "adversarial", "off"}
    assert graph.subnetwork == report
    assert all(node.position <= 3 for node in graph.nodes)


def test_a_position_beyond_the_input_is_refused_here_too() -> None:
    decomposition = transformer_decomposition()

    with pytest.raises(ExperimentError, match="beyond the input"):
        find_subnetwork(
            decomposition, decomposition.target.probes()[0], SubnetworkConfig(position=6)
        )
