"""What each line of a PDF is: heading, running text, caption, footnote, or part of a float.

A PDF says only where characters stand, so this is judged from what typesetters do: headings are
numbered, bold, in small capitals or larger than the text; captions begin "Figure 3:"; footnotes
are small, at the foot, and begin with a mark; what stands in tables and figures is small, short, or
set in a font that the running text never uses. The thresholds were found on papers, mostly in
LaTeX.

But: a heading in the text's own size and weight is read as text, and a table set in the text's
own size may be too.
"""

import re
from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from ingest.readers.pdf_contents import contents_of
from ingest.readers.pdf_headings import Headings
from ingest.readers.pdf_lines import is_beside
from ingest.readers.pdf_measures import SIZE_STEP, Measures
from ingest.readers.pdf_pieces import Piece
from ingest.readers.sections import is_caption, is_known_heading

_SECTION_NUMBER = re.compile(r"\d{1,2}(?:\.\d{1,2})*\.?\s")
_NOTE_MARK = re.compile(r"(?:\d{1,2}|[*†‡§¶∗])\s*[\"“(]?[^\W\d_]{2,}")
_ITEM = re.compile(r"[•◦▪‣∙]|[–—-]\s|\(?(?:\d{1,2}|[a-z]|[ivx]{1,4})[.)]\s")
_ENDED = re.compile(r"[.!?:…][\"”’')\]]*\d{0,2}$")
_WORD = re.compile(r"[^\W\d_]{3,}")
_TWO_WORDS = re.compile(r"[^\W\d_]{4,}.*[^\W\d_]{3,}")
_REFERENCES = re.compile(r"(?:[\dA-Z.]+\s+)?(?:references|bibliography)\b", re.IGNORECASE)
_MONOSPACED = re.compile(
    r"mon[lo]|monaco|menlo|courier|consol|typewriter|tt\d|^(?:cm|lm|sf|ec)tt", re.IGNORECASE
)
_WITHIN = re.compile(r"\d{0,2} ?(?:[.,;:)]|(?=[^\W\d_])[^A-Z])")
"""How the prose behind a formula begins, an exponent in front of it included."""

_NUMERAL = re.compile(r"[-+−±~<>≤≥(]*\d[\d.,%±+\-−×x/)kKMB*†‡]*|[-–—−]|±")
_FEWEST_IN_ROW, _NUMERAL_SHARE = 4, 0.6
_NOTICE = re.compile(
    r"proceedings of|copyright|©|permission to make|equal contribution|correspondence to|"
    r"preprint|under review|accepted (?:at|to|by)",
    re.IGNORECASE,
)
"""How the small print at the foot of the first page begins."""

_LONGEST_HEADING, _LONGEST_SENTENCE = 30, 12
"""Words of a heading of several lines, and of one that ends with a full stop."""

_HEADLINE = 1.25
"""Of the text's size: the print of a heading that may stand beside others."""

_DEEPEST_INDENT = 24.0
"""Points from the column's edge; what begins further in, after no text, is centred."""


class Kind(StrEnum):
    """What a line is part of."""

    TITLE = "title"
    HEADING = "heading"
    TEXT = "text"
    CAPTION = "caption"
    FOOTNOTE = "footnote"
    FLOAT = "float"


class Line(NamedTuple):
    """A printed line, and what it is."""

    piece: Piece
    kind: Kind


def classify(lines: list[Piece], measures: Measures) -> list[Line]:
    """Say of each line what it is, in reading order."""
    classifier = _Classifier(measures)
    cells = _cells_beside(lines)
    contents = contents_of(lines, cells)
    below = [*lines[1:], None]
    classified = [
        Line(piece, classifier.kind_of(piece, n, place in contents, below[place]))
        for place, (piece, n) in enumerate(zip(lines, cells, strict=True))
    ]
    return list(_without_sentences(classified))


def _without_sentences(lines: list[Line]) -> Iterator[Line]:
    """Yield the lines, as text those headings of several lines that are sentences in large print.

    Posters and slides have them; as headings they would be lost for what a paper says.
    """
    at = 0
    while at < len(lines):
        end = at + 1
        while end < len(lines) and _is_on(lines[end], lines[end - 1], Kind.HEADING):
            end += 1
        is_long = end > at + 1 and _is_sentence(lines[at:end], lines[end : end + 1])
        yield from (Line(line.piece, Kind.TEXT) if is_long else line for line in lines[at:end])
        at = end


def _is_sentence(heading: list[Line], below: list[Line]) -> bool:
    """Say whether the lines of a heading are a sentence, or go on in the text below."""
    text = " ".join(line.piece.text for line in heading)
    last, n_words = heading[-1], len(text.split())
    is_ended = text.rstrip().endswith(".") and n_words > _LONGEST_SENTENCE
    goes_on = any(_is_on(each, last, Kind.TEXT) for each in below) and not last.piece.is_bold
    return is_ended or goes_on or n_words > _LONGEST_HEADING


