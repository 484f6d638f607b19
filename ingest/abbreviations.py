"""Abbreviations that a text itself spells out: "Stochastic Parameter Decomposition (SPD)".

Schwartz & Hearst (2003), A simple algorithm for identifying abbreviation definitions in
biomedical text, PSB 8:451-462:

1. A definition is *long (short)* or *short (long)* inside one sentence. A short form has 2 to 10
   characters, at most two words, a letter, and begins with a letter or a digit.
2. The long form is sought in the ``min(|A| + 5, 2 |A|)`` words next to the short form A.
3. Going through A and the long form from right to left, each letter or digit of A must be found
   in turn; the first of A must begin a word. The match that ends furthest right is taken.

Four things are ours. A short form has a capital letter, since papers put ordinary words into
parentheses too. A capital inside a word begins a word for step 3, because authors mark letters that
way ("adVersarial Parameter Decomposition (VPD)"). And where the words before it begin with its
letters, one word each, those are the long form, function words passed over: step 3 would take
"policy optimization" for PPO, and leave "proximal" out. If nothing else is found, the first letter
may lie inside the first of these words ("adversarial parameter decomposition (VPD)").

But: this finds what a text defines, not what it uses; "SAEs" and "SAE" are two short forms.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from ingest.documents import Span
from ingest.sentences import sentences

_PARENTHESIS = re.compile(r"\(([^()]{2,200})\)")
_SHORT_FORM = re.compile(r"(?=.{2,10}$)(?=.*[^\W\d_])[^\W_][\w.&/*+'’-]*(?:\s[\w.&/*+'’-]+)?")
_WORD = re.compile(r"\S+")
_PART = re.compile(r"[^\W_]+")
_PASSED_OVER = frozenset(["a", "an", "and", "by", "for", "from", "in", "of", "on", "the", "to"])


class Abbreviation(NamedTuple):
    """A short form, and the words that the text says it stands for."""

    short: str
    """As printed, so a plural keeps its s."""

    long: str
    """As printed, white space collapsed."""

    span: Span
    """Where the definition stands, from its first word to the closing parenthesis."""


def abbreviations(text: str) -> list[Abbreviation]:
    """List the definitions of abbreviations in a section's text, in order."""
    return [
        found
        for sentence in sentences(text)
        for parenthesis in _PARENTHESIS.finditer(text, sentence.start, sentence.end)
        for found in _definition(text, sentence, parenthesis)
    ]


def _definition(text: str, sentence: Span, parenthesis: re.Match[str]) -> Iterator[Abbreviation]:
    """Yield the definition that this parenthesis makes, if it makes one."""
    before = Span(sentence.start, parenthesis.start())
    inside = re.split(r"[;,]\s", parenthesis.group(1))[0].strip()
    if _is_short_form(inside):
        start = _long_form_start(inside, text[before.start : before.end])
        if start is not None:
            long = " ".join(text[before.start + start : before.end].split())
            yield Abbreviation(inside, long, Span(before.start + start, parenthesis.end()))
        return
    words = list(_WORD.finditer(text, before.start, before.end))[-1:]
    if words and _is_short_form(words[0].group()):
        short = words[0].group()
        start = _long_form_start(short, inside)
        if start is not None and len(inside[:start].split()) == 0:
            span = Span(words[0].start(), parenthesis.end())
            yield Abbreviation(short, " ".join(inside.split()), span)


def _is_short_form(words: str) -> bool:
    return _SHORT_FORM.fullmatch(words) is not None and any(map(str.isupper, words))


def _long_form_start(short: str, before: str) -> int | None:
    """Return where the long form of `short` begins, if `before` ends with one."""
    n_words = min(len(short) + 5, 2 * len(short))
    window = list(_WORD.finditer(before))[-n_words:]
    if not window:
        return None
    wanted = [character for character in short if character.isalnum()]
    at = _spelt_by_initials(wanted, before)
    if at is None:
        at = _aligned(wanted, before, window[0].start())
    if at is None and len(wanted) > 2:
        at = _spelt_by_initials(wanted, before, is_first_inside=True)
    return at if at is not None and _is_plausible(short, before[at:]) else None


def _aligned(wanted: list[str], before: str, begin: int) -> int | None:
    """Return where the alignment of step 3 begins, not before `begin`."""
    at = len(before)
    for place, character in reversed(list(enumerate(wanted))):
        at -= 1
        while at >= begin and not _matches(before, at, character, place == 0):
            at -= 1
        if at < begin:
            return None
    while at > 0 and not before[at - 1].isspace() and before[at - 1] not in "-(/“\"'‘":
        at -= 1  # a marked capital: take the whole word
    return at


def _spelt_by_initials(
    wanted: list[str], before: str, *, is_first_inside: bool = False
) -> int | None:
    """Return where the words begin that end the text and have these initials, one word each.

    The first letter may lie inside its word if that is asked for.
    """
    left = [letter.lower() for letter in wanted]
    for part in reversed(list(_PART.finditer(before))):
        word = part.group().lower()
        if word[0] == left[-1] or (is_first_inside and len(left) == 1 and left[0] in word):
            left.pop()
        elif word not in _PASSED_OVER:
            return None
        if not left:
            return part.start()
    return None


def _matches(before: str, at: int, character: str, begins: bool) -> bool:
    if before[at].lower() != character.lower():
        return False
    if not begins or at == 0 or not before[at - 1].isalnum():
        return True
    return before[at].isupper() and before[at - 1].islower()


def _is_plausible(short: str, long: str) -> bool:
    """A long form is longer than its short form, and does not contain it as a word."""
    words = long.lower().split()
    return len(" ".join(words)) > len(short) and short.lower() not in words
