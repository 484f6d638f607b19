"""The tree of communities stays as a run makes it, whatever joins and leaves."""

from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from kg.community_tree import CommunityTree
from kg.placing import NOWHERE, Ties
from kg.standing import Path, Standing


def _chain(n: int) -> Ties:
    return Ties(n, np.arange(n - 1), np.arange(1, n), np.ones(n - 1))


class Planted:
    """A tree from the paths of its deepest communities, and all that can be seen of it."""

    def __init__(self, leaves: list[Path], homes: list[Path | None], last_used=None) -> None:
        self.leaves, self.n = sorted(leaves), len(homes)
        number = {path: at for at, path in enumerate(self.leaves)}
        home = np.array([NOWHERE if each is None else number[each] for each in homes], np.intp)
        self.tree = CommunityTree(Standing(self.leaves, home), last_used or {})

    @property
    def homes(self) -> list[Path | None]:
        return [self.tree.home(vertex) for vertex in range(self.n)]

    def communities(self) -> set[Path]:
        found: list[Path] = [()]
        for path in found:
            found += [(*path, part) for part in self.tree.parts(path)]
        return set(found[1:])


def _check(planted: Planted) -> None:
    tree, held = planted.tree, Counter(planted.homes)
    stood = {leaf[:depth] for leaf in planted.leaves for depth in range(1, len(leaf) + 1)}
    there = planted.communities()
    assert tree.added == there - stood
    assert tree.removed == stood - there
    for path in there:
        parts = tree.parts(path)
        assert len(parts) != 1
        assert bool(parts) != bool(held[path])
        below = [v for v, home in enumerate(planted.homes) if home[: len(path)] == path]
        assert sorted(tree.members(path).tolist()) == below
        assert len(below) >= (2 if len(path) > 1 else 1)
    assert all(not tree.parts(home) for home in planted.homes)
    assert tree.top().tolist() == [home[0] for home in planted.homes]
    alike = {}
    for number, home in zip(tree.numbered().tolist(), planted.homes, strict=True):
        assert alike.setdefault(number, home) == home
    assert len(alike) == len(held)


def test_a_community_that_nobody_is_left_in_goes_and_its_sibling_takes_the_parents_place():
    planted = Planted([(0, 0), (0, 1), (1,)], [(0, 0), (0, 0), (1,)])

    moved = planted.tree.tidy(_chain(3), [(0, 1)], 1.0)

    assert planted.homes == [(0,), (0,), (1,)]
    assert planted.communities() == {(0,), (1,)}
    assert moved == []


def test_whoever_is_left_alone_below_the_top_goes_to_the_sibling_they_are_tied_to():
    leaves = [(0, 0), (0, 1), (0, 2)]
    homes = [(0, 0), (0, 0), (0, 1), (0, 2), (0, 2)]
    planted = Planted(leaves, homes)

    moved = planted.tree.tidy(Ties(5, np.array([2]), np.array([4]), np.ones(1)), [(0, 1)], 1.0)

    assert moved == [2]
    assert planted.homes[2] == (0, 2)
    _check(planted)


def test_the_parts_of_an_only_part_move_up_and_get_places_that_nobody_had():
    leaves = [(0, 0), (0, 1, 0), (0, 1, 1)]
    homes = [(0, 1, 0), (0, 1, 0), (0, 1, 1), (0, 1, 1)]
    planted = Planted(leaves, homes, {(0,): 6})

    planted.tree.tidy(_chain(4), [(0, 0)], 1.0)

    assert planted.homes == [(0, 7), (0, 7), (0, 8), (0, 8)]
    assert planted.tree.renamed == {(0, 1, 0): (0, 7), (0, 1, 1): (0, 8)}
    _check(planted)


def test_a_top_community_may_be_of_one():
    planted = Planted([(0,), (1,)], [(0,), (1,)])

    planted.tree.tidy(_chain(2), [(0,)], 1.0)

    assert planted.communities() == {(0,), (1,)}


def test_new_communities_get_the_next_places_the_largest_first():
    planted = Planted([(0,)], [(0,), (0,), None, None, None], {(): 4})

    went = planted.tree.move(_chain(5), np.array([0, 0, 9, 8, 8]), 1.0)

    assert went == [2, 3, 4]
    assert planted.homes == [(0,), (0,), (6,), (5,), (5,)]


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
    planted = Planted(LEAVES, [*kept, None, None, None])
    tree = planted.tree
    top = tree.top()
    for vertex in range(n):
        if top[vertex] == NOWHERE or data.draw(st.integers(0, 5)) == 0:
            top[vertex] = data.draw(st.sampled_from([0, 1, 2, 50, 51]))
    left |= {home for at, home in enumerate(kept) if top[at] != home[0]}

    tree.move(_chain(n), top, 1.0)
    tree.tidy(_chain(n), left, 1.0)

    assert None not in planted.homes
    _check(planted)


def test_pieces_that_lost_their_ties_go_to_whom_they_are_tied_to_most():
    homes = [(0, 0), (0, 0), (0, 0), (0, 0), (0, 1), (0, 1), (1,), (1,), (2,), (2,)]
    pairs = [(0, 1), (3, 4), (4, 5), (0, 4), (6, 7), (2, 6), (8, 5)]
    head, tail = (np.array(ends, dtype=np.intp) for ends in zip(*pairs, strict=True))
    ties = Ties(10, head, tail, np.ones(len(pairs)))
    planted = Planted([(0, 0), (0, 1), (1,), (2,)], homes)

    moved = planted.tree.reconnect(ties, [(0, 0), (2,)], 1.0)

    assert moved == [2, 3, 9]
    assert planted.homes[2] == (1,), "it is tied to the second community of the top level only"
    assert planted.homes[3] == (0, 1), "it is tied to a sibling"
    assert planted.homes[9] == (3,), "it is tied to nobody"
    assert planted.homes[8] == (2,)
