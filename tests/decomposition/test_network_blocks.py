import pytest
import torch

from decomposition import network_blocks
from decomposition.causal_importance import ImportanceNetworks
from decomposition.network_blocks import pays_in_blocks
from decomposition.seeds import generator_for

GENERATOR = generator_for("blocks")
NETWORKS = ImportanceNetworks({"first": 5, "second": 4}, 3, generator_for("networks"))
with torch.no_grad():
    NETWORKS.bias_in.copy_(torch.randn(9, 3, generator=GENERATOR))  # zero at the start
INNER = torch.randn(7, 9, generator=GENERATOR)
INCOMING = torch.randn(7, 9, generator=GENERATOR)


def outcome(place: slice) -> list[torch.Tensor]:
    """z on some networks, and the gradients of it."""
    inner = INNER[:, place].clone().requires_grad_()
    z = NETWORKS.z(inner, place)
    return [z, *torch.autograd.grad(z, [inner, *NETWORKS.parameters()], INCOMING[:, place])]


@pytest.mark.parametrize("block", [1, 50, 10_000])
@pytest.mark.parametrize("place", [slice(None), slice(5, 9)])
def test_blocks_of_any_size_give_the_values_and_gradients_of_the_plain_products(
    monkeypatch, block: int, place: slice
):
    plain = outcome(place)

    monkeypatch.setattr(network_blocks, "BLOCK", block)
    monkeypatch.setattr(network_blocks, "PAYS_FROM", 0)
    in_blocks = outcome(place)

    for one, other in zip(plain, in_blocks, strict=True):
        torch.testing.assert_close(one, other)


def test_blocks_are_for_many_activations_in_single_precision():
    large, small = torch.zeros(400, 900), torch.zeros(10, 900)

    assert pays_in_blocks(large, 16)
    assert not pays_in_blocks(small, 16)
    assert not pays_in_blocks(large.double(), 16)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert not pays_in_blocks(large, 16)
