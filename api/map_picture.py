"""The map of a run: its communities as discs, near to what they are tied to.

The server draws it, so it shows without scripts and every disc is a link. The area of a disc is how
many statements it holds; the discs within it are its sub-communities, to the same measure among
themselves. The wider the line between two, the heavier the ties across.
"""

import textwrap
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from api.counting import count_of
from api.layout import N_COLOURS, WIDTH
from api.packing import enclosing, packed
from api.strokes import Pen, Stroke, stroke, strongest_of_either
from api.templating import templates
from api.views.communities import CommunityItem
from api.views.map import MapsView, MapView, TieItem
from kg.errors import ConfigError
from kg.exporters import replacing

N_DISCS = 60
"""Communities drawn, at most: the largest."""

N_TIES = 3
"""Of each community its heaviest ties are drawn, at most."""

_MOST_HEIGHT = 620.0
_MARGIN = 10.0
_GAP = 0.9
"""Between discs, in radii of a disc of one statement: room to see the ties."""

_FLATNESS = 2.0
"""So that the picture is wider than it is high."""

_FILLED = 0.93
"""Of the radius of a disc, what its sub-communities take."""

_PEN = Pen(1.5, 9, 0.25)
_LETTER = 0.6
"""How wide a letter is on average, in heights of the print."""

_SMALLEST_PRINT, _LARGEST_PRINT = 9.0, 17.0
_N_LINES = 5

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Name:
    """A label in its disc."""

    size: float
    lines: list[tuple[float, str]]
    """Where the middle of each line is, from above."""


@dataclass(frozen=True)
class Disc:
    """A community's place in the picture."""

    community: CommunityItem
    x: float
    y: float
    radius: float
    colour: int
    name: Name | None
    """None where the disc is too small for it."""


@dataclass(frozen=True)
class MapTie:
    """The ties between two communities, as a line."""

    stroke: Stroke
    words: str


@dataclass(frozen=True)
class MapPicture:
    """A run as it is drawn."""

    width: float
    height: float
    discs: list[Disc]
    """Of the top."""

    inner: list[Disc]
    """Of their sub-communities."""

    ties: list[MapTie]
    n_left_out: int
    """Smaller communities that are not drawn."""

    n_unclustered: int


def write_map(view: MapsView, target: Path) -> None:
    """Draw the map of one run into a file that stands by itself.

    Raises:
        ConfigError: There is nothing to draw, or the file cannot be written.
    """
    if not view.root:
        raise ConfigError("there are no communities to draw: run `claimgraph cluster` first")
    (only,) = view.root
    template = templates.get_template("map.svg")
    drawn = template.render(picture=draw_map(only), method=only.method)
    try:
        with replacing(target) as stream:
            stream.write(drawn)
    except OSError as error:
        raise ConfigError(f"{target} cannot be written: {error.strerror}") from error


def draw_map(view: MapView) -> MapPicture:
    """Return the picture of a map."""
    whole = [one for one in view.communities if one.level == 0]
    tops = [one for one in whole if not one.is_unclustered]
    shown = sorted(tops, key=lambda one: (-one.members, one.id))[:N_DISCS]
    place = {one.id: at for at, one in enumerate(shown)}
    ties = [tie for tie in view.ties if tie.one in place and tie.other in place]
    sizes = np.sqrt(np.array([float(one.members) for one in shown]))
    centres, radii, height = _fitted(sizes, _pulls(ties, place))
    parts: dict[str, list[CommunityItem]] = {one.id: [] for one in shown}
    for one in view.communities:
        if one.parent in parts:
            parts[one.parent].append(one)
    discs = [
        _disc(one, centres[at], float(radii[at]), at % N_COLOURS, is_named=True)
        for at, one in enumerate(shown)
    ]
    return MapPicture(
        width=WIDTH,
        height=height,
        discs=discs,
        inner=[each for disc in discs for each in _inner(disc, parts[disc.community.id])],
        ties=_lines(ties, {disc.community.id: disc for disc in discs}),
        n_left_out=len(tops) - len(shown),
        n_unclustered=len(whole) - len(tops),
    )


