"""EPUB: the chapters of a book in the order they are read in.

EPUB 3.3 (https://www.w3.org/TR/epub-33/): ``META-INF/container.xml`` names the package document,
whose manifest lists the parts, whose spine orders them, and whose Dublin Core metadata says what
the book is. Each part of the spine is a web page and is read as one, with these differences:
what a part calls its header belongs to the text, references to notes are cut, and notes go
beside the flow. Left out are the table of contents and what is not in the linear order.
"""

import re
from collections.abc import Iterator

from lxml import etree

from ingest.documents import Document
from ingest.identifiers import Identifiers, arxiv_id, doi
from ingest.metadata import Description, described
from ingest.readers.archives import Archive, open_archive
from ingest.readers.files import RawFile
from ingest.readers.html import parse_page, role_of
from ingest.readers.markup import Part, Role, raw_text, select, walk
from ingest.readers.sections import Block, Heading, assemble, clean
from ingest.readers.xml_parser import parse_xml
from kg.errors import DocumentError

_CONTAINER = "META-INF/container.xml"
_REPAIR = "repair the book (Sigil and Calibre do)"
_ENCRYPTION = "META-INF/encryption.xml"
_PAGES = {"application/xhtml+xml", "text/html"}
_TYPE = "{http://www.idpf.org/2007/ops}type"
_OPF = "{http://www.idpf.org/2007/opf}"
_NOTES = {"footnote", "endnote", "rearnote", "note"}
_ISBN = re.compile(
    r"(?:urn:isbn:|isbn[:\s]*)?((?:97[89][- ]?)?(?:\d[- ]?){9}[\dXx])", re.IGNORECASE
)


def read_epub(file: RawFile) -> list[Document]:
    """Read a book as one document.

    Raises:
        DocumentError: The archive is damaged, encrypted or a bomb, a part of it is missing or
            protected, or there is no running text.
    """
    archive = open_archive(file)
    package_name = _package_name(archive)
    package = parse_xml(archive.member(package_name))
    descriptions = list(_descriptions(package))
    title = next((each.title for each in descriptions if each.title), "")
    blocks: list[Block] = []
    for name in _reading_order(archive, package_name, package):
        blocks += [Heading("", 0), *walk(_page(archive, name), _role_of)]
    kept = [block for block in blocks if not (isinstance(block, Heading) and block.text == title)]
    sections = assemble(kept if title else blocks)
    if package.find("spine/itemref") is None:
        raise file.error(
            f"{package_name}: the spine is empty, so the order of the book's parts is unknown: "
            f"{_REPAIR}"
        )
    if not sections:
        raise file.error("there is no paragraph of running text in this book: give its PDF")
    document = Document(
        name=file.name, title=file.stem, format="epub", sha256=file.sha256, sections=sections
    )
    return [described(document, descriptions)]


def _package_name(archive: Archive) -> str:
    if _CONTAINER not in archive:
        raise archive.file.error(f"not an EPUB: there is no {_CONTAINER} in it: get it anew")
    rootfile = parse_xml(archive.member(_CONTAINER)).find(".//rootfile[@full-path]")
    if rootfile is None:
        raise archive.file.error(
            f"{_CONTAINER} does not name the book's package document: {_REPAIR}"
        )
    return archive.resolve("", rootfile.get("full-path", ""))


def _reading_order(archive: Archive, base: str, package: etree._Element) -> Iterator[str]:
    """Yield the names of the pages in the spine."""
    manifest = {element.get("id"): element for element in package.iterfind("manifest/item")}
    encrypted = _encrypted(archive)
    for reference in package.iterfind("spine/itemref"):
        element = manifest.get(reference.get("idref"))
        if element is None:
            raise archive.file.error(
                f'{base}: the spine names "{reference.get("idref")}", which the manifest lacks: '
                f"{_REPAIR}"
            )
        is_contents = "nav" in element.get("properties", "").split()
        is_aside = reference.get("linear") == "no"
        if is_contents or is_aside or element.get("media-type") not in _PAGES:
            continue
        name = archive.resolve(base, element.get("href", ""))
        if name in encrypted:
            raise archive.file.error(
                f"{name} is encrypted: the book is protected (DRM): give an open copy"
            )
        yield name


def _encrypted(archive: Archive) -> set[str]:
    """Return the parts that are encrypted; fonts often are, which does not matter."""
    if _ENCRYPTION not in archive:
        return set()
    references = parse_xml(archive.member(_ENCRYPTION)).iter("CipherReference")
    return {archive.resolve("", reference.get("URI", "")) for reference in references}


def _page(archive: Archive, name: str) -> etree._Element:
    """Parse a part as the XML it should be, else as the tag soup that it is."""
    part = archive.member(name)
    try:
        page = parse_xml(part)
    except DocumentError:
        page = parse_page(part)
    body = page.find("body")
    return page if body is None else body


def _role_of(element: etree._Element) -> Role:
    """Say what part an element plays, by what EPUB says of it, else as in any page."""
    kinds = set(element.get(_TYPE, "").split()) | {element.get("role", "").removeprefix("doc-")}
    if "noteref" in kinds:
        return Role(Part.CUT)
    if kinds & _NOTES:
        return Role(Part.FOOTNOTE)
    role = role_of(element)
    return Role(Part.BLOCK) if element.tag == "header" and role.part is Part.FLOAT else role


def _descriptions(package: etree._Element) -> Iterator[Description]:
    """Yield what the package's Dublin Core metadata says."""
    for metadata in package.iterfind("metadata"):
        roles = {
            meta.get("refines", "").removeprefix("#"): clean(raw_text(meta))
            for meta in metadata.iterfind("meta[@property='role']")
        }
        authors = [
            clean(raw_text(creator))
            for creator in metadata.iterfind("creator")
            if (creator.get(f"{_OPF}role") or roles.get(creator.get("id", ""), "aut")) == "aut"
        ]
        yield Description("EPUB package", authors=tuple(filter(None, authors)))
        for title in metadata.iterfind("title"):
            yield Description("EPUB package", title=clean(raw_text(title)))
        for date in metadata.iterfind("date"):
            found = re.match(r"\s*((?:1[5-9]|20)\d\d)\b", raw_text(date))
            if found and date.get(f"{_OPF}event") != "modification":
                yield Description("EPUB package", year=int(found.group(1)))
        for element in select(metadata, "identifier | source"):
            yield _identified(clean(raw_text(element)))


def _identified(text: str) -> Description:
    """Read one identifier: an address, an arXiv id, a DOI or an ISBN."""
    url = text if text.startswith(("https://", "http://")) else None
    isbn = _ISBN.fullmatch(text)
    found: Identifiers = arxiv_id(text) or doi(text)
    if isbn and not found:
        found = (("isbn", re.sub(r"[- ]", "", isbn.group(1)).upper()),)
    return Description("EPUB package", url=url, identifiers=found)
