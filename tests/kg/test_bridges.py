"""Bridges, worked by hand, planted, and between real clusterings."""

from math import comb

import pytest
from sqlalchemy import Engine

from kg.bridges import Bridge, Overlaps, bridges_of, overlaps_of
from kg.clustering import METHODS, cluster
from kg.communities import members_by_community
from kg.db import reading
from kg.errors import NotFoundError
from kg.runs import recording
from kg.tables import RunKind
from tests.kg.conftest import CLAIM, NoConfig, Said, fill
from tests.kg.small_graph import store_clustering, store_statements


@pytest.fixture
def names(engine: Engine) -> list[str]:
    return sorted(store_statements(engine).values())


def _overlaps(engine: Engine, identifier: str, **options: bool) -> Overlaps:
    with reading(engine) as session:
        return overlaps_of(session, identifier, **options)


def _numbered(engine: Engine, n: int) -> list[str]:
    """Store n statements of ten sources; returns their ids."""
    return fill(
        engine, [Said(f"Source {i % 10}", CLAIM, f"Statement number {i}") for i in range(n)]
    )


def test_a_bridge_has_the_numbers_of_the_worked_example(engine: Engine, names: list[str]):
    # c0 = {0 1 2 3}; of the other method c0 = {2 3 4 5 6}, cut into {2 3} and {4 5 6}; c1 = {0 1 7}
    # Both cluster 8. Of the branch c0, c0-c0 shares {2 3} with p = C(4,2) / C(8,2) = 6/28, and c0
    # itself {2 3} with 1 - p(0) - p(1) = 1 - 0/56 - 4/56: so c0-c0 stands for it, and is inside.
    # c1 shares {0 1}, union 5; p = (C(4,2) C(4,1) + C(4,3)) / C(8,3) = 28/56; 4 * 3 / 8 expected.
    # Four communities have two members or more, so q = 4 p, at most 1.
    own = store_clustering(engine, "leiden_semantic", {"c0": names[:4], "c1": names[4:8]})
    tree = {"c0-c0": names[2:4], "c0-c1": names[4:7], "c1": [*names[:2], names[7]]}
    other = store_clustering(engine, "leiden_concepts", tree)

    bridges, nested, n_tests = _overlaps(engine, f"leiden_semantic-run{own}-c0")

    assert n_tests == 4
    assert bridges == [
        Bridge(
            community_id=f"leiden_concepts-run{other}-c1",
            members=3,
            shared_ids=names[:2],
            jaccard=pytest.approx(2 / 5),
            relation="lateral",
            expected=pytest.approx(3 / 2),
            lift=pytest.approx(4 / 3),
            p_value=pytest.approx(28 / 56),
            q_value=1.0,
            is_significant=False,
        )
    ]
    assert [(each.community_id, each.relation, each.shared_ids) for each in nested] == [
        (f"leiden_concepts-run{other}-c0-c0", "contains", names[2:4])
    ]


def test_only_real_crossings_are_bridges_and_not_the_nesting_around_them(engine: Engine):
    # A page listed 14 communities as bridges of one of 24 members: its own seven parts, one that
    # holds all of it, and six of another method, with 5, 4, 3, 2, 2 and 1 members in common.
    ids = _numbered(engine, 200)
    members, rest = iter(ids[:24]), iter(ids[24:])

    def take(supply: "iter[str]", n: int) -> list[str]:
        return [next(supply) for _ in range(n)]

    parts = {f"c0-c1-c{i}": take(members, n) for i, n in enumerate((5, 4, 4, 4, 3, 2, 2))}
    tree = parts | {"c0-c0": ids[24:40], "c1": ids[40:]}
    own = store_clustering(engine, "leiden_hybrid", tree)
    ours = iter(ids[:24])
    crossings = {
        f"c{i}": [*take(ours, n), *take(rest, 6)] for i, n in enumerate((5, 4, 3, 2, 2, 1))
    }
    other = store_clustering(engine, "leiden_semantic", crossings)

    bridges, nested, _ = _overlaps(engine, f"leiden_hybrid-run{own}-c0-c1")

    assert [(b.community_id, len(b.shared_ids)) for b in bridges] == [
        (f"leiden_semantic-run{other}-c{i}", n) for i, n in enumerate((5, 4, 3, 2, 2, 1))
    ]
    assert nested == []


