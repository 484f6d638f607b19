import pytest
import torch

from decomposition.attempt import trained_parameters
from decomposition.config import DecompositionConfig
from decomposition.metrics import importance_errors
from decomposition.objective import objective_on_fresh_inputs
from decomposition.seeds import generator_for
from decomposition.unmixing import FEWEST, Group, apply, lines, unmix

CONFIG = DecompositionConfig(n_subcomponents=8, n_hidden=4, n_objective=2000)


def sparse(n: int, k: int, probability: float = 0.2) -> torch.Tensor:
    generator = generator_for("sparse", n, k)
    active = torch.rand(n, k, generator=generator) < probability
    x = (2 * torch.rand(n, k, generator=generator) - 1) * active
    return x[active.any(dim=1)]


def mix(perfect, mixing: torch.Tensor) -> None:
    """Let the first subcomponents read mixtures of their features, without changing the sum."""
    parts, n = perfect.model.subcomponents["linear1"], len(mixing)
    with torch.no_grad():
        parts.V[:n] = mixing @ parts.V[:n]
        parts.U[:, :n] = parts.U[:, :n] @ torch.linalg.inv(mixing)


def copies(model) -> dict[str, torch.Tensor]:
    return {name: p.detach().clone() for name, p in trained_parameters(model).items()}


@pytest.mark.parametrize(
    "mixing",
    [
        [[1.0, 0.0], [0.7, 1.0]],
        [[1.0, 1.0], [1.0, -1.0]],
        [[1.0, 0.6, 0.0], [0.0, 1.0, -0.8], [0.9, 0.0, 1.0]],
    ],
)
def test_the_lines_of_sparse_mixtures_are_their_columns(mixing: list[list[float]]):
    planted = torch.tensor(mixing)
    x = sparse(2000, len(planted))

    found = lines(x @ planted.T, planted)

    assert found is not None
    assert found.diag().tolist() == [1.0] * len(planted)
    apart = torch.linalg.solve(found, planted)  # a permutation, up to lengths
    assert ((apart.abs() > 0.1).sum(dim=0) == 1).all()
    assert ((apart.abs() > 0.1).sum(dim=1) == 1).all()
    assert apart.abs().sort(dim=0).values[:-1].max() < 0.02


def test_two_that_read_one_line_leave_it_to_one_of_them():
    x = sparse(2000, 2)
    read = torch.tensor([[1.0, 0.0], [0.5, 0.0], [0.0, 1.0]])  # one and another read feature 0

    found = lines(x @ read.T, read)

    assert found is not None
    apart = torch.linalg.solve(found, read @ x.T).T
    assert (apart.abs().amax(dim=0) > 0.5).sum() == 2
    assert apart.abs().amax(dim=0).min() < 1e-5


def test_where_inputs_lie_on_no_lines_none_are_found():
    dense = torch.randn(400, 6, generator=generator_for("dense"))
    assert lines(dense, torch.eye(6)) is None
    assert lines(torch.eye(2).repeat(FEWEST - 1, 1), torch.eye(2)) is None


def test_a_line_that_bends_at_zero_is_one_and_leaves_room_for_another():
    bent = torch.cat([torch.tensor([[1.0, 0.3, 0.0]]), torch.tensor([[-1.0, 0.3, 0.0]])])
    other = torch.tensor([[0.4, 0.0, 1.0]])
    x = torch.cat([bent.repeat(3 * FEWEST, 1), other.repeat(2 * FEWEST, 1)])
    read = torch.tensor([[1.0, 0.5, 0.0], [0.2, 1.0, 0.1], [0.0, 0.3, 1.0]])

    found = lines(x @ read.T, read)

    assert found is not None
    both = torch.linalg.solve(found, read @ torch.cat([bent, other]).T).abs()  # member, input
    assert both[:, 0].argmax() == both[:, 1].argmax() != both[:, 2].argmax()
    assert both[both[:, 0].argmax(), 2] < 1e-5
    assert both[both[:, 2].argmax(), :2].max() < 0.15 * both[:, :2].max()


@pytest.mark.parametrize("matrix", ["linear1", "linear2"])
def test_unmixing_keeps_the_sum_of_the_subcomponents(perfect, matrix: str):
    model = perfect.model
    mix(perfect, torch.tensor([[1.0, 0.4], [0.3, 1.0]]))
    read = model.subcomponents[matrix].V.detach().clone()
    weight = model.subcomponents["linear1"].weight().detach().clone()
    mixing = torch.tensor([[1.0, 0.5], [-0.25, 1.0]])

    apply(model, Group(matrix, [3, 1], mixing))

    assert torch.allclose(model.subcomponents["linear1"].weight(), weight, atol=1e-6)
    assert torch.allclose(mixing @ model.subcomponents[matrix].V[[3, 1]], read[[3, 1]], atol=1e-6)


@pytest.mark.parametrize(
    "mixing",
    [
        [[1.0, 0.0], [0.7, 1.0]],
        [[1.0, 1.0], [1.0, -1.0]],
        [[1.0, 0.6, 0.0], [0.0, 1.0, 0.8], [0.9, 0.0, 1.0]],
    ],
)
def test_mixed_subcomponents_are_each_given_their_feature_again(perfect, mixing):
    mix(perfect, torch.tensor(mixing))
    assert importance_errors(perfect)["identity_error"]["linear1"] > 0
    mixed = objective_on_fresh_inputs(perfect.model, perfect.target, CONFIG)

    n = unmix(perfect.model, perfect.target, CONFIG)

    assert n >= len(mixing)
    assert objective_on_fresh_inputs(perfect.model, perfect.target, CONFIG) < mixed
    assert importance_errors(perfect)["identity_error"]["linear1"] == 0


def test_nothing_changes_where_nothing_is_gained(perfect):
    before = copies(perfect.model)
    assert unmix(perfect.model, perfect.target, CONFIG) == 0
    assert all(torch.equal(p, before[n]) for n, p in copies(perfect.model).items())

    mix(perfect, torch.tensor([[1.0, 0.0], [0.7, 1.0]]))
    before = copies(perfect.model)
    costless = CONFIG.model_copy(update={"minimality": 0.0, "stochastic": 0.0, "layerwise": 0.0})

    assert unmix(perfect.model, perfect.target, costless) == 0
    assert all(torch.equal(p, before[n]) for n, p in copies(perfect.model).items())


def test_a_worse_objective_is_tolerated_only_where_importances_cost_less(perfect):
    # the second one reads its feature with the other sign, and its network knows only one
    mix(perfect, torch.tensor([[1.0, 0.9], [1.0, -1.0]]))
    cheap = CONFIG.model_copy(update={"minimality": 1e-5})
    free = CONFIG.model_copy(update={"minimality": 0.0})

    assert unmix(perfect.model, perfect.target, cheap) == 0
    assert unmix(perfect.model, perfect.target, free, tolerated=10.0) == 0
    assert unmix(perfect.model, perfect.target, cheap, tolerated=10.0) > 1
