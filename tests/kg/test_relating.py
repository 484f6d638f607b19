"""A language model says what proposed pairs are to each other; what it cannot show is refused."""

import json
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine

from kg.db import open_engine, reading
from kg.embedders import Embedder
from kg.errors import ConfigError
from kg.language_model import LanguageModel, ModelConfig, open_language_model
from kg.merging import merge_repeats
from kg.relating import prompt, relate_proposals
from kg.relations import all_relations
from kg.statements import statement_of
from tests.kg.conftest import CLAIM, FINDING, Said, fill
from tests.kg.model_server import ModelServer, Turn, says, serving

pytest.importorskip("pydantic_ai")

SAID = [
    Said("A", CLAIM, "Ablating induction heads removes in-context learning in small transformers"),
    Said(
        "C", FINDING, "Ablating induction heads does not remove in-context learning in small"
        " transformers",
    ),
]  # fmt: skip


@pytest.fixture
def engine(minilm: Embedder) -> Engine:
    engine = open_engine(None)
    fill(engine, SAID)
    merge_repeats(engine, minilm)
    return engine


def _model(
    server: ModelServer, replies: Path | None = None, budget: int | None = None
) -> LanguageModel:
    config = ModelConfig(name="openai:judge", url=server.url, key=SecretStr("k"), retries=0)
    return open_language_model(config, replies, budget)


def _says(**verdict: str) -> Turn:
    answer = {
        "pair": "p1",
        "relation": "contradicts",
        "head": "a",
        "words_a": "induction heads",
        "words_b": "induction  heads",
        "reason": "One denies the other.",
    }
    return says({"verdicts": [answer | verdict]})


def test_a_verdict_becomes_a_relation_with_the_name_of_the_model_and_its_words(engine: Engine):
    with serving(_says()) as server:
        report = relate_proposals(engine, _model(server), limit=10)

    with reading(engine) as session:
        (relation,) = all_relations(session)
    assert (relation.kind.value, relation.method) == ("contradicts", "openai:judge")
    assert relation.reason == "One denies the other. (“induction heads” and “induction heads”)"
    assert (report.pairs, report.asked, report.is_new, report.refused) == (1, 1, [True], [])
    assert server.asked[0]["messages"][0]["content"] == prompt()
    shown = json.loads(server.asked[0]["messages"][1]["content"])
    assert {shown["p1"]["a"], shown["p1"]["b"]} == {said.text for said in SAID}


@pytest.mark.parametrize(
    ("verdict", "problem"),
    [
        ({"words_b": "attention sinks"}, "does not say 'attention sinks'"),
        ({"words_a": "  "}, "does not say '  '"),
        ({"pair": "p7"}, "no pair 'p7'"),
    ],
)
def test_a_verdict_that_the_statements_do_not_bear_out_is_refused(
    engine: Engine, verdict: dict[str, str], problem: str
):
    with serving(_says(**verdict)) as server:
        report = relate_proposals(engine, _model(server), limit=10)

    assert len(report.refused) == 1
    assert problem in report.refused[0]
    with reading(engine) as session:
        assert all_relations(session) == []


def test_a_pair_that_is_answered_twice_is_refused_and_none_is_no_relation(engine: Engine):
    one = json.loads(_says().output or "")
    with serving(says({"verdicts": one["verdicts"] * 2}), _says(relation="none")) as server:
        twice = relate_proposals(engine, _model(server), limit=10)
        none = relate_proposals(engine, _model(server), limit=10)

    assert (len(twice.drafts), len(twice.refused)) == (0, 2)
    assert (len(none.drafts), len(none.refused)) == (0, 0)


@pytest.mark.parametrize("head", ["a", "b"])
def test_the_head_is_the_statement_that_the_model_names(engine: Engine, head: str):
    with serving(_says(relation="supports", head=head)) as server:
        report = relate_proposals(engine, _model(server), limit=10)

    shown = json.loads(server.asked[0]["messages"][1]["content"])["p1"]
    with reading(engine) as session:
        (relation,) = all_relations(session)
        assert statement_of(session, relation.head_id).text == shown[head]
    assert report.drafts[0].head == relation.head_id


def test_a_spent_budget_ends_the_run_and_what_was_answered_is_not_asked_again(
    engine: Engine, tmp_path: Path
):
    replies = tmp_path / "replies.jsonl"
    with serving(_says()) as server:
        spent = relate_proposals(engine, _model(server, budget=0), limit=10)
        relate_proposals(engine, _model(server, replies), limit=10)
        again = relate_proposals(engine, _model(server, replies, budget=0), limit=10)

        assert len(server.asked) == 1
    assert (spent.is_out_of_budget, spent.asked) == (True, 0)
    assert (again.is_out_of_budget, again.asked, again.is_new) == (False, 1, [False])


def test_without_a_merging_run_there_is_nothing_to_ask_about():
    with serving(_says()) as server, pytest.raises(ConfigError, match="claimgraph merge"):
        relate_proposals(open_engine(None), _model(server), limit=10)
