"""Sentences as spans over a section's text, by rules a reader can check.

A general splitter fails on scientific prose in few and known places: "et al.", "Fig. 3",
initials, decimals, citations after the full stop, a parenthesis of several sentences. So a
sentence ends at a terminator unless one of these rules says that it does not:

1. Candidates are runs of ``. ! ? …`` with the closing quotes and brackets that follow them, a
   citation such as ``[12]`` or a raised footnote number set tight against the stop, and then
   white space or the paragraph's end.
2. What follows must be able to begin a sentence: a capital, a digit, a symbol, or an opening
   quote or bracket before one. A lower-case word begins one only after a full stop behind a
   long word.
3. A full stop that belongs to the word before it (an abbreviation, an initial, an item number)
   ends a sentence only where a word follows that all but always begins one ("However").
4. Nothing is split inside a parenthesis that was opened in mid-sentence, nor after an ellipsis
   in mid-clause.

No sentence crosses a paragraph break. Kiss & Strunk (2006), Unsupervised Multilingual Sentence
Boundary Detection, doi:10.1162/coli.2006.32.4.485, names the same classes of full stop and
learns them; a written list does better here, because the field's abbreviations are few.

But: a sentence that begins with a lower-case identifier after a short word is not seen, and
languages without capitals are not split at all between such letters.
"""

import re
from collections.abc import Iterator

from ingest.documents import Span

_CANDIDATE = re.compile(
    r"""(?P<stop>[.!?…]+)
        (?P<close>["'”’»)\]]*)
        (?P<note>(?:\[\d+(?:\s?[,;–-]\s?\d+)*\])*|(?<=[a-z)”"’]\.)\d{1,2})
        (?P<end>\s+|$)""",
    re.VERBOSE,
)
_PARAGRAPH = re.compile(r"\S(?:.*?\S)??(?=\s*\n\s*\n|\s*\Z)", re.DOTALL)
_OPENERS = "\"'“‘«([*_`•–—-"
_LAST_WORD = re.compile(r"[^\s(\[“‘\"'/—–]+$")

_NEVER_LAST = frozenset(
    "e.g i.e cf vs viz resp approx incl esp ca eg ie w.r.t s.t a.k.a wrt al "
    "fig figs eq eqs eqn eqns sec secs tab tabs app apps ch chap ref refs alg thm lem prop def "
    "cor vol vols pp ed eds dr prof mr mrs ms st no nos art ex diff dept univ est".split()
)
"""Words whose full stop is part of them; compared in lower case, without that full stop."""

_NEEDS_NUMBER = frozenset({"no", "nos", "art", "ex", "ch", "p", "v", "n"})
"""Of these, ordinary words or symbols too: abbreviations only before a number."""

_LABELS = frozenset(
    "appendix section figure table theorem lemma class group part panel step type case model "
    "experiment condition phase stage option algorithm definition corollary vitamin".split()
)
"""Words that take a letter as their number, so "Appendix A." can end a sentence."""

_STARTERS = frozenset(
    "a although as both but each finally first for given hence here however if in indeed instead "
    "it its moreover more most next no note on one our recall second see similarly since so some "
    "such than that the their then there therefore these they this those thus to under unlike "
    "we what when where whether which while with".split()
)
"""Words that, capitalised in mid-text, almost always begin a sentence."""

_MONTHS = frozenset("jan feb mar apr jun jul aug sep sept oct nov dec".split())
_LONGEST_ASIDE = 1000


def sentences(text: str) -> list[Span]:
    r"""Split a section's text into sentences, in order.

    The spans are disjoint, never cross "\n\n", begin and end with a character that is not white
    space, and together cover every such character of the text.
    """
    return [
        span
        for paragraph in _PARAGRAPH.finditer(text)
        for span in _sentences_of(text, paragraph.start(), paragraph.end())
    ]


