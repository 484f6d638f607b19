"""Denials and opposites: whether two sentences pull the same way.

Counted are the denials of each, so that two of them cancel; found are words at the two ends of an
axis ("increases", "decreases"). They come to the same if one is denied ("survives", "is not
removed") or the sides are exchanged ("A is larger than B", "B is smaller than A"). And it is said
which sentences compare at all, and which put two things on a level.
"""

import re
from collections import Counter
from typing import NamedTuple

from kg.lexicon import AXES, COMPLEMENTS, LIGHT_MEANINGS, NEGATIONS, meaning, stem
from kg.roles import compared_are_swapped, grades_are_swapped, is_turned_round
from kg.thesaurus import opposites_of
from kg.wordings import Negations, Reading, denied_here, negations, own_words, word_of

LEVEL = re.compile(
    r"\b(?:both|alike|equally|the same(?! as))\b"
    r"|\bas (?!(?:well|long|soon|far)\b)\w+(?: \w+)? as\b|\bas (?:many|much)(?: \w+){1,6} as\b",
    re.I,
)
"""What puts two things on a level: "as accurate as", "both"."""
_TAKING_AWAY = frozenset(
    map(stem, ["remove", "drop", "ablate", "delete", "omit", "disable", "erase", "eliminate"])
)
_LACKING = frozenset(["without", "absent", "absence", "missing", "lack", "lacks", "lacking"])
_COMPARING_WORDS = """
more less fewer better best worse worst compare relative prefer beat exceed outperform surpass
above below over ahead behind like unlike same equal match differ not no as increase decrease
reduce raise improve double halve half twice times contrast favour dominate only without save
cheap fast instead
"""
_COMPARING = frozenset(map(stem, _COMPARING_WORDS.split()))
"""Words that can say more, less or as much without "than"."""


def is_odd(one: Reading, two: Reading) -> bool:
    """Say whether one sentence is denied and the other is not."""
    return len(denials(one, two)) % 2 != len(denials(two, one)) % 2


def denials(one: Reading, two: Reading) -> Negations:
    """Return the negations; "without the loss" denies nothing that "dropping the loss" affirms."""
    found = negations(one, two)
    if one.right and two.right:
        found = [each for each in found if each[0] != "ratherthan"]
    if not _TAKING_AWAY & two.stems or _TAKING_AWAY & one.stems:
        return found
    return [(token, words) for token, words in found if token.casefold() not in _LACKING]


class Opposites(NamedTuple):
    """Words of either sentence that stand at the two ends of an axis."""

    a: str
    b: str
    is_complement: bool


def opposites(one: Reading, two: Reading) -> list[Opposites]:
    """Return the opposites that two sentences use; not the words that they share."""
    found: list[Opposites] = []
    ours, theirs = _tellings(one, two), _tellings(two, one)
    for index, axis in enumerate(AXES):
        for end, other in (axis, axis[::-1]):
            here, there = ours & end, theirs & other
            if here and there and not ours & other and not theirs & end:
                a, b = word_of(one, min(here)), word_of(two, min(there))
                found.append(Opposites(a, b, index in COMPLEMENTS))
    if is_turned_round(one, two):
        found = [each for each in found if {each.a, each.b} != {"before", "after"}]
    grade = grades_are_swapped(one, two)
    if grade and not found:
        found.append(Opposites(word_of(one, grade), word_of(two, grade), is_complement=False))
    return found or _opposed_in_general(one, two)


def answered_opposites(one: Reading, two: Reading) -> frozenset[str]:
    """Return opposites that come to the same: "A is larger than B", "B is smaller than A".

    So do "survives" and "is not removed".
    """
    is_crossed = bool(one.right) and bool(two.right) and compared_are_swapped(one, two)
    opposed = opposites(one, two) if is_crossed or is_odd(one, two) else []
    if not is_crossed and not all(pair.is_complement for pair in opposed):
        return frozenset()
    return frozenset(meaning(word) for pair in opposed for word in (pair.a, pair.b))


def _tellings(one: Reading, two: Reading) -> frozenset[str]:
    """Return what only one says; not what counts as a denial, by itself or by its prefix."""
    lacks = any(token.casefold() in _LACKING for token in two.tokens)
    denying = {stem(token) for token in one.tokens if token.casefold() in NEGATIONS}
    others = {stem(token) for token in one.tokens if token.casefold() not in NEGATIONS}
    return frozenset(
        found
        for found in (one.stems - two.stems | _oftener(one, two)) - (denying - others)
        if not denied_here(word_of(one, found), two) and not (lacks and found in _TAKING_AWAY)
    )


def _oftener(one: Reading, two: Reading) -> frozenset[str]:
    """Return the stems that both say, and one more often: "identifies … identification"."""
    counts, others = (Counter(map(stem, each.tokens)) for each in (one, two))
    return frozenset(found for found in one.stems & two.stems if counts[found] > others[found])


def _opposed_in_general(one: Reading, two: Reading) -> list[Opposites]:
    """Return the first words that exclude each other in general English."""
    ours, theirs = own_words(one, two), own_words(two, one)
    for mine in sorted(ours - LIGHT_MEANINGS):
        a = one.words[mine]
        for yours in sorted(theirs - LIGHT_MEANINGS):
            b = two.words[yours]
            if stem(b) in opposites_of(stem(a)):
                return [Opposites(a, b, is_complement=False)]
    return []


def compares_alone(one: Reading, two: Reading) -> bool:
    """Say whether only one of two sentences sets one thing against another."""
    return bool(one.right) != bool(two.right) and not (_compares(one) and _compares(two))


def _compares(one: Reading) -> bool:
    """Say whether a sentence compares, with "than" or a word that says more or less."""
    small = [token.casefold() for token in one.tokens]
    return bool(one.right) or is_level(one) or any(map(_is_comparing, small))


def _is_comparing(word: str) -> bool:
    return stem(word) in _COMPARING or (len(word) > 4 and word.endswith("er"))


def is_level(one: Reading) -> bool:
    """Say whether a sentence puts two things on a level: "as accurate as"."""
    return LEVEL.search(one.text) is not None
