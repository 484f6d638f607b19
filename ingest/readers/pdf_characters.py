"""The characters of a PDF page, in the order the file draws them, as pieces of printed lines.

PDFium gives every character with its box, its font and the text object it belongs to, and marks
hyphens at a line's end (U+0002), after which it gives no line end of its own. Kept is
the order of the content stream: TeX writes two columns one after the other, and sorting by
position would undo that. What no reader of the page sees is dropped here: text off the page, too
small, fully transparent, drawn invisibly, or white on a page whose text is not. (The exception
is a page without any visible text: there, invisible text is what an OCR program left.) Text
that runs another way than the page's own, such as the stamp of a preprint server, goes too.

Fonts without a Unicode map (bitmap fonts of TeX) come through as their own codes, so the codes
that T1 and OT1 give to ligatures, quotes and dashes are put right (Cork encoding, Ferguson 1990,
TUGboat 11:514-516).
"""

import ctypes
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

import pypdfium2
from pypdfium2 import raw as pdfium

from ingest.documents import Hidden
from ingest.readers.pdf_pieces import (
    NOWHERE,
    Character,
    Piece,
    Style,
    Visibility,
    joined,
    pieces_of,
)
from ingest.readers.sections import clean
from kg.printed import Box, turned

_TEX_CODES = {
    **{0x0B: "ff", 0x0C: "fi", 0x0D: "fl", 0x0E: "ffi", 0x0F: "ffl"},
    **{0x10: "“", 0x11: "”", 0x12: "„", 0x13: "«", 0x14: "»", 0x15: "–", 0x16: "—"},
    **{0x1B: "ff", 0x1C: "fi", 0x1D: "fl", 0x1E: "ffi", 0x1F: "ffl"},
}
_LIGATURES = dict(enumerate(("ff", "fi", "fl", "ffi", "ffl", "st", "st"), start=0xFB00))


def _with_addresses(function: object, *arguments: type, returns: type) -> Callable[..., int]:
    """Return a function of PDFium that takes and gives addresses as plain numbers.

    It is called for every character, and making pointer objects takes longer than the call.
    """
    address = ctypes.cast(function, ctypes.c_void_p).value  # type: ignore[arg-type]
    return ctypes.CFUNCTYPE(returns, *arguments)(address or 0)


_ADDRESS, _INDEX = ctypes.c_void_p, ctypes.c_int
_CODE = _with_addresses(pdfium.FPDFText_GetUnicode, _ADDRESS, _INDEX, returns=ctypes.c_uint)
_TEXT_OBJECT = _with_addresses(pdfium.FPDFText_GetTextObject, _ADDRESS, _INDEX, returns=_ADDRESS)
_CHARACTER_BOX = _with_addresses(
    pdfium.FPDFText_GetCharBox, _ADDRESS, _INDEX, *[_ADDRESS] * 4, returns=ctypes.c_int
)
_HYPHENS_AT_LINE_END = {0x02, 0xFFFE}
_BOLD = re.compile(r"bold|black|heavy|demi|medi(?!um)|cmbx|sfbx|lmb|ecbx|-b$", re.IGNORECASE)
_FORCED_BOLD = 1 << 18
_LONGEST_EXAMPLE = 60
_SMALLEST_SIZE = 2.0
"""Points; smaller print is not meant to be read."""

_WHITE = 250
_LEANING = 3
"""Degrees that a line may lean and still count as level."""

_OCR_SHARE = 20
"""Invisible text is read where there is this many times more of it than of visible text."""


@dataclass(frozen=True)
class Page:
    """One page's visible pieces in drawing order."""

    number: int
    box: Box
    pieces: tuple[Piece, ...]
    hidden: tuple[Hidden, ...] = ()


def page_of(page: pypdfium2.PdfPage, number: int) -> Page:
    """Read the visible characters of a page."""
    text_page = page.get_textpage()
    try:
        characters = _characters(text_page)
    finally:
        text_page.close()
    crop = Box(*page.get_cropbox())
    degrees, shown, hidden = _shown(characters, crop)
    if degrees:
        shown = [_upright(character, degrees) for character in shown]
        crop = turned(crop, degrees)
    pieces = tuple(pieces_of(shown, number, degrees))
    return Page(number, crop, pieces, tuple(_hidden(hidden, number)))


def _characters(text_page: pypdfium2.PdfTextPage) -> list[Character | None]:
    """List the characters of a page; None marks where PDFium sees a line end."""
    page = ctypes.cast(text_page.raw, ctypes.c_void_p).value  # type: ignore[arg-type]
    styles: dict[int, Style] = {}
    style: Style | None = None
    characters: list[Character | None] = []
    edges = (ctypes.c_double * 4)()
    left, right, bottom, top = (ctypes.addressof(edges) + 8 * place for place in (0, 2, 1, 3))
    for index in range(text_page.count_chars()):
        code = _CODE(page, index)
        text_object = _TEXT_OBJECT(page, index)
        if not text_object:  # made up by PDFium: a space or a line end
            characters += [None] if code in {10, 13} else []
            if code == 32 and style is not None:
                characters.append(Character(" ", NOWHERE, style))
            continue
        style = styles.get(text_object) or _style(text_page, index)
        styles[text_object] = style
        _CHARACTER_BOX(page, index, left, right, bottom, top)
        characters.append(Character(_text(code), Box(*edges), style))
        if code in _HYPHENS_AT_LINE_END:
            characters.append(None)
    return characters


