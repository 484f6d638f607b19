"""The vectors of statements: made where they are missing, kept by model, read as one array.

A statement is embedded as its text and its note, because the note says what a short text
leaves out. The SHA-256 of what was embedded is kept beside the vector, so that a statement
whose note changes is embedded again.

Statements are embedded by length, a thousand in a transaction. A vector is the same whichever run
makes it, so those of a run that is interrupted are kept, and the next run makes the others only. A
run that failed is none to go by, though: the model in use is that of the latest that succeeded.
"""

import hashlib
import logging
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from itertools import repeat
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from sqlalchemy import Engine
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.engine.interfaces import DBAPICursor
from sqlmodel import Session, col, select

from kg.db import file_of, plain_rows, reading, writing
from kg.embedders import Embedder, OnProgress, Vectors
from kg.errors import ConfigError, NotFoundError
from kg.runs import recording, succeed
from kg.statements import all_statements, notes_of
from kg.tables import Embedding, Run, RunKind, RunStatus

log = logging.getLogger(__name__)

_FEW = 8000
"""So many vectors are asked for by id; of more, all are read."""

_PARTS_FROM, _PARTS = 20_000, 32
"""Statements whose vectors are read in parts where that can be, and how many parts."""

_MAPPED = 2**40
"""Bytes of a file that SQLite may read where they lie, without copying them first: all it can."""

_QUERY = "SELECT statement_id, vector FROM embedding WHERE model = ?"
_PART = f"{_QUERY} AND rowid > ? AND rowid <= ? ORDER BY rowid"

Blocks = Iterator[tuple[NDArray[np.intp], Vectors]]
"""Places, and the vectors of those there."""


class Parts(NamedTuple):
    """Vectors in parts that make up all of them."""

    n: int
    blocks: Callable[[Iterable[int]], Blocks]
    """Yields those of the parts with these numbers, below n."""


_Rows = Sequence[tuple[str, bytes]]

_IDS = 500

_ROWS_PER_READ = 500
"""Of vectors: what they come in then fits into the cache."""

_TEXTS_PER_TRANSACTION = 1024


