"""Communities of a weighted graph: one function, and the two engines that it is done by.

The Leiden algorithm (Traag, Waltman & van Eck, 2019, From Louvain to Leiden: guaranteeing
well-connected communities, doi:10.1038/s41598-019-41695-z) looks for the partition of greatest
modularity Q (`kg.partition_quality` has the formula). Every community is connected.

**All parts at once.** `cut` takes a graph that may come in parts, each to be cut as if it were
alone. Modularity is the constant Potts model with vertices that weigh k_i / sqrt(2m): then
gamma v_i v_j = gamma k_i k_j / 2m. Give each vertex the 2m of its own part, and one call of Leiden
cuts every part by its own modularity, however many parts there are. Vertices that no edge ties are
never put together where gamma > 0, so no community crosses parts.

**Two engines.** igraph's Leiden does all of this and is 12 to 18 times as fast as leidenalg's at
the same modularity. leidenalg does what igraph cannot: layers that are each compared with their
own chance (a multiplex: the sum over layers of their qualities is maximised).

igraph 1.0 has traps, and each is dealt with here and tested. It takes weights that are no numbers,
infinite or negative, and returns nonsense: we refuse them (`checked`). Its default objective at its
default resolution leaves everybody alone: objective and resolution are always passed. Its
modularity ignores loops once vertices are weighed, so that a contracted graph would be cut wrongly:
we never use it (`contracted` carries the weights of vertices along instead). It draws from one
generator for the whole process: we set it, one cut at a time, and put it back. Without a limit to
its iterations it may never return: there always is one.
"""

import os
import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from threading import Lock
from typing import Literal, Self

import igraph as ig
import leidenalg
import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from kg.coarsening import Coarse, coarsened
from kg.errors import ConfigError
from kg.hybrid_graph import HybridGraph
from kg.partition_quality import Floats, Ints, Labels, Pieces

SEEDS_UP_TO = 100_000
"""Statements that ten seeds are the default for; above, there are fewer."""

FEW_EDGES, FEW_EDGES_BELOW = 20_000, 5_000
"""Ties up to which more iterations cost next to nothing: at the top, and on all levels below it."""

COARSENED_FROM, COARSENED_BY_SEEDS_FROM = 8_000, 20_000
"""Vertices of a graph in one part whose strongest ties are matched before it is cut
(`kg.coarsening`): that halves what Leiden takes, at the same modularity. The second is for several
seeds: at 10,000 it saves them a fourteenth, and certainties are lower by .03."""

_LISTED_UP_TO = 2_000_000
"""Ties; of more, a list would take gigabytes."""


class _Igraph:
    """The library, which has one source of random numbers for all the process."""

    lock = Lock()


if hasattr(os, "register_at_fork"):  # another thread may hold it, which a fork does not have
    os.register_at_fork(after_in_child=lambda: setattr(_Igraph, "lock", Lock()))


