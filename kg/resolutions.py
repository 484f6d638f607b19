"""Which communities a graph has at which resolution, and how long each partition stays the best.

A partition has, at resolution gamma, the modularity Q = a - gamma b, where a is the share of the
weight that lies inside of communities and b what chance would put there (`kg.partition_quality`):
a line. The graph is cut once at each of many resolutions, evenly spaced by their logarithm. Of all
partitions that were found, the best at each resolution are the upper envelope of their lines (Weir,
Emmons, Gibson, Taylor & Mucha, 2017, Post-processing partitions to identify domains of modularity
optimization, doi:10.3390/a10030093). So a partition that was found at one resolution counts at all
others, and where one gives way to the next is exact: the two lines cross there. What stays the best
over a wide range, a *plateau*, is a scale that the graph has by itself; many narrow ones say that
it has none.

But: a plateau that is narrower than the space between two cuts can be missed, and each cut is that
of a single seed.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from sqlmodel import Session

from kg.errors import ConfigError
from kg.hybrid_graph import HybridGraph
from kg.leiden import Cutter, LeidenConfig, checked, masses_of, numbered
from kg.partition_quality import Floats, Labels, modularity
from kg.stored_graph import stored_graph

OnCut = Callable[[int, int, str], None]
"""Is told how many cuts are done, how many there are, and what they are."""


class Resolutions(NamedTuple):
    """Where a graph is cut: `n` resolutions from `low` to `high`."""

    low: float = 0.1
    high: float = 10.0
    n: int = 60


class Plateau(NamedTuple):
    """From one resolution to another, the same partition is the best that was found."""

    low: float
    high: float
    communities: int
    """Of two statements or more."""

    alone: int
    """Statements in no such community."""

    modularity: float
    """At a resolution of 1, so that plateaus can be compared."""

    by_chance: float
    """The share of the weight that chance would put inside of its communities."""

    def modularity_at(self, resolution: float) -> float:
        """Return its modularity at another resolution."""
        return self.modularity + (1 - resolution) * self.by_chance

    def middle(self) -> float:
        """Return the resolution that is as many times above the lowest as below the highest."""
        return float(np.sqrt(self.low * self.high))


def plateaus_of(
    session: Session,
    run_id: int,
    wanted: Resolutions | None = None,
    on_progress: OnCut | None = None,
) -> list[Plateau]:
    """Return the plateaus of the graph that a clustering run cut, its layers summed.

    Args:
        session: Where to read.
        run_id: The clustering.
        wanted: Where to cut.
        on_progress: Is told of every cut.

    Raises:
        ConfigError: As `plateaus`.
        NotFoundError: The run has no graph.
    """
    table = stored_graph(session, run_id)
    columns: dict[str, Any] = dict(table.edges)  # each field of the graph has another type
    graph = HybridGraph(statement_ids=tuple(table.ids), **columns)
    return plateaus(graph, wanted, on_progress)


def plateaus(
    graph: HybridGraph, wanted: Resolutions | None = None, on_progress: OnCut | None = None
) -> list[Plateau]:
    """Return the plateaus of a graph, from the lowest resolution to the highest.

    Args:
        graph: Whose weights are cut.
        wanted: Where to cut.
        on_progress: Is told of every cut.

    Raises:
        ConfigError: The range is empty or reaches 0, or a weight is not one.
    """
    low, high, n = wanted or Resolutions()
    if not 0 < low < high < np.inf:
        raise ConfigError(f"resolutions from {low} to {high}: give two above 0, the lower first")
    pieces = checked(graph)
    cutter, masses = Cutter(pieces, LeidenConfig()), masses_of(pieces, pieces.weight)
    found: dict[bytes, Labels] = {}
    for done, resolution in enumerate(np.geomspace(low, high, n).tolist()):
        if on_progress is not None:
            on_progress(done, n, "resolutions")
        labels = numbered(pieces.part, cutter.cut_masses(pieces.weight, masses, 0, resolution))
        found.setdefault(labels.tobytes(), labels)
    partitions = list(found.values())
    at_one = np.array([modularity(pieces, labels) for labels in partitions])
    by_chance = at_one - [modularity(pieces, labels, 2.0) for labels in partitions]
    best = _envelope(at_one + by_chance, by_chance, low, high)
    ends = [*(begin for begin, _ in best), high]
    return [
        _plateau(begin, end, partitions[which], (float(at_one[which]), float(by_chance[which])))
        for (begin, end), (_, which) in zip(pairwise(ends), best, strict=True)
    ]


def _plateau(low: float, high: float, labels: Labels, quality: tuple[float, float]) -> Plateau:
    sizes = np.bincount(labels)
    return Plateau(low, high, int((sizes > 1).sum()), int((sizes == 1).sum()), *quality)


def _envelope(a: Floats, b: Floats, low: float, high: float) -> list[tuple[float, int]]:
    """Return which of the lines a - gamma b is the highest, and from which gamma on."""
    which = int(np.lexsort((b, low * b - a))[0])
    found = [(low, which)]
    while True:
        flatter = np.flatnonzero(b < b[which])
        crossings = (a[which] - a[flatter]) / (b[which] - b[flatter])
        if not (crossings < high).any():
            return found
        nearest = np.lexsort((b[flatter], crossings))[0]
        which = int(flatter[nearest])
        found.append((float(crossings[nearest]), which))