class EmbeddingConfig(BaseModel):
    """What an embedding run did."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    model: str
    """The embedder's name, with the first digits of its weights' SHA-256."""


def embedded_text(text: str, note: str) -> str:
    """Return what is embedded of a statement: its text, and its note if it has one.

    A closing full stop makes no difference: it says nothing about the meaning.
    """
    sentence = text.rstrip(" .")
    return f"{sentence}. {note}" if note else sentence


def embedded_texts(session: Session) -> dict[str, str]:
    """Return what is embedded of every statement, by id, ascending."""
    notes = notes_of(session)
    return {
        statement: embedded_text(text, notes.get(statement, ""))
        for statement, text in all_statements(session)
    }


def model_in_use(session: Session) -> str | None:
    """Return the model of the latest embedding, which all statements go by; None before it."""
    query = (
        select(Run.method)
        .where(Run.kind == RunKind.EMBEDDING, Run.status == RunStatus.SUCCEEDED)
        .order_by(col(Run.id).desc())
    )
    return session.exec(query).first()


def embed_missing(
    engine: Engine,
    embedder: Embedder,
    on_progress: OnProgress | None = None,
    *,
    change_model: bool = False,
    texts: Mapping[str, str] | None = None,
) -> int:
    """Embed the statements that have no vector under this model, or an outdated one.

    Returns how many there were. If there were none, no run is recorded, unless the model changes.

    Args:
        engine: The database.
        embedder: Makes the vectors.
        on_progress: Called with statements embedded and statements to embed.
        change_model: Go by this model from now on, even if it was another until now.
        texts: What is embedded of every statement, if it was read already.

    Raises:
        ConfigError: Statements were embedded with another model so far, and it is not to change.
    """
    with reading(engine) as session:
        in_use = model_in_use(session)
        texts = embedded_texts(session) if texts is None else texts
        missing = _missing(session, embedder.name, texts)
    changes = in_use is not None and in_use != embedder.name
    if changes and not change_model:
        raise ConfigError(
            f"the statements were embedded with {in_use}, and {embedder.name} is named now: name "
            "the other one again (CLAIMGRAPH_EMBEDDER), or run `claimgraph embed` to embed all of "
            "them with this one, and then `claimgraph cluster` for every method"
        )
    if not missing and not changes:
        return 0
    started = time.perf_counter()
    config = EmbeddingConfig(model=embedder.name)
    with recording(engine, RunKind.EMBEDDING, embedder.name, config) as run_id:
        _embed(engine, embedder, missing, run_id, on_progress)
        with writing(engine) as session:
            seconds = time.perf_counter() - started
            succeed(session, run_id, {"statements": len(missing), "seconds": round(seconds, 3)})
    log.info("embedded %s statements with %s, %.1f s", len(missing), embedder.name, seconds)
    return len(missing)


def _embed(
    engine: Engine,
    embedder: Embedder,
    texts: dict[str, str],
    run_id: int,
    on_progress: OnProgress | None,
) -> None:
    """Embed and store statements by length, some in a transaction."""
    ordered = sorted(texts.items(), key=lambda each: (len(each[1]), each[0]))
    for start in range(0, len(ordered), _TEXTS_PER_TRANSACTION):
        block = dict(ordered[start : start + _TEXTS_PER_TRANSACTION])

        def tell(done: int, _total: int, before: int = start) -> None:
            if on_progress is not None:
                on_progress(before + done, len(ordered))

        vectors = embedder.embed(list(block.values()), tell)
        with writing(engine) as session:
            _store(session, run_id, embedder.name, block, vectors)


def are_embedded(session: Session, model: str, texts: Mapping[str, str]) -> bool:
    """Say whether these statements have a vector of these texts under a model."""
    names = sorted(texts)
    for start in range(0, len(names), _IDS):
        block = names[start : start + _IDS]
        rows = session.exec(
            select(Embedding.statement_id, Embedding.text_sha256).where(
                Embedding.model == model, col(Embedding.statement_id).in_(block)
            )
        )
        known = dict(rows.all())
        if any(known.get(name) != _sha256(texts[name]) for name in block):
            return False
    return True


def vectors_of(session: Session, model: str, statement_ids: Sequence[str]) -> Vectors:
    """Return the vectors of these statements under a model, in their order: [n, d].

    Raises:
        NotFoundError: A statement has no vector under this model.
    """
    names = list(dict.fromkeys(statement_ids))
    vectors = np.empty((0, 0), dtype=np.float32)
    for places, block in vector_blocks(session, model, names):
        if not vectors.size:
            vectors = np.empty((len(names), block.shape[1]), dtype=np.float32)
        vectors[places] = block
    if len(names) < len(statement_ids):
        place = {statement: row for row, statement in enumerate(names)}
        return vectors[[place[statement] for statement in statement_ids]]
    return vectors


def vector_blocks(session: Session, model: str, statement_ids: Sequence[str]) -> Blocks:
    """Yield the vectors of these statements under a model, some at a time, with their places.

    All of them together would take longer to put in order than what is done with them.

    Raises:
        NotFoundError: A statement has no vector under this model.
    """
    place = {statement: row for row, statement in enumerate(statement_ids)}
    found = np.zeros(len(place), dtype=bool)
    for rows in _rows(session, model, statement_ids):
        places, block = _placed(rows, place)
        found[places] = True
        yield places, block
    if not found.all():
        statement = statement_ids[int(found.argmin())]
        raise NotFoundError(f"statement {statement} has no embedding under {model}")


def vector_parts(session: Session, model: str, statement_ids: Sequence[str]) -> Parts:
    """Return the vectors of these statements under a model in equal parts.

    There are some if there are many statements and a file, which whoever reads them opens for
    itself: so any process can read any of them, and sees what was committed. A statement without
    a vector is in none.
    """
    path = file_of(session.get_bind().engine)
    if path is None or len(statement_ids) < _PARTS_FROM:
        return Parts(1, lambda numbers: _whole(session, model, statement_ids, numbers))
    (last,) = plain_rows(session, "SELECT max(rowid) FROM embedding")
    ends = [last * number // _PARTS for number in range(_PARTS + 1)]
    place = {statement: row for row, statement in enumerate(statement_ids)}

    def blocks(numbers: Iterable[int]) -> Blocks:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as own:
            own.execute(f"PRAGMA mmap_size={_MAPPED}")
            for number in numbers:
                rows = own.execute(_PART, (model, ends[number], ends[number + 1]))
                for some in _fetched(rows):
                    yield _placed(some, place)

    return Parts(_PARTS, blocks)


def _whole(
    session: Session, model: str, statement_ids: Sequence[str], numbers: Iterable[int]
) -> Blocks:
    for _ in numbers:
        yield from vector_blocks(session, model, statement_ids)


def _placed(rows: _Rows, place: Mapping[str, int]) -> tuple[NDArray[np.intp], Vectors]:
    """Return the vectors of those that have a place, with their places."""
    names, vectors = zip(*rows, strict=True)
    block = np.frombuffer(b"".join(vectors), dtype="<f4").reshape(len(rows), -1)
    found = map(place.get, names, repeat(-1))
    places = np.fromiter(found, dtype=np.intp, count=len(rows))
    wanted = places >= 0
    return (places, block) if wanted.all() else (places[wanted], block[wanted])


def _rows(session: Session, model: str, statement_ids: Sequence[str]) -> Iterator[_Rows]:
    """Yield ids and vectors: of these few statements, or of all in the order of storage.

    Below the ORM, because an object for each vector takes longer than everything that is done
    with it: 10^5 vectors come in a third of a CPU second, a column of bytes would take a fifth.
    """
    chosen: tuple[list[str], list[tuple[str, ...]]] = [f"{_QUERY} ORDER BY rowid"], [(model,)]
    if len(statement_ids) <= _FEW:
        parts = [statement_ids[at : at + _IDS] for at in range(0, len(statement_ids), _IDS)]
        some: list[str] = [
            f"{_QUERY} AND statement_id IN ({', '.join('?' * len(part))})" for part in parts
        ]
        chosen = some, [(model, *part) for part in parts]
    for wording, values in zip(*chosen, strict=True):
        cursor = session.connection().exec_driver_sql(wording, values).cursor
        assert cursor is not None
        yield from _fetched(cursor)


def _fetched(cursor: DBAPICursor | sqlite3.Cursor) -> Iterator[_Rows]:
    while rows := cursor.fetchmany(_ROWS_PER_READ):
        yield rows


def _missing(session: Session, model: str, texts: Mapping[str, str]) -> dict[str, str]:
    query = "SELECT statement_id, text_sha256 FROM embedding WHERE model = ?"
    known = dict(plain_rows(session, query, model))
    return {name: text for name, text in texts.items() if known.get(name) != _sha256(text)}


def _store(
    session: Session, run_id: int, model: str, texts: dict[str, str], vectors: Iterable[Vectors]
) -> None:
    statement = insert(Embedding)
    upsert = statement.on_conflict_do_update(
        index_elements=["statement_id", "model"],
        set_={name: statement.excluded[name] for name in ("text_sha256", "vector", "run_id")},
    )
    rows = [
        {
            "statement_id": statement_id,
            "model": model,
            "text_sha256": _sha256(text),
            "vector": vector.astype("<f4").tobytes(),
            "run_id": run_id,
        }
        for (statement_id, text), vector in zip(texts.items(), vectors, strict=True)
    ]
    session.execute(upsert, rows)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
