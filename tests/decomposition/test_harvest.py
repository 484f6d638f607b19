import pytest
import torch

from decomposition.harvest import HarvestConfig, census, contrasts, harvest

CONFIG = HarvestConfig(n=4000)


def test_each_mechanism_is_alive_and_answers_to_its_own_feature(perfect):
    summaries = harvest(perfect, CONFIG)

    alive = {summary.id: summary.top_inputs[0] for summary in summaries if summary.alive}
    expected = {f"linear{k}:{j}": j for k in (1, 2) for j in range(5)}
    assert alive == expected


def test_summaries_come_in_order_with_what_they_say(perfect):
    summaries = harvest(perfect, CONFIG)

    assert [(s.matrix, s.index) for s in summaries] == [
        (matrix, c) for matrix in ("linear1", "linear2") for c in range(8)
    ]
    assert summaries[0].norm == pytest.approx(1.135, abs=1e-4)
    assert summaries[7].norm == 0
    assert summaries[7].top_inputs == ()
    # the first matrix's importance is 1 almost wherever the feature is active: 5 %
    assert summaries[0].mean_importance == pytest.approx(0.05, abs=0.01)
    assert summaries[0].density == pytest.approx(0.05, abs=0.01)


def test_alive_follows_the_threshold(perfect):
    counted = census(perfect, HarvestConfig(n=4000, alive_threshold=0.5))

    assert not counted["linear1"].alive.any()


def test_contrast_is_the_mean_with_the_feature_minus_the_mean_without():
    importance = torch.tensor([[1.0], [0.5], [0.25]])
    active = torch.tensor([[1.0], [1.0], [0.0]])
    counts = torch.tensor([[1.0, 1.0, 1.0], [3.0, 0.0, 0.0], [0.0, 1.0, 2.0]])

    # 0.75 - 0.25; 1 - nothing; 0.5 - 0.25
    found = contrasts(importance, active, counts).flatten()
    torch.testing.assert_close(found, torch.tensor([0.5, 1.0, 0.25]))


def test_contrast_of_no_features_is_empty():
    assert contrasts(torch.ones(3, 2), torch.ones(3, 0), torch.ones(4, 3)).shape == (4, 0, 2)
