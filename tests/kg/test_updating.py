"""Updates: new statements join what stands, and taking them back leaves no trace."""

from collections.abc import Sequence
from pathlib import Path

import igraph as ig
import numpy as np
import pytest
from sqlalchemy import Engine, event
from sqlalchemy import update as change_rows
from sqlmodel import Session, func, select

from kg import updating
from kg.clustering import METHODS, cluster
from kg.communities import branch_of, children_of, members_by_community, members_of, tree_of
from kg.db import open_engine, reading, writing
from kg.embedders import Embedder
from kg.errors import ConfigError, NotFoundError
from kg.evidence import DecompositionDraft, PredictionDraft, Store, SubcomponentDraft
from kg.ids import content_id
from kg.journal import amendments_of, moves_of, standing_of
from kg.labellers.offline import OfflineLabeller
from kg.labelling import label_run
from kg.removal import remove_sources
from kg.runs import run_of
from kg.tables import (
    Amendment,
    Community,
    Embedding,
    Graph,
    Label,
    Membership,
    Move,
    Prediction,
    Run,
    RunKind,
    RunStatus,
    Side,
    Source,
    Statement,
)
from kg.updating import update
from tests.kg.conftest import CLAIM, FINDING, STATEMENTS, NoConfig, Said, fill

LAST = "What probes read"
OLD = [said for said in STATEMENTS if said.source != LAST]
NEW = [said for said in STATEMENTS if said.source == LAST]
THIRD = [
    Said("On rain", FINDING, "Rain fell on the weather station for the whole of the experiment"),
    Said("On rain", FINDING, "The weather station measured the rain of the experiment twice"),
    Said(
        "On rain", CLAIM, "Induction heads explain in-context learning only in small transformers"
    ),
    Said("On rain", CLAIM, OLD[0].text, "Says again what another article begins with."),
]


_DECOMPOSITION = DecompositionDraft(
    subcomponents=[
        SubcomponentDraft(matrix="embed", index=0, mean_importance=1, is_alive=True, norm=1)
    ],
    metrics={},
)


def _source(title: str) -> str:
    return content_id("src", title)


def _rows(engine: Engine) -> dict[str, list[tuple]]:
    """Return everything derived that a run is read from."""
    with reading(engine) as session:
        return {
            table.__name__: [
                tuple(row.model_dump().values()) for row in session.exec(select(table))
            ]
            for table in (Graph, Community, Membership)
        }


def _clustered(engine: Engine, minilm: Embedder, said: Sequence[Said] = OLD) -> list[int]:
    fill(engine, said)
    return [cluster(engine, method, minilm).run for method in sorted(METHODS)]


def _partitions(engine: Engine, runs: Sequence[int]) -> list[set[frozenset[str]]]:
    with reading(engine) as session:
        return [set(members_by_community(session, run).values()) for run in runs]


def _check(engine: Engine, run: int) -> None:
    """Make sure that a run is as a clustering makes it."""
    with reading(engine) as session:
        members = members_by_community(session, run)
        tree = tree_of(session, run)
        graph = session.get(Graph, run)
        everybody = sorted(session.exec(select(Statement.id)))
        top = [node.id for node in tree if node.parent is None]
        assert sorted(held for node in top for held in members[node]) == everybody
        assert graph.statement_ids.split("\n") == everybody
        for node in tree:
            parts = [child.id for child in children_of(session, node.id)]
            held = sorted(statement for part in parts for statement in members[part])
            assert held in ([], members_of(session, node.id))
            assert len(parts) != 1
            assert node.level == 0 or node.members > 1
        head, tail = (np.frombuffer(column, "<i4") for column in (graph.head, graph.tail))
        pairs = head.astype(np.int64) * len(everybody) + tail
        assert (np.diff(pairs) > 0).all()
        assert (head < tail).all()
        total = sum(
            weight * np.frombuffer(getattr(graph, name), "<f4")
            for name, weight in graph.layers.items()
        )
        assert np.allclose(np.frombuffer(graph.weight, "<f4"), total, atol=1e-5)
        tied = ig.Graph(len(everybody), list(zip(head.tolist(), tail.tolist(), strict=True)))
        place = {identifier: at for at, identifier in enumerate(everybody)}
        for node in tree:
            held = [place[statement] for statement in members[node.id]]
            assert tied.induced_subgraph(held).is_connected(), node.id