def _pulls(ties: list[TieItem], place: dict[str, int]) -> Numbers:
    """Return how much more two are tied than chance would make them, as a matrix."""
    pulls = np.zeros((len(place), len(place)))
    for tie in ties:
        one, other = place[tie.one], place[tie.other]
        pulls[one, other] = pulls[other, one] = tie.lift
    return pulls


def _fitted(sizes: Numbers, pulls: Numbers) -> tuple[Numbers, Numbers, float]:
    """Pack the discs and bring them to the width of the picture; return its height too."""
    if not len(sizes):
        return np.zeros((0, 2)), sizes, 2 * _MARGIN
    xy = packed(sizes, pulls, _GAP, _FLATNESS)
    low, high = (xy - sizes[:, None]).min(axis=0), (xy + sizes[:, None]).max(axis=0)
    extent = high - low
    scale = min((WIDTH - 2 * _MARGIN) / extent[0], (_MOST_HEIGHT - 2 * _MARGIN) / extent[1])
    height = float(extent[1] * scale + 2 * _MARGIN)
    centres = (xy - (low + high) / 2) * scale + np.array([WIDTH / 2, height / 2])
    return centres, sizes * scale, round(height, 1)


def _disc(
    community: CommunityItem, centre: Numbers, radius: float, colour: int, *, is_named: bool
) -> Disc:
    x, y = (round(float(each), 1) for each in centre)
    name = _name(community.label, y, radius) if is_named else None
    return Disc(community, x, y, round(radius, 1), colour, name)


def _inner(disc: Disc, children: list[CommunityItem]) -> list[Disc]:
    """Return the sub-communities of a disc as discs within it."""
    if not children:
        return []
    sizes = np.sqrt(np.array([float(child.members) for child in children]))
    centres = packed(sizes, np.zeros((len(sizes), len(sizes))), 0.25)
    scale = disc.radius * _FILLED / enclosing(centres, sizes)
    places = centres * scale + np.array([disc.x, disc.y])
    return [
        _disc(child, places[at], float(sizes[at] * scale), disc.colour, is_named=False)
        for at, child in enumerate(children)
    ]


def _name(label: str, y: float, radius: float) -> Name | None:
    """Break a label into lines that fit a disc, in the largest print that does."""
    if not label:
        return None
    for size in np.arange(_LARGEST_PRINT, _SMALLEST_PRINT - 0.5, -1.0).tolist():
        for n_lines in range(1, _N_LINES + 1):
            half = n_lines * size * 1.15 / 2
            if half >= radius:
                break
            chord = 2 * (radius**2 - half**2) ** 0.5
            lines = textwrap.wrap(
                label, max(1, int(chord / (_LETTER * size))), break_long_words=False
            )
            if len(lines) <= n_lines and max(map(len, lines)) * _LETTER * size <= chord:
                top = y - (len(lines) - 1) * size * 1.15 / 2
                rows = [(round(top + at * size * 1.15, 1), line) for at, line in enumerate(lines)]
                return Name(size, rows)
    return None


def _lines(ties: list[TieItem], discs: dict[str, Disc]) -> list[MapTie]:
    """Return the heaviest ties of each community, the weakest first."""
    kept = strongest_of_either(ties, lambda tie: (tie.one, tie.other), N_TIES)
    heaviest = max((tie.weight for tie in kept), default=1.0) or 1.0
    return [_line(discs[t.one], discs[t.other], t, t.weight / heaviest) for t in reversed(kept)]


def _line(one: Disc, other: Disc, tie: TieItem, share: float) -> MapTie:
    labels = f"{one.community.label} and {other.community.label}"
    words = f"{labels}: {count_of(tie.ties, 'tie')}, {tie.lift:.2g} times what chance would make"
    return MapTie(stroke((one.x, one.y), (other.x, other.y), share, _PEN), words)
