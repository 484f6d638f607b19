"""How sure a cut is: a consensus over seeds, and how much of it survives and is more than chance.

Leiden visits vertices in random order, and on real graphs two seeds put many vertices elsewhere at
equal modularity. So a cut is made in three steps.

1. **Consensus** (after Lancichinetti & Fortunato, 2012, Consensus clustering in complex networks,
   doi:10.1038/srep00336, and Poulin & Théberge, 2019, Ensemble clustering for graphs,
   doi:10.1007/s41109-019-0162-z). The graph is cut from S seeds. Each edge is weighed again,

       w'_ij = w_ij (f + (1 - f) c_ij),   c_ij = the share of cuts in which i and j are together,

   with f = 0.05 so that no tie is lost, and that graph is cut once: S + 1 cuts.
2. **Stability.** The graph is cut S times more, each time from another seed and with every weight
   times a draw from the gamma distribution of mean 1 and variance 1/4: as if the ties had been
   measured again (a weighted bootstrap; compare Hennig, 2007, doi:10.1016/j.csda.2006.11.025).
   The *certainty* of a statement is the mean over these cuts of

       |C ∩ D| / |C ∪ D|,   C its community in the consensus, D its community in that cut,

   in (0, 1], and the *stability* of a community is the mean certainty of its members. Seeds alone
   would not do: in a small graph every seed finds the same cut, also in one drawn at random.
3. **Chance.** The same is done to random graphs with the same degrees, whose edges were swapped in
   pairs and whose weights were permuted, with as many iterations of Leiden. `chance_stability` is
   what one in a hundred of their communities exceeds, those of parents of about the same size. A
   community that is not above it is no more stable than chance. There may be but twenty of them,
   so that is not the highest of them, but follows from the highest fifth. With y = -ln(1 -
   stability), q the 80th percentile of y, and M the median of y - q where y > q, the tail is taken
   to be exponential of median M:

       y_99 = q + log2(0.2 / 0.01) M,   chance_stability = 1 - exp(-y_99).

   Pairs that nothing else is tied to, and the like, are found by any cut. So those of the random
   graphs do not count, and those of the graph itself are asked how often chance makes them
   (`kg.closed_communities`).

Each part of the graph is looked at by itself and all parts at once, so that on every level the
certainty is that of the cut of the parent: given that a statement lies in the parent, how surely
it lies in this part of it. The random graphs have about `NULL_VERTICES` vertices: several copies of
a small graph, a sample of the parts of a level of many, and of one large part a sample of its
vertices, with their degrees. Smaller random graphs have more stable communities, so that the
sample errs on the strict side.

But: stable is not true. A resolution that splits what belongs together may do so every time.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kg.closed_communities import closed
from kg.leiden import Cutter, LeidenConfig, cut
from kg.partition_quality import Floats, Labels, Pieces, summed

FLOOR = 0.05
"""What a tie keeps of its weight if no seed puts its ends together."""

SHAPE = 4.0
"""Of the gamma distribution that weights are drawn anew by; its variance is 1 / SHAPE."""

NULL_VERTICES = 3_000
"""How large the random graphs of a level are, all together; up to twice as large."""

NULL_COPIES = 50
"""Random graphs of one part, at most."""

EXCEEDED_BY = 0.01
"""The share of random communities that are more stable than `chance_stability`."""

_TAIL = 0.2
"""The share of random communities, the most stable ones, from which that is reckoned."""

_RESOLVED = 1e-9
"""A stability closer to 1 is 1."""

_WINDOW = 100
"""Random communities that a community is compared with, at least, if there are as many."""

_SWAPS = 12
"""Rounds in which every edge of a random graph is offered a swap."""

_STREAM = 1 << 20
"""Seeds of different steps are so far apart."""

OnCut = Callable[[int, int], None]
"""Is told how many cuts of a level are done, and how many there are."""


class Chance(NamedTuple):
    """How stable the communities of random graphs are."""

    parent_size: NDArray[np.int64]
    """Vertices of the part that each was cut from, ascending."""

    stability: Floats


def consensus(
    pieces: Pieces,
    config: LeidenConfig,
    seed: int,
    on_cut: OnCut | None = None,
    together: Labels | None = None,
) -> Labels:
    """Return the communities that cuts from several seeds agree on; of one seed, its cut.

    Args:
        pieces: The graph.
        config: How often, and how, it is cut.
        seed: Of the first cut.
        on_cut: Is told how far it is.
        together: Who is not parted by a single cut.
    """
    n_seeds = config.n_seeds or 1
    if n_seeds == 1 or not len(pieces.head):
        return cut(pieces, config, seed, together)
    cutter = Cutter(pieces, config)
    agreed = np.zeros(len(pieces.head))
    for number in range(n_seeds):
        labels = cutter.cut(seed + _STREAM * number)
        agreed += labels[pieces.head] == labels[pieces.tail]
        if on_cut is not None:
            on_cut(number + 1, n_seeds)
    return cutter.cut(seed, FLOOR + (1 - FLOOR) * agreed / n_seeds)


def certainties(
    pieces: Pieces, labels: Labels, config: LeidenConfig, seed: int, on_cut: OnCut | None = None
) -> Floats:
    """Return how surely each vertex belongs to its community, in (0, 1].

    Args:
        pieces: The graph.
        labels: The communities of the consensus.
        config: How often, and how, the graph is cut again.
        seed: Of the cuts and the draws.
        on_cut: Is told how far it is.
    """
    n_cuts = config.n_seeds or 1
    cutter = Cutter(pieces, config)
    sizes = np.bincount(labels)
    total = np.zeros(pieces.n)
    for number in range(n_cuts):
        rng = np.random.default_rng([seed, number])
        drawn = rng.gamma(SHAPE, 1 / SHAPE, len(pieces.head))
        other = cutter.cut(seed + _STREAM * (number + 1) + 1, drawn)
        shared = _shared(labels, other)
        total += shared / (sizes[labels] + np.bincount(other)[other] - shared)
        if on_cut is not None:
            on_cut(number + 1, n_cuts)
    return total / n_cuts


def stabilities(labels: Labels, certainty: Floats) -> Floats:
    """Return the mean certainty of each community's members; NaN for a community of one."""
    sizes = np.bincount(labels)
    means = summed(labels, certainty, len(sizes)) / np.maximum(sizes, 1)
    return np.where(sizes > 1, means, np.nan)


