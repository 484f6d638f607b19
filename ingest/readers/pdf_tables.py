"""Heads of tables that are set like the text.

The rows of a table are told by their cells, but its head may be one piece with words in it, and at
the top of a column it stands where a sentence goes on. A line or two that begin a block are a head
if rows of several cells in the text's fonts follow right below, and a caption stands above or comes
before any more text.
"""

from collections.abc import Iterator

from ingest.readers.pdf_layout import Kind, Line, is_adjacent
from ingest.readers.pdf_lines import is_beside
from ingest.readers.pdf_measures import Measures

_MOST_LINES = 2
_FEWEST_ROWS, _FEWEST_CELLS = 3, 2
_ROOM = 1.5
"""Of the size: the most room between a head and the first row."""


def without_heads(lines: list[Line], measures: Measures) -> Iterator[Line]:
    """Yield the lines, those of table heads as parts of floats."""
    at = 0
    while at < len(lines):
        end = at + 1
        if lines[at].kind is Kind.TEXT and _begins_block(lines, at):
            while end < len(lines) and _goes_on(lines[end], lines[end - 1]):
                end += 1
            if end - at <= _MOST_LINES and _is_above_table(lines, at, end, measures):
                yield from (Line(line.piece, Kind.FLOAT) for line in lines[at:end])
                at = end
                continue
        yield from lines[at:end]
        at = end


def _begins_block(lines: list[Line], at: int) -> bool:
    return at == 0 or not _goes_on(lines[at], lines[at - 1])


def _goes_on(line: Line, above: Line) -> bool:
    """Say whether a line of text stands right below another."""
    return line.kind is above.kind is Kind.TEXT and is_adjacent(line.piece, above.piece)


def _is_above_table(lines: list[Line], at: int, end: int, measures: Measures) -> bool:
    """Say whether rows of several cells follow, and a caption without text in between."""
    head = lines[end - 1].piece
    following = end
    while following < len(lines) and lines[following].kind is Kind.FLOAT:
        following += 1
    cells = [line.piece for line in lines[end:following]]
    if not cells or cells[0].page != head.page:
        return False
    room = head.box.bottom - cells[0].box.top
    n_rows, n_in_row, n_so = 0, 0, 0
    for place, cell in enumerate(cells):
        n_in_row = n_in_row + 1 if place and is_beside(cell, cells[place - 1]) else 1
        n_rows += n_in_row == _FEWEST_CELLS
        n_so += cell.font in measures.prose_fonts
    is_table = n_rows >= _FEWEST_ROWS and 2 * n_so > len(cells)
    below = lines[following].kind if following < len(lines) else None
    above = lines[at - 1].kind if at else None
    is_near = -1 < room < _ROOM * head.size and not head.text.endswith(":")
    return is_near and is_table and Kind.CAPTION in {above, below}
