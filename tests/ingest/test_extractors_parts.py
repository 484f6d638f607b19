"""The parts of the offline extractor: cues, features, model, rules, salience and notes."""

import json
from importlib.resources import files

import numpy as np
import pytest

from ingest.extractors.cues import CUES, cues_of, pieces_of, tokens_of
from ingest.extractors.features import analyse, features_of, grams, section_role
from ingest.extractors.grams import GramWeights
from ingest.extractors.linear_model import (
    LABELS,
    LinearModel,
    from_json,
    shipped_model,
    to_json,
)
from ingest.extractors.notes import note_of
from ingest.extractors.rules import is_attributed, reason_to_drop
from ingest.extractors.salience import centralities, salience
from ingest.extractors.stances import states_hypothesis, takes_stand


def tokenise(sentence):
    return [token for piece in pieces_of(sentence) for token in tokens_of(piece)]


@pytest.mark.parametrize(
    ("sentence", "cue"),
    [
        ("We also find a second head.", "own_report"),
        ("Our results show this clearly.", "result"),
        ("Accuracy drops by 12 %.", "measure"),
        ("The loss collapses.", "effect"),
        ("This may be an artefact.", "may"),
        ("This may be an artefact.", "deictic"),
        ("We argue that circuits matter.", "stance"),
        ("A probe should have a control.", "should"),
        ("We trained a small model.", "method"),
        ("Is it so?", "question"),
        ("Olah et al. (2020) named them.", "cite_first"),
        ("Features are directions [park2023linear].", "cite_last"),
        ("It has been shown before.", "prior"),
        ("Further work is needed.", "future"),
        ("See https://example.org for more.", "link"),
        ("A short title", "no_verb"),
        ("The model doesn’t use it.", "negation"),
    ],
)
def test_a_sentence_shows_its_cue(sentence, cue):
    words = [token.lower() for token in tokenise(sentence)]

    assert cue in cues_of(sentence, words)
    assert cue in CUES
    assert cue not in cues_of("Two heads are there.", ["two", "heads", "are", "there"])


@pytest.mark.parametrize(
    "citation",
    [
        "[12]",
        "[3, 4–6]",
        "[olah2020zoom]",
        "[Braun et al., 2025]",
        "(Olah et al., 2020)",
        "(2020b)",
    ],
)
def test_a_citation_of_any_style_becomes_one_token(citation):
    assert tokenise(f"Features are directions {citation}.") == [
        "Features",
        "are",
        "directions",
        "⟨c⟩",
    ]


def test_numbers_become_one_token_and_a_bracket_without_letters_or_digits_is_no_citation():
    assert tokenise("It fell from 0.92 to 1,024 (see text).") == [
        *("It", "fell", "from", "0", "to", "0"),
        *("(", "see", "text", ")"),
    ]


def test_words_of_the_topic_leave_only_their_ending():
    [about_heads] = features_of([analyse("The attended heads activated slowly.")], "other")
    [about_cells] = features_of([analyse("The stained cells divided slowly.")], "other")

    shapes = [{name for name in row if name.startswith("h:")} for row in (about_heads, about_cells)]
    assert shapes[0] == shapes[1]
    assert "h:the -ed -s" in shapes[0]


def test_sums_of_grams_are_those_of_their_names():
    texts = ["We find that the heads, as in the model, fall by 3% of the mean [4].", "The the the."]
    sentences = [*map(analyse, texts), analyse("")]
    model = shipped_model()
    weights = {name: model.weights[row].tolist() for name, row in model.vocabulary.items()}

    sums = GramWeights(weights).sums(sentences)

    known = [grams(each) & weights.keys() for each in sentences]
    assert sums == pytest.approx(np.array([sum(np.array(weights[n]) for n in k) for k in known]))
    assert {(name[0], len(name.split(" "))) for name in known[0]} == {
        *(("w", 1), ("h", 1), ("h", 2), ("h", 3)),
    }


