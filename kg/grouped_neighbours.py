"""The nearest neighbours of each vector within its groups, of which many are small.

Small groups of like size go through one product together: a call for each would take longer than
its product.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from kg.embedders import Vectors
from kg.nearest import NOBODY
from kg.neighbours import nearest_neighbours
from kg.processor import one_thread
from kg.products import STEPS, Places

SMALL = 256
"""Groups of up to so many members are multiplied many at once."""

_MEMBERS = 4096
"""Of all the groups of one product."""


class Within(NamedTuple):
    """Members of groups with their nearest in the group, as two columns."""

    rows: Places
    others: Places
    recall: float
    """The lowest of all groups: some neighbours can be missed in very large ones."""


def neighbours_within(vectors: Vectors, groups: Sequence[Sequence[int]], k: int) -> Within:
    """Return each member of each group with its k nearest in the group.

    Args:
        vectors: [n, d], of length 1.
        groups: Which vectors are together, each ascending; one can be in several groups.
        k: How many; in a group with fewer than k + 1 members, all the others.
    """
    rows, others = [np.empty(0, dtype=np.intp)], [np.empty(0, dtype=np.intp)]
    by_size = sorted(range(len(groups)), key=lambda at: len(groups[at]))
    small = [at for at in by_size if 1 < len(groups[at]) <= SMALL]
    while small:
        most = max(1, _MEMBERS // len(groups[small[-1]]))
        batch, small = small[-most:], small[:-most]
        with one_thread():  # threads wait longer for each other than they multiply
            found = _nearest_in_groups(vectors, [groups[at] for at in batch], k)
        rows.append(found[0])
        others.append(found[1])
    recall = 1.0
    for at in by_size:
        if len(groups[at]) > SMALL:
            group = np.array(groups[at], dtype=np.intp)
            indices, _, found_share = nearest_neighbours(vectors[group], k)
            recall = min(recall, found_share)
            rows.append(np.repeat(group, indices.shape[1]))
            others.append(group[indices].ravel())
    return Within(np.concatenate(rows), np.concatenate(others), recall)


def _nearest_in_groups(
    vectors: Vectors, groups: Sequence[Sequence[int]], k: int
) -> tuple[Places, Places]:
    """Return each member with its k nearest in its group, all groups at once."""
    sizes = np.array([len(group) for group in groups])
    widest = int(sizes.max())
    is_member = np.arange(widest) < sizes[:, None]
    places = np.zeros((len(groups), widest), dtype=np.intp)
    places[is_member] = np.concatenate([np.asarray(group, dtype=np.intp) for group in groups])
    held = vectors[places]
    steps = np.rint(held @ held.transpose(0, 2, 1) * np.float32(STEPS)).astype(np.int32)
    steps[~np.broadcast_to(is_member[:, None, :], steps.shape)] = NOBODY
    steps[:, np.arange(widest), np.arange(widest)] = NOBODY
    keys = np.arange(widest, dtype=np.int32) - steps * np.int32(widest)  # below 2 · 10⁶ · SMALL
    near = np.argpartition(keys, min(k, widest) - 1, axis=2)[:, :, :k]
    real = np.take_along_axis(steps, near, 2) > NOBODY
    real &= is_member[:, :, None]
    group, member, rank = np.nonzero(real)
    return places[group, member], places[group, near[group, member, rank]]
