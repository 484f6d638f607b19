"""The graph of a run after statements came and went, without building it again.

*Semantic layer.* A graph holds what it takes to go on: the k ties of greatest cosine at a
statement are to its own nearest neighbours, because it was tied to all of those, and whoever else
is tied to it is further. So a new statement is compared with all others once. It is tied to its
own nearest, and to every statement to which it is nearer than the k-th that one had; that one then
loses its k-th, and the tie goes unless the other end still wants it. Who loses a neighbour
because it was taken out is compared with all others again. The layer is then the one that
`kg.hybrid_graph` would build, but for cosines that differ in the sixth decimal.

*Concepts.* What ties the new ones is given (`kg.concept_index`); old ties stay as they are.

*Relations.* The layer is given whole: there are as many as somebody asserted.

*Sources.* As in `kg.hybrid_graph`, for the sources that came and for pairs that lost every
other tie.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kg.embedders import Vectors
from kg.hybrid_graph import LAYERS, GraphConfig
from kg.neighbours import nearest_among
from kg.newcomers import Entries, nearest_and_seen
from kg.products import STEPS

EDGE = np.dtype(
    [("head", "<i4"), ("tail", "<i4"), *((name, "<f4") for name in ("weight", *LAYERS))]
)
"""A row of the graph's columns."""

_STEP_BITS = 20

Numbers = NDArray[np.int64]


class EdgeTable(NamedTuple):
    """A graph as one table of edges."""

    ids: Sequence[str]
    """Ascending; `head` and `tail` are places in it."""

    edges: NDArray[np.void]
    """Rows of `EDGE`, by head, then tail; head < tail, and no pair comes twice."""

    layers: Mapping[str, float]
    """What each layer counts for."""

    def pairs(self) -> Numbers:
        """Return head times n plus tail of each edge."""
        return _pairs_of(self.edges, len(self.ids))


class LayerTies(NamedTuple):
    """Ties of one layer that are to be there, by the places of their ends, in any order."""

    one: Numbers
    other: Numbers
    similarity: NDArray[np.float32]


NO_TIES = LayerTies(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32))


class Makers(NamedTuple):
    """Who says what, looked up for as few statements as possible."""

    sources_of: Callable[[Sequence[str]], Mapping[str, frozenset[str]]]
    """The sources of these statements."""

    statements_of: Callable[[str], Sequence[str]]
    """The statements of a source, ascending."""


class News(NamedTuple):
    """What is different from when the graph was built."""

    ids: Sequence[str]
    """All statements there are now, ascending."""

    retied: frozenset[str]
    """Statements that stayed but have another vector."""

    touched: frozenset[str]
    """Statements that stayed but have other sources."""

    new_sources: Sequence[str]
    vectors: Vectors
    """[n, d], in the order of the ids; [0, 0] if no layer needs any."""

    concepts: LayerTies
    """Of those that are new or retied."""

    relations: LayerTies
    """The whole layer as it has to be."""

    makers: Makers


class Amended(NamedTuple):
    """A graph after an update, and the difference."""

    table: EdgeTable
    removed: NDArray[np.void]
    """Edges that are gone or weigh otherwise, with places among the ids before."""

    added: NDArray[np.void]
    """Edges that are new or weigh otherwise, with places among the ids after."""


def amended(table: EdgeTable, news: News, config: GraphConfig) -> Amended:
    """Return the graph with the statements that there are now.

    Args:
        table: The graph as it stands.
        news: What came and went.
        config: How the graph was built.
    """
    work = _Work(table, news, config)
    semantic = work.semantic_layer()
    source = work.source_ties(semantic)
    return work.assembled(semantic, source)


def without(table: EdgeTable, gone: frozenset[str]) -> Amended:
    """Return a graph without some of its statements and their ties, and with nothing new."""
    kept = tuple(i for i in table.ids if i not in gone)
    place = _places(table.ids, kept)
    head, tail = place[table.edges["head"]], place[table.edges["tail"]]
    stays = (head >= 0) & (tail >= 0)
    edges = table.edges[stays]
    edges["head"], edges["tail"] = head[stays], tail[stays]
    nothing = np.empty(0, EDGE)
    return Amended(EdgeTable(kept, edges, table.layers), table.edges[~stays], nothing)


