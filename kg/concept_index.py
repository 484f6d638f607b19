"""The phrases of all statements as numbers, so that new statements find who shares their concepts.

To find the phrases of 10^5 texts takes seconds, and an update has one. So the phrases of each
statement are kept as 64-bit hashes, in a block for each run that met new statements, with the
length of its vector of concepts (`kg.concepts` has the formula).

What is new is compared by how many statements mention a phrase now. A phrase that one statement
alone had until now becomes a concept when a second one has it. But: the lengths of old vectors are
those of when they were met, and ties between old statements are not looked at again; both are as
new as the last full run.
"""

import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from sqlalchemy import insert
from sqlmodel import Session, col, select

from kg.concepts import ROWS, concepts_of, inverse_frequency, most_similar
from kg.graph_updates import LayerTies
from kg.hybrid_graph import GraphConfig
from kg.phrases import phrases_of
from kg.tables import PhraseBlock

_STEPS = 1_000_000
_FEW = 100
"""As in `kg.concepts`: so many statements may share a concept, however few there are."""

Keys = NDArray[np.uint64]


class ConceptIndex(NamedTuple):
    """The phrases of statements, row by row."""

    ids: Sequence[str]
    ends: NDArray[np.int64]
    """Row i has the keys from `ends[i]` to `ends[i + 1]`."""

    keys: Keys
    lengths: NDArray[np.float64]

    def lined_up(self, ids: Sequence[str]) -> "ConceptIndex":
        """Return the rows of these statements, in their order; all have to be there.

        Of a statement that has several rows, the last counts.
        """
        row = dict(zip(self.ids, range(len(self.ids)), strict=True))
        rows = np.fromiter(map(row.__getitem__, ids), dtype=np.int64, count=len(ids))
        counts = np.diff(self.ends)[rows]
        ends = np.concatenate([[0], np.cumsum(counts)])
        within = np.arange(ends[-1]) - np.repeat(ends[:-1], counts)
        keys = self.keys[np.repeat(self.ends[:-1][rows], counts) + within]
        return ConceptIndex(ids, ends, keys, self.lengths[rows])


def stored_index(session: Session) -> ConceptIndex:
    """Return what the database has, the newest last."""
    blocks = session.exec(select(PhraseBlock).order_by(col(PhraseBlock.run_id))).all()
    ids = [i for block in blocks for i in block.statement_ids.split("\n")]
    counts = [np.frombuffer(block.counts, dtype="<i4") for block in blocks]
    keys = [np.frombuffer(block.keys, dtype="<u8") for block in blocks]
    lengths = [np.frombuffer(block.lengths, dtype="<f8") for block in blocks]
    ends = np.cumsum(np.concatenate([np.zeros(1, np.int64), *counts]))
    return ConceptIndex(
        ids,
        ends.astype(np.int64),
        np.concatenate([np.empty(0, np.uint64), *keys]),
        np.concatenate([np.empty(0), *lengths]),
    )


def store_index(session: Session, run_id: int, index: ConceptIndex) -> None:
    """Store the phrases of statements that a run met."""
    row = {
        "run_id": run_id,
        "statement_ids": "\n".join(index.ids),
        "counts": np.diff(index.ends).astype("<i4").tobytes(),
        "keys": index.keys.astype("<u8").tobytes(),
        "lengths": index.lengths.astype("<f8").tobytes(),
    }
    if index.ids:
        session.execute(insert(PhraseBlock), [row])


def index_of(texts: Mapping[str, str]) -> ConceptIndex:
    """Return the phrases of all the statements there are, each by its text."""
    concepts = concepts_of(list(texts.items()))
    counts = Counter(concept for found in concepts.values() for concept in found)
    weights = {name: inverse_frequency(count, len(texts)) for name, count in counts.items()}
    own = inverse_frequency(1, len(texts)) ** 2
    lengths = [
        math.sqrt(own + sum(weights[name] ** 2 for name in sorted(concepts[identifier])))
        for identifier in texts
    ]
    return _index([*texts], [_hashes(phrases_of(text)) for text in texts.values()], lengths)


