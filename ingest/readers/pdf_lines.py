"""Printed lines of a PDF, without what the page adds to the text.

Margin line numbers are columns of numbers that count on by one; review copies have them, and one
such number inside a sentence is enough to lose it. Running heads and feet stand at the edge of
the page and are the same on many pages, or are page numbers, or say where the paper appeared.
What remains are lines: the pieces of a printed line put together again.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import reduce
from itertools import pairwise

import numpy as np

from ingest.readers.pdf_characters import Page
from ingest.readers.pdf_margins import margin_notes
from ingest.readers.pdf_pieces import Piece, cut
from kg.printed import Box

_FEWEST_LINE_NUMBERS = {1: 8, 5: 4, 10: 4}
"""By the step between two: on a page that numbers every line, every fifth, every tenth."""

_MARK = re.compile(r"\d{1,2}")
_CLOSE = 0.5
"""Of the size: the most room between two lines of one paragraph."""

_SAME_EDGE = 3.0
"""Points."""

_MOST_LINES = 150
"""On a page."""

_COUNTING_SHARE = 0.7
_TOP_MARGIN = 0.92
_BOTTOM_MARGIN = 0.085
_WIDER_MARGIN = 0.03
"""What stands this much further in is a running head only if it is on many pages."""

_ABSTRACT = re.compile(r"(abstract)\s*(?:[.:]|[—–-]+)\s*(?=[\w“\"(])", re.IGNORECASE)
_REPEATED_SHARE = 0.3
_PAGE_NUMBER = re.compile(r"[#\divxl.\-–—/ ]{1,9}|page \d+(?: of \d+)?", re.IGNORECASE)
_NOTICE = re.compile(
    r"published as|under review|preprint|proceedings of|accepted (?:at|to|by)|to appear|arxiv:|"
    r"workshop|\d+(?:st|nd|rd|th) (?:conference|workshop|international)|©|copyright",
    re.IGNORECASE,
)
_WORD_GAP = 28.0
"""Points; pieces of a line further apart are columns or cells."""


def lines_of(pages: list[Page]) -> list[Piece]:
    """Return the lines of the text in reading order, without numbers, heads and feet."""
    repeated = _repeated(pages)
    numbers = _every_line_number(pages) | margin_notes(pages)
    lines = [
        line
        for page in pages
        for line in _merged(_text_pieces(page, numbers, repeated, len(pages)), page.number)
    ]
    return list(_with_the_abstract_apart(_unstretched(lines)))


def is_beside(line: Piece, previous: Piece) -> bool:
    """Say whether a piece goes on at the right of another, on the same printed line."""
    same_height = abs(line.box.bottom - previous.box.bottom) < 0.6 * max(previous.size, 6.0)
    return line.page == previous.page and same_height and line.box.left >= previous.box.right - 2


def _text_pieces(
    page: Page, numbers: set[Piece], repeated: Counter[str], n_pages: int
) -> Iterator[Piece]:
    for piece, behind in pairwise((*page.pieces, None)):
        if piece is None or piece in numbers:
            continue
        is_number = behind is not None and _is_number_of(piece, behind)
        if is_number or not _is_running(piece, page, repeated, n_pages):
            yield piece


def _is_number_of(piece: Piece, behind: Piece) -> bool:
    """Say whether a number stands right in front of a heading, and is no page number."""
    is_near = is_beside(behind, piece) and behind.box.left - piece.box.right < _WORD_GAP
    is_alike = piece.font == behind.font and abs(piece.size - behind.size) < 0.3
    return is_near and is_alike and piece.text.isdigit() and behind.text[:1].isupper()


def _every_line_number(pages: list[Page]) -> set[Piece]:
    """Return the line numbers of all pages, of those with few lines too.

    Such a page has numbers where the page before has, and they are higher.
    """
    found: set[Piece] = set()
    before: list[Piece] = []
    for page in pages:
        here = set(_line_numbers(page)) or set(_going_on(page, before))
        found |= here
        before = sorted(here, key=lambda piece: int(piece.text)) or before
    return found


def _going_on(page: Page, before: list[Piece]) -> Iterator[Piece]:
    """Yield the numbers that stand in the column of those of the page before, and are higher."""
    if not before:
        return
    edges = {round(piece.box.right) for piece in before}
    last = int(before[-1].text)
    for piece in page.pieces:
        if re.fullmatch(r"\d{1,4}", piece.text) and last < int(piece.text) < last + _MOST_LINES:
            near = any(abs(piece.box.right - edge) < 2 for edge in edges)
            if near and abs(piece.size - before[-1].size) < 1:
                yield piece


def _line_numbers(page: Page) -> Iterator[Piece]:
    """Yield the pieces of each column of numbers that counts on down the page, in equal steps.

    Most review copies number every line, some every fifth or tenth. (The axis of a figure counts
    up the page.)
    """
    columns: dict[int, list[Piece]] = defaultdict(list)
    for piece in page.pieces:
        if re.fullmatch(r"\d{1,4}", piece.text):
            for edge in (round(piece.box.right / 6), round(piece.box.right / 6) + 1):
                columns[edge].append(piece)
    for column in columns.values():
        ordered = sorted(set(column), key=lambda piece: -piece.box.top)
        values = [int(piece.text) for piece in ordered]
        steps = Counter(after - before for before, after in pairwise(values))
        for step, fewest in _FEWEST_LINE_NUMBERS.items():
            if len(values) >= fewest and steps[step] >= _COUNTING_SHARE * (len(values) - 1):
                yield from ordered


def _repeated(pages: list[Page]) -> Counter[str]:
    """Count on how many pages each text stands at the edge, digits disregarded."""
    return Counter(
        text
        for page in pages
        for text in {
            _pattern(piece.text) for piece in page.pieces if _at_edge(piece, page, _WIDER_MARGIN)
        }
    )


def _is_running(piece: Piece, page: Page, repeated: Counter[str], n_pages: int) -> bool:
    if not _at_edge(piece, page, _WIDER_MARGIN):
        return False
    if repeated[_pattern(piece.text)] >= max(2, _REPEATED_SHARE * n_pages):
        return True
    text = piece.text.strip()
    is_notice = _PAGE_NUMBER.fullmatch(text) or _NOTICE.match(text)
    return is_notice is not None and _at_edge(piece, page)


def _at_edge(piece: Piece, page: Page, more: float = 0.0) -> bool:
    height = page.box.top - page.box.bottom
    top = (piece.box.bottom - page.box.bottom) / height
    bottom = (piece.box.top - page.box.bottom) / height
    return top > _TOP_MARGIN - more or bottom < _BOTTOM_MARGIN + more


def _unstretched(lines: list[Piece]) -> Iterator[Piece]:
    """Put lines together that were stretched to the column's width, with wide gaps.

    Such a line begins and ends where the one above does, close below it; a table stands off.
    """
    above: Piece | None = None
    at = 0
    while at < len(lines):
        end = at + 1
        while end < len(lines) and is_beside(lines[end], lines[end - 1]):
            end += 1
        row = lines[at:end]
        if len(row) > 1 and above is not None and _fills(row, above):
            row = [reduce(_joined, row)]
        yield from row
        above = row[0] if len(row) == 1 else None
        at = end


def _fills(row: list[Piece], above: Piece) -> bool:
    """Say whether pieces side by side fill the width of the line above, close below it."""
    room = above.box.bottom - max(piece.box.top for piece in row)
    return (
        row[0].page == above.page
        and -2 < room < _CLOSE * above.size
        and abs(row[0].box.left - above.box.left) < _SAME_EDGE
        and abs(row[-1].box.right - above.box.right) < _SAME_EDGE
        and all(abs(piece.size - above.size) < 0.3 for piece in row)
    )


def _with_the_abstract_apart(lines: Iterable[Piece]) -> Iterator[Piece]:
    """Yield the lines, that which begins "Abstract—We show" as a heading and a line of text."""
    is_apart = False
    for line in lines:
        found = None if is_apart or line.page > 1 else _ABSTRACT.match(line.text)
        if found is None:
            yield line
            continue
        is_apart = True
        yield cut(line, 0, found.end(1))
        yield cut(line, found.end(), len(line.text))


def _pattern(text: str) -> str:
    return re.sub(r"\d+", "#", " ".join(text.lower().split()))


def _merged(pieces: Iterable[Piece], page: int) -> Iterator[Piece]:
    """Put pieces of one printed line together, where no column lies between them."""
    line: Piece | None = None
    for piece in pieces:
        assert piece.page == page
        is_next = line and (is_beside(piece, line) or _is_mark_of(line, piece))
        if line and is_next and piece.box.left - line.box.right < _WORD_GAP:
            line = _joined(line, piece)
            continue
        if line:
            yield line
        line = piece
    if line:
        yield line


def _is_mark_of(line: Piece, piece: Piece) -> bool:
    """Say whether a small raised number stands right in front of a line, as of a footnote."""
    return (
        _MARK.fullmatch(line.text) is not None
        and line.size < piece.size < 2 * line.size
        and 0 <= piece.box.left - line.box.right < line.size
        and piece.box.bottom < line.box.bottom < piece.box.top
    )


def _joined(line: Piece, piece: Piece) -> Piece:
    """Put two pieces together; the longer one says which font and size the line has."""
    box = Box(
        min(line.box.left, piece.box.left),
        min(line.box.bottom, piece.box.bottom),
        max(line.box.right, piece.box.right),
        max(line.box.top, piece.box.top),
    )
    longer = line if len(line.text) >= len(piece.text) else piece
    space = line.edges[-1:, [1, 1]]
    shift = len(line.text) + 1
    marks = ((0, len(line.text)),) if _is_mark_of(line, piece) else line.marks
    edges = np.concatenate((line.edges, space, piece.edges))
    return replace(
        longer,
        box=box,
        text=f"{line.text} {piece.text}",
        edges=edges,
        largest=max(line.largest, piece.largest),
        ends_otherwise=piece.is_bold != longer.is_bold or piece.ends_otherwise,
        marks=(*marks, *((a + shift, b + shift) for a, b in piece.marks if a)),
    )