def restored(table: EdgeTable, ids: Sequence[str], change: Amended) -> EdgeTable:
    """Return the graph that a change was made to; only its `removed` and `added` are looked at.

    Args:
        table: The graph after the change.
        ids: The statements of the graph before it.
        change: The change.
    """
    place = _places(table.ids, ids)
    undone = np.isin(table.pairs(), _pairs_of(change.added, len(table.ids)), kind="sort")
    kept = table.edges[~undone]
    kept["head"], kept["tail"] = place[kept["head"]], place[kept["tail"]]
    return EdgeTable(ids, _sorted(np.concatenate([kept, change.removed]), len(ids)), table.layers)


def _places(ids: Sequence[str], among: Sequence[str]) -> Numbers:
    """Return the place of each id among others, -1 for one that is not there."""
    place = {identifier: at for at, identifier in enumerate(among)}
    return np.fromiter((place.get(i, -1) for i in ids), dtype=np.int64, count=len(ids))


def _pairs_of(edges: NDArray[np.void], n: int) -> Numbers:
    return np.asarray(edges["head"].astype(np.int64) * n + edges["tail"])


def _sorted(edges: NDArray[np.void], n: int) -> NDArray[np.void]:
    return edges[np.argsort(_pairs_of(edges, n), kind="stable")]


