"""Abbreviations are those that the text itself spells out."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.abbreviations import abbreviations

DEFINITIONS = [
    ("We use sparse dictionary learning (SDL) here.", "SDL", "sparse dictionary learning"),
    ("We train sparse autoencoders (SAEs; Roth 2023).", "SAEs", "sparse autoencoders"),
    ("The IOI (indirect object identification) task.", "IOI", "indirect object identification"),
    ("With chain-of-thought (CoT) it works.", "CoT", "chain-of-thought"),
    (
        "Our method is adVersarial Parameter Decomposition (VPD).",
        "VPD",
        "adVersarial Parameter Decomposition",
    ),
    ("We use proximal policy optimization (PPO).", "PPO", "proximal policy optimization"),
    ("PPO (proximal policy optimization) is on.", "PPO", "proximal policy optimization"),
    (
        "We use adversarial parameter decomposition (VPD).",
        "VPD",
        "adversarial parameter decomposition",
    ),
    ("Toy models of superposition (TMS) are small.", "TMS", "Toy models of superposition"),
]

NO_DEFINITIONS = [
    "This was shown before (Roth, 2023).",
    "The models (GPT) are large.",
    "They differ (see Figure 2).",
    "It works (mostly).",
    "Three layers (A) and four layers (B).",
    "The result (SPD) stands alone. Stochastic methods were not used.",
    "The SAE (SAE) is an SAE.",
    "We read the residual stream (rs) here.",
]


@pytest.mark.parametrize(("text", "short", "long"), DEFINITIONS)
def test_a_definition_is_found_with_its_place(text: str, short: str, long: str):
    (found,) = abbreviations(text)

    assert (found.short, found.long) == (short, long)
    place = text[found.span.start : found.span.end]
    assert place.endswith(")")
    assert place.startswith((long, short))


@pytest.mark.parametrize("text", NO_DEFINITIONS)
def test_other_parentheses_define_nothing(text: str):
    assert abbreviations(text) == []


def test_a_definition_does_not_reach_into_the_sentence_before():
    assert abbreviations("We study parameters. Decomposition (PD) is new.") == []


@settings(deadline=None)
@given(st.text(st.sampled_from("ABab ().;-"), max_size=60))
def test_every_letter_of_a_short_form_is_in_its_long_form(text: str):
    for found in abbreviations(text):
        assert 0 <= found.span.start < found.span.end <= len(text)
        assert set(found.short.lower()) - set("-. ") <= set(found.long.lower())
