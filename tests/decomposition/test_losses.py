import math
from functools import partial

import pytest
import torch

from decomposition import losses
from decomposition.errors import LossError

HALVES = torch.tensor([0.5, 0.5])


def power_of(p: float) -> losses.Count:
    return partial(losses.power, p=p)


def test_faithfulness_is_the_mean_squared_entry_over_all_matrices():
    remainders = [torch.tensor([[1.0, 2.0]]), torch.tensor([[0.0, 2.0], [1.0, 0.0]])]

    # (1 + 4) + (4 + 1) = 10 over 2 + 4 entries
    assert losses.faithfulness(remainders).item() == pytest.approx(10 / 6)


def test_reconstruction_is_the_mean_over_outputs_then_over_rows():
    output = torch.tensor([[1.0, 0.0], [2.0, 2.0]])
    expected = torch.zeros(2, 2)

    # rows: (1 + 0) / 2 = 0.5 and (4 + 4) / 2 = 4
    assert losses.mean_squares(output, expected, HALVES).item() == pytest.approx(2.25)
    weights = torch.tensor([0.9, 0.1])
    assert losses.mean_squares(output, expected, weights).item() == pytest.approx(0.85)


def test_layerwise_reconstruction_is_the_mean_over_matrices():
    expected = torch.zeros(2, 1)
    outputs = [torch.full((2, 1), 1.0), torch.full((2, 1), 3.0)]

    # 1 and 9
    assert losses.layerwise(outputs, expected, HALVES, losses.mean_squares).item() == pytest.approx(
        5
    )


def test_minimality_sums_over_subcomponents_and_averages_over_rows():
    g = torch.tensor([[0.25, 1.0], [0.0, 0.25]])

    # p = 1: rows 1.25 and 0.25; p = 1/2: rows 1.5 and 0.5
    assert losses.importance_minimality([g], power_of(1.0), HALVES).item() == pytest.approx(0.75)
    assert losses.importance_minimality([g], power_of(0.5), HALVES).item() == pytest.approx(
        1.0, abs=1e-5
    )


def test_minimality_with_a_power_below_one_has_a_finite_gradient_at_zero():
    g = torch.zeros(2, 3, requires_grad=True)

    losses.importance_minimality([g], power_of(0.5), HALVES).backward()

    assert torch.isfinite(g.grad).all()


def test_minimality_takes_means_over_positions_and_sums_over_matrices():
    row = torch.tensor([1.0])
    two_positions = torch.tensor([[[0.5, 0.0], [1.0, 0.5]]])

    # positions 0.5 and 1.5, so 1 for the first matrix; 0.25 for the second
    found = losses.importance_minimality(
        [two_positions, torch.tensor([[0.25]])], power_of(1.0), row
    )
    assert found.item() == pytest.approx(1.25)


def test_divergence_is_what_predicting_with_the_masked_model_costs():
    expected = torch.tensor([[math.log(3.0), 0.0]])  # p = 3/4, 1/4
    output = torch.zeros(1, 2)  # q = 1/2, 1/2

    # 3/4 log(3/2) + 1/4 log(1/2); the other way round it would be 0.1438
    found = losses.divergence(output, expected, torch.tensor([1.0])).item()
    assert found == pytest.approx(0.75 * math.log(1.5) + 0.25 * math.log(0.5))
    assert found == pytest.approx(0.1308, abs=1e-4)


def test_divergence_is_a_mean_over_positions_and_rows():
    sure, unsure = [math.log(3.0), 0.0], [0.0, 0.0]
    expected = torch.tensor([[sure, unsure], [unsure, unsure]])

    found = losses.divergence(torch.zeros(2, 2, 2), expected, HALVES).item()

    assert found == pytest.approx(0.1308 / 4, abs=1e-4)


def test_divergence_of_a_single_output_is_refused():
    with pytest.raises(LossError, match="softmax is always 1"):
        losses.divergence(torch.zeros(2, 1), torch.ones(2, 1), HALVES)


def test_outputs_that_are_logits_are_compared_as_distributions():
    assert losses.reconstruction_for(True) is losses.divergence
    assert losses.reconstruction_for(False) is losses.mean_squares


def test_hidden_reconstruction_is_the_mean_over_layers_of_different_sizes():
    clean = [torch.zeros(2, 2), torch.zeros(2, 1, 4)]
    found = [torch.tensor([[2.0, 0.0], [0.0, 0.0]]), torch.full((2, 1, 4), 3.0)]

    # first layer: rows 4/2 and 0, mean 1; second: 9
    assert losses.hidden_reconstruction(found, clean, HALVES).item() == pytest.approx(5)


def test_frequency_costs_f_times_the_log_of_one_plus_a_f():
    g = torch.tensor([[1.0, 0.5], [0.0, 0.0]])

    # f = 1/2 and 1/4; a = 4: 1/2 log2 3 + 1/4 log2 2
    found = losses.frequency_minimality([g], power_of(1.0), HALVES, 4.0).item()
    assert found == pytest.approx(0.5 * math.log2(3) + 0.25)
    # p = 2: f = 1/2 and 1/8
    found = losses.frequency_minimality([g], power_of(2.0), HALVES, 4.0).item()
    assert found == pytest.approx(0.5 * math.log2(3) + 0.125 * math.log2(1.5))


def test_two_that_share_the_work_cost_less_frequency_than_one_for_both():
    both = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    shared = torch.tensor([[1.0, 0.0], [0.0, 1.0]])

    costs = [losses.frequency_minimality([g], power_of(1.0), HALVES, 8.0) for g in (shared, both)]

    assert costs[0] < costs[1]
    assert losses.importance_minimality(
        [both], power_of(1.0), HALVES
    ) == losses.importance_minimality([shared], power_of(1.0), HALVES)


def test_smooth_l0_counts_what_is_well_above_its_width():
    g = torch.tensor([0.0, 0.1, 0.3, 1.0])

    # 0; 1/2 at the width; 9/10 at three times the width; 100/101
    counted = losses.smooth_l0(g, width=0.1)

    torch.testing.assert_close(counted, torch.tensor([0.0, 0.5, 0.9, 100 / 101]))


def test_the_slope_of_smooth_l0_stays_bounded():
    g = torch.linspace(0, 1, 10_001, requires_grad=True)

    losses.smooth_l0(g, width=0.1).sum().backward()

    # at g = width / sqrt(3) it is 9 / (8 sqrt(3)) / width
    assert g.grad.max().item() == pytest.approx(9 / (8 * 3**0.5) / 0.1, rel=1e-4)