def test_nesting_across_methods_is_said_to_be_what_it_is(engine: Engine):
    ids = _numbered(engine, 60)
    own = store_clustering(engine, "leiden_semantic", {"c0": ids[:8], "c1": ids[8:]})
    same = store_clustering(engine, "leiden_a", {"c0": ids[:8], "c1": ids[8:]})
    around = store_clustering(engine, "leiden_b", {"c0": ids[:10], "c1": ids[10:]})
    inside = store_clustering(engine, "leiden_c", {"c0": ids[:5], "c1": ids[5:8], "c2": ids[8:]})

    bridges, nested, _ = _overlaps(engine, f"leiden_semantic-run{own}-c0")

    assert bridges == []
    assert [(each.community_id, each.relation) for each in nested] == [
        (f"leiden_a-run{same}-c0", "same"),
        (f"leiden_c-run{inside}-c0", "contains"),
        (f"leiden_c-run{inside}-c1", "contains"),
        (f"leiden_b-run{around}-c0", "within"),
    ]


def test_of_a_branch_only_the_level_is_shown_that_chance_explains_least(engine: Engine):
    # c0 has 40 statements, c0-c0 20 of them and c0-c0-c0 five. All six members of ours but one
    # are in c0-c0, three of them in c0-c0-c0.
    ids = _numbered(engine, 120)
    own = store_clustering(
        engine, "leiden_semantic", {"c0": [*ids[:5], ids[119]], "c1": ids[5:119]}
    )
    tree = {
        "c0-c0-c0": [*ids[:3], *ids[20:22]],
        "c0-c0-c1": [*ids[3:5], *ids[22:35]],
        "c0-c1": ids[35:55],
        "c1": [*ids[5:20], *ids[55:]],
    }
    store_clustering(engine, "leiden_concepts", tree)

    bridges, nested, n_tests = _overlaps(engine, f"leiden_semantic-run{own}-c0")

    def tail(shared: int, there: int) -> float:
        ways = (comb(6, k) * comb(114, there - k) for k in range(shared, min(6, there) + 1))
        return sum(ways) / comb(120, there)

    levels = {"c0": tail(5, 40), "c0-c0": tail(5, 20), "c0-c0-c0": tail(3, 5)}
    assert min(levels, key=levels.__getitem__) == "c0-c0"
    assert [b.community_id.partition("-c")[2] for b in bridges] == ["0-c0", "1"]
    assert bridges[0].p_value == pytest.approx(levels["c0-c0"])
    assert n_tests == 6
    assert bridges[0].q_value == pytest.approx(6 * levels["c0-c0"])
    assert bridges[0].is_significant
    assert not bridges[1].is_significant
    assert nested == []


def test_significant_bridges_come_first_then_the_most_shared_then_the_most_alike(engine: Engine):
    ids = _numbered(engine, 400)
    own = store_clustering(engine, "leiden_semantic", {"c0": ids[:20], "c1": ids[20:]})
    tree = {
        "c0": [*ids[:4], *ids[20:380]],
        "c1": [*ids[4:7], *ids[380:383]],
        "c2": [*ids[7:10], *ids[383:385]],
        "c3": [ids[10], *ids[385:388]],
    }
    store_clustering(engine, "leiden_concepts", tree)

    bridges = _overlaps(engine, f"leiden_semantic-run{own}-c0").bridges

    assert [b.community_id.rpartition("-")[2] for b in bridges] == ["c2", "c1", "c0", "c3"]
    assert [b.is_significant for b in bridges] == [True, True, False, False]


def test_parents_and_sub_communities_are_no_bridges(engine: Engine, names: list[str]):
    run = store_clustering(engine, "leiden_semantic", {"c0-c0": names[:3], "c0-c1": names[3:5]})

    for identifier in ("c0", "c0-c0"):
        found = _overlaps(engine, f"leiden_semantic-run{run}-{identifier}", all_runs=True)
        assert found == Overlaps([], [], 0)


