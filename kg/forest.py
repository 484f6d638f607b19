"""The communities of one run as arrays: who lies in what, on every level.

Comparing two runs asks of each statement which communities hold it. Those are a path in a tree, so
a run is a table with a row a statement and a column a level; which communities of two runs overlap,
and in how many statements, is a count over the rows that both tables have. It takes time and memory
in proportion to the statements times the depths of the two hierarchies, however many communities
there are: no table of all pairs is ever made.

Communities are numbered by level and then by their smallest statement, which the order of ids and
of rows does not touch. (Within a level communities are disjoint, so no two have the same.)
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlmodel import Session, select

from kg.runs import run_of
from kg.tables import Community, Membership

Ints = NDArray[np.int64]


class CommunityRow(NamedTuple):
    """What has to be known of a community to place it."""

    id: str
    parent_id: str | None
    link: str


@dataclass(frozen=True)
class Forest:
    """Communities and sub-communities of one run."""

    statements: tuple[str, ...]
    """Ascending."""

    ids: tuple[str, ...]
    """Of the communities, by level and smallest statement; one without statements is left out."""

    links: tuple[str, ...]
    """Permanent links, in the same order; empty where none is known yet."""

    parent: Ints
    """Number of the community that each is a part of; -1 at the top."""

    level: Ints
    """0 at the top."""

    homes: Ints
    """Statement by level: the number of the community that holds it there, -1 below the deepest."""

    @property
    def deepest(self) -> Ints:
        """The number of the deepest community of each statement."""
        depth = np.count_nonzero(self.homes >= 0, axis=1)
        deepest: Ints = self.homes[np.arange(len(self.homes)), depth - 1]
        return deepest

    @cached_property
    def sizes(self) -> Ints:
        """How many statements each community holds."""
        return counts_of(self.homes, len(self.ids))

    @cached_property
    def _by_home(self) -> list[tuple[Ints, Ints]]:
        """By level: the statements ordered by community, and where each community begins."""
        found = []
        for column in self.homes.T:
            order = np.argsort(column, kind="stable")
            found.append((order, np.searchsorted(column[order], np.arange(len(self.ids) + 1))))
        return found

    def members(self, community: int) -> list[str]:
        """Return the statements of a community, ascending."""
        order, starts = self._by_home[self.level[community]]
        return [self.statements[at] for at in order[starts[community] : starts[community + 1]]]

    def branch(self, community: int) -> list[int]:
        """Return a community and those that contain it, from the inside out."""
        found = []
        while community >= 0:
            found.append(int(community))
            community = int(self.parent[community])
        return found


def forest_of(session: Session, run_id: int) -> Forest:
    """Read the communities of a run.

    Raises:
        NotFoundError: No run has this number.
    """
    run_of(session, run_id)
    communities = session.exec(
        select(Community.id, Community.parent_id, Community.link).where(Community.run_id == run_id)
    )
    memberships = session.exec(
        select(Membership.statement_id, Membership.community_id).where(Membership.run_id == run_id)
    )
    return as_forest([CommunityRow(*row) for row in communities], memberships.all())


def as_forest(
    communities: Sequence[CommunityRow], memberships: Iterable[tuple[str, str]]
) -> Forest:
    """Build a forest from its communities and the deepest community of each statement."""
    place = {row.id: at for at, row in enumerate(communities)}
    above = np.array([place[row.parent_id] if row.parent_id else -1 for row in communities], int)
    held = sorted(memberships)
    deepest = np.array([place[community] for _, community in held], int)
    level = _levels(above)
    homes = np.full((len(held), level.max(initial=-1) + 1), -1)
    rows, here = np.arange(len(held)), deepest
    while len(rows):
        homes[rows, level[here]] = here
        inside = above[here] >= 0
        rows, here = rows[inside], above[here[inside]]
    order = [at for column in homes.T for at in _by_first_member(column)]
    number = np.full(len(communities) + 1, -1)
    number[order] = np.arange(len(order))
    return Forest(
        statements=tuple(statement for statement, _ in held),
        ids=tuple(communities[at].id for at in order),
        links=tuple(communities[at].link for at in order),
        parent=number[above[order]] if order else np.zeros(0, int),
        level=level[order] if order else np.zeros(0, int),
        homes=number[homes],
    )


def _levels(above: Ints) -> Ints:
    level = np.zeros(len(above), int)
    here = above.copy()
    while (here >= 0).any():
        level += here >= 0
        here = np.where(here >= 0, above[here], -1)
    return level


def _by_first_member(column: Ints) -> list[int]:
    """Return the communities of one level in the order of their smallest statements."""
    found, first = np.unique(column, return_index=True)
    ordered = found[np.argsort(first)]
    return [int(at) for at in ordered if at >= 0]


def counts_of(homes: Ints, n_communities: int) -> Ints:
    """Return how often each community stands in these rows."""
    return np.bincount(homes[homes >= 0], minlength=n_communities)


@dataclass(frozen=True)
class Overlaps:
    """How many statements a community of one run shares with one of another.

    Pairs that share none are left out. Only statements that both runs cluster count, here and in
    the sizes.
    """

    before: Ints
    """Number of the community of the first run; ascending, then by the second's."""

    after: Ints
    shared: Ints
    sizes_before: Ints
    """By number: how many statements of each community of the first run the second run clusters."""

    sizes_after: Ints
    rows_before: Ints
    """The rows of the first forest whose statements the second has, ascending."""

    rows_after: Ints
    """The rows of the second forest with the same statements in the same order."""

    @property
    def jaccard(self) -> NDArray[np.float64]:
        """Shared statements over all statements of the two, in (0, 1]; of each pair."""
        union = self.sizes_before[self.before] + self.sizes_after[self.after] - self.shared
        return self.shared / union


def overlaps_of(before: Forest, after: Forest) -> Overlaps:
    """Count what the communities of two runs share."""
    place = {statement: at for at, statement in enumerate(after.statements)}
    both = [(at, place[s]) for at, s in enumerate(before.statements) if s in place]
    rows_before, rows_after = np.array(both, int).reshape(-1, 2).T
    left, right = before.homes[rows_before], after.homes[rows_after]
    n = len(after.ids)
    pairs, counts = _counted(before.deepest[rows_before] * n + after.deepest[rows_after])
    # From here on a row is a pair of deepest communities, and counts for all their statements.
    up, across = _ancestry(before)[pairs // max(n, 1)], _ancestry(after)[pairs % max(n, 1)]
    keys = up[:, :, None] * n + across[:, None, :]
    is_pair = (up[:, :, None] >= 0) & (across[:, None, :] >= 0)
    weights = np.broadcast_to(counts[:, None, None], keys.shape)[is_pair]
    found, inverse = np.unique(keys[is_pair], return_inverse=True)
    return Overlaps(
        before=found // max(n, 1),
        after=found % max(n, 1),
        shared=np.bincount(inverse, weights=weights, minlength=len(found)).astype(int),
        sizes_before=counts_of(left, len(before.ids)),
        sizes_after=counts_of(right, n),
        rows_before=rows_before,
        rows_after=rows_after,
    )


def _counted(keys: Ints) -> tuple[Ints, Ints]:
    found, counts = np.unique(keys, return_counts=True)
    return found, counts


def _ancestry(forest: Forest) -> Ints:
    """Return each community with those that contain it, as a row of numbers, -1 behind the last."""
    columns = [np.arange(len(forest.ids))]
    for _ in range(forest.homes.shape[1] - 1):
        last = columns[-1]
        columns.append(np.where(last >= 0, forest.parent[last], -1))
    return np.stack(columns, axis=1)
