"""Homonyms: words of two meanings are told apart, words of one are not, whatever the order."""

import json
import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine
from sqlmodel import select

from benchmarks.bench_homonyms import CASES, read_cases, scores
from kg.clustering import cluster
from kg.db import reading, writing
from kg.embedders import Embedder
from kg.homonyms import NO_ORIGINS, HomonymConfig, Origins, origins_of, told_apart
from kg.runs import recording, succeed
from kg.sources import AbbreviationDraft, SectionDraft, SourceDraft, add_source, section_id
from kg.statements import MentionDraft, add_mentions
from kg.tables import Graph, RunKind, StatementKind
from tests.kg.conftest import NoConfig

CONFIG = HomonymConfig()


def _unit(vectors: Sequence[Sequence[float]]) -> np.ndarray:
    array = np.asarray(vectors, dtype=np.float64)
    return (array / np.linalg.norm(array, axis=1, keepdims=True)).astype(np.float32)


def _clouds(sizes: Sequence[int], scatter: float = 1.0, seed: int = 0) -> np.ndarray:
    """Return vectors around as many orthogonal directions as there are sizes, in this order."""
    rng = np.random.default_rng(seed)
    directions = np.linalg.qr(rng.normal(size=(384, len(sizes))))[0].T
    centres = np.repeat(directions, sizes, axis=0)
    return _unit(centres + scatter / np.sqrt(384) * rng.normal(size=centres.shape))


def _ids(n: int) -> list[str]:
    return [f"s{place:03d}" for place in range(n)]


def test_a_word_between_far_contexts_becomes_a_concept_for_each():
    ids, vectors = _ids(22), _clouds([14, 8])
    concepts = {one: frozenset({"head", "attention head"}) for one in ids}

    found = told_apart(concepts, vectors, ids, NO_ORIGINS, CONFIG)

    assert found.split == {"head": 2}
    assert {found.concepts[one] for one in ids[:14]} == {frozenset({"head·1", "attention head"})}
    assert {found.concepts[one] for one in ids[14:]} == {frozenset({"head·2", "attention head"})}


def test_a_word_of_three_meanings_becomes_three_concepts():
    ids, vectors = _ids(36), _clouds([12, 12, 12])
    concepts = dict.fromkeys(ids, frozenset({"cell"}))

    found = told_apart(concepts, vectors, ids, NO_ORIGINS, CONFIG)

    assert found.split == {"cell": 3}
    senses = [next(iter(found.concepts[one])) for one in ids]
    assert [len(set(senses[start : start + 12])) for start in (0, 12, 24)] == [1, 1, 1]
    assert set(senses) == {"cell·1", "cell·2", "cell·3"}


@pytest.mark.parametrize(
    "vectors",
    [
        _clouds([30]),
        _clouds([30], scatter=2.0),
        _clouds([5, 4]),  # nine contexts are too few
        _clouds([20, 2]),  # two odd ones are no meaning
        _unit([[1, 0]] * 30),  # all the same
        _unit([[1, 0]] * 15 + [[0, 1]] * 15),  # two sentences, each said again and again
    ],
)
def test_one_cloud_few_contexts_outliers_and_repetitions_are_no_homonym(vectors: np.ndarray):
    ids = _ids(len(vectors))
    concepts = dict.fromkeys(ids, frozenset({"layer"}))

    found = told_apart(concepts, vectors, ids, NO_ORIGINS, CONFIG)

    assert found.split == {}
    assert found.concepts == concepts


def _from(sources: list[str], ids: list[str]) -> Origins:
    return Origins({one: [source] for one, source in zip(ids, sources, strict=True)})


def test_a_word_that_the_same_sources_use_in_both_ways_has_two_topics_and_one_meaning():
    ids, vectors = _ids(24), _clouds([12, 12])
    concepts = dict.fromkeys(ids, frozenset({"layer"}))
    each_its_own = ["a", "b"] * 6 + ["c", "d"] * 6
    the_same = ["a", "b"] * 12

    assert told_apart(concepts, vectors, ids, _from(each_its_own, ids), CONFIG).split
    assert told_apart(concepts, vectors, ids, _from(the_same, ids), CONFIG).split == {}


def test_a_stray_use_is_of_the_sense_that_its_source_uses():
    ids, vectors = _ids(24), _clouds([13, 11])
    concepts = dict.fromkeys(ids, frozenset({"head"}))
    sources = ["a"] * 12 + ["b"] * 12

    found = told_apart(concepts, vectors, ids, _from(sources, ids), CONFIG)

    senses = [next(iter(found.concepts[one])) for one in ids]
    assert senses[:12] == [senses[0]] * 12
    assert senses[12:] == [senses[-1]] * 12
    assert senses[0] != senses[-1]


@pytest.mark.parametrize("n", [0, 1])
def test_nobody_and_one_alone_have_no_homonyms(n: int):
    ids = _ids(n)
    vectors = _clouds([n]) if n else np.empty((0, 0), np.float32)

    assert (
        told_apart(dict.fromkeys(ids, frozenset("x")), vectors, ids, NO_ORIGINS, CONFIG).split == {}
    )


