"""Which labels an update puts in doubt.

An update looks at the communities that lost or gained members, or a member of which is said
elsewhere or with another note, and at no others. Of each it asks what `kg.label_inheritance` asks,
of the members when the name was first given in this run, but in numbers first and of the members
that the name rests on:

- are enough of them still there, and are they not too few beside all members of today;
- if something left: does the label hold by what those say who are still there, and does one of
  them say each sentence of an offline description.

What passes stays, and only loses from its support whoever left. The others are in doubt, and to
settle that takes all their members: so of a hundred thousand statements few are read.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from sqlmodel import Session, col, select

from kg.communities import branch_of, members_of, size_of
from kg.db import plain_rows
from kg.journal import Moved, moves_of
from kg.label_inheritance import InheritanceConfig, Inherited, words_by_id
from kg.labellers.offline import OfflineLabeller
from kg.labels import label_history
from kg.phrases import FUNCTION_WORDS, folded_words
from kg.tables import Amendment, Label

_COUNT = re.compile(r"\b\d+ (?:claim|finding|statement)s?\b")
_SENTENCE = re.compile(r"(?<=[.!?…])\s+")


class Doubts(NamedTuple):
    """What becomes of the labels of the communities that an update changed; the others hold."""

    trimmed: Mapping[str, Label]
    """Labels that hold, and rest on fewer members than before; by community."""

    doubtful: Mapping[str, Inherited]
    """Labels that all members have to be asked about; by community."""


def doubts_of(session: Session, run_id: int, update_id: int) -> Doubts:
    """Return what becomes of the labels of the communities that an update changed.

    Args:
        session: Where to read, once the update is written.
        run_id: The clustering.
        update_id: What changed it, be it by taking earlier updates back.
    """
    changes = _changes_of(session, run_id, update_id)
    cases = _cases(session, run_id, changes)
    _find_members(session, run_id, cases)
    poorer = [case for case in cases if changes.may_unsay(case)]
    texts = words_by_id(session, sorted({each for case in poorer for each in case.staying}))
    words = {each: frozenset(folded_words(text)) for each, text in texts.items()}
    trimmed: dict[str, Label] = {}
    doubtful: dict[str, Inherited] = {}
    for case in cases:
        holds = case.is_earned() and not case.says_how_many()
        if holds and changes.may_unsay(case):
            holds = case.is_said([words[each] for each in sorted(case.staying)])
        if not holds:
            doubtful[case.name] = case.inherited(members_of(session, case.name))
        elif case.departed():
            trimmed[case.name] = case.trimmed()
    return Doubts(trimmed, doubtful)


@dataclass
class _Case:
    """A label of a community that an update changed."""

    name: str
    """The community's id."""

    label: Label
    first: Label
    """The same name, as it was first given in this run."""

    then: dict[str, bool] = field(default_factory=dict)
    """Whether each statement that came or went since was a member when the name was given."""

    now: dict[str, bool] = field(default_factory=dict)
    """Whether each of them is one now."""

    n_now: int = 0
    """Members of today."""

    staying: frozenset[str] = frozenset()
    """Those of today that the name rested on at first, or rests on."""

    @property
    def is_offline(self) -> bool:
        """Say whether the offline labeller gave it, whose support has all of its words."""
        return self.label.model == OfflineLabeller.name

    def is_moved(self) -> bool:
        """Say whether somebody came or went who has not gone or come back."""
        return self.then != self.now

    def is_earned(self) -> bool:
        """Say whether enough of those are there that the name rested on at first."""
        config = InheritanceConfig()
        n_then = self.n_now + sum(self.then.values()) - sum(self.now.values())
        support = frozenset(self.first.support)
        if not support:  # whoever they are, nobody has left
            lost = any(was and not self.now[each] for each, was in self.then.items())
            return not lost and n_then >= config.min_hold * self.n_now
        n_staying = len(support & self.staying)
        return (
            n_staying >= config.min_stay * len(support)
            and n_staying * n_then >= config.min_hold * len(support) * self.n_now
        )

    def is_said(self, said: Sequence[frozenset[str]]) -> bool:
        """Say whether the label holds by the words of whom it rests on and who are still there.

        Args:
            said: The words of each of them, without case and plural.
        """
        name, description = map(folded_words, (self.label.label, self.label.description))
        if self.is_offline:
            sentences = map(folded_words, _SENTENCE.split(self.label.description))
            quotes = all(any(each.issuperset(quote) for each in said) for quote in sentences)
            return quotes and set().union(*said).issuperset(name)
        counts = Counter(word for each in said for word in each)
        content = [word for word in (*name, *description) if word not in FUNCTION_WORDS]
        if any(map(str.isdigit, "".join(content))):
            return False  # a number has to be given in the same unit
        return all(counts[word] > (word in name) for word in content)

    def says_how_many(self) -> bool:
        """Say whether the label counts members, as it does where they share no word."""
        return bool(_COUNT.search(f"{self.label.label} {self.label.description}"))

    def departed(self) -> list[str]:
        """Return who left of those that the label rests on."""
        return [each for each in self.label.support if each not in self.staying]

    def trimmed(self) -> Label:
        """Return the label without who left."""
        support = [each for each in self.label.support if each in self.staying]
        return Label(**{**self.label.model_dump(), "support": support})

    def inherited(self, members: Iterable[str]) -> Inherited:
        """Return the name for `kg.label_inheritance`, which asks all members of today.

        An offline description is written anew if one left on whom the label rests.
        """
        now = frozenset(members)
        left = {each for each, was in self.then.items() if was}
        came = {each for each, was in self.then.items() if not was}
        is_quoted = self.is_offline and bool(self.departed())
        label = Label(**{**self.label.model_dump(), "support": self.first.support})
        return Inherited(label, frozenset() if is_quoted else now, (now - came) | left)


