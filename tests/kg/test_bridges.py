"""Bridges, worked by hand."""

import pytest
from sqlalchemy import Engine

from kg.bridges import Bridge, bridges_of
from kg.db import reading
from kg.errors import NotFoundError
from kg.runs import recording
from kg.tables import RunKind
from tests.kg.conftest import NoConfig
from tests.kg.small_graph import store_clustering, store_statements


@pytest.fixture
def names(engine: Engine) -> list[str]:
    return sorted(store_statements(engine).values())


def _bridges(engine: Engine, identifier: str, **options: bool) -> list[Bridge]:
    with reading(engine) as session:
        return bridges_of(session, identifier, **options)


def test_bridges_are_counted_as_in_the_worked_example(engine: Engine, names: list[str]):
    # c0 = {0 1 2 3}; of the other method c0 = {2 3 4 5 6}, cut into {2 3} and {4 5 6}; c1 = {0 1 7}
    # with c0: shared {2 3}, union 7, 2/7; with c0-c0: all of {2 3}, union 4, 2/4;
    # with c1: shared {0 1}, union 5, 2/5
    own = store_clustering(engine, "leiden_semantic", {"c0": names[:4], "c1": names[4:8]})
    tree = {"c0-c0": names[2:4], "c0-c1": names[4:7], "c1": [*names[:2], names[7]]}
    other = store_clustering(engine, "leiden_concepts", tree)

    bridges = _bridges(engine, f"leiden_semantic-run{own}-c0")

    prefix = f"leiden_concepts-run{other}"
    assert bridges == [
        Bridge(f"{prefix}-c0-c0", names[2:4], pytest.approx(2 / 4), "contains"),
        Bridge(f"{prefix}-c1", names[:2], pytest.approx(2 / 5), "lateral"),
        Bridge(f"{prefix}-c0", names[2:4], pytest.approx(2 / 7), "lateral"),
    ]


def test_a_community_of_the_same_members_or_more_has_this_one_within(
    engine: Engine, names: list[str]
):
    own = store_clustering(engine, "leiden_semantic", {"c0": names[:3]})
    tree = {"c0-c0": names[:3], "c0-c1": names[3:5]}
    other = store_clustering(engine, "leiden_concepts", tree)

    bridges = _bridges(engine, f"leiden_semantic-run{own}-c0")

    prefix = f"leiden_concepts-run{other}"
    assert bridges == [
        Bridge(f"{prefix}-c0-c0", names[:3], 1.0, "within"),
        Bridge(f"{prefix}-c0", names[:3], pytest.approx(3 / 5), "within"),
    ]


def test_the_most_shared_come_first_then_the_most_alike_then_by_id(
    engine: Engine, names: list[str]
):
    own = store_clustering(engine, "leiden_semantic", {"c0": names[:6]})
    tree = {"c0": names[:1], "c1": names[1:2], "c2": [names[2], names[7]], "c3": names[3:6]}
    store_clustering(engine, "leiden_concepts", tree)

    bridges = _bridges(engine, f"leiden_semantic-run{own}-c0")

    assert [bridge.community_id.rpartition("-")[2] for bridge in bridges] == [
        "c3",
        "c0",
        "c1",
        "c2",
    ]


def test_parents_and_sub_communities_are_no_bridges(engine: Engine, names: list[str]):
    run = store_clustering(engine, "leiden_semantic", {"c0-c0": names[:3], "c0-c1": names[3:5]})

    assert _bridges(engine, f"leiden_semantic-run{run}-c0") == []
    assert _bridges(engine, f"leiden_semantic-run{run}-c0-c0", all_runs=True) == []


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
        bridges = _bridges(engine, f"leiden_semantic-run{of}-c0", **options)
        return [bridge.community_id.removesuffix("-c0") for bridge in bridges]

    assert runs(new) == [f"leiden_concepts-run{other}"]
    assert runs(old) == [f"leiden_concepts-run{other}", f"leiden_semantic-run{new}"]
    assert runs(new, all_runs=True) == [
        f"leiden_concepts-run{other}",
        f"leiden_semantic-run{old}",
    ]


def test_a_community_that_shares_nobody_has_no_bridges(engine: Engine, names: list[str]):
    own = store_clustering(engine, "leiden_semantic", {"c0": names[:3]})
    store_clustering(engine, "leiden_concepts", {"c0": names[3:]})

    assert _bridges(engine, f"leiden_semantic-run{own}-c0") == []


def test_bridges_of_a_community_that_does_not_exist_are_refused(engine: Engine):
    with pytest.raises(NotFoundError, match="leiden_semantic-run1-c0"):
        _bridges(engine, "leiden_semantic-run1-c0")
