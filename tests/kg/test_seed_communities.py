"""On the statements that the project started from, where the checkout has them beside it."""

import json
import os
from pathlib import Path

import pytest
from sqlalchemy import Engine

from kg.clustering import cluster
from kg.communities import children_of, members_by_community, members_of, tree_of
from kg.db import reading
from kg.embedders import Embedder
from kg.tables import StatementKind
from tests.kg.conftest import Said, fill

SEED = os.environ.get("CLAIMGRAPH_TEST_SEED", "")

ATTRIBUTION_GRAPHS = {16, 17, 18, 19, 22}
"""Lines of the findings on which subcomponents a prediction flows through, from 0."""


@pytest.mark.skipif(not SEED, reason="no seed is given")
@pytest.mark.parametrize("method", ["leiden_semantic", "leiden_hybrid_concepts"])
def test_the_findings_on_attribution_graphs_are_a_community(
    method: str, engine: Engine, minilm: Embedder
):
    rows = [json.loads(line) for line in Path(SEED).read_text(encoding="utf-8").splitlines()]
    said = [
        Said(row["source"]["title"], StatementKind(row["kind"]), row["text"], row.get("note", ""))
        for row in rows
    ]
    ids = fill(engine, said)

    report = cluster(engine, method, minilm)

    with reading(engine) as session:
        members = members_by_community(session, report.run)
        tree = tree_of(session, report.run)
        top = [node.id for node in tree if node.parent is None]
        assert sorted(held for node in top for held in members[node]) == sorted(ids)
        for node in tree:
            parts = [child.id for child in children_of(session, node.id)]
            held = sorted(statement for part in parts for statement in members[part])
            assert held in ([], members_of(session, node.id))
    assert {ids[line] for line in ATTRIBUTION_GRAPHS} in [set(held) for held in members.values()]
