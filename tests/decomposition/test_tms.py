import copy

import pytest
import torch

from decomposition.errors import TargetError, UnknownNameError
from decomposition.seeds import generator_for
from decomposition.targets import TARGETS, train_target
from decomposition.targets import tms as tms_module
from decomposition.targets.mechanisms import Mechanisms
from decomposition.targets.tms import TmsConfig, TmsRecipe, ToyModel, represented, sparse_features

CONFIG = TmsConfig(n_features=5, n_hidden=2)
QUICK = TmsRecipe("tms_5-2", TmsConfig(n_features=5, n_hidden=2, steps=600, batch_size=256))


def test_the_model_is_relu_of_w_transposed_w_x_plus_b():
    weight = torch.tensor([[1.0, 2.0, -1.0]])
    model = ToyModel(weight, torch.tensor([0.5, 0.0, 0.0]))

    # W x = 1*1 + 2*1 = 3; Wᵀ 3 = (3, 6, -3); plus b, then ReLU
    assert model(torch.tensor([1.0, 1.0, 0.0])).tolist() == [3.5, 6.0, 0.0]


def test_a_pentagon_represents_all_five_features(pentagon):
    assert represented(pentagon.model, CONFIG).features == [True] * 5


def test_a_short_column_is_not_represented(pentagon):
    model = copy.deepcopy(pentagon.model)
    model.linear1.weight[:, 2] *= 0.1
    model.linear2.weight[2] *= 0.1

    assert represented(model, CONFIG).features == [True, True, False, True, True]


def test_a_feature_that_is_not_read_out_is_not_represented(pentagon):
    model = copy.deepcopy(pentagon.model)
    model.linear2.bias[4] = -2

    assert represented(model, CONFIG).features == [True, True, True, True, False]


def test_two_features_on_one_direction_are_both_not_represented(pentagon):
    weight = pentagon.model.linear1.weight.clone()
    weight[:, 1] = weight[:, 0]

    model = ToyModel(weight, pentagon.model.linear2.bias)

    assert represented(model, CONFIG).features == [False, False, True, True, True]


def test_features_are_sparse_and_uniform():
    x = sparse_features(40_000, CONFIG, generator_for("x"))

    active = x > 0
    assert abs(active.float().mean() - 0.05) < 0.003
    assert abs(x[active].mean() - 0.5) < 0.01
    assert x.min() >= 0
    assert x.max() < 1


def test_the_same_seed_trains_the_same_target_and_another_one_another():
    first, again, other = (QUICK.train(seed).model.linear1.weight for seed in (0, 0, 1))

    assert torch.equal(first, again)
    assert not torch.allclose(first, other)


def test_a_trained_target_represents_all_its_features():
    target = QUICK.train(3)

    assert represented(target.model, CONFIG).all


def test_a_target_that_misses_a_feature_is_trained_again_from_the_next_derived_seed(
    pentagon, monkeypatch
):
    dead = ToyModel(torch.zeros(2, 5), torch.zeros(5))
    seen = []

    def fail_twice(_config, generator, _on_progress):
        seen.append(generator.initial_seed())
        return dead if len(seen) < 3 else pentagon.model

    monkeypatch.setattr(tms_module, "_trained", fail_twice)
    target = QUICK.train(0)

    assert target.attempts == 3
    assert len(set(seen)) == 3
    assert target.model is pentagon.model


def test_when_no_attempt_succeeds_the_error_says_what_was_reached():
    config = TmsConfig(n_features=5, n_hidden=2, steps=1, max_attempts=2)

    with pytest.raises(TargetError, match=r"seed 7: none of 2 .* all 5 features"):
        TmsRecipe("tms_5-2", config).train(7)


def test_progress_counts_the_steps():
    seen = []
    config = TmsConfig(n_features=5, n_hidden=2, steps=3, max_attempts=1)

    with pytest.raises(TargetError):
        TmsRecipe("tms_5-2", config).train(0, lambda done, of: seen.append((done, of)))

    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_an_unknown_target_is_refused_with_the_names_there_are():
    with pytest.raises(UnknownNameError, match=r"'tms_9-9'.*tms_5-2"):
        train_target("tms_9-9", 0)


def test_mechanisms_sum_to_the_weight_and_lie_on_their_own_entries(pentagon):
    for matrix, mechanisms in pentagon.mechanisms().items():
        weight = pentagon.model.get_submodule(matrix).weight

        torch.testing.assert_close(mechanisms.matrices.sum(dim=0), weight)
        assert (mechanisms.matrices[~mechanisms.supports] == 0).all()
        assert mechanisms.supports.sum(dim=0).unique().tolist() == [1]


def test_columns_and_rows_are_told_apart():
    weight = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])

    columns, rows = Mechanisms.columns_of(weight), Mechanisms.rows_of(weight)

    assert columns.matrices[1].tolist() == [[0, 2, 0], [0, 5, 0]]
    assert rows.matrices[1].tolist() == [[0, 0, 0], [4, 5, 6]]


@pytest.mark.parametrize("name", TARGETS)
def test_every_recipe_has_its_key_for_a_name(name: str):
    assert TARGETS[name].name == name


def test_a_hidden_identity_is_a_third_matrix_and_changes_nothing(pentagon):
    plain = pentagon.model
    model = ToyModel(plain.linear1.weight, plain.linear2.bias, has_hidden_identity=True)
    x = pentagon.batch(50, generator_for("x"))

    assert torch.equal(model.hidden.weight, torch.eye(2))
    torch.testing.assert_close(model(x), plain(x))


def test_a_target_with_hidden_identity_says_that_it_is_one_block_of_full_rank():
    config = TmsConfig(
        n_features=5, n_hidden=2, has_hidden_identity=True, steps=600, batch_size=256
    )
    recipe = TmsRecipe("tms_5-2-id", config)

    target = recipe.train(0)
    again = recipe.restore(0, target.attempts, target.tensors())

    assert list(target.transposes) == ["linear1", "hidden", "linear2"]
    assert target.blocks == {"linear1": None, "linear2": None, "hidden": 2}
    assert set(target.mechanisms()) == {"linear1", "linear2"}
    x = target.batch(20, generator_for("x"))
    assert torch.equal(again.model(x), target.model(x))


@pytest.mark.slow
def test_forty_features_in_ten_dimensions_are_all_represented():
    target = train_target("tms_40-10", 0)

    assert represented(target.model, target.config).n == 40
