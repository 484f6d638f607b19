"""Sentences as spans over a section's text, by rules a reader can check.

A general splitter fails on scientific prose in few and known places: "et al.", "Fig. 3",
initials, decimals, citations after the full stop, a parenthesis of several sentences. So a
sentence ends at a terminator unless one of these rules says that it does not:

1. Candidates are runs of ``. ! ? …`` with the closing quotes and brackets that follow them, a
   citation in square brackets or a raised footnote number, and then white space.
2. What follows must be able to begin a sentence: a capital, a digit, a symbol, or an opening
   quote or bracket before one. A lower-case word begins one only after a full stop behind a
   long word.
3. A full stop that belongs to the word before it (an abbreviation, an initial, an item number)
   ends a sentence only where a word follows that all but always begins one ("However").
4. Nothing is split inside a bracket or a quotation that was opened in mid-sentence, nor after
   an ellipsis in mid-clause.

No sentence crosses a paragraph break. Kiss & Strunk (2006), Unsupervised Multilingual Sentence
Boundary Detection, doi:10.1162/coli.2006.32.4.485, names the same classes of full stop and
learns them; a written list does better here, because the field's abbreviations are few.

But: a sentence that begins with a lower-case identifier after a short word is not seen, and
languages without capitals are not split at all between such letters.
"""

import re
from collections.abc import Iterator

from ingest.documents import Span


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_CANDIDATE = re.compile(
    r"""(?P<stop>[.!?…](?<![.!?…].)[.!?…]*+)
        (?P<close>["'”’»)\]]*+)
        (?P<note>(?:\[[^][]{1,80}\])+|\s\[[^][]{1,80}\](?=\s+["“]?[A-Z])|(?<=[a-z)”"’]\.)\d{1,2})?
        (?P<gap>\s+|$)""",
    re.VERBOSE,
)
_PARAGRAPH_BREAK = re.compile(r"\n\s*\n")
_BRACKET = re.compile(r"[()\[\]“”]")
_CLOSES = {")": "(", "]": "[", "”": "“"}
_LAST_WORD = re.compile(r"(?s:.*[\s(\[“‘\"'/—–])?([^\s(\[“‘\"'/—–]+)$")
_LOWER_BUT_FIRST = re.compile(r"[a-z] ?[=<>≤≥≈∈(_]|\([ivx\d]{1,4}\) [A-Z]|\[[^][]{1,80}\] [a-z]")
"""A formula, an item's marker, or a citation as the subject."""

_OPENERS = "\"'“‘«([*_`•–—-"
_CANNOT_BEGIN = ",;:.!?)]}%/&=+<>≤≥≈±×"
_WINDOW = 80
"""Characters looked at on either side of a candidate; more than any rule needs."""

_LONGEST_ASIDE = 1000
"""How far ahead, in characters, a bracket may close and still be believed."""

_DEEPEST = 16
"""Brackets followed at once; prose has three or four."""

_NEVER_LAST = _words(
    "e.g i.e cf vs viz resp approx incl esp ca eg ie w.r.t s.t a.k.a wrt al "
    "fig figs eq eqs eqn eqns sec secs tab tabs app apps ch chap ref refs alg thm lem prop def "
    "cor vol vols p pp ed eds dr prof mr mrs ms st no nos art ex diff dept univ est"
)
"""Words whose full stop is part of them; compared in lower case, without that full stop."""

_NEEDS_NUMBER = _words("no nos art ex ch p v n jan feb mar apr jun jul aug sep sept oct nov dec")
"""Ordinary words or symbols too, so abbreviations only before a number."""

_LABELS = _words(
    "appendix section figure table theorem lemma class group part panel step type case model "
    "experiment condition phase stage option algorithm definition corollary"
)
"""Words that take a letter as their number, so "Appendix A." can end a sentence."""

_STARTERS = _words(
    "a although as both but each finally first for given hence here however if in indeed instead "
    "it its moreover more most next no note on one our recall second see similarly since so some "
    "such than that the their then there therefore these they this those thus to under unlike "
    "we what when where whether which while with"
)
"""Words that, capitalised in mid-text, almost always begin a sentence."""


def sentences(text: str) -> list[Span]:
    r"""Split a section's text into sentences, in order.

    The spans are disjoint, never cross "\n\n", begin and end with a character that is not white
    space, and together cover every such character of the text.
    """
    breaks = [match.span() for match in _PARAGRAPH_BREAK.finditer(text)]
    starts = [0, *(end for _, end in breaks)]
    ends = [*(start for start, _ in breaks), len(text)]
    return [
        stripped
        for start, end in zip(starts, ends, strict=True)
        for span in _sentences_of(text, start, end)
        if (stripped := _strip(text, span)).start < stripped.end
    ]


