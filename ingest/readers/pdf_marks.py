"""Footnote marks in the running text, taken out.

"see the appendix2 ." is not what the author wrote. A raised number in the text is taken for a mark
if small print on the same page begins with that number, raised too; an exponent or the unit of an
area has no such note. The space that PDFium makes up between a mark and a stop goes with it.
"""

from collections import defaultdict
from dataclasses import replace

import numpy as np

from ingest.readers.pdf_layout import Kind, Line
from ingest.readers.pdf_measures import SIZE_STEP, Measures
from ingest.readers.pdf_pieces import Piece

_STOPS = ".,;:!?)”’"


def without_marks(lines: list[Line], measures: Measures) -> list[Line]:
    """Return the lines, those of text and captions without the marks of footnotes."""
    notes: dict[int, set[str]] = defaultdict(set)
    for piece, _ in lines:
        if piece.size < measures.body_size - SIZE_STEP and piece.marks and piece.marks[0][0] == 0:
            notes[piece.page].add(piece.text[slice(*piece.marks[0])])
    return [
        Line(_without(piece, notes[piece.page]), kind)
        if piece.marks and kind in {Kind.TEXT, Kind.CAPTION}
        else Line(piece, kind)
        for piece, kind in lines
    ]


def _without(piece: Piece, notes: set[str]) -> Piece:
    """Take those marks out of a line that name a note."""
    kept = np.ones(len(piece.text), np.bool_)
    for start, end in piece.marks:
        if start and piece.text[start:end] in notes:
            is_before_stop = piece.text[end : end + 1] == " " and piece.text[end + 1 : end + 2] in (
                *_STOPS,
            )
            kept[start : end + is_before_stop] = False
    if kept.all():
        return piece
    text = "".join(letter for letter, stays in zip(piece.text, kept, strict=True) if stays)
    return replace(piece, text=text, edges=piece.edges[kept], marks=())