class LeidenConfig(BaseModel):
    """How a graph is cut."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    resolution: float = Field(default=1.0, gt=0)
    """Gamma: higher gives more and smaller communities."""

    n_iterations: int | None = Field(default=None, ge=1)
    """Leiden iterations of each run. None: 5 up to 20,000 ties at the top and up to 5,000 on a
    level below it, above that 2 at the top and 1 below it, as from the bottom up. But: there is no
    going on until nothing changes, because igraph 1.0 then never returns where two moves differ by
    less than rounding."""

    n_seeds: int | None = Field(default=None, ge=1)
    """Runs from different seeds that each cut is a consensus of (`kg.stability`); 1 is a single
    run, of which no stability is known. None: 10 up to 100,000 statements, and above as many as
    cost the same, but at least 3."""

    seed: int = Field(default=0, ge=0)

    direction: Literal["top_down", "bottom_up"] = "top_down"
    """`top_down` cuts communities again by their own modularity. `bottom_up` makes the smallest
    communities first and joins them at lower and lower resolution: cheaper, and of lower quality
    at the top; always a single run."""

    layers: Literal["sum", "multiplex"] = "sum"
    """`sum` cuts the weighted sum of the layers. `multiplex` compares each layer with its own
    chance: as good on all we measured, less stable between seeds, and 13 to 31 times as
    expensive."""

    max_multiplex_ties: int = Field(default=20_000, ge=0)
    """A graph with more ties is cut as a sum, whatever was asked for; the run says so."""

    min_size: int = Field(default=6, ge=2)
    """Communities of fewer statements are not cut."""

    min_gain: float = Field(default=0.1, ge=0)
    """A cut that gains less modularity is not made; the top level is always cut."""

    min_supported: float = Field(default=0.5, ge=0, le=1)
    """Below the top, a cut that brings a smaller share of its statements into communities that are
    more stable than chance is not made. 0 makes every cut; a single run, of which no stability is
    known, does so too."""

    max_levels: int = Field(default=20, ge=1)
    """More than any data has needed: what ends a branch is `min_size` and `min_gain`."""

    step: float | None = Field(default=None, gt=1)
    """From bottom up, how many times finer each level is than the one above it. None: as many
    times as lead to 2/3 √n for the finest of n statements, but at least 2."""

    bottom_up_levels: int = Field(default=5, ge=1)
    """From bottom up, how many levels there are, at most."""

    @model_validator(mode="after")
    def _bottom_up_is_one_run(self) -> Self:
        if self.direction == "bottom_up" and self.n_seeds not in (None, 1):
            raise ValueError("bottom_up is a single run: give n_seeds 1, or none")
        if self.direction == "bottom_up" and self.layers == "multiplex":
            raise ValueError("bottom_up joins what the sum of the layers ties: no multiplex")
        return self

    def layers_for(self, n_edges: int) -> Literal["sum", "multiplex"]:
        """Return how the layers of a graph with so many ties are cut."""
        return self.layers if n_edges <= self.max_multiplex_ties else "sum"

    def iterations_for(self, n_edges: int, *, is_top: bool) -> int:
        """Return how many iterations a run on so many ties has."""
        if self.n_iterations is not None:
            return self.n_iterations
        if n_edges <= (FEW_EDGES if is_top else FEW_EDGES_BELOW):
            return 5
        return 2 if is_top else 1

    def seeds_for(self, n: int) -> int:
        """Return how many runs a cut of n statements is a consensus of."""
        if self.direction == "bottom_up":
            return 1
        if self.n_seeds is not None:
            return self.n_seeds
        return max(3, min(10, 10 * SEEDS_UP_TO // max(1, n)))

    def resolutions_for(self, n: int) -> list[float]:
        """Return how many times as fine as the top the levels from the bottom up are; 1 is last."""
        step = self.step or max(2.0, (2 * n**0.5 / 3) ** (1 / max(1, self.bottom_up_levels - 1)))
        levels = min(self.bottom_up_levels, self.max_levels)
        return [step**power for power in reversed(range(levels))]


def checked(graph: HybridGraph, layers: Mapping[str, float] | None = None) -> Pieces:
    """Return a graph as one part, edges in order, without its edges of weight 0.

    Args:
        graph: Whose weights are cut, if no layers are named.
        layers: Columns of the graph, each with what it counts for, to be cut as a multiplex.

    Raises:
        ConfigError: A weight is not a number, not finite, or negative.
    """
    columns = None
    weight = graph.weight.astype(np.float64)
    if layers is not None:
        columns = np.array([share * getattr(graph, name) for name, share in layers.items()], float)
        weight = columns.sum(axis=0)
    head, tail = graph.head.astype(np.int64), graph.tail.astype(np.int64)
    bad = np.flatnonzero(~(np.isfinite(weight) & (weight >= 0)))
    if len(bad):
        ends = int(head[bad[0]]), int(tail[bad[0]])
        raise ConfigError(
            f"the edge {ends} weighs {weight[bad[0]]}: a weight is finite, and 0 or more"
        )
    tied = weight > 0
    order = np.flatnonzero(tied)
    key = head[order] * len(graph.statement_ids) + tail[order]
    if len(key) and (np.diff(key) < 0).any():
        order = order[np.argsort(key, kind="stable")]
    part = np.zeros(len(graph.statement_ids), dtype=np.int64)
    held = None if columns is None else columns[:, order]
    return Pieces(part, head[order], tail[order], weight[order], held)


class Cutter:
    """Cuts one graph again and again, from other seeds and with other weights.

    igraph's graph is built once. The same pieces, resolution, iterations, seed and factor give the
    same labels.
    """

    def __init__(
        self, pieces: Pieces, config: LeidenConfig, together: Labels | None = None
    ) -> None:
        """Take a graph.

        Args:
            pieces: The graph.
            config: How it is cut.
            together: Who is not to be parted, as in `kg.coarsening`. None: a large graph of one
                part is coarsened.
        """
        self._together = together
        self._pieces = pieces
        self._config = config
        self._layers = [pieces.weight] if pieces.layers is None else list(pieces.layers)
        self._rows = [np.flatnonzero(layer > 0) for layer in self._layers]
        self._held: tuple[Coarse, ig.Graph] | None = None
        self._is_coarsened = together is not None or is_coarsened(pieces, config)

    @cached_property
    def _graphs(self) -> list[ig.Graph]:
        ends = self._pieces.head, self._pieces.tail
        return [_igraph(self._pieces.n, *(end[rows] for end in ends)) for rows in self._rows]

    def cut(self, seed: int, factor: Floats | None = None) -> Labels:
        """Return the communities after one run of Leiden in every part, numbered as it comes.

        Args:
            seed: Of the run.
            factor: What the weight of each edge is multiplied by, positive. None: 1.
        """
        if not len(self._pieces.head):
            return np.arange(self._pieces.n)
        layers = [layer if factor is None else layer * factor for layer in self._layers]
        if self._pieces.layers is not None:
            return self._cut_layers(layers, seed)
        masses = masses_of(self._pieces, layers[0])
        if self._is_coarsened:
            coarse, graph = self._coarse(layers[0], masses)
            found = self._run(graph, coarse.pieces.weight, coarse.masses, seed)
            return found[coarse.labels]
        return self.cut_masses(layers[0], masses, seed)

    def cut_masses(self, weight: Floats, masses: Floats, seed: int, finer: float = 1) -> Labels:
        """Return the communities of these weights and masses; see the function of this name."""
        return self._run(self._graphs[0], weight, masses, seed, finer)

    def _coarse(self, weight: Floats, masses: Floats) -> tuple[Coarse, ig.Graph]:
        """Return the coarser graph of these weights; that of the graph's own is kept."""
        if weight is self._pieces.weight and self._held is not None:
            return self._held
        coarse = coarsened(self._pieces, weight, masses, self._together)
        found = coarse, _igraph(coarse.pieces.n, coarse.pieces.head, coarse.pieces.tail)
        if weight is self._pieces.weight:
            self._held = found
        return found

    def _run(
        self, graph: ig.Graph, weight: Floats, masses: Floats, seed: int, finer: float = 1
    ) -> Labels:
        with _igraph_draws_from(seed):
            membership, _ = ig.GraphBase.community_leiden(
                graph,  # not through `Graph`, which counts the communities again
                edge_weights=weight.tolist(),
                node_weights=masses.tolist(),
                resolution=self._config.resolution * finer,
                normalize_resolution=False,
                n_iterations=iterations_of(self._pieces, self._config),
            )
        return np.array(membership, dtype=np.int64)

    def _cut_layers(self, layers: list[Floats], seed: int) -> Labels:
        partitions = [
            leidenalg.CPMVertexPartition(
                graph,
                weights=layer[rows].tolist(),
                node_sizes=masses_of(self._pieces, layer).tolist(),
                resolution_parameter=self._config.resolution,
            )
            for graph, rows, layer in zip(self._graphs, self._rows, layers, strict=True)
        ]
        optimiser = leidenalg.Optimiser()
        optimiser.set_rng_seed(seed)
        iterations = iterations_of(self._pieces, self._config)
        optimiser.optimise_partition_multiplex(partitions, n_iterations=iterations)
        return np.array(partitions[0].membership, dtype=np.int64)