def met(
    known: ConceptIndex, texts: Mapping[str, str], config: GraphConfig
) -> tuple[ConceptIndex, LayerTies]:
    """Return the rows of new statements, and their ties to the k most similar.

    Ties go to the lower place. Places are those among the known statements and then the new ones.

    Args:
        known: The index of those that stand, lined up.
        texts: Of those that are new.
        config: Of the graph.
    """
    phrases = [list(phrases_of(text)) for text in texts.values()]
    hashed = [_hashes(found) for found in phrases]
    names = np.unique(np.concatenate([np.empty(0, np.uint64), *hashed]))
    n = len(known.ids) + len(texts)
    old_row, old_name = _occurrences(known, names)
    mine = [np.searchsorted(names, keys) for keys in hashed]
    counts = np.bincount(np.concatenate([old_name, *mine]).astype(np.intp), minlength=len(names))
    weights = np.log1p((n - counts + 0.5) / (counts + 0.5))
    concepts = [_concepts(*both, counts) for both in zip(phrases, mine, strict=True)]
    own = inverse_frequency(1, n) ** 2
    lengths = np.array([math.sqrt(own + float(np.sum(weights[one] ** 2))) for one in concepts])
    most = min(config.max_concept_statements, max(_FEW, config.max_concept_share * n))
    kept = [found[counts[found] <= most] for found in concepts]

    new_row = np.repeat(np.arange(len(kept)), [len(found) for found in kept])
    new_name = np.concatenate([np.empty(0, np.intp), *kept])
    is_kept = np.zeros(len(names), dtype=bool)
    is_kept[new_name] = True
    useful = is_kept[old_name]
    row = np.concatenate([old_row[useful], new_row + len(known.ids)])
    name = np.concatenate([old_name[useful], new_name])
    values = weights[name] / np.concatenate([known.lengths, lengths])[row]
    everybody = csr_array((values, (row, name)), shape=(n, len(names)))
    ties = _most_similar(everybody, len(known.ids), config.k_concepts)
    return _index([*texts], hashed, lengths), ties


def _most_similar(matrix: csr_array, first: int, k: int) -> LayerTies:
    """Return the ties of each row from this one on to the k rows most similar to it."""
    transposed = matrix.T.tocsr()
    blocks = [(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.int64))]
    blocks += [
        most_similar(matrix[start : start + ROWS] @ transposed, start, k)
        for start in range(first, matrix.shape[0], ROWS)
    ]
    row, other, steps = (np.concatenate(column) for column in zip(*blocks, strict=True))
    return LayerTies(row, other, (steps / _STEPS).astype(np.float32))


def _concepts(
    phrases: Sequence[str], places: NDArray[np.intp], counts: NDArray[np.intp]
) -> NDArray[np.intp]:
    """Return the places of a statement's phrases that are concepts.

    A phrase that only ever occurs inside one longer phrase does so in this statement too.
    """
    count = dict(zip(phrases, counts[places].tolist(), strict=True))
    shared = {phrase: number for phrase, number in count.items() if number > 1}
    within = {
        phrase
        for phrase, number in shared.items()
        for longer, other in shared.items()
        if other == number and phrase != longer and f" {phrase} " in f" {longer} "
    }
    wanted = [phrase in shared and phrase not in within for phrase in phrases]
    return np.asarray(places[np.array(wanted, dtype=bool)])


def _occurrences(index: ConceptIndex, names: Keys) -> tuple[NDArray[np.int64], NDArray[np.intp]]:
    """Return row and name of each key of the index that is among these, which are ascending."""
    at = np.searchsorted(names, index.keys)
    at[at == len(names)] = 0
    there = np.flatnonzero(names[at] == index.keys) if len(names) else np.empty(0, np.intp)
    return np.searchsorted(index.ends, there, side="right") - 1, at[there]


def _index(
    ids: Sequence[str], hashed: Sequence[Keys], lengths: Sequence[float] | NDArray[np.float64]
) -> ConceptIndex:
    ends = np.cumsum([0, *(len(keys) for keys in hashed)])
    keys = np.concatenate([np.empty(0, np.uint64), *hashed])
    return ConceptIndex(ids, ends.astype(np.int64), keys, np.array(lengths, dtype=np.float64))


def _hashes(phrases: Iterable[str]) -> Keys:
    """Return 64 bits of each phrase; that two of 10^6 are alike has a chance of 3 in 10^8."""
    digests = (hashlib.blake2b(phrase.encode(), digest_size=8).digest() for phrase in phrases)
    return np.frombuffer(b"".join(digests), dtype="<u8")
