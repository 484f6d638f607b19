"""From classified lines to paragraphs, over columns and pages.

Running text goes on where the last line did not end a sentence: a float, a column's end or a
page's end in between changes nothing. A paragraph begins after a gap, at an indented line, or
after a short last line.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from ingest.readers.hyphens import append_line
from ingest.readers.pdf_layout import Kind, Line, is_adjacent
from ingest.readers.pdf_measures import Measures
from ingest.readers.pdf_pieces import Piece, cut
from ingest.readers.pdf_positions import printed_lines
from ingest.readers.sections import (
    RUN_IN_LEVEL,
    Aside,
    Block,
    Heading,
    Paragraph,
    clean,
    is_caption,
    is_known_heading,
)

_ENDED = re.compile(r"(?<!e\.g)(?<!i\.e)(?<!al)(?<!cf)[.!?:…][\"”’')\]]*(?:\d{1,2}|\[[^]]*\])?$")
_NUMBER = re.compile(r"(\d{1,2}(?:\.\d{1,2})*|[A-Z](?:\.\d{1,2})+)\.?\s")
_ROMAN = re.compile(r"[IVX]{1,4}\.\s")
_LETTERED = re.compile(r"(?![IVX]\.\s[A-Z]{2})[A-Z]\.\s|[IVX]{1,4}-[A-Z]\.\s")
_ENTRY = re.compile(r"\[[^\]]{1,30}\]|\d{1,3}\.\s")
_BULLET = re.compile(r"^[•◦▪‣∙]")
_MARKER = re.compile(r"[–—-]\s|\(?(?:\d{1,2}|[a-z]|[ivx]{1,4})[.)]\s")


def blocks_of(lines: list[Line], measures: Measures, words: Counter[str]) -> Iterator[Block]:
    """Yield the document's headings, paragraphs and asides, given its words for the hyphens.

    Where sections have Roman numbers, those with letters are one level below.
    """
    has_roman = False
    for block in _blocks_of(lines, measures, words):
        if isinstance(block, Heading):
            has_roman |= _ROMAN.match(block.text) is not None
            if has_roman and _LETTERED.match(block.text):
                yield replace(block, level=2)
                continue
        yield block


def _blocks_of(lines: list[Line], measures: Measures, words: Counter[str]) -> Iterator[Block]:
    """Yield the document's headings, paragraphs and asides, given its words for the hyphens."""
    paragraph = _Paragraph(measures, words)
    aside = _Paragraph(measures, words)
    aside_kind = Kind.CAPTION
    in_references = False
    for place, (piece, kind) in enumerate(lines):
        if kind is Kind.TEXT:
            yield from paragraph.take(piece, in_references)
        elif kind is Kind.HEADING:
            if not _continues_heading(lines, place):
                yield from paragraph.close()
                heading = _heading_at(lines, place, words)
                in_references = heading.text.lower().endswith(("references", "bibliography"))
                yield heading
        elif kind in {Kind.CAPTION, Kind.FOOTNOTE}:
            if kind is not aside_kind or not aside.goes_on_in(piece) or is_caption(piece.text):
                yield from aside.close_aside(aside_kind)
            aside_kind = kind
            aside.add(piece)
    yield from paragraph.close()
    yield from aside.close_aside(aside_kind)


