"""What one statement is to another, as a person or a model asserted it.

A relation goes from its head to its tail: the head supports, contradicts, refines, cites or says
the same as the tail. That two statements contradict each other, or say the same, holds both ways;
such a relation is stored once, with the lower id as its head, whichever way it is said.

A relation is an assertion and never evidence: it says what somebody takes two statements to be to
each other, with a name and a reason, and changes no stance. Evidence is measured (`kg.evidence`).

Asserting what stands already changes nothing, whoever asserts it: the first to say so, and the
reason then given, stay until the relation is removed.
"""

import json
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import delete
from sqlalchemy.dialects.sqlite import insert
from sqlmodel import Session, col, or_, select

from kg.db import blocks_of
from kg.errors import ConfigError, NotFoundError
from kg.ids import content_id
from kg.statements import statements_by_id
from kg.tables import Relation, RelationKind, now

SYMMETRIC = frozenset({RelationKind.CONTRADICTS, RelationKind.SAME_AS})
"""Kinds that hold both ways."""


class RelationDraft(BaseModel):
    """A relation to be stored; in a file of relations, a line."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    head: str = Field(min_length=1)
    """Id of the statement that supports, contradicts, refines, cites."""

    kind: RelationKind
    tail: str = Field(min_length=1)
    """Id of the other statement."""

    reason: str = ""
    """Why, in the words of who asserts it."""

    method: str = Field(default="person", min_length=1)
    """Who asserts it: `person`, or the name of a model."""

    def ends(self) -> tuple[str, str]:
        """Return head and tail as they are stored."""
        if self.kind in SYMMETRIC and self.tail < self.head:
            return self.tail, self.head
        return self.head, self.tail

    def id(self) -> str:
        """Return the id under which it is stored."""
        return content_id("rel", self.kind.value, *self.ends())


class Listed(NamedTuple):
    """The relations of a file."""

    drafts: list[RelationDraft]
    places: list[str]
    """Where each stands, such as `relations.jsonl, line 3`; for messages."""


class Tie(NamedTuple):
    """A relation without the words around it: what the graph needs of it."""

    head_id: str
    tail_id: str
    kind: StrEnum
    """A `RelationKind`, or what else ties two statements (`kg.citing_ties`)."""


def read_relations(path: Path) -> Listed:
    """Return the relations of a file of JSON lines, in its order; blank lines are skipped.

    Raises:
        ConfigError: The file cannot be read, or a line is no relation; the message names the line.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read as UTF-8 text: {error}") from error
    listed = Listed([], [])
    for number, line in enumerate(lines, start=1):
        if line.strip():
            place = f"{path}, line {number}"
            try:
                listed.drafts.append(RelationDraft.model_validate(json.loads(line)))
            except (ValueError, RecursionError) as error:
                raise ConfigError(f"{place}: {_what_is_wrong(error)}") from error
            listed.places.append(place)
    return listed


def add_relations(
    session: Session, drafts: Sequence[RelationDraft], places: Sequence[str] = ()
) -> list[bool]:
    """Store relations, all or none; returns of each whether it is new.

    Args:
        session: Where to store them.
        drafts: The relations.
        places: Where each of them stands, for messages.

    Raises:
        ConfigError: A statement would be related to itself.
        NotFoundError: There is no such statement.
    """
    _check(session, drafts, places)
    standing = _standing(session, [draft.id() for draft in drafts])
    rows: dict[str, dict[str, object]] = {}
    is_new: list[bool] = []
    for draft in drafts:
        identifier = draft.id()
        is_new.append(identifier not in standing and identifier not in rows)
        if is_new[-1]:
            head, tail = draft.ends()
            rows[identifier] = {
                "id": identifier,
                "kind": draft.kind,
                "head_id": head,
                "tail_id": tail,
                "method": draft.method,
                "reason": draft.reason,
                "created_at": now(),
            }
    if rows:
        session.execute(insert(Relation), list(rows.values()))
    return is_new


def remove_relations(
    session: Session, drafts: Sequence[RelationDraft], places: Sequence[str] = ()
) -> list[bool]:
    """Take relations back, all or none; returns of each whether it stood.

    Who asserted it, and why, need not be repeated.

    Args:
        session: Where they are stored.
        drafts: The relations.
        places: Where each of them stands, for messages.

    Raises:
        ConfigError: A statement would be related to itself.
        NotFoundError: There is no such statement.
    """
    _check(session, drafts, places)
    standing = _standing(session, [draft.id() for draft in drafts])
    stood: list[bool] = []
    for draft in drafts:
        stood.append(draft.id() in standing)
        standing.discard(draft.id())
    removed = sorted({draft.id() for draft, did in zip(drafts, stood, strict=True) if did})
    for block in blocks_of(removed):
        session.execute(delete(Relation).where(col(Relation.id).in_(block)))
    return stood


def relations_of(session: Session, statement_id: str) -> list[Relation]:
    """Return the relations of a statement, as head and as tail: by kind, head, tail."""
    query = select(Relation).where(
        or_(Relation.head_id == statement_id, Relation.tail_id == statement_id)
    )
    return sorted(session.exec(query), key=lambda one: (one.kind, one.head_id, one.tail_id))


def all_relations(session: Session) -> list[Relation]:
    """Return every relation, by id."""
    return list(session.exec(select(Relation).order_by(col(Relation.id))))


def ties_by_relation(session: Session) -> list[Tie]:
    """Return what every relation ties, by id."""
    query = select(Relation.head_id, Relation.tail_id, Relation.kind).order_by(col(Relation.id))
    return [Tie(head, tail, RelationKind(kind)) for head, tail, kind in session.exec(query)]


def _check(session: Session, drafts: Sequence[RelationDraft], places: Sequence[str]) -> None:
    """Check that every relation is between two different statements that we have."""
    identifiers = sorted({end for draft in drafts for end in (draft.head, draft.tail)})
    known = statements_by_id(session, identifiers)
    for number, draft in enumerate(drafts):
        place = f"{places[number]}: " if places else ""
        for end in (draft.head, draft.tail):
            if end not in known:
                raise NotFoundError(
                    f"{place}there is no statement {end}: `claimgraph search WORDS` finds ids"
                )
        if draft.head == draft.tail:
            raise ConfigError(
                f"{place}{draft.head} cannot be related to itself: name two statements"
            )


def _standing(session: Session, identifiers: Sequence[str]) -> set[str]:
    found: set[str] = set()
    for block in blocks_of(identifiers):
        found.update(session.exec(select(Relation.id).where(col(Relation.id).in_(block))))
    return found


def _what_is_wrong(error: ValueError | RecursionError) -> str:
    """Return what is wrong with a line, in words, field by field."""
    if isinstance(error, ValidationError):
        fields = (
            f"{'.'.join(map(str, each['loc'])) or 'the line'}: {each['msg']}"
            for each in error.errors()
        )
        return f"not a relation: {'; '.join(fields)}"
    return f"not a JSON object: {error}"
