"""Resolutions as data and as lines: what there is to choose for a clustering."""

import pytest
from sqlalchemy import Engine

from api.settings import DEFAULT_METHOD
from api.terminal_resolutions import resolutions
from api.views.resolutions import resolutions_view
from kg.db import open_engine, reading
from kg.errors import ConfigError
from kg.resolutions import Resolutions
from tests.kg.conftest import CLAIM, Said, fill
from tests.kg.small_graph import store_clustering


@pytest.fixture(scope="module")
def stored() -> Engine:
    """Two triangles with one weak tie between them, and one statement alone."""
    engine = open_engine(None)
    ids = fill(engine, [Said("A", CLAIM, f"Statement {i}") for i in range(7)])
    ties = [(0, 1), (1, 2), (0, 2), (3, 4), (4, 5), (3, 5)]
    edges = [*((ids[one], ids[other], 1.0) for one, other in ties), (ids[2], ids[3], 0.1)]
    store_clustering(engine, DEFAULT_METHOD, {"c0": ids}, edges)
    return engine


def test_the_active_run_is_shown_by_the_resolutions_that_part_it(stored: Engine):
    with reading(stored) as session:
        view = resolutions_view(session, wanted=Resolutions(0.001, 1.5, 20))

    assert (view.run, view.method, view.resolution, view.cuts) == (2, DEFAULT_METHOD, 1.0, 20)
    assert [(each.communities, each.alone) for each in view.plateaus] == [(1, 1), (2, 1)]
    # 2m = 12.2; of two halves of 6.1 chance puts half inside, and 0.2 of 12.2 is between them.
    assert view.plateaus[1].low == pytest.approx(0.2 / 12.2 / 0.5, abs=1e-6)
    assert view.plateaus[1].modularity == pytest.approx(12 / 12.2 - 0.5, abs=1e-6)


def test_the_widest_range_that_parts_the_statements_is_the_one_to_ask_for(stored: Engine):
    with reading(stored) as session:
        view = resolutions_view(session, run=2, wanted=Resolutions(1e-6, 1.5, 20))
    lines = list(resolutions(view))

    # The middle of 0.0328 and 1.5; the first range is wider, but leaves all together.
    assert lines[-1].endswith(f"--method {DEFAULT_METHOD} --resolution 0.222")
    assert lines[2].count("#") == 30 > lines[3].count("#") > 0


def test_another_method_than_that_of_the_run_is_refused(stored: Engine):
    with reading(stored) as session, pytest.raises(ConfigError, match="not of leiden_semantic"):
        resolutions_view(session, "leiden_semantic", 2)