def _sentences_of(text: str, start: int, end: int) -> Iterator[Span]:
    begun = start
    for candidate in _CANDIDATE.finditer(text, start, end):
        if candidate.end() < end and _ends_sentence(text[begun:end], candidate, begun):
            yield Span(begun, candidate.start("end"))
            begun = candidate.end()
    yield Span(begun, end)


def _ends_sentence(rest: str, candidate: re.Match[str], begun: int) -> bool:
    """Say whether the sentence that begins `rest` ends at this candidate."""
    before = rest[: candidate.start("stop") - begun]
    after = rest[candidate.end() - begun :]
    stop = candidate["stop"]
    closed = candidate["close"] + candidate["note"]
    if not _can_begin(after, before, stop + closed):
        return False
    if "…" in stop or len(stop) > 1 and set(stop) == {"."}:
        return _ends_after_ellipsis(after, closed)
    if stop == "." and not closed.strip("\"”’'") and _owns_its_stop(before, after):
        return False
    return not _in_aside(rest, candidate.start("end") - begun)


def _can_begin(after: str, before: str, stop: str) -> bool:
    """Say whether a sentence can begin with these characters, after this full stop."""
    bare = after.lstrip(_OPENERS)
    if not bare:
        return False
    first = bare[0]
    if not first.islower():
        return first not in ",;:.!?)]}%/&=+<>≤≥≈±×"
    if first >= "ͰͰ"[0] or re.match(r"[a-z] ?[=<>≤≥≈∈(_]", bare):  # Greek, or an inline formula
        return stop.startswith(".")
    return stop == "." and re.search(r"[a-z]{6,}$", before) is not None and bare == after


def _ends_after_ellipsis(after: str, closed: str) -> bool:
    """An ellipsis ends a sentence only where a frequent first word follows it."""
    return not closed and after[:1].isupper() and _first_word(after) in _STARTERS


def _owns_its_stop(before: str, after: str) -> bool:
    """Say whether the full stop belongs to the word before it and so ends nothing."""
    match = _LAST_WORD.search(before)
    if match is None:
        return False
    word = match.group()
    if match.start() == 0 and re.fullmatch(r"\d{1,3}|[A-Za-z]|[ivxIVX]{1,4}", word):
        return True  # an item's number, at the start of its sentence
    if word[:1].isupper() and len(word) == 1:
        return _is_initial(before[: match.start()], after)
    return _is_abbreviation(word, after)


def _is_abbreviation(word: str, after: str) -> bool:
    lower = word.lower()
    follows_number = after[:1].isdigit()
    if lower in _NEEDS_NUMBER or lower in _MONTHS:
        return follows_number
    if lower in _NEVER_LAST:
        return not (lower in {"al", "est"} and _first_word(after) in _STARTERS)
    if re.fullmatch(r"(?:[A-Za-z]\.)+[A-Za-z]", word):  # U.S, Ph.D-like
        return _first_word(after) not in _STARTERS
    return lower == "etc" and not after[:1].isupper()


def _is_initial(before: str, after: str) -> bool:
    """Tell "J. Smith" from "in Appendix A. Samples"."""
    previous = before.split()[-1:] or [""]
    if previous[0].lower().strip("(") in _LABELS or _first_word(after) in _STARTERS:
        return False
    return after[:1].isupper()


def _in_aside(rest: str, end: int) -> bool:
    """Say whether a parenthesis opened in mid-sentence is still open here, and closes later."""
    opened = rest[:end]
    depth = 0
    for offset, character in enumerate(opened):
        if character in "([":
            depth += offset > 0
        elif character in ")]":
            depth = max(depth - 1, 0)
    return depth > 0 and re.search(r"[)\]]", rest[end : end + _LONGEST_ASIDE]) is not None


def _first_word(after: str) -> str:
    match = re.match(r"[\"'“‘(\[]*([A-Za-z]+)\b", after)
    return match.group(1).lower() if match and match.group(1)[0].isupper() else ""
