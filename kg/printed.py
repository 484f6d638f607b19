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
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

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
    edges: Sequence[tuple[float, float]]
    """Left and right edge of each character."""


def turned(box: Box, degrees: float) -> Box:
    """Turn a box back by this angle, about the origin."""
    angle = math.radians(degrees)
    cosine, sine = math.cos(angle), math.sin(angle)
    xs = [x * cosine + y * sine for x in box[::2] for y in box[1::2]]
    ys = [y * cosine - x * sine for x in box[::2] for y in box[1::2]]
    return Box(min(xs), min(ys), max(xs), max(ys))


def packed(lines: Iterable[PrintedLine]) -> str:
    """Return lines as a short text; empty if there are none."""
    heads, steps = array("i"), array("h")
    for line in lines:
        tenths = np.rint(np.ravel(line.edges) * 10).astype(np.int64)
        tenths[abs(tenths) >= _FARTHEST] = 0
        heads.extend((line.start, line.page, line.degrees))
        heads.extend((_tenths(line.bottom), _tenths(line.top), len(line.edges)))
        steps.extend(np.diff(tenths, prepend=0).tolist())
    if not heads:
        return ""
    data = len(heads).to_bytes(4, "little") + heads.tobytes() + steps.tobytes()
    return base64.b64encode(zlib.compress(data, 4)).decode("ascii")


def unpacked(text: str) -> list[PrintedLine]:
    """Return the lines that were packed, by offset."""
    if not text:
        return []
    data = zlib.decompress(base64.b64decode(text))
    heads, steps = array("i"), array("h")
    end = 4 + heads.itemsize * int.from_bytes(data[:4], "little")
    heads.frombytes(data[4:end])
    steps.frombytes(data[end:])
    lines, at = [], 0
    for place in range(0, len(heads), _HEADER):
        start, page, degrees, bottom, top, length = heads[place : place + _HEADER]
        edge, edges = 0, []
        for step in range(at, at + 2 * length, 2):
            left = edge + steps[step]
            edge = left + steps[step + 1]
            edges.append((left * _UNIT, edge * _UNIT))
        at += 2 * length
        lines.append(PrintedLine(start, page, degrees, bottom * _UNIT, top * _UNIT, edges))
    return lines


def boxes_of(lines: Iterable[PrintedLine], start: int, end: int) -> list[PageBox]:
    """Return where a span is printed: a box for each printed line, in reading order."""
    boxes = []
    for line in lines:
        edges = line.edges[max(start - line.start, 0) : max(end - line.start, 0)]
        if edges:
            left, right = min(edge[0] for edge in edges), max(edge[1] for edge in edges)
            box = turned(Box(left, line.bottom, right, line.top), -line.degrees)
            boxes.append(PageBox(line.page, *(round(edge, 1) for edge in box)))
    return boxes


def _tenths(points: float) -> int:
    tenths = round(points * 10)
    return tenths if -_FARTHEST < tenths < _FARTHEST else 0
