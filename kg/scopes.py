"""How far two sentences go: all, most, some, only, may, must, and what is said of both.

A statement on all heads is not the statement on some; one that holds never is not one that holds
rarely; and what is true of both is not what is true of one and otherwise of the other.
"""

import re

from kg.lexicon import LIGHT_MEANINGS, QUANTIFIERS, WEAK_QUANTIFIERS
from kg.wordings import Reading, own_words

Words = tuple[list[str], list[str]]
"""Of the first sentence, and of the second; both empty where the scopes agree."""

_NEVER = frozenset(["never"])
_SELDOM = frozenset(["seldom", "rarely", "hardly", "scarcely", "infrequently"])
_BOTH = frozenset(["both"])
_CAN = re.compile(r"\bcan\b(?! ?not)", re.I)
_SEEMS = re.compile(r"\b(?:seems?|appears?) to\b", re.I)


def scopes_apart(one: Reading, two: Reading) -> Words:
    """Return the words by which two sentences go further or less far than each other."""
    for found in (_never_or_seldom(one, two), _both_or_apart(one, two)):
        if any(found):
            return found
    ours, theirs = _quantifiers(one), _quantifiers(two)
    words = (
        [word for key, word in ours.items() if key not in theirs],
        [word for key, word in theirs.items() if key not in ours],
    )
    if {*ours} ^ {*theirs} == {"may", "some"} and len(ours) == len(theirs):
        return [], []
    is_strong = any(word not in WEAK_QUANTIFIERS for side in words for word in side)
    return words if is_strong else ([], [])


def _never_or_seldom(one: Reading, two: Reading) -> Words:
    """Return whether one says never and the other seldom."""
    never = bool(_said(one, _NEVER)), bool(_said(two, _NEVER))
    seldom = bool(_said(one, _SELDOM)), bool(_said(two, _SELDOM))
    if any(never) and any(seldom) and never != seldom:
        return _said(one, _NEVER | _SELDOM), _said(two, _NEVER | _SELDOM)
    return [], []


def _both_or_apart(one: Reading, two: Reading) -> Words:
    """Return whether one says of both what the other, with a word of its own, may set apart."""
    said = _said(one, _BOTH), _said(two, _BOTH)
    if bool(said[0]) == bool(said[1]):
        return [], []
    here, there = (one, two) if said[0] else (two, one)
    return said if own_words(there, here) - LIGHT_MEANINGS else ([], [])


def _said(one: Reading, words: frozenset[str]) -> list[str]:
    return [token for token in one.tokens if token.casefold() in words]


def _quantifiers(one: Reading) -> dict[str, str]:
    small = [token.casefold() for token in one.tokens]
    found = {
        name: next(word for word in small if word in words)
        for name, words in QUANTIFIERS.items()
        if any(word in words for word in small)
    }
    if _SEEMS.search(one.text):
        found.setdefault("may", "seems to")
    if _CAN.search(one.text):
        found.setdefault("may", "can")
    return found
