"""Search: words and vectors in one list, and no query that breaks it."""

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray
from sqlalchemy import Engine
from sqlmodel import select

from kg.db import open_engine, reading, writing
from kg.errors import ConfigError, NotFoundError
from kg.search import SearchHit, Within, search
from kg.tables import Embedding, Run, RunKind, RunStatus, Source, Statement, StatementKind
from tests.kg.small_graph import SAID, store_statements


class HandEmbedder:
    """Gives each text the vector written here for it; it has one axis a theme."""

    name = "hand"

    def __init__(self, vectors: dict[str, Sequence[float]]) -> None:
        self._vectors = vectors
        self.asked: list[str] = []

    def embed(self, texts: Sequence[str], on_progress: object = None) -> NDArray[np.float32]:
        del on_progress
        self.asked += texts
        return np.array([self._vectors[text] for text in texts], dtype=np.float32)


@pytest.fixture
def engine() -> Engine:
    return open_engine(None)


@pytest.fixture
def ids(engine: Engine) -> dict[str, str]:
    return store_statements(engine)


@pytest.fixture(scope="module")
def stored() -> tuple[Engine, dict[str, str]]:
    """One database for the many queries that only read its words."""
    engine = open_engine(None)
    return engine, store_statements(engine)


def _embed(engine: Engine, vectors: dict[str, Sequence[float]], model: str = "hand") -> None:
    with writing(engine) as session:
        run = Run(
            kind=RunKind.EMBEDDING,
            method=model,
            status=RunStatus.SUCCEEDED,
            code_version="0",
            started_at="2026-01-01T00:00:00Z",
        )
        session.add(run)
        session.flush()
        assert run.id is not None
        for statement, vector in vectors.items():
            session.add(
                Embedding(
                    statement_id=statement,
                    model=model,
                    text_sha256="",
                    vector=np.array(vector, "<f4").tobytes(),
                    run_id=run.id,
                )
            )


def _names(ids: dict[str, str], hits: Sequence[SearchHit]) -> list[str]:
    by_id = {identifier: name for name, identifier in ids.items()}
    return [by_id[hit.statement_id] for hit in hits]


def test_words_find_statements_without_any_model(engine: Engine, ids: dict[str, str]):
    with reading(engine) as session:
        hits = search(session, "linear probes", None, 10)

    assert sorted(_names(ids, hits)) == ["probe", "tense"]
    assert [hit.words_rank for hit in hits] == [1, 2]
    assert [hit.vector_rank for hit in hits] == [None, None]
    assert hits[0].score == pytest.approx(1 / 61)


def test_a_rare_word_counts_more_than_a_common_one(engine: Engine, ids: dict[str, str]):
    with reading(engine) as session:
        hits = search(session, "tied resampling", None, 10)

    assert _names(ids, hits)[0] == "dead"
    assert set(_names(ids, hits)) == {"dead", "ranks", "tied", "toy"}


def test_meaning_finds_what_words_do_not(engine: Engine, ids: dict[str, str]):
    _embed(engine, {ids["even"]: [1, 0], ids["odd"]: [0.6, 0.8], ids["toy"]: [0, 1]})

    with reading(engine) as session:
        hits = search(session, "heat", HandEmbedder({"heat": [1, 0]}), 10)

    assert _names(ids, hits) == ["even", "odd"]
    assert [hit.vector_rank for hit in hits] == [1, 2]


def test_the_two_rankings_are_fused_by_their_ranks(engine: Engine, ids: dict[str, str]):
    _embed(engine, {ids["even"]: [1, 0], ids["odd"]: [0.6, 0.8], ids["toy"]: [0.8, 0.6]})

    with reading(engine) as session:
        hits = search(session, "raw logs", HandEmbedder({"raw logs": [1, 0]}), 10)

    # odd: words 1, vectors 3; even: vectors 1; toy: vectors 2
    assert hits == [
        SearchHit(ids["odd"], 1 / 61 + 1 / 63, 1, 3),
        SearchHit(ids["even"], 1 / 61, None, 1),
        SearchHit(ids["toy"], 1 / 62, None, 2),
    ]


def test_equal_scores_go_by_id(engine: Engine, ids: dict[str, str]):
    said = {"ranks": "weight matrix", "odd": "raw logs", "even": "kitchen", "dead": "resampling"}
    first, second = sorted(said, key=ids.__getitem__)[:2]
    _embed(engine, {ids[first]: [1, 0]})

    with reading(engine) as session:
        hits = search(session, said[second], HandEmbedder({said[second]: [1, 0]}), 10)

    assert hits == [
        SearchHit(ids[first], 1 / 61, None, 1),
        SearchHit(ids[second], 1 / 61, 1, None),
    ]


def test_statements_that_are_equally_near_are_ranked_by_id(engine: Engine, ids: dict[str, str]):
    names = ("toy", "even", "dead")
    _embed(engine, {ids[name]: [1, 0] for name in names})

    with reading(engine) as session:
        hits = search(session, "heat", HandEmbedder({"heat": [1, 0]}), 10)

    assert [hit.statement_id for hit in hits] == sorted(ids[name] for name in names)


def test_only_vectors_of_the_same_model_are_compared(engine: Engine, ids: dict[str, str]):
    _embed(engine, {ids["even"]: [1, 0, 0]}, model="another")
    embedder = HandEmbedder({})

    with reading(engine) as session:
        hits = search(session, "heat", embedder, 10)

    assert hits == []
    assert embedder.asked == []


