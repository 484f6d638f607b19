"""Which word goes with which: modifiers that have changed their nouns between two sentences.

"Distillation transfers the teacher's circuits to the student" and "… the student's circuits to the
teacher" have the same words, and so have "small changes cause large errors" and "large changes
cause small errors". What differs is what "circuits" and "changes" go with. A word goes with a noun
if it stands before it in the same run of words without a function word or verb, or behind it and
"of". It may go with it if it stands behind it in the same part of the sentence.

But: there is no parser. A verb that is on no list counts as part of the run that it stands in.
"""

import re
from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from kg.lexicon import LIGHT_MEANINGS, meaning
from kg.wordings import Reading, is_content, is_thing

_ENDS = frozenset(
    [
        *("to", "by", "than", "ratherthan", "over", "into", "onto", "without", "before", "after"),
        *("when", "if", "while", "but", "because", "becauseof", "although", "despite", "until"),
        *(",", ";", ":", "(", ")", "and", "or"),
    ]
)
"""Behind these stands nothing that a noun before them goes with."""
_LIGHT = LIGHT_MEANINGS - {meaning("model")}
_ARTICLES = frozenset(["the", "a", "an", "its", "their", "this", "these", "all", "each", "every"])


class Bindings(NamedTuple):
    """What goes with each noun that a sentence has once."""

    sure: dict[str, frozenset[str]]
    possible: dict[str, frozenset[str]]


def bindings(one: Reading) -> Bindings:
    """Return what goes with each noun of a sentence, and what may."""
    counts = Counter(meaning(token) for token in one.tokens if is_content(token))
    sure: dict[str, set[str]] = {}
    possible: dict[str, set[str]] = {}
    runs = _runs(one.tokens)
    for start, end in runs:
        head = meaning(one.tokens[end - 1])
        if counts[head] > 1:
            continue
        own = {meaning(token) for token in one.tokens[start : end - 1]}
        own |= _behind_of(one.tokens, end, runs)
        sure.setdefault(head, set()).update(own)
        possible.setdefault(head, set()).update(own | _behind(one.tokens, end))
    return Bindings(
        {head: frozenset(words) for head, words in sure.items()},
        {head: frozenset(words) for head, words in possible.items()},
    )


def modifiers_are_swapped(one: Reading, two: Reading) -> bool:
    """Say whether a noun goes with one word here and another there, and both sentences have both.

    The two sides of a comparison are for `kg.roles`.
    """
    if one.right or two.right:
        return False
    if _runs_are_turned(one, two):
        return True
    ours, theirs = bindings(one), bindings(two)
    for head in (ours.sure.keys() & theirs.sure.keys()) - _LIGHT:
        mine = (ours.sure[head] - theirs.possible[head]) & two.content
        yours = (theirs.sure[head] - ours.possible[head]) & one.content
        if mine - _LIGHT and yours - _LIGHT:
            return True
    return False


def counts_are_swapped(one: Reading, two: Reading) -> bool:
    """Say whether two numbers have changed what they count: "2 heads in 3 layers" and "3 in 2"."""
    ours, theirs = _counted(one), _counted(two)
    shared = sorted(ours.keys() & theirs.keys())
    return any(
        ours[a] != ours[b] and ours[a] == theirs[b] and ours[b] == theirs[a]
        for a in shared
        for b in shared
    )


def _counted(one: Reading) -> dict[tuple[float, str], str]:
    """Return the word behind each number that is no name."""
    found: dict[tuple[float, str], str] = {}
    for number in one.numbers:
        behind = re.findall(r"[^\W\d_]+", one.text[number.start + len(number.words) :])
        following = next((word for word in behind if is_content(word)), "")
        if following and not number.names:
            found[number.value, number.unit] = meaning(following)
    return found


def _runs_are_turned(one: Reading, two: Reading) -> bool:
    """Say whether a run of words has its first and last exchanged: "users trust models".

    In such a run of three or more is a verb that is on no list.
    """
    ours, theirs = (
        [[meaning(token) for token in each.tokens[a:b]] for a, b in _runs(each.tokens) if b - a > 2]
        for each in (one, two)
    )
    return any(
        sorted(here) == sorted(there) and here[0] == there[-1] != here[-1] == there[0]
        for here in ours
        for there in theirs
    )


def are_bound_alike(
    ours: Mapping[str, frozenset[str]], mine: str, theirs: Mapping[str, frozenset[str]], yours: str
) -> bool:
    """Say whether two words go with the same noun, or the same word goes with both.

    Args:
        ours: What surely goes with each noun of one sentence.
        mine: A word of it.
        theirs: The same of another sentence.
        yours: A word of that.
    """
    nothing: frozenset[str] = frozenset()
    if ours.get(mine, nothing) & theirs.get(yours, nothing):
        return True
    return any(mine in ours[head] and yours in theirs[head] for head in ours.keys() & theirs.keys())


def _runs(tokens: tuple[str, ...]) -> list[tuple[int, int]]:
    """Return the runs of nouns and adjectives, each from its first token to behind its last."""
    found: list[tuple[int, int]] = []
    for at, token in enumerate(tokens):
        if not is_content(token) or not is_thing(token) or token.endswith("ly"):
            continue
        if found and found[-1][1] == at:
            found[-1] = (found[-1][0], at + 1)
        else:
            found.append((at, at + 1))
    return found


def _behind_of(tokens: tuple[str, ...], end: int, runs: list[tuple[int, int]]) -> set[str]:
    """Return the words of the run behind "of", if "of" stands behind this one."""
    if tokens[end : end + 1] != ("of",):
        return set()
    start = end + 1
    while start < len(tokens) and tokens[start].casefold() in _ARTICLES:
        start += 1
    return {
        meaning(token) for first, last in runs if first == start for token in tokens[first:last]
    }


def _behind(tokens: tuple[str, ...], end: int) -> set[str]:
    """Return the words behind a noun in the same part of the sentence."""
    found: set[str] = set()
    for token in tokens[end:]:
        if token.casefold() in _ENDS:
            break
        if is_content(token):
            found.add(meaning(token))
    return found
