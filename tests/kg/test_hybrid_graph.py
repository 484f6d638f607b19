"""The hybrid graph: three layers, one weight, and no trace of the order of storage."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from kg import hybrid_graph
from kg.errors import ModelError
from kg.hybrid_graph import (
    GraphConfig,
    HybridGraph,
    RelationWeights,
    build_hybrid_graph,
)
from kg.relations import Tie
from kg.tables import LAYERS, RelationKind

NONE = np.empty((0, 0), dtype=np.float32)


def _unit(vectors: Sequence[Sequence[float]]) -> np.ndarray:
    array = np.asarray(vectors, dtype=np.float64)
    return (array / np.linalg.norm(array, axis=1, keepdims=True)).astype(np.float32)


def _edges(graph: HybridGraph) -> dict[tuple[str, str], tuple[float, ...]]:
    heads = [graph.statement_ids[place] for place in graph.head]
    tails = [graph.statement_ids[place] for place in graph.tail]
    columns = (graph.weight, graph.semantic, graph.concepts, graph.source, graph.relations)
    layers = zip(*(np.round(column.astype(float), 6).tolist() for column in columns), strict=True)
    return dict(zip(zip(heads, tails, strict=True), layers, strict=True))


def test_a_weight_is_the_sum_of_its_layers_times_what_they_count_for():
    # a and b are near (cosine 0.8), share a source, and share two concepts of three statements.
    # w(x) = w(y) = ln(1 + 1.5/2.5) = 0.470004, w1 = ln(1 + 2.5/1.5) = 0.980829
    # s(a, b) = 2 * 0.220904 / (0.962026 + 2 * 0.220904) = 0.314715
    vectors = _unit([[1, 0, 0], [0.8, 0.6, 0], [0, 0, 1]])
    concepts = {"a": frozenset("xy"), "b": frozenset("xy"), "c": frozenset()}
    sources = {"a": ["s", "t"], "b": ["t"], "c": ["u"]}
    config = GraphConfig(semantic=2, concepts=3, source=0.5)

    edges = _edges(build_hybrid_graph(["a", "b", "c"], vectors, concepts, sources, config))

    assert list(edges) == [("a", "b")]
    weight, semantic, shared, source, related = edges["a", "b"]
    assert related == 0
    assert semantic == pytest.approx(0.8, abs=2e-6)
    assert shared == pytest.approx(0.314715, abs=2e-6)
    assert source == 1
    assert weight == pytest.approx(2 * 0.8 + 3 * 0.314715 + 0.5, abs=1e-5)


@pytest.mark.parametrize(("among_all", "within"), [(0.97, 0.96), (0.96, 0.97)])
def test_the_recall_is_that_of_the_layer_that_misses_most(
    monkeypatch: pytest.MonkeyPatch, among_all: float, within: float
):
    nearest, grouped = hybrid_graph.nearest_neighbours, hybrid_graph.neighbours_within
    for name, found, recall in (
        ("nearest_neighbours", nearest, among_all),
        ("neighbours_within", grouped, within),
    ):
        changed = partial(_with_recall, found, recall)
        monkeypatch.setattr(hybrid_graph, name, changed)
    vectors = _unit([[1, 0, 0], [0.8, 0.6, 0], [0, 0, 1]])
    sources = {"a": ["s"], "b": ["s"], "c": ["s"]}

    graph = build_hybrid_graph(["a", "b", "c"], vectors, {}, sources, GraphConfig(source=0.5))

    assert graph.recall == 0.96


def _with_recall(found: Callable[..., Any], recall: float, *arguments: object) -> Any:
    return found(*arguments)._replace(recall=recall)


@given(seed=st.integers(0, 10**6), n=st.integers(0, 40))
@settings(deadline=None)
def test_the_order_of_the_statements_makes_no_difference(seed: int, n: int):
    rng = np.random.default_rng(seed)
    ids = [f"s{place:02d}" for place in range(n)]
    vectors = _unit(rng.normal(size=(n, 6))) if n else NONE
    concepts = {i: frozenset(rng.choice(list("abcdef"), size=2).tolist()) for i in ids}
    sources = {i: [f"src{rng.integers(4)}"] for i in ids}
    order = rng.permutation(n)

    graph = build_hybrid_graph(ids, vectors, concepts, sources, GraphConfig())
    other = build_hybrid_graph(
        [ids[place] for place in order], vectors[order], concepts, sources, GraphConfig()
    )

    assert graph.statement_ids == other.statement_ids == tuple(ids)
    assert _edges(graph) == _edges(other)
    assert (graph.head < graph.tail).all()
    assert sorted(set(_edges(graph))) == list(_edges(graph))
    assert (graph.weight > 0).all()


def test_a_layer_that_counts_for_nothing_ties_nobody():
    ids, vectors = ["a", "b"], _unit([[1, 0], [1, 0.1]])
    concepts, sources = {"a": frozenset("x"), "b": frozenset("x")}, {"a": ["s"], "b": ["s"]}
    relations = [Tie("a", "b", RelationKind.CITES)]

    def layers(**counts: float) -> list[bool]:
        config = GraphConfig(**dict.fromkeys(LAYERS, 0) | counts)
        graph = build_hybrid_graph(ids, vectors, concepts, sources, config, relations)
        assert len(graph.head) == len(counts)
        return [bool(getattr(graph, name).any()) for name in LAYERS]

    assert layers() == [False] * 4
    for name in LAYERS:
        assert layers(**{name: 1}) == [layer == name for layer in LAYERS]


def test_a_relation_ties_by_its_kind_and_of_several_the_strongest_counts():
    vectors = _unit([[1, 0, 0], [0, 1, 0], [0, 0, 1]])
    kinds = RelationWeights(contradicts=0.75, cites=0.25, same_as=0)
    config = GraphConfig(relations=2, source=0.5, relation_kinds=kinds)
    relations = [
        Tie("b", "a", RelationKind.CITES),
        Tie("a", "b", RelationKind.CONTRADICTS),
        Tie("a", "c", RelationKind.SAME_AS),  # counts for nothing
        Tie("c", "b", RelationKind.CITES),
        Tie("c", "elsewhere", RelationKind.SUPPORTS),
    ]
    sources = {"b": ["s"], "c": ["s"], "a": ["t"]}

    graph = build_hybrid_graph(["a", "b", "c"], vectors, {}, sources, config, relations)

    assert _edges(graph) == {("a", "b"): (1.5, 0, 0, 0, 0.75), ("b", "c"): (1, 0, 0, 1, 0.25)}


@given(seed=st.integers(0, 10**6))
@settings(deadline=None)
def test_the_order_of_the_relations_makes_no_difference(seed: int):
    rng = np.random.default_rng(seed)
    ids = list("abcdefgh")
    relations = [
        Tie(
            *rng.choice(ids, size=2, replace=False).tolist(),
            RelationKind(rng.choice(list(RelationKind))),
        )
        for _ in range(12)
    ]
    vectors = _unit(rng.normal(size=(8, 4)))
    config = GraphConfig(semantic=0)

    graph = build_hybrid_graph(ids, vectors, {}, {}, config, relations)
    other = build_hybrid_graph(ids, vectors, {}, {}, config, relations[::-1])

    assert _edges(graph) == _edges(other)
    assert set(_edges(graph)) == {tuple(sorted(tie[:2])) for tie in relations}


def test_what_is_too_far_apart_is_not_tied():
    vectors = _unit([[1, 0], [0.29, 0.957], [0, 1]])
    config = GraphConfig(k_semantic=2, min_cosine=0.3)

    edges = _edges(build_hybrid_graph(["a", "b", "c"], vectors, {}, {}, config))

    assert list(edges) == [("b", "c")]


def test_a_source_or_a_concept_that_everybody_shares_makes_no_clique():
    n = 400
    ids = [f"s{place:03d}" for place in range(n)]
    vectors = _unit(np.random.default_rng(0).normal(size=(n, 16)))
    concepts = dict.fromkeys(ids, frozenset({"model"}))
    config = GraphConfig(semantic=0)
    sources = dict.fromkeys(ids, ("s",))

    graph = build_hybrid_graph(ids, vectors, concepts, sources, config)

    assert len(graph.head) <= n * config.k_source
    assert set(np.concatenate([graph.head, graph.tail]).tolist()) == set(range(n))


def test_a_tie_of_another_layer_is_marked_where_the_source_is_the_same():
    vectors = _unit([[1, 0], [1, 0.1], [1, 0.2]])
    sources = {"a": ["s"], "b": ["t"], "c": ["s"]}

    edges = _edges(build_hybrid_graph(["a", "b", "c"], vectors, {}, sources, GraphConfig()))

    marked = {pair for pair, (_, _, _, source, _) in edges.items() if source}
    assert set(edges) == {("a", "b"), ("a", "c"), ("b", "c")}
    assert marked == {("a", "c")}


@pytest.mark.parametrize("n", [0, 1])
def test_nobody_and_one_alone_have_no_ties(n: int):
    vectors = _unit([[1.0, 0.0]]) if n else NONE

    graph = build_hybrid_graph(["a"][:n], vectors, {}, {"a": ["s"]}, GraphConfig())

    assert len(graph.statement_ids) == n
    assert len(graph.head) == 0


def test_a_vector_that_is_not_finite_is_refused():
    vectors = np.float32([[1, 0], [np.nan, 0]])

    with pytest.raises(ModelError, match="not finite"):
        build_hybrid_graph(["a", "b"], vectors, {}, {}, GraphConfig())


@pytest.mark.parametrize("wrong", [{"semantic": -1}, {"k_semantic": 0}, {"weight": 1}])
def test_a_configuration_that_makes_no_sense_is_refused(wrong: dict[str, float]):
    with pytest.raises(ValidationError):
        GraphConfig(**wrong)
