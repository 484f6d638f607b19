"""Where the characters of a text are printed: from an offset to a page and a box on it.

A PDF's text is made of printed lines. Of each line is kept where it begins in the text, its page,
its height, and for each of its characters the left and right edge, in tenths of a point (1/720
inch), as distances from the edge before; packed, that is about a byte and a half a character. A
character's box is as high as its line. Offsets are code points, end exclusive; coordinates are in
points from the lower left corner of the page, as in the PDF itself.
"""

import base64
import math
import zlib
from array import array
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_UNIT = 0.1
"""Points."""

_FARTHEST = 16_000
"""Tenths of a point, so that a distance fits 16 bits; a page of PDF is at most 14,400 wide."""

_HEADER = 6


class Box(NamedTuple):
    """A rectangle in points, from the lower left corner of the page."""

    left: float
    bottom: float
    right: float
    top: float


class PageBox(NamedTuple):
    """A rectangle on a page."""

    page: int
    """From 1."""

    left: float
    bottom: float
    right: float
    top: float


class PrintedLine(NamedTuple):
    """A printed line, or the part of it that a text has."""

    start: int
    """Offset of its first character."""

    page: int
    degrees: int
    """By which the page's text is turned; the box is in the turned frame."""

    bottom: float
    top: float
    edges: NDArray[np.float64]
    """Left and right edge of each character."""


def turned(box: Box, degrees: float) -> Box:
    """Turn a box back by this angle, about the origin."""
    return Box(*turned_boxes(np.array([box]), degrees)[0].tolist())


def turned_boxes(boxes: NDArray[np.float64], degrees: float) -> NDArray[np.float64]:
    """Turn boxes, a row each, back by this angle, about the origin."""
    angle = math.radians(degrees)
    cosine, sine = math.cos(angle), math.sin(angle)
    x, y = boxes[:, [0, 0, 2, 2]], boxes[:, [1, 3, 1, 3]]
    across, up = x * cosine + y * sine, y * cosine - x * sine
    return np.stack((across.min(1), up.min(1), across.max(1), up.max(1)), axis=1)


def packed(lines: Iterable[PrintedLine]) -> str:
    """Return lines as a short text; empty if there are none."""
    every = list(lines)
    if not every:
        return ""
    heads = array("i")
    for line in every:
        heads.extend((line.start, line.page, line.degrees))
        heads.extend((_tenths(line.bottom), _tenths(line.top), len(line.edges)))
    tenths = np.rint(np.concatenate([np.ravel(line.edges) for line in every]) * 10)
    tenths = np.where(abs(tenths) < _FARTHEST, tenths, 0).astype(np.int16)
    steps = np.diff(tenths, prepend=tenths[:1])
    ends = 2 * np.cumsum([len(line.edges) for line in every])
    firsts = np.concatenate(([0], ends[ends < len(tenths)])).astype(np.intp)[: len(tenths)]
    steps[firsts] = tenths[firsts]
    data = len(heads).to_bytes(4, "little") + heads.tobytes() + steps.tobytes()
    return base64.b64encode(zlib.compress(data, 4)).decode("ascii")


def unpacked(text: str) -> list[PrintedLine]:
    """Return the lines that were packed, by offset."""
    if not text:
        return []
    data = zlib.decompress(base64.b64decode(text))
    heads = array("i")
    end = 4 + heads.itemsize * int.from_bytes(data[:4], "little")
    heads.frombytes(data[4:end])
    steps = np.frombuffer(data[end:], np.int16)
    lines, at = [], 0
    for place in range(0, len(heads), _HEADER):
        start, page, degrees, bottom, top, length = heads[place : place + _HEADER]
        edges = np.cumsum(steps[at : at + 2 * length], dtype=np.float64).reshape(-1, 2)
        at += 2 * length
        lines.append(PrintedLine(start, page, degrees, bottom * _UNIT, top * _UNIT, edges * _UNIT))
    return lines


def boxes_of(lines: Iterable[PrintedLine], start: int, end: int) -> list[PageBox]:
    """Return where a span is printed: a box for each printed line, in reading order."""
    boxes = []
    for line in lines:
        edges = line.edges[max(start - line.start, 0) : max(end - line.start, 0)]
        if len(edges):
            left, right = float(edges[:, 0].min()), float(edges[:, 1].max())
            box = turned(Box(left, line.bottom, right, line.top), -line.degrees)
            boxes.append(PageBox(line.page, *(round(edge, 1) for edge in box)))
    return boxes


def _tenths(points: float) -> int:
    tenths = round(points * 10)
    return tenths if -_FARTHEST < tenths < _FARTHEST else 0
