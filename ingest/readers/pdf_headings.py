"""Which lines of a PDF are headings.

Most are numbered and bold, in small capitals, or larger than the text. Others look like the text
but for a number that goes on from the heading before: "6.1" after "6", "B." after "A.". Those
count where they stand apart: with more room above and below than lines of a paragraph have.
"""

import re

from ingest.readers.pdf_measures import SIZE_STEP, Measures
from ingest.readers.pdf_pieces import Piece
from ingest.readers.sections import is_known_heading

NUMBERED = re.compile(
    r"(?:\d{1,2}(?:\.\d{1,2}){0,3}|[A-Z](?:\.\d{1,2}){0,3}|[IVX]{1,4}(?:-[A-Z])?)\.?\s+"
    r"[\"“(‘]?[^\W\d_]\w+"
)
_SUBNUMBERED = re.compile(r"(?:\d{1,2}|[A-Z])(?:\.\d{1,2}){1,3}\.?\s")
_NUMBER = re.compile(r"(\d{1,2}|[A-Z])((?:\.\d{1,2}){0,3})\.?\s+[\"“(‘]?[A-Z]")
_SMALLEST_SUBHEADING = 0.8
"""Of the text's size."""

_APART = 0.4
"""Of its size: the room that a heading in the look of the text has above and below, at least."""

_WIDEST_APART = 0.8
"""Of the column's width."""

_NEAR = 0.2
"""As `_APART`, of a heading that is in another font than the lines around it."""

_LEADING = 0.38
"""Of its size: the most room between two lines of one heading."""

_RUNS_ON = re.compile(r"[a-z)]\. [A-Z]")
"""Where text begins on the line of its heading."""

_LEAST_STEP = 0.06
"""Of the text's size: how much larger a heading is at least, if that is more than `SIZE_STEP`."""

_ROMAN_SUBNUMBER = re.compile(r"[IVX]{1,4}-[A-Z]\.\s+[A-Z]")

_ALWAYS_HEADING = re.compile(r"(?:abstract|references|bibliography)[.:]?", re.IGNORECASE)
_LONGEST_HEADING = 120
_LONGEST_KNOWN = 60