def is_coarsened(pieces: Pieces, config: LeidenConfig) -> bool:
    """Say whether a graph is cut after its strongest ties were matched."""
    least = COARSENED_FROM if config.n_seeds in (None, 1) else COARSENED_BY_SEEDS_FROM
    return pieces.n >= least and pieces.n_parts == 1


def cut(pieces: Pieces, config: LeidenConfig, seed: int, together: Labels | None = None) -> Labels:
    """Return the communities after one run of Leiden in every part, numbered as it comes."""
    return Cutter(pieces, config, together).cut(seed)


def cut_masses(
    pieces: Pieces, masses: Floats, config: LeidenConfig, seed: int, finer: float = 1
) -> Labels:
    """Maximise the sum over communities of w_c - gamma M_c² / 2, M_c the sum of their masses.

    With `masses_of` that is modularity; with those of `contracted`, the modularity of the graph
    before it was contracted. The graph is cut as it is, however large. Gamma is the resolution
    times `finer`.
    """
    if not len(pieces.head):
        return np.arange(pieces.n)
    whole = replace(pieces, layers=None)
    return Cutter(whole, config).cut_masses(whole.weight, masses, seed, finer)


def iterations_of(pieces: Pieces, config: LeidenConfig) -> int:
    """Return how many iterations a run on these pieces has."""
    return config.iterations_for(len(pieces.head), is_top=pieces.n_parts == 1)


def _igraph(n: int, head: Ints, tail: Ints) -> ig.Graph:
    # igraph reads tuples faster than an array, and a list of them faster than one by one.
    ends = zip(head.tolist(), tail.tolist(), strict=True)
    return ig.Graph(n, list(ends) if len(head) <= _LISTED_UP_TO else ends)


def numbered(part: Ints, labels: Labels) -> Labels:
    """Number the communities from 0: part by part, the largest first, ties by least member."""
    n = int(labels.max()) + 1 if len(labels) else 0
    sizes = np.bincount(labels, minlength=n)
    least = np.full(n, len(labels))
    least[labels[::-1]] = np.arange(len(labels))[::-1]
    present = np.flatnonzero(sizes)
    order = present[np.lexsort((least[present], -sizes[present], part[least[present]]))]
    number = np.empty(n, dtype=np.int64)
    number[order] = np.arange(len(order))
    return number[labels]


def masses_of(pieces: Pieces, weight: Floats) -> Floats:
    """Return what each vertex weighs for the model to be modularity: k_i / sqrt(2m of its part)."""
    strength = pieces.strength(weight)
    doubled = pieces.doubled_weight(strength)
    return strength / np.sqrt(np.where(doubled > 0, doubled, 1.0))[pieces.part]


@contextmanager
def _igraph_draws_from(seed: int) -> Iterator[None]:
    """Have igraph draw from a generator of our own; its own is Python's, for all the process."""
    with _Igraph.lock:
        ig.set_random_number_generator(random.Random(seed))  # noqa: S311
        try:
            yield
        finally:
            ig.set_random_number_generator(random)
