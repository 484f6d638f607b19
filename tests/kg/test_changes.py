"""What became of communities, one worked example an event, and what holds of every comparison."""

from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sqlalchemy import Engine

from kg.changes import (
    Change,
    ChangeKind,
    Comparison,
    compare,
    compare_runs,
    previous_run,
    whereabouts,
)
from kg.clustering import cluster
from kg.communities import members_of
from kg.db import reading
from kg.embedders import Embedder
from kg.errors import ConfigError
from kg.forest import Forest, forest_of
from kg.runs import run_of
from tests.kg.conftest import STATEMENTS, fill
from tests.kg.forests import forest, forests, renamed


def _compared(old: dict[str, str], new: dict[str, str]) -> Comparison:
    return compare(forest(old), forest(new), by_links=False)


def _told(comparison: Comparison) -> list[str]:
    """Put each event in a line, such as `grown c0 > c1 +xy`."""
    return [_line(comparison, change) for change in comparison.changes]


def _line(comparison: Comparison, change: Change) -> str:
    before = " ".join(_path(comparison.before, each) for each in change.before)
    after = " ".join(_path(comparison.after, each) for each in change.after)
    came = f" +{''.join(change.came)}" if change.came else ""
    left = f" -{''.join(change.left)}" if change.left else ""
    return f"{change.kind} {before} > {after}{came}{left}".replace("  ", " ")


def _path(found: Forest, at: int) -> str:
    return found.ids[at].partition("run1-")[2]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ({"c0": "abc", "c1": "de"}, {"c0": "de", "c1": "abc"}, ["same c0 > c1", "same c1 > c0"]),
        ({"c0": "abcde"}, {"c0": "abcdexy"}, ["grown c0 > c0 +xy"]),
        ({"c0": "abcde"}, {"c0": "abc"}, ["shrunk c0 > c0 -de"]),
        ({"c0": "abcde"}, {"c0": "abcdx"}, ["changed c0 > c0 +x -e"]),
        # One that is alone is no part: d came.
        ({"c0": "abc", "c1": "d"}, {"c0": "abcd"}, ["gone c1 > -d", "grown c0 > c0 +d"]),
        ({"c0": "abcdefgh"}, {"c0": "abcde", "c1": "fgh"}, ["split c0 > c0 c1"]),
        ({"c0": "abcde", "c1": "fgh"}, {"c0": "abcdefgh"}, ["merged c0 c1 > c0"]),
        # A split with a newcomer and a loss: h is in neither part, x in one.
        (
            {"c0": "abcdefgh"},
            {"c0": "abcdx", "c1": "efg", "c2": "h"},
            ["split c0 > c0 c1 +x -h", "new > c2 +h"],
        ),
        ({"c0": "ab"}, {"c0": "ab", "c1": "xyz"}, ["new > c1 +xyz", "same c0 > c0"]),
        ({"c0": "ab", "c1": "xyz"}, {"c0": "ab"}, ["gone c1 > -xyz", "same c0 > c0"]),
        # Cut into what it consisted of: the halves go on, and the whole has split into them.
        (
            {"c0-c0": "abcde", "c0-c1": "fgh"},
            {"c0": "abcde", "c1": "fgh"},
            ["split c0 > c0 c1", "same c0-c0 > c0", "same c0-c1 > c1"],
        ),
        # Cut where it was whole: nothing split, for the whole goes on with parts told apart.
        (
            {"c0": "abcdefgh"},
            {"c0-c0": "abcde", "c0-c1": "fgh"},
            ["new > c0-c0 +abcde", "new > c0-c1 +fgh", "same c0 > c0"],
        ),
        # ghij are more than half of klm's community by now, and still no part that was split off.
        (
            {"c0": "abcdefghij", "c1": "klm"},
            {"c0": "abcdef", "c1": "ghijklm"},
            ["grown c1 > c1 +ghij", "shrunk c0 > c0 -ghij"],
        ),
        # The match of abcdef is put around it, and what lies within is not told apart from it.
        (
            {"c0": "abcdef", "c1": "ghijklm"},
            {"c0-c0": "abc", "c0-c1": "def", "c0-c2": "ghijklm"},
            ["merged c1 c0 > c0", "new > c0-c0 +abc", "new > c0-c1 +def", "same c1 > c0-c2"],
        ),
        # The second half went to another community, which has a match of its own.
        (
            {"c0": "abcdef", "c1": "ghijkl"},
            {"c0": "abc", "c1": "defghijkl"},
            ["grown c1 > c1 +def", "shrunk c0 > c0 -def"],
        ),
        ({}, {"c0": "ab"}, ["new > c0 +ab"]),
        ({"c0": "ab"}, {}, ["gone c0 > -ab"]),
        ({}, {}, []),
    ],
)
def test_what_became_of_each_community_is_told(old, new, told):
    assert sorted(_told(_compared(old, new))) == sorted(told)


