"""What PDFium says of the characters of a page, asked for all of them at once.

Asking for a character costs less than looping over characters does. So each function of PDFium is
called by address through `map`, boxes are written straight into an array, and all that follows
works on columns. What one text object shares (font, size, colour) is asked once for each.

PDFium marks hyphens at a line's end (U+0002), after which it gives no line end of its own, and
makes up spaces and line ends. Fonts without a Unicode map (bitmap fonts of TeX) come through as
their own codes, so the codes that T1 and OT1 give to ligatures, quotes and dashes are put right
(Cork encoding, Ferguson 1990, TUGboat 11:514-516).
"""

import ctypes
import math
import re
from collections import deque
from collections.abc import Callable
from functools import cache
from itertools import repeat
from typing import NamedTuple

import numpy as np
import pypdfium2
from numpy.typing import NDArray
from pypdfium2 import raw as pdfium

from ingest.readers.pdf_pieces import Characters, Style, Visibility

_TEX_CODES = {
    **{0x0B: "ff", 0x0C: "fi", 0x0D: "fl", 0x0E: "ffi", 0x0F: "ffl"},
    **{0x10: "“", 0x11: "”", 0x12: "„", 0x13: "«", 0x14: "»", 0x15: "–", 0x16: "—"},
    **{0x1B: "ff", 0x1C: "fi", 0x1D: "fl", 0x1E: "ffi", 0x1F: "ffl", 0x9F: "§"},
}
_LIGATURES = dict(enumerate(("ff", "fi", "fl", "ffi", "ffl", "st", "st"), start=0xFB00))
_HYPHENS_AT_LINE_END = (0x02, 0xFFFE)
_SURROGATE = re.compile("[\ud800-\udfff]")
_CODE_POINT = re.compile("[\ud800-\udbff][\udc00-\udfff]|.", re.DOTALL)
_BOLD = re.compile(r"bold|black|heavy|demi|medi(?!um)|cmbx|sfbx|lmb|ecbx|-b$", re.IGNORECASE)
_FORCED_BOLD = 1 << 18
_SMALLEST_SIZE = 2.0
"""Points; smaller print is not meant to be read."""

_WHITE = 250
_LEANING = 3
"""Degrees that a line may lean and still count as level."""

_UNSEEN_MODES = {pdfium.FPDF_TEXTRENDERMODE_INVISIBLE, pdfium.FPDF_TEXTRENDERMODE_CLIP}


def with_addresses(function: object, *arguments: type, returns: type) -> Callable[..., int]:
    """Return a function of PDFium that takes and gives addresses as plain numbers.

    It is called for every character, and making pointer objects takes longer than the call.
    """
    address = ctypes.cast(function, ctypes.c_void_p).value  # type: ignore[arg-type]
    return ctypes.CFUNCTYPE(returns, *arguments)(address or 0)


POINTER, INDEX, INT = ctypes.c_void_p, ctypes.c_int, ctypes.c_int
NUMBER = ctypes.c_uint64
"""An address that comes back; as `c_void_p` null would come back as None."""

_CODE = with_addresses(pdfium.FPDFText_GetUnicode, POINTER, INDEX, returns=ctypes.c_uint)
_TEXT_OBJECT = with_addresses(pdfium.FPDFText_GetTextObject, POINTER, INDEX, returns=NUMBER)
_BOX = with_addresses(pdfium.FPDFText_GetCharBox, POINTER, INDEX, *[POINTER] * 4, returns=INT)
_MATRIX = with_addresses(pdfium.FPDFText_GetMatrix, POINTER, INDEX, POINTER, returns=INT)
_SIZE = with_addresses(pdfium.FPDFText_GetFontSize, POINTER, INDEX, returns=ctypes.c_double)
_COLOUR = with_addresses(pdfium.FPDFText_GetFillColor, POINTER, INDEX, *[POINTER] * 4, returns=INT)
_MODE = with_addresses(pdfium.FPDFTextObj_GetTextRenderMode, POINTER, returns=INT)
_FONT = with_addresses(pdfium.FPDFTextObj_GetFont, POINTER, returns=NUMBER)


def characters_of(text_page: pypdfium2.PdfTextPage) -> Characters:
    """Return the characters of a page in the order the file draws them."""
    page = ctypes.cast(text_page.raw, ctypes.c_void_p).value or 0  # type: ignore[arg-type]
    n = text_page.count_chars()
    codes = np.fromiter(map(_CODE, repeat(page), range(n)), np.uint32, n)
    objects = np.fromiter(map(_TEXT_OBJECT, repeat(page), range(n)), np.uint64, n)
    is_printed = objects != 0  # the others are made up by PDFium
    looks, styles = _styles(text_page, page, objects)
    is_end = np.where(
        is_printed, np.isin(codes, _HYPHENS_AT_LINE_END), (codes == 10) | (codes == 13)
    )
    kept = np.flatnonzero((is_printed | (codes == 32)) & (looks >= 0))
    text, rows = _spelled(codes[kept].tolist())
    kept = kept[rows]
    return Characters(
        codes=np.frombuffer(text.encode("utf-32-le"), np.uint32),
        boxes=_boxes(page, n)[kept],
        is_printed=is_printed[kept],
        lines=(np.cumsum(is_end) - is_end)[kept],
        looks=looks[kept],
        styles=styles,
    )


