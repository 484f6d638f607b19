import pytest
import torch

from decomposition.attempt import fresh_model
from decomposition.causal_importance import Seen
from decomposition.config import DecompositionConfig
from decomposition.errors import SplitError
from decomposition.seeds import generator_for
from decomposition.shared_importance import SharedShape, SharedTransformer, rotated
from tests.decomposition.small_transformer import transformer_decomposition

SIZES, LENGTHS = {"a": 3, "b": 5}, {"a": 4, "b": 6}


def _seen(seed, n=2, T=7):
    generator = generator_for("seen", seed)
    vectors = {name: torch.randn(n, T, d, generator=generator) for name, d in LENGTHS.items()}
    return {name: Seen(lambda: torch.zeros(0), lambda x=x: x) for name, x in vectors.items()}


def _networks(is_causal=True, width=8, n_layers=2):
    shape = SharedShape(width, n_layers, is_causal)
    return SharedTransformer(SIZES, LENGTHS, shape, generator_for("networks"))


def _changed(seen, name, position):
    x = seen[name].vectors().clone()
    x[:, position] += 1
    return seen | {name: Seen(lambda: torch.zeros(0), lambda: x)}


def test_there_is_an_importance_for_every_subcomponent_at_every_position():
    found = _networks()(_seen(0))

    assert {name: g.shape for name, g in found.g.items()} == {"a": (2, 7, 3), "b": (2, 7, 5)}
    assert all(((g >= 0) & (g <= 1)).all() for g in found.g.values())
    assert found.penalised[0].shape == (2, 7, 8)
    assert (found.penalised[0] > 0).any()
    assert (found.penalised[0] == 0).any()


def test_what_one_matrix_is_given_counts_for_the_importances_of_another():
    networks, seen = _networks(), _seen(0)

    before, after = networks(seen), networks(_changed(seen, "a", 3))

    assert not torch.allclose(before.penalised[0][..., 3:], after.penalised[0][..., 3:])


@pytest.mark.parametrize("is_causal", [True, False])
def test_only_a_causal_one_cannot_look_ahead(is_causal: bool):
    networks, seen = _networks(is_causal), _seen(0)

    before = networks(seen).penalised[0]
    after = networks(_changed(seen, "a", 5)).penalised[0]

    assert torch.equal(before[:, :5], after[:, :5]) == is_causal
    assert not torch.allclose(before[:, 5:], after[:, 5:])


def test_the_length_of_what_a_matrix_is_given_does_not_count():
    networks, seen = _networks(), _seen(0)
    longer = {
        name: Seen(lambda: torch.zeros(0), lambda of=of: 10 * of.vectors())
        for name, of in seen.items()
    }

    torch.testing.assert_close(networks(longer).penalised[0], networks(seen).penalised[0])


def test_products_of_rotated_vectors_depend_on_how_far_apart_they_are():
    x = torch.randn(5, generator=generator_for("x")).expand(1, 1, 6, 5)
    y = torch.randn(5, generator=generator_for("y")).expand(1, 1, 6, 5)

    products = (rotated(x) @ rotated(y).mT)[0, 0]

    for shift in range(-5, 6):
        apart = products.diagonal(shift)
        torch.testing.assert_close(apart, apart[:1].expand_as(apart))
    assert (products[0].diff().abs() > 1e-4).all()
    assert torch.equal(rotated(x)[..., 4], x[..., 4])


def test_a_model_without_positions_is_refused(pentagon):
    config = DecompositionConfig(importance="shared_transformer")
    model = fresh_model(pentagon, config, generator_for("fresh"))

    with pytest.raises(SplitError, match="take importance=input_vector"):
        model.importance(pentagon.probes())


def test_matrices_at_different_positions_are_refused():
    seen = _seen(0) | {"b": _seen(0, T=9)["b"]}

    with pytest.raises(SplitError, match="at the same tokens"):
        _networks()(seen)


def test_a_seed_decides_it():
    first, again = _networks(), _networks()

    assert all(
        torch.equal(*pair) for pair in zip(first.parameters(), again.parameters(), strict=True)
    )


def test_a_subcomponent_that_is_switched_off_is_never_important_and_the_others_stay():
    networks, seen = _networks(), _seen(0)
    before = networks(seen).g

    networks.switch_off("b", 2)

    after = networks(seen).g
    assert after["b"][..., 2].max() == 0
    assert before["b"][..., 2].max() > 0
    others = [0, 1, 3, 4]
    assert torch.equal(after["b"][..., others], before["b"][..., others])
    assert torch.equal(after["a"], before["a"])


def test_only_the_inputs_that_are_read_count():
    networks = SharedTransformer(
        SIZES, {"b": LENGTHS["b"]}, SharedShape(8, 2, True), generator_for("networks")
    )
    seen = _seen(0)

    before = networks(seen).penalised[0]

    assert torch.equal(networks(_changed(seen, "a", 3)).penalised[0], before)
    assert not torch.equal(networks(_changed(seen, "b", 3)).penalised[0], before)


def test_patterns_say_which_inputs_are_read():
    target = transformer_decomposition().target
    config = DecompositionConfig(
        importance="shared_transformer", n_hidden=8, importance_reads=("*.q", "*.up")
    )

    networks = fresh_model(target, config, generator_for("fresh")).importance_networks

    assert networks.reads == ["blocks.0.q", "blocks.0.up", "blocks.1.q", "blocks.1.up"]
    assert networks.read.in_features == 4 * 8
    with pytest.raises(SplitError, match=r"'\*\.up\.' matches none .* blocks\.0\.q"):
        fresh_model(
            target,
            config.model_copy(update={"importance_reads": ("*.up.",)}),
            generator_for("fresh"),
        )


def test_positions_are_told_apart_in_half_precision():
    x = torch.ones(1, 1, 600, 32)

    half, single = rotated(x.bfloat16()), rotated(x)

    assert half.dtype == torch.bfloat16
    torch.testing.assert_close(half.float(), single, rtol=0.01, atol=0.02)
