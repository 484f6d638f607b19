"""Words of a label that members say in another form, and names that they do not say."""

import pytest

from kg.grounding import problems_of

MEMBERS = [
    "Feature absorption appears in a dictionary of 16,384 latents.",
    "Knocking out previous-token heads removes K-composition.",
    "The dataset was written by hand.",
]


@pytest.mark.parametrize(
    "label",
    [
        "Features absorb one another",
        "Knockouts of heads",
        "A data set",
        "16k latents",
        "K-composition",
        "Composition",
    ],
)
def test_a_word_is_known_by_its_family_and_as_one_or_two(label):
    assert problems_of(label, MEMBERS, {}) == []


@pytest.mark.parametrize(
    ("label", "problem"),
    [
        ("Features adsorb one another", "no member says “adsorb”"),
        ("Lockouts of heads", "no member says “Lockouts”"),
        ("A data sheet", "no member says “data”"),
        ("15k latents", "no member gives the number “15k”"),
        ("16M latents", "no member gives the number “16M”"),
        ("Q-composition", "no member says “Q-composition”"),
    ],
)
def test_what_only_looks_like_it_is_foreign(label, problem):
    assert problem in problems_of(label, MEMBERS, {})


POLICY = [
    "Reward hacking appears under PPO",
    "Proximal policy optimization (PPO) of 40 ms a step",
    "TopK SAEs find 512 concepts",
]


@pytest.mark.parametrize(
    "label",
    [
        "Proximal Policy Optimization",
        "Proximal Policy Optimisation",
        "Proximal Policy Optimisation (PPO)",
        "PPO (proximal policy optimization)",
        "Top-K SAEs",
    ],
)
def test_an_expansion_passes_in_either_spelling_and_as_one_word_or_two(label):
    assert problems_of(label, POLICY, {}) == []


def test_an_acronym_does_not_stand_for_the_last_of_its_words_alone():
    assert problems_of("Policy optimization (PPO)", POLICY[:2], {})
