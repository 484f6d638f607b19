"""arXiv ids and DOIs, as they are printed, written in tags and used as file names."""

import pytest

from ingest.identifiers import arxiv_id, arxiv_in_name, arxiv_stamp, arxiv_year, doi, printed_doi


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (
            "arXiv:2506.20790v1  [cs.LG]  25 Jun 2025",
            (("arxiv", "2506.20790"), ("arxiv_version", "1"), ("arxiv_category", "cs.LG")),
        ),
        (
            "x\narXiv:hep-th/9901001v3 [hep-th] 1 Jan 1999\nAbstract",
            (("arxiv", "hep-th/9901001"), ("arxiv_version", "3"), ("arxiv_category", "hep-th")),
        ),
        ("as in Smith (arXiv:2506.20790), we", ()),
        ("arXiv:2599.20790v1 [cs.LG]", ()),
    ],
)
def test_only_the_stamp_counts_and_not_a_citation(text: str, found: tuple[object, ...]):
    assert arxiv_stamp(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "2506.20790",
        "arXiv:2506.20790",
        "https://arxiv.org/abs/2506.20790",
        "arxiv.org/pdf/2506.20790.pdf",
    ],
)
def test_a_field_holds_an_id_alone_or_as_an_address(text: str):
    assert arxiv_id(text) == (("arxiv", "2506.20790"),)


@pytest.mark.parametrize(
    "text", ["", "2506.20790 and 2506.20791", "https://example.org/2506.20790"]
)
def test_a_field_that_holds_something_else_gives_no_id(text: str):
    assert arxiv_id(text) == ()


@pytest.mark.parametrize(
    ("stem", "is_paper", "found"),
    [
        ("2506.20790v2", False, (("arxiv", "2506.20790"), ("arxiv_version", "2"))),
        ("arXiv-2506.20790", False, (("arxiv", "2506.20790"),)),
        ("1706.03762 - attention", True, (("arxiv", "1706.03762"),)),
        ("2506.20790_notes", False, ()),
        ("results_2506.20790", True, ()),
        ("2513.20790", True, ()),
        ("2506.207901", True, ()),
    ],
)
def test_the_name_of_a_note_about_a_paper_is_not_its_id(
    stem: str, is_paper: bool, found: tuple[object, ...]
):
    assert arxiv_in_name(stem, is_paper) == found


@pytest.mark.parametrize(
    ("identifier", "year"), [("1706.03762", 2017), ("hep-th/9901001", 1999), ("cs/0112017", 2001)]
)
def test_the_year_is_in_the_id(identifier: str, year: int):
    assert arxiv_year(identifier) == year


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("https://doi.org/10.7554/eLife.56337.", (("doi", "10.7554/elife.56337"),)),
        ("10.1016/S0092-8674(00)80001-2", (("doi", "10.1016/s0092-8674(00)80001-2"),)),
        ("(doi:10.1000/abc).", (("doi", "10.1000/abc"),)),
        ("https://doi.org/10.48550/arXiv.2506.20790", (("arxiv", "2506.20790"),)),
        ("10.1000", ()),
    ],
)
def test_a_doi_ends_where_its_sentence_does(text: str, found: tuple[object, ...]):
    assert doi(text) == found


def test_a_printed_doi_is_put_together_over_a_line_end():
    assert printed_doi("https://doi.org/10.1145/3442188.\r\n3445922\r\nAbstract") == (
        ("doi", "10.1145/3442188.3445922"),
    )


def test_the_doi_of_a_reference_is_not_that_of_the_paper():
    assert printed_doi("A paper\n\nReferences\n[1] Smith. doi:10.1000/abc") == ()


def test_two_different_dois_on_a_page_say_nothing():
    assert printed_doi("doi:10.1000/abc and doi:10.1000/abd") == ()
    assert printed_doi("doi:10.1000/abc and https://doi.org/10.1000/ABC") == (
        ("doi", "10.1000/abc"),
    )
