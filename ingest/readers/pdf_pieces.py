"""The printed characters of a PDF page, cut into pieces of lines."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum
from statistics import median
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kg.printed import Box

_COLUMN_GAP = 1.15
"""In font sizes (the smaller, for line numbers are in small print); a wider gap begins a new
piece, as between columns or table cells."""

_SMALL_CAPITALS = 1.15
"""Of the size of small capitals, from which on those among them are large."""

_SMALL_CAPITAL_FONT = re.compile(r"caps|csc\d|smcp|small-?cap|(?:[-_]|roman)sc(?![a-z])", re.I)

_LAST = 3
"""As many characters at a piece's end say how it ends."""

_RAISED_SIZE, _RAISED = 0.8, 0.15
"""Of the largest size on the line: how small a mark is at most, and how high it stands at least."""

_MARK = re.compile(r"\d{1,2}(?!\d)")
_MARKED = re.compile(r"(?:^|[^\W\d_]{2}|[.,;:!?)”\"’']|[^\W\d_]-?\d{1,2}(?:\.\d)?)$")
"""What a mark may stand behind: a word, a stop, a name that ends in a number (GPT-4)."""

_RUN_IN_GAP = 0.75
"""Of the size: the room behind a heading on whose line the text begins, one em in TeX; between
words of a stretched line there is less."""

_HEADING = re.compile(r"(?=.{3,120}$)\w.*[^\W\d_]{3}.*(?<![.,:;!?])(?<![.,:;!?][”\"’')\]])")

_SMALLEST_GAP = 9.0
_JUMP_BACK = -30.0
"""Points."""


class Visibility(StrEnum):
    """Whether a reader of the page sees a character, and if not, why."""

    SEEN = "seen"
    WHITE = "white"
    INVISIBLE = "invisible"
    TRANSPARENT = "transparent"
    TINY = "tiny"


class Style(NamedTuple):
    """What all characters of one text object share."""

    size: float
    font: str
    is_bold: bool
    degrees: int
    visibility: Visibility


@dataclass(frozen=True)
class Characters:
    """Characters in drawing order, as columns."""

    codes: NDArray[np.uint32]
    """Code points."""

    boxes: NDArray[np.float64]
    """Left, bottom, right and top, in points; meaningless for what is not printed."""

    is_printed: NDArray[np.bool_]
    """False for the spaces that PDFium puts in."""

    lines: NDArray[np.intp]
    """How many line ends PDFium saw before."""

    looks: NDArray[np.intp]
    """Each one's place in `styles`."""

    styles: tuple[Style, ...]

    def text(self) -> str:
        """Return the characters as text."""
        return self.codes.tobytes().decode("utf-32-le")

    def is_space(self) -> NDArray[np.bool_]:
        """Say which characters are white space."""
        return np.fromiter(map(str.isspace, self.text()), np.bool_, len(self.codes))

    def taken(self, which: NDArray[np.bool_]) -> "Characters":
        """Return some of the characters."""
        return Characters(
            self.codes[which],
            self.boxes[which],
            self.is_printed[which],
            self.lines[which],
            self.looks[which],
            self.styles,
        )


@dataclass(frozen=True)
class Piece:
    """Characters that follow each other on one printed line."""

    page: int
    """Page number, from 1."""

    box: Box
    size: float
    """Median font size, in points."""

    font: str
    is_bold: bool
    text: str
    edges: NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 2)), compare=False)
    """Left and right edge of each character of the text. A space that is not printed has no width:
    both are the right edge of the character before."""

    degrees: int = 0
    """By which the page's text is turned; all boxes are turned back."""

    largest: float = 0.0
    """Largest font size of its characters, in points; 0 if that is not known."""

    ends_otherwise: bool = False
    """Whether its last letters are not bold where most are, or bold where most are not."""

    marks: tuple[tuple[int, int], ...] = ()
    """Where in the text small raised numbers stand, as of footnotes: start and end of each."""

    run_in: int = 0
    """Where the text begins behind a heading in bold, with more room before it than between words;
    0 if there is none on this line."""

    @property
    def is_in_small_capitals(self) -> bool:
        """Say whether it is all capitals, of which the most are smaller than the first ones.

        They may also be a font of their own, in which they have the codes of small letters.
        """
        is_mixed = self.largest > _SMALL_CAPITALS * self.size and self.text.isupper()
        return is_mixed or _SMALL_CAPITAL_FONT.search(self.font) is not None


