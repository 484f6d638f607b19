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
        between = "" if text.startswith(piece.text, at) else " "
        if text.startswith(between + piece.text, at):  # as most lines do
            boxes = [NOWHERE, *piece.boxes] if between else piece.boxes
            edges = _edges(boxes, piece.box.left)
        else:
            edges = _edges(_kept(text, at, piece), piece.box.left)
        at += len(edges)
        if edges:
            box = piece.box
            yield PrintedLine(start, piece.page, piece.degrees, box.bottom, box.top, edges)


def _kept(text: str, at: int, piece: Piece) -> list[Box]:
    """Return the boxes of the characters of a line that the text has from here on."""
    kept: list[Box] = []
    for character, box in zip(piece.text, piece.boxes, strict=True):
        wanted = text[at + len(kept) : at + len(kept) + 1]
        is_space = character.isspace()
        if wanted == " " and not is_space:
            kept.append(NOWHERE)
            wanted = text[at + len(kept) : at + len(kept) + 1]
        if wanted == character or (is_space and wanted == " "):
            kept.append(box)
    return kept


def _edges(boxes: Sequence[Box], left: float) -> list[tuple[float, float]]:
    """Return the left and right edges of boxes; a space that is not printed has no width."""
    edges = []
    for box in boxes:
        before, left = (left, left) if box is NOWHERE else (box[0], box[2])
        edges.append((before, left))
    return edges
