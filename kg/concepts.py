"""The concepts that statements share, found in their own words.

The candidates are the phrases of a statement (`kg.phrases`: runs of words between stop words,
verbs and punctuation, without case and plural; acronyms). A phrase is a concept

1. if two or more statements have it, and
2. unless it only ever occurs inside one longer concept, as "sparse" in "sparse autoencoder":
   then it says nothing more. This is the idea behind the C-value (Frantzi, Ananiadou & Mima,
   2000, Automatic recognition of multi-word terms, doi:10.1007/s007999900023).

A concept counts by its inverse document frequency,

    w(c) = ln(1 + (n - n_c + 1/2) / (n_c + 1/2)),

(Robertson & Spärck Jones, 1976, doi:10.1002/asi.4630270302, in the form that stays positive), so
that what all n statements mention counts next to nothing. Statements with concepts A and B are
similar by

    s(A, B) = sum of w(c)² over A ∩ B / sqrt((w1² + sum over A) (w1² + sum over B)),

a cosine in which each statement is also given one concept of its own that nobody shares, of
weight w1 = w(n_c = 1). Without it, two statements whose only concept is a common one would have
the similarity 1.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from kg.phrase_columns import shared_phrases

_Whole = NDArray[np.int64]

ROWS = 1024
"""Statements whose similarities with all are looked at together."""

_STEPS = 1_000_000
_FEW = 100
"""So many statements may share a concept and all be made similar by it, however few there are."""


class Concepts(Mapping[str, frozenset[str]]):
    """Which statement has which concepts: as columns, and by statement as sets of names."""

    def __init__(
        self, ids: Sequence[str], names: Sequence[str], rows: _Whole, columns: _Whole
    ) -> None:
        """Make one of entries.

        Args:
            ids: Of the statements.
            names: Of the concepts, ascending.
            rows: The place of the statement of each entry, ascending.
            columns: The place of its concept, ascending among those of a statement.
        """
        self.ids = ids
        self.names = names
        self.rows = rows
        self.columns = columns

    @cached_property
    def ends(self) -> _Whole:
        """Statement i has the entries from `ends[i]` to `ends[i + 1]`."""
        return np.searchsorted(self.rows, np.arange(len(self.ids) + 1))

    @cached_property
    def _place(self) -> dict[str, int]:
        return {identifier: place for place, identifier in enumerate(self.ids)}

    def __getitem__(self, identifier: str) -> frozenset[str]:
        start, stop = self.ends[self._place[identifier] :][:2]
        return frozenset(self.names[column] for column in self.columns[start:stop].tolist())

    def __iter__(self) -> Iterator[str]:
        return iter(self.ids)

    def __len__(self) -> int:
        return len(self.ids)


def lined_up(concepts: Mapping[str, frozenset[str]], ids: Sequence[str]) -> Concepts:
    """Return the concepts of these statements in their order; none for those that are missing."""
    if isinstance(concepts, Concepts) and list(concepts.ids) == list(ids):
        return concepts
    sets = [concepts.get(identifier, frozenset()) for identifier in ids]
    names = sorted(frozenset().union(*sets))
    place = {name: column for column, name in enumerate(names)}
    rows = np.repeat(np.arange(len(sets)), [len(found) for found in sets])
    columns = np.array([place[name] for found in sets for name in found], dtype=np.int64)
    return in_order(ids, names, rows, columns)


def in_order(ids: Sequence[str], names: Sequence[str], rows: _Whole, columns: _Whole) -> Concepts:
    """Return concepts of entries in any order; names in any order, of which some may be unused."""
    used = np.bincount(columns, minlength=len(names)) > 0
    chosen = sorted(np.flatnonzero(used).tolist(), key=names.__getitem__)
    place = np.zeros(len(names), dtype=np.int64)
    place[chosen] = np.arange(len(chosen))
    cells = np.sort(rows * max(1, len(chosen)) + place[columns])
    rows, columns = np.divmod(cells, max(1, len(chosen)))
    return Concepts(ids, [names[at] for at in chosen], rows, columns)


def concepts_of(statements: Sequence[tuple[str, str]]) -> Concepts:
    """Return the concepts of each statement, by its id; each is shared by two or more.

    The order of the statements makes no difference.

    Args:
        statements: Id and text of each.
    """
    found = shared_phrases([text for _, text in statements])
    counts = dict(zip(found.names, found.counts.tolist(), strict=True))
    subsumed = _subsumed(counts)
    is_concept = np.array([name not in subsumed for name in found.names], dtype=bool)
    kept = is_concept[found.phrases]
    ids = [identifier for identifier, _ in statements]
    return in_order(ids, found.names, found.rows[kept], found.phrases[kept])


def inverse_frequency(count: int, n_statements: int) -> float:
    """Return what a concept counts for that this many of all the statements mention."""
    return math.log1p((n_statements - count + 0.5) / (count + 0.5))


class ConceptNeighbours(NamedTuple):
    """Pairs of statements, by row, then most similar first, then by the other's row."""

    row: NDArray[np.int64]
    other: NDArray[np.int64]
    similarity: NDArray[np.float32]
    """In (0, 1), rounded to 1e-6."""


