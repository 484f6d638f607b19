"""What two sentences must agree in to be the same claim, and the words in which they do not.

Opposites stand closer in embedding space than paraphrases do, so a cosine cannot tell them apart.
Here each sentence is read for what a paraphrase keeps:

- polarity: is it denied? ("avoids" is not "does not avoid"; "unfaithful" is "not faithful");
- direction: which way does it go? ("increases", "decreases"), counting who is compared with whom,
  so that "A is larger than B" is "B is smaller than A" and not "B is larger than A";
- quantity: numbers with unit and size ("67M" is not "6.7M");
- scope: all, most, some, only, may, must ("can" is not "always does");
- subject: names, acronyms and things that exclude each other (attention and MLP). A short form
  equals its expansion where a glossary says so, and only there.

But: this reads words, not meaning. It cannot see that an opposite is meant without a cue, and a
sentence that denies what another asserts in other words ("leaves" for "does not remove") looks
different. Both functions are symmetric but for the order of the words that they show.
"""

import re
from collections.abc import Set
from enum import StrEnum
from typing import NamedTuple

from kg.grounding import Glossary
from kg.lexicon import (
    ASYMMETRIC,
    AXES,
    COMPLEMENTS,
    LIGHT,
    QUANTIFIERS,
    RIVALS,
    WEAK_QUANTIFIERS,
    meaning,
    stem,
)
from kg.quantities import Quantity, agree
from kg.wordings import (
    Negations,
    Reading,
    alike,
    denied_here,
    is_content,
    is_thing,
    negations,
    readings,
    squeezed,
    word_of,
)

_LEVEL = re.compile(r"\bas (?!(?:well|long|soon|far)\b)\w+(?: \w+)? as\b", re.I)
_BE = frozenset(["is", "are", "was", "were", "be", "been", "being"])
_PARTICLES = frozenset(["not", "never", "without", "ratherthan"])
_LIGHT = frozenset(map(meaning, LIGHT))
_ARTICLES = frozenset(["a", "an", "the", "its", "their", "this", "these", "those"])
_FRONTING = frozenset(
    [
        "before",
        "after",
        "when",
        "while",
        "in",
        "on",
        "at",
        "for",
        "from",
        "with",
        "by",
        "as",
        "since",
        "because",
        "under",
        "during",
        "between",
        "through",
        "across",
        "within",
        "without",
        "although",
        "though",
        "if",
        "once",
        "per",
        "among",
        "which",
    ]
)


class Facet(StrEnum):
    """What two statements can disagree in."""

    POLARITY = "polarity"
    DIRECTION = "direction"
    QUANTITY = "quantity"
    SCOPE = "scope"
    SUBJECT = "subject"


class Disagreement(NamedTuple):
    """Something that one sentence says otherwise, or that only one says, with its words."""

    facet: Facet
    a: str
    """Words of the first sentence; empty if it has none."""

    b: str
    is_opposed: bool
    """Both cannot hold of the same thing; if not, one says more, or they speak of two things."""

    def __str__(self) -> str:
        return f"{self.facet}: “{self.a or '—'}” against “{self.b or '—'}”"


def disagreements(a: str, b: str, glossary: Glossary | None = None) -> list[Disagreement]:
    """Return what two sentences do not agree in, by facet; nothing if they agree.

    Args:
        a: A sentence.
        b: Another.
        glossary: What short forms stand for in the sources of both.
    """
    one, two = readings(a, b, glossary)
    found = [
        *_polarity(one, two),
        *_direction(one, two),
        *_quantity(one, two),
        *_scope(one, two),
        *_subject(one, two),
        *_places(one, two),
    ]
    return sorted(set(found), key=lambda each: (list(Facet).index(each.facet), each.a, each.b))


def _polarity(one: Reading, two: Reading) -> list[Disagreement]:
    ours, theirs = negations(one, two), negations(two, one)
    if _is_odd(one, two):
        opposed = _opposites(one, two)
        if opposed and all(pair.is_complement for pair in opposed):
            return []
        return [_shown(Facet.POLARITY, [w for w, _ in ours], [w for w, _ in theirs])]
    moved = _undenied(ours, theirs, two), _undenied(theirs, ours, one)
    if any(moved):
        return [
            _shown(
                Facet.POLARITY,
                [f"not {one.words.get(word, word)}" for word in moved[0]],
                [f"not {two.words.get(word, word)}" for word in moved[1]],
            )
        ]
    return []


