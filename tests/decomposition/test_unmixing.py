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

    found = lines(x @ planted.T)

    assert found is not None
    assert found.diag().tolist() == [1.0] * len(planted)
    apart = torch.linalg.solve(found, planted)  # a permutation, up to lengths
    assert ((apart.abs() > 0.1).sum(dim=0) == 1).all()
    assert ((apart.abs() > 0.1).sum(dim=1) == 1).all()
    assert apart.abs().sort(dim=0).values[:-1].max() < 0.02


def test_two_that_read_one_line_leave_it_to_one_of_them():
    x = sparse(2000, 2)
    read = x @ torch.tensor([[1.0, 0.5, 0.0], [0.0, 0.0, 1.0]])  # one and another read feature 0

    found = lines(read)

    assert found is not None
    apart = torch.linalg.solve(found, read.T).T
    assert (apart.abs().amax(dim=0) > 0.5).sum() == 2
    assert apart.abs().amax(dim=0).min() < 1e-5


def test_where_inputs_lie_on_no_lines_none_are_found():
    assert lines(torch.randn(400, 6, generator=generator_for("dense"))) is None
    assert lines(torch.eye(2).repeat(FEWEST - 1, 1)) is None


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
