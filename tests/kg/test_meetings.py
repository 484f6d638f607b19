"""Which sources meet at a crossing, and whether they meet elsewhere too."""

import pytest
from sqlalchemy import Engine

from kg.db import reading
from kg.meetings import Meeting, Shared, meetings_of
from tests.kg.conftest import CLAIM, Said, fill
from tests.kg.small_graph import store_clustering

# By place: 0 and 1 of A, 2 and 3 of B, 4 of C, 5 of A and 6 of B.
SOURCES = ("A", "A", "B", "B", "C", "A", "B")


@pytest.fixture
def ids(engine: Engine) -> list[str]:
    return fill(engine, [Said(source, CLAIM, f"Statement {i}") for i, source in enumerate(SOURCES)])


def _meeting(engine: Engine, here: str, there: str, shared: list[str]) -> Meeting:
    with reading(engine) as session:
        (meeting,) = meetings_of(session, [Shared(here, there, shared)])
    return meeting


def _titles(meeting: Meeting) -> list[tuple[str, int]]:
    return [(source.title, source.n_statements) for source in meeting.sources]


def test_sources_come_with_most_shared_statements_first(engine: Engine, ids: list[str]):
    here = store_clustering(engine, "leiden_a", {"c0": ids})
    there = store_clustering(engine, "leiden_b", {"c0": ids})

    meeting = _meeting(engine, f"leiden_a-run{here}-c0", f"leiden_b-run{there}-c0", ids[1:5])

    assert _titles(meeting) == [("B", 2), ("A", 1), ("C", 1)]


def test_one_source_meets_nobody(engine: Engine, ids: list[str]):
    here = store_clustering(engine, "leiden_a", {"c0": ids})
    there = store_clustering(engine, "leiden_b", {"c0": ids})

    meeting = _meeting(engine, f"leiden_a-run{here}-c0", f"leiden_b-run{there}-c0", ids[:2])

    assert _titles(meeting) == [("A", 2)]
    assert meeting.meet_elsewhere is None


@pytest.mark.parametrize(
    ("tree", "elsewhere"),
    [
        ({"c0": [1, 2, 4], "c1": [0, 3], "c2": [5], "c3": [6]}, True),  # c1 has A and B
        ({"c0": [1, 2, 4], "c1": [0, 5], "c2": [3, 6]}, False),
        ({"c0-c0": [1, 2], "c0-c1": [0, 3, 4], "c1": [5], "c2": [6]}, False),  # inside of here
    ],
)
def test_whether_two_sources_meet_elsewhere_is_seen_in_the_deepest_communities(
    engine: Engine, ids: list[str], tree: dict[str, list[int]], elsewhere: bool
):
    named = {path: [ids[i] for i in places] for path, places in tree.items()}
    here = store_clustering(engine, "leiden_a", named)
    there = store_clustering(engine, "leiden_b", {"c0": [ids[1], ids[2]]})

    meeting = _meeting(engine, f"leiden_a-run{here}-c0", f"leiden_b-run{there}-c0", ids[1:3])

    assert meeting.meet_elsewhere is elsewhere


def test_versions_of_a_paper_meet_nobody_and_count_once(engine: Engine):
    said = [
        Said("What the Heads Compute", CLAIM, "Heads copy"),
        Said("What the heads compute", CLAIM, "Heads move"),
        Said("Notes on what the heads compute", CLAIM, "Heads do little"),
    ]
    ids = fill(engine, said)
    here = store_clustering(engine, "leiden_a", {"c0": ids})
    there = store_clustering(engine, "leiden_b", {"c0": ids})
    of_paper = ("What the Heads Compute", "What the heads compute")

    both = _meeting(engine, f"leiden_a-run{here}-c0", f"leiden_b-run{there}-c0", ids[:2])
    notes = _meeting(engine, f"leiden_a-run{here}-c0", f"leiden_b-run{there}-c0", ids)

    assert [(s.title in of_paper, s.n_statements) for s in both.sources] == [(True, 2)]
    assert both.meet_elsewhere is None
    assert [s.n_statements for s in notes.sources] == [2, 1]
    assert notes.sources[1].title == "Notes on what the heads compute"
