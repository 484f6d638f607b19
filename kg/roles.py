"""Who does what to whom: words that have changed places between two sentences.

"A causes B" is not "B causes A", though the words are the same. Looked at are the two sides of a
comparison, of a verb that goes one way, of "from … to …", and of a word that joins two parts
("over", "before"); and which property is more and which is less.

But: there is no parser. A side is the words up to the next comma.
"""

import re
from collections.abc import Iterator, Set
from itertools import pairwise

from kg.lexicon import ASYMMETRIC, AXES, LIGHT_MEANINGS, meaning, stem
from kg.wordings import Reading, is_content, is_thing

_FROM = re.compile(
    r"\bfrom (?:(?:the|an?|its|their) )?(\w+)(?:\W+\w+){0,3}? (?:in)?to"
    r" (?:(?:the|an?|its|their) )?(\w+)",
    re.I,
)
_BE = frozenset(["is", "are", "was", "were", "be", "been", "being"])
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
_JOINING = (
    *("over", "before", "after", "into", "onto", "despite", "until", "unless"),
    *("without", "when", "if", "because", "becauseof", "once", "although", "but", "ratherthan"),
)
_REVERSED = {"before": "after", "after": "before"}
_WIDTH = 5
_BREAKS = frozenset(",;:")
_BECAUSE = "becauseof"
_CAUSE = stem("cause")
_BOTH_WAYS = frozenset(
    map(
        stem,
        [
            "agree",
            "match",
            "coincide",
            "tie",
            "differ",
            "disagree",
            "correlate",
            "share",
            "interact",
            "overlap",
            "equal",
            "similar",
            "between",
            "distinguish",
            "differ",
            "link",
            "connect",
            "alike",
        ],
    )
)
_FALLING_WORDS = """
decrease fall drop reduce lower decline shrink lose cost trade weaken diminish smaller
"""
_FALLING = frozenset(map(stem, _FALLING_WORDS.split()))
"""Said of a property, they are as good as "less"."""
_GRADES = {"more": 1, "less": -1, "fewer": -1}


def compared_are_swapped(one: Reading, two: Reading) -> bool:
    """Say whether what is compared has changed sides."""
    left_one, right_one = one.left - one.right, one.right - one.left
    left_two, right_two = two.left - two.right, two.right - two.left
    if right_one and right_two:
        return bool(left_one & right_two) and bool(right_one & left_two)
    moved = (right_one & two.left) | (right_two & one.left)
    return bool(moved) and moved == right_one | right_two


def ends_are_swapped(one: Reading, two: Reading) -> bool:
    """Say whether "from A to B" has become "from B to A"."""
    here, there = _FROM.search(one.text), _FROM.search(two.text)
    if not here or not there:
        return False
    start, end = meaning(here[1]), meaning(here[2])
    return start != end and (start, end) == (meaning(there[2]), meaning(there[1]))


def ends_of(one: Reading, two: Reading) -> tuple[str, str]:
    """Return what either sentence says of where something goes from and to."""
    found = (_FROM.search(each.text) for each in (one, two))
    a, b = (match[0] if match else "" for match in found)
    return a, b


def parts_are_swapped(one: Reading, two: Reading) -> bool:
    """Say whether what a joining word joins has changed sides, as in "A over B", "B over A".

    "A before B" and "B after A" are the same.
    """
    for word in _JOINING:
        here, there = _parts(one, word), _parts(two, word)
        if here and there and _is_crossed(here, there):
            return True
    return False


def is_turned_round(one: Reading, two: Reading) -> bool:
    """Say whether one says "A before B" where the other says "B after A"."""
    for word, other in _REVERSED.items():
        here, there = _parts(one, word), _parts(two, other)
        if here and there and _is_crossed(here, there):
            return True
    return False


def two_are_swapped(one: Reading, two: Reading) -> bool:
    """Say whether two words have changed places, and all others stand where they stood.

    A passive, and a word that holds both ways ("A and B agree"), make no difference of it.
    """
    ours, theirs = _in_order(one), _in_order(two)
    moved = [at for at, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b]
    if len(ours) != len(theirs) or len(moved) != 2 or _BOTH_WAYS & one.stems:
        return False
    i, j = moved
    things = [is_thing(one.words[each]) for each in ours]
    are_of_a_kind = things[i] == things[j]
    are_apart = j > i + 1 and not (things[i] and all(things[i:j]))  # not within one noun phrase
    is_crossed = (ours[i], ours[j]) == (theirs[j], theirs[i])
    return is_crossed and are_apart and are_of_a_kind and _is_passive(one) == _is_passive(two)


def bound_are_swapped(one: Reading, two: Reading) -> bool:
    """Say whether two opposites, both in both sentences, have changed what they stand beside.

    As in "small changes cause large errors" and "large changes cause small errors".
    """
    for plus, minus in AXES:
        for ups, downs in ((plus & one.stems & two.stems, minus & one.stems & two.stems),):
            if len(ups) == 1 and len(downs) == 1:
                (up,), (down,) = ups, downs
                here = _beside(one, up), _beside(one, down)
                there = _beside(two, up), _beside(two, down)
                if all(here) and all(there) and _is_crossed_beside(here, there):
                    return True
    return False


