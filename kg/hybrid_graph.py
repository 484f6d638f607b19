"""The weighted graph of statements that communities are cut from.

Two statements are tied in up to four layers, each with a similarity in [0, 1]:

- *semantic*: one is among the k nearest neighbours of the other; the cosine of their vectors;
- *concepts*: one is among the k most similar of the other by shared concepts
  (`kg.concepts` has the formula);
- *relations*: somebody asserted a relation between them (`kg.relations`), or one reports in a
  citation what the other says (`kg.citing_ties`); what the kind counts for, and if there are
  several, the most. A contradiction ties like the others: two statements
  that contradict each other speak of the same thing;
- *source*: a source makes both of them; 1. Every pair that another layer ties is marked, and
  each statement is tied to its k nearest of the same source, so that a long document is held
  together without a tie between all its pairs.

The weight of an edge is the sum of its layers, each times what the layer counts for. No layer of
neighbours has more than k edges a statement, and relations are asserted one by one, so the graph
grows with the statements and not with their square, whatever everybody mentions.

Statements are put in the order of their ids before anything else happens, and similarities are
rounded to 1e-6 before they are compared, ties to the lower id: the graph does not depend on the
order in which statements were stored.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from kg.concepts import ConceptNeighbours, concept_neighbours, lined_up
from kg.embedders import Vectors
from kg.grouped_neighbours import neighbours_within
from kg.homonyms import HomonymConfig
from kg.neighbours import nearest_neighbours
from kg.relations import Tie

Indices = NDArray[np.int32]
Similarities = NDArray[np.float32]


Sharing = Callable[[], ConceptNeighbours]


class RelationWeights(BaseModel):
    """How strongly a relation of each kind ties two statements, in [0, 1]."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    supports: float = Field(default=1.0, ge=0, le=1)
    contradicts: float = Field(default=1.0, ge=0, le=1)
    refines: float = Field(default=1.0, ge=0, le=1)
    cites: float = Field(default=0.5, ge=0, le=1)
    """Less than the others: one may cite what one only touches on."""

    same_as: float = Field(default=1.0, ge=0, le=1)

    reports: float = Field(default=0.0, ge=0, le=1)
    """For what a citation ties (`kg.citing_ties`); at 0 none are looked for."""