def test_events_that_concern_more_statements_come_first():
    found = _compared(
        {"c0": "abcd", "c1": "efghijkl", "c2": "mn"},
        {"c0": "abcdx", "c1": "efghi", "c2": "jkl", "c3": "mn"},
    )

    assert [change.kind for change in found.changes] == ["split", "grown", "same"]


def test_one_that_is_gone_says_where_its_statements_are():
    found = _compared(
        {"c0": "abcdefgh", "c1": "ij", "c2": "klm", "c3": "no"},
        {"c0": "abcdefghkl", "c1": "ijm", "c2": "xyz"},
    )

    gone = {_path(found.before, c.before[0]): c for c in found.changes if c.kind == ChangeKind.GONE}
    merged = [change for change in found.changes if change.kind == ChangeKind.MERGED]
    assert [len(change.before) for change in merged] == [2]  # kl of klm went to abcdefgh
    assert gone["c3"].elsewhere == ()
    assert list(gone) == ["c3"]


def test_one_that_is_scattered_names_the_largest_pieces():
    found = _compared(
        {"c0": "abcdef", "c1": "ghij", "c2": "klmn", "c3": "opqr"},
        {"c0": "ghijab", "c1": "klmncd", "c2": "opqref"},
    )

    (gone,) = [change for change in found.changes if change.kind == ChangeKind.GONE]
    assert [_path(found.after, each) for each in gone.elsewhere] == ["c0", "c1", "c2"]


def test_a_new_one_says_where_its_statements_were():
    found = _compared(
        {"c0": "abcdefghi", "c1": "jklm"}, {"c0": "abcdefg", "c1": "jkl", "c2": "him", "c3": "xy"}
    )

    new = {_path(found.after, c.after[0]): c for c in found.changes if c.kind == ChangeKind.NEW}
    assert [_path(found.before, each) for each in new["c3"].elsewhere] == []
    assert "c2" not in new  # h and i, two of three, came from abcdefghi: it is a part
    assert [c.kind for c in found.changes if len(c.after) == 2] == ["split"]


def test_a_statement_has_moved_if_what_it_was_in_goes_on_without_it():
    old = {"c0-c0": "abcd", "c0-c1": "efgh", "c1": "ijkl", "c2": "mn"}
    new = {"c0-c0": "abcde", "c0-c1": "fgh", "c1": "jkl", "c2": "i", "c3": "m", "c4": "n"}

    found = _compared(old, new)

    # e went to its sister, i is alone; mn fell into two: m goes on with the half that has the
    # match (of equals, the first), and n is left. The other eleven stayed.
    assert found.n_shared == 14
    assert found.n_moved == 3


def test_a_part_that_is_not_told_apart_any_more_has_not_moved():
    found = _compared({"c0-c0": "abcd", "c0-c1": "efgh"}, {"c0": "abcdefgh"})

    assert found.n_moved == 0
    assert found.similarity_at_the_top().adjusted_mutual_information == 1
    # One bit says which half a statement was in, and the new run leaves it open.
    assert found.similarity_of_the_deepest().variation_of_information == pytest.approx(1)


@given(forests())
def test_a_run_compared_with_itself_is_the_same_throughout(found: Forest):
    comparison = compare(found, renamed(found), by_links=False)

    assert [change.kind for change in comparison.changes] == ["same"] * len(found.ids)
    assert comparison.n_moved == 0
    assert comparison.similarity_of_the_deepest() == (1, 0)


