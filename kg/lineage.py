r"""Which community of a later run is which of an earlier one, and the links that follow from it.

Communities of two runs are matched by their members, one to one and all at once: the matching that
is chosen has the greatest sum of

.. math:: w(A, B) = |A \cap B| \cdot J(A, B), \qquad J(A, B) = |A \cap B| / |A \cup B|,

over the pairs with J of a third or more. w is the number of statements that stay, discounted by how
much else has changed; without J the sum would be what Gusfield (2002, Partition-distance: a problem
and class of perfect graphs arising in clustering, doi:10.1016/S0020-0190(01)00263-0) maximises, and
would give up a community that kept two thirds of its members for two that kept one third. J of a
third is the point at which half of what the two hold, counted on both sides, is common. That
communities are followed by the overlap of their members, and what can become of them, is after
MONIC (Spiliopoulou et al., 2006, doi:10.1145/1150402.1150491), Palla, Barabási & Vicsek (2007,
doi:10.1038/nature05670) and Greene, Doyle & Cunningham (2010, doi:10.1109/ASONAM.2010.17); they
match pair by pair, where the order decides.

Only statements that both runs cluster are compared. New ones make a community larger, and do not
make it another.

All levels are matched together, since a community that another is put around is still the same one.
Where two pairs are equal, the one on the same level wins, then the one more alike with all members
counted. A matching may not stand on its head: if A' lies in A, and A' is matched with a community
that contains the match of A, the pair of lesser w is given up.

A community keeps the permanent link of the one that it is matched with, in the run of its method
that was active before; any other begins a link of its own.

But: a link is handed on from run to run and never compared with the first, so that many small steps
may lead far. A community that a run does not find, and the next one finds again, has a new link.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from scipy.sparse import csr_array
from scipy.sparse.csgraph import min_weight_full_bipartite_matching
from sqlmodel import Session

from kg.forest import Forest, Overlaps, forest_of, overlaps_of
from kg.ids import content_id
from kg.runs import active_run
from kg.tables import RunKind

Matching = dict[int, int]
"""Number of a community of the first run to that of its match in the second."""

_LEVEL_BONUS = 1e-3
_WHOLE_BONUS = 1e-6
_ALONE = 1e-9


class LineageConfig(BaseModel):
    """From when on a community is the same, or a part of another."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    min_jaccard: float = Field(default=1 / 3, gt=0, le=1)
    """Communities that are less alike are not the same."""

    min_share: float = Field(default=0.5, ge=0.5, lt=1)
    """A community is a part of another run's if more than this share of its statements lies
    there."""

    min_part: int = Field(default=2, ge=1)
    """A part has so many statements in common with the whole, or more."""


def first_link(community_id: str) -> str:
    """Return the permanent link of the identity that begins with this community.

    It does not look like an id: an id always means this community of this run.
    """
    return content_id("com", community_id)


def inherited_links(session: Session, method: str, new: Forest) -> dict[str, str]:
    """Return the permanent link of each community of a run that is about to be stored, by id.

    Args:
        session: Where the method's active run is read.
        method: Of the run.
        new: Its communities.
    """
    links = {identifier: first_link(identifier) for identifier in new.ids}
    run = active_run(session, RunKind.CLUSTERING, method)
    if run is not None and run.id is not None:
        old = forest_of(session, run.id)
        for before, after in match(old, new, overlaps_of(old, new)).items():
            links[new.ids[after]] = old.links[before] or links[new.ids[after]]
    return links


def match(
    before: Forest, after: Forest, overlaps: Overlaps, config: LineageConfig | None = None
) -> Matching:
    """Match the communities of two runs, one to one; those that have no match are left out."""
    config = config or LineageConfig()
    weight = _weights(before, after, overlaps)
    eligible = np.flatnonzero(overlaps.jaccard >= config.min_jaccard - 1e-12)
    rows, columns = overlaps.before[eligible], overlaps.after[eligible]
    chosen = _heaviest(rows, columns, weight[eligible], len(after.ids))
    found = {int(rows[at]): int(columns[at]) for at in chosen}
    return _upright(before, after, found, {int(rows[at]): weight[eligible[at]] for at in chosen})


def _weights(before: Forest, after: Forest, overlaps: Overlaps) -> NDArray[Any]:
    """Return w of each pair, with what decides between equals on top."""
    a, b = overlaps.before, overlaps.after
    steps = np.abs(before.level[a] - after.level[b])
    whole = overlaps.shared / (before.sizes[a] + after.sizes[b] - overlaps.shared)
    bonus = _LEVEL_BONUS / (1 + steps) + _WHOLE_BONUS * whole
    weight: NDArray[Any] = overlaps.shared * overlaps.jaccard + bonus
    return weight


def _heaviest(
    rows: NDArray[Any], columns: NDArray[Any], weight: NDArray[Any], n_columns: int
) -> NDArray[Any]:
    """Return the places of the pairs in the matching of greatest weight.

    A pair that no other contests is in it. For the rest, the solver wants every row matched, so
    each gets a column of its own that weighs next to nothing, and stands for having no match.
    """
    alone = (np.bincount(rows)[rows] == 1) & (np.bincount(columns)[columns] == 1)
    contested = np.flatnonzero(~alone)
    won = _solved(rows[contested], columns[contested], weight[contested], n_columns)
    return np.sort(np.concatenate([np.flatnonzero(alone), contested[won]]))


def _solved(
    rows: NDArray[Any], columns: NDArray[Any], weight: NDArray[Any], n_columns: int
) -> NDArray[Any]:
    if not len(rows):
        return np.zeros(0, int)
    own, at = np.unique(rows, return_inverse=True)
    n = len(own)
    indptr = np.concatenate([[0], np.cumsum(np.bincount(at) + 1)])
    ends = indptr[1:] - 1
    data, indices = np.empty(indptr[-1]), np.empty(indptr[-1], np.int32)
    data[ends], indices[ends] = _ALONE, n_columns + np.arange(n)
    inside = np.ones(indptr[-1], bool)
    inside[ends] = False
    data[inside], indices[inside] = weight, columns
    table = csr_array((data, indices, indptr.astype(np.int32)), shape=(n, n_columns + n))
    _, matched = min_weight_full_bipartite_matching(table, maximize=True)
    return np.flatnonzero(matched[at] == columns)


def _upright(before: Forest, after: Forest, found: Matching, weight: dict[int, float]) -> Matching:
    """Give up the lighter of two pairs in which the part is matched above the whole."""
    given_up = set[int]()
    for part in sorted(found):
        for whole in before.branch(part)[1:]:
            pair = {part, whole}
            if pair & given_up or whole not in found:
                continue
            if found[part] in after.branch(found[whole])[1:]:
                given_up.add(min(part, whole, key=lambda each: (weight[each], each)))
    return {old: new for old, new in sorted(found.items()) if old not in given_up}
