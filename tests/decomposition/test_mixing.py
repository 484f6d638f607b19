import pytest
import torch
from torch.nn.functional import normalize

from decomposition.input_lines import input_lines
from decomposition.mixing import (
    BARELY_APART,
    Mixing,
    Recruit,
    mixing_of,
    recruits_for,
    without_owner,
)
from decomposition.seeds import generator_for


def known(read: torch.Tensor, directions: torch.Tensor) -> Mixing | None:
    """Mixing where everybody knows every line."""
    n_lines = directions.shape[1]
    return mixing_of(
        read, directions, torch.ones(len(read), n_lines, dtype=torch.bool), torch.ones(n_lines)
    )


def sparse(n: int, k: int, probability: float = 0.2) -> torch.Tensor:
    generator = generator_for("sparse", n, k)
    active = torch.rand(n, k, generator=generator) < probability
    x = (2 * torch.rand(n, k, generator=generator) - 1) * active
    return x[active.any(dim=1)]


@pytest.mark.parametrize(
    "mixing",
    [
        [[1.0, 0.0], [0.7, 1.0]],
        [[1.0, 1.0], [1.0, -1.0]],
        [[1.0, 0.6, 0.0], [0.0, 1.0, -0.8], [0.9, 0.0, 1.0]],
    ],
)
def test_the_columns_are_what_the_members_make_of_the_lines(mixing: list[list[float]]):
    planted = torch.tensor(mixing)

    found = known(planted, input_lines(sparse(2000, len(planted))).directions)

    assert found is not None
    assert torch.allclose(found.R.diag(), torch.ones(len(planted)))
    apart = torch.linalg.solve(found.R, planted)  # a permutation, up to lengths
    assert ((apart.abs() > 0.1).sum(dim=0) == 1).all()
    assert ((apart.abs() > 0.1).sum(dim=1) == 1).all()
    assert apart.abs().sort(dim=0).values[:-1].max() < 0.02


def test_two_that_read_one_line_leave_it_to_one_of_them():
    read = torch.tensor([[1.0, 0.0], [0.5, 0.0], [0.0, 1.0]])  # one and another read feature 0

    found = known(read, torch.eye(2))

    assert found is not None
    apart = torch.linalg.solve(found.R, read)
    assert (apart.abs().amax(dim=1) > 0.3).sum() == 2
    assert apart.abs().amax(dim=1).min() < 1e-5


def test_who_has_no_line_reads_what_is_at_right_angles_to_all():
    read = torch.tensor([[1.0, 0.5, 0.3], [0.2, 1.0, 0.1], [0.0, 0.3, 1.0]])
    lines = torch.tensor([[1.0, 0.2, 0.0], [0.4, 0.0, 1.0]]).T / 1.1

    found = known(read, lines)

    assert found is not None
    apart = torch.linalg.solve(found.R, read)
    spare = (apart @ lines).abs().amax(dim=1).argmin()
    assert (apart[spare] @ lines).abs().max() < 1e-5
    assert apart[spare].norm() > 0.1


def test_a_line_in_the_space_of_those_before_it_does_not_count():
    lines = torch.tensor([[1.0, 0, 0], [0, 1.0, 0], [0.7, 0.7, 0.1], [0, 0.6, 0.8]]).T
    with_it, without = known(torch.eye(3), lines), known(torch.eye(3), lines[:, [0, 1, 3]])
    assert with_it is not None
    assert without is not None
    assert torch.allclose(with_it.R, without.R)


def test_a_line_barely_apart_counts_where_every_line_is_to_have_a_member():
    lines = normalize(torch.tensor([[1.0, 0, 0], [0, 1.0, 0], [0.7, 0.7, 0.1]]).T, dim=0)
    every, reach = torch.ones(3, 3, dtype=torch.bool), torch.ones(3)

    found = mixing_of(torch.eye(3), lines, every, reach, BARELY_APART)

    assert found is not None
    apart = torch.linalg.solve(found.R, lines).abs()  # what each member reads of each line
    assert ((apart > 1e-5).sum(dim=0) == 1).all()
    assert ((apart > 1e-5).sum(dim=1) == 1).all()


