"""EPUB: the chapters of a book in the order they are read in."""

from pathlib import Path
from zipfile import ZipFile

import pytest

from ingest.documents import Document
from ingest.readers import read
from kg.errors import DocumentError

CONTAINER = (
    '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
    '<rootfile full-path="OEBPS/book.opf" media-type="application/oebps-package+xml"/>'
    "</rootfiles></container>"
)
PACKAGE = """<?xml version="1.0"?>
<package xmlns="http://www.idpf.org/2007/opf" version="3.0">
<metadata xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:opf="http://www.idpf.org/2007/opf">
<dc:title>Reading small networks</dc:title>
<dc:creator id="a">Lena Brandt</dc:creator><dc:creator opf:role="edt">Ed Itor</dc:creator>
<dc:creator id="t">Tran Slator</dc:creator><meta refines="#t" property="role">trl</meta>
<dc:date opf:event="modification">2025-01-01</dc:date><dc:date>2023-04-05</dc:date>
<dc:identifier>urn:isbn:978-3-16-148410-0</dc:identifier>
<dc:source>https://example.org/book</dc:source>
</metadata>
<manifest>
<item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>
<item id="one" href="text/one.xhtml" media-type="application/xhtml+xml"/>
<item id="two" href="text/two.xhtml" media-type="application/xhtml+xml"/>
<item id="extra" href="text/extra.xhtml" media-type="application/xhtml+xml"/>
<item id="cover" href="cover.svg" media-type="image/svg+xml"/>
</manifest>
<spine>%s</spine></package>"""
SPINE = ["cover", "nav", "two", "one"]
PAGE = (
    '<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml" '
    'xmlns:epub="http://www.idpf.org/2007/ops"><head><title/></head><body>%s</body></html>'
)
PARTS = {
    "META-INF/container.xml": CONTAINER,
    "OEBPS/book.opf": PACKAGE % "".join(f'<itemref idref="{each}"/>' for each in SPINE),
    "OEBPS/nav.xhtml": PAGE % "<p>Contents, page 1.</p>",
    "OEBPS/text/one.xhtml": PAGE
    % "<header><h1>Second</h1></header><p>Probes &amp; more&nbsp;read.</p>",
    "OEBPS/text/two.xhtml": PAGE
    % '<h1>Reading small networks</h1><h1>First</h1><p>Heads<a epub:type="noteref" href="#n">1'
    '</a> count.</p><aside epub:type="footnote" id="n"><p>Only two.</p></aside>',
}  # fmt: skip


def _write(path: Path, changed: dict[str, str | None] | None = None) -> Path:
    with ZipFile(path, "w") as archive:
        for name, text in (PARTS | (changed or {})).items():
            if text is not None:
                archive.writestr(name, text)
    return path


def _read(path: Path, changed: dict[str, str | None] | None = None) -> Document:
    return read(_write(path, changed))[0]


def _refusal(path: Path, changed: dict[str, str | None]) -> str:
    with pytest.raises(DocumentError) as caught:
        _read(path, changed)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    return message.removeprefix(f"{path}: ")


def test_chapters_come_in_the_order_of_the_spine(tmp_path: Path):
    document = _read(tmp_path / "book.epub")

    assert document.format == "epub"
    assert [(s.heading, s.level, s.kind, s.text) for s in document.sections] == [
        ("First", 1, "body", "Heads count."),
        ("Second", 1, "body", "Probes & more read."),
        ("Footnotes", 1, "captions", "Only two."),
    ]


def test_the_package_says_what_the_book_is(tmp_path: Path):
    document = _read(tmp_path / "book.epub")

    assert document.title == "Reading small networks"
    assert document.authors == ("Lena Brandt",)
    assert document.year == 2023
    assert document.url == "https://example.org/book"
    assert document.identifiers == (("isbn", "9783161484100"),)
    assert set(dict(document.origins).values()) == {"EPUB package"}


def test_text_before_the_first_heading_of_a_chapter_is_not_under_the_last_heading(tmp_path: Path):
    page = PAGE % "<p>No heading here.</p>"

    document = _read(tmp_path / "book.epub", {"OEBPS/text/one.xhtml": page})

    assert [(s.heading, s.text) for s in document.sections[:2]] == [
        ("First", "Heads count."),
        ("", "No heading here."),
    ]


def test_what_is_not_in_the_linear_order_is_left_out(tmp_path: Path):
    package = PACKAGE % '<itemref idref="one"/><itemref idref="two" linear="no"/>'

    document = _read(tmp_path / "book.epub", {"OEBPS/book.opf": package})

    assert [section.heading for section in document.sections] == ["Second"]


def test_a_part_that_is_not_well_formed_is_read_as_browsers_read_it(tmp_path: Path):
    page = "<html><body><h1>Second</h1><p>Probes<br>read.<p>Twice.</body></html>"

    document = _read(tmp_path / "book.epub", {"OEBPS/text/one.xhtml": page})

    assert document.sections[1].text == "Probes read.\n\nTwice."


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"META-INF/container.xml": "<container/>"}, "META-INF/container.xml does not name"),
        ({"OEBPS/book.opf": None}, "OEBPS/book.opf: this part is named in the archive"),
        ({"OEBPS/book.opf": "<package>"}, "OEBPS/book.opf: not well-formed XML"),
        (
            {"OEBPS/book.opf": PACKAGE % '<itemref idref="three"/>'},
            'OEBPS/book.opf: the spine names "three", which the manifest lacks',
        ),
        ({"OEBPS/text/one.xhtml": None}, "OEBPS/text/one.xhtml: this part is named"),
        ({"OEBPS/book.opf": PACKAGE % ""}, "OEBPS/book.opf: the spine is empty"),
        (
            {"OEBPS/book.opf": '<!DOCTYPE a [<!ENTITY b "c">]><package/>'},
            "OEBPS/book.opf: line 1: declares entities",
        ),
        (
            {
                "META-INF/encryption.xml": "<encryption><EncryptedData><CipherData>"
                '<CipherReference URI="OEBPS/text/two.xhtml"/></CipherData></EncryptedData>'
                "</encryption>"
            },
            "OEBPS/text/two.xhtml is encrypted: the book is protected (DRM)",
        ),
        (
            {"OEBPS/book.opf": (PACKAGE % '<itemref idref="one"/>').replace("text/one", "../../x")},
            'OEBPS/book.opf: "../../x.xhtml" leads out of the archive',
        ),
    ],
)
def test_what_is_wrong_with_a_book_is_said_with_its_place(
    changed: dict[str, str | None], message: str, tmp_path: Path
):
    assert _refusal(tmp_path / "book.epub", changed).startswith(message)


def test_an_encrypted_font_does_not_matter(tmp_path: Path):
    encryption = '<encryption><CipherReference URI="OEBPS/fonts/a.otf"/></encryption>'

    document = _read(tmp_path / "book.epub", {"META-INF/encryption.xml": encryption})

    assert len(document.sections) == 3
