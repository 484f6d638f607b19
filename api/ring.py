"""The picture of the seams of a run: its communities on a ring, and the ties across.

The server draws it. A community is a numbered link, a seam a line; the wider, the heavier. The
heaviest seams come first, and communities stand on the ring in the order in which these name them.
"""

from dataclasses import dataclass
from math import cos, pi, sin

from api.counting import count_of
from api.layout import N_COLOURS
from api.strokes import Pen, Stroke, stroke
from api.views.seams import Place, SeamItem

SIDE = 320.0
RADIUS = 12.0
_MARGIN = 4.0
_PEN = Pen(1, 7, 0.25)


@dataclass(frozen=True)
class Spot:
    """Where a community stands."""

    community: Place
    number: int
    """From 1."""

    x: float
    y: float
    colour: int


@dataclass(frozen=True)
class Thread:
    """A seam as a line."""

    stroke: Stroke
    words: str


@dataclass(frozen=True)
class Ring:
    """The communities of a run and the seams between them."""

    side: float
    radius: float
    spots: list[Spot]
    threads: list[Thread]


def ring_of(seams: list[SeamItem]) -> Ring:
    """Return the picture of these seams, which come heaviest first."""
    places = {place.id: place for seam in seams for place in (seam.one, seam.other)}
    middle, reach = SIDE / 2, SIDE / 2 - RADIUS - _MARGIN
    spots = {
        identifier: Spot(
            place,
            number + 1,
            round(middle + reach * sin(2 * pi * number / len(places)), 1),
            round(middle - reach * cos(2 * pi * number / len(places)), 1),
            number % N_COLOURS,
        )
        for number, (identifier, place) in enumerate(places.items())
    }
    heaviest = max((seam.weight for seam in seams), default=1.0) or 1.0
    return Ring(
        side=SIDE,
        radius=RADIUS,
        spots=list(spots.values()),
        threads=[
            _thread(spots[seam.one.id], spots[seam.other.id], seam, seam.weight / heaviest)
            for seam in reversed(seams)
        ],
    )


def _thread(one: Spot, other: Spot, seam: SeamItem, share: float) -> Thread:
    return Thread(
        stroke((one.x, one.y), (other.x, other.y), share, _PEN),
        f"{one.community.label} and {other.community.label}: {count_of(seam.ties, 'tie')}",
    )
