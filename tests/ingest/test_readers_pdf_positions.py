"""Every character of a PDF's text has a place on a page, through hyphens, columns and pages."""

import numpy as np

from ingest.readers.pdf_pieces import Piece
from ingest.readers.pdf_positions import printed_lines
from kg.printed import Box


def _piece(text: str, page: int = 1) -> Piece:
    """Return a line whose characters are 5 points wide; its spaces are made up."""
    edges = np.array(
        [(5.0 * place, 5.0 * place + 5 * (letter != " ")) for place, letter in enumerate(text)]
    )
    return Piece(page, Box(0, 0, 5.0 * len(text), 10), 10.0, "Times", False, text, edges)


def test_the_characters_that_lines_lost_on_the_way_are_passed_over():
    pieces = [_piece("• a well-"), _piece("known inter-"), _piece("pretable  edit", page=2)]

    lines = list(printed_lines("a well-known interpretable edit", pieces))

    assert [(line.start, line.page, len(line.edges)) for line in lines] == [
        (0, 1, 7),
        (7, 1, 11),
        (18, 2, 13),
    ]
    assert tuple(lines[0].edges[0]) == (10.0, 15.0)  # behind the bullet
    assert tuple(lines[1].edges[5]) == (25.0, 25.0)  # a space between words
    assert tuple(lines[2].edges[-1]) == (65.0, 70.0)  # behind two spaces of which one is left


def test_a_space_between_lines_belongs_to_the_second():
    lines = list(printed_lines("one two", [_piece("one"), _piece("two")]))

    assert [(line.start, len(line.edges)) for line in lines] == [(0, 3), (3, 4)]
    assert tuple(lines[1].edges[0]) == (0.0, 0.0)
