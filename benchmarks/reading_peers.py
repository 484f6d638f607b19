"""What other programs make of the same files, and what a web page's own paragraphs say."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pypdfium2
import trafilatura
from lxml import html
from pdfminer.high_level import extract_text
from pypdf import PdfReader

_CUT = "d-cite|d-footnote|dt-cite|dt-fn|script|style|figcaption|sup"
_FORMULAS = ("d-math", "dt-math", "math")
_BACK = re.compile(r"\s*[↩↑^]\ufe0e?\s*")
"""What a link back from a note to the text says."""

_ARTICLES = ("//d-article", "//dt-article", "//article", "//*[@id='content']", "//body")


def pdfium_text(path: Path) -> str:
    """Return what PDFium itself gives as the text of all pages."""
    document = pypdfium2.PdfDocument(path.read_bytes())
    return "\n".join(
        document[index].get_textpage().get_text_range() for index in range(len(document))
    )


def pypdf_text(path: Path) -> str:
    """Return what pypdf gives."""
    return "\n".join(page.extract_text() for page in PdfReader(path).pages)


def pdfminer_text(path: Path) -> str:
    """Return what pdfminer.six gives."""
    return str(extract_text(path))


PDF_PEERS: dict[str, Callable[[Path], str]] = {
    "plain": pdfium_text,
    "pypdf": pypdf_text,
    "pdfminer": pdfminer_text,
}


def trafilatura_text(path: Path) -> str:
    """Return what trafilatura gives of a page when it shall rather take too much."""
    page = path.read_text(encoding="utf-8")
    return trafilatura.extract(page, favor_recall=True, include_comments=False) or ""


def page_paragraphs(path: Path) -> Iterator[str]:
    """Yield the text of a page's paragraph elements, without citations, notes and formulas."""
    page = html.fromstring(path.read_bytes())
    article = next(found[0] for place in _ARTICLES if (found := page.xpath(place)))
    links = [link for link in article.iter("a") if _BACK.fullmatch(link.text_content())]
    for element in [*article.iter(*_CUT.split("|")), *links]:
        element.drop_tree()
    for formula in list(article.iter(*_FORMULAS)):
        formula.tail = f"${formula.tail or ''}"  # so that the sentence is no gold
        formula.drop_tree()
    for paragraph in article.iter("p"):
        yield re.sub(r"\s+(?=[.,;:)])", "", str(paragraph.text_content()))
