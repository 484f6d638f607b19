"""Which ties are drawn, and how: the stronger, the wider and the less transparent."""

from collections.abc import Callable, Iterable
from typing import NamedTuple, TypeVar

Point = tuple[float, float]
Tie = TypeVar("Tie")


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


def strongest_of_either(
    ties: Iterable[Tie], ends: Callable[[Tie], tuple[str, str]], n: int
) -> list[Tie]:
    """Return the ties that are among the n strongest of either end.

    Args:
        ties: Strongest first.
        ends: Returns what a tie joins.
        n: How many count.
    """
    taken: dict[str, int] = {}
    kept: list[Tie] = []
    for tie in ties:
        both = ends(tie)
        if min(taken.get(end, 0) for end in both) < n:
            kept.append(tie)
        for end in both:
            taken[end] = taken.get(end, 0) + 1
    return kept
