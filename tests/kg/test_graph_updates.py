"""The graph after an update is the one that would have been built, and can be taken back."""

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from kg.graph_updates import (
    NO_TIES,
    Amended,
    LayerTies,
    Makers,
    News,
    amending,
    restored,
    without,
)
from kg.hybrid_graph import GraphConfig, build_hybrid_graph
from kg.newcomers import Everybody
from kg.stored_graph import ENDS, WEIGHTS, EdgeTable
from kg.tables import LAYERS

CONFIG = GraphConfig(concepts=0, relations=0, k_semantic=3, k_source=2)


class Library:
    """Statements at random places of topics, in sources of five."""

    def __init__(self, n: int, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        centres = rng.normal(size=(4, 16))
        vectors = centres[rng.integers(4, size=n)] + 0.7 * rng.normal(size=(n, 16))
        vectors[1] = vectors[0]  # two that say the same
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        self.ids = [f"stm_{at:03d}" for at in rng.permutation(n)]
        self.vector = dict(zip(self.ids, vectors.astype(np.float32), strict=True))
        self.sources = {i: {f"src_{at // 5}"} for at, i in enumerate(self.ids)}
        self.sources[self.ids[0]].add("src_3")

    def of(self, *numbers: int) -> list[str]:
        names = {f"src_{number}" for number in numbers}
        return sorted(i for i in self.ids if self.sources[i] & names)

    def table(self, ids: Sequence[str], config: GraphConfig = CONFIG) -> EdgeTable:
        made: Mapping[str, Sequence[str]] = {i: sorted(self.sources[i]) for i in ids}
        graph = build_hybrid_graph(ids, self.vectors(ids), {}, made, config)
        edges = {name: getattr(graph, name) for name in (*ENDS, *WEIGHTS)}
        layers = {name: getattr(config, name) for name in LAYERS}
        return EdgeTable(graph.statement_ids, edges, layers)

    def vectors(self, ids: Sequence[str]) -> np.ndarray:
        return np.array([self.vector[i] for i in ids], np.float32).reshape(
            len(ids), -1 if ids else 0
        )

    def news(
        self, before: Sequence[str], ids: Sequence[str], new_sources: Sequence[str] = ()
    ) -> News:
        vectors = self.vectors(ids)
        everybody = Everybody(
            len(ids), 1, lambda _: [(np.arange(len(ids)), vectors)], lambda at: vectors[at]
        )
        return News(
            ids=ids,
            added=sorted({*ids} - {*before}),
            removed=sorted({*before} - {*ids}),
            retied=frozenset(),
            touched=frozenset(),
            new_sources=new_sources,
            vectors=everybody,
            relations=NO_TIES,
            makers=Makers(
                lambda wanted: {i: frozenset(self.sources[i]) for i in wanted},
                lambda source: [i for i in ids if source in self.sources[i]],
            ),
        )


def _amended(
    table: EdgeTable, news: News, config: GraphConfig, concepts: LayerTies = NO_TIES
) -> Amended:
    with amending(table, news, config) as amended:
        return amended(lambda: concepts)


def _bytes(table: EdgeTable) -> list[bytes]:
    return [table.edges[name].tobytes() for name in (*ENDS, *WEIGHTS)]


def _same(ours: EdgeTable, theirs: EdgeTable) -> None:
    assert list(ours.ids) == list(theirs.ids)
    assert ours.pairs().tolist() == theirs.pairs().tolist()
    for name in ("weight", *LAYERS):
        assert np.allclose(ours.edges[name], theirs.edges[name], atol=3e-6), name


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((0, 1, 2, 4), (0, 1, 2, 3, 4)),
        ((0, 1, 2, 3, 4), (0, 1, 2, 4)),
        ((0, 1, 2), (2, 3, 4)),
        ((0,), (1, 2, 3, 4)),
        ((0, 1, 2, 3), (0,)),
    ],
)
def test_it_is_the_graph_that_would_have_been_built(before, after, seed: int):
    library = Library(25, seed)
    for source in range(5):
        if source not in before or source not in after:
            library.sources = {
                i: made - {f"src_{source}"} if len(made) > 1 else made
                for i, made in library.sources.items()
            }
    table, ids = library.table(library.of(*before)), library.of(*after)
    new = [f"src_{source}" for source in after if source not in before]

    news = library.news(table.ids, ids, new)
    change = _amended(table, news, CONFIG)

    _same(change.table, library.table(ids))
    back = restored(change.table, news.added, news.removed, change)
    assert list(back.ids) == list(table.ids)
    assert _bytes(back) == _bytes(table)


