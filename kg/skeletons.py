"""Words that have changed places in one and the same frame of function words.

"Code goes to the third expert and prose to the first" and "prose goes to the third expert and code
to the first" have the same words, and what is left of both without their content words is the same
too: "to", "and", "to". A paraphrase that keeps every word moves the function words as well ("prose
goes to the first expert and code to the third"). So where two sentences have the same content words
and the same skeleton, but a content word stands in another slot of it, they say different things.

Only things that "and" or "or" joins may change places without saying anything else.

In the same way a sentence that is another one with a word put in says more than that one.
"""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from kg.lexicon import LIGHT_MEANINGS, meaning
from kg.wordings import Reading

_PASSED_OVER = frozenset(
    ["a", "an", "the", "its", "their", "our", "this", "these", "that", "those", "which"]
)
"""Determiners, which come and go with what they stand before."""

_FILLERS = frozenset(
    [
        *("same", "different", "more", "less", "most", "least", "first", "second", "third", "last"),
        *("well", "poorly", "badly", "better", "worse"),
    ]
)
"""Function words that say as much as content words do."""

_APART = frozenset(map(meaning, _FILLERS))
_JOINTS = frozenset(["and", "or", "nor"])


class Frame(NamedTuple):
    """A sentence as function words, and what stands before, between and behind them."""

    skeleton: tuple[str, ...]
    slots: tuple[tuple[str, ...], ...]
    """One more than there are function words."""


def frame_of(one: Reading) -> Frame:
    """Take a sentence apart into its function words and what stands between them."""
    skeleton: list[str] = []
    slots: list[list[str]] = [[]]
    for token in one.tokens:
        small = token.casefold()
        if small in _PASSED_OVER:
            continue
        word = meaning(token)
        if word in one.content or small in _FILLERS or small.isdigit():
            slots[-1].append(word)
        else:
            skeleton.append(small)
            slots.append([])
    return Frame(tuple(skeleton), tuple(map(tuple, slots)))


def is_contained(one: Reading, two: Reading) -> bool:
    """Say whether one sentence is the other with content words put in, and nothing else changed.

    Such a word narrows what is said ("heads in the upper half", "debugging tasks"). A paraphrase
    with one word more changes the rest as well.
    """
    ours, theirs = _plain(one), _plain(two)
    if len(ours) > len(theirs):
        one, two, ours, theirs = two, one, theirs, ours
    rest = iter(ours)
    awaited = next(rest, None)
    extra: list[str] = []
    for word in theirs:
        if word == awaited:
            awaited = next(rest, None)
        else:
            extra.append(word)
    return awaited is None and any(
        word in two.content and word not in LIGHT_MEANINGS for word in extra
    )


def order_shared(one: Reading, two: Reading) -> float:
    """Return the share of the longer sentence that stands in both in the same order, word by word.

    That is the longest common subsequence of their words (Hirschberg, 1975,
    doi:10.1145/360825.360861) over the words of the longer one, in [0, 1].
    """
    ours, theirs = _words(one), _words(two)
    if len(ours) < len(theirs):
        ours, theirs = theirs, ours
    longest = [0] * (len(theirs) + 1)
    for word in ours:
        before = 0
        for at, other in enumerate(theirs, start=1):
            above = longest[at]
            longest[at] = before + 1 if word == other else max(above, longest[at - 1])
            before = above
    return longest[-1] / len(ours) if ours else 1.0


def _words(one: Reading) -> list[str]:
    return [token.casefold() for token in one.tokens if token[0].isalnum()]


def _plain(one: Reading) -> list[str]:
    return [meaning(token) for token in one.tokens if token.casefold() not in _PASSED_OVER]


def slots_are_swapped(one: Reading, two: Reading) -> bool:
    """Say whether the same words stand in other slots of the same skeleton."""
    ours, theirs = frame_of(one), frame_of(two)
    if ours.skeleton != theirs.skeleton or _words_of(ours) != _words_of(theirs):
        return False
    moved = [
        at
        for at, (mine, yours) in enumerate(zip(ours.slots, theirs.slots, strict=True))
        if Counter(mine) != Counter(yours)
    ]
    is_exchange = all(_gained(ours.slots[at], theirs.slots[at]) for at in moved)
    return bool(moved) and is_exchange and not _are_joined(moved, ours, theirs)


def _gained(mine: tuple[str, ...], yours: tuple[str, ...]) -> bool:
    """Say whether a slot has lost a word and got another; where a phrase moves, one is emptied."""
    return bool(Counter(mine) - Counter(yours)) and bool(Counter(yours) - Counter(mine))


def _words_of(frame: Frame) -> Counter[str]:
    return Counter(word for slot in frame.slots for word in slot)


def _are_joined(moved: Sequence[int], ours: Frame, theirs: Frame) -> bool:
    """Say whether all that moved stands on both sides of one "and", "or" or "with".

    On both sides of "and" it stands next to it; "with" is as good as that where no word is moved
    that tells things apart ("agree with", "the same loss with different circuits").
    """
    if len(moved) != 2 or moved[1] != moved[0] + 1:
        return False
    (left, right), (other_left, other_right) = (
        (frame.slots[moved[0]], frame.slots[moved[1]]) for frame in (ours, theirs)
    )
    joint = ours.skeleton[moved[0]]
    if joint == "with":
        return not (Counter(left) - Counter(other_left)).keys() & _APART
    is_beside = left[-1:] == other_right[:1] and right[:1] == other_left[-1:]
    is_rest_same = left[:-1] == other_left[:-1] and right[1:] == other_right[1:]
    return joint in _JOINTS and (left == other_right or (is_beside and is_rest_same))
