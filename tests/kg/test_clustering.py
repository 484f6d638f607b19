"""Clustering: the same statements give the same communities, wholly or not at all."""

import random
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError
from sqlalchemy import Engine, event
from sqlmodel import func, select

from kg import clustering, hybrid_graph
from kg.clustering import METHODS, cluster
from kg.communities import (
    certainties_of,
    children_of,
    community_id,
    edges_of,
    members_by_community,
    members_of,
    tree_of,
)
from kg.db import open_engine, reading, writing
from kg.embedders import Embedder, Vectors
from kg.errors import ConfigError
from kg.leiden import LeidenConfig
from kg.neighbours import Neighbours, nearest_neighbours
from kg.relations import RelationDraft, add_relations
from kg.runs import active_run, run_of
from kg.stored_graph import stored_graph
from kg.tables import Community, Embedding, Graph, Membership, Run, RunKind, RunStatus
from tests.kg.conftest import FINDING, STATEMENTS, Said, fill


def _count(engine: Engine, table: type) -> int:
    with reading(engine) as session:
        return session.exec(select(func.count()).select_from(table)).one()


@pytest.mark.parametrize("method", sorted(METHODS))
def test_the_order_in_which_statements_were_stored_makes_no_difference(
    method: str, minilm: Embedder
):
    shuffled = random.Random(3).sample(STATEMENTS, len(STATEMENTS))
    last_source = [said for said in STATEMENTS if said.source == STATEMENTS[-1].source]
    others = [said for said in STATEMENTS if said.source != STATEMENTS[-1].source]
    found = []
    for batches in ([shuffled], [last_source, others]):
        engine = open_engine(None)
        for batch in batches:
            fill(engine, batch)
            cluster(engine, "leiden_semantic", minilm)  # so that each batch is embedded by itself
        report = cluster(engine, method, minilm, seed=1)
        with reading(engine) as session:
            communities = members_by_community(session, report.run)
        prefix = community_id(method, report.run, [])
        found.append({name.removeprefix(prefix): held for name, held in communities.items()})

    assert found[0] == found[1]
    assert len(found[0]) > 2


@pytest.mark.parametrize("method", sorted(METHODS))
def test_children_partition_their_parent_and_the_top_level_all_statements(
    method: str, engine: Engine, minilm: Embedder
):
    ids = fill(engine)

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
        parents = {node.parent for node in tree} - {None}
        assert parents == {node.id for node in tree if children_of(session, node.id)}
    assert len(tree) == report.communities
    assert max(node.level for node in tree) + 1 == report.levels
    assert 0 < report.cutting_seconds <= report.seconds


def test_a_community_is_cut_again_where_that_is_better(engine: Engine, minilm: Embedder):
    fill(engine)

    report = cluster(engine, "leiden_concepts", minilm, leiden=LeidenConfig(n_seeds=1))

    with reading(engine) as session:
        deeper = [node for node in tree_of(session, report.run) if node.level]
        homes = session.exec(select(Membership.community_id).distinct()).all()
    assert report.levels == 2
    assert {node.parent for node in deeper}.isdisjoint(homes)


def test_statements_on_one_subject_come_together(engine: Engine, minilm: Embedder):
    ids = fill(engine)

    report = cluster(engine, "leiden_hybrid_concepts", minilm)

    with reading(engine) as session:
        top = [node.id for node in tree_of(session, report.run) if node.level == 0]
        together = {frozenset(members_of(session, node)) for node in top}
        edges = [edge[:2] for node in top for edge in edges_of(session, node)]
    on_heads = [i for i, said in zip(ids, STATEMENTS, strict=True) if "head" in said.text]
    on_probes = [i for i, said in zip(ids, STATEMENTS, strict=True) if "probe" in said.text]
    assert {frozenset(on_heads), frozenset(on_probes)} < together
    assert 2 <= len(top) <= 4
    assert report.modularity > 0.2
    assert len(edges) == len(set(edges)) > len(ids)
    assert all(head < tail for head, tail in edges)


@pytest.mark.parametrize(
    ("method", "layers"),
    [
        ("leiden_concepts", {"concepts"}),
        ("leiden_hybrid_concepts", {"semantic", "concepts", "relations", "source"}),
        ("leiden_relations", {"relations", "source"}),
        ("leiden_semantic", {"semantic"}),
    ],
)
def test_each_method_ties_statements_by_its_layers(
    method: str, layers: set[str], engine: Engine, minilm: Embedder
):
    ids = fill(engine)
    with writing(engine) as session:
        add_relations(session, [RelationDraft(head=ids[4], kind="cites", tail=ids[5])])

    report = cluster(engine, method, minilm)

    with reading(engine) as session:
        top = [node.id for node in tree_of(session, report.run) if node.level == 0]
        edges = [edge for node in top for edge in edges_of(session, node)]
        stored = session.get(Graph, report.run)
    found = {name for name in stored.layers if any(getattr(edge, name) for edge in edges)}
    assert found == layers
    for edge in edges:
        total = sum(stored.layers[name] * getattr(edge, name) for name in stored.layers)
        assert edge.weight == pytest.approx(total, abs=1e-5)


