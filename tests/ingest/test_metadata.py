"""For each field the most trusted place that says anything wins, and is recorded."""

from pathlib import Path

from ingest.documents import Document, Section
from ingest.metadata import Description, described, identified
from ingest.readers import read

DOCUMENT = Document(
    name="paper.pdf",
    title="From page 1",
    format="pdf",
    sha256="0" * 64,
    sections=(Section("", 0, "Text."),),
    year=2020,
    origins=(("title", "page 1"), ("year", "PDF properties")),
)


def test_each_field_comes_from_the_first_place_that_gives_it():
    first = Description("paper.bib", title="From the sidecar")
    second = Description("citation_author", title="From the page", authors=("A B",))

    document = described(DOCUMENT, [first, second])

    assert document.title == "From the sidecar"
    assert document.authors == ("A B",)
    assert document.year == 2020
    assert document.origins == (
        ("authors", "citation_author"),
        ("title", "paper.bib"),
        ("year", "PDF properties"),
    )


def test_describing_again_changes_nothing():
    once = described(DOCUMENT, [Description("paper.bib", identifiers=(("doi", "10.1000/a"),))])

    assert described(once, []) == once


def test_an_arxiv_id_in_the_file_name_gives_year_and_address():
    document = identified(DOCUMENT, Path("1706.03762v7.pdf"), [])

    assert document.identifiers == (("arxiv", "1706.03762"), ("arxiv_version", "7"))
    assert document.year == 2017
    assert document.url == "https://arxiv.org/abs/1706.03762"
    assert {field: origin for field, origin in document.origins if origin == "file name"} == {
        "arxiv": "file name",
        "arxiv_version": "file name",
        "url": "file name",
        "year": "file name",
    }


def test_a_stamp_is_believed_before_the_file_name():
    stamped = described(
        DOCUMENT, [Description("arXiv stamp on page 1", identifiers=(("arxiv", "2312.09390"),))]
    )

    document = identified(stamped, Path("2406.04093v1.pdf"), [])

    assert document.identifiers == (("arxiv", "2312.09390"),)
    assert document.year == 2023


def test_a_sidecar_is_believed_before_all_else():
    sidecar = Description("paper.bib", year=2024, identifiers=(("arxiv", "2401.00001"),))
    stamp = (("arxiv", "2312.09390"), ("arxiv_category", "cs.LG"), ("arxiv_version", "2"))
    stamped = described(DOCUMENT, [Description("arXiv stamp on page 1", identifiers=stamp)])

    document = identified(stamped, Path("2406.04093v1.pdf"), [sidecar])

    assert document.year == 2024
    assert document.identifiers == (("arxiv", "2401.00001"),)


def test_the_version_of_the_same_id_is_added_to_that_of_a_sidecar():
    stamp = (("arxiv", "2312.09390"), ("arxiv_version", "2"))
    stamped = described(DOCUMENT, [Description("arXiv stamp on page 1", identifiers=stamp)])
    sidecar = Description("paper.bib", identifiers=(("arxiv", "2312.09390"),))

    document = identified(stamped, Path("paper.pdf"), [sidecar])

    assert document.identifiers == stamp
    assert dict(document.origins)["arxiv"] == "paper.bib"
    assert dict(document.origins)["arxiv_version"] == "arXiv stamp on page 1"


def test_an_address_is_derived_only_where_none_is_given():
    given = described(DOCUMENT, [Description("canonical link", url="https://example.org/a")])

    assert identified(given, Path("2406.04093.pdf"), []).url == "https://example.org/a"


def test_a_title_that_is_the_file_name_says_so(tmp_path: Path):
    path = tmp_path / "some_page.html"
    path.write_text("<body><p>Only a paragraph.</p></body>", encoding="utf-8")

    (document,) = read(path)

    assert document.title == "some_page"
    assert document.origins == (("title", "file name"),)
