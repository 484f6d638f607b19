"""Nobody is left alone: whoever a cut has set apart joins whom they are most strongly tied to."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kg.partition_quality import Floats, Labels, Pieces, summed

_DIGITS = 9
"""Strengths are compared after rounding to so many decimals."""


def nobody_alone(pieces: Pieces, labels: Labels, sizes: Floats | None = None) -> Labels:
    """Move everyone who is alone to the community that they are most strongly tied to.

    Ties between communities go to the lower label. Who is tied only to others who are alone
    stays so.

    Args:
        pieces: The graph.
        labels: The community of each vertex.
        sizes: How many statements each vertex stands for; one if not said.
    """
    labels = labels.copy()
    while len(labels):
        alone = np.bincount(labels, sizes)[labels] == 1
        ties = _ties_of(alone, pieces, labels)
        if not len(ties.vertex):
            break
        order = np.lexsort((ties.community, -np.round(ties.strength, _DIGITS), ties.vertex))
        vertex, first = np.unique(ties.vertex[order], return_index=True)
        labels[vertex] = ties.community[order][first]
    return labels


class _Ties(NamedTuple):
    """How strongly vertices are tied to communities."""

    vertex: NDArray[np.int64]
    community: NDArray[np.int64]
    strength: NDArray[np.float64]


def _ties_of(alone: NDArray[np.bool_], pieces: Pieces, labels: Labels) -> _Ties:
    """Return how those who are alone are tied to those who are not."""
    forth = np.flatnonzero(alone[pieces.head] & ~alone[pieces.tail])
    back = np.flatnonzero(alone[pieces.tail] & ~alone[pieces.head])
    vertex = np.concatenate([pieces.head[forth], pieces.tail[back]])
    other = np.concatenate([pieces.tail[forth], pieces.head[back]])
    weight = pieces.weight[np.concatenate([forth, back])]
    n = int(labels.max()) + 1
    keys, where = np.unique(vertex * n + labels[other], return_inverse=True)
    return _Ties(keys // n, keys % n, summed(where, weight, len(keys)))