def test_relations_bring_statements_of_different_sources_together(engine: Engine, minilm: Embedder):
    ids = fill(engine)
    by_source: dict[str, list[str]] = {}
    for identifier, said in zip(ids, STATEMENTS, strict=True):
        by_source.setdefault(said.source, []).append(identifier)
    apart = cluster(engine, "leiden_relations", minilm)
    weights, probes = by_source["What weights say"], by_source["What probes read"]
    drafts = [
        RelationDraft(head=probe, kind="contradicts", tail=weight)
        for probe in probes
        for weight in weights
    ]
    with writing(engine) as session:
        add_relations(session, drafts)

    together = cluster(engine, "leiden_relations", minilm)

    with reading(engine) as session:
        tops = [
            {
                frozenset(members_of(session, node.id))
                for node in tree_of(session, report.run)
                if node.level == 0
            }
            for report in (apart, together)
        ]
    assert all(any(top <= set(held) for held in by_source.values()) for top in tops[0])
    assert frozenset(weights + probes) in tops[1]


def test_a_run_records_all_that_it_was_configured_with_and_what_it_found(
    engine: Engine, minilm: Embedder
):
    fill(engine)

    report = cluster(engine, "leiden_semantic", minilm, seed=5)

    with reading(engine) as session:
        run = run_of(session, report.run)
    assert (run.status, run.seed, run.method) == (RunStatus.SUCCEEDED, 5, "leiden_semantic")
    assert run.config["model"] == minilm.name
    assert run.config["leiden"]["seed"] == 5
    assert run.config["graph"] == METHODS["leiden_semantic"].model_dump()
    assert run.result == {
        name: value for name, value in report._asdict().items() if name not in ("run", "method")
    }


def test_the_ids_of_communities_carry_method_run_and_path(engine: Engine, minilm: Embedder):
    fill(engine)

    first = cluster(engine, "leiden_concepts", minilm)
    second = cluster(engine, "leiden_concepts", minilm)

    with reading(engine) as session:
        names = [[node.id for node in tree_of(session, run)] for run in (first.run, second.run)]
    assert names[0][0] == f"leiden_concepts-run{first.run}-c0"
    assert [n.replace(f"run{first.run}", f"run{second.run}") for n in names[0]] == names[1]


@pytest.mark.parametrize("method", sorted(METHODS))
@pytest.mark.parametrize("n", [0, 1, 2])
def test_few_statements_are_clustered_at_once(
    n: int, method: str, engine: Engine, minilm: Embedder
):
    ids = fill(engine, STATEMENTS[:n])

    report = cluster(engine, method, minilm)

    with reading(engine) as session:
        communities = members_by_community(session, report.run)
    assert (report.statements, report.levels, report.modularity) == (n, min(n, 1), 0)
    assert sorted(held for one in communities.values() for held in one) == sorted(ids)


def test_the_same_sentence_as_claim_and_as_finding_is_one_community(
    engine: Engine, minilm: Embedder
):
    said = STATEMENTS[4]
    ids = fill(
        engine,
        [
            said,
            Said("Elsewhere", FINDING, "It rained in Leiden"),
            said._replace(source="Again", kind=STATEMENTS[0].kind),
        ],
    )

    report = cluster(engine, "leiden_semantic", minilm)

    with reading(engine) as session:
        largest, *_ = tree_of(session, report.run)
        assert members_of(session, largest.id) == sorted([ids[0], ids[2]])


def _interrupt_at(engine: Engine, words: str) -> Callable[[], None]:
    """Have the database be interrupted, as by Ctrl-C, at the statement that begins like this."""

    def interrupt(_connection, _cursor, statement, _parameters, _context, _many):
        if statement.startswith(words):
            raise KeyboardInterrupt

    event.listen(engine, "before_cursor_execute", interrupt)
    return lambda: event.remove(engine, "before_cursor_execute", interrupt)


@pytest.mark.parametrize(
    "words", ["INSERT INTO community", "INSERT INTO membership", "INSERT INTO graph"]
)
def test_an_interrupted_run_leaves_nothing_and_the_last_one_stays_active(
    words: str, tmp_path: Path, minilm: Embedder
):
    engine = open_engine(tmp_path / "a.db")
    fill(engine)
    before = cluster(engine, "leiden_semantic", minilm)
    rows = [_count(engine, table) for table in (Community, Membership, Graph, Embedding)]

    undo = _interrupt_at(engine, words)
    with pytest.raises(KeyboardInterrupt):
        cluster(engine, "leiden_semantic", minilm)
    undo()

    assert [_count(engine, table) for table in (Community, Membership, Graph, Embedding)] == rows
    with reading(engine) as session:
        latest = session.exec(select(Run).order_by(Run.id.desc())).first()
        active = active_run(session, RunKind.CLUSTERING, "leiden_semantic")
    assert (latest.status, latest.error) == (RunStatus.FAILED, "interrupted")
    assert active.id == before.run


