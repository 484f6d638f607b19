"""How good a partition is: its modularity; pure functions over columns of edges.

With w_ij the weight between i and j, k_i the sum of the weights at i, m the sum of all weights,
and gamma the resolution, *modularity* (Newman & Girvan, 2004, doi:10.1103/PhysRevE.69.026113;
Reichardt & Bornholdt, 2006, doi:10.1103/PhysRevE.74.016110) is

    Q = 1 / 2m  sum over i, j of (w_ij - gamma k_i k_j / 2m) [i and j are together],

at most 1; the partition that leaves all together has 1 - gamma.

Edges are rows: `head[i]` and `tail[i]` are tied by `weight[i]`; no loops, no pair twice.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.integer]
Floats = NDArray[np.float64]
Labels = NDArray[np.int64]
"""The community of each vertex, from 0."""


@dataclass(frozen=True)
class Pieces:
    """A weighted graph in parts that no edge crosses, each of which is looked at by itself."""

    part: NDArray[np.int64]
    """Of each vertex, from 0."""

    head: NDArray[np.int64]
    tail: NDArray[np.int64]
    weight: Floats
    """Positive and finite."""

    layers: Floats | None = None
    """[layers, edges]: what each layer contributes to the weight; none if there is but one. Each
    layer is then compared with its own chance."""

    @property
    def n(self) -> int:
        """How many vertices there are."""
        return len(self.part)

    @property
    def n_parts(self) -> int:
        """How many parts there are."""
        return int(self.part.max()) + 1 if len(self.part) else 0

    def strength(self, weight: Floats | None = None) -> Floats:
        """Return the sum of the weights at each vertex, by default of all layers."""
        values = self.weight if weight is None else weight
        return summed(self.head, values, self.n) + summed(self.tail, values, self.n)

    def doubled_weight(self, strength: Floats) -> Floats:
        """Return 2m of each part."""
        return summed(self.part, strength, self.n_parts)

    def tied_by(self, edges: NDArray[np.bool_]) -> "Pieces":
        """Return all vertices with these edges."""
        layers = None if self.layers is None else self.layers[:, edges]
        head, tail = self.head[edges], self.tail[edges]
        return Pieces(self.part, head, tail, self.weight[edges], layers)

    def only(self, kept: NDArray[np.bool_]) -> "Pieces":
        """Return the parts whose vertices are kept, in their order."""
        part = np.unique(self.part[kept], return_inverse=True)[1].astype(np.int64)
        return self.taken(np.flatnonzero(kept), kept[self.head], part)

    def taken(
        self, vertices: NDArray[np.int64], edges: NDArray[np.bool_], part: NDArray[np.int64]
    ) -> "Pieces":
        """Return these vertices in this order and in these parts, with these edges."""
        place = np.zeros(self.n, dtype=np.int64)
        place[vertices] = np.arange(len(vertices))
        layers = None if self.layers is None else self.layers[:, edges]
        head, tail = place[self.head[edges]], place[self.tail[edges]]
        low, high = np.minimum(head, tail), np.maximum(head, tail)
        return Pieces(part, low, high, self.weight[edges], layers)


def summed(where: Ints, values: Floats, n: int) -> Floats:
    """Return the sum of the values at each of n places."""
    return np.bincount(where, values, n).astype(np.float64, copy=False)


def modularities(pieces: Pieces, labels: Ints, resolution: float = 1.0) -> Floats:
    """Return Q of each part under these labels; 0 for a part without edges.

    Args:
        pieces: The graph.
        labels: Of each vertex, from 0; no label occurs in two parts.
        resolution: Gamma.
    """
    strength = pieces.strength()
    doubled = pieces.doubled_weight(strength)
    together = labels[pieces.head] == labels[pieces.tail]
    inside = 2 * summed(pieces.part[pieces.head[together]], pieces.weight[together], pieces.n_parts)
    volumes = summed(labels, strength, int(labels.max(initial=-1)) + 1)
    part_of = np.zeros(len(volumes), dtype=np.int64)
    part_of[labels] = pieces.part
    expected = summed(part_of, volumes**2, pieces.n_parts)
    safe = np.where(doubled > 0, doubled, 1.0)
    return np.where(doubled > 0, inside / safe - resolution * expected / safe**2, 0.0)


def modularity(pieces: Pieces, labels: Ints, resolution: float = 1.0) -> float:
    """Return Q of the graph taken as one part; 0 for a graph without edges."""
    whole = Pieces(np.zeros_like(pieces.part), pieces.head, pieces.tail, pieces.weight)
    return float(modularities(whole, labels, resolution)[0]) if pieces.n else 0.0
