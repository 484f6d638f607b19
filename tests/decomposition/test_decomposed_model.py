import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from decomposition.causal_importance import ImportanceNetworks
from decomposition.config import DecompositionConfig
from decomposition.decomposed_model import DecomposedModel, decomposed_model
from decomposition.errors import SplitError
from decomposition.masks import Mask, Runs
from decomposition.seeds import generator_for
from decomposition.subcomponents import Subcomponents, rank_one_matrices
from decomposition.training import decompose

sizes = st.integers(1, 6)


@settings(deadline=None, derandomize=True)
@given(C=sizes, d_in=sizes, d_out=sizes, seed=st.integers(0, 1000))
def test_the_delta_identity_equals_the_sum_of_its_parts(C: int, d_in: int, d_out: int, seed: int):
    generator = generator_for(seed)
    network = nn.Sequential(nn.Linear(d_in, d_out, bias=False)).double()
    parts = Subcomponents(C, d_in, d_out, generator).double()
    weight = network[0].weight.detach()
    x = torch.randn(3, d_in, generator=generator).double()
    mask = torch.rand(3, C, generator=generator).double()
    remainder = torch.rand(3, 1, generator=generator).double()

    kept = ((x @ parts.V.T) * mask) @ parts.U.T
    left_over = x @ (weight - parts.weight()).T
    importance = ImportanceNetworks({"0": C}, 1, generator)
    y = DecomposedModel(network, {"0": parts}, importance)(x, {"0": Mask(mask, remainder)})

    torch.testing.assert_close(y, kept + remainder * left_over)


def test_with_every_mask_at_one_the_model_is_the_target(fresh):
    x = fresh.target.batch(50, generator_for("x"))
    whole = Mask(torch.ones(50, 8), torch.ones(50, 1))

    y = fresh.model(x, {"linear1": whole, "linear2": whole})

    torch.testing.assert_close(y, fresh.target.model(x))


def test_without_masks_the_model_is_the_target_to_the_last_bit(fresh):
    x = fresh.target.batch(50, generator_for("x"))

    assert torch.equal(fresh.model(x), fresh.target.model(x))


@pytest.mark.parametrize("matrix", ["linear1", "linear2"])
def test_ablating_one_subcomponent_removes_exactly_its_rank_one_term(fresh, matrix: str):
    x = fresh.target.batch(50, generator_for("x"))
    mask = torch.ones(50, 8)
    mask[:, 3] = 0
    edited = copy.deepcopy(fresh.target.model)
    with torch.no_grad():
        removed = rank_one_matrices(fresh.model.subcomponents[matrix])[3]
        edited.get_submodule(matrix).weight -= removed

    y = fresh.model(x, {matrix: Mask(mask, torch.ones(50, 1))})

    torch.testing.assert_close(y, edited(x))
    assert not torch.allclose(y, fresh.target.model(x))


def test_a_dropped_remainder_leaves_the_sum_of_the_subcomponents(fresh):
    x = fresh.target.batch(50, generator_for("x"))
    hidden = x @ fresh.model.subcomponents["linear1"].weight().T
    expected = torch.relu(fresh.target.model.linear2(hidden))

    y = fresh.model(x, {"linear1": Mask(torch.ones(50, 8))})

    torch.testing.assert_close(y, expected)


def test_masks_are_gone_after_a_forward_pass_that_fails(fresh):
    x = fresh.target.batch(50, generator_for("x"))

    with pytest.raises(RuntimeError):
        fresh.model(x, {"linear1": Mask(torch.ones(50, 8)), "linear2": Mask(torch.ones(49, 8))})

    assert torch.equal(fresh.model(x), fresh.target.model(x))


def test_inner_activations_are_read_from_the_unmasked_model(fresh):
    x = fresh.target.batch(50, generator_for("x"))
    parts = fresh.model.subcomponents
    hidden = fresh.target.model.linear1(x)

    seen = fresh.model.clean(x).seen

    torch.testing.assert_close(seen["linear1"].inner, x @ parts["linear1"].V.T)
    torch.testing.assert_close(seen["linear2"].inner, hidden @ parts["linear1"].U)