def _undenied(ours: Negations, theirs: Negations, other: Reading) -> list[str]:
    """Return what one sentence denies and the other says without denying it."""
    if not theirs or any(token.casefold() not in _PARTICLES for token, _ in (*ours, *theirs)):
        return []
    denied = {word for _, words in theirs for word in words}
    heads = {words[0] for _, words in ours if words}
    return sorted(head for head in heads - denied if head in other.content)


def _is_odd(one: Reading, two: Reading) -> bool:
    """Say whether one sentence is denied and the other is not."""
    return len(negations(one, two)) % 2 != len(negations(two, one)) % 2


def _denied(negations: list[tuple[str, frozenset[str]]]) -> frozenset[str]:
    """Return the stems that a negation stands right before; a verb of denial has its own object."""
    return frozenset(
        word for token, words in negations if token.casefold() in _PARTICLES for word in words
    )


def _direction(one: Reading, two: Reading) -> list[Disagreement]:
    swapped = _are_swapped(one, two)
    opposed = _opposites(one, two)
    if bool(one.right) and bool(two.right) and swapped:
        if opposed:
            return []
        return [
            Disagreement(Facet.DIRECTION, _behind_than(one), _behind_than(two), is_opposed=True)
        ]
    if _is_odd(one, two) and opposed and all(pair.is_complement for pair in opposed):
        return []
    found = [Disagreement(Facet.DIRECTION, a, b, is_opposed=True) for a, b, _ in opposed]
    levels = _is_level(one), _is_level(two)
    if not found and ((levels[0] and two.right) or (levels[1] and one.right)):
        found.append(Disagreement(Facet.DIRECTION, _degree(one), _degree(two), is_opposed=True))
    if not found and not (one.right or two.right) and _verb_is_swapped(one, two):
        found.append(Disagreement(Facet.DIRECTION, one.text, two.text, is_opposed=True))
    return found


class _Opposites(NamedTuple):
    """Words of either sentence that stand at the two ends of an axis."""

    a: str
    b: str
    is_complement: bool


def _opposites(one: Reading, two: Reading) -> list[_Opposites]:
    """Return the opposites that two sentences use; not the words that they share."""
    found: list[_Opposites] = []
    ours, theirs = one.stems - two.stems, two.stems - one.stems
    for index, axis in enumerate(AXES):
        for end, other in (axis, axis[::-1]):
            here, there = ours & end, theirs & other
            if here and there and not ours & other and not theirs & end:
                a, b = word_of(one, min(here)), word_of(two, min(there))
                found.append(_Opposites(a, b, index in COMPLEMENTS))
    return found


def _are_swapped(one: Reading, two: Reading) -> bool:
    """Say whether what is compared has changed sides."""
    left_one, right_one = one.left - one.right, one.right - one.left
    left_two, right_two = two.left - two.right, two.right - two.left
    if right_one and right_two:
        return bool(left_one & right_two) and bool(right_one & left_two)
    moved = (right_one & two.left) | (right_two & one.left)
    return bool(moved) and moved == right_one | right_two


def _is_level(one: Reading) -> bool:
    """Say whether a sentence puts two things on a level: "as accurate as"."""
    return _LEVEL.search(one.text) is not None


def _degree(one: Reading) -> str:
    found = _LEVEL.search(one.text)
    return found[0] if found else _behind_than(one)


def _verb_is_swapped(one: Reading, two: Reading) -> bool:
    """Say whether two active sentences of the same words have changed subject and object."""
    if any(each.tokens and each.tokens[0].casefold() in _FRONTING for each in (one, two)):
        return False
    if not one.content or len(one.content & two.content) < 0.9 * len(one.content | two.content):
        return False
    for verb in sorted(ASYMMETRIC):
        here, there = _around(one, stem(verb)), _around(two, stem(verb))
        if here is None or there is None:
            continue
        left_one, right_one, passive_one = here
        left_two, right_two, passive_two = there
        if passive_one != passive_two:
            left_two, right_two = right_two, left_two
        straight = len(left_one & left_two) + len(right_one & right_two)
        crossed = len(left_one & right_two) + len(right_one & left_two)
        if left_one and right_one and crossed > 2 * straight:
            return True
    return False


def _around(one: Reading, verb: str) -> tuple[Set[str], Set[str], bool] | None:
    """Return the stems before and after a verb, and whether it is passive."""
    at = [index for index, token in enumerate(one.tokens) if stem(token) == verb]
    if len(at) != 1:
        return None
    before, after = one.tokens[: at[0]], one.tokens[at[0] + 1 :]
    is_passive = one.tokens[at[0]].endswith(("ed", "en", "ten")) and any(
        token.casefold() in _BE for token in before[-2:]
    )
    stems = [{stem(token) for token in side if is_content(token)} for side in (before, after)]
    return stems[0], stems[1], is_passive


