"""What a saved web page says about its article, in the tags that are made for that."""

import json
from pathlib import Path

import pytest

from ingest.documents import Document
from ingest.readers import read


def _read(tmp_path: Path, head: str) -> Document:
    path = tmp_path / "page.html"
    page = f"<head><title>Page</title>{head}</head><body><p>Words.</p></body>"
    path.write_text(page, encoding="utf-8")
    return read(path)[0]


def _linked(thing: object) -> str:
    return f'<script type="application/ld+json">{json.dumps(thing)}</script>'


def test_citation_tags_give_title_authors_year_and_doi(tmp_path: Path):
    document = _read(
        tmp_path,
        '<meta name="citation_title" content="Probes"><meta name="citation_author" content="A B">'
        '<meta name="citation_author" content="C D"><meta name="citation_doi" content="10.1000/X">'
        '<meta name="citation_publication_date" content="2023/04/05">',
    )

    assert (document.title, document.authors, document.year) == ("Probes", ("A B", "C D"), 2023)
    assert document.identifiers == (("doi", "10.1000/x"),)
    assert document.url == "https://doi.org/10.1000/x"
    assert dict(document.origins) == {
        "title": "citation_title",
        "authors": "citation_author",
        "year": "citation_publication_date",
        "doi": "citation_doi",
        "url": "citation_doi",
    }


@pytest.mark.parametrize(
    "wrap",
    [
        lambda thing: thing,
        lambda thing: [{}, thing],
        lambda thing: {"@graph": [{"@type": "WebSite"}, thing]},
    ],
)
def test_json_ld_gives_what_the_tags_do_not(wrap: object, tmp_path: Path):
    thing = {
        "@type": ["ScholarlyArticle"],
        "headline": "Probes",
        "author": [{"@type": "Person", "name": "A B"}, "C D"],
        "datePublished": "2022-01-31",
        "identifier": {"propertyID": "DOI", "value": "10.1000/x"},
    }

    document = _read(tmp_path, _linked(wrap(thing)))

    assert (document.title, document.authors, document.year) == ("Probes", ("A B", "C D"), 2022)
    assert document.identifiers == (("doi", "10.1000/x"),)
    assert dict(document.origins)["authors"] == "JSON-LD"


def test_citation_tags_are_believed_before_json_ld(tmp_path: Path):
    thing = {"@type": "Article", "headline": "Second", "author": "A B"}

    document = _read(tmp_path, '<meta name="citation_title" content="First">' + _linked(thing))

    assert (document.title, document.authors) == ("First", ("A B",))


@pytest.mark.parametrize("broken", ["{", "[[[", '{"@type": 3, "author": {"name": []}}', "null"])
def test_broken_json_ld_says_nothing(broken: str, tmp_path: Path):
    document = _read(tmp_path, f'<script type="application/ld+json">{broken}</script>')

    assert (document.title, document.authors) == ("Page", ())


def test_an_arxiv_page_is_known_by_its_id(tmp_path: Path):
    document = _read(tmp_path, '<meta name="citation_arxiv_id" content="2506.20790">')

    assert document.identifiers == (("arxiv", "2506.20790"),)
    assert document.year == 2025