class _Changes(NamedTuple):
    """The communities that an update changed."""

    all: set[str]
    poorer: set[str]
    """Those that lost somebody, or words."""

    reworded: set[str]
    """Those of which a member that stays is said elsewhere or with another note."""

    def may_unsay(self, case: _Case) -> bool:
        """Say whether words of a label may have gone."""
        has_less = bool(case.departed()) or not case.is_offline
        return (case.name in self.poorer and has_less) or case.name in self.reworded


def _changes_of(session: Session, run_id: int, update_id: int) -> _Changes:
    found = _Changes(set(), set(), set())
    for move in moves_of(session, update_id):
        before, after = _branches(move)
        found.all.update(before ^ after)
        found.poorer.update(before - after)
    prints = session.get_one(Amendment, update_id).touched
    homes = _homes(session, run_id, [each for each, (before, _) in prints.items() if before])
    found.reworded.update(part for home in homes.values() for part in _branch(home))
    found.poorer.update(found.reworded)
    found.all.update(found.reworded)
    return found


def _cases(session: Session, run_id: int, changes: _Changes) -> list[_Case]:
    """Return the labels that the changes concern, with who came and went since they were given."""
    cases: dict[str, _Case] = {}
    for name, labels in label_history(session, sorted(changes.all)).items():
        first = latest = labels[-1]
        for label in reversed(labels):
            if (label.label, label.model) != (latest.label, latest.model):
                break
            first = label
        cases[name] = _Case(name, latest, first)
    _follow(session, run_id, cases)
    return [case for case in cases.values() if case.is_moved() or case.name in changes.reworded]


def _follow(session: Session, run_id: int, cases: Mapping[str, _Case]) -> None:
    """Find out who came and who went since each label was given.

    A community that an update made out of another begins there, whoever had its name before.
    """
    since = {name: case.first.run_id for name, case in cases.items()}
    query = select(Amendment.run_id, Amendment.communities_added).where(
        Amendment.clustering_run_id == run_id,
        col(Amendment.run_id) > min(since.values(), default=0),
    )
    updates = sorted(session.exec(query), reverse=True) if cases else []
    for update_id, added in reversed(updates):
        since |= {name: max(since[name], update_id) for name in added if name in since}
    for update_id, _ in updates:
        for move in moves_of(session, update_id):
            before, after = _branches(move)
            for name in before ^ after:
                if name in cases and since[name] < update_id:
                    cases[name].now.setdefault(move.statement_id, name in after)
                    cases[name].then[move.statement_id] = name in before


def _find_members(session: Session, run_id: int, cases: Sequence[_Case]) -> None:
    """Count the members of today, and find those that the labels rest on."""
    support = {case.name: {*case.first.support, *case.label.support} for case in cases}
    homes = _homes(session, run_id, sorted(set().union(*support.values())))
    for case in cases:
        case.n_now = size_of(session, case.name)
        case.staying = frozenset(
            each
            for each in support[case.name]
            if each in homes and case.name in _branch(homes[each])
        )


def _homes(session: Session, run_id: int, statements: Sequence[str]) -> dict[str, str]:
    """Return the deepest community of each of these statements that a run holds."""
    query = (
        "SELECT statement_id, community_id FROM membership WHERE run_id = ? "
        "AND statement_id IN (SELECT value FROM json_each(?))"
    )
    return dict(plain_rows(session, query, run_id, json.dumps(list(statements))))


def _branches(move: Moved) -> tuple[frozenset[str], frozenset[str]]:
    """Return the communities that held a statement, and those that hold it."""
    before, after = (_branch(home) if home else frozenset() for home in (move.before, move.after))
    return before, after


@lru_cache(maxsize=65536)
def _branch(home: str) -> frozenset[str]:
    return frozenset(branch_of(home))