def _style(text_page: pypdfium2.PdfTextPage, index: int) -> Style:
    """Look up what the text object of this character looks like on the page."""
    page = text_page.raw
    matrix = pdfium.FS_MATRIX()
    pdfium.FPDFText_GetMatrix(page, index, matrix)
    size = pdfium.FPDFText_GetFontSize(page, index) * math.hypot(matrix.c, matrix.d)
    name, flags = ctypes.create_string_buffer(128), ctypes.c_int()
    pdfium.FPDFText_GetFontInfo(page, index, name, len(name), flags)
    font = name.value.decode("utf-8", errors="replace").split("+")[-1]
    degrees = round(math.degrees(math.atan2(matrix.b, matrix.a)))
    turned = 90 * round(degrees / 90)  # a scan may lean by a degree or two
    return Style(
        size=size,
        font=font,
        is_bold=_BOLD.search(font) is not None or bool(flags.value & _FORCED_BOLD),
        degrees=(turned if abs(degrees - turned) <= _LEANING else degrees) % 360,
        visibility=_visibility(text_page, index, size),
    )


def _visibility(text_page: pypdfium2.PdfTextPage, index: int, size: float) -> Visibility:
    red, green, blue, alpha = (ctypes.c_uint() for _ in range(4))
    known = pdfium.FPDFText_GetFillColor(text_page.raw, index, red, green, blue, alpha)
    mode = pdfium.FPDFTextObj_GetTextRenderMode(pdfium.FPDFText_GetTextObject(text_page.raw, index))
    if mode in {pdfium.FPDF_TEXTRENDERMODE_INVISIBLE, pdfium.FPDF_TEXTRENDERMODE_CLIP}:
        return Visibility.INVISIBLE
    if known and alpha.value == 0:
        return Visibility.TRANSPARENT
    if size < _SMALLEST_SIZE:
        return Visibility.TINY
    if known and min(red.value, green.value, blue.value) >= _WHITE:
        return Visibility.WHITE
    return Visibility.SEEN


@cache
def _text(code: int) -> str:
    """Return what a character code prints."""
    if code in _HYPHENS_AT_LINE_END:
        return "-"
    return _TEX_CODES.get(code) or _LIGATURES.get(code) or chr(min(code, 0x10FFFF))


def _shown(
    characters: list[Character | None], crop: Box
) -> tuple[int, list[Character | None], dict[str, list[Character]]]:
    """Keep what a reader of the page sees, in the direction that most of it runs.

    Returns the direction, what is kept, and by the reason what is hidden from the reader.
    """
    known = {id(c.style): c.style for c in characters if c is not None}
    printed = Counter(id(c.style) for c in characters if c is not None and not c.text.isspace())
    styles = [(known[style], n) for style, n in printed.items()]
    allowed = _allowed(styles)
    directions: Counter[int] = Counter()
    for style, n in styles:
        directions[style.degrees] += n if style.visibility in allowed else 0
    degrees = min(directions, key=lambda turn: (-directions[turn], turn), default=0)
    reasons = {
        place: "" if style.visibility in allowed else str(style.visibility)
        for place, style in known.items()
    }
    shown: list[Character | None] = []
    hidden: dict[str, list[Character]] = {}
    for character in characters:
        if character is None:
            shown.append(character)
        elif reason := reasons[id(character.style)] or _absence(character.box, crop):
            hidden.setdefault(reason, []).append(character)
        elif character.style.degrees == degrees:
            shown.append(character)
    return degrees, shown, hidden


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


def _hidden(hidden: dict[str, list[Character]], page: int) -> Iterator[Hidden]:
    for why, characters in hidden.items():
        text, _ = joined(characters)
        n_printed = sum(not character.text.isspace() for character in characters)
        if n_printed and text:
            yield Hidden(page, str(why), n_printed, clean(text)[:_LONGEST_EXAMPLE])


def _absence(box: Box, crop: Box) -> str:
    """Say that a character is not on the page, or nothing if it is, or is a made-up space."""
    if box is NOWHERE:
        return ""
    beside = box.left >= crop.right or box.right <= crop.left
    return "off the page" if beside or box.bottom >= crop.top or box.top <= crop.bottom else ""


def _upright(character: Character | None, degrees: int) -> Character | None:
    if character is None or character.box is NOWHERE:
        return character
    return character._replace(box=turned(character.box, degrees))