class Headings:
    """Tells headings from text, remembering what the headings so far look like."""

    def __init__(self, measures: Measures) -> None:
        self.measures = measures
        self.step = max(SIZE_STEP, _LEAST_STEP * measures.body_size)
        self.fonts: set[str] = set()
        self.last: tuple[int, ...] = ()
        self.has_any = False

    def remember(self, piece: Piece) -> None:
        """Take note of a heading."""
        self.has_any = True
        if NUMBERED.match(piece.text):
            self.fonts.add(piece.font)
        self.last = _number(piece.text) or self.last

    def tells(self, piece: Piece, *, is_before_abstract: bool, in_references: bool) -> bool:
        """Say whether a line looks like a heading."""
        text = piece.text.strip()
        size = piece.largest if piece.is_in_small_capitals else piece.size
        is_larger = size > self.measures.body_size + self.step
        stands_out = piece.is_bold or is_larger or piece.is_in_small_capitals
        if piece.run_in or len(text) > _LONGEST_HEADING or text.endswith((",", ";")):
            return False
        if is_known_heading(text) and len(text) < _LONGEST_KNOWN:
            return stands_out or text.isupper() or _ALWAYS_HEADING.fullmatch(text) is not None
        if not stands_out or size < self._smallest(piece) or is_before_abstract:
            return False  # authors and affiliations
        if NUMBERED.match(text):
            return not self._runs_in(piece)
        return (
            not in_references
            and (is_larger or piece.is_in_small_capitals)
            and self._is_worded(piece)
        )

    def goes_on_in(self, piece: Piece, above: Piece) -> bool:
        """Say whether a line is the rest of the heading above, in a look that the text has not."""
        return (
            (
                (piece.is_bold and not piece.ends_otherwise and above.is_bold)
                or (piece.is_in_small_capitals and above.is_in_small_capitals)
                or self._is_slanted_on(piece, above)
            )
            and piece.font == above.font
            and abs(piece.size - above.size) < 0.3
            and (piece.box.left >= above.box.left - 1 or piece.is_in_small_capitals)
            and NUMBERED.match(piece.text) is None
            and not is_known_heading(above.text)
        )

    def follows(self, piece: Piece, above: Piece | None, below: Piece | None) -> bool:
        """Say whether a line that looks like text has the next number and stands apart."""
        text = piece.text.strip()
        if text.endswith((".", ",", ";", ":")) or len(text) > _LONGEST_HEADING:
            return False
        if _RUNS_ON.search(text):
            return False
        is_slanted = piece.font != self.measures.main_font
        if _ROMAN_SUBNUMBER.match(text):
            return is_slanted and _is_apart(piece, above, below, _NEAR)
        number = _number(text)
        is_lettered = len(number) == 1 and number[0] >= _LETTERS
        if not (len(number) > 1 or (is_lettered and is_slanted)):
            return False
        if is_slanted and (above is None or above.font != piece.font):
            is_next = number in self._next(2, is_lettered=is_lettered)
            rest = None if below is not None and self._is_slanted_on(below, piece) else below
            is_alone = rest is None or rest.font != piece.font
            return is_next and is_alone and _is_apart(piece, above, rest, _NEAR)
        is_narrow = piece.box.right - piece.box.left < _WIDEST_APART * self.measures.column_width
        is_next = number in self._next(1, is_lettered=is_lettered)
        return is_next and is_narrow and _is_apart(piece, above, below, _APART)

    def _is_slanted_on(self, piece: Piece, above: Piece) -> bool:
        """Say whether a line right below a heading in another cut of the font is as near and so."""
        room = above.box.bottom - piece.box.top
        is_full = above.box.right - above.box.left > 0.6 * self.measures.column_width
        is_so = piece.font == above.font != self.measures.main_font
        return is_so and is_full and room < _LEADING * piece.size

    def _next(self, step: int, *, is_lettered: bool) -> list[tuple[int, ...]]:
        """Return the numbers that may come after the last one, if so many may be left out."""
        following = [(*self.last, 1), (self.last[0] + 1, 1)] if self.last else [(1,), (1, 1)]
        for depth, last in enumerate(self.last):
            following += [(*self.last[:depth], last + more + 1) for more in range(step)]
        return [*following, (_LETTERS,)] if is_lettered else following

    def _smallest(self, piece: Piece) -> float:
        """Return the size from which on a line may be a heading.

        A lower one may be in smaller print than the text, if it is in the font of numbered headings
        before it, which the text has not, and has a number of two parts or more.
        """
        is_lower = _SUBNUMBERED.match(piece.text) and piece.font in self.fonts
        if is_lower and piece.font not in self.measures.prose_fonts:
            return _SMALLEST_SUBHEADING * self.measures.body_size
        return self.measures.body_size - SIZE_STEP

    def _runs_in(self, piece: Piece) -> bool:
        """Say whether a bold beginning is followed by the paragraph's text on the same line."""
        share = (piece.box.right - piece.box.left) / self.measures.column_width
        is_full = share > 0.95 or (share > 0.6 and piece.is_bold and piece.ends_otherwise)
        is_larger = piece.size > self.measures.body_size + SIZE_STEP
        is_whole = piece.text.rstrip()[-1:] != "." and (
            (_SUBNUMBERED.match(piece.text) and piece.is_bold and not piece.ends_otherwise)
            or (piece.is_in_small_capitals and piece.text != piece.text.upper())
        )
        return is_full and not (is_larger or is_whole) and piece.text.rstrip()[-1:] not in "?!"

    def _is_worded(self, piece: Piece) -> bool:
        """Say whether a line has words, in a font that headings may have, and is no sentence."""
        fonts = self.measures.prose_fonts
        is_of_text = not fonts or piece.font in fonts
        is_sentence = not piece.is_bold and piece.text.rstrip().endswith(".")
        has_words = re.search(r"[^\W\d_]{3,}", piece.text) is not None
        return has_words and (piece.is_bold or is_of_text) and not is_sentence


_LETTERS = 1000
"""What a lettered heading's first number begins from."""


def _number(text: str) -> tuple[int, ...]:
    """Return the parts of a heading's number; of "B.2" they are those of B and 2."""
    found = _NUMBER.match(text)
    if found is None:
        return ()
    first = found[1]
    top = int(first) if first.isdigit() else _LETTERS + ord(first) - ord("A")
    return (top, *map(int, found[2].split(".")[1:]))


def _is_apart(piece: Piece, above: Piece | None, below: Piece | None, least: float) -> bool:
    """Say whether there is room above, and so much below, if lines stand there in its column."""
    for upper, lower, share in ((above, piece, _APART), (piece, below, least)):
        if upper is None or lower is None or upper.page != lower.page:
            continue
        room = upper.box.bottom - lower.box.top
        overlap = upper.box.left < lower.box.right and lower.box.left < upper.box.right
        if overlap and room < share * piece.size and upper.box.top > lower.box.bottom:
            return False
    return True
