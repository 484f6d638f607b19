"""PDF: running text in reading order, with the page of every character.

1. Characters in drawing order, without what nobody sees (`pdf_characters`).
2. Lines, without margin numbers, running heads and feet (`pdf_lines`).
3. What each line is: heading, text, caption, footnote, float (`pdf_layout`).
4. Paragraphs over columns and pages, hyphens undone (`pdf_paragraphs`).

Words inside figures and tables are left out; captions and footnotes go beside the flow. Formulas
come out as the glyphs they are printed with. A scan without a text layer is refused: recognising
text is not this program's work, and its mistakes would become quotes.
"""

import pypdfium2
from pypdfium2 import raw as pdfium

from ingest.documents import Document
from ingest.readers.files import RawFile
from ingest.readers.hyphens import count_words, join_lines
from ingest.readers.pdf_characters import Page, Piece, page_of
from ingest.readers.pdf_layout import Kind, Line, classify
from ingest.readers.pdf_lines import lines_of
from ingest.readers.pdf_measures import measure
from ingest.readers.pdf_paragraphs import blocks_of
from ingest.readers.sections import assemble, clean

_MOST_PAGES = 1000


def read_pdf(file: RawFile) -> list[Document]:
    """Read a PDF as one document.

    Raises:
        DocumentError: The file is damaged, encrypted, too long, or has no text layer.
    """
    document = _open(file)
    try:
        properties = document.get_metadata_dict()
        pages = [_page(file, document, index) for index in range(len(document))]
    finally:
        document.close()
    if not any(page.pieces for page in pages):
        raise file.error(
            f"no text layer on its {len(pages)} pages: it is a scan or only drawings: "
            "run OCR first (ocrmypdf does)"
        )
    pieces = lines_of(pages)
    measures = measure(pieces)
    lines = classify(pieces, measures)
    words = count_words(piece.text for piece in pieces)
    sections = assemble(blocks_of(lines, measures, words))
    if not sections:
        raise file.error("no running text on its pages, only scattered words")
    return [
        Document(
            name=file.name,
            title=_title(lines) or clean(properties.get("Title", "")) or file.stem,
            format="pdf",
            sha256=file.sha256,
            sections=sections,
        )
    ]


def _open(file: RawFile) -> pypdfium2.PdfDocument:
    try:
        document = pypdfium2.PdfDocument(file.data)
    except pypdfium2.PdfiumError as error:
        if error.err_code in {pdfium.FPDF_ERR_PASSWORD, pdfium.FPDF_ERR_SECURITY}:
            raise file.error("the PDF is encrypted: save it without a password") from error
        raise file.error(f"the PDF is damaged: {_damage(file)}") from error
    n_pages = len(document)
    if not 0 < n_pages <= _MOST_PAGES:
        document.close()
        raise file.error(f"the PDF has {n_pages} pages, and the limit is {_MOST_PAGES}: split it")
    return document


def _damage(file: RawFile) -> str:
    """Say where a PDF is broken, as far as its ends tell."""
    end = file.data.rfind(b"%%EOF")
    if end < 0:
        return f"it breaks off at byte {len(file.data)}, without an end mark (%%EOF)"
    if b"startxref" not in file.data[max(end - 64, 0) : end]:
        return f"its end mark at byte {end} does not say where the page index is"
    return "its page index cannot be read"


def _page(file: RawFile, document: pypdfium2.PdfDocument, index: int) -> Page:
    try:
        page = document[index]
        try:
            return page_of(page, index + 1)
        finally:
            page.close()
    except pypdfium2.PdfiumError as error:
        raise file.error(f"page {index + 1} of {len(document)} cannot be read: {error}") from error


def _title(lines: list[Line]) -> str:
    """Return the large print on the first page."""
    pieces: list[Piece] = [piece for piece, kind in lines if kind is Kind.TITLE]
    words = count_words(piece.text for piece, _ in lines)
    return clean(join_lines((piece.text for piece in pieces), words))
