"""Connectors, seams and papers at the seam of stored runs."""

import pytest
from sqlalchemy import Engine

from kg.connectors import held_by, held_together
from kg.db import reading, writing
from kg.errors import NotFoundError
from kg.tables import Membership
from tests.kg.conftest import CLAIM, Said, fill
from tests.kg.small_graph import store_clustering

# By place: A makes 0 to 3, B makes 4 to 7, C makes 8 to 11, and D makes 12, 13 and 14.
SOURCES = "AAAABBBBCCCCDDD"


@pytest.fixture
def ids(engine: Engine) -> list[str]:
    return fill(engine, [Said(source, CLAIM, f"Statement {i}") for i, source in enumerate(SOURCES)])


@pytest.fixture
def run(engine: Engine, ids: list[str]) -> int:
    """Three communities of A, B and C with one of D each; c0 is cut into two."""
    tree = {
        "c0-c0": [*ids[:2], ids[12]],
        "c0-c1": ids[2:4],
        "c1": [*ids[4:8], ids[13]],
        "c2": [*ids[8:12], ids[14]],
    }
    edges = [
        (0, 1, 1.0),
        (0, 12, 1.0),
        (1, 12, 1.0),
        (1, 2, 1.0),
        (2, 3, 1.0),
        (4, 5, 1.0),
        (5, 6, 1.0),
        (6, 7, 1.0),
        (7, 13, 1.0),
        (8, 9, 1.0),
        (9, 10, 1.0),
        (10, 11, 1.0),
        (11, 14, 1.0),
        (0, 4, 0.5),
        (0, 5, 1.5),
        (3, 8, 0.25),
    ]
    return store_clustering(
        engine, "leiden_a", tree, [(ids[one], ids[other], weight) for one, other, weight in edges]
    )


def test_the_seams_of_a_run_come_heaviest_first_with_their_strongest_ties(
    engine: Engine, ids: list[str], run: int
):
    with reading(engine) as session:
        held = held_together(session, run)

    pairs = [({s.one, s.other}, s.weight, s.n_edges) for s in held.seams]
    prefix = f"leiden_a-run{run}"
    assert pairs == [
        ({f"{prefix}-c0", f"{prefix}-c1"}, pytest.approx(2.0), 2),
        ({f"{prefix}-c0", f"{prefix}-c2"}, pytest.approx(0.25), 1),
    ]
    first = held.seams[0]
    assert {first.edges[0].head_id, first.edges[0].tail_id} == {ids[0], ids[5]}
    assert [edge.weight for edge in first.edges] == [1.5, 0.5]
    # 2m is 30.5: 10 + 2.25 at c0, 8 + 2 at c1, 8 + 0.25 at c2.
    assert first.lift == pytest.approx(2.0 / (12.25 * 10 / 30.5))


def test_connectors_reach_into_several_communities(engine: Engine, ids: list[str], run: int):
    with reading(engine) as session:
        held = held_together(session, run)

    # 0 has 2 into its own and 2 into c1; 5 has 2 and 1.5; 4 has 1 and .5; 3 1 and .25; 8 1 and .25
    reaches = [(c.statement_id, c.communities, c.reach) for c in held.connectors]
    assert reaches[:3] == [
        (ids[0], 2, pytest.approx(4 * (1 - 8 / 16))),
        (ids[5], 2, pytest.approx(3.5 * (1 - (4 + 2.25) / 12.25))),
        (ids[4], 2, pytest.approx(1.5 * (1 - (1 + 0.25) / 2.25))),
    ]
    assert {each[0] for each in reaches[3:]} == {ids[3], ids[8]}
    assert {c.statement_id: c.falls_apart for c in held.holding}[ids[6]] == pytest.approx(2 / 4)
    assert all(c.falls_apart > 0 for c in held.holding)


def test_the_paper_that_lies_across_is_at_the_seam(engine: Engine, run: int):
    with reading(engine) as session:
        (paper,) = held_together(session, run).papers

    # c0 and c1 are tied by 2.0 of 4.016 that chance would make, c0 and c2 by .25 of 3.31; none of
    # it by ties between statements of D itself.
    tied = 2.0 / (12.25 * 10 / 30.5) + 0.25 / (12.25 * 8.25 / 30.5)
    assert paper.title == "D"
    assert paper.n_statements == 3
    assert [n for _, n in paper.places] == [1, 1, 1]
    assert paper.spread == pytest.approx(6 / 9 - 2 * tied / 9)


def test_a_community_is_seen_beside_those_of_its_level(engine: Engine, ids: list[str], run: int):
    prefix = f"leiden_a-run{run}"
    with reading(engine) as session:
        top = held_by(session, f"{prefix}-c0")
        part = held_by(session, f"{prefix}-c0-c0")

    assert [({s.one, s.other}, s.weight, s.lift) for s in top.seams] == [
        ({f"{prefix}-c0", f"{prefix}-c1"}, pytest.approx(2.0), None),
        ({f"{prefix}-c0", f"{prefix}-c2"}, pytest.approx(0.25), None),
    ]
    assert [({s.one, s.other}, s.weight) for s in part.seams] == [
        ({f"{prefix}-c0-c0", f"{prefix}-c1"}, pytest.approx(2.0)),
        ({f"{prefix}-c0-c0", f"{prefix}-c0-c1"}, pytest.approx(1.0)),
    ]
    assert [c.statement_id for c in top.connectors] == [ids[0], ids[3]]
    assert [c.statement_id for c in part.connectors] == [ids[0], ids[1]]
    # In c0, 1 holds {2 3} to {0 12}, and 2 holds 3.
    assert {c.statement_id: c.falls_apart for c in top.holding} == {
        ids[1]: pytest.approx(2 / 4),
        ids[2]: pytest.approx(1 / 4),
    }
    assert top.papers == part.holding == []


def test_the_connectors_of_a_community_are_those_of_its_run(engine: Engine, run: int):
    with reading(engine) as session:
        whole = {c.statement_id: c for c in held_together(session, run).connectors}
        part = held_by(session, f"leiden_a-run{run}-c0").connectors

    assert len(part) == 2
    for connector in part:
        assert connector == pytest.approx(whole[connector.statement_id])


def test_isolates_and_runs_without_statements_have_nothing_to_show(engine: Engine, ids: list[str]):
    alone = store_clustering(engine, "leiden_a", {"c0": ids[:1], "c1": ids[1:2]})
    empty = store_clustering(engine, "leiden_b", {})

    with reading(engine) as session:
        assert held_together(session, alone) == ([], [], [], [])
        assert held_by(session, f"leiden_a-run{alone}-c0") == ([], [], [], [])
        assert held_together(session, empty) == ([], [], [], [])
        with pytest.raises(NotFoundError, match="nowhere"):
            held_by(session, "nowhere")


def test_ties_to_statements_that_the_run_did_not_place_are_left_out(engine: Engine, ids: list[str]):
    edges = [(ids[0], ids[1], 1.0), (ids[1], ids[2], 1.0)]
    run = store_clustering(engine, "leiden_a", {"c0": ids[:2], "c1": ids[2:3]}, edges)
    with writing(engine) as session:
        session.delete(session.get(Membership, (run, ids[2])))

    with reading(engine) as session:
        assert held_together(session, run).seams == []
        assert held_by(session, f"leiden_a-run{run}-c0") == ([], [], [], [])
