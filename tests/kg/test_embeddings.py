"""Embeddings: made once, made again when the text changes, and none of it twice."""

from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Engine
from sqlmodel import func, select

from kg import embeddings
from kg.db import open_engine, reading
from kg.embedders import Embedder
from kg.embeddings import embed_missing, embedded_text, vector_parts, vectors_of
from kg.errors import NotFoundError
from kg.tables import Embedding, Run, RunKind, RunStatus
from tests.kg.conftest import CLAIM, STATEMENTS, Said, fill


def _embedding_runs(engine: Engine) -> list[tuple[RunStatus, dict]]:
    with reading(engine) as session:
        runs = session.exec(select(Run).where(Run.kind == RunKind.EMBEDDING).order_by(Run.id))
        return [(run.status, run.result) for run in runs]


def test_a_closing_full_stop_makes_no_difference_and_a_note_does():
    assert embedded_text("It works.", "") == embedded_text("It works", "") == "It works"
    assert embedded_text("It works.", "Says so.") == "It works. Says so."


def test_statements_are_embedded_once(engine: Engine, minilm: Embedder):
    fill(engine)

    first = embed_missing(engine, minilm)
    second = embed_missing(engine, minilm)

    assert (first, second) == (len(STATEMENTS), 0)
    (status, result), *others = _embedding_runs(engine)
    assert status is RunStatus.SUCCEEDED
    assert result["statements"] == len(STATEMENTS)
    assert others == []


def test_vectors_come_in_the_order_that_is_asked_for(engine: Engine, minilm: Embedder):
    ids = fill(engine)
    embed_missing(engine, minilm)
    wanted = [ids[5], ids[0], ids[5]]

    with reading(engine) as session:
        vectors = vectors_of(session, minilm.name, wanted)

    texts = [embedded_text(STATEMENTS[place].text, STATEMENTS[place].note) for place in (5, 0, 5)]
    assert vectors.tobytes() == minilm.embed(texts).tobytes()


def test_many_vectors_come_as_few_do(
    engine: Engine, minilm: Embedder, monkeypatch: pytest.MonkeyPatch
):
    ids = fill(engine)
    embed_missing(engine, minilm)
    wanted = [ids[5], ids[0], *ids[7:], ids[5]]
    with reading(engine) as session:
        few = vectors_of(session, minilm.name, wanted)
        monkeypatch.setattr(embeddings, "_FEW", 0)
        monkeypatch.setattr(embeddings, "_ROWS_PER_READ", 4)
        many = vectors_of(session, minilm.name, wanted)

        with pytest.raises(NotFoundError, match="stm_none"):
            vectors_of(session, minilm.name, [*ids, "stm_none"])

    assert len(few) == len(wanted)
    assert many.tobytes() == few.tobytes()


def test_the_parts_of_the_vectors_make_up_all_of_them(
    tmp_path: Path, minilm: Embedder, monkeypatch: pytest.MonkeyPatch
):
    engine = open_engine(tmp_path / "some folder with 100 %.db")
    ids = fill(engine)
    embed_missing(engine, minilm)
    monkeypatch.setattr(embeddings, "_PARTS_FROM", 2)
    monkeypatch.setattr(embeddings, "_PARTS", 3)
    monkeypatch.setattr(embeddings, "_ROWS_PER_READ", 2)

    with reading(engine) as session:
        parts = vector_parts(session, minilm.name, ids[2:])
        blocks = [*parts.blocks([1]), *parts.blocks([2, 0])]
        expected = vectors_of(session, minilm.name, ids[2:])

    assert parts.n == 3
    places = np.concatenate([places for places, _ in blocks])
    vectors = np.concatenate([vectors for _, vectors in blocks])
    assert sorted(places.tolist()) == list(range(len(ids) - 2))
    assert vectors[np.argsort(places)].tobytes() == expected.tobytes()


def test_the_vectors_of_a_database_in_memory_are_one_part(
    engine: Engine, minilm: Embedder, monkeypatch: pytest.MonkeyPatch
):
    ids = fill(engine)
    embed_missing(engine, minilm)
    monkeypatch.setattr(embeddings, "_PARTS_FROM", 2)

    with reading(engine) as session:
        parts = vector_parts(session, minilm.name, ids)
        n = sum(len(places) for places, _ in parts.blocks(range(parts.n)))

    assert parts.n == 1
    assert n == len(ids)


def test_a_statement_without_a_vector_is_named(engine: Engine, minilm: Embedder):
    ids = fill(engine)

    with reading(engine) as session, pytest.raises(NotFoundError, match=ids[0]):
        vectors_of(session, minilm.name, ids)


def test_a_statement_whose_note_changes_is_embedded_again(engine: Engine, minilm: Embedder):
    said = Said("First", CLAIM, "Probes read more than models use")
    (identifier,) = fill(engine, [said])
    embed_missing(engine, minilm)
    with reading(engine) as session:
        before = vectors_of(session, minilm.name, [identifier])

    fill(engine, [said._replace(source="Second", note="A warning about linear probes.")])
    embedded = embed_missing(engine, minilm)

    with reading(engine) as session:
        after = vectors_of(session, minilm.name, [identifier])
    assert embedded == 1
    assert not np.array_equal(before, after)


def test_an_interrupted_run_keeps_its_vectors_and_the_next_makes_only_the_others(
    engine: Engine, minilm: Embedder, monkeypatch: pytest.MonkeyPatch
):
    ids = fill(engine)
    monkeypatch.setattr(embeddings, "_TEXTS_PER_TRANSACTION", 4)

    def interrupt(done: int, _total: int) -> None:
        if done > 8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        embed_missing(engine, minilm, interrupt)
    with reading(engine) as session:
        kept = session.exec(select(func.count()).select_from(Embedding)).one()
    others = embed_missing(engine, minilm)

    assert (kept, others) == (8, len(ids) - 8)
    assert [status for status, _ in _embedding_runs(engine)] == [
        RunStatus.FAILED,
        RunStatus.SUCCEEDED,
    ]
    texts = [embedded_text(said.text, said.note) for said in STATEMENTS]
    with reading(engine) as session:
        vectors = vectors_of(session, minilm.name, ids)
    assert vectors.tobytes() == minilm.embed(texts).tobytes()
