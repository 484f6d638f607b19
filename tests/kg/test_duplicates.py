"""Which statements count as the same, and how they group."""

import json
import os
import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.labelled import read_lines
from kg.agreement import disagreements
from kg.duplicates import Comparison, DuplicateConfig, Relation, Saying, compared
from kg.embedders import Embedder, open_embedder
from kg.embeddings import embedded_text
from kg.labelled_pairs import LabelledPair, PairRelation, pair_cosines, pair_report, pair_score
from kg.repeats import Pair, Repeats, groups, repeats

PAIRS = Path(__file__).parents[1] / "data" / "pairs.jsonl"
FREE_PAIRS = PAIRS.with_name("free_pairs.jsonl")
TEXTS = [
    "Ablating induction heads removes in-context learning in small transformers",
    "In small transformers, in-context learning is removed when induction heads are ablated",
    "Ablating induction heads does not remove in-context learning in small transformers",
    "Ablating induction heads removes in-context learning in 5 small transformers",
    "Dead latents come back after resampling",
    "After resampling, dead latents come back",
]


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return open_embedder()


def _found(texts: list[str], embedder: Embedder) -> Repeats:
    return repeats(list(map(Saying, texts)), embedder.embed(texts))


def _pair(a: int, b: int, relation: Relation, score: float) -> Pair:
    return Pair(a, b, 0.9, Comparison(relation, score, ()))


def _never(a: int, b: int) -> Pair:
    raise AssertionError((a, b))


def test_paraphrases_merge_and_a_denial_or_a_number_keeps_apart(embedder: Embedder):
    found = _found(TEXTS, embedder)

    assert found.groups == [(0, 1), (4, 5)]
    denied = next(pair for pair in found.pairs if (pair.a, pair.b) == (0, 2))
    assert denied.relation is Relation.TENSION
    assert denied.comparison.reasons == ("polarity: “—” against “not”",)


def test_the_order_of_statements_makes_no_difference(embedder: Embedder):
    order = list(range(len(TEXTS)))
    random.Random(3).shuffle(order)

    back = [TEXTS[i] for i in order]
    straight = _found(TEXTS, embedder)
    shuffled = _found(back, embedder)

    assert _named(straight, TEXTS) == _named(shuffled, back)


def _named(found: Repeats, texts: list[str]) -> set[tuple[frozenset[str], Relation, float]]:
    return {
        (frozenset((texts[pair.a], texts[pair.b])), pair.relation, pair.comparison.score)
        for pair in found.pairs
    }


def test_a_chain_does_not_join_two_that_disagree():
    pairs = [
        _pair(0, 1, Relation.SAME, 0.95),
        _pair(0, 2, Relation.TENSION, 0.0),
        _pair(1, 2, Relation.SAME, 0.97),
    ]

    assert groups(pairs, _never) == [(1, 2)]


def test_members_that_were_never_compared_are_asked_about():
    pairs = [_pair(0, 1, Relation.SAME, 0.97), _pair(1, 2, Relation.SAME, 0.95)]

    assert groups(pairs, lambda a, b: _pair(a, b, Relation.MAYBE_SAME, 0.6)) == [(0, 1, 2)]
    assert groups(pairs, lambda a, b: _pair(a, b, Relation.REFINES, 0.0)) == [(0, 1)]


EDGES = st.dictionaries(
    st.tuples(st.integers(0, 7), st.integers(0, 7)).filter(lambda edge: edge[0] < edge[1]),
    st.tuples(st.sampled_from(list(Relation)), st.sampled_from([0.9, 0.93, 0.97])),
)


@given(EDGES, st.randoms(use_true_random=False))
@settings(deadline=None, derandomize=True)
def test_no_group_holds_a_disagreeing_pair_whatever_the_order(
    edges: dict[tuple[int, int], tuple[Relation, float]], rng: random.Random
):
    pairs = [_pair(a, b, relation, score) for (a, b), (relation, score) in edges.items()]
    shuffled = rng.sample(pairs, len(pairs))

    found = groups(pairs, lambda a, b: _pair(a, b, Relation.RELATED, 0.0))

    assert groups(shuffled, lambda a, b: _pair(a, b, Relation.RELATED, 0.0)) == found
    members = [member for group in found for member in group]
    assert len(members) == len(set(members))
    agreeing = (Relation.SAME, Relation.PROBABLY_SAME, Relation.MAYBE_SAME)
    near = {edge for edge, (relation, _) in edges.items() if relation in agreeing}
    assert all((a, b) in near for g in found for a in g for b in g if a < b)


PRONOUNS = Saying(
    "Tracing the choice of 'she' vs 'he' to the name",
    "Shows how agreement detection in a subnetwork decides",
)


def test_one_worked_example_merges_if_the_note_of_one_says_most_of_what_the_other_says():
    a = Saying("Subnetwork for 'she' vs 'he' uses agreement detection", "A case study of gender")

    found = compared(a, PRONOUNS, 0.75, {}, DuplicateConfig())

    assert found.relation is Relation.SAME
    assert found.reasons == ("the same worked example, 'he' vs 'she', and “agreement detection”",)