class _Paragraph:
    """The lines of one paragraph, as they come."""

    def __init__(self, measures: Measures, words: Counter[str]) -> None:
        self.measures = measures
        self.words = words
        self.text = ""
        self.pages: list[tuple[int, int]] = []
        self.pieces: list[Piece] = []
        self.last: Piece | None = None
        self.left = 0.0

    def take(self, piece: Piece, in_references: bool) -> Iterator[Paragraph | Heading]:
        """Append a line of text; hand over what ends before it, and its heading."""
        if self.begins_with(piece, in_references):
            yield from self.close()
            if piece.run_in and not in_references:
                yield _run_in(piece)
                piece = cut(piece, piece.run_in, len(piece.text))
        self.add(piece)

    def add(self, piece: Piece) -> None:
        """Append a line."""
        line = clean(piece.text)
        if not self.text:
            line = _BULLET.sub("", line, count=1).lstrip()
        if not line:
            return
        self.text = append_line(self.text, line, self.words)
        self.pieces.append(piece)
        if not self.pages or self.pages[-1][1] != piece.page:
            self.pages.append((len(self.text) - len(line), piece.page))
        same_column = self.last is not None and self._in_column_of(piece, self.last)
        self.left = min(self.left, piece.box.left) if same_column else piece.box.left
        self.last = piece

    def begins_with(self, piece: Piece, in_references: bool) -> bool:
        """Say whether this line begins a new paragraph."""
        if self.last is None:
            return True
        if in_references:
            return self._begins_entry(piece, self.last)
        ended = _ENDED.search(self.text) is not None
        if not self._in_column_of(piece, self.last):
            return ended and (self._is_short(self.last) or _MARKER.match(piece.text) is not None)
        if self.last.box.bottom - piece.box.top > 0.75 * max(piece.size, 6.0):
            return ended or not piece.text[:1].islower()
        is_indented = piece.box.left - self.left > 6
        is_marked = _MARKER.match(piece.text) is not None
        return bool(_BULLET.match(piece.text)) or (
            ended and (is_indented or is_marked or self._is_short(self.last))
        )

    def goes_on_in(self, piece: Piece) -> bool:
        """Say whether this line goes on with the caption or footnote."""
        return self.last is not None and is_adjacent(piece, self.last)

    def close(self) -> Iterator[Paragraph]:
        """Hand over what was read, and begin again."""
        if self.text:
            lines = tuple(printed_lines(self.text, self.pieces))
            yield Paragraph(self.text, tuple(self.pages), printed=lines)
        self.text, self.pages, self.pieces, self.last = "", [], [], None

    def close_aside(self, kind: Kind) -> Iterator[Aside]:
        """Hand over what was read as a caption or a footnote."""
        heading = "Captions" if kind is Kind.CAPTION else "Footnotes"
        for paragraph in self.close():
            yield Aside(heading, paragraph.text, paragraph.pages, printed=paragraph.printed)

    def _begins_entry(self, piece: Piece, last: Piece) -> bool:
        """Say whether a line begins an entry of the references: it hangs out, or is numbered."""
        if _ENTRY.match(piece.text):
            return True
        if not self._in_column_of(piece, last):
            return self.text.endswith(".")
        return self.text.endswith(".") and piece.box.left < last.box.left - 3

    def _in_column_of(self, piece: Piece, last: Piece) -> bool:
        offset = abs(last.box.left - piece.box.left)
        is_below = last.box.bottom > piece.box.bottom
        return last.page == piece.page and offset < 0.5 * self.measures.column_width and is_below

    def _is_short(self, piece: Piece) -> bool:
        return piece.box.right < self.left + 0.85 * self.measures.column_width


def _continues_heading(lines: list[Line], place: int) -> bool:
    """Say whether a line goes on with the heading on the line above."""
    if place == 0 or lines[place - 1].kind is not Kind.HEADING:
        return False
    piece, above = lines[place].piece, lines[place - 1].piece
    same_look = abs(piece.size - above.size) < 0.3 and piece.is_bold == above.is_bold
    is_new = _NUMBER.match(piece.text) or is_known_heading(piece.text)
    return same_look and not is_new and is_adjacent(piece, above)


def _heading_at(lines: list[Line], place: int, words: Counter[str]) -> Heading:
    """Return the heading that begins on this line, with the lines it goes on on."""
    text = clean(lines[place].piece.text)
    for following in range(place + 1, len(lines)):
        if lines[following].kind is not Kind.HEADING or not _continues_heading(lines, following):
            break
        text = append_line(text, clean(lines[following].piece.text), words)
    return Heading(text, _depth(text) or 1)


def _run_in(piece: Piece) -> Heading:
    """Return the heading on whose line the text begins."""
    text = clean(piece.text[: piece.run_in])
    return Heading(text, max(_depth(text), RUN_IN_LEVEL))


def _depth(text: str) -> int:
    """Return how many parts a heading's number has; 0 if it has none."""
    number = _NUMBER.match(text)
    return number.group(1).count(".") + 1 if number else 0
