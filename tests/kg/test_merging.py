"""The run that merges what it is sure of, and offers the rest."""

import json
import os
import random
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlmodel import select

from kg.canonical import canonicals, proposals_of
from kg.db import open_engine, reading, writing
from kg.embedders import Embedder
from kg.merging import MergingReport, merge_repeats
from kg.runs import run_of
from kg.statements import all_statements
from kg.tables import Proposal
from tests.kg.conftest import CLAIM, FINDING, Said, fill

SAID = [
    Said("A", CLAIM, "Ablating induction heads removes in-context learning in small transformers"),
    Said(
        "B", CLAIM, "In small transformers, in-context learning is removed when induction heads are"
        " ablated",
    ),
    Said(
        "C", FINDING, "Ablating induction heads does not remove in-context learning in small"
        " transformers",
    ),
    Said("C", FINDING, "Dead latents come back after resampling"),
    Said("A", FINDING, "After resampling, dead latents come back"),
    Said("B", FINDING, "After resampling with a small learning rate, most dead latents come back"),
]  # fmt: skip


@pytest.fixture(scope="module")
def merged(minilm: Embedder) -> tuple[Engine, MergingReport]:
    engine = open_engine(None)
    fill(engine, SAID)
    return engine, merge_repeats(engine, minilm)


def _texts(engine: Engine) -> list[set[str]]:
    with reading(engine) as session:
        texts = dict(all_statements(session))
        return [{texts[each] for each in group.members} for group in canonicals(session).groups]


def test_paraphrases_are_merged_and_a_denial_stays_apart(merged: tuple[Engine, MergingReport]):
    engine, report = merged

    found = _texts(engine)

    assert sorted(map(sorted, found)) == sorted(
        [sorted([SAID[0].text, SAID[1].text]), sorted([SAID[3].text, SAID[4].text])]
    )
    assert (report.groups, report.merged, report.statements) == (2, 4, 6)


def test_what_is_not_merged_is_offered_with_its_reason(merged: tuple[Engine, MergingReport]):
    engine, report = merged
    with reading(engine) as session:
        texts = dict(all_statements(session))
        offers = {
            (texts[each.head_id], texts[each.tail_id]): (each.relation, each.reasons)
            for each in proposals_of(session, report.run)
        }

    tensions = {pair for pair, (relation, _) in offers.items() if relation == "possible tension"}
    assert {SAID[2].text} == set.intersection(*map(set, tensions))
    assert offers[SAID[5].text, SAID[3].text][0] == "refines"
    assert all(reasons for _, reasons in offers.values())


def test_the_run_names_its_model_and_what_it_found(merged: tuple[Engine, MergingReport]):
    engine, report = merged
    with reading(engine) as session:
        run = run_of(session, report.run)

    assert run.result["proposals"] == report.proposals
    assert report.proposals["same"] == 2
    assert run.config["model"]


def test_the_order_of_ingestion_makes_no_difference(
    merged: tuple[Engine, MergingReport], minilm: Embedder
):
    other = open_engine(None)
    fill(other, random.Random(5).sample(SAID, len(SAID)))
    merge_repeats(other, minilm)

    states = []
    for engine in (merged[0], other):
        with reading(engine) as session:
            rows = [
                (each.head_id, each.tail_id, each.relation, each.score, each.reasons)
                for each in session.exec(select(Proposal))
            ]
            states.append((sorted(rows), [g.members for g in canonicals(session).groups]))
    assert states[0] == states[1]


def test_an_empty_graph_has_nothing_to_merge(minilm: Embedder):
    engine = open_engine(None)

    report = merge_repeats(engine, minilm)

    assert (report.statements, report.groups) == (0, 0)
    with writing(engine) as session:
        assert canonicals(session).groups == []


@pytest.mark.skipif("CLAIMGRAPH_TEST_SEED" not in os.environ, reason="no seed is given")
def test_the_two_pairs_of_the_seed_are_merged_and_nothing_else_is(minilm: Embedder):
    lines = Path(os.environ["CLAIMGRAPH_TEST_SEED"]).read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    engine = open_engine(None)
    kinds = {"claim": CLAIM, "finding": FINDING}
    fill(
        engine,
        [Said(r["source"]["title"], kinds[r["kind"]], r["text"], r.get("note", "")) for r in rows],
    )

    merge_repeats(engine, minilm)

    texts = [row["text"] for row in rows]
    expected = [{texts[6], texts[7]}, {texts[19], texts[22]}]
    assert sorted(map(sorted, _texts(engine))) == sorted(map(sorted, expected))
