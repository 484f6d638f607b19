"""Which community is which: worked by hand, and what holds of every matching."""

from itertools import pairwise
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine
from sqlmodel import select

from kg.clustering import cluster
from kg.communities import community_of, members_of
from kg.db import reading
from kg.embedders import Embedder
from kg.errors import NotFoundError
from kg.forest import Forest, forest_of, overlaps_of
from kg.lineage import LineageConfig, first_link, match
from kg.tables import Community
from tests.kg.conftest import STATEMENTS, fill
from tests.kg.forests import forest, forests, renamed


def _matched(old: Forest, new: Forest, config: LineageConfig | None = None) -> dict[str, str]:
    found = match(old, new, overlaps_of(old, new), config)
    return {_path(old, a): _path(new, b) for a, b in found.items()}


def _path(found: Forest, at: int) -> str:
    return found.ids[at].partition("run1-")[2]


def test_new_statements_do_not_make_a_community_another():
    old = forest({"c0": "abcde", "c1": "fgh"})
    new = forest({"c0": "fgh" + "pqrstuvwxyz", "c1": "abcde"})

    assert _matched(old, new) == {"c0": "c1", "c1": "c0"}


def test_the_matching_is_global_where_the_heaviest_pair_comes_at_the_cost_of_two():
    old = forest({"c0": "abcde", "c1": "fg"})
    new = forest({"c0": "abcfg", "c1": "de"})

    # The heaviest pair is c0 and c0, w = 3 * 3/7 = 1.29; c1 and c1 share nothing. Taken first, it
    # leaves four statements (de, fg) in no community that goes on. Across, c0 and c1 weigh
    # 2 * 2/5 = .8, and so do c1 and c0: 1.6 together, and three statements (abc) move.
    assert _greedy(old, new) == {"c0": "c0"}
    assert _matched(old, new) == {"c0": "c1", "c1": "c0"}


def test_one_strong_likeness_is_not_given_up_for_two_weak_ones():
    old = forest({"c0": "abcdef", "c1": "gh"})
    new = forest({"c0": "abcdgh", "c1": "ef"})

    # Straight: 4 * 4/8 = 2. Across: 2 * 2/6 twice, 1.33 together, though 2 + 2 members stay too.
    assert _matched(old, new) == {"c0": "c0"}


@pytest.mark.parametrize(
    ("new", "found"),
    [
        # 2 of 6 is a third, and 1 of 4 is not.
        ({"c0": "abef", "c1": "c", "c2": "d", "c3": "gh"}, {"c0": "c0", "c1": "c3"}),
        ({"c0": "ae", "c1": "bf", "c2": "cg", "c3": "dh"}, {}),
    ],
)
def test_communities_that_share_less_than_a_third_are_not_the_same(new, found):
    old = forest({"c0": "abcd", "c1": "efgh"})

    assert _matched(old, forest(new)) == found


def test_a_community_that_another_is_put_around_is_still_the_same():
    old = forest({"c0": "abcd", "c1": "efgh"})
    new = forest({"c0-c0": "abcd", "c0-c1": "efgh"})

    assert _matched(old, new) == {"c0": "c0-c0", "c1": "c0-c1"}


def test_of_equals_the_one_on_the_same_level_goes_on():
    old = forest({"c0": "abcd"})
    new = forest({"c0-c0": "abcd", "c0-c1": "xyz"})

    assert _matched(old, new) == {"c0": "c0"}
    assert _matched(new, old) == {"c0": "c0"}


def test_a_part_is_not_matched_above_the_whole():
    old = forest({"c0-c0": "abcdefghi", "c0-c1": "j", "c1": "klmnopqr"})
    new = forest({"c0-c0": "abcdefghij", "c0-c1": "klmnopqr"})

    # abcdefghij is whole again inside a larger one: w = 10. Its part abcdefghi would go to that
    # larger one, 9 * 9/18 = 4.5, and then contain what it is a part of.
    assert _matched(old, new) == {"c0": "c0-c0", "c1": "c0-c1"}


@given(forests(), forests())
def test_a_matching_is_one_to_one_and_upright_and_every_pair_is_alike_enough(old, new):
    overlaps = overlaps_of(old, new)

    found = match(old, new, overlaps)

    alike = {
        (a, b): j
        for a, b, j in zip(
            overlaps.before.tolist(), overlaps.after.tolist(), overlaps.jaccard, strict=True
        )
    }
    assert len(set(found.values())) == len(found)
    assert all(alike[pair] > 1 / 3 - 1e-9 for pair in found.items())
    for part, whole in ((a, b) for a in found for b in old.branch(a)[1:] if b in found):
        assert found[part] not in new.branch(found[whole])[1:]


