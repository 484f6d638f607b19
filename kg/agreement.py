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

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from kg.bindings import (
    are_bound_alike,
    bindings,
    counts_are_swapped,
    modifiers_are_swapped,
)
from kg.frames import roles_are_swapped
from kg.grounding import Glossary
from kg.lexicon import (
    AXES,
    LIGHT_MEANINGS,
    LIGHT_NOUNS,
    RIVALS,
    meaning,
    stem,
)
from kg.opposition import LEVEL, compares_alone, denials, is_level, is_odd, opposites
from kg.quantities import Quantity, agree, quantities
from kg.roles import (
    bound_are_swapped,
    compared_are_swapped,
    ends_are_swapped,
    ends_of,
    is_turned_round,
    parts_are_swapped,
    two_are_swapped,
    verb_is_swapped,
)
from kg.scopes import scopes_apart
from kg.skeletons import slots_are_swapped
from kg.thesaurus import are_synonyms, opposites_of
from kg.wordings import (
    Negations,
    Reading,
    alike,
    denied_here,
    is_thing,
    more_often,
    own_words,
    readings,
    squeezed,
    word_of,
)

_GRADED = frozenset(["than", "unlike", "whereas", "ratherthan"])
_PARTICLES = frozenset(["not", "no", "never", "without", "ratherthan"])
_LIGHT_NOUNS = frozenset(map(meaning, LIGHT_NOUNS))
_BEFORE = frozenset([stem("before")])
_PASSED_OVER = frozenset(
    ["a", "an", "the", "its", "their", "this", "these", "those", "more", "less", "most", "least"]
)
"""Words that make no difference to which place a word has."""


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
    ours, theirs = denials(one, two), denials(two, one)
    if is_odd(one, two):
        opposed = opposites(one, two)
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


def _direction(one: Reading, two: Reading) -> list[Disagreement]:
    swapped = compared_are_swapped(one, two)
    opposed = opposites(one, two)
    if bool(one.right) and bool(two.right) and swapped:
        if opposed:
            return []
        return [
            Disagreement(Facet.DIRECTION, _behind_than(one), _behind_than(two), is_opposed=True)
        ]
    if is_odd(one, two) and opposed and all(pair.is_complement for pair in opposed):
        return []
    found = [Disagreement(Facet.DIRECTION, a, b, is_opposed=True) for a, b, _ in opposed]
    return found or _graded(one, two) or _turned(one, two)


def _graded(one: Reading, two: Reading) -> list[Disagreement]:
    """Return whether one puts on a level what the other sets apart, or only one compares."""
    levels = is_level(one), is_level(two)
    grades = [_GRADED & {token.casefold() for token in each.tokens} for each in (one, two)]
    is_opposed = bool((levels[0] and grades[1]) or (levels[1] and grades[0]))
    if is_opposed or compares_alone(one, two):
        return [Disagreement(Facet.DIRECTION, _degree(one), _degree(two), is_opposed)]
    return []


def _turned(one: Reading, two: Reading) -> list[Disagreement]:
    """Return whether words have changed places."""
    if ends_are_swapped(one, two):
        return [Disagreement(Facet.DIRECTION, *ends_of(one, two), is_opposed=True)]
    is_verb_turned = not (one.right or two.right) and verb_is_swapped(one, two)
    if is_verb_turned or _are_turned(one, two):
        return [Disagreement(Facet.DIRECTION, one.text, two.text, is_opposed=True)]
    return []


def _are_turned(one: Reading, two: Reading) -> bool:
    """Say whether words have changed places in one of several ways."""
    ways = (
        *(parts_are_swapped, two_are_swapped, bound_are_swapped),
        *(modifiers_are_swapped, roles_are_swapped, slots_are_swapped),
    )
    return any(way(one, two) for way in ways)


def _degree(one: Reading) -> str:
    found = LEVEL.search(one.text)
    return found[0] if found else _behind_than(one)


