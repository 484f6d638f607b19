"""DOCX: a Word document, turned into a web page by mammoth and read as one.

Office Open XML (ECMA-376). Before mammoth sees it, the archive is checked
(`ingest.readers.archives`), its pictures are left behind, and its text is rid of what the page
hides: runs that are hidden, smaller than 2 pt, or white without a shade behind them. Inline
formulas, which mammoth drops, stay as TeX (`ingest.readers.docx_formulas`); displayed ones are
cut, as everywhere. Insertions that were tracked count, deletions do not. The headings
are those of Word's own styles, as are titles and captions.

But: a style can hide text too, and that is not seen.
"""

import io
import re
from collections.abc import Iterator
from xml.parsers.expat import ExpatError
from zipfile import BadZipFile, ZipFile

import mammoth
from lxml import etree

from ingest.documents import Document
from ingest.identifiers import doi
from ingest.metadata import Description, described
from ingest.readers.archives import Archive, open_archive
from ingest.readers.docx_formulas import MATH, tex_of
from ingest.readers.files import RawFile
from ingest.readers.html import article_of, parse_page
from ingest.readers.markup import raw_text, select
from ingest.readers.sections import clean
from ingest.readers.xml_parser import parse_xml

_PROPERTIES = "docProps/core.xml"
_BODY = re.compile(r"word/(?:document|footnotes|endnotes)\d*\.xml")
_UNREAD = ("customXml/", "docProps/")
_STYLES = """
p[style-name='Title'] => h1.title:fresh
p[style-name='caption'] => figcaption:fresh
p[style-name='Caption'] => figcaption:fresh
p[style-name='TOC Heading'] => nav:fresh
p[style-name^='toc '] => nav:fresh
p[style-name='Heading 1'] => h2:fresh
p[style-name='Heading 2'] => h3:fresh
p[style-name='Heading 3'] => h4:fresh
p[style-name='Heading 4'] => h5:fresh
p[style-name='Heading 5'] => h6:fresh
p[style-name='Heading 6'] => h6:fresh
p[style-name='Abstract Title'] => h2:fresh
"""
_WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_SMALLEST_SIZE = 4
"""Half points; smaller print is not meant to be read."""

_OFF = {"0", "false", "off", "none"}
_DAMAGE = (
    *(ExpatError, BadZipFile, OSError),
    *(KeyError, ValueError, AttributeError, TypeError, IndexError),
)
"""What mammoth raises where a part is missing or is not what it should be."""


def read_docx(file: RawFile) -> list[Document]:
    """Read a Word document as one document.

    Raises:
        DocumentError: The archive is damaged, encrypted or a bomb, or there is no running text.
    """
    archive = open_archive(file)
    visible = _visible(archive)
    try:
        html = mammoth.convert_to_html(
            visible,
            style_map=_STYLES,
            include_embedded_style_map=False,
            external_file_access=False,
            convert_image=lambda _image: [],
        ).value
    except _DAMAGE as error:
        raise file.error(f"the Word document is damaged: {error}: save it anew in Word") from error
    source = RawFile(file.path, f"<html><body>{html}</body></html>".encode())
    page = parse_page(source)
    _set_notes_aside(page)
    title, sections = article_of(page, article=page)
    if not sections:
        raise file.error("there is no paragraph of running text in this document: give its PDF")
    document = Document(
        name=file.name, title=file.stem, format="docx", sha256=file.sha256, sections=sections
    )
    return [described(document, [Description("title", title=title), *_properties(archive)])]


def _visible(archive: Archive) -> io.BytesIO:
    """Copy what mammoth needs into a new archive, without what the page does not show."""
    copy = io.BytesIO()
    with ZipFile(copy, "w") as zipped:
        for name in archive.names:
            if not name.endswith((".xml", ".rels")) or name.startswith(_UNREAD):
                continue
            part = archive.member(name)
            if _BODY.fullmatch(name):
                zipped.writestr(name, _shown(part))
            else:
                zipped.writestr(name, etree.tostring(_parsed(part), encoding="utf-8"))
    copy.seek(0)
    return copy


def _shown(part: RawFile) -> bytes:
    """Take hidden runs out of a part, and put the source of formulas into it."""
    root = _parsed(part)
    for run in list(root.iter(f"{_WORD}r")):
        if _is_hidden(run):
            _remove(run)
    for formula in list(root.iter(f"{MATH}oMathPara")):
        _remove(formula)
    for formula in list(root.iter(f"{MATH}oMath")):
        _spell_out(formula)
    return etree.tostring(root, encoding="utf-8", xml_declaration=True)


def _parsed(part: RawFile) -> etree._Element:
    """Parse a part with its namespaces; Word declares no entities, so no part may."""
    if b"<!DOCTYPE" in part.data or b"\0" in part.data[:4096]:
        raise part.error("this part declares a document type: Word writes none: save it anew there")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
    )
    try:
        return etree.fromstring(part.data, parser)
    except etree.XMLSyntaxError as error:
        raise part.error(f"not well-formed XML: {error.msg}: save it anew in Word") from error


def _is_hidden(run: etree._Element) -> bool:
    """Say whether the properties of a run keep it from being seen."""
    look = run.find(f"{_WORD}rPr")
    if look is None:
        return False
    vanish = look.find(f"{_WORD}vanish")
    if vanish is not None and vanish.get(f"{_WORD}val", "1") not in _OFF:
        return True
    size = _value(look, "sz")
    if size.isdecimal() and int(size) < _SMALLEST_SIZE:
        return True
    is_shaded = look.find(f"{_WORD}shd") is not None or look.find(f"{_WORD}highlight") is not None
    return _value(look, "color").upper() == "FFFFFF" and not is_shaded


def _value(look: etree._Element, name: str) -> str:
    found = look.find(f"{_WORD}{name}")
    return "" if found is None else found.get(f"{_WORD}val", "")


def _remove(element: etree._Element) -> None:
    parent = element.getparent()
    if parent is not None:
        parent.remove(element)


def _spell_out(formula: etree._Element) -> None:
    """Replace an inline formula by a run with its TeX source."""
    parent = formula.getparent()
    tex = clean(tex_of(formula))
    if parent is None or not tex:
        return
    run = etree.Element(f"{_WORD}r")
    text = etree.SubElement(run, f"{_WORD}t")
    text.text = f"${tex}$"
    parent.replace(formula, run)


def _set_notes_aside(page: etree._Element) -> None:
    """Cut the marks of footnotes and endnotes, and make asides of the notes."""
    for mark in select(page, "//sup[a[starts-with(@id, 'footnote-ref') or "
                             "starts-with(@id, 'endnote-ref')]]"):  # fmt: skip
        mark.tag = "nav"
    for back in select(page, "//a[starts-with(@href, '#footnote-ref') or "
                             "starts-with(@href, '#endnote-ref')]"):  # fmt: skip
        back.tag = "nav"
    for note in select(page, "//li[starts-with(@id, 'footnote-') or "
                             "starts-with(@id, 'endnote-')]"):  # fmt: skip
        note.tag = "aside"


def _properties(archive: Archive) -> Iterator[Description]:
    """Yield what Word has been told about the document."""
    if _PROPERTIES not in archive:
        return
    core = parse_xml(archive.member(_PROPERTIES))
    fields = {str(element.tag): clean(raw_text(element)) for element in core.iterchildren("*")}
    authors = [name.strip() for name in re.split(r"[;,]", fields.get("creator", ""))]
    yield Description(
        "Word properties",
        title=fields.get("title", ""),
        authors=tuple(name for name in authors if " " in name),
        identifiers=doi(fields.get("identifier", "")),
    )
