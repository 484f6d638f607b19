"""Blocks become sections in one way, whatever the format."""

import pytest

from ingest.readers.sections import (
    Aside,
    Heading,
    Paragraph,
    assemble,
    clean,
    is_caption,
    split_title,
)


def test_cleaning_collapses_white_space_and_drops_what_nobody_sees():
    hidden = "so\u00adft\u200b zero\u202e\u2066 tag\U000e0041s\x02 n\u00a0b\u2009s\r\nend\x00\ufeff"

    assert clean(f" {hidden}\t") == "soft zero tags n b s end"


def test_cleaning_keeps_accents_joiners_and_mathematics():
    text = "e\u0301 नि\u200dक 👩\u200d🔬 𝛼 ≤ x̂"

    assert clean(text) == text


def test_a_section_s_pages_are_offsets_into_its_own_text():
    sections = assemble(
        [
            Paragraph("Front.", ((0, 1),)),
            Heading("Results", 1),
            Paragraph("One two.", ((0, 1), (4, 2))),
            Paragraph("Three.", ((0, 2),)),
            Paragraph("Four.", ((0, 4),)),
        ]
    )

    results = sections[1]
    assert results.pages == ((0, 1), (4, 2), (18, 4))
    assert results.text[4:].startswith("two.")
    assert results.text[18:] == "Four."


def test_captions_and_footnotes_come_last_in_sections_of_their_own():
    sections = assemble(
        [Paragraph("One."), Aside("Footnotes", "n1"), Aside("Captions", "c1"), Paragraph("Two.")]
    )

    assert [(s.heading, s.kind, s.text) for s in sections] == [
        ("", "body", "One.\n\nTwo."),
        ("Captions", "captions", "c1"),
        ("Footnotes", "captions", "n1"),
    ]


def test_a_heading_without_text_makes_no_section():
    sections = assemble([Heading("Method", 1), Heading("Data", 2), Paragraph("Some data.")])

    assert [(s.heading, s.level) for s in sections] == [("Data", 2)]


def test_a_section_knows_the_headings_that_it_stands_under_with_and_without_text():
    sections = assemble(
        [
            Heading("Methods", 1),
            Heading("Mice", 2),
            Paragraph("Two strains."),
            Heading("Cells", 3),
            Paragraph("Two lines."),
            Heading("Patients", 1, part="Methods"),
            Paragraph("Ten."),
            Heading("Consent", 2),
            Paragraph("All gave it."),
            Heading("", 0),
            Paragraph("The end."),
        ]
    )

    assert [(s.heading, s.under) for s in sections] == [
        ("Mice", ("Methods",)),
        ("Cells", ("Methods", "Mice")),
        ("Patients", ("Methods",)),
        ("Consent", ("Patients", "Methods")),
        ("", ()),
    ]


@pytest.mark.parametrize(
    ("headings", "kinds"),
    [
        (["Abstract", "Introduction"], ["abstract", "body"]),
        (["7. References"], ["references"]),
        (["Bibliography"], ["references"]),
        (["References to prior work are few"], ["body"]),
        (
            ["Appendix", "Proofs", "References", "More"],
            ["appendix", "appendix", "references", "appendix"],
        ),
        (["References", "A Proofs", "B.1 Data"], ["references", "appendix", "appendix"]),
        (["A Proof of concept"], ["body"]),
        (["Supplementary Material"], ["appendix"]),
    ],
)
def test_the_words_of_a_heading_say_what_kind_of_section_it_opens(
    headings: list[str], kinds: list[str]
):
    blocks = [block for text in headings for block in (Heading(text, 1), Paragraph("Text."))]

    assert [section.kind for section in assemble(blocks)] == kinds


def test_a_deeper_section_is_of_its_parent_s_kind():
    blocks = [Heading("References", 1), Heading("Books", 2), Paragraph("One book.")]

    assert [section.kind for section in assemble(blocks)] == ["references"]


def test_the_only_outermost_heading_at_the_top_is_the_title():
    title, blocks = split_title([Heading("Title", 1), Heading("A", 2), Heading("B", 3)])

    assert title == "Title"
    assert blocks == [Heading("A", 1), Heading("B", 2)]


def test_the_first_of_several_outermost_headings_is_no_title():
    title, blocks = split_title([Heading("A", 1), Paragraph("Text."), Heading("B", 1)])

    assert title == ""
    assert len(blocks) == 3


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Figure 3: Heads.", True),
        ("Fig. 3. Heads.", True),
        ("Table A2 | Heads", True),
        ("Figure 3 shows heads.", False),
        ("Figure out 3: heads.", False),
        ("Tables 1: no", False),
    ],
)
def test_a_caption_is_told_from_a_sentence_about_a_figure(text: str, expected: bool):
    assert is_caption(text) is expected