def _quantity(one: Reading, two: Reading) -> list[Disagreement]:
    unmatched, rest = _unmatched(one.numbers, two.numbers)
    if unmatched or rest:
        apart = _unmatched(quantities(one.text, shares=False), quantities(two.text, shares=False))
        unmatched, rest = (unmatched, rest) if any(apart) else apart
    if not unmatched and not rest:
        is_swapped = counts_are_swapped(one, two)
        return [Disagreement(Facet.QUANTITY, one.text, two.text, True)] if is_swapped else []
    shown = [" ".join(filter(None, (n.bound, n.names, n.words))) for n in unmatched]
    shown_rest = [" ".join(filter(None, (n.bound, n.names, n.words))) for n in rest]
    is_named = all(number.names for number in (*unmatched, *rest))
    facet = Facet.SUBJECT if is_named else Facet.QUANTITY
    is_opposed = bool(unmatched) and bool(rest) and not is_named
    return [Disagreement(facet, ", ".join(shown), ", ".join(shown_rest), is_opposed)]


def _unmatched(
    ours: Sequence[Quantity], theirs: Sequence[Quantity]
) -> tuple[list[Quantity], list[Quantity]]:
    """Return the numbers of either side that agree with none of the other's."""
    rest = list(theirs)
    unmatched: list[Quantity] = []
    for number in ours:
        partner = next((other for other in rest if agree(number, other)), None)
        if partner is None:
            unmatched.append(number)
        else:
            rest.remove(partner)
    return unmatched, rest


def _scope(one: Reading, two: Reading) -> list[Disagreement]:
    ours, theirs = scopes_apart(one, two)
    return [_shown(Facet.SCOPE, ours, theirs, is_opposed=False)] if ours or theirs else []


def _subject(one: Reading, two: Reading) -> list[Disagreement]:
    here, there = squeezed(one.text), squeezed(two.text)
    ours = [word for key, word in sorted(one.names.items()) if key not in there]
    theirs = [word for key, word in sorted(two.names.items()) if key not in here]
    found = [_shown(Facet.SUBJECT, ours, theirs, is_opposed=False)] if ours or theirs else []
    for rivals in RIVALS:
        mine = [side for side in rivals if side & one.stems]
        yours = [side for side in rivals if side & two.stems]
        if _BEFORE in mine + yours and is_turned_round(one, two):
            continue
        mine, yours = (
            [side for side in mine if side not in yours],
            [side for side in yours if side not in mine],
        )
        if mine and yours:
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
            if alike(mine, yours) or are_synonyms(stem(a), stem(b)) or not _are_of_a_kind(a, b):
                continue
            if denied_here(a, two) or denied_here(b, one):
                continue
            if any({stem(a), stem(b)} <= plus | minus for plus, minus in AXES):
                continue
            if _around_word(one, mine) & _around_word(two, yours):
                found.append(Disagreement(Facet.SUBJECT, a, b, is_opposed=False))
    return found


def replaced_words(one: Reading, two: Reading) -> list[tuple[str, str]]:
    """Return words of either sentence in the same place that are not known to mean the same.

    A light noun ("method") can stand for another noun, but no light verb for another verb.
    """
    ours, theirs = own_words(one, two) - _LIGHT_NOUNS, own_words(two, one) - _LIGHT_NOUNS
    bound = bindings(one).sure, bindings(two).sure
    return [
        (one.words[mine], two.words[yours])
        for mine in sorted(ours)
        for yours in sorted(theirs)
        if not {mine, yours} <= LIGHT_MEANINGS
        and (
            _around_word(one, mine) & _around_word(two, yours)
            or are_bound_alike(bound[0], mine, bound[1], yours)
        )
        and not _are_opposites(one.words[mine], two.words[yours])
    ]


def _are_opposites(one: str, other: str) -> bool:
    """Say whether two words exclude each other; whether they do so here is for the direction."""
    a, b = stem(one), stem(other)
    return b in opposites_of(a) or any(
        (a in plus and b in minus) or (a in minus and b in plus) for plus, minus in AXES
    )


def _are_of_a_kind(one: str, other: str) -> bool:
    """Say whether two words can take the same place, as far as their endings tell."""
    return one.endswith("ly") == other.endswith("ly")


def _replaceable(one: Reading, other: Reading) -> set[str]:
    """Return what only one says, without verbs and light words."""
    own = one.content - other.content - LIGHT_MEANINGS or more_often(one, other)
    return {word for word in own if is_thing(one.words[word])}


def _around_word(one: Reading, word: str) -> set[tuple[str, ...]]:
    """Return the places of a word, articles left out: beside which words it stands."""
    found: set[tuple[str, ...]] = set()
    plain = [token for token in one.tokens if token.casefold() not in _PASSED_OVER]
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
