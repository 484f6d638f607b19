"""Communities from the bottom up: small ones first, and then what they make together.

1. *The finest* communities are cut from the graph, at a resolution 2/3 √n times that of the top,
   and from its stronger ties alone: those that weigh less than a quarter of the mean, a fourth of
   the ties of statements, hardly move anybody between communities so small.
2. *The top* is cut from the graph whose vertices they are. To join what was joined at the level
   below would be cheaper still, but what one level gets wrong no later one parts, and modularity is
   lower by almost a hundredth.
3. *Levels between* are joined at lower and lower resolutions, within the communities of the top.

Each statement is looked at once, so that this costs about half of a hierarchy from the top down.
The finest communities are never parted: modularity at the top is lower than from the top down, by
some thousandths on statements, and by more where ties do not say who belongs to whom. Where ties
are few enough for a second look to cost next to nothing, the top is cut first and from the whole
graph, and is what it is from the top down. A community that is joined with no other on the next
level is listed once.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kg.alone import nobody_alone
from kg.coarsening import coarsened, contracted
from kg.connectedness import well_connected
from kg.leiden import FEW_EDGES, LeidenConfig, cut_masses, is_coarsened, masses_of, numbered
from kg.nested_communities import Hierarchy, TreeBuilder, unmeasured
from kg.partition_quality import Floats, Ints, Labels, Pieces, modularity, summed

_MOST_ALONE = 0.1
"""A resolution that leaves more than this share of the statements alone is none to begin with:
whom they join then would be decided by one tie each."""

_STRONG = 0.25
"""Of the mean weight: ties of less play no part in the finest communities."""


def from_bottom_up(pieces: Pieces, config: LeidenConfig) -> Hierarchy:
    """Return a hierarchy of the smallest communities and what they are joined to.

    Args:
        pieces: The graph, in one part.
        config: How it is cut.
    """
    columns = _columns(pieces, config)
    labels = numbered(pieces.part, columns[0])
    quality = modularity(pieces, labels, config.resolution)
    tree = TreeBuilder(pieces.n)
    connected = well_connected(pieces, labels)
    tree.add(np.arange(pieces.n), labels, unmeasured(pieces.n, connected))
    for finer in columns[1:]:
        pieces = pieces.tied_by(finer[pieces.head] == finer[pieces.tail])
        split = _is_split(tree.home, finer, config.min_size)[tree.home]
        if split.any():
            vertices = np.flatnonzero(split)
            labels = numbered(tree.home[vertices], finer[vertices])
            inner = pieces.taken(vertices, split[pieces.head], labels)
            connected = well_connected(inner, labels)
            tree.add(vertices, labels, unmeasured(len(vertices), connected))
    return tree.hierarchy(quality)


class _Weighed(NamedTuple):
    """A graph whose vertices may stand for several statements."""

    pieces: Pieces
    masses: Floats

    def cut(self, config: LeidenConfig, n_iterations: int, finer: float = 1) -> Labels:
        """Return its communities, with so many iterations where `config` does not say how many."""
        way = config.model_copy(update={"n_iterations": config.n_iterations or n_iterations})
        found = cut_masses(self.pieces, self.masses, way, config.seed, finer)
        return numbered(self.pieces.part, found)

    def only(self, ties: NDArray[np.bool_]) -> "_Weighed":
        """Return it with these of its ties."""
        return _Weighed(self.pieces.tied_by(ties), self.masses)

    def within(self, labels: Labels) -> "_Weighed":
        """Return it without the ties that lead from one community to another."""
        return self.only(labels[self.pieces.head] == labels[self.pieces.tail])

    def joined(self, labels: Labels) -> "_Weighed":
        """Return the graph whose vertices are the communities."""
        return _Weighed(*contracted(self.pieces, self.pieces.weight, self.masses, labels))


def _columns(pieces: Pieces, config: LeidenConfig) -> list[Labels]:
    """Return the community of each statement on each level, from the top down."""
    graph, column = _Weighed(pieces, masses_of(pieces, pieces.weight)), np.arange(pieces.n)
    if is_coarsened(pieces, config):
        coarse = coarsened(pieces, pieces.weight, graph.masses)
        graph, column = _Weighed(coarse.pieces, coarse.masses), coarse.labels
    sizes = np.bincount(column).astype(np.float64)
    top, is_small = np.arange(0), len(graph.pieces.head) <= FEW_EDGES
    if is_small:
        top = nobody_alone(graph.pieces, graph.cut(config, 5), sizes)
        graph = graph.within(top)
    finest, coarser = _finest(graph, sizes, config)
    labels, joined = finest[column], graph.joined(finest)
    if is_small:
        top_of = np.zeros(joined.pieces.n, dtype=np.int64)
        top_of[finest] = top
    else:
        top_of = joined.cut(config, 2)
    between = _joined_on(joined.within(top_of), coarser, config)
    return [each[labels] for each in (top_of, *between[::-1])] + [labels]


def _finest(graph: _Weighed, sizes: Floats, config: LeidenConfig) -> tuple[Labels, list[float]]:
    """Return the communities of the highest resolution that leaves few alone, and what follows it.

    The last that there is, that of the top, is taken whatever it leaves.
    """
    pieces = graph.pieces
    strong = graph.only(pieces.weight >= _STRONG * pieces.weight.sum() / max(1, len(pieces.weight)))
    labels, coarser = np.arange(0), config.resolutions_for(int(sizes.sum()))
    while coarser:
        finer, *coarser = coarser
        labels = strong.cut(config, 1, finer) if coarser else graph.cut(config, 2)
        if _share_alone(pieces, labels, sizes) <= _MOST_ALONE:
            break
    return numbered(pieces.part, nobody_alone(pieces, labels, sizes)), coarser[:-1]


def _joined_on(graph: _Weighed, coarser: list[float], config: LeidenConfig) -> list[Labels]:
    """Join vertices at lower and lower resolutions.

    Returns:
        The community of each vertex at each of them, the highest first.
    """
    columns, column = [], np.arange(graph.pieces.n)
    for resolution in coarser:
        labels = graph.cut(config, 1, resolution)
        column, graph = labels[column], graph.joined(labels)
        columns.append(column)
    return columns


def _share_alone(pieces: Pieces, labels: Labels, sizes: Floats) -> float:
    """Return the share of the statements with ties that are left alone."""
    tied = pieces.strength() > 0
    alone = summed(labels, sizes, int(labels.max(initial=-1)) + 1)[labels] == 1
    return float((tied & alone).sum() / max(1.0, sizes[tied].sum()))


def _is_split(home: Ints, finer: Labels, min_size: int) -> NDArray[np.bool_]:
    """Return whether the finer level cuts each community in two or more, leaving nobody alone."""
    above = np.zeros(int(finer.max(initial=-1)) + 1, dtype=np.int64)
    above[finer] = home
    sizes = np.bincount(finer)
    n = int(home.max(initial=-1)) + 1
    n_parts = np.bincount(above[sizes > 0], minlength=n)
    n_alone = np.bincount(above[sizes == 1], minlength=n)
    is_large: NDArray[np.bool_] = np.bincount(home, minlength=n) >= min_size
    is_large &= (n_parts > 1) & (n_alone == 0)
    return is_large