def test_new_statements_join_the_communities_of_every_method(engine: Engine, minilm: Embedder):
    runs = _clustered(engine, minilm)
    fill(engine, NEW)

    reports = update(engine, minilm)

    assert [report.clustering_run for report in reports] == runs
    assert [report.added for report in reports] == [len(NEW)] * len(runs)
    for run in runs:
        _check(engine, run)


@pytest.mark.parametrize("method", ["leiden_semantic", "leiden_hybrid_concepts"])
def test_the_graph_is_the_one_that_a_full_run_would_have_built(
    method: str, engine: Engine, minilm: Embedder
):
    fill(engine, OLD)
    updated = cluster(engine, method, minilm).run
    fill(engine, [*NEW, *THIRD])
    update(engine, minilm)

    full = cluster(engine, method, minilm).run

    with reading(engine) as session:
        ours, theirs = session.get(Graph, updated), session.get(Graph, full)
        assert ours.statement_ids == theirs.statement_ids
        pairs = [
            {
                pair: value
                for *pair_, value in zip(
                    np.frombuffer(graph.head, "<i4").tolist(),
                    np.frombuffer(graph.tail, "<i4").tolist(),
                    np.frombuffer(graph.semantic, "<f4").tolist(),
                    strict=True,
                )
                if value and (pair := tuple(pair_))
            }
            for graph in (ours, theirs)
        ]
    assert pairs[0].keys() == pairs[1].keys()
    assert all(abs(pairs[0][pair] - pairs[1][pair]) < 3e-6 for pair in pairs[0])


def test_adding_a_source_and_deleting_it_gives_back_what_stood_to_the_byte(
    engine: Engine, minilm: Embedder
):
    _clustered(engine, minilm)
    before = _rows(engine)

    fill(engine, THIRD)
    update(engine, minilm)
    between = _rows(engine)
    report = remove_sources(engine, [_source("On rain")], lambda: minilm)

    assert between != before
    assert _rows(engine) == before
    assert all(each.taken_back == 1 for each in report.updates)


def test_deleting_what_was_added_first_keeps_every_invariant_and_then_all_can_be_taken_back(
    engine: Engine, minilm: Embedder
):
    runs = _clustered(engine, minilm)
    before = _rows(engine)
    for batch in (NEW, THIRD):
        fill(engine, batch)
        update(engine, minilm)

    remove_sources(engine, [_source(LAST)], lambda: minilm)
    for run in runs:
        _check(engine, run)
    remove_sources(engine, [_source("On rain")], lambda: minilm)

    assert _rows(engine) == before


def test_what_was_taken_back_can_be_added_again(engine: Engine, minilm: Embedder):
    runs = _clustered(engine, minilm)
    fill(engine, NEW)
    update(engine, minilm)
    once = _rows(engine)["Graph"], _partitions(engine, runs)
    remove_sources(engine, [_source(LAST)], lambda: minilm)

    fill(engine, NEW)
    update(engine, minilm)

    assert (_rows(engine)["Graph"], _partitions(engine, runs)) == once
    assert update(engine, minilm) == []
    for run in runs:
        _check(engine, run)


def test_a_note_that_a_later_source_adds_is_taken_back_with_it(engine: Engine, minilm: Embedder):
    _clustered(engine, minilm)
    with reading(engine) as session:
        vectors = dict(session.exec(select(Embedding.statement_id, Embedding.vector)).all())
    before = _rows(engine)
    fill(engine, [Said("A review", OLD[1].kind, OLD[1].text, "What the review disputes.")])

    (report, *_) = update(engine, minilm)
    remove_sources(engine, [_source("A review")], lambda: minilm)

    assert (report.added, report.removed) == (0, 0)
    assert _rows(engine) == before
    with reading(engine) as session:
        assert dict(session.exec(select(Embedding.statement_id, Embedding.vector)).all()) == vectors


def test_many_sources_leave_in_one_update_of_each_run(engine: Engine, minilm: Embedder):
    runs = _clustered(engine, minilm, [*OLD, *NEW])

    report = remove_sources(engine, [_source(LAST), _source("Notes on induction")], lambda: minilm)

    assert [each.clustering_run for each in report.updates] == runs
    with reading(engine) as session:
        kinds = session.exec(select(Run.kind).where(Run.kind == RunKind.UPDATE)).all()
        left = session.exec(select(Source.title).order_by(Source.title)).all()
        assert session.exec(select(func.count()).select_from(Embedding)).one() == len(
            session.exec(select(Statement.id)).all()
        )
    assert len(kinds) == len(runs)
    assert left == ["Dictionaries, revisited", "What weights say"]
    for run in runs:
        _check(engine, run)


