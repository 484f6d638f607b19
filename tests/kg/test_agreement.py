"""What two sentences must agree in, by worked examples."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kg.agreement import Facet, disagreements
from kg.quantities import agree, quantities

GLOSSARY = {"SPD": {"stochastic parameter decomposition"}}


def _facets(a: str, b: str) -> set[Facet]:
    return {each.facet for each in disagreements(a, b)}


@pytest.mark.parametrize(
    ("a", "b", "facet"),
    [
        ("SPD avoids feature splitting", "SPD does not avoid feature splitting", Facet.POLARITY),
        ("The account is faithful", "The account is unfaithful", Facet.POLARITY),
        ("Unlearning hides facts instead of removing them",
         "Unlearning removes facts instead of hiding them", Facet.DIRECTION),
        ("SPD is more scalable than APD", "SPD is less scalable than APD", Facet.DIRECTION),
        ("Probes find more attacks than filters", "Filters find more attacks than probes",
         Facet.DIRECTION),
        ("The penalty increases sparsity", "The penalty decreases sparsity", Facet.DIRECTION),
        ("A model with 67M parameters", "A model with 6.7M parameters", Facet.QUANTITY),
        ("Accuracy falls from 91% to 64%", "Accuracy falls from 64% to 91%", Facet.QUANTITY),
        ("Fewer than 50 heads matter", "More than 50 heads matter", Facet.QUANTITY),
        ("The circuit can fail", "The circuit always can fail", Facet.SCOPE),
        ("Heads copy tokens", "Only some heads copy tokens", Facet.SCOPE),
        ("Edits rarely generalise", "Edits never generalise", Facet.SCOPE),
        ("Training improves the loss but harms clarity",
         "Training improves both the loss and clarity", Facet.SCOPE),
        ("Ablating all but the induction heads hurts", "Ablating the induction heads hurts",
         Facet.SCOPE),
        ("Ablating any head but the first hurts", "Ablating the first head hurts", Facet.SCOPE),
        ("Early stopping prevents the model from memorising noise",
         "Early stopping causes the model to memorise noise", Facet.POLARITY),
        ("Without the skip connection, gradients vanish",
         "Gradients survive even if the skip connection is taken out", Facet.DIRECTION),
        ("Prompts are unnecessary for finding it", "Prompts are necessary for finding it",
         Facet.POLARITY),
        ("Methods are judged by their effect", "Methods should be judged by their effect",
         Facet.SCOPE),
        ("Probes read the second layer", "Probes read the third layer", Facet.SUBJECT),
        ("Ablation degrades it by a factor of three", "Ablation degrades it by a factor of two",
         Facet.QUANTITY),
        ("Gender is encoded from the second layer on", "Gender is encoded up to the second layer",
         Facet.DIRECTION),
        ("Probes read layer 12", "Probes read layer 20", Facet.SUBJECT),
        ("Probes work in GPT-2", "Probes work in Pythia", Facet.SUBJECT),
        ("Induction heads copy", "Previous-token heads copy", Facet.SUBJECT),
    ],
)  # fmt: skip
def test_a_sentence_that_says_otherwise_is_caught_and_named(a: str, b: str, facet: Facet):
    found = _facets(a, b)

    assert facet in found


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("Transcoders are easier to read than autoencoders",
         "Autoencoders are harder to read than transcoders"),
        ("The chain of thought is not faithful", "The chain of thought is unfaithful"),
        ("The model has 67M parameters", "The model has 67 million parameters"),
        ("About a quarter of the prompts are explained", "25% of the prompts are explained"),
        ("All heads copy", "Every head copies"),
        ("Only the largest model copies", "No model but the largest copies"),
        ("Refusals rise from 12% to 81%", "Refusals rise from 12 to 81 percent"),
        ("About 30% of the features recur", "About three in ten features recur"),
        ("Harm is predicted with as few as 50 prompts", "Harm is predicted with just 50 prompts"),
        ("We could not recover it with any probe", "We did not recover it with a probe"),
        ("The circuit stops working on long inputs", "The circuit fails on long inputs"),
        ("The heads copied the name", "The heads copy the name"),
        ("Probes predict harm", "Harm is predicted by probes"),
        ("Ablation removes the skill", "The skill is removed by ablation"),
        ("Ninety percent of the heads copy", "Nine in ten heads copy"),
        ("Probes are right in seven cases out of ten", "Probes are right in 70% of cases"),
        ("Loss stops falling after a million steps", "Loss stops falling after 1,000,000 steps"),
        ("Ablation lowers the error by a tenth", "Ablation lowers the error by ten percent"),
        ("Ablation degrades it by a factor of three", "Ablation makes it three times worse"),
        ("The gate needs half as many latents", "The gate needs 50% of the latents"),
        ("Heads of the second layer copy", "Heads of layer two copy"),
        ("Curves are found in the first few layers", "Curves are found in the first layers"),
        ("It took no more than 40 steps", "It took at most 40 steps"),
        ("Larger batches make the features less diverse",
         "Feature diversity falls with larger batches"),
        ("The first thing that models lose is rare knowledge", "Models lose rare knowledge first"),
        ("Saliency maps can mislead", "Saliency maps sometimes mislead"),
        ("Accuracy is unaffected by pruning", "Accuracy does not change by pruning"),
        ("Circuits are shorter if one uses transcoders in place of autoencoders",
         "Circuits are shorter with transcoders than with autoencoders"),
    ],
)  # fmt: skip
def test_a_paraphrase_disagrees_in_nothing(a: str, b: str):
    found = disagreements(a, b)

    assert found == []


def test_a_short_form_equals_its_expansion_only_where_a_glossary_says_so():
    a, b = "SPD scales well", "Stochastic parameter decomposition scales well"

    spelt, guessed = disagreements(a, b, GLOSSARY), disagreements(a, b)

    assert spelt == []
    assert {each.facet for each in guessed} == {Facet.SUBJECT}


def test_a_disagreement_shows_the_words_of_both():
    (found,) = disagreements("A model with 67M parameters", "A model with 6.7M parameters")

    assert str(found) == "quantity: “67M” against “6.7M”"
    assert found.is_opposed


WORDS = "not no probes heads find more less 3 5% all some than layer GPT-2 SAE faithful unfaithful"
SENTENCES = st.lists(st.sampled_from(WORDS.split()), min_size=1, max_size=8).map(" ".join)


@given(SENTENCES, SENTENCES)
@settings(deadline=None, derandomize=True)
def test_either_order_of_two_sentences_finds_the_same(a: str, b: str):
    forth, back = disagreements(a, b), disagreements(b, a)

    assert sorted((x.facet, x.a, x.b, x.is_opposed) for x in forth) == sorted(
        (x.facet, x.b, x.a, x.is_opposed) for x in back
    )


@given(SENTENCES)
@settings(deadline=None, derandomize=True)
def test_a_sentence_agrees_with_itself(text: str):
    assert disagreements(text, text) == []


def test_numbers_are_read_with_their_size_and_unit():
    found = quantities("Of 16,000 latents in GPT-2, about 4 percent or 2.5k are dead in layer 12")

    values = [(x.value, x.unit, x.names, x.is_about) for x in found]
    assert values == [
        (16000, "", "", False), (0.04, "%", "", True), (2500, "", "", False),
        (12, "", "layer", False)
    ]  # fmt: skip


def test_a_rounded_number_agrees_only_if_a_sentence_says_about():
    (exact,), (rounded,), (about,) = map(quantities, ("9,972 parts", "10k parts", "~10k parts"))

    assert agree(exact, about)
    assert not agree(exact, rounded)
