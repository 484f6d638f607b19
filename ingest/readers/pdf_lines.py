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
from itertools import pairwise

import numpy as np

from ingest.readers.pdf_characters import Page
from ingest.readers.pdf_pieces import Piece
from kg.printed import Box

_FEWEST_LINE_NUMBERS = {1: 8, 5: 4, 10: 4}
"""By the step between two: on a page that numbers every line, every fifth, every tenth."""

_COUNTING_SHARE = 0.7
_TOP_MARGIN = 0.92
_BOTTOM_MARGIN = 0.085
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
    return [
        line
        for page in pages
        for line in _merged(_text_pieces(page, repeated, len(pages)), page.number)
    ]


def is_beside(line: Piece, previous: Piece) -> bool:
    """Say whether a piece goes on at the right of another, on the same printed line."""
    same_height = abs(line.box.bottom - previous.box.bottom) < 0.6 * max(previous.size, 6.0)
    return line.page == previous.page and same_height and line.box.left >= previous.box.right - 2


def _text_pieces(page: Page, repeated: Counter[str], n_pages: int) -> Iterator[Piece]:
    numbers = set(_line_numbers(page))
    for piece in page.pieces:
        if piece in numbers or _is_running(piece, page, repeated, n_pages):
            continue
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
        for text in {_pattern(piece.text) for piece in page.pieces if _at_edge(piece, page)}
    )


def _is_running(piece: Piece, page: Page, repeated: Counter[str], n_pages: int) -> bool:
    if not _at_edge(piece, page):
        return False
    often = repeated[_pattern(piece.text)] >= max(2, _REPEATED_SHARE * n_pages)
    text = piece.text.strip()
    return often or bool(_PAGE_NUMBER.fullmatch(text) or _NOTICE.match(text))


def _at_edge(piece: Piece, page: Page) -> bool:
    height = page.box.top - page.box.bottom
    top = (piece.box.bottom - page.box.bottom) / height
    bottom = (piece.box.top - page.box.bottom) / height
    return top > _TOP_MARGIN or bottom < _BOTTOM_MARGIN


def _pattern(text: str) -> str:
    return re.sub(r"\d+", "#", " ".join(text.lower().split()))


def _merged(pieces: Iterable[Piece], page: int) -> Iterator[Piece]:
    """Put pieces of one printed line together, where no column lies between them."""
    line: Piece | None = None
    for piece in pieces:
        assert piece.page == page
        if line and is_beside(piece, line) and piece.box.left - line.box.right < _WORD_GAP:
            line = _joined(line, piece)
            continue
        if line:
            yield line
        line = piece
    if line:
        yield line


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
    edges = np.concatenate((line.edges, space, piece.edges))
    return replace(
        longer,
        box=box,
        text=f"{line.text} {piece.text}",
        edges=edges,
        largest=max(line.largest, piece.largest),
    )