def cut(piece: Piece, start: int, end: int) -> Piece:
    """Return what stands from one place in a piece's text to another, with its box."""
    edges = piece.edges[start:end]
    left, right = float(edges[0, 0]), float(edges[-1, 1])
    return replace(
        piece,
        box=piece.box._replace(left=left, right=right),
        text=piece.text[start:end],
        edges=edges,
        marks=tuple((a - start, b - start) for a, b in piece.marks if start <= a and b <= end),
        run_in=max(piece.run_in - start, 0) if piece.run_in < end else 0,
    )


def pieces_of(characters: Characters, page: int, degrees: int) -> Iterator[Piece]:
    """Cut the stream of characters at line ends, wide gaps and jumps back."""
    number = _numbered(characters)
    is_kept = ~_in_small_capitals(characters, number)
    if not is_kept.all():
        characters, number = characters.taken(is_kept), number[is_kept]
    printed = np.flatnonzero(characters.is_printed)
    if not len(printed):
        return
    heads = np.flatnonzero(np.diff(number[printed], prepend=-1))
    pieces = number[printed[heads]]
    starts, ends = np.searchsorted(number, pieces), np.searchsorted(number, pieces, "right")
    edges, sizes = _edges(characters), _sizes(characters)
    text = characters.text()
    columns = zip(
        starts.tolist(),
        ends.tolist(),
        heads.tolist(),
        _outlines(characters, heads),
        _prevailing(characters, heads),
        strict=True,
    )
    for start, end, head, box, look in columns:
        whole = text[start:end]
        stripped = whole.strip()
        if stripped:
            first = start + len(whole) - len(whole.lstrip())
            place = edges[first : first + len(stripped)]
            marks: tuple[tuple[int, int], ...] = ()
            if look.smallest < _RAISED_SIZE * look.largest:
                here = slice(first, first + len(stripped))
                marks = tuple(
                    _raised(stripped, sizes[here], characters.boxes[here, 1], look.largest)
                )
            run_in = 0
            if look.n_bold:
                run_in = _run_in(stripped, place, printed[head + look.n_bold] - first, look.size)
            yield Piece(page, box, *look[:3], stripped, place, degrees, *look[3:5], marks, run_in)


def _numbered(characters: Characters) -> NDArray[np.intp]:
    """Return for each character the number of its piece; a space belongs to what is before it."""
    is_first = np.diff(characters.lines, prepend=-1) != 0
    printed = np.flatnonzero(characters.is_printed)
    before, after = printed[:-1], printed[1:]
    gap = characters.boxes[after, 0] - characters.boxes[before, 2]
    sizes = _sizes(characters)
    size = np.minimum(sizes[before], sizes[after])
    is_cut = (gap > np.maximum(_COLUMN_GAP * size, _SMALLEST_GAP)) | (gap < _JUMP_BACK)
    is_cut &= characters.lines[before] == characters.lines[after]
    is_first[after[is_cut]] = True
    return np.cumsum(is_first)


def _sizes(characters: Characters) -> NDArray[np.float64]:
    return np.array([style.size for style in characters.styles])[characters.looks]