@given(st.lists(st.integers(0, 3), min_size=9, max_size=9), st.permutations("abcdefghi"))
def test_no_other_matching_of_flat_runs_weighs_more(homes: list[int], letters: list[str]):
    old = forest({"c0": "abc", "c1": "def", "c2": "ghi"})
    new = forest(
        {
            f"c{home}": "".join(x for x, at in zip(letters, homes, strict=True) if at == home)
            for home in set(homes)
        }
    )

    overlaps = overlaps_of(old, new)
    weight = {
        (a, b): n * j
        for a, b, n, j in zip(
            overlaps.before.tolist(),
            overlaps.after.tolist(),
            overlaps.shared.tolist(),
            overlaps.jaccard.tolist(),
            strict=True,
        )
        if j > 1 / 3 - 1e-9
    }
    found = match(old, new, overlaps)

    total = sum(weight[pair] for pair in found.items())
    assert total == pytest.approx(_best(weight, list(range(3)), frozenset()), abs=0.02)


@given(forests(), forests())
def test_other_ids_give_the_same_matching(old, new):
    other_old, other_new = renamed(old), renamed(new)

    found = match(old, new, overlaps_of(old, new))

    assert match(other_old, other_new, overlaps_of(other_old, other_new)) == found


@given(forests())
def test_a_run_is_matched_with_itself(found):
    assert match(found, found, overlaps_of(found, found)) == {
        at: at for at in range(len(found.ids))
    }


def test_a_link_never_looks_like_an_id():
    link = first_link("leiden_semantic-run3-c0")

    assert link.startswith("com_")
    assert link == first_link("leiden_semantic-run3-c0") != first_link("leiden_semantic-run3-c1")


class _Runs(NamedTuple):
    engine: Engine
    ids: tuple[int, ...]


@pytest.fixture
def three_runs(engine: Engine, minilm: Embedder) -> _Runs:
    """Runs of one method over two sources, three and all four."""
    sources = list(dict.fromkeys(said.source for said in STATEMENTS))
    ids = []
    for batch in (sources[:2], sources[2:3], sources[3:]):
        fill(engine, [said for said in STATEMENTS if said.source in batch])
        ids.append(cluster(engine, "leiden_semantic", minilm).run)
    return _Runs(engine, tuple(ids))


def test_links_are_unique_in_a_run_and_go_on_exactly_where_the_matching_says(three_runs: _Runs):
    with reading(three_runs.engine) as session:
        runs = [forest_of(session, run) for run in three_runs.ids]

    for run in runs:
        assert len(set(run.links)) == len(run.links)
        assert all(link.startswith("com_") for link in run.links)
    assert runs[0].links == tuple(map(first_link, runs[0].ids))
    for old, new in pairwise(runs):
        found = match(old, new, overlaps_of(old, new))
        kept = {new.links[b]: old.links[a] for a, b in found.items()}
        assert kept
        assert all(link == before for link, before in kept.items())
        begun = {new.links[at] for at in range(len(new.ids)) if at not in found.values()}
        assert begun == {
            first_link(new.ids[b]) for b in set(range(len(new.ids))) - {*found.values()}
        }


def test_a_link_means_the_latest_community_and_an_id_always_its_own(three_runs: _Runs):
    first, _, last = three_runs.ids
    with reading(three_runs.engine) as session:
        old = session.exec(select(Community).where(Community.run_id == first)).all()
        links = set(session.exec(select(Community.link).where(Community.run_id == last)))
        kept = next(
            community
            for community in old
            if community.link in links
            and members_of(session, community.link) != members_of(session, community.id)
        )

        assert community_of(session, kept.link).run_id == last
        assert community_of(session, kept.id).run_id == first
        now = community_of(session, kept.link)
        assert members_of(session, kept.link) == members_of(session, now.id)


def test_an_empty_link_is_no_community(three_runs: _Runs):
    with reading(three_runs.engine) as session, pytest.raises(NotFoundError, match="no community"):
        community_of(session, "")


def _greedy(old: Forest, new: Forest) -> dict[str, str]:
    """Take the heaviest pair that is left, again and again."""
    overlaps = overlaps_of(old, new)
    pairs = zip(
        (overlaps.shared * overlaps.jaccard).tolist(),
        overlaps.jaccard.tolist(),
        overlaps.before.tolist(),
        overlaps.after.tolist(),
        strict=True,
    )
    found: dict[int, int] = {}
    for _, jaccard, a, b in sorted(pairs, reverse=True):
        if jaccard >= 1 / 3 and a not in found and b not in found.values():
            found[a] = b
    return {_path(old, a): _path(new, b) for a, b in found.items()}


def _best(weight: dict[tuple[int, int], float], left: list[int], used: frozenset[int]) -> float:
    """Return the weight of the best matching, by trying all."""
    if not left:
        return 0.0
    first, *rest = left
    return max(
        _best(weight, rest, used),
        *(
            w + _best(weight, rest, used | {b})
            for (a, b), w in weight.items()
            if a == first and b not in used
        ),
        0.0,
    )
