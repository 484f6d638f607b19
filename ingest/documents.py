"""What a reader makes of a file, and what an extractor finds in it: immutable values.

A document is a row of sections; a section owns one immutable text, and everything said about
that text later (a sentence, a quote, a page) is a pair of offsets into it. Offsets are Unicode
code points with the end exclusive, so `section.text[start:end]` is always the thing itself.
"""

from bisect import bisect_right
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from kg.printed import PageBox, boxes_of, unpacked


class Span(NamedTuple):
    """A stretch of a section's text: code points, end exclusive."""

    start: int
    end: int


@dataclass(frozen=True)
class Section:
    """A heading and the text that stands under it, up to the next heading."""

    heading: str
    """Empty where there is none: the text before the first heading."""

    level: int
    """1 for the outermost headings, 2 for those below; 0 for text before the first heading."""

    text: str
    r"""Body text in reading order. Paragraphs are separated by "\n\n", and by nothing else."""

    pages: tuple[tuple[int, int], ...] = ()
    """Pairs (offset, page number from 1), ascending; empty where the format has no pages."""

    kind: str = "body"
    """One of "abstract", "body", "references", "appendix", "captions", "statements"."""

    under: tuple[str, ...] = ()
    """Headings that it stands under, outermost first, those too that have no text of their own;
    then what part of an article its format says it is, where it does ("Methods")."""

    anchors: tuple[tuple[int, str], ...] = ()
    """Pairs (offset, id of an element of the page), ascending; empty where there are no ids."""

    cites: tuple[tuple[int, str], ...] = ()
    """Pairs (offset, key of a reference), ascending: where something is cited that is no text."""

    printed: str = ""
    """Where each character is printed, as `kg.printed` packs it; empty where there are no pages."""

    def boxes(self, span: Span) -> list[PageBox]:
        """Return where a span is printed: a box for each printed line, in reading order."""
        return boxes_of(unpacked(self.printed), *span)

    def cited_within(self, span: Span) -> frozenset[str]:
        """Return the keys of what is cited inside a span, or right behind it."""
        return frozenset(key for at, key in self.cites if span.start < at <= span.end)

    def page_at(self, offset: int) -> int | None:
        """Return the page that the character at this offset is printed on, if there are pages."""
        index = bisect_right(self.pages, offset, key=lambda page: page[0])
        return self.pages[index - 1][1] if index else None


@dataclass(frozen=True)
class Draft:
    """A statement that an extractor or a statement list proposes, not yet found in its section."""

    section: int
    """Index into the document's sections."""

    kind: str
    """ "claim", "finding", or "cited": what others claim or found, as the document reports it."""

    text: str
    """The statement: one declarative sentence, white space collapsed."""

    quote: str
    """The words to be found verbatim in the section."""

    note: str = ""
    """What the statement does in its source, in one sentence; empty if nothing says."""

    score: float = 1.0
    """How sure the extractor is, in [0, 1]."""

    span: Span | None = None
    """Where the extractor saw the quote; `locate_quotes` verifies it."""

    refused: str = ""
    """Why the extractor itself does not take what it was told; empty if it does."""


class Hidden(NamedTuple):
    """Characters that a page hides from its reader, which are no part of any text."""

    page: int
    """From 1."""

    why: str
    """ "white", "invisible", "transparent", "tiny" or "off the page"."""

    characters: int
    example: str
    """How they begin."""


@dataclass(frozen=True)
class Document:
    """One file, or one source of a statement list, as its reader gives it."""

    name: str
    """The file's name: a label, never an address."""

    title: str
    """What the document calls itself; the file's stem where it says nothing."""

    format: str
    """ "pdf", "html", "markdown", "text", "latex", "jats", "docx", "epub" or "statements"."""

    sha256: str
    """Of the raw bytes; of this source's lines, for a source of a statement list."""

    sections: tuple[Section, ...]
    """In reading order; none is blank."""

    authors: tuple[str, ...] = ()
    year: int | None = None
    url: str | None = None
    drafts: tuple[Draft, ...] = ()
    """The statements of a statement list; empty for every other format."""

    identifiers: tuple[tuple[str, str], ...] = ()
    """Pairs (scheme, value): "arxiv", "arxiv_category", "arxiv_version", "doi", "isbn"; sorted."""

    origins: tuple[tuple[str, str], ...] = ()
    """Pairs (field or scheme, where it comes from), such as ("title", "paper.bib"); sorted."""

    hidden: tuple[Hidden, ...] = ()
    """What its pages hide, by page."""


@dataclass(frozen=True)
class Refusal:
    """A draft that was not taken, as a value: the report shows it and ingestion goes on."""

    document: str
    section: str
    quote: str
    reason: str


@dataclass(frozen=True)
class Located:
    """A draft whose quote stands verbatim in its section."""

    draft: Draft
    span: Span
    """`section.text[span.start:span.end] == draft.quote`."""

    page: int | None
    """The page the quote begins on, from 1; none where the format has no pages."""


def stem_of(path: Path) -> str:
    """Return a file's name without its suffix, or both suffixes where it ends in ``.tar.gz``."""
    return path.stem.removesuffix(".tar")