class _Work:
    """One amendment of a graph; places are those after it."""

    def __init__(self, table: EdgeTable, news: News, config: GraphConfig) -> None:
        self.table, self.news, self.config = table, news, config
        self.n = len(news.ids)
        self.place = _places(table.ids, news.ids)
        before = np.zeros(self.n, dtype=bool)
        before[self.place[self.place >= 0]] = True
        retied = np.array([i in news.retied for i in news.ids], dtype=bool)
        self.enters = (~before | retied).astype(bool)
        """Who has to be compared with everybody."""

        head, tail = self.place[table.edges["head"]], self.place[table.edges["tail"]]
        self.stays = (head >= 0) & (tail >= 0)
        """Of each edge before: both ends are still there."""

        self.kept = table.edges[self.stays]
        self.kept["head"], self.kept["tail"] = head[self.stays], tail[self.stays]
        again = self.enters[self.kept["head"]] | self.enters[self.kept["tail"]]
        for name in ("semantic", "concepts"):
            self.kept[name][again] = 0
        self.retied_edges = np.flatnonzero(again)
        self.pairs = _pairs_of(self.kept, self.n)

    # -- the semantic layer --------------------------------------------------------------------

    def semantic_layer(self) -> "_Layer":
        """Return the layer as it has to be, beside what it was."""
        was = self.kept["semantic"] > 0
        if not self.table.layers.get("semantic"):
            return _Layer(NO_TIES, np.zeros_like(was), np.empty(0, np.int64))
        ties = self._semantic_ties()
        pairs = _pairs(ties, self.n)
        at, known = _found(pairs, self.pairs)
        stays = np.zeros_like(was)
        stays[at[known]] = True
        return _Layer(ties, was & ~stays, np.append(pairs[~known], self.pairs[stays & ~was]))

    def _semantic_ties(self) -> LayerTies:
        k = self.config.k_semantic
        before = _own_lists(self.table.edges, len(self.table.ids), k)
        row, other = self.place[before.row], self.place[before.other]
        gone = other < 0
        gone[~gone] = self.enters[other[~gone]]
        was_full = np.bincount(before.row, minlength=len(self.table.ids)) == k
        hungry = np.zeros(self.n, dtype=bool)
        lost = row[gone & was_full[before.row] & (row >= 0)]
        hungry[lost] = True
        hungry |= self.enters

        stays = ~gone & (row >= 0)
        stays[stays] &= ~hungry[row[stays]]
        standing = Entries(row[stays], other[stays], before.steps[stays])
        rows = np.flatnonzero(hungry)
        bars = self._bars(~hungry, standing, k)
        near, seen = nearest_and_seen(self.news.vectors, rows, k, bars)
        ties = near.steps >= self._floor()
        new = self.enters[seen.other]
        lists = _first_of_each(
            np.concatenate([standing.row, near.row[ties], seen.row[new]]),
            np.concatenate([standing.other, near.other[ties], seen.other[new]]),
            np.concatenate([standing.steps, near.steps[ties], seen.steps[new]]),
            k=k,
            n=self.n,
        )
        return LayerTies(lists.row, lists.other, (lists.steps / STEPS).astype(np.float32))

    def _floor(self) -> int:
        """Return the least cosine that ties, in millionths."""
        return max(1, int(np.ceil(np.float32(self.config.min_cosine) * STEPS - 0.5)))

    def _bars(self, standing: NDArray[np.bool_], old: Entries, k: int) -> Numbers:
        """Return what a cosine has to be for a new one to be among the nearest of each."""
        bars = np.full(self.n, self._floor(), dtype=np.int64)
        count = np.bincount(old.row, minlength=self.n)
        full = np.flatnonzero(count == k)
        last = np.cumsum(count)[full] - 1
        bars[full] = np.maximum(bars[full], old.steps[last])
        bars[~standing] = 2 * STEPS
        return bars

    # -- sources -------------------------------------------------------------------------------

    def source_ties(self, semantic: "_Layer") -> "_SourceTies":
        """Return the pairs that a source ties, among those where that may be different now."""
        if not self.table.layers.get("source"):
            return _SourceTies(np.empty(0, np.int64), np.empty(0, np.int64))
        suspects = self._suspects(semantic)
        place = {identifier: at for at, identifier in enumerate(self.news.ids)}
        wanted: dict[str, set[int]] = {}
        for source in self.news.new_sources:
            wanted[source] = {place[i] for i in self.news.makers.statements_of(source)}
        retied = sorted(self.news.retied)
        for identifier, sources in self.news.makers.sources_of(retied).items():
            for source in sources:
                wanted.setdefault(source, set()).add(place[identifier])
        for source, ends in self._common_sources(suspects).items():
            wanted.setdefault(source, set()).update(ends)
        found = [self._nearest_in(source, ends, place) for source, ends in sorted(wanted.items())]
        return _SourceTies(suspects, np.unique(np.concatenate([np.empty(0, np.int64), *found])))

    def _suspects(self, semantic: "_Layer") -> Numbers:
        """Return pairs that may hold together by a source alone, or no longer even by that."""
        lost = semantic.lost | (self.kept["relations"] > 0)
        lost[self.retied_edges] = True
        if self.news.touched:
            other = np.array([i in self.news.touched for i in self.news.ids], dtype=bool)
            lost |= other[self.kept["head"]] & other[self.kept["tail"]]
        return np.asarray(self.pairs[lost & (self.kept["source"] > 0)])

    def _common_sources(self, pairs: Numbers) -> dict[str, set[int]]:
        ends = np.divmod(pairs, max(1, self.n))
        ids = sorted({self.news.ids[at] for side in ends for at in side.tolist()})
        sources = self.news.makers.sources_of(ids)
        common: dict[str, set[int]] = {}
        for one, other in zip(*(side.tolist() for side in ends), strict=True):
            both = sources.get(self.news.ids[one], frozenset()) & sources.get(
                self.news.ids[other], frozenset()
            )
            for source in both:
                common.setdefault(source, set()).update((one, other))
        return common

    def _nearest_in(self, source: str, ends: set[int], place: Mapping[str, int]) -> Numbers:
        group = np.array([place[i] for i in self.news.makers.statements_of(source)])
        rows = np.searchsorted(group, sorted(ends))
        near = nearest_among(self.news.vectors[group], rows, self.config.k_source).indices
        one, other = np.repeat(group[rows], near.shape[1]), group[near].ravel()
        return np.asarray(np.minimum(one, other) * self.n + np.maximum(one, other))

    # -- the whole -----------------------------------------------------------------------------

    def assembled(self, semantic: "_Layer", source: "_SourceTies") -> Amended:
        """Put the layers together; edges that nothing concerns stay as they are."""
        concerned = [self.pairs[self.retied_edges], source.suspects, source.tied]
        concerned += [self.pairs[semantic.lost], semantic.new]
        concerned += [_pairs(self.news.concepts, self.n), _pairs(self.news.relations, self.n)]
        concerned += [self.pairs[self.kept["relations"] > 0]]
        pairs = np.unique(np.concatenate(concerned))

        rows = np.zeros(len(pairs), dtype=EDGE)
        rows["head"], rows["tail"] = np.divmod(pairs, max(1, self.n))
        at, known = _found(pairs, self.pairs)
        for name in ("concepts", "source"):
            rows[name][known] = self.kept[name][at[known]]
        for name, ties in (
            ("semantic", semantic.ties),
            ("concepts", self.news.concepts),
            ("relations", self.news.relations),
        ):
            self._fill(rows[name], pairs, ties)
        holds = np.isin(pairs, source.tied)
        self._mark_sources(rows, ~known | np.isin(pairs, source.suspects))
        holds |= (rows["semantic"] > 0) | (rows["concepts"] > 0) | (rows["relations"] > 0)
        total = sum(
            (weight * rows[name].astype(np.float64) for name, weight in self.table.layers.items()),
            start=np.float64(0),
        )
        rows["weight"] = total
        return self._spliced(rows[holds], at[known])

    def _fill(self, column: NDArray[np.float32], pairs: Numbers, ties: LayerTies) -> None:
        """Write the similarities of ties that are among the pairs; of two ends, the greater."""
        own = _pairs(ties, self.n)
        at, there = _found(own, pairs)
        np.maximum.at(column, at[there], ties.similarity[there])

    def _mark_sources(self, rows: NDArray[np.void], wanted: NDArray[np.bool_]) -> None:
        if not self.table.layers.get("source"):
            return
        places = np.flatnonzero(wanted).tolist()
        ends = [(int(rows["head"][at]), int(rows["tail"][at])) for at in places]
        ids = sorted({self.news.ids[end] for pair in ends for end in pair})
        sources = self.news.makers.sources_of(ids)
        nobody: frozenset[str] = frozenset()
        for at, (one, other) in zip(places, ends, strict=True):
            made = sources.get(self.news.ids[one], nobody)
            common = made & sources.get(self.news.ids[other], nobody)
            rows["source"][at] = bool(common)

    def _spliced(self, rows: NDArray[np.void], known: Numbers) -> Amended:
        """Return the graph with these rows in place of what it had for these pairs."""
        original = self.table.edges[self.stays][known]
        new_of_pair = np.searchsorted(_pairs_of(rows, self.n), self.pairs[known])
        same = new_of_pair < len(rows)
        moved = self.table.edges[self.stays][known].copy()
        moved["head"], moved["tail"] = self.kept["head"][known], self.kept["tail"][known]
        same[same] = rows[new_of_pair[same]] == moved[same]
        unchanged = np.isin(_pairs_of(rows, self.n), self.pairs[known][same])
        rest = np.ones(len(self.kept), dtype=bool)
        rest[known] = False
        edges = _sorted(np.concatenate([self.kept[rest], rows]), self.n)
        return Amended(
            EdgeTable(self.news.ids, edges, self.table.layers),
            np.concatenate([self.table.edges[~self.stays], original[~same]]),
            rows[~unchanged],
        )