def _is_on(line: Line, above: Line, kind: Kind) -> bool:
    """Say whether a line of this kind goes on with a heading in the same print."""
    is_so = line.kind is kind and above.kind is Kind.HEADING
    is_alike = is_so and abs(line.piece.size - above.piece.size) < SIZE_STEP
    is_alike &= line.piece.font == above.piece.font or kind is Kind.HEADING
    return is_alike and is_adjacent(line.piece, above.piece)


def is_adjacent(piece: Piece, previous: Piece) -> bool:
    """Say whether a line stands right below another, as in one paragraph."""
    below = previous.box.bottom - piece.box.top
    return (
        piece.page == previous.page
        and piece.box.top <= previous.box.top + 2
        and below < 0.85 * max(previous.size, 6.0)
        and piece.box.left <= previous.box.right + 20
        and previous.box.left <= piece.box.right + 20
    )


def _cells_beside(lines: list[Piece]) -> list[int]:
    """Count for each piece the pieces on its printed line, itself included."""
    counts: list[int] = []
    row: list[Piece] = []
    for piece in lines:
        if row and not (is_beside(piece, row[-1]) and row[0].text.lower() != "abstract"):
            counts += [len(row)] * len(row)
            row = []
        row.append(piece)
    return counts + [len(row)] * len(row)


