"""Characters as columns, and how a stream of them is cut into pieces of lines."""

import numpy as np

from ingest.readers.pdf_glyphs import _spelled
from ingest.readers.pdf_pieces import Characters, Piece, Style, Visibility, pieces_of
from kg.printed import Box

LARGE = Style(12.0, "Times", False, 0, Visibility.SEEN)
SMALL = Style(9.0, "Times", False, 0, Visibility.SEEN)
BOLD = Style(12.0, "Times-Bold", True, 0, Visibility.SEEN)
STYLES = (LARGE, SMALL, BOLD)


def _characters(*printed: tuple[str, float | None, Style], line_ends: tuple[int, ...] = ()):
    """Return characters 6 points wide at these places; those that have none are made up."""
    boxes = [(0.0 if x is None else x, 700.0, 0.0 if x is None else x + 6, 709.0)
             for _, x, _ in printed]  # fmt: skip
    return Characters(
        codes=np.array([ord(letter) for letter, _, _ in printed], np.uint32),
        boxes=np.array(boxes).reshape(-1, 4),
        is_printed=np.array([x is not None for _, x, _ in printed], np.bool_),
        lines=np.array([sum(end <= n for end in line_ends) for n in range(len(printed))], np.intp),
        looks=np.array([STYLES.index(style) for _, _, style in printed], np.intp),
        styles=STYLES,
    )


def _pieces(*printed: tuple[str, float | None, Style], line_ends: tuple[int, ...] = ()):
    return list(pieces_of(_characters(*printed, line_ends=line_ends), 3, 0))


def test_a_space_that_is_not_printed_has_no_width_and_no_say_in_the_box():
    (piece,) = _pieces(("a", 60, LARGE), (" ", None, LARGE), ("b", 70, LARGE), (" ", None, LARGE))

    assert piece == Piece(3, Box(60, 700, 76, 709), 12.0, "Times", False, "a b", largest=12.0)
    assert piece.edges.tolist() == [[60, 66], [66, 66], [70, 76]]


def test_line_ends_wide_gaps_and_jumps_back_cut_a_line():
    letters = [("a", 60), ("b", 66), ("c", 90), ("d", 40), ("e", 46)]

    pieces = _pieces(*((letter, x, LARGE) for letter, x in letters), line_ends=(4,))

    assert [piece.text for piece in pieces] == ["ab", "c", "d", "e"]


def test_a_space_inside_small_capitals_goes_but_one_with_room_stays():
    def drawn(gap: float) -> str:
        (piece,) = _pieces(
            ("T", 60, LARGE), (" ", None, LARGE), ("H", 66 + gap, SMALL), ("E", 72 + gap, SMALL)
        )
        assert len(piece.edges) == len(piece.text)
        return piece.text

    assert drawn(1.0) == "THE"
    assert drawn(3.0) == "T HE"


def test_most_characters_say_the_font_and_the_middle_one_the_size():
    (piece,) = _pieces(("a", 60, BOLD), ("b", 66, SMALL), ("c", 72, SMALL), ("d", 78, BOLD))

    assert (piece.size, piece.font, piece.is_bold, piece.largest) == (10.5, "Times", False, 12.0)


def test_a_bold_line_may_end_in_a_space_of_another_font():
    letters = [(letter, 60 + 6 * n, BOLD) for n, letter in enumerate("Heads")]

    (piece,) = _pieces(*letters, (" ", 90, LARGE))

    assert (piece.text, piece.run_in) == ("Heads", 0)


def test_small_capitals_are_known_by_their_sizes_or_by_the_font():
    def piece(text: str, font: str, largest: float = 8.0) -> Piece:
        return Piece(1, Box(60, 700, 90, 709), 8.0, font, False, text, largest=largest)

    assert piece("III. METHODS", "Times-Roman", 10.0).is_in_small_capitals
    assert piece("III. Methods", "LMRomanCaps10-Regular").is_in_small_capitals
    assert piece("III. Methods", "CMCSC10").is_in_small_capitals
    assert piece("III. Methods", "NotoSerif-SC").is_in_small_capitals
    assert not piece("III. Methods", "Times-Roman", 10.0).is_in_small_capitals
    assert not piece("III. Methods", "LMRoman10-Regular").is_in_small_capitals
    assert not piece("III. METHODS", "CrimsonScript").is_in_small_capitals


def test_a_page_of_nothing_or_of_made_up_spaces_has_no_pieces():
    assert _pieces() == []
    assert _pieces((" ", None, LARGE), (" ", None, LARGE)) == []
    assert _pieces((" ", 60, LARGE)) == []


def test_letters_know_the_character_they_come_from():
    text, rows = _spelled([0x6F, 0x1E, 0x63, 0xD83D, 0xDE00, 0xD83D, 0x2E])

    assert text == "offic😀\ufffd."
    assert rows.tolist() == [0, 1, 1, 1, 2, 3, 5, 6]