def _strip(text: str, span: Span) -> Span:
    piece = text[span.start : span.end]
    start = span.start + len(piece) - len(piece.lstrip())
    return Span(start, start + len(piece.strip()))


def _sentences_of(text: str, start: int, end: int) -> Iterator[Span]:
    """Walk the candidates of one paragraph, keeping count of the brackets left open."""
    begun = looked = start
    opened: list[str] = []
    for candidate in _CANDIDATE.finditer(text, start, end):
        stop, resume = candidate.start("gap"), candidate.end()
        _follow_brackets(text, Span(looked, stop), opened, begun)
        looked = stop
        before = text[max(begun, candidate.start() - _WINDOW) : candidate.start()]
        after = text[resume : min(end, resume + _WINDOW)]
        if _ends_sentence(before, candidate, after) and not (
            opened and _closes_later(text, Span(stop, end), opened[-1])
        ):
            yield Span(begun, stop)
            begun = looked = resume
            opened.clear()
    yield Span(begun, end)


def _follow_brackets(text: str, span: Span, opened: list[str], begun: int) -> None:
    """Add to `opened`, and take from it; brackets around the whole sentence do not count."""
    for bracket in _BRACKET.finditer(text, span.start, span.end):
        if bracket.group() not in _CLOSES:
            if bracket.start() > begun and len(opened) < _DEEPEST:
                opened.append(bracket.group())
        elif _CLOSES[bracket.group()] in opened:
            while opened.pop() != _CLOSES[bracket.group()]:
                pass


def _closes_later(text: str, span: Span, opening: str) -> bool:
    """Say whether this bracket is closed before long, and so was no slip."""
    near = min(span.end, span.start + _LONGEST_ASIDE)
    brackets = _BRACKET.finditer(text, span.start, near)
    return any(_CLOSES.get(bracket.group()) == opening for bracket in brackets)


def _ends_sentence(before: str, candidate: re.Match[str], after: str) -> bool:
    """Say whether the sentence ends here, given the text on either side of the candidate."""
    stop = candidate["stop"]
    closed = candidate["close"] + (candidate["note"] or "")
    if not _can_begin(after, before, stop + closed):
        return False
    if stop in {"…", "...", "...."}:
        return not closed and _first_word(after) in _STARTERS
    if stop == "." and not closed.strip("\"”’'"):
        return not _owns_its_stop(before, after)
    return True


def _can_begin(after: str, before: str, stop: str) -> bool:
    """Say whether a sentence can begin with `after`, behind these words and this full stop."""
    bare = after.lstrip(_OPENERS)
    if not bare:
        return False
    if not bare[0].islower():
        return bare[0] not in _CANNOT_BEGIN
    if not bare[0].isascii() or _LOWER_BUT_FIRST.match(after):
        return stop[0] == "."
    return stop == "." and bare == after and re.search(r"[a-z]{6,}$", before) is not None


def _owns_its_stop(before: str, after: str) -> bool:
    """Say whether the full stop belongs to the word before it and so ends nothing."""
    match = _LAST_WORD.match(before)
    if match is None:
        return False
    word, start = match[1], match.start(1)
    if start == 0 and re.fullmatch(r"\d{1,3}|[A-Za-z]|[ivxIVX]{1,4}", word):
        return True  # an item's number, at the start of its sentence
    if len(word) == 1 and word.isupper():
        return _is_initial(before[:start], after)
    return _is_abbreviation(word, after)


def _is_abbreviation(word: str, after: str) -> bool:
    lower = word.lower()
    if lower in _NEEDS_NUMBER:
        return after[:1].isdigit()
    if lower in _NEVER_LAST:
        return not (lower == "al" and _first_word(after) in _STARTERS)
    if re.fullmatch(r"(?:[A-Za-z]\.)+[A-Za-z]", word):  # U.S.
        return _first_word(after) not in _STARTERS
    return False


def _is_initial(before: str, after: str) -> bool:
    """Tell "J. Smith" from "in Appendix A. Samples"."""
    previous = before.split()[-1:] or [""]
    if previous[0].lower().strip("(") in _LABELS or _first_word(after) in _STARTERS:
        return False
    return after[:1].isupper()


def _first_word(after: str) -> str:
    """Return the word that `after` begins with, in lower case, if it is capitalised."""
    match = re.match(r"[\"'“‘(\[]*([A-Z][a-z]*)\b", after)
    return match.group(1).lower() if match else ""
