"""The grounding check, judged: what counts as a false accept and a false reject."""

import pytest
from pydantic import ValidationError

from benchmarks.bench_labels import CASES as LABELLED
from ingest.label_evaluation import LabelCase, evaluate_labels
from ingest.labelled import read_lines

MEMBERS = [
    "Probes of tense succeed in every layer.",
    "TPR probes are cheaper than probes of syntax.",
]
SOURCES = ["We use tensor product representations (TPR) throughout."]


def _case(label: str, grounded: bool, glossary: list[str] | None = None) -> LabelCase:
    return LabelCase(
        members=MEMBERS, glossary_sentences=glossary or [], label=label, grounded=grounded
    )


CASES = [
    _case("Probes of tense", True),
    _case("Tensor product representations", True, SOURCES),
    _case("Tensor product representations", False),
    _case("Total probe recall", False, SOURCES),
    _case("Investigations of grammar", True),
    _case("Probes of syntax succeed in every layer", False),
]


def test_each_way_of_being_wrong_is_counted_apart():
    evaluation = evaluate_labels(CASES)

    # the fifth is a paraphrase in other words; the sixth says in the members' words what none says
    assert [(each.case, each.grounded) for each in evaluation.wrong] == [(5, True), (6, False)]
    assert (evaluation.n, evaluation.false_accepts, evaluation.false_rejects) == (6, 1, 1)
    assert evaluation.accuracy == pytest.approx(4 / 6, abs=1e-6)


def test_a_false_reject_shows_what_the_check_says_and_a_false_accept_has_nothing_to_show():
    rejected, accepted = evaluate_labels(CASES).wrong

    assert any("grammar" in problem for problem in rejected.problems)
    assert accepted.problems == []


def test_accepting_everything_is_wrong_on_all_that_is_not_grounded():
    everything = evaluate_labels(CASES).baselines["accept_everything"]

    assert (everything.false_accepts, everything.false_rejects) == (3, 0)
    assert everything.accuracy == pytest.approx(3 / 6)


def test_abbreviations_are_read_from_the_glossary_sentences():
    with_glossary, without = CASES[1], CASES[1].model_copy(update={"glossary_sentences": []})

    assert evaluate_labels([with_glossary]).accuracy == 1
    assert evaluate_labels([without]).false_rejects == 1


def test_grounded_is_true_or_false_and_nothing_like_it():
    with pytest.raises(ValidationError):
        LabelCase.model_validate({"members": [], "label": "x", "grounded": "yes"})


def test_the_check_does_as_well_on_the_labelled_cases_as_docs_say():
    checked = evaluate_labels(read_lines(LABELLED, LabelCase))

    assert checked.n == 271
    assert checked.false_accepts <= 1
    assert checked.false_rejects <= 12
