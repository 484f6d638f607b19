"""The characters of a PDF page that a reader of the page sees, as pieces of printed lines.

Kept is the order of the content stream: TeX writes two columns one after the other, and sorting by
position would undo that. What no reader of the page sees is dropped here: text off the page, too
small, fully transparent, drawn invisibly, or white on a page whose text is not. (The exception
is a page without any visible text: there, invisible text is what an OCR program left.) Text
that runs another way than the page's own, such as the stamp of a preprint server, goes too.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pypdfium2
from numpy.typing import NDArray

from ingest.documents import Hidden
from ingest.readers.pdf_accents import with_accents
from ingest.readers.pdf_glyphs import characters_of
from ingest.readers.pdf_pieces import Characters, Piece, Style, Visibility, pieces_of
from ingest.readers.pdf_rules import with_underscores
from ingest.readers.sections import clean
from kg.printed import Box, turned, turned_boxes

_LONGEST_EXAMPLE = 60
_OCR_SHARE = 20
"""Invisible text is read where there is this many times more of it than of visible text."""

_OFF_THE_PAGE = "off the page"


@dataclass(frozen=True)
class Page:
    """One page's visible pieces in drawing order."""

    number: int
    box: Box
    pieces: tuple[Piece, ...]
    hidden: tuple[Hidden, ...] = ()
    plain: str = ""
    """All text of the page, also what runs up its margin, in PDFium's own order; if wanted."""


def page_of(page: pypdfium2.PdfPage, number: int, *, with_plain: bool = False) -> Page:
    """Read the visible characters of a page."""
    text_page = page.get_textpage()
    try:
        characters = with_underscores(with_accents(characters_of(text_page)), page)
        plain = str(text_page.get_text_range()) if with_plain else ""
    finally:
        text_page.close()
    crop = Box(*page.get_cropbox())
    degrees, is_shown, hidden = _shown(characters, crop)
    shown = characters.taken(is_shown)
    if degrees:
        shown = replace(shown, boxes=turned_boxes(shown.boxes, degrees))
        crop = turned(crop, degrees)
    pieces = tuple(pieces_of(shown, number, degrees))
    return Page(number, crop, pieces, tuple(_hidden(hidden, number)), plain)


def _shown(
    characters: Characters, crop: Box
) -> tuple[int, NDArray[np.bool_], dict[str, Characters]]:
    """Say which characters a reader of the page sees, in the direction that most of it runs.

    Returns the direction, what is shown, and by the reason what is hidden from the reader.
    """
    counts = np.bincount(
        characters.looks[~characters.is_space()], minlength=len(characters.styles)
    ).tolist()
    styles = list(zip(characters.styles, counts, strict=True))
    allowed = _allowed(styles)
    directions: Counter[int] = Counter()
    for style, n in styles:
        directions[style.degrees] += n if style.visibility in allowed else 0
    degrees = min(directions, key=lambda turn: (-directions[turn], turn), default=0)
    reasons = ["", *(str(each) for each in Visibility), _OFF_THE_PAGE]
    of_styles = [
        0 if style.visibility in allowed else reasons.index(style.visibility) for style, _ in styles
    ]
    why = np.array(of_styles, np.intp)[characters.looks]
    why[(why == 0) & characters.is_printed & _is_off(characters.boxes, crop)] = len(reasons) - 1
    is_level = np.array([style.degrees == degrees for style, _ in styles], np.bool_)
    hidden = {
        reasons[reason]: characters.taken(why == reason)
        for reason in dict.fromkeys(why[why > 0].tolist())
    }
    return degrees, (why == 0) & is_level[characters.looks], hidden


def _allowed(styles: list[tuple[Style, int]]) -> set[Visibility]:
    """Return what counts as visible on a page, given how many characters each style has."""
    counts: Counter[Visibility] = Counter()
    for style, n in styles:
        counts[style.visibility] += n
    allowed = {Visibility.SEEN}
    if counts[Visibility.WHITE] > counts[Visibility.SEEN]:
        allowed.add(Visibility.WHITE)  # a dark page
    if counts[Visibility.INVISIBLE] > _OCR_SHARE * counts[Visibility.SEEN]:
        allowed.add(Visibility.INVISIBLE)  # a scanned page
    return allowed


def _hidden(hidden: dict[str, Characters], page: int) -> Iterator[Hidden]:
    for why, characters in hidden.items():
        n_printed = int(np.count_nonzero(~characters.is_space()))
        if n_printed:
            yield Hidden(page, why, n_printed, clean(characters.text())[:_LONGEST_EXAMPLE])


def _is_off(boxes: NDArray[np.float64], crop: Box) -> NDArray[np.bool_]:
    """Say which boxes are not on the page."""
    left, bottom, right, top = boxes.T
    is_beside = (left >= crop.right) | (right <= crop.left)
    is_off: NDArray[np.bool_] = is_beside | (bottom >= crop.top) | (top <= crop.bottom)
    return is_off