def test_chance_is_reckoned_over_the_statements_that_both_runs_cluster(
    engine: Engine, names: list[str]
):
    early = store_clustering(engine, "leiden_a", {"c0": names[:3], "c1": names[3:6]})
    tree = {"c0": [*names[:2], names[6], names[7]], "c1": [*names[2:6], names[8]]}
    late = store_clustering(engine, "leiden_b", tree)

    (bridge, weak) = _overlaps(engine, f"leiden_a-run{early}-c0").bridges
    (back,) = (
        b
        for b in _overlaps(engine, f"leiden_b-run{late}-c0").bridges
        if b.community_id == f"leiden_a-run{early}-c0"
    )

    # Six statements are in both: three of them here, two there, both shared: 3 / C(6,2).
    assert (bridge.members, bridge.shared_ids) == (4, names[:2])
    assert bridge.expected == pytest.approx(3 * 2 / 6)
    assert bridge.p_value == pytest.approx(3 / 15)
    assert bridge.jaccard == pytest.approx(2 / 5)
    assert back.p_value == pytest.approx(bridge.p_value)
    assert weak.shared_ids == names[2:3]


def test_communities_of_one_statement_are_neither_shown_nor_tested(
    engine: Engine, names: list[str]
):
    alone = {f"c{i}": [name] for i, name in enumerate(names[:4])}
    own = store_clustering(
        engine, "leiden_semantic", {"c0": names[:4], "c1": names[4:5], "c2": names[5:]}
    )
    other = store_clustering(engine, "leiden_concepts", alone | {"c4": names[4:6]})

    assert _overlaps(engine, f"leiden_semantic-run{own}-c0") == Overlaps([], [], 1)
    assert _overlaps(engine, f"leiden_semantic-run{own}-c1") == Overlaps([], [], 0)
    assert _overlaps(engine, f"leiden_concepts-run{other}-c4").bridges == []


def test_only_active_runs_are_looked_at_unless_all_are_wanted(engine: Engine, names: list[str]):
    old = store_clustering(engine, "leiden_semantic", {"c0": names[:3]})
    new = store_clustering(engine, "leiden_semantic", {"c0": names[:3]})
    other = store_clustering(engine, "leiden_concepts", {"c0": names[:3]})
    with (
        pytest.raises(RuntimeError),
        recording(engine, RunKind.CLUSTERING, "leiden_concepts", NoConfig()),
    ):
        raise RuntimeError

    def runs(of: int, **options: bool) -> list[str]:
        found = _overlaps(engine, f"leiden_semantic-run{of}-c0", **options)
        return [each.community_id.removesuffix("-c0") for each in found.nested]

    assert runs(new) == [f"leiden_concepts-run{other}"]
    assert runs(old) == [f"leiden_concepts-run{other}", f"leiden_semantic-run{new}"]
    assert runs(new, all_runs=True) == [
        f"leiden_concepts-run{other}",
        f"leiden_semantic-run{old}",
    ]


def test_a_community_that_shares_nobody_has_no_bridges(engine: Engine, names: list[str]):
    own = store_clustering(engine, "leiden_semantic", {"c0": names[:3]})
    store_clustering(engine, "leiden_concepts", {"c0": names[3:]})

    with reading(engine) as session:
        assert bridges_of(session, f"leiden_semantic-run{own}-c0") == []


def test_bridges_of_a_community_that_does_not_exist_are_refused(engine: Engine):
    with pytest.raises(NotFoundError, match="leiden_semantic-run1-c0"):
        _overlaps(engine, "leiden_semantic-run1-c0")


@pytest.mark.slow
def test_between_real_clusterings_no_statement_is_told_twice_and_no_own_community(
    engine: Engine, minilm
):
    fill(engine)
    runs = [cluster(engine, method, minilm).run for method in METHODS]
    with reading(engine) as session:
        members = {run: members_by_community(session, run) for run in runs}
        found = {(run, name): overlaps_of(session, name) for run in runs for name in members[run]}

    assert sum(len(overlaps.nested) for overlaps in found.values()) > 10
    for (run, _), overlaps in found.items():
        every = (*overlaps.bridges, *overlaps.nested)
        assert not [each for each in every if each.community_id in members[run]]
        for other in {*runs} - {run}:
            there = [each for each in every if each.community_id in members[other]]
            told = [statement for each in there for statement in each.shared_ids]
            assert len(told) == len(set(told))
