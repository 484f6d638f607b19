r"""Underscores that are drawn as lines.

TeX's text fonts have no underscore, so ``\_`` draws a rule of 0.3 em on the base line
(``\textunderscore`` of LaTeX), which is no character: "fk_to" comes out as "fk to". Among the
path objects of a page those of that size are looked at which begin where one character ends and
end where the next begins. A fraction's bar lies higher, and what underlines a word lies below it.

But: an underscore at the end of a printed line, or within a drawing that is placed as a whole, is
not found.
"""

import ctypes
from collections.abc import Iterator
from dataclasses import replace
from itertools import repeat

import numpy as np
import pypdfium2
from numpy.typing import NDArray
from pypdfium2 import raw as pdfium

from ingest.readers.pdf_glyphs import INDEX, INT, NUMBER, POINTER, with_addresses
from ingest.readers.pdf_pieces import Characters

_SHORTEST, _LONGEST = 1.5, 9.0
_THICKEST = 1.7
"""Points, with what antialiasing adds to the box of a rule."""

_NEAR = 1.6
"""Points by which the neighbours of an underscore may stand off."""

_DEEPEST = 0.32
"""Of the font's size: how far the base line is above the lowest part of a letter, and over."""

_MOST = 1000
"""More short lines than that are a drawing."""

_OBJECT = with_addresses(pdfium.FPDFPage_GetObject, POINTER, INDEX, returns=NUMBER)
_TYPE = with_addresses(pdfium.FPDFPageObj_GetType, POINTER, returns=INT)
_BOUNDS = with_addresses(pdfium.FPDFPageObj_GetBounds, POINTER, *[POINTER] * 4, returns=INT)


def with_underscores(characters: Characters, page: pypdfium2.PdfPage) -> Characters:
    """Put in the underscores that the page draws as lines between its characters."""
    rules = _short_rules(page)
    if not len(rules) or not characters.is_printed.any():
        return characters
    found = list(_between(characters, rules))
    if not found:
        return characters
    after, boxes = np.array([place for place, _ in found]), np.array([box for _, box in found])
    order = np.lexsort((boxes[:, 0], after))
    after, boxes = after[order], boxes[order]
    kept = np.ones(len(characters.codes), np.bool_)
    spaces = np.minimum(after + 1, len(kept) - 1)
    kept[spaces[~characters.is_printed[spaces]]] = False
    return replace(
        characters,
        codes=np.insert(characters.codes, after + 1, ord("_")),
        boxes=np.insert(characters.boxes, after + 1, boxes, axis=0),
        is_printed=np.insert(characters.is_printed, after + 1, True),
        lines=np.insert(characters.lines, after + 1, characters.lines[after]),
        looks=np.insert(characters.looks, after + 1, characters.looks[after]),
    ).taken(np.insert(kept, after + 1, True))


def _short_rules(page: pypdfium2.PdfPage) -> NDArray[np.float64]:
    """Return the boxes of the level lines of a page that are as long as an underscore."""
    address = ctypes.cast(page.raw, ctypes.c_void_p).value or 0  # type: ignore[arg-type]
    n = pdfium.FPDFPage_CountObjects(page.raw)
    objects = list(map(_OBJECT, repeat(address), range(n)))
    paths = [each for each in objects if each and _TYPE(each) == pdfium.FPDF_PAGEOBJ_PATH]
    boxes = np.zeros((len(paths), 4), np.float32)
    first = boxes.ctypes.data
    for row, path in enumerate(paths):
        start = first + 16 * row
        _BOUNDS(path, start, start + 4, start + 8, start + 12)
    width, height = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    short = boxes[(width > _SHORTEST) & (width < _LONGEST) & (height < _THICKEST)]
    return short.astype(np.float64) if len(short) <= _MOST else np.empty((0, 4))


def _between(
    characters: Characters, rules: NDArray[np.float64]
) -> Iterator[tuple[int, NDArray[np.float64]]]:
    """Yield each underscore's box with the place of the character before it.

    Two underscores in a row are one line that is twice as long, or two that touch.
    """
    printed = np.flatnonzero(characters.is_printed)
    boxes = characters.boxes[printed]
    sizes = np.array([style.size for style in characters.styles])[characters.looks[printed]]
    chains = _chains(rules)
    for chain in chains:
        left, right = chain[0, 0], chain[-1, 2]
        level = (chain[0, 1] + chain[0, 3]) / 2
        on_line = (level > boxes[:, 1] - 0.1 * sizes) & (level < boxes[:, 1] + _DEEPEST * sizes)
        before = np.flatnonzero(on_line & (np.abs(boxes[:, 2] - left) < _NEAR))
        for place in before.tolist():
            follows = place + 1 < len(printed) and abs(boxes[place + 1, 0] - right) < _NEAR
            if follows and on_line[place + 1] and printed[place + 1] - printed[place] <= 2:
                for rule in chain:
                    yield int(printed[place]), rule
                break


def _chains(rules: NDArray[np.float64]) -> Iterator[NDArray[np.float64]]:
    """Yield the lines that stand in a row, one after the other."""
    ordered = rules[np.lexsort((rules[:, 0], rules[:, 1].round(1)))]
    gaps = ordered[1:, 0] - ordered[:-1, 2]
    is_near = (np.abs(gaps) < _NEAR) & (np.abs(ordered[1:, 1] - ordered[:-1, 1]) < 0.1)
    yield from np.split(ordered, np.flatnonzero(~is_near) + 1)
