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
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from statistics import median
from typing import NamedTuple

import pypdfium2
from pypdfium2 import raw as pdfium

_TEX_CODES = {
    **{0x0B: "ff", 0x0C: "fi", 0x0D: "fl", 0x0E: "ffi", 0x0F: "ffl"},
    **{0x10: "“", 0x11: "”", 0x12: "„", 0x13: "«", 0x14: "»", 0x15: "–", 0x16: "—"},
    **{0x1B: "ff", 0x1C: "fi", 0x1D: "fl", 0x1E: "ffi", 0x1F: "ffl"},
}
_LIGATURES = dict(enumerate(("ff", "fi", "fl", "ffi", "ffl", "st", "st"), start=0xFB00))
_HYPHENS_AT_LINE_END = {0x02, 0xFFFE}
_BOLD = re.compile(r"bold|black|heavy|demi|medi(?!um)|cmbx|sfbx|lmb|ecbx|-b$", re.IGNORECASE)
_FORCED_BOLD = 1 << 18
_SMALLEST_SIZE = 2.0
"""Points; smaller print is not meant to be read."""

_WHITE = 250
_COLUMN_GAP = 1.15
"""In font sizes; a wider gap begins a new piece, as between columns or table cells."""

_LEANING = 3
"""Degrees that a line may lean and still count as level."""

_OCR_SHARE = 20
"""Invisible text is read where there is this many times more of it than of visible text."""


class _Visibility(IntEnum):
    SEEN = 0
    WHITE = 1
    INVISIBLE = 2
    NEVER = 3


class _Style(NamedTuple):
    """What all characters of one text object share."""

    size: float
    font: str
    is_bold: bool
    degrees: int
    visibility: _Visibility


class Box(NamedTuple):
    """A rectangle in points, from the lower left corner of the page."""

    left: float
    bottom: float
    right: float
    top: float


_NOWHERE = Box(0.0, 0.0, 0.0, 0.0)
"""Of the spaces that PDFium puts in."""


class _Character(NamedTuple):
    text: str
    box: Box
    style: _Style


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


@dataclass(frozen=True)
class Page:
    """One page's visible pieces in drawing order."""

    number: int
    box: Box
    pieces: tuple[Piece, ...]


def page_of(page: pypdfium2.PdfPage, number: int) -> Page:
    """Read the visible characters of a page."""
    text_page = page.get_textpage()
    try:
        characters = _characters(text_page)
    finally:
        text_page.close()
    crop = Box(*page.get_cropbox())
    degrees, shown = _shown(characters, crop)
    if degrees:
        shown = [_upright(character, degrees) for character in shown]
        crop = _turned(crop, degrees)
    return Page(number, crop, tuple(_pieces(shown, number)))


def _characters(text_page: pypdfium2.PdfTextPage) -> list[_Character | None]:
    """List the characters of a page; None marks where PDFium sees a line end."""
    page = text_page.raw
    styles: dict[int, _Style] = {}
    style: _Style | None = None
    characters: list[_Character | None] = []
    left, right, bottom, top = (ctypes.c_double() for _ in range(4))
    for index in range(text_page.count_chars()):
        code = pdfium.FPDFText_GetUnicode(page, index)
        text_object = pdfium.FPDFText_GetTextObject(page, index)
        if not text_object:  # made up by PDFium: a space or a line end
            characters += [None] if code in {10, 13} else []
            if code == 32 and style is not None:
                characters.append(_Character(" ", _NOWHERE, style))
            continue
        address = ctypes.addressof(text_object.contents)
        style = styles.get(address) or _style(text_page, index)
        styles[address] = style
        pdfium.FPDFText_GetCharBox(page, index, left, right, bottom, top)
        box = Box(left.value, bottom.value, right.value, top.value)
        characters.append(_Character(_text(code), box, style))
        if code in _HYPHENS_AT_LINE_END:
            characters.append(None)
    return characters


def _style(text_page: pypdfium2.PdfTextPage, index: int) -> _Style:
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
    return _Style(
        size=size,
        font=font,
        is_bold=_BOLD.search(font) is not None or bool(flags.value & _FORCED_BOLD),
        degrees=(turned if abs(degrees - turned) <= _LEANING else degrees) % 360,
        visibility=_visibility(text_page, index, size),
    )


def _visibility(text_page: pypdfium2.PdfTextPage, index: int, size: float) -> _Visibility:
    red, green, blue, alpha = (ctypes.c_uint() for _ in range(4))
    known = pdfium.FPDFText_GetFillColor(text_page.raw, index, red, green, blue, alpha)
    mode = pdfium.FPDFTextObj_GetTextRenderMode(pdfium.FPDFText_GetTextObject(text_page.raw, index))
    if mode in {pdfium.FPDF_TEXTRENDERMODE_INVISIBLE, pdfium.FPDF_TEXTRENDERMODE_CLIP}:
        return _Visibility.INVISIBLE
    if size < _SMALLEST_SIZE or (known and alpha.value == 0):
        return _Visibility.NEVER
    if known and min(red.value, green.value, blue.value) >= _WHITE:
        return _Visibility.WHITE
    return _Visibility.SEEN


