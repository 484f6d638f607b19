"""Where each character of a paragraph was printed.

A paragraph is made of printed lines by leaving characters out (hyphens at a line's end, bullets,
double spaces) and putting single spaces in, and in no other way. So the lines can be followed
through the finished text: each of its characters is the next equal one of the lines, and a space
that no line has lies between its neighbours. This costs one walk over the text, and the steps that
make paragraphs need not know of places.
"""

from collections.abc import Iterator, Sequence

from ingest.readers.pdf_pieces import NOWHERE, Piece
from kg.printed import Box, PrintedLine


def printed_lines(text: str, pieces: Sequence[Piece]) -> Iterator[PrintedLine]:
    """Yield the printed lines of a paragraph with the places of its characters."""
    at = 0
    for piece in pieces:
        start = at
        edges: list[tuple[float, float]] = []
        for character, box in zip(piece.text, piece.boxes, strict=True):
            if text[at : at + 1] == " " and not character.isspace():
                edges.append(_gap(edges, box))
                at += 1
            if text[at : at + 1] == character or (character.isspace() and text[at : at + 1] == " "):
                edges.append(_gap(edges, box) if box is NOWHERE else (box.left, box.right))
                at += 1
        if edges:
            box = piece.box
            yield PrintedLine(start, piece.page, piece.degrees, box.bottom, box.top, edges)


def _gap(edges: list[tuple[float, float]], box: Box) -> tuple[float, float]:
    """Return the place of a space: behind the character before, else in front of the next."""
    edge = edges[-1][1] if edges else box.left
    return (edge, edge)
