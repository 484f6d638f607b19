import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from decomposition.input_lines import FEWEST, input_lines
from decomposition.seeds import generator_for


def rows(*rays: tuple[list[float], int], seed: int = 0) -> torch.Tensor:
    """So many inputs on each ray, of any length and in any order."""
    generator = generator_for("rows", seed)
    on = torch.cat([torch.tensor(ray).repeat(n, 1) for ray, n in rays])
    lengths = 0.1 + torch.rand(len(on), 1, generator=generator)
    return (on * lengths)[torch.randperm(len(on), generator=generator)]


def test_a_feature_of_two_signs_has_one_line_and_two_rays():
    found = input_lines(rows(([1.0, 0, 0], 20), ([-1.0, 0, 0], 10), ([0, 0, 1.0], 40)))

    assert found.directions.T.abs().round().tolist() == [[0, 0, 1], [1, 0, 0]]  # most rows first
    assert sorted(found.line) == [0, 1, 1]


def test_the_bent_sides_of_two_features_are_told_apart_by_how_much_they_are_opposed():
    x = rows(
        ([1.0, 0, 0.6], 30),
        ([-1.0, 0, 0.6], 20),
        ([0.1, 1.0, 0.6], 30),
        ([0.1, -1.0, 0.6], 20),
    )

    found = input_lines(x)

    assert found.directions.shape == (3, 2)
    sides = [found.line[int(found.ray[row])] for row in range(len(x))]
    belongs = (x[:, 0].abs() < x[:, 1].abs()).tolist()
    assert len({*zip(sides, belongs, strict=True)}) == 2


def test_the_axis_of_a_bent_line_is_nearly_the_ray_of_its_larger_side():
    large, small = torch.tensor([2.0, 0, 1.0]), torch.tensor([-0.5, 0, 0])

    found = input_lines(rows((large.tolist(), 30), (small.tolist(), 30)))

    cosines = torch.nn.functional.cosine_similarity(
        found.directions.T, torch.stack([large, small]), dim=1
    )
    assert found.directions.shape == (3, 1)
    assert cosines[0] > 0.999
    assert cosines[1] == pytest.approx(-(4**0.5) / 5**0.5, abs=0.03)


def test_rays_at_less_than_a_right_angle_stay_two_lines():
    found = input_lines(rows(([1.0, 0], 20), ([1.0, 1.0], 20)))
    assert found.directions.shape == (2, 2)
    assert found.line == [0, 1]


@pytest.mark.parametrize("x", [torch.zeros(0, 4), torch.zeros(50, 4), torch.eye(6)])
def test_where_too_few_inputs_agree_there_is_no_line(x: torch.Tensor):
    found = input_lines(x)
    assert found.directions.shape == (x.shape[1], 0)
    assert found.ray.tolist() == [-1] * len(x)
    assert input_lines(torch.eye(4).repeat(FEWEST, 1)).directions.shape == (4, 4)


def test_what_is_seen_on_a_line_is_the_larger_mean_of_its_sides():
    x = rows(([1.0, 0], 20), ([-1.0, 0], 10), ([0, 1.0], 20))
    of_rows = torch.stack([(x[:, 0] < 0).float(), (x[:, 1] > 0) * 0.25, torch.ones(50)], dim=1)

    assert input_lines(x).seen(of_rows).tolist() == [[1, 0, 1], [0, 0.25, 1]]


def test_a_line_reaches_as_far_as_inputs_of_its_larger_side_are_on_average():
    x = torch.tensor([[2.0, 0.0]] * 10 + [[4.0, 0.0]] * 10 + [[-1.0, 0.0]] * 15)
    assert input_lines(x).reach.tolist() == pytest.approx([3.0])


@given(st.integers(0, 1000))
def test_the_order_of_inputs_does_not_matter(seed: int):
    rays = ([1.0, 0, 0.5], 30), ([-1.0, 0, 0.5], 21), ([0, 1.0, 0], 25), ([0.6, 0.6, -1.0], 12)
    x = rows(*rays)
    order = torch.randperm(len(x), generator=generator_for("order", seed))
    one, other = input_lines(x), input_lines(x[order])
    assert torch.allclose(
        (one.directions * other.directions).sum(dim=0).abs(), torch.ones(3), atol=1e-5
    )


def test_what_holds_throughout_a_line_holds_on_all_sides_where_anything_does():
    x = rows(([1.0, 0], 20), ([-1.0, 0], 10), ([0, 1.0], 20), ([0, -1.0], 9))
    one_side, both, above = x[:, 0] < 0, x[:, 0] != 0, x[:, 1] > 0

    found = input_lines(x).throughout(torch.stack([one_side, both, above], dim=1), 0.5)

    assert found.tolist() == [[False, True, False], [False, False, True]]
