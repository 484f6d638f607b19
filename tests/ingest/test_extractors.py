"""The offline extractor on short notes written for these tests; what they report is invented."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import ValidationError

from ingest.documents import Document, Draft, Section
from ingest.extractors import EXTRACTORS, open_extractor
from ingest.extractors.offline import OfflineExtractor, OfflineExtractorConfig, section_roles
from kg.errors import ConfigError

QUOTATION_HEAD = """\
other|This note is about one attention head in a small story model.
other|We looked for heads that treat an opening quotation mark in a special way.
claim|Heads with a single job are rarer than the literature makes them look.
other|For every head we recorded its attention on 400 stories.
finding|Head 3.2 attends to the opening mark in 97 % of the stories.
finding|Ablating it raises the loss on the closing mark from 0.4 to 2.1 nats.
finding|Ablating any other head of the layer changes that loss by less than 0.05 nats.
claim|This suggests that the head carries most of the circuit.
claim|It does not follow that the head does nothing else.
other|Does the same head exist in a larger model?
other|We plan to answer this in a later note.
claim|A head should be named only after its effect on the loss has been measured.
other|Jones et al. (2023) reported a similar head in a model of code.
other|The batch size was 32 and the learning rate 0.003."""

WEIGHTS_OR_ACTIVATIONS = """\
claim|Decomposing weights is a better route to mechanisms than decomposing activations.
other|There are two families of methods.
other|One family looks for directions in activation space, the other for components of weights.
claim|Activation methods depend on their data, which makes their features hard to compare.
claim|A weight component, in contrast, is the same whatever the input.
finding|In our toy model, weight components matched the known mechanisms with a cosine of 0.999.
finding|The sparse autoencoder split two of the five features and merged none.
other|Table 1 lists the hyper-parameters.
claim|We believe that both families will be needed for large models.
claim|The cost of training is the main limitation of parameter decomposition.
other|Thanks to everyone who commented on a draft."""

SPARSITY = """\
other|A latent is called interpretable if a person can say when it is active.
other|Sparse latents have been described as interpretable by several groups [smith2024].
finding|We found that random dictionaries score almost as well as trained ones on this test.
finding|Raters explained 61 % of trained latents and 54 % of random ones.
claim|The test therefore measures the raters more than the dictionary.
claim|Sparsity alone cannot be the reason why latents look meaningful.
other|The rest of this note describes how the raters were chosen.
finding|Agreement between raters was low (kappa 0.31).
claim|Human ratings without a random baseline should not be accepted as evidence.
finding|No latent of the random dictionary had a measurable effect on the output.
claim|Causal effect is probably the better criterion.
other|What counts as an effect depends on the metric."""

NOTES = (QUOTATION_HEAD, WEIGHTS_OR_ACTIVATIONS, SPARSITY)


def labelled(note: str) -> list[tuple[str, str]]:
    return [(label, text) for label, text in (line.split("|") for line in note.splitlines())]


def document(*sections: Section, title: str = "A note") -> Document:
    return Document("note.md", title, "markdown", "0" * 64, sections)


def one_section(text: str, heading: str = "A note", kind: str = "body") -> Document:
    return document(Section(heading, 1, text, kind=kind))


def kinds(drafts: list[Draft]) -> dict[str, str]:
    return {draft.text: draft.kind for draft in drafts}


@pytest.fixture(params=sorted(EXTRACTORS.keys() - {"llm"}))
def extractor(request):
    return open_extractor(request.param)


def test_every_extractor_quotes_its_section_verbatim_in_reading_order(extractor):
    sections = [
        Section(f"Part {i}", 1, " ".join(text for _, text in labelled(note)))
        for i, note in enumerate(NOTES)
    ]

    drafts = extractor.extract(document(*sections))

    assert drafts
    assert all(d.quote == sections[d.section].text[d.span.start : d.span.end] for d in drafts)
    assert all(d.kind in {"claim", "finding"} and 0 <= d.score <= 1 and d.note for d in drafts)
    places = [(d.section, d.span) for d in drafts]
    assert places == sorted(places)


def test_every_extractor_says_the_same_of_the_same_document(extractor):
    note = one_section(" ".join(text for _, text in labelled(SPARSITY)))

    assert extractor.extract(note) == open_extractor(extractor.name).extract(note)


@pytest.mark.parametrize("text", ["", " \n\n ", "\n", "42", "…", "?!", "$$", "A.\n\nB.", "{}[]()"])
def test_every_extractor_survives_a_document_without_statements(extractor, text):
    assert extractor.extract(one_section(text)) == []
    assert extractor.extract(document()) == []


@pytest.mark.parametrize("text", ["[a" * 50_000, "(a " * 50_000, "a@" * 50_000, "1 a" * 50_000])
def test_every_extractor_gets_past_a_sentence_without_end(extractor, text):
    finding = "We find that ablating the head reduces accuracy by 12 %."

    [draft] = extractor.extract(one_section(f"{text}\n\n{finding}"))

    assert draft.text == finding


def test_an_unknown_extractor_is_refused_with_the_names_of_the_known_ones():
    with pytest.raises(ConfigError, match=r"no extractor 'oracle'.*offline"):
        open_extractor("oracle")


def test_a_config_refuses_names_it_does_not_know():
    with pytest.raises(ValidationError):
        OfflineExtractorConfig(minimum=0.3)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("We find that ablating the head reduces accuracy by 12 %.", "finding"),
        ("The edited model answers 88 % of the questions correctly.", "finding"),
        ("Zeroing two neurons increased the perplexity from 12.1 to 13.5.", "finding"),
        ("Superposition is likely the main obstacle to reading neurons.", "claim"),
        ("We argue that circuits should be judged by interventions.", "claim"),
        ("Saliency maps should not be trusted without a sanity check.", "claim"),
        ("Section 2 describes the set-up.", None),
        ("We thank our colleagues for helpful discussions.", None),
        ("In future work we will repeat this with other architectures.", None),
        ("Why does the network need two copies of the circuit?", None),
        ("We used a learning rate of 0.01 and a batch size of 128.", None),
        ("Elhage et al. (2021) described such heads as induction heads.", None),
    ],
)
def test_an_evident_sentence_is_taken_for_what_it_is(text, kind):
    drafts = OfflineExtractor().extract(one_section(text))

    assert [draft.kind for draft in drafts] == ([kind] if kind else [])


@pytest.mark.parametrize(
    "text",
    [
        "Do we find that ablating the head reduces accuracy by 12 %?",
        "We hope to find that ablating the head reduces accuracy in future work.",
        "Accuracy fell here.",
    ],
)
def test_a_rule_outweighs_any_probability(text):
    everything = OfflineExtractor(OfflineExtractorConfig(min_probability=0.0))

    assert everything.extract(one_section(text)) == []
    assert everything.extract(one_section("Two heads of the model copy the name."))


def test_extraction_needs_neither_scikit_learn_nor_torch():
    script = (
        "import sys\n"
        "from ingest.documents import Document, Section\n"
        "from ingest.extractors import open_extractor\n"
        "section = Section('Results', 1, 'We find that the head reduces accuracy by 12 %.')\n"
        "assert open_extractor('offline').extract(Document('', '', '', '', (section,)))\n"
        "assert not {'sklearn', 'torch', 'scipy'} & set(sys.modules)\n"
    )
    root = Path(__file__).parents[2]

    subprocess.run([sys.executable, "-c", script], cwd=root, check=True)


def test_short_notes_give_most_of_their_claims_and_findings_and_little_else():
    truth = [pair for note in NOTES for pair in labelled(note)]
    taken: dict[str, str] = {}
    for note in NOTES:
        text = " ".join(text for _, text in labelled(note))
        taken |= kinds(OfflineExtractor().extract(one_section(text)))

    right = sum(taken.get(text) == label for label, text in truth if label != "other")
    stated = sum(label != "other" for label, _ in truth)
    assert right >= 0.85 * stated
    assert right >= 0.8 * len(taken)


def test_a_statement_broken_over_lines_is_joined_but_quoted_as_it_stands():
    text = "We find that ablating\nthe head   reduces accuracy by 12 %."

    [draft] = OfflineExtractor().extract(one_section(text))

    assert draft.text == "We find that ablating the head reduces accuracy by 12 %."
    assert draft.quote == text


@pytest.mark.parametrize("bullet", ["• ", "- ", "— "])
def test_the_bullet_of_a_list_is_no_part_of_the_statement(bullet):
    finding = "We find that ablating the head reduces accuracy by 12 %."

    [draft] = OfflineExtractor().extract(one_section(bullet + finding))

    assert draft.text == draft.quote == finding


@pytest.mark.parametrize(
    ("heading", "kind"),
    [
        ("References", "references"),
        ("Figures", "captions"),
        ("References", "body"),
        ("Acknowledgements", "body"),
        ("5. Future work", "body"),
    ],
)
def test_sections_that_state_nothing_of_their_own_are_skipped(heading, kind):
    finding = "We find that ablating the head reduces accuracy by 12 %."

    assert OfflineExtractor().extract(one_section(finding, heading, kind)) == []
    assert OfflineExtractor().extract(one_section(finding, "Results"))


def test_at_most_max_statements_are_kept_and_the_abstract_goes_first():
    finding = "We find that ablating head {} reduces accuracy by 1{} %."
    appendix = Section("Details", 1, " ".join(finding.format(i, i) for i in range(5)))
    abstract = Section("Abstract", 1, finding.format(8, 8), kind="abstract")
    paper = document(abstract, replace(appendix, kind="appendix"))

    drafts = OfflineExtractor(OfflineExtractorConfig(max_statements=2)).extract(paper)

    assert len(drafts) == 2
    assert drafts[0].section == 0


def test_a_sentence_said_twice_is_taken_once_where_it_matters_most():
    finding = "We find that ablating the head reduces accuracy by 12 %."
    paper = document(Section("Method", 1, finding), Section("Abstract", 1, finding))

    [draft] = OfflineExtractor().extract(paper)

    assert draft.section == 1


def test_sentences_that_differ_in_a_number_only_are_two_statements():
    text = "Ablating head 3 reduces accuracy by 12 %. Ablating head 4 reduces accuracy by 2 %."

    assert len(OfflineExtractor().extract(one_section(text, "Results"))) == 2


def test_a_higher_threshold_keeps_fewer_statements_and_none_below_it():
    note = one_section(" ".join(text for _, text in labelled(QUOTATION_HEAD)))

    few = OfflineExtractor(OfflineExtractorConfig(min_probability=0.8)).extract(note)

    assert 0 < len(few) < len(OfflineExtractor().extract(note))
    assert min(draft.score for draft in few) >= 0.8


def test_a_low_rank_keeps_a_sentence_out_once_enough_are_sure():
    note = one_section(" ".join(text for _, text in labelled(QUOTATION_HEAD)))

    def kept(n_sure: int) -> int:
        config = OfflineExtractorConfig(min_rank=1.0, n_sure=n_sure)
        return len(OfflineExtractor(config).extract(note))

    assert [kept(0), kept(3)] == [0, 3]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("The probe catches between 95% and 99% of the deceptive answers.", "finding"),
        ("Table 2 shows that the two directions are nearly the same in all models.", "finding"),
        ("A monitor may need a rate of false alarms below 1% to be of use.", "claim"),
    ],
)
def test_what_measures_is_a_finding_unless_it_ventures(text, kind):
    assert kinds(OfflineExtractor().extract(one_section(text, "Results"))) == {text: kind}


def test_a_subsection_has_the_role_of_the_section_it_stands_under():
    sections = [
        Section("4 Results", 1, "x"),
        Section("4.1 Curve detectors", 2, "x", under=("4 Results",)),
        Section("Curve detectors again", 2, "x", under=("4 Results",)),
        Section("5.1 Cars", 2, "x", under=("4 Results",)),
        Section("6 Circuits", 1, "x"),
    ]

    assert list(section_roles(sections)) == ["results", "results", "results", "other", "other"]


@pytest.mark.parametrize(
    ("heading", "under", "role"),
    [
        ("Mice", ("Materials and methods",), "method"),
        ("RNA analysis", ("Materials and methods",), "method"),
        ("Subjects", ("Methods",), "method"),
        ("Mice", ("Results", "Three strains"), "results"),
        ("Limitations", ("Results",), "limitations"),
        ("Mice", (), "other"),
    ],
)
def test_a_heading_without_text_gives_its_role_to_what_stands_under_it(
    heading: str, under: tuple[str, ...], role: str
):
    assert list(section_roles([Section(heading, 2, "x", under=under)])) == [role]


ANNOUNCED = "Features are the fundamental unit of neural networks."
EXPLAINED = " ".join(f"The {name} layer has units that we looked at." for name in "abcd")


@pytest.mark.parametrize(
    ("heading", "first", "kept"),
    [
        ("Claim 1: Features", ANNOUNCED, True),
        ("3.2 Hypothesis II", ANNOUNCED, True),
        ("Features", ANNOUNCED, False),
        ("Claims", ANNOUNCED, False),
        ("Claim 1: Features", f"{EXPLAINED} {ANNOUNCED}", False),
    ],
)
def test_what_stands_right_under_a_numbered_claim_is_kept(heading: str, first: str, kept: bool):
    text = f"{first}\n\n{EXPLAINED} {ANNOUNCED.replace('Features', 'Units')}"
    config = OfflineExtractorConfig(n_sure=0, note_length=0, min_worth=1.0)

    quotes = [
        draft.quote
        for draft in OfflineExtractor(config).extract(document(Section(heading, 1, text)))
    ]

    assert quotes == ([ANNOUNCED] if kept else [])


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (f"Finding 2: {ANNOUNCED}", True),
        (f"Hypothesis B (depth): {ANNOUNCED}", True),
        (f"In claim 2: {ANNOUNCED}", False),
        (f"Findings: {ANNOUNCED}", False),
        ("Finding 2: Probes of depth dominate.", False),
    ],
)
def test_what_a_numbered_label_announces_is_kept(text: str, kept: bool):
    config = OfflineExtractorConfig(n_sure=0, note_length=0, min_worth=1.0)

    drafts = OfflineExtractor(config).extract(one_section(f"{EXPLAINED} {text} {EXPLAINED}"))

    assert [draft.quote for draft in drafts] == ([text] if kept else [])


def test_what_others_are_named_for_is_cited_and_no_finding():
    said = "Lark et al. (2024) show that ablating the heads lowers accuracy by 92 %."
    text = f"{said} We find that ablating one head lowers accuracy by 31 %."
    document = Document("n.md", "Heads", "markdown", "0" * 64, (Section("Results", 1, text),))
    extractor = open_extractor("offline")

    kept = [draft.quote for draft in extractor.extract(document)]

    assert kept == ["We find that ablating one head lowers accuracy by 31 %."]
    assert [draft.quote for draft in extractor.cited(document)] == [said]


HYPOTHESIS = "We hypothesize that copying heads in middle layers share one mechanism."


def _with_a_hypothesis() -> Document:
    """Return a paper with more measured results than are kept for sure, and one hypothesis."""
    results = [
        f"We find that ablating head {layer}.{head} raises the loss by {layer}.{head} nats."
        for layer in range(3, 13)
        for head in range(1, 9)
    ]
    results.insert(40, HYPOTHESIS)
    return one_section(" ".join(results), heading="Results")


def test_a_hypothesis_among_results_is_kept_as_a_claim():
    found = kinds(OfflineExtractor().extract(_with_a_hypothesis()))

    assert found.get(HYPOTHESIS) == "claim"


def test_a_stand_with_a_number_in_it_is_a_claim_and_surely_one():
    stand = "We argue that probes lose 12 % of their accuracy without such controls."

    (draft,) = OfflineExtractor().extract(one_section(stand, heading="Results"))

    assert (draft.kind, draft.score >= 0.9) == ("claim", True)
