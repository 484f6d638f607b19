import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from decomposition.masks import sample_masks
from decomposition.seeds import generator_for


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
