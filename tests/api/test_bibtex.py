"""Entries for a bibliography: complete, escaped, and with a key that one can type."""

from api.views.bibtex import bibtex_of


def test_all_that_is_known_of_a_source_is_in_its_entry():
    entry = bibtex_of(
        "On the {SAE} & its_cost at 5% with $\\beta_1$",
        ["Müller, Jörg", "Ann Tester"],
        2025,
        "https://example.org/a_b",
        {"doi": "10.1234/a_b", "arxiv": "2506.20790"},
    )

    assert entry.splitlines() == [
        "@misc{muller2025sae,",
        "  title = {{On the SAE \\& its\\_cost at 5\\% with $\\beta_1$}},",
        "  author = {Müller, Jörg and Ann Tester},",
        "  year = {2025},",
        "  doi = {10.1234/a_b},",
        "  eprint = {2506.20790},",
        "  archiveprefix = {arXiv},",
        "  url = {https://example.org/a_b},",
        "}",
    ]


def test_a_note_of_nobody_has_an_entry_too():
    assert bibtex_of("日本語", [], None, None, {}) == "@misc{source,\n  title = {{日本語}},\n}"


def test_what_has_an_isbn_is_a_book():
    assert bibtex_of("The toy", ["Ann Test"], 2001, None, {"isbn": "1"}).startswith(
        "@book{test2001toy,"
    )