class _Classifier:
    """Goes through the lines, remembering the one before."""

    def __init__(self, measures: Measures) -> None:
        self.measures = measures
        self.previous: Line | None = None
        self.last_text: Piece | None = None
        self.in_references = False
        self.headings = Headings(measures)
        self.n_seen = 0

    def kind_of(
        self, piece: Piece, n_cells: int, is_in_contents: bool, below: Piece | None
    ) -> Kind:
        """Say what the next line is, given how many pieces stand on it and what comes after."""
        if self.previous is not None and self.previous.piece.page < self.measures.title_page:
            self.headings.has_any = False
        if self._ends_line(piece) or self._is_behind_abstract(piece):
            kind = Kind.TEXT
        elif is_in_contents or (self._is_cell(piece, n_cells) and not self._is_headline(piece)):
            kind = Kind.FLOAT
        else:
            kind = self._kind_of(piece, below)
        self.n_seen += 1
        if kind is Kind.HEADING:
            self.headings.remember(piece)
            self.in_references = _REFERENCES.match(piece.text) is not None
        if kind is Kind.TEXT:
            self.last_text = piece
        self.previous = Line(piece, kind)
        return kind

    def _kind_of(self, piece: Piece, below: Piece | None) -> Kind:
        if self._is_title(piece):
            over = piece.size - self.measures.title_size
            return Kind.TITLE if over < SIZE_STEP else Kind.FLOAT  # the name of a journal
        if is_caption(piece.text) and not self._continues(piece, Kind.TEXT):
            return Kind.CAPTION
        if self._is_heading(piece, below):
            return Kind.HEADING
        for kind in (Kind.CAPTION, Kind.FOOTNOTE, Kind.TEXT):
            if self._continues(piece, kind):
                return kind
        if self._is_footnote(piece):
            return Kind.FOOTNOTE
        return Kind.FLOAT if not self.in_references and self._is_float(piece) else Kind.TEXT

    def _ends_line(self, piece: Piece) -> bool:
        """Say whether a piece is the prose at the end of a line that begins with a formula."""
        if self.previous is None or self.previous.kind is not Kind.FLOAT:
            return False
        edges = self.measures.column_edges
        to_edge = any(abs(piece.box.right - at - self.measures.column_width) < 3 for at in edges)
        is_of_text = piece.font in self.measures.prose_fonts and not self._is_small(piece)
        starts_within = _WITHIN.match(piece.text) is not None
        n_words = len(re.findall(r"[^\W\d_]{2,}", piece.text))
        return to_edge and is_of_text and starts_within and n_words >= 3

    def _is_behind_abstract(self, piece: Piece) -> bool:
        """Say whether a piece is the text that begins on the line of the heading "Abstract"."""
        if self.previous is None or self.previous.kind is not Kind.HEADING:
            return False
        is_abstract = self.previous.piece.text.lower() == "abstract"
        return is_abstract and is_beside(piece, self.previous.piece)

    def _is_cell(self, piece: Piece, n_cells: int) -> bool:
        """Say whether a piece is one of several on its line that do not follow on from text."""
        if n_cells < 2 or self.in_references:
            return False
        if self.previous is not None and is_beside(piece, self.previous.piece):
            return self.previous.kind is Kind.FLOAT
        if piece.box.right - piece.box.left > 0.6 * self.measures.column_width:
            return False
        return n_cells > 2 or not self._continues(piece, Kind.TEXT)

    def _continues(self, piece: Piece, kind: Kind) -> bool:
        """Say whether a line goes on with the one above it, which is of this kind."""
        if self.previous is None or self.previous.kind is not kind:
            return False
        same_size = abs(piece.size - self.previous.piece.size) < SIZE_STEP
        return same_size and is_adjacent(piece, self.previous.piece)

    def _is_title(self, piece: Piece) -> bool:
        is_largest = piece.size > self.measures.title_size - SIZE_STEP
        is_large = piece.size > self.measures.body_size + 1.0
        is_heading = is_known_heading(piece.text) or _SECTION_NUMBER.match(piece.text)
        in_place = piece.page == self.measures.title_page and not self.headings.has_any
        return is_largest and is_large and in_place and not is_heading

    def _is_heading(self, piece: Piece, below: Piece | None) -> bool:
        above = None if self.previous is None else self.previous.piece
        if self.headings.tells(
            piece,
            is_before_abstract=self.n_seen < self.measures.abstract_at,
            in_references=self.in_references,
        ):
            return True
        if above is not None and self._continues(piece, Kind.HEADING):
            return self.headings.goes_on_in(piece, above)
        return not self.in_references and self.headings.follows(piece, above, below)

    def _is_headline(self, piece: Piece) -> bool:
        """Say whether a piece is a heading beside others, as on a poster."""
        return piece.size > _HEADLINE * self.measures.body_size and self._is_heading(piece, None)

    def _is_small(self, piece: Piece) -> bool:
        return piece.size < self.measures.body_size - SIZE_STEP

    def _is_footnote(self, piece: Piece) -> bool:
        if not self._is_small(piece) or self.in_references or len(piece.text) < 15:
            return False
        if self._interrupts(piece) or (piece.page == 1 and _NOTICE.match(piece.text)):
            return True
        return _NOTE_MARK.match(piece.text) is not None and not self._continues(piece, Kind.FLOAT)

    def _interrupts(self, piece: Piece) -> bool:
        """Say whether small prose stands between the halves of a sentence of the text."""
        unfinished = self.last_text is not None and not _ENDED.search(self.last_text.text)
        follows_note = self.previous is not None and self.previous.kind is Kind.FOOTNOTE
        return unfinished and follows_note and _is_prose(piece.text)

    def _is_float(self, piece: Piece) -> bool:
        """Say whether a line belongs to a figure or a table."""
        width = piece.box.right - piece.box.left
        adjacent = self.previous is not None and is_adjacent(piece, self.previous.piece)
        after_text = adjacent and self.previous is not None and self.previous.kind is Kind.TEXT
        if _is_row_of_numbers(piece.text) or (not after_text and _is_head_of_numbers(piece.text)):
            return True
        is_small = self._is_small(piece) and (
            not after_text or piece.largest < self.measures.body_size - SIZE_STEP
        )
        is_foreign = not self._is_of_text_family(piece)
        if after_text and not is_small:
            return False
        if _ITEM.match(piece.text):
            return is_small and is_foreign and not _WORD.search(piece.text)
        if is_foreign:
            return not after_text
        if self._is_small(piece):
            is_full = width > 0.8 * self.measures.column_width
            is_code = _MONOSPACED.search(piece.font) and not after_text
            return bool(is_code) or not (is_full and _is_prose(piece.text))
        if width < 0.7 * self.measures.column_width and not after_text and self._is_centred(piece):
            return True
        return width < 0.55 * self.measures.column_width and not _TWO_WORDS.search(piece.text)

    def _is_centred(self, piece: Piece) -> bool:
        """Say whether a line begins far from where full lines do."""
        indents = [piece.box.left - edge for edge in self.measures.column_edges]
        return all(abs(indent) > _DEEPEST_INDENT for indent in indents) and bool(indents)

    def _is_of_text_family(self, piece: Piece) -> bool:
        """Say whether a line is in a font of the text, or in a cut of one, such as its italic."""
        families = {font[:2] for font in self.measures.prose_fonts}
        return not families or piece.font[:2] in families


def _is_row_of_numbers(text: str) -> bool:
    """Say whether most words of a line are numbers, as in a table."""
    words = text.split()
    n_numerals = sum(_NUMERAL.fullmatch(word) is not None for word in words)
    return n_numerals >= max(_FEWEST_IN_ROW, _NUMERAL_SHARE * len(words))


def _is_head_of_numbers(text: str) -> bool:
    """Say whether a line is as "Method k = 1 k = 3 k = 5": mostly signs, and no sentence."""
    words = text.split()
    n_short = sum(len(word) < 3 for word in words)
    has_number = sum(word.isdigit() for word in words) >= 2
    return has_number and n_short >= max(5, 0.7 * len(words))


def _is_prose(text: str) -> bool:
    """Say whether a line reads like a piece of a sentence, and not like a table's row."""
    words = re.findall(r"[^\W\d_]{2,}", text)
    return len(words) >= 5 and sum(map(len, words)) > 0.6 * len(text)
