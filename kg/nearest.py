"""The k nearest that a search has found so far, of each who asks."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kg.embedders import Vectors
from kg.products import STEPS, Levels, Places

NOBODY = -2 * STEPS
"""Further away than anybody is."""

CROWD = 48
"""So many pairs a row above the bar in one block are a tie of many, not a few near ones."""

_NOISE = 1e-7
"""Of a cosine in single precision, and of a bar."""

_ROW_BITS, _STEP_BITS, _PLACE_BITS = 16, 21, 26


Each = Callable[[Callable[[int], None], Iterable[int]], Iterable[None]]


class Found(NamedTuple):
    """Pairs of those who ask, and of vectors that may be near to them."""

    queries: Places
    places: Places
    """Of the vectors, in the order in which they were given."""

    steps: NDArray[np.int32]


class Nearest:
    """The nearest of each, nearest first, ties to the lower place."""

    def __init__(self, n_rows: int, k: int, nobody: int) -> None:
        self.places = np.full((n_rows, k), nobody, dtype=np.int32)
        self.steps = np.full((n_rows, k), NOBODY, dtype=np.int32)

    def near(self, found: Found) -> Found:
        """Return those of some pairs that are not further than the last that is kept so far."""
        is_near = found.steps >= self.steps[found.queries, -1]
        return Found(*(column[is_near] for column in found))

    def keep(self, found: Sequence[Found], each: Each = map) -> None:
        """Keep the k nearest of each, ties to the lower place.

        Args:
            found: In any order.
            each: Does a thing for each of some numbers, maybe on several threads.
        """
        columns = (np.concatenate(column) for column in zip(*found, strict=True))
        queries, places, steps = columns
        block = (queries >> _ROW_BITS).astype(np.uint16)
        order = np.argsort(block, kind="stable")
        n_blocks = (len(self.steps) - 1 >> _ROW_BITS) + 1
        ends = np.searchsorted(block[order], np.arange(n_blocks + 1))

        def keep_in_block(number: int) -> None:
            chosen = order[slice(*ends[number : number + 2])]
            first = number << _ROW_BITS
            keys = _packed(queries[chosen] - first, places[chosen], steps[chosen])
            self._keep_in_block(slice(first, first + (1 << _ROW_BITS)), keys)

        list(each(keep_in_block, range(n_blocks)))

    def _keep_in_block(self, block: slice, keys: NDArray[np.int64]) -> None:
        """Keep the k nearest of those in a block; a whole number stands for each pair."""
        places, steps = self.places[block], self.steps[block]
        row, rank = np.nonzero(steps != NOBODY)
        keys = np.concatenate([keys, _packed(row, places[row, rank], steps[row, rank])])
        keys.sort()
        row = keys >> (_STEP_BITS + _PLACE_BITS)
        rank = np.arange(len(keys)) - np.searchsorted(row, np.arange(len(steps)))[row]
        near = rank < steps.shape[1]
        row, rank, keys = row[near], rank[near], keys[near]
        places[row, rank] = keys & ((1 << _PLACE_BITS) - 1)
        steps[row, rank] = STEPS - ((keys >> _PLACE_BITS) & ((1 << _STEP_BITS) - 1))


def bars_over(steps: NDArray[np.int32], error: float) -> Levels:
    """Return what a product cannot be below if its cosine is to come in; -2 if anybody comes in.

    Args:
        steps: The k-th largest cosine so far, in millionths.
        error: How far a product can be from the cosine.
    """
    bars: Levels = (steps - 0.5) / STEPS - _NOISE - error
    bars[steps == NOBODY] = -2
    return bars


def _packed(
    rows: NDArray[np.integer], places: NDArray[np.integer], steps: NDArray[np.integer]
) -> NDArray[np.int64]:
    """Return one whole number for each pair that orders by row, then nearest, then lower place."""
    row = rows.astype(np.int64) << (_STEP_BITS + _PLACE_BITS)
    return row | (STEPS - steps.astype(np.int64)) << _PLACE_BITS | places.astype(np.int64)


def nearest_of_a_crowd(cosines: Vectors, k: int) -> tuple[Places, Places]:
    """Return the k largest of each row, ties to the lower column, as rows and columns."""
    n_rows, n_columns = cosines.shape
    k = min(k, n_columns)
    steps = np.rint(cosines * np.float32(STEPS)).astype(np.int64)
    keys = np.arange(n_columns) - steps * n_columns  # never tied
    found = np.argpartition(keys, k - 1, axis=1)[:, :k]
    return np.repeat(np.arange(n_rows), k), found.ravel()
