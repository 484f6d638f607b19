"""Where each character of a paragraph was printed.

A paragraph is made of printed lines by leaving characters out (hyphens at a line's end, bullets,
double spaces) and putting single spaces in, and in no other way. So the lines can be followed
through the finished text: each of its characters is the next equal one of the lines, and a space
that no line has lies between its neighbours. This costs one walk over the text, and the steps that
make paragraphs need not know of places.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ingest.readers.pdf_pieces import Piece
from kg.printed import PrintedLine


def printed_lines(text: str, pieces: Sequence[Piece]) -> Iterator[PrintedLine]:
    """Yield the printed lines of a paragraph with the places of its characters."""
    at = 0
    for piece in pieces:
        start, box = at, piece.box
        if text.startswith(piece.text, at):  # as most lines do, with a space in front or without
            edges = piece.edges
        elif text.startswith(piece.text, at + 1) and text[at] == " ":
            edges = np.concatenate((((box.left, box.left),), piece.edges))
        else:
            edges = _kept(text, at, piece)
        at += len(edges)
        if len(edges):
            yield PrintedLine(start, piece.page, piece.degrees, box.bottom, box.top, edges)


def _kept(text: str, at: int, piece: Piece) -> NDArray[np.float64]:
    """Return the edges of the characters of a line that the text has from here on."""
    kept: list[tuple[float, float]] = []
    last = piece.box.left
    for character, (left, right) in zip(piece.text, piece.edges.tolist(), strict=True):
        wanted = text[at + len(kept) : at + len(kept) + 1]
        is_space = character.isspace()
        if wanted == " " and not is_space:
            kept.append((last, last))
            wanted = text[at + len(kept) : at + len(kept) + 1]
        if wanted == character or (is_space and wanted == " "):
            kept.append((left, right))
            last = right
    return np.array(kept).reshape(-1, 2)
