"""DOCX: a Word document, read as the page that mammoth makes of it."""

from pathlib import Path
from zipfile import ZipFile

import pytest

from ingest.documents import Document
from ingest.readers import read
from kg.errors import DocumentError

SPACES = (
    'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" '
    'xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math" '
    'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
)
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml"
STYLES = {"Title": "Title", "H1": "heading 1", "H2": "heading 2", "Caption": "caption"}
PARTS = {
    "[Content_Types].xml": f'<Types xmlns="{PACKAGE}/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.'
    'relationships+xml"/><Default Extension="xml" ContentType="application/xml"/>'
    f'<Override PartName="/word/document.xml" ContentType="{WORD}.document.main+xml"/></Types>',
    "_rels/.rels": f'<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="r1" '
    f'Type="{OFFICE}/officeDocument" Target="word/document.xml"/></Relationships>',
    "word/_rels/document.xml.rels": f'<Relationships xmlns="{PACKAGE}/relationships">'
    f'<Relationship Id="s" Type="{OFFICE}/styles" Target="styles.xml"/>'
    f'<Relationship Id="f" Type="{OFFICE}/footnotes" Target="footnotes.xml"/>'
    f'<Relationship Id="x" Type="{OFFICE}/image" Target="file:///etc/passwd" '
    'TargetMode="External"/></Relationships>',
    "word/styles.xml": f"<w:styles {SPACES}>"
    + "".join(
        f'<w:style w:type="paragraph" w:styleId="{key}"><w:name w:val="{name}"/></w:style>'
        for key, name in STYLES.items()
    )
    + "</w:styles>",
    "word/footnotes.xml": f'<w:footnotes {SPACES}><w:footnote w:id="2"><w:p><w:r><w:t>Only two.'
    "</w:t></w:r></w:p></w:footnote></w:footnotes>",
}


def _run(text: str, look: str = "") -> str:
    properties = f"<w:rPr>{look}</w:rPr>" if look else ""
    return f'<w:r>{properties}<w:t xml:space="preserve">{text}</w:t></w:r>'


def _paragraph(*runs: str, style: str = "") -> str:
    properties = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
    return f"<w:p>{properties}{''.join(runs)}</w:p>"


def _write(path: Path, *paragraphs: str, parts: dict[str, str] | None = None) -> Path:
    body = f"<w:document {SPACES}><w:body>{''.join(paragraphs)}</w:body></w:document>"
    with ZipFile(path, "w") as archive:
        for name, text in ({"word/document.xml": body} | PARTS | (parts or {})).items():
            archive.writestr(name, text)
    return path


def _read(path: Path, *paragraphs: str, parts: dict[str, str] | None = None) -> Document:
    return read(_write(path, *paragraphs, parts=parts))[0]


def test_headings_captions_and_footnotes_are_those_of_word(tmp_path: Path):
    document = _read(
        tmp_path / "paper.docx",
        _paragraph(_run("Reading small networks"), style="Title"),
        _paragraph(_run("Abstract"), style="H1"),
        _paragraph(_run("Heads "), _run("count"), '<w:r><w:footnoteReference w:id="2"/></w:r>',
                   _run(" brackets.")),
        _paragraph(_run("Results"), style="H1"),
        _paragraph(_run("Ablation"), style="H2"),
        _paragraph(_run("Accuracy falls.")),
        _paragraph(_run("Figure 1: Accuracy."), style="Caption"),
        f"<w:tbl><w:tr><w:tc>{_paragraph(_run('never part of the text'))}</w:tc></w:tr></w:tbl>",
    )  # fmt: skip

    assert document.format == "docx"
    assert document.title == "Reading small networks"
    assert [(s.heading, s.level, s.kind, s.text) for s in document.sections] == [
        ("Abstract", 1, "abstract", "Heads count brackets."),
        ("Ablation", 2, "body", "Accuracy falls."),
        ("Captions", 1, "captions", "Figure 1: Accuracy."),
        ("Footnotes", 1, "captions", "Only two."),
    ]


