import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from decomposition.seeds import generator_for
from decomposition.subcomponents import (
    Subcomponents,
    TransposedSubcomponents,
    norms,
    rank_one_matrices,
    sample_masks,
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


@settings(deadline=None, derandomize=True)
@given(importance=st.floats(0, 1, width=32), seed=st.integers(0, 1000))
def test_masks_lie_between_the_importance_and_one(importance: float, seed: int):
    g = torch.full((50,), importance)

    mask = sample_masks(g, generator_for(seed))

    assert (mask >= g - 1e-6).all()
    assert (mask <= 1 + 1e-6).all()


def test_unimportant_subcomponents_are_masked_by_any_amount_and_important_ones_never():
    g = torch.tensor([0.0, 1.0]).expand(10_000, 2)

    mask = sample_masks(g, generator_for("masks"))

    # U(0, 1) has mean 1/2 and standard deviation 1/sqrt(12) = 0.289
    assert abs(mask[:, 0].mean() - 0.5) < 0.015
    assert abs(mask[:, 0].std() - 0.289) < 0.01
    assert (mask[:, 1] == 1).all()
