"""Every kind of layer is split in the same way, and what cannot be split is said."""

import copy
import warnings

import pytest
import torch
from torch import nn

from decomposition.causal_importance import ImportanceNetworks, Seen
from decomposition.decomposed_model import DecomposedModel, decomposed_model
from decomposition.errors import SplitError
from decomposition.masks import Mask
from decomposition.matrices import choose, known_layout
from decomposition.seeds import generator_for
from decomposition.subcomponents import rank_one_matrices

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from transformers import GPT2Config, GPT2LMHeadModel
    from transformers.pytorch_utils import Conv1D


def linear() -> tuple[nn.Module, torch.Tensor]:
    return nn.Linear(4, 3), torch.randn(5, 2, 4, generator=generator_for("x"))


def conv1d() -> tuple[nn.Module, torch.Tensor]:
    return Conv1D(3, 4), torch.randn(5, 2, 4, generator=generator_for("x"))


def embedding() -> tuple[nn.Module, torch.Tensor]:
    return nn.Embedding(6, 3), torch.tensor([[0, 5, 2], [2, 2, 1]])


def conv2d() -> tuple[nn.Module, torch.Tensor]:
    layer = nn.Conv2d(2, 3, (3, 2), stride=(2, 1), padding=1, padding_mode="circular")
    return layer, torch.randn(2, 2, 5, 4, generator=generator_for("x"))


KINDS = [linear, conv1d, embedding, conv2d]


def alone(layer: nn.Module, C: int = 4) -> DecomposedModel:
    return decomposed_model(nn.Sequential(layer), {"0": C}, 2, generator_for("parts"))


@pytest.mark.parametrize("kind", KINDS)
def test_with_every_part_kept_each_kind_of_layer_is_itself(kind):
    layer, x = kind()
    decomposed = alone(layer)
    C = torch.ones(4), torch.ones(1)

    whole = decomposed(x, {"0": Mask(*C)})

    torch.testing.assert_close(whole, layer(x))


@pytest.mark.parametrize("kind", KINDS)
def test_ablating_a_subcomponent_takes_its_rank_one_matrix_off_the_weight(kind):
    layer, x = kind()
    decomposed = alone(layer)
    edited = copy.deepcopy(layer)
    with torch.no_grad():
        W = known_layout(edited).matrix(edited)
        W -= rank_one_matrices(decomposed.subcomponents["0"])[2]  # a view: the layer changes

    mask = torch.tensor([1.0, 1.0, 0.0, 1.0])
    y = decomposed(x, {"0": Mask(mask, torch.ones(1))})

    torch.testing.assert_close(y, edited(x))
    assert not torch.allclose(y, layer(x))


@pytest.mark.parametrize("kind", KINDS)
def test_inner_activations_and_vectors_have_one_row_for_each_position(kind):
    layer, x = kind()
    decomposed = alone(layer)
    parts = decomposed.subcomponents["0"]

    clean = decomposed.clean(x)
    seen = clean.seen["0"]

    assert seen.inner.shape[-1] == 4
    vectors = seen.vectors()
    assert vectors.shape[:-1] == seen.inner.shape[:-1]
    assert vectors.shape[-1] == known_layout(layer).vector_size(layer)
    if kind is not embedding:  # whose vectors are what it looked up
        torch.testing.assert_close(vectors @ parts.V.T, seen.inner)


@pytest.mark.parametrize("kind", KINDS)
def test_importances_and_gradients_flow_for_every_kind(kind):
    layer, x = kind()
    decomposed = alone(layer)

    importance = decomposed.importance(x)["0"]
    loss = decomposed(x, {"0": Mask(importance, torch.zeros(1))}).square().sum()
    loss.backward()

    parts = decomposed.subcomponents["0"]
    assert importance.shape == decomposed.clean(x).seen["0"].inner.shape
    assert parts.U.grad.shape == parts.U.shape
    assert layer.weight.grad is None