def test_a_statement_that_another_source_makes_stays(engine: Engine, minilm: Embedder):
    runs = _clustered(engine, minilm, [*OLD, *THIRD])

    report = remove_sources(engine, [_source("On rain")], lambda: minilm)

    assert report.statements == len(THIRD) - 1
    for run in runs:
        _check(engine, run)
    with reading(engine) as session:
        texts = session.exec(select(Statement.text)).all()
    assert OLD[0].text in texts


def test_an_older_run_loses_what_is_removed_and_nobody_in_it_moves(
    engine: Engine, minilm: Embedder
):
    fill(engine, [*OLD, *NEW])
    older = cluster(engine, "leiden_semantic", minilm).run
    cluster(engine, "leiden_semantic", minilm, seed=1)
    with reading(engine) as session:
        before = dict(
            session.exec(
                select(Membership.statement_id, Membership.community_id).where(
                    Membership.run_id == older
                )
            ).all()
        )

    remove_sources(engine, [_source(LAST)], lambda: minilm)

    _check(engine, older)
    with reading(engine) as session:
        after = session.exec(
            select(Membership.statement_id, Membership.community_id).where(
                Membership.run_id == older
            )
        ).all()
    assert len(after) == len(OLD)
    assert all(home.startswith(before[i]) or before[i].startswith(home) for i, home in after)


def test_statements_that_are_tied_to_nobody_are_their_own_and_never_dropped(
    engine: Engine, minilm: Embedder
):
    (run,) = [cluster(engine, "leiden_concepts", minilm).run]
    fill(engine, THIRD[:1])
    update(engine, minilm)
    fill(engine, OLD)

    update(engine, minilm)

    _check(engine, run)
    with reading(engine) as session:
        assert len(amendments_of(session, run)) == 2


def test_an_update_of_nothing_records_no_run(engine: Engine, minilm: Embedder):
    _clustered(engine, minilm)
    with reading(engine) as session:
        before = session.exec(select(func.count()).select_from(Run)).one()

    assert update(engine, minilm) == []

    with reading(engine) as session:
        assert session.exec(select(func.count()).select_from(Run)).one() == before


def test_a_run_says_what_is_not_in_it_yet_and_that_it_has_drifted(engine: Engine, minilm: Embedder):
    run = _clustered(engine, minilm)[0]
    fill(engine, NEW)
    with reading(engine) as session:
        behind = standing_of(session, run_of(session, run))

    reports = update(engine, minilm)

    with reading(engine) as session:
        standing = standing_of(session, run_of(session, run))
    assert (behind.missing, behind.updated_at, behind.drifted) == (len(NEW), None, "")
    assert (standing.missing, standing.updated_at is None) == (0, False)
    assert standing.drifted == reports[0].drifted
    assert f"3 statements have come or gone since run {run}" in standing.drifted


