"""Who does what to whom, by verb: subjects and objects that are others in another sentence.

A verb has what stands before it, and what stands right behind it; in a passive ("A is found by B",
"the attacks missed by B") they change places. If two sentences use one verb, and its object here
is one thing and there another, and both sentences speak of both things, then they do not say the
same. So with its subject.

But: there is no parser. A verb is a word on a list of verbs, or one with a noun before it and an
article behind it. Of a sentence with a verb twice, that verb is left out.
"""

from typing import NamedTuple

from kg.lexicon import LIGHT_MEANINGS, meaning, stem
from kg.wordings import Reading, is_content, is_thing

_BE = frozenset(["is", "are", "was", "were", "be", "been", "being", "get", "gets"])
_ARTICLES = frozenset(["the", "a", "an", "its", "their", "this", "these", "all", "each", "every"])
_LINKS = frozenset(["that", "which", "who", "and", "or"])
_BREAKS = frozenset(",;:()")
_LIGHT = LIGHT_MEANINGS - {meaning("model")}
_BOTH_WAYS = frozenset(
    map(
        stem,
        [
            *("agree", "match", "coincide", "differ", "disagree", "correlate", "share", "interact"),
            *("overlap", "equal", "resemble", "link", "connect", "compare", "contradict"),
        ],
    )
)
_JOINING = frozenset(map(stem, ["join", "bridge", "unite", "integrate"]))
"""In a sentence with one of these, objects may change places with what stands behind "with"."""
_NO_VERBS = frozenset(map(stem, ["base", "based", "work"]))
"""Of "probe-based" and "earlier work"."""
Words = frozenset[str]
_NOTHING: Words = frozenset()


class Frame(NamedTuple):
    """What stands on either side of a verb, as if it were active."""

    subject: Words
    """The nearest words."""

    wide_subject: Words
    """All that may belong to it."""

    object: Words
    wide_object: Words


def roles_are_swapped(one: Reading, two: Reading) -> bool:
    """Say whether a verb has another subject or object here, and both sentences have both.

    The two sides of a comparison are for `kg.roles`.
    """
    if one.right or two.right or _JOINING & one.stems & two.stems:
        return False
    ours, theirs = _frames(one), _frames(two)
    for verb in ours.keys() & theirs.keys():
        mine, yours = ours[verb], theirs[verb]
        if bool(mine.object) != bool(yours.object):
            continue
        objects = (mine.object - yours.wide_object, yours.object - mine.wide_object)
        subjects = (mine.subject - yours.wide_subject, yours.subject - mine.wide_subject)
        if any(here & two.stems and there & one.stems for here, there in (objects, subjects)):
            return True
    return False


def _frames(one: Reading) -> dict[str, Frame]:
    """Return the frame of each verb that a sentence has once."""
    tokens = one.tokens
    at: dict[str, list[int]] = {}
    for index, token in enumerate(tokens):
        if _is_verb(tokens, index):
            at.setdefault(stem(token), []).append(index)
    return {
        verb: _frame(tokens, places[0])
        for verb, places in at.items()
        if len(places) == 1 and verb not in _BOTH_WAYS | _NO_VERBS
    }


def _is_verb(tokens: tuple[str, ...], at: int) -> bool:
    token = tokens[at]
    if not is_content(token) or token.endswith("ing") or _is_participle(tokens, at):
        return False
    if not is_thing(token):
        return at + 1 == len(tokens) or tokens[at + 1].casefold() != "of"
    before = tokens[at - 1] if at else ""
    if before.casefold() in _BE and token.endswith(("ed", "en")):
        return True
    after = tokens[at + 1].casefold() if at + 1 < len(tokens) else ""
    return bool(before) and is_content(before) and is_thing(before) and after in _ARTICLES


def _is_participle(tokens: tuple[str, ...], at: int) -> bool:
    """Say whether a word goes with a noun behind it, as in "learned circuits"."""
    before, after = tokens[at - 1 : at], tokens[at + 1 : at + 2]
    if not tokens[at].endswith(("ed", "en")) or not after or not is_content(after[0]):
        return False
    return not before or not is_thing(before[0]) or not is_content(before[0])


def _frame(tokens: tuple[str, ...], at: int) -> Frame:
    before, wide_before = _before(tokens, at)
    after, wide_after = _run(tokens, at + 1), _part(tokens, at + 1)
    if not _is_passive(tokens, at):
        return Frame(before, wide_before, after, wide_after)
    by = next((i for i in range(at + 1, len(tokens)) if tokens[i].casefold() == "by"), None)
    if by is None:
        return Frame(_NOTHING, _NOTHING, before, wide_before)
    return Frame(_run(tokens, by + 1), _part(tokens, by + 1), before, wide_before)


def _is_passive(tokens: tuple[str, ...], at: int) -> bool:
    token = tokens[at]
    if not token.endswith(("ed", "en", "n", "t", "d", "made")):
        return False
    is_after_be = any(each.casefold() in _BE for each in tokens[max(0, at - 3) : at])
    return is_after_be or tokens[at + 1 : at + 2] == ("by",)


def _before(tokens: tuple[str, ...], at: int) -> tuple[Words, Words]:
    """Return the run of words nearest before a verb, and all words from the last comma on."""
    start = next((i for i in range(at - 1, -1, -1) if tokens[i] in _BREAKS), -1) + 1
    part = tokens[start:at]
    end = len(part)
    while end and (not is_content(part[end - 1]) or not is_thing(part[end - 1])):
        end -= 1
    first = end
    while first and is_content(part[first - 1]) and is_thing(part[first - 1]):
        first -= 1
    return _stems(part[first:end]), _stems(part)


def _run(tokens: tuple[str, ...], start: int) -> Words:
    """Return the run of words that begins here, behind articles; nothing if there is none."""
    while start < len(tokens) and tokens[start].casefold() in _ARTICLES:
        start += 1
    end = start
    while end < len(tokens) and is_content(tokens[end]) and is_thing(tokens[end]):
        end += 1
    return _stems(tokens[start:end])


def _part(tokens: tuple[str, ...], start: int) -> Words:
    """Return the words up to the next function word, but for articles and "of"."""
    end = start
    while end < len(tokens) and tokens[end] not in _BREAKS:
        small = tokens[end].casefold()
        if not is_content(small) and small not in _ARTICLES | _LINKS | {"of"}:
            break
        end += 1
    return _stems(tokens[start:end])


def _stems(tokens: tuple[str, ...]) -> Words:
    return frozenset(
        stem(token) for token in tokens if is_content(token) and meaning(token) not in _LIGHT
    )