def test_neighbours_and_place_are_features():
    section = [analyse("Why is it so?"), analyse("We found a head."), analyse("It may be rare.")]

    first, second, third = features_of(section, "results")

    assert {"p:none", "n:own_report", "o:first", "s:results"} <= set(first)
    assert {"p:question", "n:may", "o:third1"} <= set(second)
    assert {"p:own_report", "n:none", "o:last"} <= set(third)


@pytest.mark.parametrize(
    ("heading", "kind", "role"),
    [
        ("Abstract", "body", "abstract"),
        ("", "abstract", "abstract"),
        ("2.1 Experimental set-up", "body", "results"),
        ("3. Method", "body", "method"),
        ("Experimental procedures", "body", "method"),
        ("Materials and methods", "body", "method"),
        ("Data and code availability", "body", "thanks"),
        ("Discussion and limitations", "body", "discussion"),
        ("Conclusion", "appendix", "appendix"),
        ("The late block decides what the agent does", "body", "assertion"),
        ("Notes", "body", "other"),
        ("", "body", "other"),
    ],
)
def test_a_heading_tells_the_role_of_its_section(heading, kind, role):
    assert section_role(heading, kind) == role


def test_the_model_adds_weights_and_ignores_names_it_does_not_know():
    model = LinearModel(
        {"c:may": 0, "c:measure": 1},
        np.array([[0.0, 2.0, 0.0, 0.0], [0.0, 0.0, 3.0, 0.0]]),
        np.array([0.0, 0.0, 0.0, 1.0]),
    )

    scores = model.scores([["c:may", "w:unknown"], ["c:may", "c:measure"], []])

    assert scores.tolist() == [[0, 2, 0, 1], [0, 2, 3, 1], [0, 0, 0, 1]]


def test_probabilities_follow_temperature_and_offsets():
    plain = LinearModel({}, np.zeros((0, 4)), np.zeros(4))
    calibrated = LinearModel({}, np.zeros((0, 4)), np.zeros(4), 2.0, np.log([1.0, 1.0, 1.0, 2.0]))
    scores = np.array([[0.0, 2 * np.log(3), 0.0, 0.0]])

    # exp of the scores: 1, 9, 1, 1; at temperature 2, and with the last doubled: 1, 3, 1, 2
    assert plain.probabilities(scores)[0] == pytest.approx([1 / 12, 9 / 12, 1 / 12, 1 / 12])
    assert calibrated.probabilities(scores)[0] == pytest.approx([1 / 7, 3 / 7, 1 / 7, 2 / 7])


def test_a_model_survives_being_written_and_read():
    model = shipped_model()

    again = from_json(json.loads(json.dumps(to_json(model, {}))))

    assert again.vocabulary == model.vocabulary
    assert np.array_equal(again.weights, model.weights)
    assert again.temperature == model.temperature


def test_the_shipped_coefficients_are_small_and_say_where_they_come_from():
    resource = files("ingest.extractors").joinpath("coefficients.json")
    text = resource.read_text(encoding="utf-8")
    content = json.loads(text)

    assert len(text.encode()) < 300_000
    assert content["labels"] == list(LABELS)
    report = content["report"]
    assert sum(report["sentences"].values()) == sum(report["labels"].values())
    assert report["leave_one_document_out"]["macro_f1_claim_finding_neither"] > 0.6