def _in_small_capitals(characters: Characters, number: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Say which made-up spaces stand between a capital and smaller capitals, without a gap."""
    found = np.zeros(len(number), np.bool_)
    space = np.flatnonzero(~characters.is_printed[1:-1]) + 1
    before, after = space - 1, space + 1
    sizes = _sizes(characters)
    gap = characters.boxes[after, 0] - characters.boxes[before, 2]
    is_near = (sizes[after] < 0.9 * sizes[before]) & (gap < 0.15 * sizes[before])
    is_near &= characters.is_printed[before] & characters.is_printed[after]
    is_near &= (number[before] == number[after]) & (number[before] == number[space])
    for place in space[is_near].tolist():
        around = characters.codes[[place - 1, place + 1]].tolist()
        found[place] = all(chr(code).isupper() for code in around)
    return found


def _edges(characters: Characters) -> NDArray[np.float64]:
    """Return the left and right edges of characters."""
    edges = characters.boxes[:, [0, 2]]
    printed = np.where(characters.is_printed, np.arange(len(edges)), 0)
    last = np.maximum.accumulate(printed)
    made_up = ~characters.is_printed
    edges[made_up] = edges[last[made_up], 1:]
    return edges


def _outlines(characters: Characters, heads: NDArray[np.intp]) -> Iterator[Box]:
    """Yield the box of each piece, given its first place among the printed characters."""
    boxes = characters.boxes[characters.is_printed]
    low, high = np.minimum.reduceat(boxes, heads), np.maximum.reduceat(boxes, heads)
    return map(Box._make, np.hstack((low[:, :2], high[:, 2:])).tolist())


class _Look(NamedTuple):
    """What a piece looks like on the whole."""

    size: float
    font: str
    is_bold: bool
    largest: float
    ends_otherwise: bool
    smallest: float
    n_bold: int = 0
    """How many of its characters come first and are bold, where others follow."""


def _prevailing(characters: Characters, heads: NDArray[np.intp]) -> Iterator[_Look]:
    """Yield the median size of each piece, the font that most is in, bold or not, the top size."""
    looks = characters.looks[characters.is_printed]
    ends = [*heads[1:].tolist(), len(looks)]
    low, high = np.minimum.reduceat(looks, heads), np.maximum.reduceat(looks, heads)
    columns = zip(heads.tolist(), ends, low.tolist(), high.tolist(), strict=True)
    for start, end, one, other in columns:
        if one == other:
            style = characters.styles[one]
            yield _Look(style.size, style.font, style.is_bold, style.size, False, style.size)
            continue
        styles = [characters.styles[look] for look in looks[start:end].tolist()]
        fonts = Counter((style.font, style.is_bold) for style in styles)
        font, is_bold = min(fonts, key=lambda each: (-fonts[each], each))
        sizes = [style.size for style in styles]
        ends_otherwise = all(style.is_bold != is_bold for style in styles[-_LAST:])
        n_bold = next((place for place, style in enumerate(styles) if not style.is_bold), 0)
        yield _Look(median(sizes), font, is_bold, max(sizes), ends_otherwise, min(sizes), n_bold)


def _run_in(text: str, edges: NDArray[np.float64], end: int, size: float) -> int:
    """Return where text begins behind a heading that ends before a place; 0 if there is none.

    What ends with a stop or a colon may be a sentence or a label, and stays with the text.
    """
    heading, rest = text[:end].rstrip(), text[end:].lstrip()
    if not rest:
        return 0
    start = len(text) - len(rest)
    room = edges[start, 0] - edges[len(heading) - 1, 1]
    is_one = _HEADING.fullmatch(heading) is not None and not text[start].islower()
    return start if is_one and room > _RUN_IN_GAP * size else 0


def _raised(
    text: str, sizes: NDArray[np.float64], bottoms: NDArray[np.float64], largest: float
) -> Iterator[tuple[int, int]]:
    """Yield where numbers of one or two digits stand raised and small behind a word or a stop.

    A number at the beginning counts too: so a footnote begins.
    """
    is_small = sizes <= _RAISED_SIZE * largest
    base = float(np.median(bottoms[~is_small])) if not is_small.all() else 0.0
    is_raised = is_small & (bottoms > base + _RAISED * largest)
    at = 0
    while found := _MARK.search(text, at):
        start, end = found.span()
        while start < end and not is_raised[start]:
            start += 1
        at = max(end, start + 1)
        if (
            start < end
            and is_raised[start:end].all()
            and _MARKED.search(text[max(start - 9, 0) : start])
        ):
            yield start, end