@given(seed=st.integers(0, 10**6), n=st.integers(0, 60))
@settings(deadline=None)
def test_the_order_of_the_statements_makes_no_difference(seed: int, n: int):
    rng = np.random.default_rng(seed)
    vectors = _clouds([n // 2, n - n // 2], seed=seed) if n else np.empty((0, 0), np.float32)
    ids = [f"s{place}" for place in rng.permutation(1000)[:n]]
    words = ["head", "probe", "layer", "two words"]
    concepts = {i: frozenset(rng.choice(words, size=2).tolist()) for i in ids}
    order = rng.permutation(n)

    found = told_apart(concepts, vectors, ids, NO_ORIGINS, CONFIG)
    other = told_apart(
        concepts, vectors[order], [ids[place] for place in order], NO_ORIGINS, CONFIG
    )

    assert found == other
    for one in ids:
        assert {name.split("·")[0] for name in found.concepts[one]} == concepts[one]
    assert "two words" not in found.split


def test_the_glossary_tells_an_acronym_apart_and_the_rest_goes_by_context():
    ids, vectors = _ids(6), _clouds([3, 3], scatter=0.3)
    concepts = dict.fromkeys(ids, frozenset({"vpd"}))
    sources = {ids[0]: ["a"], ids[1]: ["a"], ids[2]: ["none"], ids[3]: ["b"], ids[4]: ["a", "b"]}
    origins = origins_of(
        sources,
        {
            "a": {"VPD": ["adVersarial Parameter Decomposition"]},
            "b": {"VPDs": ["vapour pressure deficits"]},
        },
    )

    found = told_apart(concepts, vectors, ids, origins, CONFIG)

    assert found.split == {"vpd": 2}
    senses = [next(iter(found.concepts[one])) for one in ids]
    assert senses == ["vpd·1"] * 3 + ["vpd·2"] * 3


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Stochastic Parameter Decomposition", "stochastic parameter decompositions"),
        ("sparse auto-encoder", "sparse autoencoder"),
        ("large language model", "language model"),
    ],
)
def test_two_spellings_of_one_long_form_are_one_meaning(one: str, other: str):
    ids, vectors = _ids(4), _clouds([2, 2], scatter=0.3)
    sources = dict(zip(ids, [["a"], ["a"], ["b"], ["b"]], strict=True))
    origins = origins_of(sources, {"a": {"XYZ": [one]}, "b": {"XYZ": [other]}})

    assert (
        told_apart(dict.fromkeys(ids, frozenset({"xyz"})), vectors, ids, origins, CONFIG).split
        == {}
    )


def test_planted_homonyms_are_found_and_words_of_one_meaning_are_left_whole(minilm: Embedder):
    cases = read_cases(CASES)
    vectors = minilm.embed([case.text for case in cases])

    development = scores(cases, vectors, "development", CONFIG)
    test = scores(cases, vectors, "test", CONFIG)
    never = scores(cases, vectors, "test", HomonymConfig(max_cosine=-1))

    assert (development.precision, test.precision) == (1, 1)
    assert development.recall == 1
    assert test.recall >= 6 / 7
    assert test.pair_precision > 0.95
    assert test.pair_recall > 0.9
    assert (never.recall, never.pair_recall) == (0, 0)
    assert test.ties_between_senses < never.ties_between_senses / 4


def test_every_case_uses_the_word_that_it_was_written_for():
    lines = [json.loads(line) for line in Path(CASES).read_text(encoding="utf-8").splitlines()]

    assert len({line["text"] for line in lines}) == len(lines) > 350
    parts = {(line["concept"], line["part"]) for line in lines}
    assert len(parts) == len({concept for concept, _ in parts})


def test_an_acronym_of_two_meanings_ties_no_statements_in_a_clustering(
    engine: Engine, minilm: Embedder
):
    said = {
        "Vapour Pressure Deficit": [
            "The VPD of the greenhouse rose at noon",
            "Maize closes its stomata when VPD is high",
        ],
        "adVersarial Parameter Decomposition": [
            "VPD splits weights into subcomponents",
            "Subcomponents of VPD are faithful to the model",
        ],
    }
    groups: list[list[str]] = []
    for long, texts in random.Random(1).sample(sorted(said.items()), 2):
        groups.append(_store(engine, long, texts))

    report = cluster(engine, "leiden_concepts", minilm)

    with reading(engine) as session:
        graph = session.exec(select(Graph).where(Graph.run_id == report.run)).one()
    ids = graph.statement_ids.split("\n")
    ends = [np.frombuffer(column, "<i4").tolist() for column in (graph.head, graph.tail)]
    tied = {frozenset((ids[one], ids[other])) for one, other in zip(*ends, strict=True)}
    assert tied == {frozenset(group) for group in groups}


def _store(engine: Engine, long: str, texts: list[str]) -> list[str]:
    """Store a source that spells VPD out and makes these statements; returns their ids."""
    spelt = f"{long} (VPD) matters."
    text = " ".join([spelt, *(f"{one}." for one in texts)])
    abbreviation = AbbreviationDraft(short="VPD", long=long, char_start=0, char_end=len(long) + 6)
    section = SectionDraft(
        heading="", level=0, kind="body", text=text, abbreviations=[abbreviation]
    )
    with (
        recording(engine, RunKind.INGESTION, "test", NoConfig()) as run_id,
        writing(engine) as session,
    ):
        draft = SourceDraft(title=long, name=long, format="text", sha256=long, sections=[section])
        place = section_id(add_source(session, draft, run_id), 0)
        mentions = [
            MentionDraft(
                kind=StatementKind.CLAIM,
                text=one,
                section_id=place,
                char_start=text.index(one),
                char_end=text.index(one) + len(one),
                quote=one,
            )
            for one in texts
        ]
        succeed(session, run_id, {})
        return add_mentions(session, mentions, run_id)