def test_two_that_read_the_same_can_have_a_line_each_where_a_third_has_none():
    read = torch.tensor([[1.0, 0.5], [1.0, 0.5], [0.5, 1.0]])
    knows = torch.tensor([[True, False], [False, True], [False, False]])

    found = mixing_of(read, torch.eye(2), knows, torch.ones(2))

    assert found is not None
    apart = torch.linalg.solve(found.R, read)
    assert torch.allclose(apart, torch.tensor([[1.0, 0.0], [0.0, 0.5], [0.0, 0.0]]), atol=1e-5)


def test_who_reads_next_to_nothing_of_a_line_does_not_know_it():
    read = torch.tensor([[1.0, 0.0005], [0.0005, 1.0]])
    crossed = torch.tensor([[False, True], [True, False]])

    found = mixing_of(read, torch.eye(2), crossed, torch.tensor([1.0, 2.0]))

    assert found is not None
    assert sorted(found.strangers) == [0, 1]
    assert found.R.abs().max() < 3


def test_where_there_are_no_lines_there_is_nothing_to_unmix():
    assert known(torch.eye(2), torch.zeros(2, 0)) is None
    assert known(torch.eye(2), torch.tensor([[0.0], [0.0]])) is None


def test_lines_go_without_an_owner_where_fewer_are_important_on_them_than_they_are():
    important = torch.tensor([[1, 1, 0, 0], [1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]])
    found = without_owner(important.bool())
    assert len(found) == 2
    assert found[0] in {0, 1, 2}
    assert found[1] == 4


def test_a_recruit_reads_what_the_group_does_not_and_takes_its_line():
    read = torch.tensor([[1.0, 0.0, 0.8], [0.0, 1.0, 0.6], [9.0, 9.0, 9.0]])
    lines = torch.eye(3)

    found = recruits_for(lines[:, 2:], read, [[0, 1]], [0, 1], [2])

    assert [(of.number, of.donor) for of in found if of is not None] == [(2, 0)]
    recruit = found[0]
    assert isinstance(recruit, Recruit)
    assert torch.allclose(read[:2] @ recruit.read, torch.zeros(2), atol=1e-6)
    assert recruit.read @ lines[2] == pytest.approx(0.8)  # as much as the donor
    reads = torch.cat([read[:2], recruit.read.unsqueeze(0)])
    mixing = known(reads, lines)
    assert mixing is not None
    assert torch.allclose(
        torch.linalg.solve(mixing.R, reads), torch.diag(torch.tensor([1.0, 1.0, 0.8])), atol=1e-5
    )


def test_a_line_goes_to_whoever_knows_it_and_then_to_whoever_reads_most_of_it():
    read = torch.tensor([[0.1, 0.9], [0.8, 1.0]])
    nobody = torch.zeros(2, 2, dtype=torch.bool)
    crossed = torch.tensor([[True, False], [False, True]])

    by_knowing = mixing_of(read, torch.eye(2), crossed, torch.tensor([0.5, 2.0]))
    by_reading = mixing_of(read, torch.eye(2), nobody, torch.tensor([0.5, 2.0]))

    assert by_knowing is not None
    assert by_reading is not None
    assert by_knowing.strangers == []
    apart = torch.linalg.solve(by_knowing.R, read)
    assert torch.allclose(apart, torch.diag(torch.tensor([0.1, 1.0])), atol=1e-6)
    assert sorted(by_reading.strangers) == [0, 1]
    apart = torch.linalg.solve(by_reading.R, read)  # one where inputs reach, on either line
    assert torch.allclose(apart, torch.tensor([[0.0, 0.5], [2.0, 0.0]]), atol=1e-6)


def test_nobody_is_recruited_for_what_the_group_reads_already_or_where_nobody_is_dead():
    read = torch.eye(3)[:2]
    beside, inside = torch.tensor([[0.0, 0.0, 1.0]]).T, torch.tensor([[0.7, 0.7, 0.1]]).T
    assert recruits_for(inside, read, [[0]], [0, 1], [5]) == [None]
    assert recruits_for(beside, read, [[0]], [0, 1], []) == [None]
