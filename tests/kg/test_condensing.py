"""Descriptions out of members: shortened at their borders, and never made to say something else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kg.labellers.condensing import LENGTH, chosen, condensed
from kg.labellers.task import Member
from kg.phrases import words_of
from kg.tables import StatementKind

LONG = (
    "Sparse autoencoders of every width that we have trained on the residual stream of the third "
    "layer reconstruct its activations with an error of a tenth"
)


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("However, probes read tense from layer six.", "Probes read tense from layer six"),
        ("We find that probes read tense from layer six.", "Probes read tense from layer six"),
        ("In addition, we show that probes read all tenses.", "Probes read all tenses"),
        ("Probes (Smith et al., 2020) read tense [12].", "Probes read tense"),
        ("TRD (tied ranks) finds ranks", "TRD finds ranks"),
        ("The head(s) of f(x) are few", "The head(s) of f(x) are few"),
        ("So do heads.", "So do heads"),
        ("probes read tense from layer six", "Probes read tense from layer six"),
        ("pH rises with the layer", "pH rises with the layer"),
    ],
)
def test_what_stands_at_a_border_is_left_out(text: str, short: str):
    assert condensed(text) == short


@pytest.mark.parametrize(
    "text",
    [
        "Probes (but not in layer six) read tense",
        "Results suggest that probes read tense",
        "We suspect that probes read tense",
        "Probes may read tense",
        "Probes do not read tense",
        "If probes read tense, they use it",
    ],
)
def test_what_a_sentence_denies_doubts_or_makes_depend_stays(text: str):
    assert condensed(text) == text


@pytest.mark.parametrize(
    "tail",
    [
        ", which is what one would expect of dictionaries of this size on this kind of data",
        ", suggesting that wider dictionaries would do a little better than those in our hands",
        "; the details of how they were trained are in the appendix of the longer version",
        " — the details of how they were trained are in the appendix of the longer version",
    ],
)
def test_a_tail_goes_where_the_sentence_is_too_long(tail: str):
    assert condensed(f"{LONG}{tail}.") == LONG


@pytest.mark.parametrize(
    "tail",
    [
        ", which does not hold for the dictionaries that we have trained on the sixth layer here",
        "; but only where the learning rate has been lowered towards the end of the training run",
        ", with one exception unless the width is counted in latents that are ever active at all",
    ],
)
def test_a_tail_that_denies_or_limits_stays_however_long(tail: str):
    assert len(f"{LONG}{tail}") > LENGTH
    assert condensed(f"{LONG}{tail}.") == f"{LONG}{tail}"


@given(st.text(alphabet="ab (),.;:—-not which", max_size=400))
def test_nothing_is_said_that_the_text_does_not_say(text: str):
    left = [word.casefold() for word in words_of(text)]

    for word in words_of(condensed(text)):
        assert word.casefold() in left
        left = left[left.index(word.casefold()) + 1 :]


def _members(*texts: str) -> list[Member]:
    return [
        Member(str(at), StatementKind.CLAIM, text, centrality=1.0 - at / 10)
        for at, text in enumerate(texts)
    ]


def test_the_second_member_says_something_else():
    first, again, other = _members(
        "Probes read the tense of a verb",
        "Probes read the tense of many a verb",
        "Heads copy the names of the receiver",
    )

    assert chosen([first, again, other], frozenset()) == [first, other]
    assert chosen([first, again], frozenset()) == [first]


@pytest.mark.parametrize(
    "text",
    [
        "This shows the tense of a verb",
        "Circuits sidestep these challenges of tense",
        "Heads carry tense as Table 2 says",
    ],
)
def test_a_member_that_speaks_of_something_said_elsewhere_comes_late(text: str):
    deictic, plain = _members(text, "Probes read tense in every layer")

    assert chosen([deictic, plain], frozenset())[0] == plain


def test_a_member_that_says_the_name_comes_before_one_that_does_not():
    other, named = _members("Heads copy the names of things", "Probes read tense in every layer")

    assert chosen([other, named], frozenset({"probe", "tense"}))[0] == named
