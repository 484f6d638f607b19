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
Of a large graph, several processes cut some communities of the top each.

**From the bottom up** they are joined: `kg.bottom_up`.

In both, children partition their parent, and there are two or more of them. Statements are in the
order of their ids, communities are numbered from the largest, ties by least member, and random
choices follow from the seed: the same graph and configuration give the same hierarchy.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kg.alone import nobody_alone
from kg.beside import Arrays, shared_out
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

_SHARED_FROM, _SHARES = 200_000, 4
"""Vertices of communities that are cut in so many shares, each in a process of its own."""


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


class _Level(NamedTuple):
    """What a step from the top down has made."""

    vertices: NDArray[np.int64]
    """Those that were cut, by what they were at first."""

    labels: Labels
    """Numbered from 0; parts of one community are side by side."""

    standing: Standing


def _top_down(pieces: Pieces, config: LeidenConfig, on_progress: OnLevel) -> Hierarchy:
    teller, together = _Teller(on_progress, 0), _together(pieces, config)
    alike = _cut_alike(pieces, config)
    labels = consensus(pieces, alike, config.seed, teller.of("seeds"), together)
    labels = numbered(pieces.part, labels)
    vertices = np.arange(pieces.n)
    tree = TreeBuilder(pieces.n)
    tree.add(vertices, labels, _standing(pieces, labels, alike, teller))
    inner = _inside(_Inner(vertices, pieces), labels, config)
    cut = _levels if inner.pieces.n < _SHARED_FROM else _levels_in_shares
    for level in cut(inner, config, together, on_progress):
        tree.add(*level)
    return tree.hierarchy(modularity(pieces, labels, config.resolution))


def _levels(
    inner: "_Inner", config: LeidenConfig, together: Labels | None, on_progress: OnLevel
) -> Iterator[_Level]:
    """Yield the levels below the top, as many as the data supports."""
    for level in range(1, config.max_levels):
        teller, alike = _Teller(on_progress, level), _cut_alike(inner.pieces, config)
        still = None
        if together is not None and level <= _TOGETHER_DOWN_TO:
            still = np.unique(together[inner.vertices], return_inverse=True)[1].astype(np.int64)
        labels = _cut_below(inner.pieces, alike, teller.of("seeds"), still)
        better = _is_better(inner.pieces, labels, config)[inner.pieces.part]
        if not better.any():
            break
        inner = inner.only(better)
        labels = numbered(inner.pieces.part, labels[better])
        standing = _standing(inner.pieces, labels, alike, teller)
        supported = _is_supported(inner.pieces, labels, standing, config.min_supported)
        if not supported.any():
            break
        if not supported.all():
            standing = standing.only(supported, labels)
            inner = inner.only(supported)
            labels = numbered(inner.pieces.part, labels[supported])
        yield _Level(inner.vertices, labels, standing)
        inner = _inside(inner, labels, config)


def _levels_in_shares(
    inner: "_Inner", config: LeidenConfig, together: Labels | None, on_progress: OnLevel
) -> Iterator[_Level]:
    """Yield the levels below the top of a large graph, of which several processes cut some parts.

    What comes of a part hangs on those that are cut by the same call, by the random numbers that
    are left for it. So there are as many shares on every machine.
    """
    shares = _shares(inner)

    def columns_of(number: int) -> Arrays:
        tell = _silent if number else on_progress  # all shares are about as far
        levels = _levels(shares[number], config, together, tell)
        return [column for each in levels for column in (*each[:2], *each.standing)]

    width = 2 + len(Standing._fields)
    found = shared_out(columns_of, len(shares))
    for first in range(0, max(map(len, found)), width):
        reached = [columns[first : first + width] for columns in found if first < len(columns)]
        offset = 0
        for _, labels, *_ in reached:
            labels += offset
            offset = int(labels.max()) + 1
        vertices, labels, *standing = map(np.concatenate, zip(*reached, strict=True))
        yield _Level(vertices, labels, Standing(*standing))


def _shares(inner: "_Inner") -> list["_Inner"]:
    """Return the parts in shares with about as many ties each."""
    pieces = inner.pieces
    ties = np.cumsum(np.bincount(pieces.part[pieces.head], minlength=pieces.n_parts))
    share = ((_SHARES * ties - 1) // max(1, ties[-1]))[pieces.part]
    return [inner.only(share == number) for number in np.unique(share).tolist()]


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
    """What each was at first."""

    pieces: Pieces

    def only(self, kept: NDArray[np.bool_]) -> "_Inner":
        """Return the parts whose vertices are kept."""
        return _Inner(self.vertices[kept], self.pieces.only(kept))


def _inside(inner: _Inner, labels: Labels, config: LeidenConfig) -> _Inner:
    """Return the subgraphs of all communities that are large enough, in the order of labels.

    Vertices are by community, then as they were.
    """
    pieces, chosen = inner.pieces, np.bincount(labels) >= config.min_size
    order = np.argsort(labels, kind="stable")
    order = order[chosen[labels[order]]]
    part = np.unique(labels[order], return_inverse=True)[1].astype(np.int64)
    held = (labels[pieces.head] == labels[pieces.tail]) & chosen[labels[pieces.head]]
    return _Inner(inner.vertices[order], pieces.taken(order, held, part))
