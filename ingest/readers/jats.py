"""JATS: the XML that journals and PubMed Central give their articles in.

ANSI/NISO Z39.96, Journal Article Tag Suite, https://jats.nlm.nih.gov/. Reviews that come with an
article (``sub-article``) are not its words.
"""

import re
from collections.abc import Iterator

from lxml import etree

from ingest.documents import Document
from ingest.identifiers import doi
from ingest.readers.files import RawFile
from ingest.readers.markup import Part, Role, raw_text, walk
from ingest.readers.sections import Block, Heading, Paragraph, assemble, clean
from ingest.readers.xml_parser import parse_xml

_TAGS = {
    Part.BLOCK: "abstract ack app app-group back body boxed-text def def-item def-list disp-quote "
    "label list list-item p sec speech statement title verse-group",
    Part.CUT: "alternatives attrib chem-struct-wrap code disp-formula disp-formula-group fn-group "
    "glossary graphic inline-graphic inline-supplementary-material media notes object-id "
    "permissions preformat ref-list sec-meta sub-article response supplementary-material table "
    "table-wrap-foot",
    Part.CAPTION: "fig table-wrap",
    Part.FOOTNOTE: "fn",
}
_PART_OF_TAG = {tag: part for part, tags in _TAGS.items() for tag in tags.split()}
_PARTS = {
    **dict.fromkeys(("materials", "methods", "method", "subjects", "cases"), "Methods"),
    **dict.fromkeys(("intro", "introduction", "background"), "Introduction"),
    **dict.fromkeys(("results", "result", "findings"), "Results"),
    **dict.fromkeys(("discussion", "interpretation"), "Discussion"),
    **dict.fromkeys(("conclusions", "conclusion"), "Conclusions"),
    "limitations": "Limitations",
}
"""By the words of ``sec-type``; the first that is known tells, since "results|discussion" has
results in it."""

_HAVE_HEADINGS = {"sec", "abstract", "ack", "app", "boxed-text"}


def read_jats(file: RawFile) -> list[Document]:
    """Read a JATS article as one document.

    Raises:
        DocumentError: It is not well-formed XML, not JATS, or has neither abstract nor body.
    """
    article = _parse(file)
    sections = assemble(_blocks(article))
    if not sections:
        raise file.error("the article has neither an abstract nor a body with text: give its PDF")
    title = clean(_text(article, "front/article-meta/title-group/article-title"))
    year = re.search(r"\d{4}", _text(article, "front/article-meta/pub-date/year"))
    number = clean(_text(article, "front/article-meta/article-id[@pub-id-type='doi']"))
    return [
        Document(
            name=file.name,
            title=title or file.stem,
            format="jats",
            sha256=file.sha256,
            sections=sections,
            authors=tuple(_authors(article)),
            year=int(year.group()) if year else None,
            url=f"https://doi.org/{number}" if number else None,
            identifiers=doi(number),
        )
    ]


def _parse(file: RawFile) -> etree._Element:
    article = parse_xml(file)
    if article.tag != "article":
        is_page = article.tag == "html"
        hint = "if it is a web page, rename it to .html" if is_page else "give its PDF, or its JATS"
        raise file.error(f"XML, but not JATS: its root is <{article.tag}>, not <article>: {hint}")
    if article.find("front") is None:
        raise file.error(
            "XML, but not JATS: its <article> has no <front>: give its PDF, or its JATS"
        )
    return article


def _blocks(article: etree._Element) -> Iterator[Block]:
    """Yield abstract, body, what follows it, and the references one to a paragraph."""
    for abstract in article.iterfind("front/article-meta/abstract"):
        if abstract.find("title") is None:
            yield Heading("Abstract", 1, "abstract")
        yield from walk(abstract, _role_of)
    for part in ("body", "back"):
        for element in article.iterfind(part):
            yield from walk(element, _role_of)
    yield Heading("References", 1, "references")
    for reference in article.iterfind("back/ref-list/ref"):
        yield Paragraph(clean(" ".join(map(str, reference.itertext()))))


def _role_of(element: etree._Element) -> Role:
    tag = element.tag if isinstance(element.tag, str) else ""
    parent = element.getparent()
    if tag == "title" and parent is not None and parent.tag in _HAVE_HEADINGS:
        depth = sum(above.tag in _HAVE_HEADINGS for above in parent.iterancestors())
        kind, named = _kind(element), _named(parent.get("sec-type") or "")
        return Role(Part.HEADING, depth + 1, kind, article_part=named)
    if tag == "inline-formula":
        tex = element.find(".//tex-math")
        return Role(Part.FORMULA, words=raw_text(element if tex is None else tex))
    if tag == "break":
        return Role(Part.FORMULA, words=" ")
    return Role(_PART_OF_TAG.get(tag, Part.INLINE))


def _kind(title: etree._Element) -> str | None:
    """Say what a heading opens, where an element around it says so."""
    around = {above.tag for above in title.iterancestors()}
    if "abstract" in around:
        return "abstract"
    return "appendix" if around & {"app", "app-group"} else None


def _named(sec_type: str) -> str:
    """Return what the words of a ``sec-type`` ("materials|methods") call a part of an article."""
    words = re.split(r"[^a-z]+", sec_type.lower())
    return next((_PARTS[word] for word in words if word in _PARTS), "")


def _authors(article: etree._Element) -> Iterator[str]:
    for author in article.iterfind("front/article-meta/contrib-group/contrib"):
        name = f"{_text(author, 'name/given-names')} {_text(author, 'name/surname')}"
        if author.get("contrib-type", "author") == "author" and clean(name):
            yield clean(name)


def _text(element: etree._Element, path: str) -> str:
    found = element.find(path)
    return "" if found is None else raw_text(found)