def test_a_statement_that_another_source_makes_too_is_tied_to_the_others_of_that_source():
    library = Library(25)
    double = library.ids[0]
    library.sources[double] = {"src_0"}
    table = library.table(library.of(0, 1, 2, 4))
    library.sources[double] = {"src_0", "src_3"}
    news = library.news(table.ids, library.of(0, 1, 2, 3, 4), ["src_3"])

    change = _amended(table, news._replace(touched=frozenset([double])), CONFIG)

    _same(change.table, library.table(news.ids))


def test_a_statement_with_another_vector_is_tied_anew():
    library = Library(25)
    config = CONFIG.model_copy(update={"source": 0})
    table = library.table(library.of(0, 1, 2, 3, 4), config)
    one, other = library.ids[3], library.ids[17]
    library.vector[one] = library.vector[other]
    news = library.news(table.ids, list(table.ids))

    change = _amended(table, news._replace(retied=frozenset([one])), config)

    _same(change.table, library.table(list(table.ids), config))


def test_relations_and_concepts_are_tied_as_given_and_relations_can_go():
    library = Library(10)
    config = CONFIG.model_copy(update={"relations": 1.0, "concepts": 1.0})
    table = library.table(library.of(0), config)
    ids = library.of(0, 1)
    some = LayerTies(np.array([5, 9]), np.array([2, 0]), np.array([0.5, 1], np.float32))

    change = _amended(
        table,
        library.news(table.ids, ids, ["src_1"])._replace(relations=some),
        config,
        some,
    )
    gone = _amended(change.table, library.news(ids, ids), config)

    head, tail = change.table.edges["head"], change.table.edges["tail"]
    at = np.flatnonzero(((head == 2) & (tail == 5)) | ((head == 0) & (tail == 9)))
    assert sorted(change.table.edges["relations"][at].tolist()) == [0.5, 1.0]
    assert sorted(change.table.edges["concepts"][at].tolist()) == [0.5, 1.0]
    assert not gone.table.edges["relations"].any()
    assert np.count_nonzero(gone.table.edges["concepts"]) == 2


def test_without_some_statements_the_ties_of_the_others_are_as_before():
    library = Library(25)
    table = library.table(library.of(0, 1, 2, 3, 4))
    gone = library.of(2)

    change = without(table, gone)

    assert not {*gone} & {*change.table.ids}
    assert len(change.table.pairs()) + len(change.removed) == len(table.pairs())
    back = restored(change.table, [], gone, change)
    assert _bytes(back) == _bytes(table)


def test_an_empty_graph_takes_statements_in_and_gives_them_up_again():
    library = Library(10)
    layers = {name: getattr(CONFIG, name) for name in LAYERS}
    nothing = {name: np.empty(0, np.int32) for name in ENDS}
    nothing |= {name: np.empty(0, np.float32) for name in WEIGHTS}
    empty = EdgeTable([], nothing, layers)

    change = _amended(empty, library.news([], library.of(0, 1), ["src_0", "src_1"]), CONFIG)
    again = _amended(change.table, library.news(change.table.ids, []), CONFIG)

    _same(change.table, library.table(library.of(0, 1)))
    assert len(again.table.pairs()) == 0
