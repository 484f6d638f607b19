"""The map of a run: as data, as a picture, as a page, as lines and as a file."""

import xml.etree.ElementTree as ET
from itertools import combinations
from math import dist
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine, event
from typer.testing import CliRunner

from api.app import create_app
from api.cli import app
from api.layout import WIDTH
from api.map_picture import draw_map
from api.terminal_bridges import maps
from api.views.communities import CommunityItem
from api.views.map import MapView, TieItem, maps_view
from kg.db import open_engine, reading
from kg.errors import ConfigError, NotFoundError
from tests.kg.conftest import CLAIM, Said, fill
from tests.kg.small_graph import store_clustering


def _store(engine: Engine) -> Engine:
    """Nine statements in communities of four, four and one; the second in two parts."""
    ids = fill(engine, [Said("A", CLAIM, f"Statement {i}") for i in range(9)])
    chains = [(0, 1), (1, 2), (2, 3), (4, 5), (6, 7), (5, 6), (0, 4), (3, 7)]
    tree = {"c0": ids[:4], "c1-c0": ids[4:6], "c1-c1": ids[6:8], "c2": ids[8:]}
    edges = [(ids[one], ids[other], 0.5) for one, other in chains]
    store_clustering(engine, "leiden_hybrid_concepts", tree, edges)
    return engine


@pytest.fixture(scope="module")
def stored() -> Engine:
    return _store(open_engine(None))


@pytest.fixture(scope="module")
def only(stored: Engine) -> MapView:
    with reading(stored) as session:
        (view,) = maps_view(session).root
    return view


def test_ties_between_communities_are_summed_beside_chance(only: MapView):
    (tie,) = only.ties

    assert (tie.one[-2:], tie.other[-2:], tie.weight, tie.ties) == ("c0", "c1", 1.0, 2)
    # Of a total of 2m = 8 each side has 4: by chance 4 * 4 / 8 = 2.
    assert tie.lift == pytest.approx(0.5)


def test_discs_have_the_area_of_their_statements_and_hold_their_parts(only: MapView):
    picture = draw_map(only)

    places = {disc.community.id[-2:]: disc for disc in picture.discs}
    assert places.keys() == {"c0", "c1"}
    assert places["c0"].radius == places["c1"].radius
    assert picture.n_unclustered == 1
    for part in picture.inner:
        whole = places["c1"]
        assert dist((part.x, part.y), (whole.x, whole.y)) + part.radius <= whole.radius
    assert [part.community.members for part in picture.inner] == [2, 2]
    assert len(picture.ties) == 1


def _item(number: int, members: int, label: str = "Some words") -> CommunityItem:
    return CommunityItem(
        id=f"m-run1-c{number}",
        link="",
        label=label,
        level=0,
        parent=None,
        members=members,
        method="m",
        run=1,
        stability=None,
        chance_stability=None,
        is_stable=None,
        is_well_connected=None,
        is_unclustered=members == 1,
    )


def test_of_many_communities_the_largest_are_drawn_inside_the_picture_and_apart():
    items = [_item(i, 2 + 7 * i % 90) for i in range(80)]
    ties = [
        TieItem(one=a.id, other=b.id, weight=1 / (1 + i), lift=0.5, ties=1)
        for i, (a, b) in enumerate(combinations(items[:20], 2))
    ]

    picture = draw_map(MapView(method="m", run=1, communities=items, ties=ties))

    assert (len(picture.discs), picture.n_left_out) == (60, 20)
    least = min(disc.community.members for disc in picture.discs)
    shown = {disc.community.id for disc in picture.discs}
    assert all(item.members <= least for item in items if item.id not in shown)
    for disc in picture.discs:
        assert disc.radius < disc.x < WIDTH - disc.radius
        assert disc.radius < disc.y < picture.height - disc.radius
    for one, other in combinations(picture.discs, 2):
        assert dist((one.x, one.y), (other.x, other.y)) > one.radius + other.radius - 0.2
    assert len(picture.ties) < len(ties)


def test_a_name_that_does_not_fit_is_left_to_the_title():
    labels = ["Short & sweet", "Extraordinarilylongunbreakableword " * 3, ""]
    items = [_item(i, 30 if i else 3000, label) for i, label in enumerate(labels)]

    names = [
        disc.name for disc in draw_map(MapView(method="m", run=1, communities=items, ties=[])).discs
    ]

    assert names[0] is not None
    assert " ".join(line for _, line in names[0].lines) == labels[0]
    assert names[1:] == [None, None]


def test_pages_show_the_map_and_the_api_the_data(stored: Engine, only: MapView):
    web = TestClient(create_app(stored))

    assert web.get("/api/map").json() == [only.model_dump()]
    for page in ("/", "/communities", "/communities?run=2", "/seams"):
        html = web.get(page).text
        assert html.count('class="node disc colour-') == 2
        assert html.count('class="node disc inner colour-') == 2
        assert "1 statement lies outside" in html


def test_an_empty_run_has_an_empty_map():
    engine = open_engine(None)
    store_clustering(engine, "leiden_hybrid_concepts", {}, [])
    web = TestClient(create_app(engine))

    assert web.get("/api/map").json() == []
    assert web.get("/").status_code == web.get("/communities").status_code == 200


def test_lines_name_the_nearest(stored: Engine):
    with reading(stored) as session:
        lines = list(maps(maps_view(session)))

    assert lines[0] == "leiden_hybrid_concepts, run 2"
    assert sum("0.50 of chance in 2 ties" in line for line in lines) == 2


def test_what_has_not_run_is_refused(stored: Engine):
    with reading(stored) as session:
        with pytest.raises(ConfigError, match="leiden_x"):
            maps_view(session, "leiden_x")
        with pytest.raises(NotFoundError, match="77"):
            maps_view(session, run=77)


def test_a_file_stands_by_itself(tmp_path: Path):
    database, target = tmp_path / "g.db", tmp_path / "map.svg"
    _store(open_engine(database, create=True))

    result = CliRunner().invoke(app, ["map", "--output", str(target), "--db", str(database)])

    assert result.exit_code == 0, result.output
    drawn = ET.parse(target).getroot()
    assert drawn.tag == "{http://www.w3.org/2000/svg}svg"
    assert len(drawn.findall(".//{*}circle[@class='mark']")) == 4
    assert "href" not in target.read_text(encoding="utf-8")


def test_a_file_that_cannot_be_written_is_said(tmp_path: Path):
    database = tmp_path / "g.db"
    _store(open_engine(database, create=True))
    target = tmp_path / "none" / "map.svg"

    result = CliRunner().invoke(app, ["map", "--output", str(target), "--db", str(database)])

    assert result.exit_code == 1
    assert "cannot be written: No such file" in result.output


@pytest.mark.parametrize("page", ["/", "/communities", "/seams"])
def test_a_page_with_a_map_reads_communities_and_graph_once(stored: Engine, page: str):
    asked: list[str] = []

    def note(_connection, _cursor, statement: str, *_others) -> None:
        asked.append(statement)

    event.listen(stored, "before_cursor_execute", note)
    try:
        answer = TestClient(create_app(stored)).get(page)
    finally:
        event.remove(stored, "before_cursor_execute", note)

    assert "<svg" in answer.text
    for part in ("ORDER BY community.ordinal", "FROM graph"):
        assert len([one for one in asked if part in one]) == 1
