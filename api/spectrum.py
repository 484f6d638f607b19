"""How much each subcomponent of a matrix matters, largest first, on a logarithmic scale.

The mean importance spectrum shows at one glance whether a decomposition has settled: those that
are alive stand high and side by side, and the dead have fallen off (Bushnaq, Braun & Sharkey, 2025,
arXiv:2506.20790).
"""

from collections.abc import Sequence
from itertools import groupby
from math import log10
from typing import NamedTuple

from api.views.decompositions import SubcomponentItem

HEIGHT = 140.0
"""From the lowest to an importance of 1, in the units of the drawing."""

LOWEST = 1e-4
"""What matters less is drawn here."""

MOST = 500
"""Subcomponents of a matrix that are drawn."""

_WIDTH = 460.0
_WIDEST_STEP = 12.0


class Dot(NamedTuple):
    """A subcomponent and its place."""

    item: SubcomponentItem
    x: float
    y: float


class Spectrum(NamedTuple):
    """The subcomponents of one matrix, those that matter most first."""

    matrix: str
    n: int
    n_alive: int
    width: float
    dots: list[Dot]
    """Of the first `MOST`."""


def fall(value: float) -> float:
    """Return how far down a logarithmic scale a value stands: 0 at 1, and 1 at `LOWEST` or less."""
    return log10(max(value, LOWEST)) / log10(LOWEST)


def height_of(importance: float) -> float:
    """Return how far below the top a mean importance is drawn."""
    return round(HEIGHT * fall(importance), 1)


MARKS = [(value, height_of(value)) for value in (1.0, 0.1, 0.01, 1e-3, LOWEST)]
"""Importances that the scale names, and where."""


def spectra(items: Sequence[SubcomponentItem]) -> list[Spectrum]:
    """Return the spectrum of each matrix, in the order of the items; these are by matrix."""
    return [
        _spectrum(matrix, sorted(held, key=lambda item: (-item.mean_importance, item.index)))
        for matrix, held in groupby(items, key=lambda item: item.matrix)
    ]


def _spectrum(matrix: str, items: list[SubcomponentItem]) -> Spectrum:
    drawn = items[:MOST]
    step = min(_WIDEST_STEP, _WIDTH / len(drawn))
    dots = [
        Dot(item, round(step * (place + 0.5), 1), height_of(item.mean_importance))
        for place, item in enumerate(drawn)
    ]
    n_alive = sum(item.is_alive for item in items)
    return Spectrum(matrix, len(items), n_alive, round(step * len(drawn), 1), dots)
