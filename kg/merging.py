"""The run that looks for statements that say the same, and merges those of which it is sure.

It embeds what has no vector, compares each statement with its nearest neighbours (`kg.repeats`),
stores what it takes the pairs to be to each other as proposals, and puts its groups in the place
of those of the run before (`kg.canonical`); what was decided by hand stays. All of it becomes
visible in one transaction.

Of statements that are only related, each keeps its nearest few: there would be ten a statement,
and they say little more than that the two are near.
"""

import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from pydantic import Field
from sqlalchemy import Engine, insert
from sqlmodel import Session

from kg.canonical import decide_by_run
from kg.db import reading, writer, writing
from kg.duplicates import Relation, Saying
from kg.embedders import Embedder, OnProgress
from kg.embeddings import embed_missing, vectors_of
from kg.grounding import Glossary
from kg.repeats import Pair, RepeatConfig, Repeats, repeats
from kg.runs import recording, succeed
from kg.sources import glossaries
from kg.statements import all_statements, notes_of, sources_by_statement
from kg.tables import Proposal, RunKind

log = logging.getLogger(__name__)

METHOD = "words_and_cosine"
_ROWS_PER_INSERT = 5000


class MergingConfig(RepeatConfig):
    """How a merging run looks for statements that say the same."""

    model: str
    """Whose vectors are compared: the embedder's name and the first digits of its weights."""

    related: int = Field(default=3, ge=0)
    """Of the statements that are only related to one, so many are kept, nearest first."""


class MergingReport(NamedTuple):
    """What a merging run found."""

    run: int
    decision: int
    """Its number in the log, by which it can be undone."""

    statements: int
    groups: int
    merged: int
    """Statements in groups."""

    proposals: dict[str, int]
    """How many pairs were found to be what."""

    seconds: float


def merge_repeats(
    engine: Engine, embedder: Embedder, on_progress: OnProgress | None = None
) -> MergingReport:
    """Look for statements that say the same; merge what is sure, and keep the rest as offers.

    Raises:
        ConfigError: The statements were embedded with another model.
        DatabaseError: Another process is writing.
    """
    started = time.perf_counter()
    config = MergingConfig(model=embedder.name)
    with writer(engine):
        embed_missing(engine, embedder, on_progress)
        with recording(engine, RunKind.MERGING, METHOD, config) as run_id:
            with reading(engine) as session:
                identifiers, found = _found(session, config)
            kept = _kept(found.pairs, config.related)
            with writing(engine) as session:
                _store(session, run_id, identifiers, kept)
                groups = [[identifiers[each] for each in group] for group in found.groups]
                decision = decide_by_run(session, run_id, groups)
                report = MergingReport(
                    run=run_id,
                    decision=decision,
                    statements=len(identifiers),
                    groups=len(groups),
                    merged=sum(map(len, groups)),
                    proposals={
                        relation.value: sum(pair.relation is relation for pair in kept)
                        for relation in Relation
                    },
                    seconds=round(time.perf_counter() - started, 3),
                )
                succeed(session, run_id, {**report._asdict()})
    log.info("merged %s statements into %s, %.1f s", report.merged, report.groups, report.seconds)
    return report


def _found(session: Session, config: MergingConfig) -> tuple[list[str], Repeats]:
    statements = all_statements(session)
    identifiers = [identifier for identifier, _ in statements]
    notes = notes_of(session)
    sayings = [Saying(text, notes.get(identifier, "")) for identifier, text in statements]
    if not identifiers:
        return [], Repeats([], [])
    vectors = vectors_of(session, config.model, identifiers)
    spelt = _glossaries(identifiers, sources_by_statement(session), glossaries(session))
    return identifiers, repeats(sayings, vectors, spelt, config)


def _glossaries(
    identifiers: Sequence[str],
    sources: Mapping[str, Sequence[str]],
    spelt: Mapping[str, Mapping[str, set[str]]],
) -> list[Glossary]:
    """Return what the sources of each statement spell out, one object for the same sources."""
    joined: dict[tuple[str, ...], dict[str, set[str]]] = {}
    found: list[Glossary] = []
    for identifier in identifiers:
        makers = tuple(sources.get(identifier, ()))
        if makers not in joined:
            merged = joined.setdefault(makers, {})
            for source in makers:
                for short, longs in spelt.get(source, {}).items():
                    merged.setdefault(short, set()).update(longs)
        found.append(joined[makers])
    return found


def _kept(pairs: Sequence[Pair], related: int) -> list[Pair]:
    """Return the pairs to store: all that are more than related, and each one's nearest others."""
    counts: dict[int, int] = {}
    kept: list[Pair] = []
    for pair in sorted(pairs, key=lambda each: (-each.cosine, each.a, each.b)):
        if pair.relation is Relation.RELATED:
            if min(counts.get(pair.a, 0), counts.get(pair.b, 0)) >= related:
                continue
            for end in (pair.a, pair.b):
                counts[end] = counts.get(end, 0) + 1
        kept.append(pair)
    return kept


def _store(
    session: Session, run_id: int, identifiers: Sequence[str], pairs: Sequence[Pair]
) -> None:
    rows: list[dict[str, Any]] = []
    for pair in pairs:
        a, b = identifiers[pair.a], identifiers[pair.b]
        head, tail = (b, a) if pair.comparison.is_reversed else (a, b)
        rows.append(
            {
                "run_id": run_id,
                "head_id": head,
                "tail_id": tail,
                "relation": pair.relation.value,
                "cosine": round(pair.cosine, 6),
                "score": pair.comparison.score,
                "reasons": list(pair.comparison.reasons),
            }
        )
    for start in range(0, len(rows), _ROWS_PER_INSERT):
        session.execute(insert(Proposal), rows[start : start + _ROWS_PER_INSERT])