def test_patterns_choose_layers_and_the_first_that_matches_decides():
    model = nn.Sequential(
        nn.Linear(2, 2), nn.ReLU(), nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    )

    assert choose(model, {"2.0": 7, "2.*": 5}) == {"2.0": 7, "2.1": 5}
    assert choose(model, {"*": 3}) == {"0": 3, "2.0": 3, "2.1": 3}
    assert choose(model, {"[02]": 9, "2.?": 1}) == {"0": 9, "2.0": 1, "2.1": 1}


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ({"1.*": 3}, r"'1\.\*' matches no module; .* are: 0, 2"),
        ({"0": 0}, r"'0' asks for 0 subcomponents"),
        ({"0": 2, "1": 2}, r"'1' matches only modules that cannot be split: 1 \(LayerNorm\)"),
        ({"2": 2}, "2 is a convolution in 2 groups"),
    ],
)
def test_what_cannot_be_split_is_said(counts: dict[str, int], message: str):
    model = nn.Sequential(nn.Linear(2, 2), nn.LayerNorm(2), nn.Conv2d(2, 2, 1, groups=2))

    with pytest.raises(SplitError, match=message):
        choose(model, counts)


def test_an_embedding_that_renormalises_itself_is_refused():
    with pytest.raises(SplitError, match="max_norm"):
        choose(nn.Sequential(nn.Embedding(3, 2, max_norm=1.0)), {"0": 2})


@pytest.fixture(scope="module")
def gpt2() -> GPT2LMHeadModel:
    config = GPT2Config(
        vocab_size=11, n_positions=8, n_embd=8, n_layer=2, n_head=2, use_cache=False
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return GPT2LMHeadModel(config).eval()


def test_a_small_gpt2_is_itself_while_everything_is_kept(gpt2):
    counts = {"transformer.wte": 5, "*.attn.*": 6, "*.mlp.*": 7, "lm_head": 5}
    decomposed = decomposed_model(gpt2, counts, 2, generator_for("parts"))
    tokens = torch.tensor([[1, 2, 3], [4, 0, 10]])
    expected = gpt2(tokens).logits

    masks = {
        name: Mask(torch.ones(parts.V.shape[0]), torch.ones(1))
        for name, parts in decomposed.subcomponents.items()
    }
    with decomposed.masked(masks):
        logits = decomposed.network(tokens).logits

    assert len(masks) == 2 + 2 * 4
    torch.testing.assert_close(logits, expected)


def test_tied_embeddings_of_a_gpt2_have_one_set_of_subcomponents(gpt2):
    counts = {"transformer.wte": 5, "lm_head": 9}

    decomposed = decomposed_model(gpt2, counts, 2, generator_for("parts"))

    embedding, unembedding = decomposed.subcomponents.values()
    assert unembedding.weight().shape == (11, 8)
    torch.testing.assert_close(unembedding.weight(), embedding.weight().T)


def test_matrices_with_different_positions_have_importances_of_their_own_shape():
    model = nn.Sequential(nn.Conv2d(1, 2, 2), nn.Flatten(), nn.Linear(8, 3))
    decomposed = decomposed_model(model, {"*": 4}, 2, generator_for("parts"))

    importance = decomposed.importance(torch.rand(5, 1, 3, 3, generator=generator_for("x")))

    assert {name: tuple(g.shape) for name, g in importance.items()} == {
        "0": (5, 2, 2, 4),
        "2": (5, 4),
    }


def test_importances_in_one_product_are_those_of_each_matrix_by_itself():
    networks = ImportanceNetworks({"a": 3, "b": 2}, 4, generator_for("networks"))
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    decomposed = decomposed_model(model, {"0": 3, "1": 2}, 4, generator_for("parts"))
    seen = decomposed.clean(torch.rand(6, 4, generator=generator_for("x"))).seen
    both = {"a": seen["0"], "b": seen["1"]}
    short = both | {"b": Seen(lambda: seen["1"].inner[:5], seen["1"].vectors)}

    together, apart = networks(both), networks(short)

    torch.testing.assert_close(apart.g["a"], together.g["a"])
    torch.testing.assert_close(apart.g["b"], together.g["b"][:5])
    torch.testing.assert_close(apart.penalised[0], together.penalised[0][:, :3])
    torch.testing.assert_close(apart.penalised[1], together.penalised[0][:5, 3:])
