r"""Groups of things that occur together, by how shortly their occurrences can be written down.

To say which groups are active on an input costs, for every active one, its name, and
:math:`\alpha` bits for every rank-one matrix it brings along. Group i is active on
:math:`s_i` inputs, those on which any of its :math:`r_i` members is; S is the sum of all
:math:`s_i`, and k the number of groups. Names are either

* *by frequency*, as short as Shannon allows, :math:`-\log_2 (s_i / S)` bits:
  :math:`L = \sum_i s_i (\log_2 (S / s_i) + \alpha r_i)`; or
* *equal*, :math:`\log_2 k` bits: :math:`L = \sum_i s_i (\log_2 k + \alpha r_i)`, as in the
  literature (Goodfire 2026, Interpreting Language Model Parameters, appendix on clustering).

With equal names every merge shortens all the others' names, so that groups much rarer than the
mean are merged though they never meet; with names by frequency and :math:`\alpha \ge 1` no two
groups that never meet are. With :math:`s_{ij}` inputs on which both are active and
:math:`s_\cup = s_i + s_j - s_{ij}`, a merge changes L by

.. math:: \Delta L &= A_{ij} + h(S - s_{ij}) - h(S) - h(s_\cup) + h(s_i) + h(s_j)
    \quad\text{or} \\ \Delta L &= A_{ij} - S \log_2 \tfrac{k}{k-1} - s_{ij} \log_2 (k-1),
    \quad\text{with } h(s) = s \log_2 s, \\
    A_{ij} &= \alpha\,(s_\cup (r_i + r_j) - s_i r_i - s_j r_j).

The cheapest merge is made until none makes L shorter. (The literature draws among the cheapest
ones instead.)

**Time.** Of the pairs not touched by a merge, only :math:`h(S - s_{ij}) - h(S)` or
:math:`-s_{ij} \log_2(k-1)` changes, and both grow as S and k fall. So the cheapest merge of every
group, once computed, stays a lower bound, and only groups whose bound is the smallest are looked
at again: a few rows of n numbers for each merge, O(n²) in all if few bounds are wrong, instead of
O(n³). How often a new group is active together with each other is counted in packed bits.
"""

from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

Reals = npt.NDArray[np.float64]

Names = Literal["by_frequency", "equal"]
"""How long the name of a group is."""


class Merge(NamedTuple):
    """Two groups that became one."""

    kept: int
    """Least member of the new group."""

    taken: int
    """Least member of the group that went into it."""

    change: float
    """Of the description length, in bits over all inputs; negative."""


class Grouping(NamedTuple):
    """A partition, and how it came about."""

    groups: list[list[int]]
    """Members in ascending order; groups by their least member."""

    merges: list[Merge]
    bits_before: float
    """Description length with every member a group of its own, over all inputs."""

    bits_after: float


def group_by_description_length(
    active: npt.NDArray[np.bool_], alpha: float, names: Names = "by_frequency"
) -> Grouping:
    """Merge columns of `inputs members` until no merge makes the description shorter.

    Of equally cheap merges the one with the least indices comes first, so the result is decided
    by the columns alone. A member that is never active stays alone.
    """
    state = _State(active, alpha, names)
    before = state.bits()
    merges: list[Merge] = []
    while state.k > 1:
        one, other, change = state.cheapest()
        if change >= 0:
            break
        state.merge(one, other)
        merges.append(Merge(one, other, change))
    groups = sorted(members for members in state.members if members)
    return Grouping(groups, merges, before, state.bits())


class _State:
    """The groups so far, with a lower bound on the cheapest merge of each."""

    def __init__(self, active: npt.NDArray[np.bool_], alpha: float, names: Names) -> None:
        n = active.shape[1]
        self.alpha, self.names = alpha, names
        self.members = [[c] for c in range(n)]
        self.bits_of = _packed(active)
        self.counts: Reals = active.sum(axis=0).astype(np.float64)
        self.sizes: Reals = np.ones(n)
        columns = active.astype(np.float32)
        self.both: npt.NDArray[np.float32] = columns.T @ columns  # exact below 2²⁴ inputs
        self.is_group = self.counts > 0
        self.k, self.total = int(self.is_group.sum()), float(self.counts.sum())
        self.bound: Reals = np.full(n, np.inf)
        for c in np.flatnonzero(self.is_group).tolist():
            self.bound[c] = self._costs(c).min(initial=np.inf)

    def bits(self) -> float:
        """Return the description length."""
        counts, sizes = self.counts[self.is_group], self.sizes[self.is_group]
        members = self.alpha * float(counts @ sizes)
        if self.names == "equal":
            return members + self.total * float(np.log2(max(self.k, 1)))
        return members + float(_h(np.array(self.total)) - _h(counts).sum())

    def cheapest(self) -> tuple[int, int, float]:
        """Return the cheapest merge and the change it makes; refreshes the bounds it needs."""
        exact: dict[int, int] = {}
        while True:
            one = int(self.bound.argmin())
            if one in exact:
                shorter = self.total * (np.log2(self.k - 1) - np.log2(self.k))
                name = shorter if self.names == "equal" else 0.0
                pair = sorted((one, exact[one]))
                return pair[0], pair[1], float(name + self.bound[one])
            costs = self._costs(one)
            exact[one] = int(costs.argmin())
            self.bound[one] = costs[exact[one]]

    def merge(self, one: int, other: int) -> None:
        """Put a group into another, and let the bounds know the new pairs."""
        self.members[one] = sorted(self.members[one] + self.members[other])
        self.members[other] = []
        self.bits_of[one] |= self.bits_of[other]
        shared = np.bitwise_count(self.bits_of & self.bits_of[one]).sum(axis=1)
        self.both[one] = self.both[:, one] = shared
        self.total += float(shared[one] - self.counts[one] - self.counts[other])
        self.counts[one] = shared[one]
        self.sizes[one] += self.sizes[other]
        self.is_group[other] = False
        self.bound[other] = np.inf
        self.k -= 1
        self.bound[one] = self._costs(one).min(initial=np.inf)  # of all pairs that are new

    def _costs(self, one: int) -> Reals:
        """Return what a merge with each group costs, apart from what all merges save alike."""
        counts, sizes, both = self.counts, self.sizes, self.both[one].astype(np.float64)
        union = counts + counts[one] - both
        parts = union * (sizes + sizes[one]) - counts * sizes - counts[one] * sizes[one]
        costs: Reals = self.alpha * parts
        if self.names == "equal":
            costs -= np.log2(max(self.k - 1, 1)) * both
        else:
            costs += _h(self.total - both) - _h(np.array(self.total))
            costs += _h(counts) + _h(counts[one]) - _h(union)
        costs[~self.is_group] = np.inf
        costs[one] = np.inf
        return costs


def _h(counts: Reals) -> Reals:
    """Return s log2 s, which is 0 at 0."""
    return np.asarray(counts * np.log2(np.maximum(counts, 1)))


def _packed(active: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint64]:
    """Return `members words`: the column of each member as bits."""
    padded = np.zeros((active.shape[1], -(-len(active) // 64) * 64), dtype=np.bool_)
    padded[:, : len(active)] = active.T
    return np.packbits(padded, axis=1).view(np.uint64)