@pytest.mark.parametrize(
    ("sentence", "reason"),
    [
        ("Which heads write to it?", "question"),
        ("We make three claims:", "list introduction"),
        ("The code is at https://example.org/code.", "address"),
        ("We are grateful to our colleagues for advice.", "acknowledgement"),
        ("We leave larger models to future work.", "future work"),
        ("Section 4 describes the training of the probe.", "structure"),
        ("The rest of this paper is about circuits.", "structure"),
        ("Details can be found in Appendix B.", "structure"),
        ("and therefore the loss falls in every run.", "mid-sentence"),
        ("It fell.", "too short"),
        ("See it [3].", "structure"),
        ("This holds [3].", "pure citation"),
        ("The loss falls " + "and falls " * 40 + ".", "too long"),
        ("A new method for one sparse circuit", "no verb"),
        ("Then L = ∑_i w_i x_i + b_i ≤ α β γ is.", "formula"),
        ("Row 1 is 0.1 0.2 0.3 0.4 0.5 0.6 0.7 0.8 0.9 1.0.", "table"),
        ("The batch size is 64 and the learning rate is 0.001.", "hyper-parameters"),
        ("For the same figure with two layers, see Appendix B.", "pointer"),
        ("The width was chosen because the wider network learned faster.", "set-up"),
        ("As an example, suppose the value rises by 2 % at each wall.", "supposition"),
        ("Our next experiment asks whether the head is needed.", "announcement"),
        ("We do not know why the loss rises after step 400.", "not known"),
        ("Their study has no agents and leaves this question aside.", "work of others"),
        ("Although this works, several challenges remain for large models.", "commonplace"),
        ("A growing body of work asks what such units compute.", "commonplace"),
        ("(Whether it holds for wider layers is left open here.)", "aside"),
        ("I feel that the second picture is the clearer one.", "aside"),
        ("It is good to know that the two agree in most cases.", "aside"),
        ("The second author is currently extending the tests to speech.", "work under way"),
        ("Testing whether the head is needed in a larger model is useful.", "work under way"),
        ("A key question is how the two mechanisms interact with each other.", "indirect question"),
        ("A controlled protocol for three kinds of pressure, with matched prompts.", "heading"),
        ("Because the layers are trained together with the head.", "mid-sentence"),
        ("Eleven participants were excluded after they declined to go on.", "set-up"),
        ("To draw such a curve, we need a set of pictures.", "set-up"),
        ("First, we extract activations from every layer of both models.", "set-up"),
        ("Our experiments do not attempt to cover larger models.", "set-up"),
        ("In the next few sections the weights are taken apart.", "announcement"),
        ("This survey provides an overview of methods for taking weights apart.", "announcement"),
        ("Figure layers illustrates the order in which heads are ablated.", "structure"),
        ("The gap between both groups is due to three factors.", "list introduction"),
        ("These results motivate further studies of larger models.", "future work"),
        ("We might also hope that probes read such a thing.", "supposition"),
        ("Column (2) of Table 4 shows the effect of leaving out the first head.", "display"),
        ("For both models we also report the time for a step in Table 2.", "display"),
        ("To see why, we plot the norm of each row in Figure 5.", "display"),
        ("Both scores are compared over all seeds (see table 3).", "display"),
        ("We measured the loss of ten runs to estimate how noisy it is.", "set-up"),
        ("Our main goal in this part is to separate both circuits.", "set-up"),
        ("It remains to separate the two circuits that write to it.", "set-up"),
        ("This has important implications for the training of probes.", "commonplace"),
        ("A natural objection: a patch might survive in the late layers.", "supposition"),
        ("A claim that the probe at layer 3 flips 96 percent of the answers.", "heading"),
    ],
)
def test_a_rule_drops_what_is_no_statement_and_says_why(sentence, reason):
    assert reason_to_drop(analyse(sentence)) == reason


@pytest.mark.parametrize(
    "sentence",
    [
        "We find that ablating the head reduces accuracy by 12 %.",
        "The mean ratio was 0.99 (95 % CI 0.97 to 1.01, n = 5).",
        "A probe may read a variable that the model never uses.",
        "Figure 3 shows that the loss falls with every layer.",
        "(2) The second head is needed in all six tasks.",
        "We use fewer features and find that the loss stays the same.",
        "Because the layers share weights, ablating one changes the others.",
        "Evaluations of probes are only as good as their controls are.",
        "It is likely that larger models work in the same way.",
        "Table 2 shows the same pattern in all five models.",
        "In Figure 3 we show that both circuits share a head.",
        "Figure 4 shows a weaker effect in the last layers.",
        "This has two implications: first, probes need controls.",
        "We measured a loss of 2 nats on the held-out prompts.",
        "Models with 12 layers learn induction heads earlier than models with 6 layers.",
        "A cosine schedule helps small models most, as Lark (2023) and Reed (2024) say.",
    ],
)
def test_no_rule_drops_a_plain_statement(sentence):
    assert reason_to_drop(analyse(sentence)) is None


