"""Placing: gains by hand, and who may move."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kg.placing import (
    NOWHERE,
    Rules,
    Ties,
    best_gains,
    certainties,
    modularity_of,
    moved_locally,
    placed_below,
)


def _ties(n: int, *edges: tuple[int, int, float]) -> Ties:
    head, tail, weight = zip(*edges, strict=True) if edges else ((), (), ())
    return Ties(n, np.array(head, np.intp), np.array(tail, np.intp), np.array(weight, float))


def _places(*numbers: int) -> np.ndarray:
    return np.array(numbers, dtype=np.intp)


def _rules(first_new: int = 10, **gains: float) -> Rules:
    return Rules(1.0, {int(name[1:]): gain for name, gain in gains.items()}, first_new)


TRIANGLES = ((0, 1, 1.0), (0, 2, 1.0), (1, 2, 1.0), (3, 4, 1.0), (3, 5, 1.0), (4, 5, 1.0))


def test_modularity_of_two_triangles_is_a_half():
    # 2m = 12; each triangle has 6/12 inside, and (6/12)^2 by chance: 2 (1/2 - 1/4) = 1/2.
    assert modularity_of(_ties(6, *TRIANGLES), _places(0, 0, 0, 1, 1, 1), 1.0) == 0.5
    assert modularity_of(_ties(3), _places(0, 1, 2), 1.0) == 0


def test_the_gain_of_a_move_is_the_difference_of_modularity_times_half_of_all_ties():
    ties = _ties(6, *TRIANGLES, (2, 3, 1.0))
    stands, moved = _places(0, 0, 0, 1, 1, 1), _places(0, 0, 1, 1, 1, 1)

    gain = best_gains(ties, stands, ties.around(_places(2)), 1.0)[2]

    difference = modularity_of(ties, moved, 1.0) - modularity_of(ties, stands, 1.0)
    assert gain == pytest.approx(difference * ties.weight.sum())
    assert gain < 0


def test_a_new_vertex_joins_the_community_it_is_tied_to_most():
    ties = _ties(7, *TRIANGLES, (6, 0, 1.0), (6, 3, 1.0), (6, 4, 1.0))

    found = moved_locally(ties, _places(0, 0, 0, 1, 1, 1, NOWHERE), _places(6), _rules())

    assert found.tolist() == [0, 0, 0, 1, 1, 1, 1]


def test_new_vertices_that_tie_among_themselves_form_a_community_and_the_untied_stay_alone():
    ties = _ties(10, *TRIANGLES, (6, 7, 1.0), (6, 8, 1.0), (7, 8, 1.0))
    before = _places(0, 0, 0, 1, 1, 1, NOWHERE, NOWHERE, NOWHERE, NOWHERE)

    found = moved_locally(ties, before, _places(6, 7, 8, 9), _rules())

    assert found[:6].tolist() == [0, 0, 0, 1, 1, 1]
    assert len({*found[6:9].tolist()}) == 1
    assert found[6] >= 10
    assert found[9] >= 10
    assert found[9] != found[6]


def test_only_free_vertices_move_and_only_if_the_change_is_the_reason():
    ties = _ties(6, *TRIANGLES)
    wrong = _places(0, 0, 1, 1, 1, 1)  # 2 would rather be with 0 and 1

    gain = best_gains(ties, wrong, ties.around(_places(2)), 1.0)[2]

    assert gain > 0
    assert moved_locally(ties, wrong, _places(0), _rules()).tolist() == wrong.tolist()
    assert moved_locally(ties, wrong, _places(2), _rules(v2=gain)).tolist() == wrong.tolist()
    assert moved_locally(ties, wrong, _places(2), _rules()).tolist() == [0, 0, 0, 1, 1, 1]


def test_below_the_top_a_vertex_goes_to_the_part_it_is_tied_to_and_waits_for_its_neighbours():
    ties = _ties(8, *TRIANGLES, (7, 6, 1.0), (6, 4, 1.0))
    parts = _places(0, 0, 0, 1, 1, 1, NOWHERE, NOWHERE)

    found = placed_below(ties, _places(*[0] * 8), parts, _places(7, 6), 1.0)

    assert found.tolist() == [1, 1]


def test_certainty_is_the_share_of_ties_that_stays_inside():
    ties = _ties(4, (0, 1, 3.0), (0, 2, 1.0))

    assert certainties(ties, _places(0, 0, 1, 2), _places(0, 3)).tolist() == [0.75, 1.0]


@settings(deadline=None, max_examples=60, derandomize=True)
@given(
    st.lists(
        st.tuples(st.integers(0, 11), st.integers(0, 11), st.floats(0.1, 1)),
        max_size=40,
        unique_by=lambda edge: (min(edge[:2]), max(edge[:2])),
    ),
    st.lists(st.integers(0, 3), min_size=12, max_size=12),
)
def test_moving_never_loses_modularity_and_leaves_the_others_where_they_are(edges, homes):
    ties = _ties(12, *[edge for edge in edges if edge[0] != edge[1]])
    before = _places(*homes[:9], NOWHERE, NOWHERE, NOWHERE)
    free = _places(2, 3, 9, 10, 11)
    alone = before.copy()
    alone[9:] = [20, 21, 22]

    found = moved_locally(ties, before, free, _rules(20))

    assert (found != NOWHERE).all()
    stays = np.setdiff1d(np.arange(12), free)
    assert (found[stays] == before[stays]).all()
    assert modularity_of(ties, found, 1.0) >= modularity_of(ties, alone, 1.0) - 1e-9