@pytest.mark.parametrize(
    ("text", "relation"),
    [
        (
            "Agreement detection for 'she' vs 'he' is spread over neurons of a late layer",
            Relation.MAYBE_SAME,
        ),
        ("Subnetwork for 'she' vs 'he' always uses agreement detection", Relation.RELATED),
        ("Ablation halves the gap of 'she' vs 'he'", Relation.RELATED),
    ],
    ids=["one phrase", "another scope", "no phrase"],
)
def test_a_worked_example_alone_merges_nothing(text: str, relation: Relation):
    found = compared(Saying(text, "A case study"), PRONOUNS, 0.75, {}, DuplicateConfig())

    assert found.relation is relation


def test_what_a_note_repeats_of_the_sentence_before_is_no_sign_that_two_say_the_same():
    first = "The graph for 'her' vs 'his' sends a femaleness signal through an attention layer"
    note = f"Result, reported with the results; it follows “{first}”."
    second = Saying("This femaleness signal for 'her' vs 'his' leaves through one head", note)

    found = compared(Saying(first, "Result."), second, 0.8, {}, DuplicateConfig())

    assert found.relation is Relation.RELATED


@pytest.mark.parametrize(
    ("a", "b", "relation"),
    [
        (
            "Steering with the refusal direction makes models turn down harmless requests",
            "Harmless requests get rebuffed by models steered along the refusal direction",
            Relation.PROBABLY_SAME,
        ),
        (
            "Explanations generated by the model influence how users judge its answers",
            "Explanations generated by the model influence how long users read its answers",
            Relation.MAYBE_SAME,
        ),
    ],
)
def test_an_unknown_word_counts_for_more_where_all_else_stays_in_its_order(
    a: str, b: str, relation: Relation
):
    found = compared(Saying(a), Saying(b), 0.9, {}, DuplicateConfig())

    assert found.relation is relation


def test_no_statements_and_one_statement_have_no_pairs():
    assert repeats([], np.empty((0, 3), dtype=np.float32)) == Repeats([], [])
    assert repeats([Saying("a")], np.eye(1, 3, dtype=np.float32)) == Repeats([], [])


@pytest.mark.parametrize(
    ("a", "b", "is_reversed"),
    [
        ("Heads copy names", "In GPT-2 small, heads of late layers copy names", True),
        ("In GPT-2 small, heads of late layers copy names", "Heads copy names", False),
        ("Heads copy names", "Heads copy only names", True),
    ],
)
def test_the_statement_that_says_more_refines_the_other(a: str, b: str, is_reversed: bool):
    found = compared(Saying(a), Saying(b), 0.8, {}, DuplicateConfig())

    assert (found.relation, found.is_reversed) == (Relation.REFINES, is_reversed)


def test_the_labelled_pairs_are_many_varied_and_split_without_a_shared_sentence():
    pairs = read_lines(PAIRS, LabelledPair)
    parts = [
        {t for p in pairs if p.is_development is half for t in (p.a, p.b)} for half in (True, False)
    ]

    assert len(pairs) >= 300
    assert {pair.relation for pair in pairs} == set(PairRelation)
    assert not parts[0] & parts[1]


def test_the_freely_written_pairs_share_no_sentence_with_those_that_rules_were_made_on():
    free, others = read_lines(FREE_PAIRS, LabelledPair), read_lines(PAIRS, LabelledPair)

    texts = {text for pair in others for text in (pair.a, pair.b)}
    assert not {text for pair in free for text in (pair.a, pair.b)} & texts
    assert {pair.family[:6] for pair in free} == {"dev-z-", "held-k", "dev-o-", "held-o"}
    assert sum(pair.relation is PairRelation.SAME for pair in free) >= 100


@pytest.mark.slow
def test_the_rule_beats_cosine_on_the_held_out_pairs(embedder: Embedder):
    pairs = [pair for pair in read_lines(PAIRS, LabelledPair) if not pair.is_development]

    cosines = pair_cosines(pairs, embedder)
    report = pair_report(pairs, cosines)
    old = [at for at, pair in enumerate(pairs) if pair.family[5].isdigit()]
    older = pair_report([pairs[at] for at in old], [cosines[at] for at in old])

    assert report.rule.precision >= 0.86
    assert report.rule.recall >= 0.7
    assert report.automatic.precision >= 0.92
    assert older.rule.precision >= 0.95
    assert older.rule.recall >= 0.7
    assert report.rule.f1 >= report.baselines["cosine"].score.f1 + 0.1


def test_a_score_is_counted_by_hand():
    labels = [PairRelation.SAME, PairRelation.SAME, PairRelation.RELATED, PairRelation.CONTRADICTS]
    pairs = [LabelledPair(a="a", b="b", relation=label) for label in labels]

    score = pair_score(pairs, [True, False, True, False])

    assert (score.precision, score.recall, score.f1) == (0.5, 0.5, 0.5)


@pytest.mark.skipif("CLAIMGRAPH_TEST_SEED" not in os.environ, reason="no seed is given")
def test_the_two_pairs_of_the_seed_merge_and_nothing_else_does(embedder: Embedder):
    lines = Path(os.environ["CLAIMGRAPH_TEST_SEED"]).read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    texts = [row["text"] for row in rows]
    notes = [row.get("note", "") for row in rows]
    vectors = embedder.embed([embedded_text(*each) for each in zip(texts, notes, strict=True)])

    found = repeats([Saying(*each) for each in zip(texts, notes, strict=True)], vectors)

    assert found.groups == [(6, 7), (19, 22)]
    assert disagreements(texts[6], texts[7]) == []