def concept_neighbours(
    concepts: Concepts, k: int, max_share: float, most: int
) -> ConceptNeighbours:
    """Return, for each statement, the k most similar by concepts; ties go to the lower row.

    A concept that more than `max_share` of the statements have, and more than 100 of them, or more
    than `most`, makes nobody similar: it would cost the square of their number, and count for
    little.
    """
    blocks = [(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.int64))]
    if len(concepts.rows):
        matrix = _matrix(concepts, min(most, max(_FEW, max_share * len(concepts))))
        transposed = matrix.T.tocsr()
        blocks += [
            most_similar(matrix[start : start + ROWS] @ transposed, start, k)
            for start in range(0, len(concepts), ROWS)
        ]
    row, other, steps = (np.concatenate(column) for column in zip(*blocks, strict=True))
    return ConceptNeighbours(row, other, (steps / _STEPS).astype(np.float32))


def most_similar(product: csr_array, start: int, k: int) -> tuple[_Whole, _Whole, _Whole]:
    """Return rows, others and similarities, in millionths, of the k largest of each row.

    Args:
        product: Similarities of rows, not more than `ROWS`, with all; above 1 they count as 1.
        start: The number of the first row among all.
        k: How many; ties go to the lower of the others.
    """
    bars = _bars(product, k)
    sizes = np.diff(product.indptr)
    over = np.flatnonzero(product.data >= np.repeat(bars, sizes))
    row = np.searchsorted(product.indptr, over, side="right") - 1
    other = product.indices[over].astype(np.int64)
    steps = np.minimum(np.rint(product.data[over] * _STEPS).astype(np.int64), _STEPS)
    tied = np.flatnonzero((row + start != other) & (steps > 0))
    # One whole number that orders by row, then most similar first, then by the other.
    keys = (row[tied] << 52) | ((_STEPS - steps[tied]) << 31) | other[tied]
    keys.sort()
    row = keys >> 52
    near = np.arange(len(row)) - np.searchsorted(row, np.arange(ROWS))[row] < k
    row, keys = row[near], keys[near]
    return row + start, keys & (2**31 - 1), _STEPS - ((keys >> 31) & (2**21 - 1))


def _bars(product: csr_array, k: int) -> NDArray[np.float64]:
    """Return what the k-th largest of each row, itself left out, is not below.

    Of 2 (k + 1) groups of a row, the greatest of each is taken: the (k + 1)-th largest of those
    cannot be above the (k + 1)-th largest of all, of which one may be the row with itself.
    """
    n_groups = 2 * (k + 1)
    sizes = np.diff(product.indptr)
    steps = sizes[:, None].astype(np.int64) * np.arange(n_groups) // n_groups
    starts = np.minimum((product.indptr[:-1, None] + steps).ravel(), len(product.data) - 1)
    bars = np.zeros(len(sizes))
    if len(product.data):
        greatest = np.maximum.reduceat(product.data, starts).reshape(-1, n_groups)
        kth = np.partition(greatest, n_groups - k - 1, axis=1)[:, n_groups - k - 1]
        bars = np.where(sizes >= 2 * n_groups, kth - 1 / _STEPS, 0)
    return bars


def _matrix(concepts: Concepts, most: float) -> csr_array:
    """Return statements by concepts, so that one row times another is their similarity."""
    n, n_names = len(concepts), len(concepts.names)
    row, column = concepts.rows, concepts.columns
    counts = np.bincount(column, minlength=n_names)
    weight = np.log1p((n - counts + 0.5) / (counts + 0.5))
    own = inverse_frequency(1, n) ** 2
    length = np.sqrt(own + np.bincount(row, weight[column] ** 2, minlength=n))
    kept = counts[column] <= most
    row, column = row[kept], column[kept]
    ends = np.searchsorted(row, np.arange(n + 1)).astype(np.int32)
    return csr_array(
        (weight[column] / length[row], column.astype(np.int32), ends), shape=(n, n_names)
    )


def _subsumed(counts: Mapping[str, int]) -> set[str]:
    """Return the phrases that occur in no statement without one and the same longer phrase."""
    subsumed: set[str] = set()
    for phrase, count in counts.items():
        words = phrase.split(" ")
        for length in range(1, len(words)):
            for start in range(len(words) - length + 1):
                part = " ".join(words[start : start + length])
                if counts.get(part) == count:
                    subsumed.add(part)
    return subsumed
