"""Letters with accents that are printed as two characters.

TeX's oldest text fonts (OT1) have no letters with accents: an accent is set over or under a letter,
and PDFium gives both, in either order, or the accent at the end of the line and with made-up spaces
around it ("C ´ aceres"). Here the two become one letter, by where they stand, and the word is whole
again. Bitmap fonts give an accent as the quote or dash that has its code in T1.

But: a hat on a variable stays as it is, for it is of another font than the letter.
"""

import unicodedata
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ingest.readers.pdf_pieces import Characters

_ABOVE = {
    **{"`": "\u0300", "´": "\u0301", "ˆ": "\u0302", "˜": "\u0303", "¯": "\u0304", "˘": "\u0306"},
    **{"˙": "\u0307", "¨": "\u0308", "˚": "\u030a", "˝": "\u030b", "ˇ": "\u030c", "^": "\u0302"},
    **{"~": "\u0303", "„": "\u0300", "«": "\u0301", "»": "\u030c", "–": "\u0306", "—": "\u0304"},
    "\x7f": "\u0308",
}
_BELOW = {"¸": "\u0327", "˛": "\u0328"}
_MARKS = {ord(mark): combining for mark, combining in (_ABOVE | _BELOW).items()}
_CODES = np.array(sorted(_MARKS), np.uint32)
_UNDOTTED = {"ı": "i", "ȷ": "j", "“": "i", "”": "j"}
"""What an accent stands over instead of i and j; quotes are their codes in bitmap fonts."""

_REACH = 200
"""Characters before and after an accent among which its letter is looked for."""

_OVERLAP, _ROOM = 0.15, 0.3
"""Of the size: how far an accent may reach into its letter, and how far it may stand off."""

_WORD_GAP = 0.2
"""Of the size: letters closer than that are of one word."""


def with_accents(characters: Characters) -> Characters:
    """Put accents and the letters that they stand over or under together."""
    is_mark = np.isin(characters.codes, _CODES) & characters.is_printed
    found = dict(_pairs(characters, np.flatnonzero(is_mark)))
    if not found:
        return characters
    codes = characters.codes.copy()
    for base, letter in found.values():
        codes[base] = ord(letter)
    is_kept = np.ones(len(codes), np.bool_)
    is_kept[list(found)] = False
    is_cut = np.diff(characters.lines, prepend=0)
    for before, after in _halves(characters, is_kept, found):
        between = np.arange(before + 1, after)
        is_kept[between[~characters.is_printed[between]]] = False
        is_cut[before + 1 : after + 1] = 0
    return replace(characters, codes=codes, lines=np.cumsum(is_cut)).taken(is_kept)


def _pairs(
    characters: Characters, marks: NDArray[np.intp]
) -> Iterator[tuple[int, tuple[int, str]]]:
    """Yield for each accent that stands at a letter the letter's place, and what both are."""
    taken: set[int] = set()
    for mark in marks.tolist():
        first = max(mark - _REACH, 0)
        near = slice(first, mark + _REACH)
        boxes, mine = characters.boxes[near], characters.boxes[mark]
        style = characters.styles[characters.looks[mark]]
        middle = (mine[0] + mine[2]) / 2
        is_below = chr(characters.codes[mark]) in _BELOW
        room = boxes[:, 1] - mine[3] if is_below else mine[1] - boxes[:, 3]
        is_at = (boxes[:, 0] <= middle) & (middle <= boxes[:, 2]) & characters.is_printed[near]
        is_at &= (room > -_OVERLAP * style.size) & (room < _ROOM * style.size)
        for base in (np.flatnonzero(is_at) + first).tolist():
            letter = _composed(chr(characters.codes[base]), _MARKS[int(characters.codes[mark])])
            is_same = characters.styles[characters.looks[base]].font == style.font
            if base != mark and base not in taken and letter and is_same:
                taken.add(base)
                yield mark, (base, letter)
                break


def _composed(base: str, combining: str) -> str:
    """Return the one letter that a letter and an accent are, or nothing."""
    letter = unicodedata.normalize("NFC", _UNDOTTED.get(base, base) + combining)
    return letter if len(letter) == 1 and letter.isalpha() else ""


def _halves(
    characters: Characters, is_kept: NDArray[np.bool_], found: dict[int, tuple[int, str]]
) -> Iterator[tuple[int, int]]:
    """Yield the letters on both sides of an accent that follow each other in one word."""
    rest = np.flatnonzero(is_kept & characters.is_printed)
    for mark in found:
        place = int(np.searchsorted(rest, mark))
        if not 0 < place < len(rest):
            continue
        before, after = int(rest[place - 1]), int(rest[place])
        one, other = characters.boxes[before], characters.boxes[after]
        size = characters.styles[characters.looks[before]].size
        is_on_line = min(one[3], other[3]) - max(one[1], other[1]) > 0.2 * size
        if is_on_line and abs(other[0] - one[2]) < _WORD_GAP * size:
            yield before, after