@cache
def printed_as(code: int) -> str:
    """Return what a character code prints; half of a pair (UTF-16) as it is."""
    if code in _HYPHENS_AT_LINE_END:
        return "-"
    return _TEX_CODES.get(code) or _LIGATURES.get(code) or chr(min(code, 0x10FFFF))


def _spelled(codes: list[int]) -> tuple[str, NDArray[np.intp]]:
    """Return what character codes print, and which of the codes each of its letters comes from."""
    parts = list(map(printed_as, codes))
    text = "".join(parts)
    rows = np.arange(len(codes))
    if len(text) != len(codes):
        rows = np.repeat(rows, list(map(len, parts)))
    if _SURROGATE.search(text):  # PDFium gives characters beyond U+FFFF as a pair of these
        rows = rows[[pair.start() for pair in _CODE_POINT.finditer(text)]]
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text, rows


def _boxes(page: int, n: int) -> NDArray[np.float64]:
    """Return left, bottom, right and top of each character of a page."""
    boxes = np.zeros((n, 4))
    first = boxes.ctypes.data
    left, bottom, right, top = (
        range(first + 8 * edge, first + 8 * edge + 32 * n, 32) for edge in range(4)
    )
    deque(map(_BOX, repeat(page), range(n), left, right, bottom, top), maxlen=0)
    return boxes


def _styles(
    text_page: pypdfium2.PdfTextPage, page: int, objects: NDArray[np.uint64]
) -> tuple[NDArray[np.intp], tuple[Style, ...]]:
    """Return the style of each character, as a place in the list of styles.

    What is made up has the style of what was printed before it; -1 where there is nothing before.
    """
    printed = np.flatnonzero(objects)
    _, firsts, which = np.unique(objects[printed], return_index=True, return_inverse=True)
    asked = _Looks(text_page, page)
    places: dict[Style, int] = {}
    of_objects = [
        places.setdefault(asked.style(index, address), len(places))
        for index, address in zip(
            printed[firsts].tolist(), objects[printed[firsts]].tolist(), strict=True
        )
    ]
    looks = np.full(len(objects), -1)
    looks[printed] = np.array(of_objects, np.intp)[which]
    before = np.zeros(len(objects), np.intp)
    before[printed] = printed
    return looks[np.maximum.accumulate(before)] if len(printed) else looks, tuple(places)


class _Font(NamedTuple):
    name: str
    is_bold: bool


class _Looks:
    """Asks what text objects of a page look like, and each font for its name only once."""

    def __init__(self, text_page: pypdfium2.PdfTextPage, page: int) -> None:
        self.text_page = text_page
        self.page = page
        self.fonts: dict[int, _Font] = {}
        self.matrix = (ctypes.c_float * 6)()
        self.colour = (ctypes.c_uint * 4)()
        first = ctypes.addressof(self.colour)
        self.channels = [first + 4 * place for place in range(4)]

    def style(self, index: int, text_object: int) -> Style:
        """Return what the text object of this character looks like on the page."""
        _MATRIX(self.page, index, ctypes.addressof(self.matrix))
        a, b, c, d, _, _ = self.matrix
        size = _SIZE(self.page, index) * math.hypot(c, d)
        degrees = round(math.degrees(math.atan2(b, a)))
        turned = 90 * round(degrees / 90)  # a scan may lean by a degree or two
        font = self._font(index, text_object)
        return Style(
            size=size,
            font=font.name,
            is_bold=font.is_bold,
            degrees=(turned if abs(degrees - turned) <= _LEANING else degrees) % 360,
            visibility=self._visibility(index, text_object, size),
        )

    def _font(self, index: int, text_object: int) -> _Font:
        address = _FONT(text_object)
        if address not in self.fonts:
            name, flags = ctypes.create_string_buffer(128), ctypes.c_int()
            pdfium.FPDFText_GetFontInfo(self.text_page.raw, index, name, len(name), flags)
            font = name.value.decode("utf-8", errors="replace").split("+")[-1]
            is_bold = _BOLD.search(font) is not None or bool(flags.value & _FORCED_BOLD)
            self.fonts[address] = _Font(font, is_bold)
        return self.fonts[address]

    def _visibility(self, index: int, text_object: int, size: float) -> Visibility:
        is_known = _COLOUR(self.page, index, *self.channels)
        red, green, blue, alpha = self.colour
        if _MODE(text_object) in _UNSEEN_MODES:
            return Visibility.INVISIBLE
        if is_known and alpha == 0:
            return Visibility.TRANSPARENT
        if size < _SMALLEST_SIZE:
            return Visibility.TINY
        if is_known and min(red, green, blue) >= _WHITE:
            return Visibility.WHITE
        return Visibility.SEEN
