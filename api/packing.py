"""Discs in the plane that do not overlap, with those that pull at one another close together.

Discs are placed one after the other, first the largest, then always the one that the placed ones
pull at most. A disc goes where it touches two that are placed, or the first, as in the packing of
Wang, Wang, Dai & Wang (2006), Visualization of large hierarchical data by circle packing,
doi:10.1145/1124772.1124851; of all free places it takes the one from which those that pull at it
are nearest, and after them the middle. No random numbers: the same discs always lie the same way.

But: it is greedy. What is placed is never moved again, and time grows with the cube of the number.
"""

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]

_CENTRING = 0.3
"""How much the middle pulls beside all others, which pull with 1 together."""


def packed(radii: Numbers, pull: Numbers, gap: float = 0.0, flatness: float = 1.0) -> Numbers:
    """Return the centre of each disc.

    Args:
        radii: n numbers above 0.
        pull: n x n, symmetric and at least 0: how much each pulls at each.
        gap: The least room between two.
        flatness: How much further from the middle a step up is than one to the side; above 1 they
            spread from left to right.

    Returns:
        n x 2; the middle of them all, each counted by its area, is the origin.
    """
    n = len(radii)
    centres = np.zeros((n, 2))
    if n < 2:
        return centres
    placed = [int(np.argmax(radii))]
    while len(placed) < n:
        left = np.setdiff1d(np.arange(n), placed)
        wanted = pull[left][:, placed].sum(axis=1)
        order = np.lexsort((left, -radii[left], -np.round(wanted, 9)))
        following = int(left[order[0]])
        places = _free_places(centres[placed], radii[placed] + radii[following] + gap)
        middle = np.average(centres[placed], axis=0, weights=radii[placed] ** 2)
        outwards = np.linalg.norm((places - middle) * [1.0, flatness], axis=1)
        pulled = _pulled(places, centres[placed], pull[following, placed])
        centres[following] = places[np.argmin(np.round(pulled + _CENTRING * outwards, 6))]
        placed.append(following)
    return np.asarray(centres - np.average(centres, axis=0, weights=radii**2))


def enclosing(centres: Numbers, radii: Numbers) -> float:
    """Return the radius of the disc about the origin that holds them all."""
    return float((np.linalg.norm(centres, axis=1) + radii).max())


def _free_places(centres: Numbers, reach: Numbers) -> Numbers:
    """Return the points at the given distances of two centres, and nearer to none.

    Of one centre it is the point to the right.
    """
    if len(centres) == 1:
        only: Numbers = centres + np.array([[float(reach[0]), 0.0]])
        return only
    one, other = np.triu_indices(len(centres), 1)
    apart = centres[other] - centres[one]
    distance = np.linalg.norm(apart, axis=1)
    along = (distance**2 + reach[one] ** 2 - reach[other] ** 2) / (2 * distance)
    square = reach[one] ** 2 - along**2
    met = square >= 0
    unit = (apart / distance[:, None])[met]
    foot = centres[one][met] + unit * along[met, None]
    step = np.stack([-unit[:, 1], unit[:, 0]], axis=1) * np.sqrt(square[met])[:, None]
    places: Numbers = np.concatenate([foot + step, foot - step])
    away = np.linalg.norm(places[:, None] - centres, axis=2)
    free: Numbers = places[(away >= reach - 1e-9 * reach.max()).all(axis=1)]
    return free


def _pulled(places: Numbers, centres: Numbers, pull: Numbers) -> Numbers:
    """Return how far each place is from what pulls, on average."""
    share = pull / pull.sum() if pull.sum() > 0 else np.zeros(len(pull))
    away: Numbers = np.linalg.norm(places[:, None] - centres, axis=2) @ share
    return away
