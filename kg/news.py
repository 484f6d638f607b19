"""What is different among the statements since a run last looked at them.

A statement is told apart by its fingerprint: its note, which is embedded with it, and the sources
that make it. Its text is its id. What joined has no fingerprint before, what left has none after.
Relations, and what citations tie, have one fingerprint all together.

If what is different is just what some updates before it did, the other way round, they can be
taken back instead of changing anything anew. So adding a source and deleting it gives back exactly
what stood.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from sqlmodel import Session, col, func, select

from kg.citing_ties import related_ties
from kg.db import blocks_of, plain_rows
from kg.graph_updates import NO_TIES, LayerTies, ids_after
from kg.hybrid_graph import GraphConfig
from kg.stored_graph import EdgeTable, place_of
from kg.tables import Amendment, Mention, Section, Source, Statement

Changes = dict[str, list[str]]
"""Fingerprints before and after, by statement; empty where there is none."""

RELATIONS = "relations"
"""Stands for all relations among the changes; no statement has such an id."""


class Gone(NamedTuple):
    """What is about to be deleted."""

    sources: frozenset[str] = frozenset()
    statements: frozenset[str] = frozenset()


class Difference(NamedTuple):
    """What is different, and what of that concerns whom."""

    ids: list[str]
    """The statements that there are now, ascending."""

    changes: Changes
    retied: frozenset[str]
    """Statements that stay and have another note."""

    touched: frozenset[str]
    """Statements that stay and have other sources."""

    notes: Mapping[str, str]
    """The note of each statement that joined or has another note."""

    new_sources: list[str]
    gone_sources: frozenset[str]
    """Those that will be deleted and count as deleted."""

    relations: LayerTies
    """All there are now, by places among the ids."""

    def added(self) -> list[str]:
        """Return the statements that joined, ascending."""
        return sorted(i for i, (before, _) in self.changes.items() if not before)

    def removed(self) -> list[str]:
        """Return the statements that left, ascending."""
        return sorted(i for i, (_, after) in self.changes.items() if not after)


def difference(
    session: Session, table: EdgeTable, config: GraphConfig, since: int, gone: Gone
) -> Difference:
    """Return what is different from when a run last looked.

    Args:
        session: Where to read.
        table: The graph of the run.
        config: How it was built.
        since: The latest run that brought it up to date; later ones may have read documents.
        gone: What is about to be deleted, and counts as deleted.
    """
    met = set(session.exec(select(Mention.statement_id).where(Mention.run_id > since)))
    added, removed = _came_and_went(session, table.ids, met, gone)
    ids = ids_after(table.ids, sorted(added), sorted(removed))
    concerned = sorted(added | removed | met | _said_in(session, gone.sources))
    said = _said(session, concerned)
    changes: Changes = {}
    retied: set[str] = set()
    notes: dict[str, str] = {}
    touched: set[str] = set()
    for identifier in concerned:
        mentions = said.get(identifier, [])
        before = _Said.of(each for each in mentions if each.run_id <= since)
        after = _Said.of(each for each in mentions if each.source not in gone.sources)
        prints = [
            before.fingerprint() if place_of(table.ids, identifier) >= 0 else "",
            after.fingerprint() if place_of(ids, identifier) >= 0 else "",
        ]
        if prints[0] == prints[1]:
            continue
        changes[identifier] = prints
        notes[identifier] = after.note
        if all(prints):
            if before.note != after.note:
                retied.add(identifier)
            if before.sources != after.sources:
                touched.add(identifier)
    new = session.exec(select(Source.id).where(Source.run_id > since).order_by(col(Source.id)))
    relations, now = _relations_now(session, ids, config, gone)
    before_now = _relation_print(table.ids, _relations_of(table))
    if before_now != now:
        changes[RELATIONS] = [before_now, now]
    return Difference(
        ids=ids,
        changes=changes,
        retied=frozenset(retied),
        notes=notes,
        touched=frozenset(touched),
        new_sources=[source for source in new if source not in gone.sources],
        gone_sources=gone.sources,
        relations=relations,
    )


def _came_and_went(
    session: Session, known: Sequence[str], met: set[str], gone: Gone
) -> tuple[set[str], set[str]]:
    """Return the statements that are not in a graph yet, and those that are there no more.

    Statements that are new are among those met since the graph was brought up to date. If there
    are as many as there should be then, nobody has to look at all of them.
    """
    came = {identifier for identifier in met if place_of(known, identifier) < 0}
    there = session.exec(select(func.count()).select_from(Statement)).one()
    if there != len(known) + len(came):
        present = set(plain_rows(session, "SELECT id FROM statement"))
        return present.difference(known) - gone.statements, set(known) - present | gone.statements
    return came - gone.statements, {i for i in gone.statements if place_of(known, i) >= 0}


def taken_back(amendments: Sequence[Amendment], changes: Changes) -> list[Amendment]:
    """Return the updates after which nothing is left to do once they are taken back.

    They are the latest; none if what stood before none of them is what there is now.

    Args:
        amendments: What stands, the latest first.
        changes: What is different now.
    """
    left = changes
    for count, amendment in enumerate(amendments, start=1):
        left = _joined(amendment.touched, left)
        if not left:
            return list(amendments[:count])
    return []


def _joined(first: Mapping[str, Sequence[str]], then: Mapping[str, Sequence[str]]) -> Changes:
    """Return what two changes come to, one after the other."""
    joined = {
        identifier: [
            first.get(identifier, then.get(identifier, ("", "")))[0],
            then.get(identifier, first.get(identifier, ("", "")))[1],
        ]
        for identifier in {**first, **then}
    }
    return {i: prints for i, prints in joined.items() if prints[0] != prints[1]}


class _Mentioned(NamedTuple):
    run_id: int
    source: str
    note: str


class _Said(NamedTuple):
    """What is said of a statement."""

    note: str
    sources: frozenset[str]

    @classmethod
    def of(cls, mentions: Iterable[_Mentioned]) -> "_Said":
        """Join mentions, which are in the order of their ids; the first note counts."""
        found = list(mentions)
        notes = [each.note for each in found if each.note]
        return cls(notes[0] if notes else "", frozenset(each.source for each in found))

    def fingerprint(self) -> str:
        return _digest([self.note, *sorted(self.sources)])


def _digest(parts: Sequence[str]) -> str:
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:16]


def _said_in(session: Session, sources: Iterable[str]) -> set[str]:
    found: set[str] = set()
    for block in blocks_of(sorted(sources)):
        rows = select(Mention.statement_id).join(Section, col(Section.id) == Mention.section_id)
        found.update(session.exec(rows.where(col(Section.source_id).in_(block))))
    return found


def _said(session: Session, identifiers: Sequence[str]) -> dict[str, list[_Mentioned]]:
    said: dict[str, list[_Mentioned]] = {}
    for block in blocks_of(identifiers):
        rows = session.exec(
            select(Mention.statement_id, Mention.run_id, Section.source_id, Mention.note)
            .join(Section, col(Section.id) == Mention.section_id)
            .where(col(Mention.statement_id).in_(block))
            .order_by(col(Mention.id))
        )
        for statement, run_id, source, note in rows:
            said.setdefault(statement, []).append(_Mentioned(run_id, source, note))
    return said


def _relations_now(
    session: Session, ids: Sequence[str], config: GraphConfig, gone: Gone
) -> tuple[LayerTies, str]:
    ties = related_ties(session, config, gone.sources)
    if not ties:
        return NO_TIES, _relation_print(ids, NO_TIES)
    place = {identifier: at for at, identifier in enumerate(ids)}
    strongest: dict[tuple[int, int], float] = {}
    for tie in ties:
        if tie.head_id in place and tie.tail_id in place:
            one, other = sorted((place[tie.head_id], place[tie.tail_id]))
            counts = getattr(config.relation_kinds, tie.kind.value)
            strongest[one, other] = max(counts, strongest.get((one, other), 0.0))
    pairs = sorted(pair for pair, counts in strongest.items() if counts)
    columns = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    counts = np.array([strongest[pair] for pair in pairs], dtype=np.float32)
    relations = LayerTies(columns[0], columns[1], counts)
    return relations, _relation_print(ids, relations)


def _relations_of(table: EdgeTable) -> LayerTies:
    edges = table.records(np.flatnonzero(table.edges["relations"] > 0))
    head, tail = edges["head"].astype(np.int64), edges["tail"].astype(np.int64)
    return LayerTies(head, tail, edges["relations"])


def _relation_print(ids: Sequence[str], ties: LayerTies) -> str:
    """Return the fingerprint of a layer of relations, whatever the places of its statements."""
    rows = zip(ties.one.tolist(), ties.other.tolist(), ties.similarity.tolist(), strict=True)
    return _digest([f"{ids[one]} {ids[other]} {counts:.4f}" for one, other, counts in rows])