def test_an_interrupted_embedding_starts_no_clustering(engine: Engine, minilm: Embedder):
    fill(engine)

    def interrupt(_done: int, _total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cluster(engine, "leiden_semantic", minilm, on_progress=interrupt)

    assert [_count(engine, table) for table in (Community, Membership, Graph, Embedding)] == [0] * 4
    with reading(engine) as session:
        kinds = session.exec(select(Run.kind, Run.status).where(Run.kind != RunKind.INGESTION))
        assert kinds.all() == [(RunKind.EMBEDDING, RunStatus.FAILED)]


def test_a_method_or_a_seed_that_does_not_exist_is_refused(engine: Engine, minilm: Embedder):
    with pytest.raises(ConfigError, match="leiden_hybrid_concepts"):
        cluster(engine, "louvain", minilm)
    with pytest.raises(ConfigError, match="-1"):
        cluster(engine, "leiden_semantic", minilm, seed=-1)

    assert _count(engine, Run) == 0


def test_stability_and_certainty_are_stored_with_the_run(engine: Engine, minilm: Embedder):
    fill(engine)

    report = cluster(engine, "leiden_hybrid_concepts", minilm, leiden=LeidenConfig(n_seeds=4))

    with reading(engine) as session:
        nodes = tree_of(session, report.run)
        sure = certainties_of(session, nodes[0].id)
        config = run_of(session, report.run).config["leiden"]
    assert (report.seeds, config["n_seeds"]) == (4, 4)
    for node in nodes:
        measured = (node.steadiness.stability, node.steadiness.chance_stability)
        assert all(0 < value <= 1 for value in measured if value is not None)
        assert (None in measured) == (node.members == 1)
    assert report.unstable == sum(node.steadiness.is_stable is False for node in nodes)
    assert all(0 < value <= 1 for value in sure.values())
    assert len(sure) == nodes[0].members


def test_a_resolution_can_be_asked_for_and_a_single_run_has_no_stability(
    engine: Engine, minilm: Embedder
):
    fill(engine)

    coarse, fine = (
        cluster(
            engine,
            "leiden_semantic",
            minilm,
            leiden=LeidenConfig(n_seeds=1, max_levels=1, resolution=resolution),
        )
        for resolution in (0.3, 3.0)
    )

    assert coarse.communities < fine.communities
    assert fine.unstable == 0
    with reading(engine) as session:
        assert all(n.steadiness.is_stable is None for n in tree_of(session, fine.run))
        assert run_of(session, fine.run).config["leiden"]["resolution"] == 3.0


def test_it_is_said_how_far_the_cuts_are(engine: Engine, minilm: Embedder):
    fill(engine)
    told: list[str] = []

    def tell(_done: int, _total: int, what: str = "") -> None:
        told.append(what)

    cluster(engine, "leiden_semantic", minilm, on_progress=tell, leiden=LeidenConfig(n_seeds=2))

    assert [what for what in dict.fromkeys(told) if "level 1" in what] == [
        "level 1, seeds",
        "level 1, ties redrawn",
        "level 1, seeds by chance",
        "level 1, ties by chance",
    ]


@pytest.mark.parametrize("most", [0, 20_000])
def test_layers_are_cut_as_a_multiplex_where_the_graph_is_small_and_the_run_says_so(
    most: int, engine: Engine, minilm: Embedder
):
    ids = fill(engine)
    leiden = LeidenConfig(layers="multiplex", max_multiplex_ties=most, n_seeds=2)

    report = cluster(engine, "leiden_hybrid_concepts", minilm, leiden=leiden)

    with reading(engine) as session:
        run = run_of(session, report.run)
        members = members_by_community(session, report.run)
        top = [node.id for node in tree_of(session, report.run) if node.level == 0]
    assert report.layers == run.result["layers"] == ("multiplex" if most else "sum")
    assert run.config["leiden"]["layers"] == "multiplex"
    assert sorted(held for one in top for held in members[one]) == sorted(ids)


def test_a_multiplex_from_the_bottom_up_is_refused():
    with pytest.raises(ValidationError, match="no multiplex"):
        LeidenConfig(layers="multiplex", direction="bottom_up")


@pytest.mark.skipif(sys.platform != "linux", reason="only there are processes forked")
def test_concepts_are_looked_for_beside_neighbours_with_the_same_result(
    engine: Engine, minilm: Embedder, monkeypatch: pytest.MonkeyPatch
):
    fill(engine)
    beside, found = [], []

    def children() -> set[str]:
        return set(Path("/proc/thread-self/children").read_text(encoding="ascii").split())

    others = children()

    def neighbours(vectors: Vectors, k: int) -> Neighbours:
        beside.append(len(children() - others))
        return nearest_neighbours(vectors, k)

    monkeypatch.setattr(hybrid_graph, "nearest_neighbours", neighbours)
    for least in (0, len(STATEMENTS) + 1):
        monkeypatch.setattr(clustering, "_BESIDE_FROM", least)
        report = cluster(engine, "leiden_hybrid_concepts", minilm)
        with reading(engine) as session:
            found.append(dict(stored_graph(session, report.run).edges))

    assert beside == [1, 0]
    np.testing.assert_equal(found[1], found[0])
    assert found[0]["concepts"].any()