@given(forests(), forests(), st.booleans())
def test_every_community_is_accounted_for(old: Forest, new: Forest, by_links: bool):
    comparison = compare(old, new, by_links=by_links)

    assert {a for change in comparison.changes for a in change.before} == set(range(len(old.ids)))
    assert {b for change in comparison.changes for b in change.after} == set(range(len(new.ids)))


@given(forests(), forests())
def test_splits_are_mergers_seen_backwards(old: Forest, new: Forest):
    there = compare(old, new, by_links=False)
    back = compare(new, old, by_links=False)
    # Of equally good matchings either may be taken.
    assume({b: a for a, b in there.matching.items()} == back.matching)

    splits = {(c.before, c.after) for c in there.changes if c.kind == ChangeKind.SPLIT}
    assert splits == {(c.after, c.before) for c in back.changes if c.kind == ChangeKind.MERGED}


def test_communities_with_one_link_are_the_same_whatever_they_hold():
    old, new = forest({"c0": "abcd", "c1": "efgh"}), forest({"c0": "efgh", "c1": "abcd"})

    by_members = compare(old, new, by_links=False)
    by_links = compare(old, new, by_links=True)

    assert by_members.n_moved == 0
    assert by_links.n_moved == 8
    assert by_links.matching == {0: 1, 1: 0}  # numbers go by smallest statement, links by path


@pytest.fixture
def runs(engine: Engine, minilm: Embedder) -> tuple[Engine, int, int, int]:
    """Two clusterings by one method, with two sources added in between, and one by another."""
    sources = list(dict.fromkeys(said.source for said in STATEMENTS))
    fill(engine, [said for said in STATEMENTS if said.source in sources[:2]])
    first = cluster(engine, "leiden_semantic", minilm).run
    fill(engine, [said for said in STATEMENTS if said.source in sources[2:]])
    second = cluster(engine, "leiden_semantic", minilm).run
    return engine, first, second, cluster(engine, "leiden_concepts", minilm).run


def test_statements_that_were_added_make_growth_and_novelty_and_no_new_identities(runs):
    engine, first, second, _ = runs
    with reading(engine) as session:
        found = compare_runs(session, first, second)

    arrived = set(found.after.statements) - set(found.before.statements)
    kinds = [change.kind for change in found.changes]
    assert len(arrived) == 9
    assert ChangeKind.GROWN in kinds or ChangeKind.NEW in kinds
    tops = [a for a in found.matching if found.before.level[a] == 0]
    assert len(tops) == int((found.before.level == 0).sum())
    assert found.n_moved <= 2


def test_the_run_before_is_of_the_same_method(runs):
    engine, first, second, other = runs
    with reading(engine) as session:
        before = previous_run(session, run_of(session, second))
        assert before is not None
        assert before.id == first
        assert previous_run(session, run_of(session, first)) is None
        assert previous_run(session, run_of(session, other)) is None


def test_runs_of_different_methods_can_be_compared(runs):
    engine, _, second, other = runs
    with reading(engine) as session:
        found = compare_runs(session, second, other)

    assert found.n_shared == len(STATEMENTS)
    assert 0 < found.similarity_at_the_top().adjusted_mutual_information <= 1


def test_only_clusterings_can_be_compared(runs):
    engine, first, _, _ = runs
    with reading(engine) as session, pytest.raises(ConfigError, match="run 1 is a run of ingest"):
        compare_runs(session, 1, first)


def test_where_the_statements_of_a_community_are_is_read_as_the_comparison_has_it(runs):
    engine, first, second, other = runs
    with reading(engine) as session:
        for old, new in pairwise((first, second, other)):
            for name in forest_of(session, old).ids:
                places = whereabouts(session, name, new)
                held = set(members_of(session, name))
                assert places
                for place in places:
                    assert place.shared == len(held.intersection(members_of(session, place[0])))
                if len(places) == 1:
                    assert places[0].shared * 2 > len(held)
