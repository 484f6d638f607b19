"""Communities within communities: from the top down, or from the bottom up.

**From the top down.** The graph is cut into communities by modularity, and the subgraph of each
community again by its own, until a community is too small, or no cut of it is better than none. The
gain of a cut is its modularity in the subgraph less that of the uncut subgraph, which is 1 - gamma.
Even a random graph can be cut with some gain, so `min_gain` has to be passed, and where stability
is measured at least the share `min_supported` of the statements has to come into communities that
are more stable than those of random graphs: the hierarchy is as deep as the data supports. Below
the top a cut never leaves anyone alone: a statement that Leiden would set apart goes to the
community that it is most strongly tied to. All communities of a level are cut by one call
(`kg.leiden`), and everything around it is done on columns: no object per community, vertex or edge.

**From the bottom up** they are joined: `kg.bottom_up`.

In both, children partition their parent, and there are two or more of them. Statements are in the
order of their ids, communities are numbered from the largest, ties by least member, and random
choices follow from the seed: the same graph and configuration give the same hierarchy.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kg.alone import nobody_alone
from kg.bottom_up import from_bottom_up
from kg.closed_communities import closed_by_chance
from kg.coarsening import matched
from kg.connectedness import well_connected
from kg.hybrid_graph import HybridGraph
from kg.leiden import (
    LeidenConfig,
    checked,
    is_coarsened,
    iterations_of,
    numbered,
)
from kg.nested_communities import Branch as Branch
from kg.nested_communities import Hierarchy as Hierarchy
from kg.nested_communities import Standing, TreeBuilder, unmeasured
from kg.partition_quality import Labels, Pieces, modularities, modularity, summed
from kg.stability import (
    OnCut,
    certainties,
    chance_of,
    chance_stabilities,
    consensus,
    random_like,
    stabilities,
)

OnLevel = Callable[[int, int, str], None]
"""Is told how much of a step is done, how much there is of it, and what it is."""

_TOGETHER_DOWN_TO = 2
"""Levels below the top on which those whose ties were matched stay together."""


def leiden_hierarchy(
    graph: HybridGraph,
    config: LeidenConfig,
    layers: Mapping[str, float] | None = None,
    on_progress: OnLevel | None = None,
) -> Hierarchy:
    """Cut a graph into communities, and those again while that is better than leaving them.

    Args:
        graph: The statements and what ties them.
        config: How to cut.
        layers: Columns of the graph, each with what it counts for, to be cut as a multiplex:
            each is compared with its own chance. None: the weight, as one layer.
        on_progress: Is told how many cuts of a step are done, how many it has, and which it is.

    Raises:
        ConfigError: A weight is not a number, not finite, or negative.
    """
    pieces = checked(graph, layers)
    config = config.model_copy(update={"n_seeds": config.seeds_for(pieces.n)})
    if config.direction == "bottom_up":
        return from_bottom_up(pieces, config)
    return _top_down(pieces, config, on_progress or _silent)


def _silent(_done: int, _total: int, _what: str) -> None:
    """Tell nobody."""


def _top_down(pieces: Pieces, config: LeidenConfig, on_progress: OnLevel) -> Hierarchy:
    tree = TreeBuilder(pieces.n)
    vertices, labels = np.arange(pieces.n), np.zeros(pieces.n, dtype=np.int64)
    quality, together = 0.0, _together(pieces, config)
    for level in range(config.max_levels):
        teller = _Teller(on_progress, level)
        if level == 0:
            alike = _cut_alike(pieces, config)
            labels = numbered(
                pieces.part,
                consensus(pieces, alike, config.seed, teller.of("seeds"), together),
            )
            quality = modularity(pieces, labels, config.resolution)
        else:
            inner = _inside(pieces, labels, np.bincount(labels) >= config.min_size)
            alike = _cut_alike(inner.pieces, config)
            still = None
            if together is not None and level <= _TOGETHER_DOWN_TO:
                chosen = together[vertices[inner.vertices]]
                still = np.unique(chosen, return_inverse=True)[1].astype(np.int64)
            labels = _cut_below(inner.pieces, alike, teller.of("seeds"), still)
            better = _is_better(inner.pieces, labels, config)[inner.pieces.part]
            if not better.any():
                break
            vertices, pieces = vertices[inner.vertices[better]], inner.pieces.only(better)
            labels = numbered(pieces.part, labels[better])
        standing = _standing(pieces, labels, alike, teller)
        if level:
            supported = _is_supported(pieces, labels, standing, config.min_supported)
            if not supported.any():
                break
            if not supported.all():
                standing = standing.only(supported, labels)
                vertices, pieces = vertices[supported], pieces.only(supported)
                labels = numbered(pieces.part, labels[supported])
        tree.add(vertices, labels, standing)
    return tree.hierarchy(quality)


class _Teller:
    """Says which step of which level it is."""

    def __init__(self, on_progress: OnLevel, level: int) -> None:
        self._on_progress = on_progress
        self.level = level

    def of(self, what: str) -> OnCut:
        """Return what is to be called with the cuts of this step."""
        return lambda done, total: self._on_progress(done, total, f"level {self.level + 1}, {what}")


def _cut_alike(pieces: Pieces, config: LeidenConfig) -> LeidenConfig:
    """Return a configuration under which random graphs of any size get the iterations of these.

    More iterations make communities more stable, so that chance has to be cut with as many.
    """
    return config.model_copy(update={"n_iterations": iterations_of(pieces, config)})


def _together(pieces: Pieces, config: LeidenConfig) -> Labels | None:
    """Return who is kept together by the first cuts of a large graph from one seed.

    Cuts from several seeds each match the ties by other weights.
    """
    if config.n_seeds != 1 or pieces.layers is not None or not is_coarsened(pieces, config):
        return None
    return matched(pieces, pieces.weight)


def _cut_below(
    pieces: Pieces, config: LeidenConfig, on_cut: OnCut, together: Labels | None = None
) -> Labels:
    """Cut every part, and leave nobody alone."""
    labels = numbered(pieces.part, consensus(pieces, config, config.seed, on_cut, together))
    return numbered(pieces.part, nobody_alone(pieces, labels))


def _standing(pieces: Pieces, labels: Labels, config: LeidenConfig, teller: _Teller) -> Standing:
    """Measure a cut against cuts of the same graph and against cuts of random graphs."""
    connected = well_connected(pieces, labels)
    if config.n_seeds == 1 or not len(pieces.head):
        return unmeasured(pieces.n, connected)
    certainty = certainties(pieces, labels, config, config.seed, teller.of("ties redrawn"))
    stability = stabilities(labels, certainty)
    certainty[np.isnan(stability)[labels]] = np.nan
    random = random_like(pieces, config.seed)
    if teller.level:
        found = _cut_below(random, config, teller.of("seeds by chance"))
        better = _is_better(random, found, config)[random.part]
        random, found = random.only(better), found[better]
        found = numbered(random.part, found)
    else:
        chosen = consensus(random, config, config.seed, teller.of("seeds by chance"))
        found = numbered(random.part, chosen)
    redrawn = certainties(random, found, config, config.seed, teller.of("ties by chance"))
    part_of = np.zeros(len(stability), dtype=np.int64)
    part_of[labels] = pieces.part
    parent_size = np.bincount(pieces.part)[part_of]
    chance = chance_stabilities(parent_size, chance_of(random, found, redrawn))
    chance[closed_by_chance(pieces, labels)] = 1.0
    chance[np.isnan(stability)] = np.nan
    return Standing(certainty, stability, chance, connected)


def _is_supported(
    pieces: Pieces, labels: Labels, standing: Standing, least: float
) -> NDArray[np.bool_]:
    """Return of each vertex whether enough of its part is in communities stabler than chance.

    Communities of unknown stability count as stable.
    """
    steady = ~(standing.stability <= standing.chance_stability)[labels]
    share = summed(pieces.part, steady.astype(np.float64), pieces.n_parts)
    share /= np.bincount(pieces.part, minlength=pieces.n_parts)
    return (share >= least)[pieces.part]


def _is_better(pieces: Pieces, labels: Labels, config: LeidenConfig) -> NDArray[np.bool_]:
    """Return whether the cut of each part gains enough over leaving it whole."""
    sizes = np.bincount(labels)
    part_of = np.zeros(len(sizes), dtype=np.int64)
    part_of[labels] = pieces.part
    n_communities = np.bincount(part_of, minlength=pieces.n_parts)
    n_alone = np.bincount(part_of[sizes == 1], minlength=pieces.n_parts)
    gain = modularities(pieces, labels, config.resolution) - (1 - config.resolution)
    is_better: NDArray[np.bool_] = gain >= config.min_gain
    is_better &= (n_communities > 1) & (n_alone == 0)
    return is_better


class _Inner(NamedTuple):
    """Some communities as parts of a graph of their own."""

    vertices: NDArray[np.int64]
    """What each vertex was before; by community, then ascending."""

    pieces: Pieces


def _inside(pieces: Pieces, labels: Labels, chosen: NDArray[np.bool_]) -> _Inner:
    """Return the subgraphs of the chosen communities, side by side in the order of labels."""
    vertices = np.argsort(labels, kind="stable")
    vertices = vertices[chosen[labels[vertices]]]
    part = np.unique(labels[vertices], return_inverse=True)[1].astype(np.int64)
    held = (labels[pieces.head] == labels[pieces.tail]) & chosen[labels[pieces.head]]
    return _Inner(vertices, pieces.taken(vertices, held, part))
