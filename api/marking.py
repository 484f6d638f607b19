"""A text cut where statements begin and end, so that each stretch can be marked as a whole.

Two statements may quote the same words, or words that overlap; HTML elements may not. So a
text is cut at every edge of every quote, and each piece knows all the statements it is in.
"""

from itertools import pairwise
from typing import NamedTuple

from api.views.sources import MarkView


class Piece(NamedTuple):
    """A stretch of text in which the same statements are made throughout."""

    text: str
    marks: list[MarkView]
    """The statements that this stretch belongs to; none for ordinary text."""

    begins: list[str]
    """Ids of the mentions that begin here."""


def pieces_of(text: str, marks: list[MarkView]) -> list[Piece]:
    """Return the pieces of a text in order; joined, they are the text."""
    edges = {0, len(text)} | {m.char_start for m in marks} | {m.char_end for m in marks}
    cuts = sorted(edges)
    starting: dict[int, list[MarkView]] = {}
    for mark in marks:
        starting.setdefault(mark.char_start, []).append(mark)
    pieces: list[Piece] = []
    covering: list[MarkView] = []
    for start, end in pairwise(cuts):
        begins = starting.get(start, [])
        covering = [mark for mark in covering if mark.char_end > start] + begins
        pieces.append(Piece(text[start:end], covering, [mark.mention for mark in begins]))
    return pieces