def test_among_few_the_loss_is_estimated_however_little_has_come(
    engine: Engine, minilm: Embedder, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(updating, "_CHECK_EVERY", 10)
    _clustered(engine, minilm)
    fill(engine, NEW[:1])

    assert {report.loss is None for report in update(engine, minilm)} == {False}
    monkeypatch.setattr(updating, "_CHECK_ALWAYS_UP_TO", 0)
    fill(engine, THIRD[:1])
    assert {report.loss_at for report in update(engine, minilm)} == {1}


def test_every_statement_that_joins_moves_or_leaves_is_in_the_journal(
    engine: Engine, minilm: Embedder
):
    _clustered(engine, minilm)
    ids = fill(engine, NEW)

    (report, *_) = update(engine, minilm)
    (removal, *_) = remove_sources(engine, [_source(LAST)], lambda: minilm).updates

    with reading(engine) as session:
        joined = {move.statement_id: move for move in moves_of(session, report.run)}
        left = {move.statement_id: move for move in moves_of(session, removal.run)}
    assert {i for i, move in joined.items() if move.before is None} == set(ids)
    assert {i for i, move in left.items() if move.after is None} == set(ids)
    assert all(left[i].before == joined[i].after for i in ids)
    assert all(0 <= joined[i].certainty_after <= 1 for i in ids)


def test_another_embedding_model_or_a_method_that_never_ran_is_refused(
    engine: Engine, minilm: Embedder
):
    class Other:
        name = "other-12345678"

        def embed(self, texts, on_progress=None):
            raise AssertionError(texts, on_progress)

    with pytest.raises(ConfigError, match="claimgraph cluster` first"):
        update(engine, minilm)
    fill(engine, OLD)
    cluster(engine, "leiden_semantic", minilm)
    fill(engine, NEW)

    with pytest.raises(
        ConfigError, match=r"other-12345678 is named now.*`claimgraph embed`.*leiden_semantic"
    ):
        update(engine, Other())
    with pytest.raises(ConfigError, match="claimgraph cluster --method leiden_concepts"):
        update(engine, minilm, "leiden_concepts")


@pytest.mark.parametrize(
    "words", ["INSERT INTO graph", "INSERT INTO membership", "DELETE FROM source"]
)
def test_an_interrupted_removal_leaves_everything_as_it_was(
    words: str, tmp_path: Path, minilm: Embedder
):
    engine = open_engine(tmp_path / "a.db")
    fill(engine, OLD)
    cluster(engine, "leiden_semantic", minilm)
    fill(engine, NEW)
    before = _rows(engine)

    def interrupt(_connection, _cursor, statement, _parameters, _context, _many):
        if statement.startswith(words):
            raise KeyboardInterrupt

    event.listen(engine, "before_cursor_execute", interrupt)
    with pytest.raises(KeyboardInterrupt):
        remove_sources(engine, [_source("Notes on induction")], lambda: minilm)
    event.remove(engine, "before_cursor_execute", interrupt)

    assert _rows(engine) == before
    with reading(engine) as session:
        run = session.exec(select(Run).order_by(Run.id.desc())).first()
        assert (run.kind, run.status, run.error) == (
            RunKind.UPDATE,
            RunStatus.FAILED,
            "interrupted",
        )
        assert len(session.exec(select(Source.id)).all()) == 4


def test_a_source_that_does_not_exist_stops_the_whole_removal(engine: Engine, minilm: Embedder):
    _clustered(engine, minilm)
    before = _rows(engine)

    with pytest.raises(NotFoundError, match="src_nowhere"):
        remove_sources(engine, [_source("Notes on induction"), "src_nowhere"], lambda: minilm)

    assert _rows(engine) == before


def test_a_statement_that_was_tested_holds_its_source_unless_the_evidence_goes_too(
    engine: Engine, minilm: Embedder, tmp_path: Path
):
    fill(engine, OLD)
    cluster(engine, "leiden_semantic", minilm)
    (tested, *_) = fill(engine, NEW)
    store = Store(engine, tmp_path)
    with store.decomposing("spd", NoConfig(), seed=0) as (decomposition, folder):
        (folder / "tensors.txt").write_text("five directions", encoding="utf-8")
        store.add_decomposition(decomposition, "toy", _DECOMPOSITION)
    with store.experimenting("recovery", NoConfig(), seed=0) as run_id:
        draft = PredictionDraft(
            statement_id=tested,
            experiment="recovery",
            side=Side.ABOVE,
            threshold=0.9,
            unit="share",
            sentence="It is recovered.",
        )
        store.state(draft, decomposition, run_id)
    before = _rows(engine)

    with pytest.raises(ConfigError, match=f"{tested} .*has been tested.*--with-evidence"):
        remove_sources(engine, [_source(LAST)], lambda: minilm)
    assert _rows(engine) == before
    report = remove_sources(engine, [_source(LAST)], lambda: minilm, with_evidence=True)

    with reading(engine) as session:
        assert session.exec(select(Prediction.id)).all() == []
    assert report.evidence == 1


def test_a_community_that_an_update_makes_is_named_unlike_the_others_and_they_keep_their_names(
    engine: Engine, minilm: Embedder
):
    fill(engine, OLD)
    run = cluster(engine, "leiden_hybrid_concepts", minilm).run
    label_run(engine, run, OfflineLabeller())
    fill(engine, THIRD[:2])
    with reading(engine) as session:
        before = {node.id: node.label for node in tree_of(session, run)}

    (report,) = update(engine, minilm)

    with reading(engine) as session:
        after = {node.id: node for node in tree_of(session, run)}
        assert _rows_by_run(session, run) == [len(before), report.communities_new]
    assert report.communities_new
    assert all(after[known].label == label for known, label in before.items())
    tops = [node.label.casefold() for node in after.values() if node.parent is None]
    assert all(node.label for node in after.values())
    assert len(set(tops)) == len(tops)
    again = remove_sources(engine, [_source("On rain")], lambda: minilm)
    with reading(engine) as session:
        assert {node.id: node.label for node in tree_of(session, run)} == before
    assert again.updates[0].taken_back == 1


def _interrupted_before_naming(path: Path, minilm: Embedder) -> tuple[Engine, int]:
    """Cluster and name, and stop an update before its labels are stored; returns the clustering."""
    engine = open_engine(path / "a.db")
    fill(engine, OLD)
    run = cluster(engine, "leiden_hybrid_concepts", minilm).run
    label_run(engine, run, OfflineLabeller())
    fill(engine, THIRD[:2])

    def interrupt(_connection, _cursor, statement, _parameters, _context, _many):
        if statement.startswith("INSERT INTO label"):
            raise KeyboardInterrupt

    event.listen(engine, "before_cursor_execute", interrupt)
    with pytest.raises(KeyboardInterrupt):
        update(engine, minilm)
    event.remove(engine, "before_cursor_execute", interrupt)
    with reading(engine) as session:
        assert not all(node.label for node in tree_of(session, run))
    return engine, run


def _labellings(engine: Engine) -> list[int | None]:
    """Return after which update each labelling that succeeded was, if it was after one."""
    with reading(engine) as session:
        runs = session.exec(
            select(Run)
            .where(Run.kind == RunKind.LABELLING, Run.status == RunStatus.SUCCEEDED)
            .order_by(Run.id)
        )
        return [run.config.get("update") for run in runs]


def test_labels_that_an_interrupted_update_left_are_seen_to_by_the_next(
    tmp_path: Path, minilm: Embedder
):
    engine, run = _interrupted_before_naming(tmp_path, minilm)
    with reading(engine) as session:
        interrupted = session.exec(select(Amendment.run_id)).one()

    assert update(engine, minilm) == []
    assert update(engine, minilm) == []

    with reading(engine) as session:
        assert all(node.label for node in tree_of(session, run))
    assert _labellings(engine) == [None, interrupted]


def test_labels_that_an_interrupted_update_left_are_seen_to_before_sources_leave(
    tmp_path: Path, minilm: Embedder
):
    engine, run = _interrupted_before_naming(tmp_path, minilm)

    remove_sources(engine, [_source("Notes on induction")], lambda: minilm)

    with reading(engine) as session:
        interrupted, removal = session.exec(select(Amendment.run_id).order_by(Amendment.run_id))
        rows = session.exec(select(Run).where(Run.kind == RunKind.LABELLING)).all()
        assert all(node.label for node in tree_of(session, run))
    (late,) = [
        row.id
        for row in rows
        if row.config.get("update") == interrupted and row.status is RunStatus.SUCCEEDED
    ]
    assert late < removal


def test_after_a_run_is_named_anew_nothing_is_left_to_see_to(tmp_path: Path, minilm: Embedder):
    engine, run = _interrupted_before_naming(tmp_path, minilm)

    label_run(engine, run, OfflineLabeller())

    assert update(engine, minilm) == []
    assert _labellings(engine) == [None, None]


def _rows_by_run(session: Session, run: int) -> list[int]:
    """Return how many communities of a run each labelling named."""
    rows = session.exec(
        select(func.count())
        .select_from(Label)
        .where(Label.community_id.startswith(f"leiden_hybrid_concepts-run{run}-"))
        .group_by(Label.run_id)
        .order_by(Label.run_id)
    )
    return list(rows)


def test_a_run_that_nobody_has_named_stays_without_names(engine: Engine, minilm: Embedder):
    fill(engine, OLD)
    run = cluster(engine, "leiden_hybrid_concepts", minilm).run
    fill(engine, THIRD[:2])

    (report,) = update(engine, minilm)

    with reading(engine) as session:
        assert not any(node.label for node in tree_of(session, run))
    assert report.communities_new


def test_what_was_measured_of_a_community_holds_until_an_update_changes_it(
    engine: Engine, minilm: Embedder
):
    fill(engine, OLD)
    cluster(engine, "leiden_semantic", minilm)
    known = {"stability": 0.5, "chance_stability": 0.25, "is_well_connected": True}
    with writing(engine) as session:
        session.execute(change_rows(Community).values(known))
    before = _rows(engine)
    fill(engine, NEW)

    update(engine, minilm)

    with reading(engine) as session:
        moves = session.exec(select(Move.before, Move.after)).all()
        changed = {part for move in moves for home in move if home for part in branch_of(home)}
        for row in session.exec(select(Community)):
            assert (row.stability is None) == (row.id in changed)
            assert (row.is_well_connected is None) == (row.id in changed)
    remove_sources(engine, [_source(LAST)], lambda: minilm)
    assert _rows(engine) == before