def _quantity(one: Reading, two: Reading) -> list[Disagreement]:
    rest = list(two.numbers)
    unmatched: list[Quantity] = []
    for number in one.numbers:
        partner = next((other for other in rest if agree(number, other)), None)
        if partner is None:
            unmatched.append(number)
        else:
            rest.remove(partner)
    if not unmatched and not rest:
        return []
    shown = [" ".join(filter(None, (n.bound, n.names, n.words))) for n in unmatched]
    shown_rest = [" ".join(filter(None, (n.bound, n.names, n.words))) for n in rest]
    is_named = all(number.names for number in (*unmatched, *rest))
    facet = Facet.SUBJECT if is_named else Facet.QUANTITY
    is_opposed = bool(unmatched) and bool(rest) and not is_named
    return [Disagreement(facet, ", ".join(shown), ", ".join(shown_rest), is_opposed)]


def _scope(one: Reading, two: Reading) -> list[Disagreement]:
    ours, theirs = _quantifiers(one), _quantifiers(two)
    only_ours = {key: word for key, word in ours.items() if key not in theirs}
    only_theirs = {key: word for key, word in theirs.items() if key not in ours}
    words = list(only_ours.values()), list(only_theirs.values())
    strong = [word for side in words for word in side if word not in WEAK_QUANTIFIERS]
    if not strong:
        return []
    return [_shown(Facet.SCOPE, *words, is_opposed=False)]


def _quantifiers(one: Reading) -> dict[str, str]:
    small = [token.casefold() for token in one.tokens]
    found = {
        name: next(word for word in small if word in words)
        for name, words in QUANTIFIERS.items()
        if any(word in words for word in small)
    }
    if re.search(r"\b(?:seems?|appears?) to\b", one.text, re.I):
        found.setdefault("may", "seems to")
    return found


def _subject(one: Reading, two: Reading) -> list[Disagreement]:
    here, there = squeezed(one.text), squeezed(two.text)
    ours = [word for key, word in sorted(one.names.items()) if key not in there]
    theirs = [word for key, word in sorted(two.names.items()) if key not in here]
    found = [_shown(Facet.SUBJECT, ours, theirs, is_opposed=False)] if ours or theirs else []
    for rivals in RIVALS:
        mine = [side for side in rivals if side & one.stems]
        yours = [side for side in rivals if side & two.stems]
        if mine and yours and not any(side in yours for side in mine):
            a = word_of(one, min(mine[0] & one.stems))
            found.append(
                Disagreement(Facet.SUBJECT, a, word_of(two, min(yours[0] & two.stems)), False)
            )
    return found


def _places(one: Reading, two: Reading) -> list[Disagreement]:
    """Return words that only one has, where the other has another word in the same place.

    A place is that before a noun of both, or that between two words of both. A light word
    ("method") can stand for any other.
    """
    ours = _replaceable(one, two)
    theirs = _replaceable(two, one)
    found: list[Disagreement] = []
    for mine in sorted(ours):
        for yours in sorted(theirs):
            a, b = one.words[mine], two.words[yours]
            if alike(mine, yours) or denied_here(a, two) or denied_here(b, one):
                continue
            if any({stem(a), stem(b)} <= plus | minus for plus, minus in AXES):
                continue
            if _around_word(one, mine) & _around_word(two, yours):
                found.append(Disagreement(Facet.SUBJECT, a, b, is_opposed=False))
    return found


def _replaceable(one: Reading, other: Reading) -> set[str]:
    """Return what only one says, without verbs and light words."""
    return {word for word in one.content - other.content - _LIGHT if is_thing(one.words[word])}


def _around_word(one: Reading, word: str) -> set[tuple[str, ...]]:
    """Return the places of a word, articles left out: beside which words it stands."""
    found: set[tuple[str, ...]] = set()
    plain = [token for token in one.tokens if token.casefold() not in _ARTICLES]
    small = ["", "^", *map(meaning, plain), "$", ""]
    for at in [at for at, found_word in enumerate(small) if found_word == word]:
        before, after = small[at - 1], small[at + 1]
        if after in one.content:
            found.add((">", after))
        if before in one.content:
            found.add((before, "<"))
        elif small[at - 2] in one.content:
            found.add((small[at - 2], before, "<"))
        found.add((before, after))
    return found


def _behind_than(one: Reading) -> str:
    return "than " + " ".join(sorted(word_of(one, found) for found in one.right - one.left))


def _shown(
    facet: Facet, ours: list[str], theirs: list[str], is_opposed: bool = True
) -> Disagreement:
    return Disagreement(facet, ", ".join(ours), ", ".join(theirs), is_opposed)
