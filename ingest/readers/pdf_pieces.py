"""The printed characters of a PDF page, cut into pieces of lines."""

import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from statistics import median
from typing import NamedTuple

from kg.printed import Box

_SURROGATE = re.compile("[\ud800-\udfff]")
_CODE_POINT = re.compile("[\ud800-\udbff][\udc00-\udfff]|.", re.DOTALL)
_COLUMN_GAP = 1.15
"""In font sizes (the smaller, for line numbers are in small print); a wider gap begins a new
piece, as between columns or table cells."""


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


NOWHERE = Box(0.0, 0.0, 0.0, 0.0)
"""Of the spaces that PDFium puts in."""


class Character(NamedTuple):
    """What the page prints at one place."""

    text: str
    box: Box
    style: Style


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
    boxes: tuple[Box, ...] = field(default=(), compare=False)
    """Of each character of the text; `NOWHERE` for spaces that are not printed."""

    degrees: int = 0
    """By which the page's text is turned; all boxes are turned back."""


def pieces_of(characters: list[Character | None], page: int, degrees: int) -> Iterator[Piece]:
    """Cut the stream of characters at line ends, wide gaps and jumps back."""
    run: list[Character] = []
    last: Character | None = None
    for character in characters:
        if character is None:
            yield from _piece(run, page, degrees)
            run, last = [], None
        elif character.box is NOWHERE:
            run.append(character)
        else:
            gap = 0.0 if last is None else character.box.left - last.box.right
            size = min(character.style.size, last.style.size if last else math.inf)
            if gap > max(_COLUMN_GAP * size, 9.0) or gap < -30.0:
                yield from _piece(run, page, degrees)
                run = []
            run.append(character)
            last = character
    yield from _piece(run, page, degrees)


def _piece(run: list[Character], page: int, degrees: int) -> Iterator[Piece]:
    boxed = [character for character in run if character.box is not NOWHERE]
    text, boxes = joined(run)
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
        boxes=boxes,
        degrees=degrees,
    )


def joined(run: list[Character]) -> tuple[str, tuple[Box, ...]]:
    """Return the text of a piece and the box of each character of it.

    A space that PDFium sees inside small capitals goes. What a character prints may be several
    letters, which share its box.
    """
    kept = [
        character
        for place, character in enumerate(run)
        if not (character.box is NOWHERE and _in_small_capitals(run[place - 1 : place + 2]))
    ]
    text = "".join(character.text for character in kept)
    boxes = [character.box for character in kept for _ in character.text]
    if _SURROGATE.search(text):  # PDFium gives characters beyond U+FFFF as a pair of these
        boxes = [boxes[pair.start()] for pair in _CODE_POINT.finditer(text)]
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    start = len(text) - len(text.lstrip())
    text = text.strip()
    return text, tuple(boxes[start : start + len(text)])


def _in_small_capitals(around: list[Character]) -> bool:
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
