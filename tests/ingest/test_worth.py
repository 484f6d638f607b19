"""What tells whether a statement is worth keeping; the sentences are invented."""

import json
import re
from pathlib import Path

import pytest

from ingest.documents import Document, Section
from ingest.extractors.features import analyse, features_of, section_role
from ingest.extractors.offline import OfflineExtractor, OfflineExtractorConfig, section_roles
from ingest.extractors.worth import (
    Surroundings,
    WorthModel,
    shipped_worth,
    worth_features,
)

AROUND = Surroundings(0.2, 0.7, 0.02, 0.5, frozenset(analyse("Induction heads copy names").topical))

FINDING = "Ablating the three induction heads lowers accuracy on copied names from 92% to 31%."


def document(*sections: tuple[str, str]) -> Document:
    parts = tuple(Section(heading, 1, text) for heading, text in sections)
    return Document(name="heads.md", title="Heads", format="markdown", sha256="0", sections=parts)


def features(text: str, around: Surroundings = AROUND) -> set[str]:
    sentence = analyse(text)
    return set(worth_features(features_of([sentence], "results")[0], sentence, around))


def worth(text: str) -> float:
    return shipped_worth().worth(features(text))


@pytest.mark.parametrize(
    ("text", "leaning"),
    [
        ("These metrics show the same of every head.", "l:points_to_other"),
        ("This result holds for every head.", "l:points_to_results"),
        ("We take that from the head: this shows it.", "l:points_bare"),
        ("The head still clears the threshold.", "l:again"),
        ("The latter of them is a head.", "l:pair"),
        ("We do not claim that heads are all there is.", "l:disclaims"),
        ("We introduce a way to find heads.", "l:we_describe"),
        ("H2 (ablation): the head matters.", "l:label"),
        ("However, the head matters.", "l:opens_contrast"),
        ("In small models it copies names.", "l:pronoun"),
        ("The heads were selected by their scores.", "l:method"),
        ("A head that was cut off in the middle of", "l:unended"),
    ],
)
def test_words_that_lean_on_another_sentence_are_seen(text, leaning):
    if leaning == "l:pronoun":
        text = text.replace("models it", "models, it")
    assert leaning in features(text)


def test_a_plain_finding_leans_on_nothing():
    assert not {name for name in features(FINDING) if name.startswith("l:")}


def test_this_paper_is_not_a_thing_that_another_sentence_names():
    assert "l:points_to_other" not in features("In this paper the heads copy names.")


def test_every_step_below_a_value_is_set_and_none_above():
    steps = {name for name in features(FINDING) if name.startswith("k:")}

    assert {"k:chance0.6", "k:chance0.8", "k:finding0.6", "k:central0.5"} <= steps
    assert not steps & {"k:finding0.8", "k:central0.6", "k:cited0.1", "k:words18"}
    assert {"k:title1", "k:title2", "k:title3"} <= steps


def test_worth_is_the_logistic_function_of_the_sum_of_weights():
    model = WorthModel({"c:may": -1.0, "l:pair": 3.0}, -2.0)

    assert model.worth(["c:may", "l:pair", "w:unknown"]) == pytest.approx(0.5)
    assert model.worth([]) == pytest.approx(0.1192, abs=1e-4)


@pytest.mark.parametrize(
    "useless",
    [
        "We do not claim that these metrics show the same of the other heads either.",
        "It also holds for the latter.",
        "These checks support this second reading of the earlier pattern.",
    ],
)
def test_a_finding_is_worth_more_than_what_leans_or_disclaims(useless):
    assert worth(FINDING) > worth(useless) + 0.2


def test_a_higher_worth_is_asked_for_beyond_the_sure_ones():
    text = " ".join([FINDING, "It also holds for the latter, as these checks show."])
    paper = document(("Results", text))

    def kept(min_worth: float) -> list[str]:
        config = OfflineExtractorConfig(
            n_sure=0, min_probability=0.0, min_worth=min_worth, note_length=0
        )
        return [draft.quote for draft in OfflineExtractor(config).extract(paper)]

    low = worth("It also holds for the latter, as these checks show.")
    assert FINDING in kept(0.5)
    assert len(kept(0.0)) == 2
    assert kept(max(0.5, low + 0.1)) == [FINDING]


def test_a_note_is_not_measured_by_what_was_learned_from_papers():
    paper = document(("Results", f"{FINDING} It also holds for the latter, as these checks show."))

    def kept(note_length: int) -> int:
        config = OfflineExtractorConfig(
            n_sure=0,
            min_probability=0.0,
            min_worth=1.0,
            min_rank=0.0,
            note_length=note_length,
        )
        return len(OfflineExtractor(config).extract(paper))

    assert [kept(2), kept(3)] == [0, 2]


FORM = (
    "Question: Does the paper report error bars? Answer: [Yes] Justification: We report them.\n\n"
    "The authors should state clearly which factors of variability the error bars capture."
)


def test_the_form_of_a_venue_gives_no_statement():
    paper = document(
        ("Results", FINDING),
        ("Paper Checklist", "Reviewers find that honest answers help 90% more."),
        ("7. Statistics", FORM),
    )

    drafts = OfflineExtractor().extract(paper)

    assert list(section_roles(paper.sections)) == ["results", "checklist", "checklist"]
    assert [draft.quote for draft in drafts] == [FINDING]


def test_a_section_that_begins_in_the_middle_of_a_form_is_one_too():
    asked = "Question: Are there limits? Answer: [Yes] Justification: We say so. "
    paper = document(("Limitations", f"Justification: We report them.\n\n{asked}\n\n{asked}"))

    assert list(section_roles(paper.sections)) == ["checklist"]


def test_a_section_about_a_checklist_is_no_form():
    assert section_role("A checklist improves the agreement of raters") != "checklist"
    assert section_role("NeurIPS Paper Checklist", "appendix") == "checklist"


def test_the_labels_hold_fingerprints_and_no_words():
    labels = Path(__file__).parents[2] / "benchmarks" / "worth_labels.jsonl"
    lines = [json.loads(line) for line in labels.read_text(encoding="utf-8").splitlines()]

    assert len({line["file"] for line in lines}) == len(lines)
    for line in lines:
        marks = f"{line['kept']} {line['dropped']}".split()
        assert all(re.fullmatch(r"[0-9a-z]{10}", mark) for mark in marks)
        assert not set(line["kept"].split()) & set(line["dropped"].split())
