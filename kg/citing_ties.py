"""Which statements a citation ties: the one of the citing source, and the one that it reports.

A citation is a sentence in which a source reports what another found (`kg.citations`), and is no
statement itself. Where that other source is in the graph, the sentence says what of it is meant.
So it ties the statement of the citing source that it is most like to the statement of the cited
source that it is most like. Likeness is the cosine of the two sets of content words,
|a ∩ b| / √(|a| |b|), in [0, 1]; below `LEAST` on either side there is no tie. Ties go to the lower
id.

Nothing but the two sources and the sentence decides, so what else is in the graph, and in which
order it came, makes no difference; and there is no more than one tie for a sentence and a source
that it cites.

But: a sentence that reports in words of its own ties nobody.
"""

import json
import math
import re
from collections.abc import Mapping, Set
from enum import StrEnum
from typing import NamedTuple

from sqlmodel import Session

from kg.db import plain_rows
from kg.hybrid_graph import GraphConfig
from kg.lexicon import stem
from kg.relations import Tie, ties_by_relation
from kg.wordings import is_content

LEAST = 0.25
"""Cosine; of two sentences of nine content words each, three in common."""

_CITATIONS = (
    'SELECT citation.id, source_id, quote, "references" FROM citation '
    "JOIN section ON section.id = citation.section_id ORDER BY citation.id"
)
_RESOLVED = "SELECT id, cited_id FROM reference WHERE cited_id IS NOT NULL"
_MADE = (
    "SELECT DISTINCT statement.id, statement.text FROM statement "
    "JOIN mention ON statement_id = statement.id JOIN section ON section.id = mention.section_id "
    "WHERE source_id = ? ORDER BY statement.id"
)


class DerivedKind(StrEnum):
    """What ties two statements without anybody's having said so of them."""

    REPORTS = "reports"


class Reported(NamedTuple):
    """A statement of a source, one of a source that it cites, and the sentence that does."""

    head_id: str
    tail_id: str
    """Of the cited source."""

    quote: str
    """The sentence, verbatim."""


def related_ties(session: Session, config: GraphConfig, gone: Set[str] = frozenset()) -> list[Tie]:
    """Return all that the layer of relations of a graph is built from.

    Args:
        session: Where to read.
        config: What counts; what counts for nothing is not looked for.
        gone: Sources that are about to be deleted, and count as deleted.
    """
    if not config.relations:
        return []
    ties = ties_by_relation(session)
    if config.relation_kinds.reports:
        found = reported(session, gone)
        ties += [Tie(each.head_id, each.tail_id, DerivedKind.REPORTS) for each in found]
    return ties


def reported(
    session: Session, gone: Set[str] = frozenset(), about: Set[str] | None = None
) -> list[Reported]:
    """Return what citations tie, by the ids of the citations and then of the cited sources.

    Args:
        session: Where to read.
        gone: Sources that are about to be deleted, and count as deleted.
        about: Only what has one of these sources at an end; default: all.
    """
    meant = dict(plain_rows(session, _RESOLVED))
    if not meant:
        return []
    made = _Made(session)
    found = []
    for _, citing, quote, references in plain_rows(session, _CITATIONS):
        cited = {meant[each] for each in json.loads(references) if each in meant}
        for other in sorted(cited - {citing}):
            ends = {citing, other}
            if ends & gone or not (about is None or ends & about):
                continue
            words = _words(quote)
            head, tail = (_most_like(words, made.by(source)) for source in (citing, other))
            if head and tail and head != tail:
                found.append(Reported(head, tail, quote))
    return found


class _Made:
    """The content words of the statements of each source, read when they are asked for."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._known: dict[str, dict[str, frozenset[str]]] = {}

    def by(self, source: str) -> Mapping[str, frozenset[str]]:
        if source not in self._known:
            rows = plain_rows(self._session, _MADE, source)
            self._known[source] = {identifier: _words(text) for identifier, text in rows}
        return self._known[source]


def _most_like(words: frozenset[str], among: Mapping[str, frozenset[str]]) -> str:
    """Return the id of the one that is most like some words; empty if none is enough."""
    best, most = "", LEAST
    for identifier in sorted(among):
        other = among[identifier]
        likeness = len(words & other) / math.sqrt(max(1, len(words) * len(other)))
        if likeness > most or (likeness == most and not best):
            best, most = identifier, likeness
    return best


def _words(text: str) -> frozenset[str]:
    return frozenset(
        stem(word) for word in re.findall(r"[^\W\d_]{2,}", text.casefold()) if is_content(word)
    )
