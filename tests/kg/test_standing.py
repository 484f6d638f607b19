"""Members and parts of a hierarchy that stands are slices of its deepest communities."""

import numpy as np

from kg.standing import Standing

PATHS = [(0, 0), (0, 1, 0), (0, 1, 1), (2,), (10, 3)]


def _standing() -> Standing:
    return Standing(PATHS, np.array([3, 0, 2, -1, 1, 0, 4], dtype=np.intp))


def test_members_and_parts_of_every_community():
    standing = _standing()

    assert standing.parts(()) == {0, 2, 10}
    assert standing.parts((0,)) == {0, 1}
    assert standing.parts((0, 1)) == {0, 1}
    assert standing.parts((2,)) == set()
    assert sorted(standing.members((0,)).tolist()) == [1, 2, 4, 5]
    assert sorted(standing.members((0, 1)).tolist()) == [2, 4]
    assert standing.members((0, 0)).tolist() == [1, 5]
    assert standing.members((7,)).tolist() == []
    assert sorted(standing.members(()).tolist()) == [0, 1, 2, 4, 5, 6]


def test_of_some_communities_it_is_known_who_is_in_which():
    standing = _standing()

    assert standing.held_by([(0,), (2,), (7,)]).tolist() == [1, 0, 0, -1, 0, 0, -1]
    assert standing.held_by([(0, 0), (0, 1), (10, 3)]).tolist() == [-1, 0, 1, -1, 1, 0, 2]
    assert standing.held_by([]).tolist() == [-1] * 7


def test_who_is_new_is_nowhere_and_everybody_else_has_a_path():
    standing = _standing()

    assert standing.top().tolist() == [2, 0, 0, -1, 0, 0, 10]
    assert standing.path_of(3) is None
    assert standing.path_of(2) == (0, 1, 1)
    assert [standing.number_of(path) for path in [*PATHS, (0, 1), (3,)]] == [0, 1, 2, 3, 4, -1, -1]


def test_communities_stay_when_places_change_even_if_nobody_is_left():
    moved = _standing().moved_to(np.array([0, 2, -1, -1, 3, 4, -1]), 5)

    assert moved.home.tolist() == [3, -1, 0, 1, 0]
    assert moved.members((0, 1, 1)).tolist() == []
    assert moved.parts((0, 1)) == {0, 1}
    assert sorted(moved.members((0,)).tolist()) == [2, 3, 4]
