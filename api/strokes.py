"""How a tie is drawn as a line: the stronger, the wider and the less transparent."""

from typing import NamedTuple

Point = tuple[float, float]


class Stroke(NamedTuple):
    """A line in a picture."""

    x1: float
    y1: float
    x2: float
    y2: float
    width: float
    opacity: float


class Pen(NamedTuple):
    """How lines look: the weakest, and what the strongest have more."""

    width: float
    more_width: float
    opacity: float
    more_opacity: float = 0.5


def stroke(one: Point, other: Point, share: float, pen: Pen) -> Stroke:
    """Return the line between two points of a tie.

    Args:
        one: Where it begins.
        other: Where it ends.
        share: How strong it is beside the strongest, in [0, 1].
        pen: How lines look.
    """
    width = round(pen.width + pen.more_width * share, 2)
    return Stroke(*one, *other, width, round(pen.opacity + pen.more_opacity * share, 2))