def _text(code: int) -> str:
    """Return what a character code prints."""
    if code in _HYPHENS_AT_LINE_END:
        return "-"
    return _TEX_CODES.get(code) or _LIGATURES.get(code) or chr(min(code, 0x10FFFF))


def _shown(characters: list[_Character | None], crop: Box) -> tuple[int, list[_Character | None]]:
    """Keep what a reader of the page sees, in the direction that most of it runs."""
    printed = [c for c in characters if c is not None and not c.text.isspace()]
    counts = Counter(character.style.visibility for character in printed)
    allowed = {_Visibility.SEEN}
    if counts[_Visibility.WHITE] > counts[_Visibility.SEEN]:
        allowed.add(_Visibility.WHITE)  # a dark page
    if counts[_Visibility.INVISIBLE] > _OCR_SHARE * counts[_Visibility.SEEN]:
        allowed.add(_Visibility.INVISIBLE)  # a scanned page
    directions = Counter(c.style.degrees for c in printed if c.style.visibility in allowed)
    degrees = min(directions, key=lambda turn: (-directions[turn], turn), default=0)
    shown = [
        character
        for character in characters
        if character is None
        or (
            character.style.visibility in allowed
            and character.style.degrees == degrees
            and (character.box is _NOWHERE or _overlap(character.box, crop))
        )
    ]
    return degrees, shown


def _overlap(box: Box, crop: Box) -> bool:
    beside = box.left >= crop.right or box.right <= crop.left
    return not (beside or box.bottom >= crop.top or box.top <= crop.bottom)


def _turned(box: Box, degrees: int) -> Box:
    """Turn a box back by this angle, about the origin."""
    angle = math.radians(degrees)
    cosine, sine = math.cos(angle), math.sin(angle)
    xs = [x * cosine + y * sine for x in box[::2] for y in box[1::2]]
    ys = [y * cosine - x * sine for x in box[::2] for y in box[1::2]]
    return Box(min(xs), min(ys), max(xs), max(ys))


def _upright(character: _Character | None, degrees: int) -> _Character | None:
    if character is None or character.box is _NOWHERE:
        return character
    return character._replace(box=_turned(character.box, degrees))


def _pieces(characters: list[_Character | None], page: int) -> Iterator[Piece]:
    """Cut the stream of characters at line ends, wide gaps and jumps back."""
    run: list[_Character] = []
    right: float | None = None
    for character in characters:
        if character is None:
            yield from _piece(run, page)
            run, right = [], None
        elif character.box is _NOWHERE:
            run.append(character)
        else:
            gap = 0.0 if right is None else character.box.left - right
            if gap > max(_COLUMN_GAP * character.style.size, 9.0) or gap < -30.0:
                yield from _piece(run, page)
                run = []
            run.append(character)
            right = character.box.right
    yield from _piece(run, page)


def _piece(run: list[_Character], page: int) -> Iterator[Piece]:
    boxed = [character for character in run if character.box is not _NOWHERE]
    text = _joined(run)
    if not text:
        return
    lefts, bottoms, rights, tops = zip(*(character.box for character in boxed), strict=True)
    fonts = Counter((character.style.font, character.style.is_bold) for character in boxed)
    font, is_bold = min(fonts, key=lambda each: (-fonts[each], each))
    yield Piece(
        page=page,
        box=Box(min(lefts), min(bottoms), max(rights), max(tops)),
        size=median(character.style.size for character in boxed),
        font=font,
        is_bold=is_bold,
        text=text,
    )


def _joined(run: list[_Character]) -> str:
    """Return the text of a piece; a space that PDFium sees inside small capitals goes."""
    kept = [
        character.text
        for place, character in enumerate(run)
        if not (character.box is _NOWHERE and _in_small_capitals(run[place - 1 : place + 2]))
    ]
    # PDFium gives characters beyond U+FFFF as a pair of surrogates.
    text = "".join(kept).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text.strip()


def _in_small_capitals(around: list[_Character]) -> bool:
    """Say whether a space stands between a capital and smaller capitals, without a gap."""
    if len(around) < 3:
        return False
    before, _, after = around
    return (
        before.text.isupper()
        and after.text.isupper()
        and after.style.size < 0.9 * before.style.size
        and after.box.left - before.box.right < 0.15 * before.style.size
    )