def _is_crossed_beside(here: tuple[Set[str], Set[str]], there: tuple[Set[str], Set[str]]) -> bool:
    straight = len(here[0] & there[0]) + len(here[1] & there[1])
    crossed = len(here[0] & there[1]) + len(here[1] & there[0])
    return crossed > straight


def _beside(one: Reading, word: str) -> Set[str]:
    """Return the meanings within two content words of a word that stands once; light ones too."""
    tokens = [token for token in one.tokens if is_content(token)]
    at = [index for index, token in enumerate(tokens) if stem(token) == word]
    if len(at) != 1:
        return frozenset()
    near = tokens[max(0, at[0] - 1) : at[0]] + tokens[at[0] + 1 : at[0] + 3]
    return frozenset(map(meaning, near)) - LIGHT_MEANINGS


def _in_order(one: Reading) -> list[str]:
    """Return the meanings in order; a clause before the comma counts as if it came last."""
    tokens = list(one.tokens)
    if tokens and tokens[0].casefold() in _FRONTING and "," in tokens:
        comma = tokens.index(",")
        tokens = tokens[comma + 1 :] + tokens[:comma]
    return [meaning(token) for token in tokens if is_content(token)]


def _is_passive(one: Reading) -> bool:
    return any(
        token.casefold() == "by" and before.endswith(("ed", "en", "n", "t"))
        for before, token in pairwise(one.tokens)
    )


def grades_are_swapped(one: Reading, two: Reading) -> str:
    """Return a property that is more in one sentence and less in the other, or nothing."""
    ours, theirs = _grades(one), _grades(two)
    shared = sorted(ours.keys() & theirs.keys())
    turned = [word for word in shared if not ours[word] & theirs[word]]
    is_alone = not (one.right or two.right)
    only_less = [
        word
        for graded, other in ((ours, two), (theirs, one))
        if is_alone and not _FALLING & other.stems
        for word, signs in sorted(graded.items())
        if signs == {-1} and word in other.stems and word not in shared
    ]
    return next(iter([*turned, *only_less]), "")


def _grades(one: Reading) -> dict[str, set[int]]:
    found: dict[str, set[int]] = {}
    for at, token in enumerate(one.tokens):
        small = token.casefold()
        if small in _GRADES and "than" not in one.tokens[at + 1 : at + 2]:
            following = next(filter(is_content, one.tokens[at + 1 :]), "")
            found.setdefault(stem(following), set()).add(_GRADES[small])
        elif small.endswith("er") and len(small) > 4:
            found.setdefault(stem(small), set()).add(1)
    found.pop("", None)
    return found


def _parts(one: Reading, word: str) -> tuple[Set[str], Set[str]] | None:
    """Return the meanings on either side of a word that stands once; none if it does not."""
    at = [index for index, token in enumerate(one.tokens) if token.casefold() == word]
    if len(at) != 1:
        return None
    right = list(_up_to_comma(one.tokens[at[0] + 1 :]))
    before = list(_up_to_comma(one.tokens[: at[0]][::-1]))
    if not before:
        rest = one.tokens[at[0] + 1 :]
        before = list(_up_to_comma(rest[rest.index(",") + 1 :])) if "," in rest else []
    return frozenset(before), frozenset(right)


def _up_to_comma(tokens: tuple[str, ...]) -> Iterator[str]:
    for token in tokens[: 2 * _WIDTH]:
        if token in _BREAKS:
            return
        if is_content(token) and meaning(token) not in LIGHT_MEANINGS:
            yield meaning(token)


def _is_crossed(here: tuple[Set[str], Set[str]], there: tuple[Set[str], Set[str]]) -> bool:
    """Say whether words have changed sides both ways.

    Either all that differ on the right, or more words than have stayed.
    """
    (left, right), (other_left, other_right) = here, there
    moved, moved_back = right - other_right, other_right - right
    if not moved & other_left or not moved_back & left:
        return False
    n_crossed = len(left & other_right) + len(right & other_left)
    is_all = moved <= other_left and moved_back <= left
    return is_all or n_crossed > len(left & other_left) + len(right & other_right)


def verb_is_swapped(one: Reading, two: Reading) -> bool:
    """Say whether two active sentences of the same words have changed subject and object."""
    if any(each.tokens and each.tokens[0].casefold() in _FRONTING for each in (one, two)):
        return False
    ours, theirs = one.content - LIGHT_MEANINGS, two.content - LIGHT_MEANINGS
    if not ours or len(ours & theirs) < 0.8 * len(ours | theirs):
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
    at = [index for index, token in enumerate(one.tokens) if _is_verb(token, verb)]
    if len(at) != 1:
        return None
    before, after = one.tokens[: at[0]], one.tokens[at[0] + 1 :]
    is_passive = one.tokens[at[0]] == _BECAUSE or (
        one.tokens[at[0]].endswith(("ed", "en", "ten"))
        and any(token.casefold() in _BE for token in before[-2:])
    )
    stems = [{stem(token) for token in side if is_content(token)} for side in (before, after)]
    return stems[0], stems[1], is_passive


def _is_verb(token: str, verb: str) -> bool:
    return stem(token) == verb or (token == _BECAUSE and verb == _CAUSE)
