import torch
from torch import nn

from decomposition.seeds import generator_for
from decomposition.subcomponents import (
    Subcomponents,
    TransposedSubcomponents,
    norms,
    rank_one_matrices,
    split,
    untied,
)


def test_the_rank_one_matrices_sum_to_the_weight():
    parts = Subcomponents(6, 4, 3, generator_for("parts"))

    torch.testing.assert_close(rank_one_matrices(parts).sum(dim=0), parts.weight().detach())
    assert parts.weight().shape == (3, 4)


def test_a_rank_one_matrix_writes_u_where_it_reads_v():
    parts = Subcomponents(1, 2, 3, generator_for("parts"))
    with torch.no_grad():
        parts.U[:, 0] = torch.tensor([1.0, 0.0, 2.0])
        parts.V[0] = torch.tensor([3.0, 5.0])

    expected = torch.tensor([[[3.0, 5.0], [0.0, 0.0], [6.0, 10.0]]])
    torch.testing.assert_close(rank_one_matrices(parts), expected)


def test_the_norm_of_a_subcomponent_is_that_of_its_matrix():
    parts = Subcomponents(6, 4, 3, generator_for("parts"))

    expected = torch.linalg.matrix_norm(rank_one_matrices(parts))
    torch.testing.assert_close(norms(parts), expected)


def test_tied_subcomponents_are_the_same_ones_transposed():
    parts = Subcomponents(6, 4, 3, generator_for("parts"))
    tied = TransposedSubcomponents(parts)

    torch.testing.assert_close(rank_one_matrices(tied), rank_one_matrices(parts).mT)
    assert next(tied.parameters()) is next(parts.parameters())


def test_layers_that_share_a_parameter_share_their_subcomponents():
    first, second, third = nn.Linear(4, 3), nn.Linear(4, 3), nn.Linear(4, 3)
    second.weight = first.weight
    model = nn.Sequential(first, second, third)

    parts = split(model, {"0": 5, "1": 7, "2": 2}, generator_for("parts"), {})

    assert parts["1"] is parts["0"]
    assert parts["2"].V.shape == (2, 4)
    assert list(untied(parts)) == ["0", "2"]


def test_an_embedding_and_the_layer_that_shares_it_are_transposed():
    embedding, unembedding = nn.Embedding(7, 3), nn.Linear(3, 7, bias=False)
    unembedding.weight = embedding.weight
    model = nn.Sequential(embedding, unembedding)

    parts = split(model, {"0": 4, "1": 4}, generator_for("parts"), {})

    assert parts["0"].weight().shape == (3, 7)
    torch.testing.assert_close(parts["1"].weight(), parts["0"].weight().T)
    assert list(untied(parts)) == ["0"]


def test_an_exact_start_sums_to_the_weights_of_any_rank():
    generator = generator_for("weights")
    full = torch.randn(3, 4, generator=generator)
    low = torch.randn(3, 1, generator=generator) @ torch.randn(1, 4, generator=generator)

    for weight in (full, low):
        parts = Subcomponents(8, 4, 3, generator_for("parts"))
        parts.solve_for(weight)

        torch.testing.assert_close(parts.weight().detach(), weight)
        assert abs(parts.U.norm() - parts.V.norm()) < 1e-3
        assert norms(parts).min() > 0


def test_an_exact_start_with_too_few_subcomponents_is_as_close_as_its_v_allows():
    weight = torch.randn(5, 6, generator=generator_for("weights"))
    parts = Subcomponents(2, 6, 5, generator_for("parts"))
    before = (parts.weight() - weight).norm()

    parts.solve_for(weight)

    left = weight - parts.weight()
    assert left.norm() < before
    torch.testing.assert_close((left @ parts.V.T).detach(), torch.zeros(5, 2), atol=1e-5, rtol=0)


def test_a_singular_start_sums_to_the_weights_and_nothing_cancels():
    weight = torch.randn(3, 4, generator=generator_for("weights"))
    parts = Subcomponents(5, 4, 3, generator_for("parts"))

    parts.take_singular(weight)

    torch.testing.assert_close(parts.weight().detach(), weight)
    # orthogonal terms: their squared norms add up to that of the sum
    torch.testing.assert_close(norms(parts).square().sum(), weight.square().sum())
    lengths = norms(parts).tolist()
    assert lengths[:3] == sorted(lengths[:3], reverse=True)
    assert lengths[3:] == [0, 0]
    assert parts.V[3:].detach().norm(dim=1).min() > 0


def test_a_singular_start_with_too_few_subcomponents_leaves_the_least_that_is_possible():
    weight = torch.randn(5, 6, generator=generator_for("weights"))
    parts = Subcomponents(2, 6, 5, generator_for("parts"))

    parts.take_singular(weight)

    left = torch.linalg.svdvals(weight)[2:].norm()
    torch.testing.assert_close((weight - parts.weight()).detach().norm(), left)
