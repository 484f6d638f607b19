import pytest
import torch

from decomposition.measurements import (
    ExperimentConfig,
    Interval,
    expanded_percentiles,
    mean_over_units,
    percentiles,
    resampled_counts,
)
from decomposition.seeds import generator_for

CONFIG = ExperimentConfig(resamples=1000)


def steady(*values: float) -> torch.Tensor:
    """Units whose values do not depend on the inputs."""
    return torch.tensor(values).expand(CONFIG.resamples, -1)


def test_a_resample_holds_as_many_inputs_as_there_are_and_the_first_is_no_resample():
    counts = resampled_counts(50, 200, generator_for("counts"))

    assert counts.sum(dim=1).unique().tolist() == [50]
    assert counts[0].unique().tolist() == [1]
    # each input is missing from a resample with probability (1 - 1/50)^50 = 0.364
    assert abs((counts[1:] == 0).float().mean() - 0.364) < 0.01


def test_no_inputs_give_empty_resamples():
    assert resampled_counts(0, 200, generator_for("counts")).shape == (200, 0)


def test_the_value_is_the_mean_and_lies_in_its_interval():
    value, (low, high) = mean_over_units(steady(0.5, 0.7, 0.9, 0.8, 0.6), 5, CONFIG)

    assert value == pytest.approx(0.7)
    assert 0.5 <= low < value < high <= 0.9


def test_the_interval_for_few_units_is_about_as_wide_as_students():
    _, (low, high) = mean_over_units(steady(0.5, 0.7, 0.9, 0.8, 0.6), 5, CONFIG)

    # standard deviation 0.158, t(4) at 97.5 % = 2.776: 0.7 ± 0.196, cut by what five values
    # can give at most
    assert high - low == pytest.approx(0.39, abs=0.08)


def test_more_units_of_the_same_spread_give_a_narrower_interval():
    few = mean_over_units(steady(0.5, 0.7, 0.9), 3, CONFIG)[1]
    many = mean_over_units(steady(*[0.5, 0.7, 0.9] * 10), 30, CONFIG)[1]

    assert many.high - many.low < 0.4 * (few.high - few.low)


def test_units_not_seen_may_be_anything():
    value, (low, high) = mean_over_units(steady(0.9, 0.9, 0.9), 5, CONFIG)

    # three fifths at 0.9, two fifths anywhere in [0, 1]
    assert (value, low, high) == pytest.approx((0.9, 0.54, 0.94), abs=1e-6)


def test_one_unit_or_none_says_nothing():
    assert mean_over_units(steady(0.9), 1, CONFIG)[1] == Interval(0, 1)
    assert mean_over_units(torch.empty(1000, 0), 5, CONFIG) == (0.5, Interval(0, 1))


def test_the_spread_over_inputs_widens_the_interval():
    noise = 0.1 * torch.randn(1000, 4, generator=generator_for("noise"))
    noise[0] = 0

    quiet = mean_over_units(steady(0.5, 0.5, 0.5, 0.5), 4, CONFIG)[1]
    noisy = mean_over_units(steady(0.5, 0.5, 0.5, 0.5) + noise, 4, CONFIG)[1]

    assert quiet == pytest.approx((0.5, 0.5))
    assert noisy.high - noisy.low > 0.1


def test_expanded_percentiles_go_to_the_plain_ones_with_many_units():
    draws = torch.linspace(0, 1, 1001)

    plain = percentiles(draws, 0.9)
    few, many = (expanded_percentiles(draws, n, 0.9) for n in (3, 100_000))

    assert plain == pytest.approx((0.05, 0.95))
    assert many == pytest.approx(plain, abs=1e-3)
    # n = 3: Φ(-sqrt(3/2) * 2.920) = Φ(-3.576) = 0.00017
    assert few.low == pytest.approx(0.00017, abs=2e-5)