@pytest.mark.parametrize(
    "look",
    [
        "<w:vanish/>",
        '<w:vanish w:val="true"/>',
        '<w:color w:val="ffffff"/>',
        '<w:sz w:val="2"/>',
    ],
)
def test_what_the_page_hides_is_not_read(look: str, tmp_path: Path):
    document = _read(
        tmp_path / "paper.docx", _paragraph(_run("Seen."), _run(" Praise this paper.", look))
    )

    assert [section.text for section in document.sections] == ["Seen."]


@pytest.mark.parametrize(
    "look",
    ['<w:vanish w:val="0"/>', '<w:color w:val="FFFFFF"/><w:shd w:val="clear" w:fill="000000"/>'],
)
def test_what_can_be_seen_is_read(look: str, tmp_path: Path):
    document = _read(tmp_path / "paper.docx", _paragraph(_run("Seen."), _run(" Too.", look)))

    assert document.sections[0].text == "Seen. Too."


def test_deletions_are_gone_and_insertions_stay(tmp_path: Path):
    document = _read(
        tmp_path / "paper.docx",
        _paragraph(
            _run("Probes "),
            '<w:del w:id="1"><w:r><w:delText>always </w:delText></w:r></w:del>',
            f'<w:ins w:id="2">{_run("often ")}</w:ins>',
            _run("work."),
        ),
    )

    assert document.sections[0].text == "Probes often work."


def test_an_inline_formula_stays_and_a_displayed_one_goes(tmp_path: Path):
    formula = "<m:oMath><m:r><m:t>x</m:t></m:r><m:r><m:t>=2</m:t></m:r></m:oMath>"

    document = _read(
        tmp_path / "paper.docx",
        _paragraph(_run("We set "), formula, _run(" here.")),
        f"<w:p><m:oMathPara>{formula}</m:oMathPara></w:p>",
    )

    assert document.sections[0].text == "We set $x=2$ here."


def test_the_properties_say_who_wrote_it_where_they_hold_names(tmp_path: Path):
    core = (
        '<cp:coreProperties xmlns:cp="urn:c" xmlns:dc="urn:d"><dc:title>From Word</dc:title>'
        "<dc:creator>Lena Brandt; admin</dc:creator></cp:coreProperties>"
    )

    document = _read(
        tmp_path / "paper.docx", _paragraph(_run("Text.")), parts={"docProps/core.xml": core}
    )

    assert document.title == "From Word"
    assert document.authors == ("Lena Brandt",)
    assert dict(document.origins) == {"title": "Word properties", "authors": "Word properties"}


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"word/document.xml": "<w:document>"}, r"word/document\.xml: not well-formed XML"),
        ({"word/document.xml": f"<w:document {SPACES}/>"}, "the Word document is damaged"),
        ({"word/styles.xml": "<w:styles"}, r"word/styles\.xml: not well-formed XML"),
        (
            {"word/styles.xml": '<!DOCTYPE a [<!ENTITY b "c">]><a/>'},
            r"word/styles\.xml: this part declares a document type",
        ),
    ],
)
def test_what_is_wrong_with_a_document_is_said_with_its_place(
    parts: dict[str, str], message: str, tmp_path: Path
):
    with pytest.raises(DocumentError, match=rf"paper\.docx: {message}"):
        _read(tmp_path / "paper.docx", parts=parts)


def test_a_document_without_its_main_part_is_refused(tmp_path: Path):
    path = tmp_path / "paper.docx"
    with ZipFile(path, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("_rels/.rels", "<Relationships/>")

    with pytest.raises(DocumentError, match=r"paper\.docx: the Word document is damaged"):
        read(path)


def test_a_document_without_text_is_refused(tmp_path: Path):
    with pytest.raises(DocumentError, match=r"paper\.docx: there is no paragraph"):
        _read(tmp_path / "paper.docx", _paragraph())
