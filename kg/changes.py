"""What moved between two clustering runs: which community became which, and which statements moved.

Every community is accounted for by one event or more. With the communities of two runs matched
(`kg.lineage`), call a community *part* of one in the other run if more than half of its statements
(`min_share`), and two or more (`min_part`), lie there. Only statements that both runs cluster count
for this; sizes, and what came and left, are told with all.

- **split**: two communities or more are parts of an earlier one, none of them within another.
- **merged**: the same the other way round.
- **same, grown, shrunk, changed**: a matched pair that is neither; the same if nobody came or left,
  else by its size, and changed if as many came as left.
- **new**, **gone**: a community without a match that is no part in a split or a merger.

The match of a community is always one of its parts, and what lies within the match is not told
apart. A community that has its match elsewhere is no part of what it came from, unless that match
is with a community within the whole: one that falls into its two halves has split, though each half
goes on.

A statement has *moved* if the deepest of its communities that has a match is matched with one that
does not hold it any more, or if none of its communities has a match.

These are the external transitions of MONIC (Spiliopoulou et al., 2006,
doi:10.1145/1150402.1150491), for hierarchies and with the matching one to one.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlmodel import Session, col, func, select

from kg.communities import branch_of, lies_in, sizes_of
from kg.forest import Forest, Overlaps, forest_of, overlaps_of
from kg.lineage import LineageConfig, Matching, match
from kg.partition_similarity import Similarity, similarity
from kg.runs import succeeded_run
from kg.tables import Membership, Run, RunKind, RunStatus

_N_ELSEWHERE = 3


class ChangeKind(StrEnum):
    """What became of a community."""

    SAME = "same"
    GROWN = "grown"
    SHRUNK = "shrunk"
    CHANGED = "changed"
    SPLIT = "split"
    MERGED = "merged"
    NEW = "new"
    GONE = "gone"


class Change(NamedTuple):
    """One event; communities are given by their numbers in the two forests."""

    kind: ChangeKind
    before: tuple[int, ...] = ()
    """Largest first; one, or the parts that merged; none if the community is new."""

    after: tuple[int, ...] = ()
    """Largest first; one, or the parts of a split; none if the community is gone."""

    came: tuple[str, ...] = ()
    """Statements that the communities after hold, and those before did not; ascending."""

    left: tuple[str, ...] = ()
    """Statements that the communities before held, and those after do not; ascending."""

    elsewhere: tuple[int, ...] = ()
    """Of one that is gone, where its statements are; of a new one, where they were. The smallest
    community that holds more than half of them, or else the largest pieces."""


@dataclass(frozen=True)
class Comparison:
    """Two runs beside each other."""

    before: Forest
    after: Forest
    overlaps: Overlaps
    matching: Matching
    config: LineageConfig

    @property
    def n_shared(self) -> int:
        """How many statements both runs cluster."""
        return len(self.overlaps.rows_before)

    @cached_property
    def n_moved(self) -> int:
        """How many of those have moved."""
        to = np.full(len(self.before.ids) + 1, -1)
        for a, b in self.matching.items():
            to[a] = b
        level = np.append(self.after.level, 0)
        old = self.before.homes[self.overlaps.rows_before]
        new = self.after.homes[self.overlaps.rows_after]
        moved = np.ones(len(old), bool)
        for homes in old.T:  # from the top down, so that the deepest has the last word
            target = to[homes]
            known = np.flatnonzero(target >= 0)
            moved[known] = new[known, level[target[known]]] != target[known]
        return int(moved.sum())

    def similarity_at_the_top(self) -> Similarity:
        """Compare the top levels, on the statements that both runs cluster."""
        rows = self.overlaps
        if not self.n_shared:
            return similarity(np.zeros(0, int), np.zeros(0, int))
        old, new = self.before.homes[rows.rows_before], self.after.homes[rows.rows_after]
        return similarity(old[:, 0], new[:, 0])

    def similarity_of_the_deepest(self) -> Similarity:
        """Compare the deepest communities, on the statements that both runs cluster."""
        rows = self.overlaps
        deepest = self.before.deepest[rows.rows_before], self.after.deepest[rows.rows_after]
        return similarity(*deepest)

    @cached_property
    def changes(self) -> list[Change]:
        """Return all events; those that concern the most statements first, and then by number."""
        back = {b: a for a, b in self.matching.items()}
        splits = dict(_parts(self.before, self.after, self.overlaps, back, self.config))
        turned = _turned(self.overlaps)
        mergers = dict(_parts(self.after, self.before, turned, self.matching, self.config))
        in_split = {part for parts in splits.values() for part in parts}
        in_merger = {part for parts in mergers.values() for part in parts}
        found = [self._change(ChangeKind.SPLIT, (whole,), parts) for whole, parts in splits.items()]
        found += [self._change(ChangeKind.MERGED, parts, (w,)) for w, parts in mergers.items()]
        found += [
            self._pair(a, b)
            for a, b in self.matching.items()
            if a not in splits and b not in mergers
        ]
        for b in sorted({*range(len(self.after.ids))} - {*back} - in_split - {*mergers}):
            new = self._change(ChangeKind.NEW, (), (b,))
            found.append(new._replace(elsewhere=_whereabouts(self.before, turned, b, self.config)))
        for a in sorted({*range(len(self.before.ids))} - {*self.matching} - in_merger - {*splits}):
            gone = self._change(ChangeKind.GONE, (a,), ())
            places = _whereabouts(self.after, self.overlaps, a, self.config)
            found.append(gone._replace(elsewhere=places))
        return sorted(found, key=self._order)

    def _pair(self, a: int, b: int) -> Change:
        change = self._change(ChangeKind.SAME, (a,), (b,))
        growth = len(change.came) - len(change.left)
        if growth:
            return change._replace(kind=ChangeKind.GROWN if growth > 0 else ChangeKind.SHRUNK)
        return change._replace(kind=ChangeKind.CHANGED) if change.came else change

    def _change(self, kind: ChangeKind, before: tuple[int, ...], after: tuple[int, ...]) -> Change:
        old = {s for each in before for s in self.before.members(each)}
        new = {s for each in after for s in self.after.members(each)}
        return Change(
            kind,
            tuple(sorted(before, key=lambda each: (-self.before.sizes[each], each))),
            tuple(sorted(after, key=lambda each: (-self.after.sizes[each], each))),
            tuple(sorted(new - old)),
            tuple(sorted(old - new)),
        )

    def _order(self, change: Change) -> tuple[object, ...]:
        concerned = len(change.came) + len(change.left)
        if change.kind in {ChangeKind.SPLIT, ChangeKind.MERGED}:
            concerned += sum(self.before.sizes[each] for each in change.before)
        return (-concerned, change.kind, change.before, change.after)


def compare(
    before: Forest, after: Forest, *, by_links: bool, config: LineageConfig | None = None
) -> Comparison:
    """Compare two runs.

    Args:
        before: The one.
        after: The other.
        by_links: Communities with one permanent link are the same, whatever they hold; the others
            are matched by their members. For runs of one method.
        config: From when on a community is the same, or a part.
    """
    config = config or LineageConfig()
    overlaps = overlaps_of(before, after)
    settled: Matching = {}
    if by_links:
        place = {link: at for at, link in enumerate(after.links) if link}
        settled = {at: place[link] for at, link in enumerate(before.links) if link in place}
    free = ~np.isin(overlaps.before, list(settled)) & ~np.isin(
        overlaps.after, list(settled.values())
    )
    matching = settled | match(before, after, _only(overlaps, free), config)
    return Comparison(before, after, overlaps, dict(sorted(matching.items())), config)


def compare_runs(session: Session, before: int, after: int) -> Comparison:
    """Compare two clustering runs.

    Raises:
        NotFoundError: No run has one of these numbers.
        ConfigError: One of them is no clustering, or did not succeed.
    """
    runs = [
        succeeded_run(session, run, RunKind.CLUSTERING, ": it has no communities")
        for run in (before, after)
    ]
    old, new = forest_of(session, before), forest_of(session, after)
    return compare(old, new, by_links=runs[0].method == runs[1].method)


def previous_run(session: Session, run: Run) -> Run | None:
    """Return the run that was active before this one, of the same method; None if it is the first.

    Args:
        session: Where to look.
        run: A clustering that succeeded.
    """
    return session.exec(
        select(Run)
        .where(
            Run.kind == RunKind.CLUSTERING,
            Run.method == run.method,
            Run.status == RunStatus.SUCCEEDED,
            col(Run.id) < run.id,
        )
        .order_by(col(Run.id).desc())
    ).first()


class Whereabouts(NamedTuple):
    """A community of another run that holds statements of one."""

    community_id: str
    shared: int


def whereabouts(session: Session, community_id: str, run_id: int) -> list[Whereabouts]:
    """Return where the statements of a community are in another run.

    That is the smallest community that holds more than half of those that the run clusters, or else
    the largest pieces, three at most.
    """
    members = select(Membership.statement_id).where(lies_in(community_id))
    counts = session.exec(
        select(Membership.community_id, func.count())
        .where(Membership.run_id == run_id, col(Membership.statement_id).in_(members))
        .group_by(Membership.community_id)
    ).all()
    shared: dict[str, int] = {}
    for deepest, count in counts:
        for identifier in branch_of(deepest):
            shared[identifier] = shared.get(identifier, 0) + count
    total, sizes = sum(count for _, count in counts), sizes_of(session, [run_id])
    holders = [each for each, n in shared.items() if n > LineageConfig().min_share * total]
    if holders:
        home = min(holders, key=lambda each: (sizes[each], each.count("-"), each))
        return [Whereabouts(home, shared[home])]
    top = sorted(
        (each for each in shared if len(branch_of(each)) == 1), key=lambda e: (-shared[e], e)
    )
    return [Whereabouts(each, shared[each]) for each in top[:_N_ELSEWHERE]]


def _only(overlaps: Overlaps, wanted: NDArray[np.bool_]) -> Overlaps:
    return replace(
        overlaps,
        before=overlaps.before[wanted],
        after=overlaps.after[wanted],
        shared=overlaps.shared[wanted],
    )


def _turned(overlaps: Overlaps) -> Overlaps:
    """Return the same overlaps, seen from the other run."""
    order = np.lexsort((overlaps.before, overlaps.after))
    return Overlaps(
        before=overlaps.after[order],
        after=overlaps.before[order],
        shared=overlaps.shared[order],
        sizes_before=overlaps.sizes_after,
        sizes_after=overlaps.sizes_before,
        rows_before=overlaps.rows_after,
        rows_after=overlaps.rows_before,
    )


def _parts(
    wholes: Forest,
    others: Forest,
    overlaps: Overlaps,
    matched: Matching,
    config: LineageConfig,
) -> Iterator[tuple[int, tuple[int, ...]]]:
    """Yield each community that two others or more are parts of, with those.

    Args:
        wholes: The run of the wholes.
        others: The run of the parts.
        overlaps: Seen from the wholes.
        matched: From a community of the others to its match among the wholes.
        config: When a community is a part.
    """
    is_part = (overlaps.shared > config.min_share * overlaps.sizes_after[overlaps.after]) & (
        overlaps.shared >= config.min_part
    )
    candidates: dict[int, set[int]] = {}
    for part, whole in matched.items():
        candidates.setdefault(whole, set()).add(part)
    for whole, part in zip(
        overlaps.before[is_part].tolist(), overlaps.after[is_part].tolist(), strict=True
    ):
        if part not in matched or whole in wholes.branch(matched[part]):
            candidates.setdefault(whole, set()).add(part)
    for whole, parts in sorted(candidates.items()):
        outermost = [p for p in parts if not parts.intersection(others.branch(p)[1:])]
        if len(outermost) > 1:
            yield whole, tuple(sorted(outermost))


def _whereabouts(
    others: Forest, overlaps: Overlaps, community: int, config: LineageConfig
) -> tuple[int, ...]:
    first, last = np.searchsorted(overlaps.before, [community, community + 1])
    shared = dict(
        zip(overlaps.after[first:last].tolist(), overlaps.shared[first:last].tolist(), strict=True)
    )
    total = int(overlaps.sizes_before[community])
    holders = [each for each, n in shared.items() if n > config.min_share * total]
    if holders:
        return (min(holders, key=lambda each: (others.sizes[each], others.level[each], each)),)
    top = sorted((e for e in shared if others.level[e] == 0), key=lambda e: (-shared[e], e))
    return tuple(top[:_N_ELSEWHERE])
