"""The list of references, entry by entry, and which entries a sentence cites.

Readers give a list of references as a section of its own with an entry to a paragraph. An entry is
known by the number or the key that it begins with ("[3]", "[bricken2023]"), by the family name that
it begins with and its year ("Bricken et al., 2023"), and by the arXiv id or the DOI in it. A
sentence cites an entry if it has its number or key in brackets, or its name and year in a citation;
where the list is numbered, names count only in sentences that give none of its numbers.

But: an entry is not taken apart into authors and title, which is guesswork without a model; a
source is found by its identifiers or by its whole title (`kg.citations`).
"""

import re
from collections.abc import Iterator, Sequence, Set
from typing import NamedTuple

from ingest.documents import Document, Span
from ingest.identifiers import Identifiers, doi, printed_arxiv_ids

_PARAGRAPH = re.compile(r"[^\n]+(?:\n[^\n]+)*")
_BULLET = re.compile(r"\s*[•▪]\s+")
_NUMBER = re.compile(r"\[(\d{1,3})\]\s*|(\d{1,3})\.\s+(?=[A-Z])")
_KEY = re.compile(r"\[([^\[\]\s,;]*[^\W\d_][^\[\]\s,;]*)\]\s")
_KEYS = re.compile(r"\[([^\[\]]{1,500})\]")
_NAME = re.compile(r"[^\W\d_][\w’'-]+")
_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d[a-z]?(?!\d)")
_BRACKETS = re.compile(r"\[(\d{1,3}(?:\s*[,;–—-]\s*\d{1,3})*)\]")
_AUTHOR_YEAR = re.compile(
    r"(?P<name>[A-Z][\w’'-]+)(?:\s+et\s+al\.?|\s*(?:,|and|&)\s+[A-Z][\w’'-]+)*,?\s*\(?"
    r"(?P<year>(?:19|20)\d\d[a-z]?)"
)
_PARTICLES = frozenset({"van", "von", "de", "der", "den", "la", "le", "di", "da"})
_SHORTEST = 20
"""Characters of an entry."""

_WIDEST = 20
"""Numbers that a range such as [3-9] may stand for."""


class Entry(NamedTuple):
    """An entry of the list of references."""

    section: int
    """Index into the document's sections."""

    span: Span
    text: str
    number: int | None
    identifiers: Identifiers
    key: str | None = None
    """What it is cited by in brackets, where that is no number."""


def entries_of(document: Document) -> list[Entry]:
    """Return the entries of a document's lists of references, in order."""
    return [
        _entry(index, section.text, span)
        for index, section in enumerate(document.sections)
        if section.kind == "references"
        for span in _spans(section.text)
    ]


def cited_in(sentence: str, entries: Sequence[Entry], linked: Set[str] = frozenset()) -> list[int]:
    """Return which of these entries a sentence cites: their places, ascending.

    Args:
        sentence: The sentence.
        entries: The references.
        linked: Keys that it cites without saying them, as the links of a web page do.
    """
    numbers = set(_numbers_in(sentence))
    named = {key.strip() for found in _KEYS.finditer(sentence) for key in found[1].split(",")}
    keys = named | linked
    authors = {
        (found["name"].casefold(), found["year"]) for found in _AUTHOR_YEAR.finditer(sentence)
    }

    gives_numbers = any(entry.number in numbers for entry in entries)

    def is_cited(entry: Entry) -> bool:
        if gives_numbers and entry.number is not None:
            return entry.number in numbers
        return entry.key in keys or bool(authors and _names(entry) & authors)

    return [place for place, entry in enumerate(entries) if is_cited(entry)]


def _spans(text: str) -> Iterator[Span]:
    """Yield the entries of a section: its paragraphs, split where an item begins within one."""
    for paragraph in _PARAGRAPH.finditer(text):
        bullets = list(_BULLET.finditer(text, *paragraph.span()))
        starts = [paragraph.start(), *(bullet.end() for bullet in bullets)]
        ends = [*(bullet.start() for bullet in bullets), paragraph.end()]
        for start, end in zip(starts, ends, strict=True):
            length = len(text[start:end].rstrip())
            if length >= _SHORTEST:
                yield Span(start, start + length)


def _entry(section: int, text: str, span: Span) -> Entry:
    words = text[span.start : span.end]
    number = _NUMBER.match(words)
    key = _KEY.match(words)
    preprints = printed_arxiv_ids(words)
    published = [pair for pair in doi(words) if pair[0] == "doi" or not preprints]
    return Entry(
        section=section,
        span=span,
        text=" ".join(words.split()),
        number=int(number[1] or number[2]) if number else None,
        identifiers=tuple(sorted(dict((*published, *preprints)).items())),
        key=key[1] if key else None,
    )


def _names(entry: Entry) -> set[tuple[str, str]]:
    """Return the pairs of name and year that this entry may be cited by."""
    words = [
        word
        for word in _NAME.findall(_KEY.sub("", entry.text, count=1)[:80])
        if word.casefold() not in _PARTICLES
    ]
    years = _YEAR.findall(entry.text)
    long = [word.casefold() for word in words if len(word) > 1][:3]
    return {(name, year) for name in long for year in years}


def _numbers_in(sentence: str) -> Iterator[int]:
    for brackets in _BRACKETS.finditer(sentence):
        for part in re.split(r"[,;]", brackets[1]):
            ends = [int(each) for each in re.split(r"\s*[–—-]\s*", part.strip())]
            if ends[-1] - ends[0] <= _WIDEST:
                yield from range(ends[0], ends[-1] + 1)