def test_vectors_are_ranked_across_blocks(
    engine: Engine, ids: dict[str, str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("kg.search._ROWS_PER_BLOCK", 2)
    angles = {name: place / 10 for place, name in enumerate(sorted(SAID))}
    _embed(engine, {ids[name]: [np.cos(a), np.sin(a)] for name, a in angles.items()})

    with reading(engine) as session:
        hits = search(session, "heat", HandEmbedder({"heat": [1, 0]}), 4)

    assert _names(ids, hits) == sorted(SAID)[:4]


def test_within_a_source_or_a_kind_only_those_are_found(engine: Engine, ids: dict[str, str]):
    angles = {name: 0.01 * place for place, name in enumerate(SAID)}
    _embed(engine, {ids[name]: [np.cos(a), np.sin(a)] for name, a in angles.items()})
    embedder = HandEmbedder({"tied ranks": [1, 0]})

    with reading(engine) as session:
        source = session.exec(select(Source.id).where(Source.title == "Tied ranks")).one()
        claims = session.exec(select(Statement.id).where(Statement.kind == StatementKind.CLAIM))
        ours = search(session, "tied ranks", embedder, 50, Within(source=source))
        claimed = search(session, "tied ranks", embedder, 50, Within(kind=StatementKind.CLAIM))
        both = search(session, "tied ranks", embedder, 50, Within(StatementKind.FINDING, source))
        found = [set(_names(ids, hits)) for hits in (ours, claimed, both)]
        are_claims = set(claims.all())

    assert found[0] == set(list(SAID)[:3])
    assert {ids[name] for name in found[1]} == are_claims
    assert found[2] == {name for name in found[0] if ids[name] not in are_claims}
    assert sorted(hit.words_rank for hit in ours if hit.words_rank) == [1, 2, 3]


def test_a_search_within_a_source_that_is_not_there_is_refused(engine: Engine):
    with reading(engine) as session, pytest.raises(NotFoundError, match="src_gone"):
        search(session, "ranks", None, 5, Within(source="src_gone"))


def test_a_limit_takes_the_head_of_the_list(engine: Engine, ids: dict[str, str]):
    with reading(engine) as session:
        whole = search(session, "tied ranks latents probe", None, 50)
        head = search(session, "tied ranks latents probe", None, 3)

    assert len(whole) == 8
    assert head == whole[:3]
    assert len(ids) == 10


def test_words_after_the_first_64_do_not_count(stored: tuple[Engine, dict[str, str]]):
    engine, _ = stored
    query = " ".join([*(f"word{number}" for number in range(64)), "probe"])

    with reading(engine) as session:
        assert search(session, query, None, 10) == []


@pytest.mark.parametrize("query", ["", "   ", "\n\t"])
def test_an_empty_query_is_refused(stored: tuple[Engine, dict[str, str]], query: str):
    engine, _ = stored

    with reading(engine) as session, pytest.raises(ConfigError, match="the query is empty"):
        search(session, query, None, 10)


def test_a_limit_below_one_is_refused(engine: Engine):
    with reading(engine) as session, pytest.raises(ConfigError, match="limit of 0"):
        search(session, "probe", None, 0)


@pytest.mark.parametrize(
    "query",
    [
        '"probe',
        'probe"',
        '"probe" AND tense',
        "probe*",
        "* probe",
        "NEAR(probe tense, 2)",
        "NOT probe",
        "probe OR",
        "(probe",
        "probe)",
        "text:probe",
        "-probe",
        "^probe",
        "probe + tense",
        "{probe tense}",
        "probe\0tense",
        "probe 🙂",
        "probe; DROP TABLE statement_words",
        "pr\u006fbe \udcff",
        "ＰＲＯＢＥ probe",
        "probe' OR 1=1 --",
    ],
)
def test_the_syntax_of_the_index_is_only_characters(
    stored: tuple[Engine, dict[str, str]], query: str
):
    engine, ids = stored

    with reading(engine) as session:
        hits = search(session, query, None, 10)

    assert {"probe", "tense"} <= set(_names(ids, hits))


@pytest.mark.parametrize("query", ["🙂", "***", '"""', "()", "→ ∂", "--", "\0", "’"])
def test_a_query_without_a_word_finds_nothing(stored: tuple[Engine, dict[str, str]], query: str):
    engine, _ = stored

    with reading(engine) as session:
        assert search(session, query, HandEmbedder({}), 10) == []


def test_a_query_without_a_word_is_not_given_to_the_model(engine: Engine, ids: dict[str, str]):
    _embed(engine, {ids["even"]: [1, 0]})
    embedder = HandEmbedder({})

    with reading(engine) as session:
        assert search(session, "🙂 →", embedder, 10) == []

    assert embedder.asked == []


@pytest.mark.parametrize(
    "query", ["größe", "GRÖßE", "grosse größe", "探针", "लेख", "naive", "d’arc"]
)
def test_words_of_any_language_are_looked_up(engine: Engine, query: str):
    text = "Die Größe der Sonde – 探针 लेख naïve d’Arc"
    with writing(engine) as session:
        session.add(Statement(id="stm_a", kind=StatementKind.CLAIM, text=text))

    with reading(engine) as session:
        hits = search(session, query, None, 10)

    assert [hit.statement_id for hit in hits] == ["stm_a"]


def test_a_query_of_ten_thousand_words_is_answered(stored: tuple[Engine, dict[str, str]]):
    engine, ids = stored
    query = "probe " + " ".join(f"word{number}" for number in range(10_000))

    with reading(engine) as session:
        hits = search(session, query, None, 10)

    assert set(_names(ids, hits)) == {"probe", "tense"}


def test_the_parts_of_a_compound_are_words(stored: tuple[Engine, dict[str, str]]):
    engine, ids = stored

    with reading(engine) as session:
        hits = search(session, "dead-latents", None, 10)

    assert sorted(_names(ids, hits)) == ["dead", "dictionary", "latents"]
