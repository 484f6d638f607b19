import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from decomposition.masks import (
    Mask,
    Runs,
    draw_masks,
    in_runs,
    masks_above,
    random_subsets,
    routed,
    sample_masks,
)
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


def test_masks_of_the_remainder_are_drawn_only_where_it_is_masked():
    importances = {"linear1": torch.zeros(6, 3)}

    with_it = draw_masks(importances, True, generator_for("masks"))["linear1"]
    without = draw_masks(importances, False, generator_for("masks"))["linear1"]

    assert with_it.remainder.shape == (6, 1)
    assert without.remainder is None


def test_masks_above_importances_go_a_share_of_the_way_to_one():
    g = torch.tensor([[0.0, 0.5], [1.0, 0.25]])

    mask = masks_above({"a": g}, {"a": torch.tensor([0.5, 0.0, 0.75])}, True)["a"]

    assert mask.subcomponents.tolist() == [[0.5, 0.5], [1.0, 0.25]]
    assert mask.remainder.tolist() == [0.75]


def test_a_matrix_keeps_everything_where_its_route_is_closed():
    masks = {"a": Mask(torch.zeros(2, 3), torch.full((2, 1), 0.5)), "b": Mask(torch.zeros(2, 1))}
    routes = {"a": torch.tensor([[True], [False]]), "b": torch.tensor([[False], [True]])}

    found = routed(masks, routes)

    assert found["a"].subcomponents.tolist() == [[0, 0, 0], [1, 1, 1]]
    assert found["a"].remainder.tolist() == [[0.5], [1]]
    # a remainder that is dropped comes back where the matrix is whole
    assert found["b"].remainder.tolist() == [[1], [0]]


def test_every_size_of_subset_and_every_matrix_is_drawn_equally_often():
    importances = {name: torch.zeros(3000, 10, 2) for name in "abc"}

    routes = torch.stack(list(random_subsets(importances, generator_for("routes")).values()))

    sizes = routes.sum(dim=0).flatten()
    assert routes.shape == (3, 3000, 10, 1)
    for size in (1, 2, 3):
        assert abs((sizes == size).float().mean() - 1 / 3) < 0.01
    # one, two or three of three matrices: two thirds of the time
    for share in routes.float().mean(dim=(1, 2, 3)):
        assert abs(share - 2 / 3) < 0.01


def test_matrices_with_different_positions_share_one_subset_for_each_row():
    importances = {"a": torch.zeros(5, 4, 4, 2), "b": torch.zeros(5, 3)}

    routes = random_subsets(importances, generator_for("routes"))

    assert {name: tuple(route.shape) for name, route in routes.items()} == {
        "a": (5, 1, 1, 1),
        "b": (5, 1),
    }
    assert (routes["a"].flatten() | routes["b"].flatten()).all()


def test_a_matrix_that_a_run_says_nothing_about_is_whole_in_it():
    first, second = Mask(torch.zeros(2, 1)), Mask(torch.zeros(2, 1), torch.zeros(1))

    masks = in_runs([{"a": first}, {"b": second}, {"a": first}], ["a", "b"])

    assert masks == {"a": Runs([first, None, first]), "b": Runs([None, second, None])}
