import torch
from torch.nn.functional import gelu

from decomposition.causal_importance import (
    ImportanceNetworks,
    Seen,
    VectorNetworks,
    lower_leaky_hard_sigmoid,
    upper_leaky_hard_sigmoid,
)
from decomposition.seeds import generator_for

Z = [-2.0, 0.0, 0.5, 1.0, 3.0]
"""Below, at the lower tie, inside, at the upper tie, above."""


def z_of(networks: ImportanceNetworks, inner: torch.Tensor) -> torch.Tensor:
    return networks.z(inner, slice(None))


def gradient_of(squashing, incoming: float) -> list[float]:
    z = torch.tensor(Z, requires_grad=True)
    squashing(z).backward(torch.full((5,), incoming))
    return z.grad.tolist()


def test_both_squashings_agree_up_to_one_and_only_the_upper_one_goes_on():
    z = torch.tensor(Z)

    assert lower_leaky_hard_sigmoid(z).tolist() == [0.0, 0.0, 0.5, 1.0, 1.0]
    # at 3, the upper one is 1 plus a hundredth of what is above 1
    torch.testing.assert_close(
        upper_leaky_hard_sigmoid(z), torch.tensor([0.0, 0.0, 0.5, 1.0, 1.02])
    )


def test_the_lower_leak_lets_only_gradients_through_that_would_raise_z():
    falling, rising = (gradient_of(lower_leaky_hard_sigmoid, g) for g in (-3.0, 3.0))

    # descent on a negative gradient raises z: 1 % of it leaks, at z = 0 as well
    torch.testing.assert_close(torch.tensor(falling), torch.tensor([-0.03, -0.03, -3.0, -3.0, 0.0]))
    assert rising == [0.0, 0.0, 3.0, 3.0, 0.0]


def test_the_upper_leak_lets_one_percent_through_above_one_and_nothing_below_zero():
    gradient = gradient_of(upper_leaky_hard_sigmoid, 3.0)

    torch.testing.assert_close(torch.tensor(gradient), torch.tensor([0.0, 3.0, 3.0, 3.0, 0.03]))


def test_each_network_sees_its_own_inner_activation_alone():
    networks = ImportanceNetworks({"matrix": 3}, 4, generator_for("networks"))
    inner = torch.randn(7, 3, generator=generator_for("inner"))
    moved = inner.clone()
    moved[:, 1] += 1

    changed = z_of(networks, moved) != z_of(networks, inner)

    assert changed.any(dim=0).tolist() == [False, True, False]


def test_the_batched_networks_are_the_small_ones_one_by_one():
    networks = ImportanceNetworks({"matrix": 3}, 4, generator_for("networks"))
    with torch.no_grad():
        networks.bias_in.normal_(generator=generator_for("bias"))
        networks.bias_out.normal_(generator=generator_for("bias out"))
    inner = torch.randn(2, 7, 3, generator=generator_for("inner"))

    one_by_one = [
        gelu(inner[..., c : c + 1] * networks.weight_in[c] + networks.bias_in[c])
        @ networks.weight_out[c]
        + networks.bias_out[c]
        for c in range(3)
    ]

    torch.testing.assert_close(z_of(networks, inner), torch.stack(one_by_one, dim=-1))


def test_a_network_on_the_vector_is_the_two_layers_that_it_says():
    networks = VectorNetworks({"a": 3, "b": 2}, {"a": 4, "b": 5}, 6, generator_for("networks"))
    x = {"a": torch.randn(7, 4), "b": torch.randn(2, 3, 5)}
    seen = {name: Seen(lambda: torch.zeros(0), lambda x=x[name]: x) for name in x}

    found = networks(seen)

    assert {name: tuple(g.shape) for name, g in found.g.items()} == {"a": (7, 3), "b": (2, 3, 2)}
    hidden = gelu(x["b"] @ networks.weights_in[1].T)
    z = hidden @ networks.weights_out[1].T
    torch.testing.assert_close(found.g["b"], z.clamp(0, 1))
    torch.testing.assert_close(found.penalised[1], upper_leaky_hard_sigmoid(z))