@pytest.mark.parametrize(
    ("sentence", "is_others"),
    [
        ("Lark et al. (2024) show that probes reach 92 % accuracy.", True),
        ("Lark and Reed (2024) also found that heads copy names.", True),
        ("[7] report a drop of 12 %.", True),
        ("It was reported in [7] that heads copy names.", True),
        ("Results in [7] show a drop of 12 %.", True),
        ("We find, as in Lark et al. (2024), that heads copy names.", False),
        ("Lark et al. (2024) report 12 %, and our models reach 14 %.", False),
        ("The drop is larger than was reported in [7].", False),
        ("Probes [7] find 12 % of the features.", False),
        ("Models trained as in [7] show 12 % lower loss.", False),
    ],
)
def test_what_a_citation_is_the_subject_of_is_the_work_of_others(sentence, is_others):
    assert is_attributed(analyse(sentence)) is is_others


@pytest.mark.parametrize(
    ("sentence", "is_stand"),
    [
        ("We argue that probes measure what can be read.", True),
        ("In larger models, we therefore expect that heads are shared.", True),
        ("Our view is that dictionaries are a detour.", True),
        ("We claim no such effect.", False),
        ("We do not argue that heads are shared.", False),
        ("If we argue that heads are shared, ablations must agree.", False),
        ("One could say that we believe in heads.", False),
        ("“We argue that heads are shared,” they write.", False),
        ("In Lark et al. (2024), we argue that heads are shared.", False),
        ("We argued that heads are shared.", False),
        ("We expect a loss of 2 nats in every layer.", False),
        ("Our view is not that of most authors.", False),
    ],
)
def test_what_authors_say_outright_that_they_hold_is_their_stand(sentence, is_stand):
    assert takes_stand(analyse(sentence)) is is_stand


@pytest.mark.parametrize(
    ("sentence", "states"),
    [
        ("We hypothesize that heads in middle layers share a mechanism.", True),
        ("We conjecture that superposition vanishes in wide models.", True),
        ("We predict that larger models need fewer features.", True),
        ("Our central claim is that steering acts on the format.", True),
        ("Our position is narrower: probes need controls.", True),
        ("We hypothesize that these heads share a mechanism.", False),
        ("We predict the next token from the last layer.", False),
        ("We posit a linear model of the residual stream.", False),
        ("Our hypothesis is not supported by the ablations.", False),
        ("We argue that probes measure what can be read.", False),
        ("We define a mechanism as a set of parameters.", False),
    ],
)
def test_a_hypothesis_that_points_nowhere_else_is_one(sentence, states):
    assert states_hypothesis(analyse(sentence)) is states


def _saliences(title, sections):
    flat = [(sentence, role) for role, sentences in sections for sentence in sentences]
    central = centralities(title, sections)
    return [salience(*each, value) for each, value in zip(flat, central, strict=True)]


def test_the_abstract_and_the_words_of_the_title_make_a_sentence_salient():
    title = analyse("Induction heads copy names")
    abstract = ("abstract", [analyse("We show that induction heads copy names in every model.")])
    method = (
        "method",
        [
            analyse("Induction heads copy names when a name was seen before."),
            analyse("The weather was fine on the day of the experiment."),
        ],
    )

    sections = [abstract, method]
    first, about_names, about_weather = _saliences(title, sections)

    assert first > about_names > about_weather


def test_a_sentence_that_leans_on_another_is_less_salient():
    plain = analyse("The head copies the name in most prompts.")
    leaning = analyse("It copies the name in most prompts.")

    sections = [("results", [plain, leaning])]
    values = _saliences(analyse(""), sections)

    assert values[0] > values[1]
    assert all(0 <= value <= 1 for value in values)


