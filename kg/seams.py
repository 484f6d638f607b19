r"""What holds communities together and where they touch: connectors, seams, papers at the seam.

Everything here is about one graph, cut into communities on one level; vertices, communities and
sources are numbers. w is the weight of an edge, k_i the sum of the weights at vertex i, k_ic of
those that lead from i into community c, and 2m the sum of all k_i.

- **Participation** (Guimerà & Amaral, 2005, Functional cartography of complex metabolic networks,
  doi:10.1038/nature03288) says how evenly a statement's ties are spread over communities,
  :math:`P_i = 1 - \sum_c (k_{ic} / k_i)^2`: 0 if all lead into one, and 0 where there are none.
- **Reach** is :math:`k_i P_i`, so that a statement with two weak ties does not come before one that
  carries much.
- **Falls apart** is the share of the other members of its community that are cut off from the
  largest piece when the statement is taken away. It is above 0 only where the statement is an
  articulation point, and is found for all at once from the tree of biconnected components (Hopcroft
  & Tarjan, 1973, doi:10.1145/362248.362272).
- **Inside share** is the part of the weight within its community that touches the statement.
- **Seam**: the edges between two communities c and d, with the weight W_cd. Were the same ties
  drawn blindly, it would be :math:`E_{cd} = K_c K_d / 2m`, with K_c the sum of k_i over the members
  (the expectation of modularity; Newman & Girvan, 2004, doi:10.1103/PhysRevE.69.026113).
- **Spread** of a source with the share p_c of its statements in c is the index of Rao and Stirling,
  :math:`\sum_{c \ne d} p_c p_d (1 - \min(1, W_{cd} / E_{cd}))`, which is how interdisciplinarity
  is measured (Rao, 1982, doi:10.1016/0040-5809(82)90004-1; Stirling, 2007,
  doi:10.1098/rsif.2007.0213): high where its statements lie in communities that share little. Ties
  between the source's own statements do not count in W: it is asked what they share otherwise.

But: participation and reach count ties, and so depend on how many neighbours the graph gives a
statement; and half of the ties of a graph cut blindly would lead out of communities too.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array

Ints = NDArray[np.int64]
Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Cut:
    """A graph and the community of each of its vertices."""

    head: Ints
    tail: Ints
    weight: Numbers
    """Of each edge; no edge comes twice, and none leads from a vertex to itself."""

    home: Ints
    """Number of the community of each vertex."""

    n_communities: int

    @property
    def n(self) -> int:
        """Number of vertices."""
        return len(self.home)

    @cached_property
    def crossing(self) -> NDArray[np.bool_]:
        """Which edges lead from one community into another."""
        return np.asarray(self.home[self.head] != self.home[self.tail])

    @cached_property
    def strength(self) -> Numbers:
        """k_i of each vertex."""
        return _sums(self.head, self.weight, self.n) + _sums(self.tail, self.weight, self.n)

    @cached_property
    def sizes(self) -> Ints:
        """Number of vertices of each community."""
        return np.bincount(self.home, minlength=self.n_communities)


def participation(cut: Cut) -> Numbers:
    """Return how evenly the ties of each vertex are spread over communities, in [0, 1)."""
    into = _into_communities(cut)
    squares = into.multiply(into).sum(axis=1)
    strength = cut.strength
    spread = np.zeros(cut.n)
    tied = strength > 0
    spread[tied] = 1 - squares[tied] / strength[tied] ** 2
    return np.maximum(spread, 0.0)


def communities_touched(cut: Cut) -> Ints:
    """Return into how many communities the ties of each vertex lead, its own included."""
    into = _into_communities(cut)
    return np.diff(into.indptr).astype(np.int64)


def inside_share(cut: Cut) -> Numbers:
    """Return the part of the weight within its community that touches each vertex, in [0, 1]."""
    inside = ~cut.crossing
    head, tail, weight = cut.head[inside], cut.tail[inside], cut.weight[inside]
    own = _sums(head, weight, cut.n) + _sums(tail, weight, cut.n)
    total = _sums(cut.home[head], weight, cut.n_communities)[cut.home]
    share = np.zeros(cut.n)
    held = total > 0
    share[held] = own[held] / total[held]
    return share


def falls_apart(cut: Cut) -> Numbers:
    """Return the share of the other members that each vertex holds to the largest piece, [0, 1).

    What was in pieces before the vertex was taken away does not count.
    """
    import igraph as ig  # brings matplotlib with it where that is installed: a second

    inside = np.flatnonzero(~cut.crossing)
    edges = list(zip(cut.head[inside].tolist(), cut.tail[inside].tolist(), strict=True))
    graph = ig.Graph(n=cut.n, edges=edges)
    pieces = np.array(graph.connected_components().membership, dtype=np.int64)
    whole = np.bincount(pieces, minlength=cut.n)[pieces] if cut.n else pieces
    blocks, points = graph.biconnected_components(return_articulation_points=True)
    largest = _largest_left([*blocks], points, whole)
    share = np.zeros(cut.n)
    for point, left in largest.items():
        others = int(cut.sizes[cut.home[point]]) - 1
        share[point] = (int(whole[point]) - 1 - left) / others
    return share


class Seams(NamedTuple):
    """Pairs of communities with a tie between them, as columns; strongest first."""

    one: Ints
    """Number of the community; always less than `other`."""

    other: Ints
    weight: Numbers
    """W, the sum of the weights of the edges between them."""

    expected: Numbers
    """E, what the sum would be by chance."""

    n_edges: Ints


def seams_of(cut: Cut) -> Seams:
    """Return the pairs of communities that are tied, the heaviest seam first, then by number."""
    across = np.flatnonzero(cut.crossing)
    ends = np.sort(
        np.stack([cut.home[cut.head[across]], cut.home[cut.tail[across]]]).reshape(2, -1), axis=0
    )
    keys, inverse, counts = np.unique(
        ends[0] * cut.n_communities + ends[1], return_inverse=True, return_counts=True
    )
    weight = _sums(inverse, cut.weight[across], len(keys))
    one, other = np.divmod(keys, max(1, cut.n_communities))
    total = _sums(cut.home, cut.strength, cut.n_communities)
    expected = total[one] * total[other] / max(float(total.sum()), np.finfo(float).tiny)
    order = np.lexsort((other, one, -np.round(weight, 6)))
    return Seams(one[order], other[order], weight[order], expected[order], counts[order])


def edges_across(cut: Cut, one: int, other: int, limit: int) -> Ints:
    """Return the rows of the heaviest edges between two communities, heaviest first."""
    heads, tails = cut.home[cut.head], cut.home[cut.tail]
    rows = np.flatnonzero(((heads == one) & (tails == other)) | ((heads == other) & (tails == one)))
    order = np.lexsort((cut.tail[rows], cut.head[rows], -np.round(cut.weight[rows], 6)))
    return rows[order][:limit].astype(np.int64)


class Spread(NamedTuple):
    """How the statements of each source lie over the communities."""

    spread: Numbers
    """The index of Rao and Stirling, in [0, 1)."""

    n_statements: Ints
    """Of those in communities of two or more."""

    n_communities: Ints

    held: csr_array
    """Source by community: how many statements."""

    def places(self, source: int) -> list[tuple[int, int]]:
        """Return the communities of a source with how many statements each has, most first."""
        row = slice(self.held.indptr[source], self.held.indptr[source + 1])
        found = zip(self.held.indices[row].tolist(), self.held.data[row].tolist(), strict=True)
        return sorted(((c, int(n)) for c, n in found), key=lambda place: (-place[1], place[0]))


def spread_of(cut: Cut, vertex: Ints, source: Ints, n_sources: int) -> Spread:
    """Return how far the statements of each source spread over communities that share little.

    Args:
        cut: The graph and its communities; those of one statement do not count.
        vertex: Of each pair of a statement and a source that makes it; none comes twice.
        source: Of the same pairs.
        n_sources: How many sources there are.
    """
    clustered = cut.sizes[cut.home[vertex]] > 1
    vertex, source = vertex[clustered], source[clustered]
    made = csr_array((np.ones(len(vertex)), (vertex, source)), shape=(cut.n, n_sources))
    place = csr_array(
        (np.ones(cut.n), (np.arange(cut.n), cut.home)), shape=(cut.n, cut.n_communities)
    )
    held = csr_array(made.T @ place)
    n = held.sum(axis=1)
    share = held.multiply(1 / np.maximum(n, 1)[:, None]).tocsr()
    seams = seams_of(cut)
    tie = np.minimum(1.0, seams.weight / np.maximum(seams.expected, np.finfo(float).tiny))
    ties = csr_array((tie, (seams.one, seams.other)), shape=(cut.n_communities,) * 2)
    # Every pair of communities stands in `ties` once, and counts twice.
    spread = (n > 0) - share.multiply(share).sum(axis=1)
    spread -= 2 * (share @ ties).multiply(share).sum(axis=1)
    spread += 2 * _own_ties(cut, made, share, seams)
    return Spread(
        spread=np.maximum(np.round(spread, 12), 0.0),
        n_statements=n.astype(np.int64),
        n_communities=np.diff(held.indptr).astype(np.int64),
        held=held,
    )


def _own_ties(cut: Cut, made: csr_array, share: csr_array, seams: Seams) -> Numbers:
    """Return what the ties between their own statements took from the spread of the sources."""
    across = np.flatnonzero(cut.crossing)
    both = coo_array(made[cut.head[across]].multiply(made[cut.tail[across]]))
    edge, source = across[both.coords[0]], both.coords[1].astype(np.int64)
    ends = np.sort(np.stack([cut.home[cut.head[edge]], cut.home[cut.tail[edge]]]), axis=0)
    pair = ends[0] * cut.n_communities + ends[1]
    known = seams.one * cut.n_communities + seams.other
    order = np.argsort(known)
    keys, inverse = np.unique(
        source * len(known) + order[np.searchsorted(known[order], pair)], return_inverse=True
    )
    own = _sums(inverse, cut.weight[edge], len(keys))
    source, seam = np.divmod(keys, max(1, len(known)))
    weight, expected = seams.weight[seam], np.maximum(seams.expected[seam], np.finfo(float).tiny)
    with_own = np.minimum(1.0, weight / expected)
    otherwise = np.minimum(1.0, np.maximum(0.0, weight - own) / expected)
    shares = _entries(share, source, seams.one[seam]) * _entries(share, source, seams.other[seam])
    return _sums(source, shares * (with_own - otherwise), share.shape[0])


def _entries(matrix: csr_array, rows: Ints, columns: Ints) -> Numbers:
    """Return the entries at these places, all of which are stored."""
    height, width = matrix.shape
    places = np.repeat(np.arange(height), np.diff(matrix.indptr)) * width + matrix.indices
    order = np.argsort(places)
    found: Numbers = matrix.data[order[np.searchsorted(places[order], rows * width + columns)]]
    return found


def _into_communities(cut: Cut) -> csr_array:
    """Return k_ic, the weight of the ties from each vertex into each community."""
    vertex = np.concatenate([cut.head, cut.tail])
    into = np.concatenate([cut.home[cut.tail], cut.home[cut.head]])
    weight = np.concatenate([cut.weight, cut.weight])
    # Building it adds up what stands twice.
    return csr_array((weight, (vertex, into)), shape=(cut.n, max(1, cut.n_communities)))


def _sums(place: Ints, weight: Numbers, n: int) -> Numbers:
    return np.bincount(place, weights=weight, minlength=n).astype(np.float64)


def _largest_left(blocks: list[list[int]], points: list[int], whole: Ints) -> dict[int, int]:
    """Return the size of the largest piece that is left of its part when each point is taken away.

    Blocks and articulation points make a tree (a forest, if there are several parts). It is walked
    from its roots, and the sizes of its branches are added up from the leaves.
    """
    cuts = set(points)
    of_block = [[vertex for vertex in block if vertex in cuts] for block in blocks]
    of_point: dict[int, list[int]] = {point: [] for point in points}
    for block, found in enumerate(of_block):
        for point in found:
            of_point[point].append(block)
    size = [len(block) - len(found) for block, found in zip(blocks, of_block, strict=True)]
    seen: set[int] = set()
    largest: dict[int, int] = {}
    for root in range(len(blocks)):
        order = _walk(root, of_block, of_point, seen)
        for block, parent in reversed(order):
            for point in of_block[block]:
                if point == parent:
                    continue
                below = [size[child] for child in of_point[point] if child != block]
                above = int(whole[point]) - 1 - sum(below)
                largest[point] = max(*below, above)
                size[block] += 1 + sum(below)
    return largest


def _walk(
    root: int, of_block: list[list[int]], of_point: dict[int, list[int]], seen: set[int]
) -> list[tuple[int, int]]:
    """Return the blocks below a root, each with the point that it hangs on; parents first."""
    if root in seen:
        return []
    seen.add(root)
    order, waiting = [], [(root, -1)]
    while waiting:
        block, parent = waiting.pop()
        order.append((block, parent))
        for point in of_block[block]:
            if point != parent:
                fresh = [each for each in of_point[point] if each not in seen]
                seen.update(fresh)
                waiting += [(each, point) for each in fresh]
    return order