class _Layer(NamedTuple):
    """A layer as it has to be."""

    ties: LayerTies
    lost: NDArray[np.bool_]
    """Of each edge that is kept: it was of the layer, and is no longer."""

    new: Numbers
    """Pairs that were not of the layer."""


class _SourceTies(NamedTuple):
    suspects: Numbers
    """Pairs that were tied by a source and may no longer be."""

    tied: Numbers
    """Pairs that a source holds together."""


def _pairs(ties: LayerTies, n: int) -> Numbers:
    return np.asarray(np.minimum(ties.one, ties.other) * n + np.maximum(ties.one, ties.other))


def _found(pairs: Numbers, among: Numbers) -> tuple[Numbers, NDArray[np.bool_]]:
    """Return where each pair is among others, which are ascending, and whether it is there."""
    at = np.searchsorted(among, pairs)
    there = at < len(among)
    there[there] = among[at[there]] == pairs[there]
    return at, there


def _own_lists(edges: NDArray[np.void], n: int, k: int) -> Entries:
    """Return the k nearest of every statement, read back from the layer: by row, nearest first."""
    tied = edges[edges["semantic"] > 0]
    steps = np.rint(tied["semantic"].astype(np.float64) * STEPS).astype(np.int64)
    one = np.concatenate([tied["head"], tied["tail"]]).astype(np.int64)
    other = np.concatenate([tied["tail"], tied["head"]]).astype(np.int64)
    return _first_of_each(one, other, np.concatenate([steps, steps]), k=k, n=n)


def _first_of_each(row: Numbers, other: Numbers, steps: Numbers, *, k: int, n: int) -> Entries:
    """Return the k nearest of each row, nearest first, ties to the lower place."""
    bits = max(1, n.bit_length())
    assert 2 * bits + _STEP_BITS < 63, "so many statements do not fit into one number"
    keys = np.sort((row << (bits + _STEP_BITS)) | ((STEPS - steps) << bits) | other)
    row = keys >> (bits + _STEP_BITS)
    near = np.arange(len(row)) - np.searchsorted(row, row) < k
    keys, row = keys[near], row[near]
    steps = STEPS - ((keys >> bits) & ((1 << _STEP_BITS) - 1))
    return Entries(row, keys & ((1 << bits) - 1), steps)