def test_saliences_of_nothing_are_none():
    assert centralities(analyse("A title"), []) == []
    assert _saliences(analyse(""), [("other", [analyse("…")])]) == [pytest.approx(0.24)]


@pytest.mark.parametrize(
    ("kind", "sentence", "role", "heading", "note"),
    [
        (
            *("finding", "Accuracy fell by 12 %.", "abstract", "Abstract"),
            "Measured result, stated in the abstract.",
        ),
        (
            *("finding", "The edit had no effect.", "results", "4. Results"),
            "Negative result, reported with the results.",
        ),
        (
            *("claim", "This suggests a gate.", "discussion", "What follows"),
            "Interpretation, offered in the discussion (“What follows”).",
        ),
        (
            *("claim", "Probes should have controls.", "other", "On  probes"),
            "Recommendation, stated under “On probes”.",
        ),
        (
            "claim",
            "One model was studied.",
            "limitations",
            "",
            "Limitation, stated among the limitations.",
        ),
        ("claim", "Features are directions.", "other", "", "Claim, stated in the text."),
    ],
)
def test_a_note_names_the_statement_and_its_place(kind, sentence, role, heading, note):
    assert note_of(kind, analyse(sentence), role, heading) == note


@pytest.mark.parametrize(
    ("claim", "name"),
    [
        ("We propose that heads are shared.", "Position"),
        ("We propose a test of shared heads.", "Contribution"),
        ("Our central claim is that heads are shared.", "Position"),
        ("We posit that heads are shared.", "Hypothesis"),
    ],
)
def test_a_note_calls_a_stand_what_the_authors_do(claim, name):
    assert note_of("claim", analyse(claim), "other", "") == f"{name}, stated in the text."


@pytest.mark.parametrize(
    ("finding", "name"),
    [
        ("We find that the edit did not change any answer.", "Negative result"),
        ("Two heads restore the score, while two random heads do not.", "Result"),
        ("The model takes the method, which does not exist, in 65% of cases.", "Measured result"),
        ("The controls are clean: another patch does not suppress it.", "Result"),
    ],
)
def test_a_result_is_called_negative_only_if_its_first_clause_denies(finding, name):
    assert note_of("finding", analyse(finding), "other", "") == f"{name}, stated in the text."


def test_a_claim_that_speaks_of_a_hypothesis_is_not_called_one():
    note = note_of(
        "claim", analyse("The value of the gate is a hypothesis under test."), "other", ""
    )

    assert note == "Claim, stated in the text."


def test_a_note_repeats_the_sentence_before_one_that_leans_on_it_and_no_other():
    before = "The head attends to the name. "

    leaning = note_of("claim", analyse("This suggests a gate."), "other", "", before)
    alone = note_of("claim", analyse("Heads suggest a gate."), "other", "", before)

    assert leaning.endswith("; it follows “The head attends to the name”.")
    assert "attends" not in alone


@pytest.mark.parametrize(
    ("sentence", "leans"),
    [
        ("The gap is large, and shrinks at no size.", True),
        ("In short, the improvement grows with depth.", True),
        ("The gap between the probes is large.", False),
        ("In all cases, it halves the time of training.", True),
        ("In all cases, the probe halves the time of training.", False),
        ("Three of four models show the effect.", True),
        ("Three of four models show the effect of depth.", False),
        ("Gemma shows the opposite.", True),
        ("Past that value, both heads attend to the name.", True),
        ("At high rates, the head attends to the name.", False),
    ],
)
def test_a_note_repeats_the_sentence_before_what_is_named_there_alone(sentence, leans):
    note = note_of("finding", analyse(sentence), "results", "", "Probes beat the baseline.")

    assert ("it follows" in note) == leans


def test_a_long_sentence_before_is_shortened_at_a_word():
    note = note_of("claim", analyse("This matters."), "other", "", "copy " * 100)

    quoted = note.split("“")[1].split("”")[0]
    assert quoted.endswith("copy …")
    assert len(quoted) < 170