def test_decomposing_never_modifies_the_target(pentagon):
    before = copy.deepcopy(pentagon.model.state_dict())

    decomposition = decompose(pentagon, DecompositionConfig(restarts=1, steps=5))

    after = pentagon.model.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    weights = decomposition.model.weights
    assert all(torch.equal(weights[m], before[f"{m}.weight"]) for m in ("linear1", "linear2"))


def test_importances_lie_between_zero_and_one(fresh):
    importance = fresh.model.importance(fresh.target.batch(500, generator_for("x")))

    assert all(g.min() >= 0 and g.max() <= 1 for g in importance.values())


def test_the_target_shares_its_parameters_and_keeps_its_gradients_and_mode():
    network = nn.Sequential(nn.Linear(3, 3), nn.Dropout(0.5))

    decomposed = decomposed_model(network, {"0": 4}, 2, generator_for("parts"))
    decomposed(torch.ones(2, 3), {"0": Mask(torch.zeros(2, 4))})

    assert decomposed.weights["0"].data_ptr() == network[0].weight.data_ptr()
    assert network[0].weight.requires_grad
    assert network.training
    assert isinstance(network[0], nn.Linear)
    assert not decomposed.network.get_submodule("1").training


def test_masks_hold_inside_their_block_and_no_longer(fresh):
    x = fresh.target.batch(50, generator_for("x"))
    none = {"linear2": Mask(torch.zeros(50, 8))}

    with fresh.model.masked(none):
        inside = fresh.model.network(x)

    # without its second matrix the model says ReLU(b) = 0
    assert (inside == 0).all()
    assert torch.equal(fresh.model.network(x), fresh.target.model(x))


def test_a_layer_that_is_called_twice_in_a_pass_is_refused():
    layer = nn.Linear(3, 3)

    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = layer

        def forward(self, x):
            return self.layer(self.layer(x))

    decomposed = decomposed_model(Twice(), {"layer": 2}, 2, generator_for("parts"))

    with pytest.raises(SplitError, match="layer was called 2 times"):
        decomposed.clean(torch.ones(1, 3))


def test_the_first_layers_products_of_a_clean_pass_serve_every_run(fresh):
    x = fresh.target.batch(50, generator_for("x"))
    m, left = torch.rand(50, 8, generator=generator_for("m")), torch.rand(50, 1)
    first, second = Mask(m, left), Mask(m)
    masks = {"linear1": Runs([first, None, first]), "linear2": Runs([second, second, None])}
    clean = fresh.model.clean(x)

    anew = fresh.model(x.repeat(3, 1), masks)
    saved = fresh.model(x.repeat(3, 1), masks, clean.first)

    torch.testing.assert_close(saved, anew)
    alone = [
        fresh.model(x, {"linear1": first, "linear2": second}),
        fresh.model(x, {"linear2": second}),
        fresh.model(x, {"linear1": first}),
    ]
    torch.testing.assert_close(saved, torch.cat(alone))
    parameters = list(fresh.model.subcomponents["linear1"].parameters())
    for one, other in zip(
        torch.autograd.grad(saved.square().sum(), parameters),
        torch.autograd.grad(anew.square().sum(), parameters),
        strict=True,
    ):
        torch.testing.assert_close(one, other)


def test_the_first_layer_is_the_one_called_first_and_is_forgotten_after_the_run(fresh):
    x = fresh.target.batch(50, generator_for("x"))
    clean = fresh.model.clean(x)
    wrong = clean.first._replace(inner=2 * clean.first.inner)
    masks = {"linear1": Mask(torch.ones(50, 8))}

    assert clean.first.name == "linear1"
    torch.testing.assert_close(clean.first.whole, fresh.target.model.linear1(x))
    assert not torch.allclose(fresh.model(x, masks, wrong), fresh.model(x, masks))