def chance_of(pieces: Pieces, labels: Labels, certainty: Floats) -> Chance:
    """Return the stabilities of the communities of two and more of random graphs.

    Small closed ones are left out if there are others: any cut finds them.
    """
    stability = stabilities(labels, certainty)
    sizes = np.bincount(labels)
    part_of = np.zeros(len(sizes), dtype=np.int64)
    part_of[labels] = pieces.part
    parent_size = np.bincount(pieces.part)[part_of]
    is_small = closed(pieces, labels) & (2 * sizes <= parent_size)
    known = np.isfinite(stability)
    known &= ~is_small | ~(known & ~is_small).any()
    rows = np.flatnonzero(known)
    order = rows[np.argsort(parent_size[rows], kind="stable")]
    return Chance(parent_size[order], stability[order])


def chance_stabilities(parent_size: NDArray[np.int64], chance: Chance) -> Floats:
    """Return what chance reaches for communities of parents of these sizes; NaN if unknown."""
    found = np.full(len(parent_size), np.nan)
    n = len(chance.stability)
    if not n:
        return found
    for size in np.unique(parent_size):
        low = int(np.searchsorted(chance.parent_size, size, "left"))
        high = int(np.searchsorted(chance.parent_size, size, "right"))
        missing = max(0, _WINDOW - (high - low))
        low = max(0, min(low - missing // 2, n - _WINDOW))
        high = min(n, max(high + missing - missing // 2, _WINDOW))
        window = chance.stability[low:high]
        found[parent_size == size] = _exceeded_by_few(window)
    return found


def _exceeded_by_few(stability: Floats) -> float:
    """Return what a share of `EXCEEDED_BY` exceeds, by an exponential tail; at most 1."""
    spread = -np.log1p(-np.minimum(stability, 1 - _RESOLVED))
    start = np.quantile(spread, 1 - _TAIL)
    above = spread[spread > start] - start
    if len(above):
        start += np.log2(_TAIL / EXCEEDED_BY) * np.median(above)
    bound = 1 - np.exp(-start)
    return 1.0 if bound >= 1 - 2 * _RESOLVED else float(bound)


def random_like(pieces: Pieces, seed: int) -> Pieces:
    """Return random graphs with the degrees of the parts, of about `NULL_VERTICES` in all."""
    rng = np.random.default_rng(seed)
    sizes = np.bincount(pieces.part)
    if len(sizes) and sizes.max() > 2 * NULL_VERTICES:
        return _sampled_degrees(pieces, int(np.argmax(sizes)), rng)
    if pieces.n > 2 * NULL_VERTICES:
        return _swapped(_some_parts(pieces, sizes), rng)
    copies = max(1, min(NULL_COPIES, NULL_VERTICES // max(1, pieces.n)))
    return _swapped(_tiled(pieces, copies), rng)


def _shared(labels: Labels, other: Labels) -> NDArray[np.int64]:
    """Return how many vertices share both communities of each vertex, itself included."""
    key = labels * (int(other.max(initial=0)) + 1) + other
    _, where, counts = np.unique(key, return_inverse=True, return_counts=True)
    shared: NDArray[np.int64] = counts[where]
    return shared


def _tiled(pieces: Pieces, copies: int) -> Pieces:
    shift = np.repeat(np.arange(copies), len(pieces.head)) * pieces.n
    return Pieces(
        np.tile(pieces.part, copies) + np.repeat(np.arange(copies), pieces.n) * pieces.n_parts,
        np.tile(pieces.head, copies) + shift,
        np.tile(pieces.tail, copies) + shift,
        np.tile(pieces.weight, copies),
        None if pieces.layers is None else np.tile(pieces.layers, copies),
    )


def _some_parts(pieces: Pieces, sizes: NDArray[np.int64]) -> Pieces:
    """Return every so manieth part, in the order of their sizes."""
    by_size = np.argsort(sizes, kind="stable")
    chosen = np.zeros(len(sizes), dtype=bool)
    chosen[by_size[:: -(-pieces.n // NULL_VERTICES)]] = True
    return pieces.only(chosen[pieces.part])


def _sampled_degrees(pieces: Pieces, part: int, rng: np.random.Generator) -> Pieces:
    """Return a random graph with the degrees of some vertices of a part, drawn from all of it."""
    members = rng.choice(np.flatnonzero(pieces.part == part), NULL_VERTICES, replace=False)
    degree = np.bincount(pieces.head, minlength=pieces.n)
    degree += np.bincount(pieces.tail, minlength=pieces.n)
    stubs = rng.permutation(np.repeat(np.arange(NULL_VERTICES), degree[members]))
    one, other = stubs[: len(stubs) // 2], stubs[len(stubs) // 2 : len(stubs) // 2 * 2]
    low, high = np.minimum(one, other), np.maximum(one, other)
    keys = np.unique((low * NULL_VERTICES + high)[low != high])
    rows = rng.choice(np.flatnonzero(pieces.part[pieces.head] == part), len(keys))
    return Pieces(
        np.zeros(NULL_VERTICES, dtype=np.int64),
        keys // NULL_VERTICES,
        keys % NULL_VERTICES,
        pieces.weight[rows],
        None if pieces.layers is None else pieces.layers[:, rows],
    )


def _swapped(pieces: Pieces, rng: np.random.Generator) -> Pieces:
    """Swap the ends of pairs of edges within each part, and permute the weights.

    Every vertex keeps its degree, and no edge comes twice (Maslov & Sneppen, 2002,
    doi:10.1126/science.1065103).
    """
    head, tail = pieces.head.copy(), pieces.tail.copy()
    part = pieces.part[head]
    for _ in range(_SWAPS):
        order = np.argsort(part + rng.random(len(head)))
        one, other = order[: len(order) // 2 * 2 : 2], order[1::2]
        same = part[one] == part[other]
        _swap(head, tail, one[same], other[same], rng.random(int(same.sum())) < 0.5, pieces.n)
    rows = np.empty(len(head), dtype=np.int64)
    rows[np.argsort(part, kind="stable")] = np.argsort(part + rng.random(len(head)))
    order = np.lexsort((tail, head))
    rows = rows[order]
    layers = None if pieces.layers is None else pieces.layers[:, rows]
    return Pieces(pieces.part, head[order], tail[order], pieces.weight[rows], layers)


def _swap(  # noqa: PLR0913 - the edges, who swaps, which ends, and what makes a pair a number
    head: Labels,
    tail: Labels,
    one: NDArray[np.int64],
    other: NDArray[np.int64],
    is_turned: NDArray[np.bool_],
    n: int,
) -> None:
    """Have the edges a-b and c-d become a-d and c-b, in place, where neither exists yet."""
    first = np.where(is_turned, tail[other], head[other])
    second = np.where(is_turned, head[other], tail[other])
    ends = ((head[one], second), (first, tail[one]))
    keys = [np.minimum(a, b) * n + np.maximum(a, b) for a, b in ends]
    present = np.sort(head * n + tail)
    good = (ends[0][0] != ends[0][1]) & (ends[1][0] != ends[1][1]) & (keys[0] != keys[1])
    for key in keys:
        good &= present[np.minimum(np.searchsorted(present, key), len(present) - 1)] != key
    found, counts = np.unique(np.concatenate([key[good] for key in keys]), return_counts=True)
    for key in keys:
        good &= ~np.isin(key, found[counts > 1])
    for edge, key in zip((one, other), keys, strict=True):
        head[edge[good]], tail[edge[good]] = key[good] // n, key[good] % n
