"""The bridges between whole runs, as data, as a page and as lines."""

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from api.app import create_app
from api.terminal_bridges import run_bridges
from api.views.crossings import RunBridgesView, run_bridges_view
from kg.db import open_engine, reading
from tests.kg.conftest import CLAIM, Said, fill
from tests.kg.small_graph import store_clustering


@pytest.fixture(scope="module")
def planted() -> Engine:
    """Sixty statements: `leiden_a` c0 and `leiden_b` c0 share five, c1 and c1 eight."""
    engine = open_engine(None)
    ids = fill(engine, [Said(f"Source {i % 3}", CLAIM, f"Statement number {i}") for i in range(60)])
    rest = {f"c{i + 2}": ids[20 + 10 * i : 30 + 10 * i] for i in range(4)}
    store_clustering(engine, "leiden_a", {"c0": ids[:10], "c1": ids[10:20], **rest})
    across = {f"c{i + 2}": ids[22 + i : 60 : 4] for i in range(4)}
    across["c2"] += [*ids[7:10], *ids[18:20]]
    crossing = {"c0": [*ids[:5], *ids[20:22]], "c1": [*ids[5:7], *ids[10:18]]}
    store_clustering(engine, "leiden_b", crossing | across)
    return engine


def _view(engine: Engine, limit: int = 10) -> RunBridgesView:
    with reading(engine) as session:
        return run_bridges_view(session, limit)


def test_the_strongest_bridges_come_with_both_sides_and_what_is_shared(planted: Engine):
    (pair,) = _view(planted).root

    assert (pair.here.method, pair.there.method) == ("leiden_a", "leiden_b")
    assert pair.tests == 6 * 6
    assert [(b.here.id[-2:], b.there.id[-2:], b.shared) for b in pair.bridges] == [
        ("c0", "c0", 5),
        ("c1", "c1", 8),
    ]
    assert (pair.significant, pair.nearly_same) == (2, 1)
    first = pair.bridges[0]
    assert (first.here.members, first.there.members) == (10, 7)
    assert first.expected == pytest.approx(70 / 60, abs=1e-6)
    assert first.p_value <= first.q_value <= 0.05
    assert len(first.shared_statements) == 5
    assert sum(source.shared for source in first.sources) == 5
    assert "meet here" in first.why


def test_a_limit_leaves_the_counts_as_they_are(planted: Engine):
    (pair,) = _view(planted, limit=1).root

    assert len(pair.bridges) == 1
    assert pair.significant == 2


def test_one_method_has_no_bridges():
    engine = open_engine(None)
    ids = fill(engine, [Said("A", CLAIM, f"Statement number {i}") for i in range(4)])
    store_clustering(engine, "leiden_a", {"c0": ids})

    assert _view(engine).root == []
    assert list(run_bridges(_view(engine))) == [
        "bridges join methods: run `claimgraph cluster` with two or more"
    ]
    page = TestClient(create_app(engine)).get("/bridges")
    assert "run <code>claimgraph cluster</code> with two or more" in page.text


def test_both_sides_of_a_bridge_are_marked_in_the_terminal(planted: Engine):
    lines = list(run_bridges(_view(planted, limit=1)))

    assert all(line.endswith("  [stability not measured]") for line in lines[2:4])


def test_the_page_and_the_terminal_show_the_same(planted: Engine):
    web = TestClient(create_app(planted))
    (pair,) = web.get("/api/bridges").json()
    html = web.get("/bridges").text
    lines = "\n".join(run_bridges(_view(planted)))

    assert pair["significant"] == 2
    for bridge in pair["bridges"]:
        for side in ("here", "there"):
            assert f'href="/communities/{bridge[side]["id"]}"' in html
            assert bridge[side]["id"] in lines
        assert bridge["why"] in html
        assert bridge["why"] in lines
    assert "leiden_a and leiden_b (2)" in html
    assert "More of the" not in html
    assert 'href="/bridges?limit=200#pair-1"' in web.get("/bridges?limit=1").text
