"""The graph of a run after statements came and went, without building it again.

*Semantic layer.* A graph holds what it takes to go on: the nearest neighbours of every statement
(`kg.own_lists`). So a new statement is compared with all others once. It is tied to its own
nearest, and to every statement to which it is nearer than the k-th that one had; that one then
loses its k-th, and the tie goes unless the other end still wants it. Who loses a neighbour
because it was taken out is compared with all others again. The layer is then the one that
`kg.hybrid_graph` would build, but for cosines that differ in the sixth decimal. Only lists that
change are looked at, and edges that nothing concerns are copied as they are.

*Concepts.* What ties the new ones is given (`kg.concept_index`); old ties stay as they are.

*Relations.* The layer is given whole: there are as many as somebody asserted.

*Sources.* As in `kg.hybrid_graph`, for the sources that came and for pairs that lost every
other tie.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kg.grouped_neighbours import SMALL, neighbours_within
from kg.hybrid_graph import GraphConfig
from kg.neighbours import nearest_among
from kg.newcomers import Everybody, nearest_and_seen
from kg.own_lists import Entries, OwnLists, first_of_each
from kg.products import STEPS
from kg.stored_graph import EDGE, ENDS, Columns, EdgeTable, pairs_of, place_of

Numbers = NDArray[np.int64]


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

    added: Sequence[str]
    """Those that were not there."""

    removed: Sequence[str]
    """Statements that were there and are no longer."""

    retied: frozenset[str]
    """Statements that stayed but have another vector."""

    touched: frozenset[str]
    """Statements that stayed but have other sources."""

    new_sources: Sequence[str]
    vectors: Everybody
    """Of the ids, in their order; of none if no layer needs any."""

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


@contextmanager
def amending(
    table: EdgeTable, news: News, config: GraphConfig
) -> Iterator[Callable[[Callable[[], LayerTies]], Amended]]:
    """Begin to look for neighbours; yields what returns the graph with those that there are now.

    It is to be given what returns the ties by concepts of who is new or retied.

    Args:
        table: The graph as it stands.
        news: What came and went.
        config: How the graph was built.
    """
    work = _Work(table, news, config)
    with work.searching() as found:

        def amended(concepts: Callable[[], LayerTies]) -> Amended:
            semantic = found()
            return work.assembled(semantic, concepts(), work.source_ties(semantic))

        yield amended


def without(table: EdgeTable, gone: Sequence[str]) -> Amended:
    """Return a graph without some of its statements and their ties, and with nothing new."""
    edges, stays = _carried(table.edges, places_after(table.ids, [], gone))
    after = EdgeTable(ids_after(table.ids, [], gone), edges, table.layers)
    return Amended(after, table.records(np.flatnonzero(~stays)), np.empty(0, EDGE))


def restored(
    table: EdgeTable, added: Sequence[str], removed: Sequence[str], change: Amended
) -> EdgeTable:
    """Return the graph that a change was made to; only its `removed` and `added` are looked at.

    Args:
        table: The graph after the change.
        added: The statements that came by it.
        removed: Those that went.
        change: The change.
    """
    at, there = _found(pairs_of(change.added, len(table.ids)), table.pairs())
    kept = np.ones(len(table.edges["head"]), dtype=bool)
    kept[at[there]] = False
    ids = ids_after(table.ids, removed, added)
    edges, _ = _carried(_rows(table.edges, kept), places_after(table.ids, removed, added))
    return EdgeTable(ids, _with(edges, change.removed, len(ids)), table.layers)


def ids_after(before: Sequence[str], added: Sequence[str], removed: Sequence[str]) -> list[str]:
    """Return ids, ascending, once some came and others went."""
    gone = set(removed)
    kept = [i for i in before if i not in gone] if gone else before
    return sorted([*kept, *added])  # nearly in order already: faster than to put each in place


def places_after(before: Sequence[str], added: Sequence[str], removed: Sequence[str]) -> Numbers:
    """Return the place that each id has once some came and others went; -1 for those.

    Args:
        before: The ids, ascending.
        added: Ids that are not among them.
        removed: Ids that are.
    """
    gone = np.array([place_of(before, i) for i in removed], dtype=np.int64)
    came = np.array([bisect_left(before, i) for i in added], dtype=np.int64)
    n = len(before)
    steps = np.bincount(came, minlength=n + 1) - np.bincount(gone + 1, minlength=n + 1)
    place = np.arange(n) + np.cumsum(steps)[:n]
    place[gone] = -1
    return place


def _carried(edges: Columns, place: Numbers) -> tuple[Columns, NDArray[np.bool_]]:
    """Return the edges whose ends still have places, with those, and which ones they are."""
    head, tail = (place[edges[name]] for name in ENDS)
    stays = (head >= 0) & (tail >= 0)
    if not stays.all():
        edges, head, tail = _rows(edges, stays), head[stays], tail[stays]
    return {**edges, "head": head.astype(np.int32), "tail": tail.astype(np.int32)}, stays


def _rows(edges: Columns, rows: NDArray[np.bool_]) -> Columns:
    return {name: column[rows] for name, column in edges.items()}


def _with(edges: Columns, rows: NDArray[np.void], n: int) -> Columns:
    """Return edges with some more, which are not among them, all in their order."""
    pairs = pairs_of(rows, n)
    order = np.argsort(pairs)
    at = np.searchsorted(pairs_of(edges, n), pairs[order])
    return {name: np.insert(column, at, rows[name][order]) for name, column in edges.items()}


class _Work:
    """One amendment of a graph; places are those after it."""

    def __init__(self, table: EdgeTable, news: News, config: GraphConfig) -> None:
        self.table, self.news, self.config = table, news, config
        self.n = len(news.ids)
        self.place = places_after(table.ids, news.added, news.removed)
        self.enters = np.zeros(self.n, dtype=bool)
        """Who has to be compared with everybody."""

        self.enters[self._places([*news.added, *news.retied])] = True
        edges, self.stays = _carried(table.edges, self.place)
        """Of each edge before: both ends are still there."""

        self.kept = dict(edges)
        again = self.enters[self.kept["head"]] | self.enters[self.kept["tail"]]
        self.retied_edges = np.flatnonzero(again)
        for name in ("semantic", "concepts") if len(self.retied_edges) else ():
            self.kept[name] = np.where(again, np.float32(0), self.kept[name])
        self.pairs = pairs_of(self.kept, self.n)

    # -- the semantic layer --------------------------------------------------------------------

    @contextmanager
    def searching(self) -> Iterator[Callable[[], "_Layer"]]:
        """Begin to look for neighbours; yields what returns what is different in the layer."""
        if not self.table.layers.get("semantic"):
            yield lambda: _Layer(NO_TIES, np.empty(0, np.intp))
            return
        k = self.config.k_semantic
        before = OwnLists.of(self.table.edges, len(self.table.ids), k)
        gone = self.place < 0
        gone[~gone] = self.enters[self.place[~gone]]
        losers = before.rows_that_list(gone)
        hungry = self.enters.copy()
        hungry[self._after(losers[before.counts()[losers] == k])] = True
        bars = np.full(self.n, 2 * STEPS)
        there = self.place >= 0
        bars[self.place[there]] = before.bars(self._floor())[there]
        bars[self._after(losers)] = self._floor()
        bars[hungry] = 2 * STEPS
        with nearest_and_seen(self.news.vectors, np.flatnonzero(hungry), k, bars) as found:
            yield lambda: self._layer(before, _Search(gone, losers, hungry, *found()))

    def _layer(self, before: OwnLists, search: "_Search") -> "_Layer":
        was, now = self._lists(before, search)
        ties = LayerTies(now.row, now.other, (now.steps / STEPS).astype(np.float32))
        left = np.zeros(self.n, dtype=bool)
        left[was.row] = True
        dropped = np.setdiff1d(_entry_pairs(was, self.n), _entry_pairs(now, self.n))
        dropped = dropped[~self._is_listed(dropped, before, left)]
        at, known = _found(dropped, self.pairs)
        return _Layer(ties, at[known])

    def _lists(self, before: OwnLists, search: "_Search") -> tuple[Entries, Entries]:
        """Return the lists that are different, without who is gone: as they were, and as they are.

        All that are different are among both, but those of new statements, which had none.
        """
        near = search.near.where(search.near.steps >= self._floor())
        seen = search.seen.where(self.enters[search.seen.other])
        different = search.hungry.copy()
        different[seen.row] = True
        different[self._after(search.losers)] = True
        there = self.place >= 0
        was = before.of_rows(np.flatnonzero(there)[different[self.place[there]]])
        was = was.where(~search.gone[was.other] & ~search.gone[was.row])
        was = Entries(self.place[was.row], self.place[was.other], was.steps)
        stays = was.where(~search.hungry[was.row])
        return was, first_of_each([stays, near, seen], self.config.k_semantic, self.n)

    def _after(self, rows: Numbers) -> Numbers:
        """Return the places of those of these, by the places that they had, who are still there."""
        place = self.place[rows]
        return place[place >= 0]

    def _is_listed(
        self, pairs: Numbers, before: OwnLists, different: NDArray[np.bool_]
    ) -> NDArray[np.bool_]:
        """Say of each pair whether an end whose list is not different has the other in it."""
        ends = np.divmod(pairs, max(1, self.n))
        standing = np.unique(np.concatenate(ends))
        standing = standing[~different[standing]]
        back = np.zeros(self.n, dtype=np.int64)
        back[self.place[self.place >= 0]] = np.flatnonzero(self.place >= 0)
        lists = before.of_rows(back[standing])
        still = self.place[lists.other] >= 0
        listed = Entries(self.place[lists.row], self.place[lists.other], lists.steps).where(still)
        return np.isin(pairs, _entry_pairs(listed, self.n))

    def _floor(self) -> int:
        """Return the least cosine that ties, in millionths."""
        return max(1, int(np.ceil(np.float32(self.config.min_cosine) * STEPS - 0.5)))

    # -- sources -------------------------------------------------------------------------------

    def source_ties(self, semantic: "_Layer") -> "_SourceTies":
        """Return the pairs that a source ties, among those where that may be different now."""
        if not self.table.layers.get("source"):
            return _SourceTies(np.empty(0, np.int64), np.empty(0, np.int64))
        suspects = self._suspects(semantic)
        wanted: dict[str, set[int]] = {}
        for source in self.news.new_sources:
            wanted[source] = set(self._places(self.news.makers.statements_of(source)))
        retied = sorted(self.news.retied)
        for identifier, sources in self.news.makers.sources_of(retied).items():
            for source in sources:
                wanted.setdefault(source, set()).update(self._places([identifier]))
        for source, ends in self._common_sources(suspects).items():
            wanted.setdefault(source, set()).update(ends)
        found = [np.empty(0, np.int64), *self._nearest_within(wanted)]
        return _SourceTies(suspects, np.unique(np.concatenate(found)))

    def _suspects(self, semantic: "_Layer") -> Numbers:
        """Return pairs that may hold together by a source alone, or no longer even by that."""
        lost = self.kept["relations"] > 0
        lost[semantic.lost] = True
        lost[self.retied_edges] = True
        if self.news.touched:
            other = np.zeros(self.n, dtype=bool)
            other[self._places(sorted(self.news.touched))] = True
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

    def _places(self, identifiers: Iterable[str]) -> list[int]:
        return [place_of(self.news.ids, identifier) for identifier in identifiers]

    def _nearest_within(self, wanted: Mapping[str, set[int]]) -> Iterator[Numbers]:
        """Yield the pairs that these ends make with their nearest in each source.

        The vectors of all sources are read at once, and small sources are looked through together:
        one by one takes ten times as long.
        """
        groups = {
            source: np.array(self._places(self.news.makers.statements_of(source)), dtype=np.int64)
            for source in sorted(wanted)
        }
        everyone = np.unique(np.concatenate([np.empty(0, np.int64), *groups.values()]))
        vectors = self.news.vectors.take(everyone)
        own = {source: np.searchsorted(everyone, group) for source, group in groups.items()}
        small = [each.tolist() for each in own.values() if len(each) <= SMALL]
        rows, others, _ = neighbours_within(vectors, small, self.config.k_source)
        ends = np.array(sorted(set().union(*wanted.values())), dtype=np.int64)
        is_end = np.isin(everyone[rows], ends)
        yield self._as_pairs(everyone[rows[is_end]], everyone[others[is_end]])
        for source, group in own.items():
            if len(group) > SMALL:
                rows = np.searchsorted(groups[source], sorted(wanted[source]))
                near = nearest_among(vectors[group], rows, self.config.k_source).indices
                one, other = np.repeat(group[rows], near.shape[1]), group[near].ravel()
                yield self._as_pairs(everyone[one], everyone[other])

    def _as_pairs(self, one: Numbers, other: Numbers) -> Numbers:
        return np.asarray(np.minimum(one, other) * self.n + np.maximum(one, other))

    # -- the whole -----------------------------------------------------------------------------

    def assembled(self, semantic: "_Layer", concepts: LayerTies, source: "_SourceTies") -> Amended:
        """Put the layers together; edges that nothing concerns stay as they are."""
        concerned = [self.pairs[self.retied_edges], source.suspects, source.tied]
        concerned += [self.pairs[semantic.lost], self._new(semantic.ties)]
        concerned += [_pairs(concepts, self.n), _pairs(self.news.relations, self.n)]
        concerned += [self.pairs[self.kept["relations"] > 0]]
        pairs = np.unique(np.concatenate(concerned))

        rows = np.zeros(len(pairs), dtype=EDGE)
        rows["head"], rows["tail"] = np.divmod(pairs, max(1, self.n))
        at, known = _found(pairs, self.pairs)
        for name in ("semantic", "concepts", "source"):
            rows[name][known] = self.kept[name][at[known]]
        rows["semantic"][np.isin(pairs, self.pairs[semantic.lost])] = 0
        for name, ties in (
            ("semantic", semantic.ties),
            ("concepts", concepts),
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

    def _new(self, ties: LayerTies) -> Numbers:
        """Return the pairs of ties of the semantic layer that were not of it."""
        pairs = _pairs(ties, self.n)
        at, known = _found(pairs, self.pairs)
        known[known] = self.kept["semantic"][at[known]] > 0
        return pairs[~known]

    def _fill(self, column: NDArray[np.float32], pairs: Numbers, ties: LayerTies) -> None:
        """Write the similarities of ties that are among the pairs; of two ends, the greater."""
        own = _pairs(ties, self.n)
        at, there = _found(own, pairs)
        np.maximum.at(column, at[there], ties.similarity[there])

    def _mark_sources(self, rows: NDArray[np.void], wanted: NDArray[np.bool_]) -> None:
        if not self.table.layers.get("source"):
            return
        at = np.flatnonzero(wanted)
        ends = list(zip(rows["head"][at].tolist(), rows["tail"][at].tolist(), strict=True))
        ids = sorted({self.news.ids[end] for end in set().union(*ends)})
        sources = self.news.makers.sources_of(ids)
        nobody: frozenset[str] = frozenset()
        made = {end: sources.get(self.news.ids[end], nobody) for end in set().union(*ends)}
        rows["source"][at] = [not made[one].isdisjoint(made[other]) for one, other in ends]

    def _spliced(self, rows: NDArray[np.void], known: Numbers) -> Amended:
        """Return the graph with these rows in place of what it had for these pairs."""
        before = np.flatnonzero(self.stays)[known]
        were = self.table.records(before)
        moved = were.copy()
        for name in ENDS:
            moved[name] = self.kept[name][known]
        at, same = _found(self.pairs[known], pairs_of(rows, self.n))
        same[same] = rows[at[same]] == moved[same]
        unchanged = np.isin(pairs_of(rows, self.n), self.pairs[known][same])
        rest = np.ones(len(self.pairs), dtype=bool)
        rest[known] = False
        edges = _with(_rows(self.kept, rest), rows, self.n)
        return Amended(
            EdgeTable(self.news.ids, edges, self.table.layers),
            np.concatenate([self.table.records(np.flatnonzero(~self.stays)), were[~same]]),
            rows[~unchanged],
        )


class _Search(NamedTuple):
    """Who was looked for among all, and who was found."""

    gone: NDArray[np.bool_]
    """Of each place before: who is there no longer, or has another vector."""

    losers: Numbers
    """Places before of those who lost one of their nearest."""

    hungry: NDArray[np.bool_]
    """Of each place now: who was compared with everybody."""

    near: Entries
    """The nearest of these."""

    seen: Entries
    """Who of them is nearer to one that stands than its bar."""


class _Layer(NamedTuple):
    """What is different in a layer."""

    ties: LayerTies
    """Those of the lists that are different."""

    lost: NDArray[np.intp]
    """The edges among those kept that were of the layer, and are no longer."""


class _SourceTies(NamedTuple):
    suspects: Numbers
    """Pairs that were tied by a source and may no longer be."""

    tied: Numbers
    """Pairs that a source holds together."""


def _pairs(ties: LayerTies, n: int) -> Numbers:
    return np.asarray(np.minimum(ties.one, ties.other) * n + np.maximum(ties.one, ties.other))


def _entry_pairs(entries: Entries, n: int) -> Numbers:
    low, high = np.minimum(entries.row, entries.other), np.maximum(entries.row, entries.other)
    return np.asarray(low * n + high)


def _found(pairs: Numbers, among: Numbers) -> tuple[Numbers, NDArray[np.bool_]]:
    """Return where each pair is among others, which are ascending, and whether it is there."""
    at = np.searchsorted(among, pairs)
    there = at < len(among)
    there[there] = among[at[there]] == pairs[there]
    return at, there
