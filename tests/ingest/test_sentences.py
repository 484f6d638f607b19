"""Sentences: where prose of the field ends a sentence, and where it only looks so."""

import time
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.sentences import sentences

ONE_SENTENCE = [
    "As Meng et al. Locate facts, so do we.",
    "Roth et al. (2024) and Vega et al. [12] agree.",
    "We ablate heads, e.g. Head 9.6, and measure the logit difference.",
    "The drop is small, i.e. 0.3 nats per token.",
    "See Fig. 3 and Eqs. (4) to (6), cf. Sec. 2.1 and App. B, for details.",
    "J. R. Roth and A. B. Vega wrote the note with Dr. Kim and Prof. Ito.",
    "The loss fell from 3.14 to 2.5 within 1.5 epochs.",
    "No. 3 in Tab. 2 is the exception w.r.t. Faithfulness.",
    "The note appeared in Oct. 2023 on pp. 4-7 of vol. 3.",
    "Probes (they read features. They do not show use.) are popular.",
    "They call this “a lever. A real one.” and move on.",
    "The model writes keep… in mind and keeps it.",
    "Sparse autoencoders vs. Transcoders is an open question.",
    "2. Heads that copy",
    "Why does it work? we asked ourselves.",
    "The U.S. National Library has it.",
]

TWO_SENTENCES = [
    ("It fails.", "We do not know why."),
    ("Is it real?", "It is."),
    ("It is!", "We were surprised."),
    ("It fails (see Fig. 2).", "We do not know why."),
    ("They call it “superposition.”", "We do not."),
    ("SAEs recover features.[12]", "They do so at a cost."),
    ("This was known [3, 4].", "We confirm it."),
    ("This was known. [3]", "We confirm it."),
    ("The effect is late.3", "It is also large."),
    ("Accuracy was 0.91.", "3 of 20 runs failed."),
    ("This was shown by Roth et al.", "However, we disagree."),
    ("Details are in Appendix A.", "Samples follow."),
    ("The rate is set by p.", "We fix it."),
    ("We also tune heads, layers, etc.", "Nothing changes."),
    ("It works.", "(We checked twice.)"),
    ("There are two outcomes.", "(i) For answers it is late."),
    ("We take the mean.", "α is fixed."),
    ("Roth 2019 found it.", "[vega2020] did not."),
    ("The probe reads the signal.", "wandering runs have none."),
    ("We wait…", "The model stops."),
]


@pytest.mark.parametrize("text", ONE_SENTENCE)
def test_a_full_stop_inside_a_sentence_does_not_end_it(text: str):
    assert [text[start:end] for start, end in sentences(text)] == [text]


@pytest.mark.parametrize(("first", "second"), TWO_SENTENCES)
def test_a_sentence_ends_where_the_next_begins(first: str, second: str):
    text = f"{first} {second}"

    assert [text[start:end] for start, end in sentences(text)] == [first, second]


def test_no_sentence_crosses_a_paragraph_break():
    text = "A heading without a stop\n\nand a paragraph.\n \nAnother."

    found = [text[start:end] for start, end in sentences(text)]

    assert found == ["A heading without a stop", "and a paragraph.", "Another."]


def test_a_bracket_that_is_never_closed_holds_nothing_together():
    text = "It holds (we think. It does. So be it."

    assert len(sentences(text)) == 3


def test_text_without_words_has_no_sentences():
    assert sentences("") == sentences(" \n\n \t") == []


PIECES = [
    "We", "find", "e.g.", "et al.", "Fig.", "3.5", "(", ")", "“", "”", "[12]", ".", "?", "…", "A.",
    "J.", "x", "α", "\n\n", "\n", " ", "  ", "$x.$", "!", ".)", '."', "1.", "Ü", "\u2028",
]  # fmt: skip


@settings(deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=60).map(" ".join) | st.text(max_size=80))
def test_sentences_are_ordered_disjoint_and_cover_every_character_but_white_space(text: str):
    spans = sentences(text)

    assert all(start < end for start, end in spans)
    assert all(before.end <= after.start for before, after in pairwise(spans))
    inside = {offset for start, end in spans for offset in range(start, end)}
    assert all(text[offset].isspace() for offset in range(len(text)) if offset not in inside)
    pieces = [text[start:end] for start, end in spans]
    assert all(piece == piece.strip() and "\n\n" not in piece for piece in pieces)


def test_a_long_paragraph_without_any_end_takes_linear_time():
    """Twice the input may take three times as long, not four."""

    def seconds(n: int) -> float:
        text = "(a. [b " * n
        best = []
        for _ in range(3):
            start = time.process_time()
            sentences(text)
            best.append(time.process_time() - start)
        return min(best)

    assert seconds(20_000) < 3 * seconds(10_000) + 0.05