class GraphConfig(BaseModel):
    """What ties two statements, and how much each kind of tie counts."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    semantic: float = Field(default=1.0, ge=0)
    """What the cosine of nearest neighbours counts for; at 0 the layer is not built."""

    concepts: float = Field(default=1.0, ge=0)
    """What the similarity by shared concepts counts for."""

    source: float = Field(default=0.1, ge=0)
    """What a common source counts for."""

    relations: float = Field(default=1.0, ge=0)
    """What an asserted relation counts for."""

    relation_kinds: RelationWeights = RelationWeights()
    """How strongly a relation of each kind ties."""

    k_semantic: int = Field(default=5, ge=1)
    """Nearest neighbours of each statement."""

    min_cosine: float = Field(default=0.3, ge=0, le=1)
    """Neighbours further than this are none."""

    k_concepts: int = Field(default=5, ge=1)
    """Most similar statements by concepts, of each statement."""

    max_concept_share: float = Field(default=0.1, gt=0, le=1)
    """A concept that more than this share of the statements have, and more than 100 of them, ties
    nobody: it would cost the square of their number, and count for next to nothing."""

    max_concept_statements: int = Field(default=1000, ge=2)
    """Nor does a concept that more statements than these have, however small their share."""

    homonyms: HomonymConfig = HomonymConfig()
    """When a word has two meanings, and so is two concepts."""

    k_source: int = Field(default=3, ge=1)
    """Nearest neighbours of each statement within each of its sources."""


@dataclass(frozen=True)
class HybridGraph:
    """Edges as columns: row i ties `statement_ids[head[i]]` to `statement_ids[tail[i]]`.

    Rows are in the order of head, then tail; head < tail, and no pair comes twice.
    """

    statement_ids: tuple[str, ...]
    """Ascending."""

    head: Indices
    tail: Indices
    weight: Similarities
    semantic: Similarities
    concepts: Similarities
    relations: Similarities
    source: Similarities
    recall: float = 1.0
    """The share of the true nearest neighbours that were found, on a sample: of all statements, or
    of those of a source, whichever is lower."""


def build_hybrid_graph(  # noqa: PLR0913 - one argument for each thing that can tie statements
    statement_ids: Sequence[str],
    vectors: Vectors,
    concepts: Mapping[str, frozenset[str]] | Sharing,
    sources: Mapping[str, Sequence[str]],
    config: GraphConfig,
    relations: Sequence[Tie] = (),
) -> HybridGraph:
    """Tie the statements that are near, share concepts, are related or share a source.

    Args:
        statement_ids: In the order of the vectors; any order gives the same graph.
        vectors: [n, d], of length 1.
        concepts: The concepts of each statement, none if it is missing; or what returns who shares
            them (`ties_by_concepts`), by place in the order of ids.
        sources: The sources of each statement; none if it is missing.
        config: What counts.
        relations: What was asserted of two statements; those of a statement that is not among
            these are left out.

    Raises:
        ModelError: A vector is not finite.
    """
    order = sorted(range(len(statement_ids)), key=lambda place: statement_ids[place])
    ids = tuple(statement_ids[place] for place in order)
    assert len(set(ids)) == len(ids)
    made_by = [frozenset(sources.get(i, ())) for i in ids]
    if order != list(range(len(ids))):
        vectors = vectors[order]
    semantic, recall = _semantic_layer(vectors, config)
    related = _relation_layer(ids, relations, config)
    source, recall_within = _source_layer(vectors, made_by, config)
    sharing = _concept_layer(concepts, ids, config)  # last, as another process may be at it

    layers = (semantic, sharing, related, source)
    pairs = np.sort(np.concatenate([layer.pairs for layer in layers]))
    pairs = pairs[np.diff(pairs, prepend=-1) > 0]
    head, tail = np.divmod(pairs, max(1, len(ids)))
    columns = {
        "semantic": _column(semantic, pairs),
        "concepts": _column(sharing, pairs),
        "relations": _column(related, pairs),
        "source": _in_common(made_by, head, tail) * np.float32(config.source > 0),
    }
    return HybridGraph(
        statement_ids=ids,
        head=head.astype(np.int32),
        tail=tail.astype(np.int32),
        weight=sum_of_layers(columns, config),
        recall=min(recall, recall_within),
        **columns,
    )


def ties_by_concepts(
    concepts: Mapping[str, frozenset[str]], ids: Sequence[str], config: GraphConfig
) -> ConceptNeighbours:
    """Return who is most similar to whom by concepts, by place among these ids."""
    columns = lined_up(concepts, ids)
    share, most = config.max_concept_share, config.max_concept_statements
    return concept_neighbours(columns, config.k_concepts, share, most)


def sum_of_layers(columns: Mapping[str, Similarities], config: GraphConfig) -> Similarities:
    """Return the weight of each edge: its layers, each times what the layer counts for."""
    total = sum(
        (getattr(config, name) * column.astype(np.float64) for name, column in columns.items()),
        start=np.float64(0),
    )
    return np.asarray(total, dtype=np.float32)


class _Layer(NamedTuple):
    """The ties of one layer; a pair is a number, head times n plus tail, ascending."""

    pairs: NDArray[np.int64]
    similarities: Similarities


_NO_TIES = _Layer(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32))


def _semantic_layer(vectors: Vectors, config: GraphConfig) -> tuple[_Layer, float]:
    if config.semantic == 0 or len(vectors) < 2:
        return _NO_TIES, 1.0
    indices, cosines, recall = nearest_neighbours(vectors, config.k_semantic)
    row, place = np.nonzero((cosines >= config.min_cosine) & (cosines > 0))
    return _layer(row, indices[row, place], cosines[row, place], len(vectors)), recall


def _source_layer(
    vectors: Vectors, made_by: Sequence[frozenset[str]], config: GraphConfig
) -> tuple[_Layer, float]:
    if config.source == 0:
        return _NO_TIES, 1.0
    members: dict[str, list[int]] = {}
    for place, sources in enumerate(made_by):
        for source in sources:
            members.setdefault(source, []).append(place)
    groups = [members[source] for source in sorted(members)]
    row, other, recall = neighbours_within(vectors, groups, config.k_source)
    return _layer(row, other, np.ones(len(row), dtype=np.float32), len(vectors)), recall


def _relation_layer(ids: Sequence[str], relations: Sequence[Tie], config: GraphConfig) -> _Layer:
    if config.relations == 0 or not relations:
        return _NO_TIES
    place = {identifier: row for row, identifier in enumerate(ids)}
    found = [
        (place[tie.head_id], place[tie.tail_id], getattr(config.relation_kinds, tie.kind.value))
        for tie in relations
        if tie.head_id in place and tie.tail_id in place
    ]
    row, other, counts = np.array(found, dtype=np.float64).reshape(-1, 3).T
    some = counts > 0
    return _layer(
        row[some].astype(np.int64),
        other[some].astype(np.int64),
        counts[some].astype(np.float32),
        len(ids),
    )


def _concept_layer(
    concepts: Mapping[str, frozenset[str]] | Sharing, ids: Sequence[str], config: GraphConfig
) -> _Layer:
    if config.concepts == 0:
        return _NO_TIES
    near = concepts() if callable(concepts) else ties_by_concepts(concepts, ids, config)
    return _layer(near.row, near.other, near.similarity, len(ids))


def _layer(
    row: NDArray[np.integer], other: NDArray[np.integer], similarities: Similarities, n: int
) -> _Layer:
    """Return each tie once, whichever end it was found from."""
    row, other = row.astype(np.int64), other.astype(np.int64)
    pairs = np.minimum(row, other) * n + np.maximum(row, other)
    order = np.argsort(pairs, kind="stable")
    pairs = pairs[order]
    first = np.flatnonzero(np.diff(pairs, prepend=-1))
    if not len(first):
        return _NO_TIES
    # The two ends may differ in the last digit.
    return _Layer(pairs[first], np.maximum.reduceat(similarities[order], first))


def _column(layer: _Layer, pairs: NDArray[np.int64]) -> Similarities:
    column = np.zeros(len(pairs), dtype=np.float32)
    column[np.searchsorted(pairs, layer.pairs)] = layer.similarities
    return column


def _in_common(
    made_by: Sequence[frozenset[str]], head: NDArray[np.int64], tail: NDArray[np.int64]
) -> Similarities:
    """Return 1 for each pair that has a source in common, or else 0."""
    number = {source: n for n, source in enumerate(sorted(set().union(*made_by)))}
    first = np.array([number[min(one)] if one else -1 for one in made_by], dtype=np.int64)
    several = np.array([len(one) > 1 for one in made_by], dtype=bool)
    common: NDArray[np.bool_] = (first[head] == first[tail]) & (first[head] >= 0)
    for edge in np.flatnonzero(several[head] | several[tail]).tolist():
        common[edge] = not made_by[head[edge]].isdisjoint(made_by[tail[edge]])
    return common.astype(np.float32)
