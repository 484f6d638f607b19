"""JATS articles, and XML that only pretends to be one."""

from pathlib import Path

import pytest

from ingest.documents import Document
from ingest.readers import read
from kg.errors import DocumentError

ARTICLE = Path(__file__).parents[1] / "data" / "documents" / "journal_article.xml"


def _read(tmp_path: Path, xml: str) -> Document:
    path = tmp_path / "article.xml"
    path.write_text(xml, encoding="utf-8")
    return read(path)[0]


def test_an_article_gives_its_metadata():
    (document,) = read(ARTICLE)

    assert document.title == "Edge detectors in a small network"
    assert document.authors == ("Ada Okafor",)
    assert document.year == 2021
    assert document.url == "https://doi.org/10.5555/example.1"


def test_an_article_gives_its_sections():
    (document,) = read(ARTICLE)

    assert [(s.heading, s.level, s.kind, s.text) for s in document.sections] == [
        ("Abstract", 1, "abstract", "Edge detectors form in the first layer."),
        ("Results", 1, "body", "Units respond to edges (Okafor, 2019) and to nothing else."),
        ("Controls", 2, "body", "Shuffled images elicit no response."),
        ("Acknowledgements", 1, "body", "We thank the lab."),
        ("References", 1, "references", "Okafor A (2019) Edges first."),
        ("Captions", 1, "captions", "Figure 1. Edges. Scale bar: 1 px."),
        ("Footnotes", 1, "captions", "Ten seeds."),
    ]


@pytest.mark.parametrize(
    ("sec_type", "part"),
    [
        ("materials|methods", "Methods"),
        ("Results|discussion", "Results"),
        ("intro", "Introduction"),
        ("conclusions", "Conclusions"),
        ("supplementary-material", None),
    ],
)
def test_the_type_of_a_section_says_what_part_of_an_article_it_is(
    sec_type: str, part: str | None, tmp_path: Path
):
    document = _read(
        tmp_path,
        f'<article><front/><body><sec sec-type="{sec_type}"><title>Mice and men</title>'
        "<sec><title>Mice</title><p>Two strains.</p></sec></sec></body></article>",
    )

    assert document.sections[0].heading == "Mice"
    assert document.sections[0].under == ("Mice and men", *([part] if part else []))


def test_broken_xml_is_refused_with_its_place(tmp_path: Path):
    with pytest.raises(DocumentError, match=r"not well-formed XML: .*line 2, column 18"):
        _read(tmp_path, "<article>\n<front></article>")


def test_other_xml_is_refused_by_its_root(tmp_path: Path):
    with pytest.raises(DocumentError, match="its root is <svg>, not <article>"):
        _read(tmp_path, "<svg><text>Words</text></svg>")


@pytest.mark.parametrize(
    "declaration",
    ['<!ENTITY x SYSTEM "file:///etc/hostname">', '<!ENTITY x "&y;&y;"><!ENTITY y "&x;&x;">'],
)
def test_a_file_that_declares_entities_is_refused(declaration: str, tmp_path: Path):
    text = f"<!DOCTYPE article [\n{declaration}]><article><front/><body><p>&x;</p></body></article>"

    with pytest.raises(DocumentError, match="line 2: declares entities of its own"):
        _read(tmp_path, text)


def test_named_characters_are_known(tmp_path: Path):
    document = _read(
        tmp_path,
        "<article><front/><body><p>a&nbsp;b &mdash; &alpha; &lt; &amp;</p></body></article>",
    )

    assert document.sections[0].text == "a b — α < &"


@pytest.mark.parametrize("order", ["utf-16-le", "utf-16-be"])
def test_an_article_in_utf_16_is_read_and_may_declare_no_entities_either(
    order: str, tmp_path: Path
):
    path = tmp_path / "article.xml"
    start = '\ufeff<?xml version="1.0" encoding="UTF-16"?>'
    text = "<article><front/><body><p>α &mdash; β</p></body></article>"
    path.write_bytes((start + text).encode(order))

    assert read(path)[0].sections[0].text == "α — β"
    path.write_bytes((f'{start}<!DOCTYPE a [<!ENTITY x "y">]>{text}').encode(order))
    with pytest.raises(DocumentError, match="declares entities"):
        read(path)


def test_an_article_without_front_matter_is_refused(tmp_path: Path):
    with pytest.raises(DocumentError, match="its <article> has no <front>"):
        _read(tmp_path, "<article><body><p>Text.</p></body></article>")


def test_an_unknown_name_is_refused_and_leaves_no_hole(tmp_path: Path):
    with pytest.raises(DocumentError, match="line 1: the entity &qux; is unknown"):
        _read(tmp_path, "<article><front/><body><p>a&qux;b</p></body></article>")
