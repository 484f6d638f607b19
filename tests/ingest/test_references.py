"""References: taken apart into entries, and found again where a sentence cites them."""

import pytest

from ingest.documents import Document, Section
from ingest.references import cited_in, entries_of

NUMBERED = (
    "[1] Ada Lark. Heads that copy what they have seen. 2024. arXiv:2401.00001.\n\n"
    "[2] B. Moor and C. Reed. A map of residual streams, 2023. doi:10.1234/abc.5.\n\n"
    "[3] D. Vale et al. Probes and what they read off. 2022."
)
NAMED = (
    "Lark, A., and van Moor, B. Heads that copy what they have seen. arXiv preprint "
    "arXiv:2401.00001, 2024a.\n\nLark, A. A map of residual streams. 2024b. • Reed, C. et al. "
    "(2021). Probes and what they read off. https://doi.org/10.1234/ABC.5."
)


def _document(references: str) -> Document:
    sections = (
        Section("Results", 1, "We cite [1]."),
        Section("References", 1, references, kind="references"),
    )
    return Document("a.md", "A", "markdown", "0" * 64, sections)


def test_every_entry_is_a_stretch_of_its_section_with_its_number_and_identifiers():
    document = _document(NUMBERED)

    entries = entries_of(document)

    assert [entry.number for entry in entries] == [1, 2, 3]
    assert [dict(entry.identifiers) for entry in entries] == [
        {"arxiv": "2401.00001"},
        {"doi": "10.1234/abc.5"},
        {},
    ]
    for entry in entries:
        assert document.sections[entry.section].text[slice(*entry.span)] == entry.text


def test_an_entry_keeps_its_arxiv_id_and_its_doi():
    (entry,) = entries_of(
        _document("[1] Ada Lark. Heads that copy. arXiv:2401.00001v2. doi:10.1234/abc.5.")
    )

    assert dict(entry.identifiers) == {
        "arxiv": "2401.00001",
        "arxiv_version": "2",
        "doi": "10.1234/abc.5",
    }


def test_entries_in_one_paragraph_are_split_at_their_bullets():
    entries = entries_of(_document(NAMED))

    assert [entry.text.split(",")[0] for entry in entries] == ["Lark", "Lark", "Reed"]
    assert dict(entries[2].identifiers) == {"doi": "10.1234/abc.5"}


@pytest.mark.parametrize(
    ("sentence", "places"),
    [
        ("Heads copy [1].", [0]),
        ("Heads copy [1, 3] and probes read [2].", [0, 1, 2]),
        ("All of them [1-3].", [0, 1, 2]),
        ("A vector [0, 1] is not cited, nor is a year [2024].", [0]),
        ("Lark (2024) has no number here.", [0]),
        ("Moor and Reed (2023) follow Lark (2024) [1].", [0]),
        ("We removed 3 heads.", []),
    ],
)
def test_a_sentence_cites_entries_by_number(sentence: str, places: list[int]):
    assert cited_in(sentence, entries_of(_document(NUMBERED))) == places


@pytest.mark.parametrize(
    ("sentence", "places"),
    [
        ("Lark and van Moor (2024a) copy heads.", [0]),
        ("Maps exist (Lark, 2024b).", [1]),
        ("Reed et al. (2021) read off what Lark, 2024a, copied.", [0, 2]),
        ("Nobody wrote this (Reed, 2019).", []),
    ],
)
def test_a_sentence_cites_entries_by_name_and_year(sentence: str, places: list[int]):
    assert cited_in(sentence, entries_of(_document(NAMED))) == places


def test_a_range_that_is_too_wide_is_an_interval_and_no_citation():
    assert cited_in("Values in [1-200] are kept.", entries_of(_document(NUMBERED))) == []
