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
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from kg.phrases import phrase_keys

_ROWS = 1024
_STEPS = 1_000_000
_FEW = 100
"""So many statements may share a concept and all be made similar by it, however few there are."""


def concepts_of(statements: Sequence[tuple[str, str]]) -> dict[str, frozenset[str]]:
    """Return the concepts of each statement, by its id; each is shared by two or more.

    The order of the statements makes no difference.

    Args:
        statements: Id and text of each.
    """
    phrases = {identifier: phrase_keys(text) for identifier, text in statements}
    counts = Counter(chain.from_iterable(phrases.values()))
    shared = {phrase: count for phrase, count in counts.items() if count > 1}
    concepts = shared.keys() - _subsumed(shared)
    return {identifier: found & concepts for identifier, found in phrases.items()}


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
    concepts: Sequence[frozenset[str]], k: int, max_share: float, most: int
) -> ConceptNeighbours:
    """Return, for each statement, the k most similar by concepts; ties go to the lower row.

    A concept that more than `max_share` of the statements have, and more than 100 of them, or more
    than `most`, makes nobody similar: it would cost the square of their number, and count for
    little.
    """
    blocks = [(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.int64))]
    if any(concepts):
        matrix = _matrix(concepts, min(most, max(_FEW, max_share * len(concepts))))
        transposed = matrix.T.tocsr()
        blocks += [
            _most_similar(matrix[start : start + _ROWS] @ transposed, start, k)
            for start in range(0, len(concepts), _ROWS)
        ]
    row, other, steps = (np.concatenate(column) for column in zip(*blocks, strict=True))
    return ConceptNeighbours(row, other, (steps / _STEPS).astype(np.float32))


_Whole = NDArray[np.int64]


def _most_similar(product: csr_array, start: int, k: int) -> tuple[_Whole, _Whole, _Whole]:
    """Return rows, others and similarities, in millionths, of the k largest of each row."""
    row = np.repeat(np.arange(len(product.indptr) - 1), np.diff(product.indptr))
    other = product.indices.astype(np.int64)
    steps = np.rint(product.data * _STEPS).astype(np.int64)
    tied = np.flatnonzero((row + start != other) & (steps > 0))
    # One whole number that orders by row, then most similar first, then by the other.
    keys = (row[tied] << 52) | ((_STEPS - steps[tied]) << 31) | other[tied]
    keys.sort()
    row = keys >> 52
    near = np.arange(len(row)) - np.searchsorted(row, np.arange(_ROWS))[row] < k
    row, keys = row[near], keys[near]
    return row + start, keys & (2**31 - 1), _STEPS - ((keys >> 31) & (2**21 - 1))


def _matrix(concepts: Sequence[frozenset[str]], most: float) -> csr_array:
    """Return statements by concepts, so that one row times another is their similarity."""
    names = sorted(set().union(*concepts))
    place = {name: column for column, name in enumerate(names)}
    row = np.repeat(np.arange(len(concepts)), [len(found) for found in concepts])
    column = np.array([place[name] for found in concepts for name in found], dtype=np.int64)
    cells = np.sort(row * len(names) + column)
    row, column = np.divmod(cells, len(names))
    counts = np.bincount(column, minlength=len(names))
    weight = np.array([inverse_frequency(count, len(concepts)) for count in counts.tolist()])
    own = inverse_frequency(1, len(concepts)) ** 2
    length = np.sqrt(own + np.bincount(row, weight[column] ** 2, minlength=len(concepts)))
    kept = counts[column] <= most
    row, column = row[kept], column[kept]
    ends = np.searchsorted(row, np.arange(len(concepts) + 1)).astype(np.int32)
    return csr_array(
        (weight[column] / length[row], column.astype(np.int32), ends),
        shape=(len(concepts), len(names)),
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
