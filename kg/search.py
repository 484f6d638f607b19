r"""Finding statements by what they say: by their words and by their meaning, in one list.

Words are looked up in SQLite's full-text index and ranked by BM25 (Robertson & Zaragoza, 2009,
doi:10.1561/1500000019); a statement need not contain all of them. Meaning is the cosine between
the query's vector and every stored vector of the same model, an exact search. The two rankings
are joined by reciprocal rank fusion (Cormack, Clarke & Büttcher, 2009,
doi:10.1145/1571941.1572114),

.. math:: score(s) = \sum_r 1 / (60 + rank_r(s)),

over the first hundred of each, so that neither scale has to be fitted to the other. Equal scores
go by statement id.

But: the words are those of the statement's text, while a vector also covers its note; and a
cosine has no natural zero, so a statement below 0.25 is not a hit, whatever its rank.
"""

import re
from collections.abc import Iterable
from heapq import nsmallest
from typing import NamedTuple

import numpy as np
import sqlalchemy as sql
from sqlalchemy import Select
from sqlmodel import Session, col, select

from kg.embedders import Embedder
from kg.errors import ConfigError
from kg.sources import source_of
from kg.tables import Embedding, Mention, Section, Statement, StatementKind

_K = 60
_DEPTH = 100
_LEAST_COSINE = 0.25
_MOST_WORDS = 64
_ROWS_PER_BLOCK = 4096
_WORDS = sql.table("statement_words", sql.column("statement_id"))

Allowed = Select[str] | None
"""The query for the ids of statements that may be found; None means all."""

_BETWEEN_WORDS = re.compile(r"[\s\x00-&(-/:-@\[-`{-\x7f]+")
"""White space, control characters and ASCII punctuation but for the apostrophe."""


class Within(NamedTuple):
    """Which statements may be found; by default all."""

    kind: StatementKind | None = None
    source: str | None = None
    """Only what this source says, maybe beside others."""

    def ids(self) -> Select[str]:
        """Return the query for their ids."""
        found = sql.select(col(Statement.id))
        if self.kind is not None:
            found = found.where(col(Statement.kind) == self.kind)
        if self.source is not None:
            said = (
                sql.select(col(Mention.statement_id))
                .join(Section, col(Section.id) == Mention.section_id)
                .where(col(Section.source_id) == self.source)
            )
            found = found.where(col(Statement.id).in_(said))
        return found


EVERYWHERE = Within()
"""All statements may be found."""


class SearchHit(NamedTuple):
    """A statement that a query finds, and where each ranking put it."""

    statement_id: str
    score: float
    words_rank: int | None
    """Place among the statements with words of the query, from 1; none if it has none."""

    vector_rank: int | None
    """Place among the statements that mean something similar, from 1; none if it does not."""


def search(
    session: Session,
    query: str,
    embedder: Embedder | None = None,
    limit: int = 20,
    within: Within = EVERYWHERE,
) -> list[SearchHit]:
    """Return the statements that a query finds, the best first.

    Any text is a query, never a formula: quotes, operators and brackets are only characters. Of
    a long one, the first 64 distinct words are looked up.

    Args:
        session: Where to look.
        query: Words, or a sentence.
        embedder: Gives the query its vector; without one, and for statements that have no
            vector under it, only words count.
        limit: Return at most this many.
        within: Which statements may be found.

    Raises:
        ConfigError: The query is blank, or the limit is not positive.
        NotFoundError: No source has the id within which to look.
    """
    if not query.strip():
        raise ConfigError("there is nothing to search for: the query is empty")
    if limit < 1:
        raise ConfigError(f"a search returns at least one statement, so not a limit of {limit}")
    if within.source is not None:
        source_of(session, within.source)
    words = _words(query)
    if not words:
        return []
    allowed = None if within == EVERYWHERE else within.ids()
    depth = max(limit, _DEPTH)
    by_words = _rank_by_words(session, words, depth, allowed)
    by_vector = (
        _rank_by_vector(session, query, embedder, depth, allowed) if embedder is not None else []
    )
    return _fused(by_words, by_vector)[:limit]


def _words(query: str) -> list[str]:
    """Return the distinct words of a query that the index could know, at most 64."""
    words = dict.fromkeys(_BETWEEN_WORDS.split(query.encode(errors="ignore").decode().lower()))
    return [word for word in words if any(map(str.isalnum, word))][:_MOST_WORDS]


def _rank_by_words(
    session: Session, words: Iterable[str], depth: int, allowed: Allowed
) -> list[str]:
    quoted = " OR ".join(f'"{word}"' for word in words)
    found = (
        sql.select(_WORDS.c.statement_id)
        .where(sql.literal_column(_WORDS.name).op("MATCH")(quoted))
        .order_by(sql.text(f"bm25({_WORDS.name})"), _WORDS.c.statement_id)
        .limit(depth)
    )
    if allowed is not None:
        found = found.where(_WORDS.c.statement_id.in_(allowed))
    return list(session.execute(found).scalars())


def _rank_by_vector(
    session: Session, query: str, embedder: Embedder, depth: int, allowed: Allowed
) -> list[str]:
    """Return the statements nearest to the query; the model is loaded only if there are any."""
    embedded = select(Embedding.statement_id, Embedding.vector).where(
        Embedding.model == embedder.name
    )
    if allowed is not None:
        embedded = embedded.where(col(Embedding.statement_id).in_(allowed))
    if session.exec(embedded.limit(1)).first() is None:
        return []
    wanted = embedder.embed([query])[0]
    best: list[tuple[float, str]] = []
    rows = session.exec(embedded.order_by(col(Embedding.statement_id)))
    for block in rows.partitions(_ROWS_PER_BLOCK):
        matrix = np.frombuffer(b"".join(row[1] for row in block), dtype="<f4")
        cosines = matrix.reshape(len(block), -1) @ wanted
        near = zip((-cosines).tolist(), (row[0] for row in block), strict=True)
        best = nsmallest(depth, [*best, *(pair for pair in near if -pair[0] >= _LEAST_COSINE)])
    return [statement for _, statement in best]


def _fused(by_words: list[str], by_vector: list[str]) -> list[SearchHit]:
    words_rank = {statement: rank for rank, statement in enumerate(by_words, start=1)}
    vector_rank = {statement: rank for rank, statement in enumerate(by_vector, start=1)}
    hits = [
        SearchHit(
            statement,
            sum(
                1 / (_K + ranks[statement])
                for ranks in (words_rank, vector_rank)
                if statement in ranks
            ),
            words_rank.get(statement),
            vector_rank.get(statement),
        )
        for statement in {**words_rank, **vector_rank}
    ]
    return sorted(hits, key=lambda hit: (-hit.score, hit.statement_id))
