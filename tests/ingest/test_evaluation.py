"""Extractors judged on labelled sentences: nobody is told what it is asked."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ingest.documents import Document, Draft
from ingest.evaluation import (
    evaluate_extraction,
    held_out_kinds,
    kinds_by,
    majority_labels,
    tfidf_labels,
    three_way,
)
from ingest.extractors.features import analyse
from ingest.extractors.offline import OfflineExtractor
from ingest.extractors.training import (
    EXAMPLES,
    MAX_FOLDS,
    TrainingSet,
    fingerprint,
    is_trained_on,
    trained,
    training_set,
)
from ingest.labelled import LabelledSentence, read_lines
from kg.errors import ConfigError

GOLD = Path(__file__).parents[1] / "data" / "gold.jsonl"
KNOWN = "Attribution scores should not be read as evidence of causal importance."
"""One of the invented examples, so the shipped model was trained on it."""


@pytest.fixture(scope="module")
def gold() -> list[LabelledSentence]:
    return read_lines(GOLD, LabelledSentence)


@pytest.fixture(scope="module")
def labelled(gold: list[LabelledSentence]) -> TrainingSet:
    return training_set(gold)


class Quoting:
    """An extractor that proposes given quotes, wherever they stand."""

    name = "quoting"

    def __init__(self, *drafts: Draft) -> None:
        self._drafts = drafts

    def extract(self, document: Document) -> list[Draft]:
        return [
            replace(draft, section=index)
            for index, section in enumerate(document.sections)
            for draft in self._drafts
            if draft.quote.split()[0] in section.text
        ]


def _draft(quote: str, kind: str = "finding", score: float = 0.5) -> Draft:
    return Draft(section=0, kind=kind, text=quote, quote=quote, score=score)


def _kinds(gold: list[LabelledSentence], *drafts: Draft) -> dict[str, str]:
    found = zip(gold, kinds_by(Quoting(*drafts), gold), strict=True)
    return {sentence.text: kind for sentence, kind in found if kind != "neither"}


def test_a_part_of_a_sentence_counts_for_the_sentence(gold: list[LabelledSentence]):
    found = _kinds(gold, _draft("Ablating one gate raised the loss"))

    assert list(found.values()) == ["finding"]
    assert next(iter(found)).startswith("Ablating one gate")


def test_a_quote_that_is_not_in_the_text_counts_for_nothing(gold: list[LabelledSentence]):
    assert _kinds(gold, _draft("Ablating every gate raised the loss")) == {}


def test_of_two_drafts_of_one_sentence_the_surer_counts(gold: list[LabelledSentence]):
    quote = "Ablating one gate raised the loss"

    found = _kinds(gold, _draft(quote, "finding", 0.6), _draft(quote, "claim", 0.9))

    assert list(found.values()) == ["claim"]


def test_a_sentence_said_twice_in_a_source_is_the_same_both_times():
    once = LabelledSentence(text="The loss fell.", label="finding", source="a", section="Results")
    again = once.model_copy(update={"section": "Limits"})

    class First(Quoting):
        def extract(self, document: Document) -> list[Draft]:
            return super().extract(document)[:1]

    assert kinds_by(First(_draft("The loss fell.")), [once, again]) == ["finding", "finding"]


def test_the_shipped_extractor_is_not_limited_to_its_best_statements():
    text = "We found that removing head {} raised the loss by {} nats."
    many = [
        LabelledSentence(text=text.format(n, n), label="finding", source="a", section="Results")
        for n in range(2, 80)
    ]

    evaluation = evaluate_extraction(many)

    assert evaluation.n == 78
    assert evaluation.classes["finding"].recall > 0.9


def test_every_sentence_is_held_out_once_and_no_document_is_on_both_sides(labelled: TrainingSet):
    folds = labelled.document_folds()

    tested = np.concatenate([test for _, test in folds])
    assert sorted(tested.tolist()) == labelled.of_documents().tolist()
    for train, test in folds:
        assert not set(labelled.sources[train]) & set(labelled.sources[test])


def test_many_documents_are_held_out_in_few_groups(gold: list[LabelledSentence]):
    alone = [each.model_copy(update={"source": None}) for each in gold]

    folds = training_set(alone).document_folds()

    assert len(folds) == MAX_FOLDS
    assert sum(len(test) for _, test in folds) == len(gold)


def test_examples_teach_no_section_and_no_neighbour(labelled: TrainingSet):
    examples = np.flatnonzero(labelled.sources == EXAMPLES)

    assert len(examples) > 100
    assert {name[0] for i in examples for name in labelled.rows[i]} <= set("cwh")


def test_the_sentence_before_is_a_neighbour_of_one_that_names_no_source():
    alone = LabelledSentence(text="It fell.", label="finding", previous="We trained 3 probes [7].")

    row = training_set([alone]).rows[0]

    assert {f"p:{cue}" for cue in analyse(alone.previous).cues} <= set(row)
    assert "p:none" not in row


def _mislabelled(gold: list[LabelledSentence], source: str) -> list[LabelledSentence]:
    return [
        each.model_copy(update={"label": "cited"}) if each.source == source else each
        for each in gold
    ]


def test_what_is_found_in_a_document_does_not_depend_on_its_labels(gold: list[LabelledSentence]):
    source = "gates.tex"
    wrong = _mislabelled(gold, source)
    at = [index for index, each in enumerate(gold) if each.source == source]
    right_set, wrong_set = training_set(gold), training_set(wrong)

    pairs = [
        (held_out_kinds(gold, right_set), held_out_kinds(wrong, wrong_set)),
        (majority_labels(right_set), majority_labels(wrong_set)),
        (tfidf_labels(right_set, 10.0, None), tfidf_labels(wrong_set, 10.0, None)),
    ]

    for found, found_with_wrong_labels in pairs:
        assert [found[i] for i in at] == [found_with_wrong_labels[i] for i in at]


def test_each_document_is_judged_by_a_model_of_the_others(
    gold: list[LabelledSentence], labelled: TrainingSet
):
    at = [index for index, each in enumerate(gold) if each.source == "gates.tex"]
    model = trained(labelled.take(np.flatnonzero(labelled.sources != "gates.tex")))

    kinds = held_out_kinds(gold, labelled)

    alone = kinds_by(OfflineExtractor(model=model), [gold[i] for i in at])
    assert [kinds[i] for i in at] == alone
    assert len(set(alone)) > 1


def test_progress_is_told_for_each_document(gold: list[LabelledSentence], labelled: TrainingSet):
    seen: list[tuple[int, int]] = []

    held_out_kinds(gold, labelled, lambda done, total: seen.append((done, total)))

    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_labels_are_those_of_the_file_and_merge_into_three(labelled: TrainingSet):
    kept = labelled.labels[labelled.of_documents()]

    assert Counter(three_way(kept)) == {"claim": 8, "finding": 6, "neither": 10}


def test_the_majority_is_that_of_the_other_documents(labelled: TrainingSet):
    (label,) = set(majority_labels(labelled))

    assert label == Counter(labelled.labels.tolist()).most_common(1)[0][0] == "other"


def test_a_file_that_the_model_has_not_seen_is_judged_as_shipped(gold: list[LabelledSentence]):
    evaluation = evaluate_extraction(gold)

    assert (evaluation.trained_on, evaluation.held_out) == (0, False)
    assert (evaluation.n, evaluation.documents) == (24, 3)
    assert evaluation.remarks == []
    assert evaluation.f1 > evaluation.baselines["majority"].f1
    for baseline in evaluation.baselines.values():
        assert baseline.gain.f1 == pytest.approx(evaluation.f1 - baseline.f1, abs=1e-5)


def test_a_file_that_the_model_was_trained_on_is_judged_without_it(gold: list[LabelledSentence]):
    known = LabelledSentence(text=KNOWN, label="claim", source="known.md")

    evaluation = evaluate_extraction([*gold, known])

    assert (evaluation.trained_on, evaluation.held_out) == (1, True)
    assert "trained on 1 of these 25 sentences" in evaluation.remarks[0]


def test_figures_that_flatter_say_so(gold: list[LabelledSentence]):
    known = LabelledSentence(text=KNOWN, label="claim", source="known.md")

    evaluation = evaluate_extraction([*gold, known], hold_out=False)

    assert not evaluation.held_out
    assert "flatter" in evaluation.remarks[0]


@pytest.mark.parametrize("hold_out", [False, True])
def test_one_sentence_is_a_file(hold_out: bool):
    sentence = LabelledSentence(text="The loss fell.", label="finding")

    evaluation = evaluate_extraction([sentence], hold_out=hold_out)

    assert evaluation.n == 1
    assert any("no source" in remark for remark in evaluation.remarks)
    assert any("one document" in remark for remark in evaluation.remarks)


def test_two_documents_are_enough_to_hold_one_out(gold: list[LabelledSentence]):
    two = [each for each in gold if each.source != "essay.html"]

    evaluation = evaluate_extraction(two, hold_out=True)

    assert (evaluation.documents, evaluation.held_out) == (2, True)
    assert evaluation.f1 > evaluation.baselines["majority"].f1


def test_an_extractor_that_does_not_exist_is_refused(gold: list[LabelledSentence]):
    with pytest.raises(ConfigError, match="there is no extractor 'oracle'"):
        evaluate_extraction(gold, "oracle")


def test_the_shipped_model_knows_what_it_was_trained_on():
    assert is_trained_on([KNOWN, f"  {KNOWN.upper()} ", KNOWN.replace("causal", "casual")]) == [
        True,
        True,
        False,
    ]


def test_fingerprints_differ_where_words_do():
    assert fingerprint("The loss fell.") != fingerprint("The loss rose.")
