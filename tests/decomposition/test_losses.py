import pytest
import torch

from decomposition import losses

HALVES = torch.tensor([0.5, 0.5])


def test_faithfulness_is_the_mean_squared_entry_over_all_matrices():
    remainders = [torch.tensor([[1.0, 2.0]]), torch.tensor([[0.0, 2.0], [1.0, 0.0]])]

    # (1 + 4) + (4 + 1) = 10 over 2 + 4 entries
    assert losses.faithfulness(remainders).item() == pytest.approx(10 / 6)


def test_reconstruction_is_the_mean_over_outputs_then_over_rows():
    output = torch.tensor([[1.0, 0.0], [2.0, 2.0]])
    expected = torch.zeros(2, 2)

    # rows: (1 + 0) / 2 = 0.5 and (4 + 4) / 2 = 4
    assert losses.reconstruction(output, expected, HALVES).item() == pytest.approx(2.25)
    weights = torch.tensor([0.9, 0.1])
    assert losses.reconstruction(output, expected, weights).item() == pytest.approx(0.85)


def test_layerwise_reconstruction_is_the_mean_over_matrices():
    expected = torch.zeros(2, 1)
    outputs = [torch.full((2, 1), 1.0), torch.full((2, 1), 3.0)]

    # 1 and 9
    assert losses.layerwise_reconstruction(outputs, expected, HALVES).item() == pytest.approx(5)


def test_minimality_sums_over_subcomponents_and_averages_over_rows():
    g = torch.tensor([[0.25, 1.0], [0.0, 0.25]])

    # p = 1: rows 1.25 and 0.25; p = 1/2: rows 1.5 and 0.5
    assert losses.importance_minimality(g, 1.0, HALVES).item() == pytest.approx(0.75)
    assert losses.importance_minimality(g, 0.5, HALVES).item() == pytest.approx(1.0, abs=1e-5)


def test_minimality_with_a_power_below_one_has_a_finite_gradient_at_zero():
    g = torch.zeros(2, 3, requires_grad=True)

    losses.importance_minimality(g, 0.5, HALVES).backward()

    assert torch.isfinite(g.grad).all()
