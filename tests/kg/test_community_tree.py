"""The tree of communities stays as a run makes it, whatever joins and leaves."""

from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from kg.community_tree import CommunityTree
from kg.placing import NOWHERE, Ties


def _chain(n: int) -> Ties:
    return Ties(n, np.arange(n - 1), np.arange(1, n), np.ones(n - 1))


def _check(tree: CommunityTree) -> None:
    held = Counter(tree.homes)
    for path in tree.communities():
        parts = tree.children[path]
        assert len(parts) != 1
        assert path[:-1] in tree.children
        assert path[-1] in tree.children[path[:-1]]
        assert bool(parts) != bool(held[path])
        below = sum(count for home, count in held.items() if home[: len(path)] == path)
        assert below >= (2 if len(path) > 1 else 1)
    assert all(not tree.children[home] for home in tree.homes)


def test_a_community_that_nobody_is_left_in_goes_and_its_sibling_takes_the_parents_place():
    tree = CommunityTree([(0,), (0, 0), (0, 1), (1,)], [(0, 0), (0, 0), (1,)], {})

    moved = tree.tidy(_chain(3), [(0, 1)], 1.0)

    assert tree.homes == [(0,), (0,), (1,)]
    assert tree.communities() == {(0,), (1,)}
    assert moved == []


def test_whoever_is_left_alone_below_the_top_goes_to_the_sibling_they_are_tied_to():
    communities = [(0,), (0, 0), (0, 1), (0, 2)]
    homes = [(0, 0), (0, 0), (0, 1), (0, 2), (0, 2)]
    tree = CommunityTree(communities, homes, {})

    moved = tree.tidy(Ties(5, np.array([2]), np.array([4]), np.ones(1)), [(0, 1)], 1.0)

    assert moved == [2]
    assert tree.homes[2] == (0, 2)
    _check(tree)


def test_the_parts_of_an_only_part_move_up_and_get_places_that_nobody_had():
    communities = [(0,), (0, 0), (0, 1), (0, 1, 0), (0, 1, 1)]
    homes = [(0, 1, 0), (0, 1, 0), (0, 1, 1), (0, 1, 1)]
    tree = CommunityTree(communities, homes, {(0,): 6})

    tree.tidy(_chain(4), [(0, 0)], 1.0)

    assert tree.homes == [(0, 7), (0, 7), (0, 8), (0, 8)]
    assert tree.renamed == {(0, 1, 0): (0, 7), (0, 1, 1): (0, 8)}
    _check(tree)


def test_a_top_community_may_be_of_one():
    tree = CommunityTree([(0,), (1,)], [(0,), (1,)], {})

    tree.tidy(_chain(2), [(0,)], 1.0)

    assert tree.communities() == {(0,), (1,)}


def test_new_communities_get_the_next_places_the_largest_first():
    tree = CommunityTree([(0,)], [(0,), (0,), None, None, None], {(): 4})

    went = tree.move(_chain(5), np.array([0, 0, 9, 8, 8]), 1.0)

    assert went == [2, 3, 4]
    assert tree.homes == [(0,), (0,), (6,), (5,), (5,)]


SHAPE = [(0,), (0, 0), (0, 1), (0, 1, 0), (0, 1, 1), (0, 1, 2), (1,), (1, 0), (1, 1), (2,)]
LEAVES = [path for path in SHAPE if (*path, 0) not in SHAPE]


@settings(deadline=None, max_examples=150, derandomize=True)
@given(st.data())
def test_joining_moving_and_leaving_keep_the_tree_in_order(data):
    homes = [leaf for leaf in LEAVES for _ in range(data.draw(st.integers(2, 3)))]
    stay = [data.draw(st.booleans()) for _ in homes]
    left = {home for home, stays in zip(homes, stay, strict=True) if not stays}
    kept = [home for home, stays in zip(homes, stay, strict=True) if stays]
    n = len(kept) + 3
    tree = CommunityTree(SHAPE, [*kept, None, None, None], {})
    top = tree.top()
    for vertex in range(n):
        if top[vertex] == NOWHERE or data.draw(st.integers(0, 5)) == 0:
            top[vertex] = data.draw(st.sampled_from([0, 1, 2, 50, 51]))
    left |= {home for at, home in enumerate(kept) if top[at] != home[0]}

    tree.move(_chain(n), top, 1.0)
    tree.tidy(_chain(n), left, 1.0)

    assert None not in tree.homes
    _check(tree)


def test_pieces_that_lost_their_ties_go_to_whom_they_are_tied_to_most():
    homes = [(0, 0), (0, 0), (0, 0), (0, 0), (0, 1), (0, 1), (1,), (1,), (2,), (2,)]
    pairs = [(0, 1), (3, 4), (4, 5), (0, 4), (6, 7), (2, 6), (8, 5)]
    head, tail = (np.array(ends, dtype=np.intp) for ends in zip(*pairs, strict=True))
    ties = Ties(10, head, tail, np.ones(len(pairs)))
    tree = CommunityTree({(0,), (0, 0), (0, 1), (1,), (2,)}, homes, {})

    moved = tree.reconnect(ties, [(0, 0), (2,)], 1.0)

    assert moved == [2, 3, 9]
    assert tree.homes[2] == (1,), "it is tied to the second community of the top level only"
    assert tree.homes[3] == (0, 1), "it is tied to a sibling"
    assert tree.homes[9] == (3,), "it is tied to nobody"
    assert tree.homes[8] == (2,)
