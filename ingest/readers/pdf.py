"""PDF: running text in reading order, with the page of every character.

1. Characters in drawing order, without what nobody sees (`pdf_characters`).
2. Lines, without margin numbers, running heads and feet (`pdf_lines`).
3. What each line is: heading, text, caption, footnote, float (`pdf_layout`, `pdf_tables`).
4. Paragraphs over columns and pages, hyphens undone (`pdf_paragraphs`).

Words inside figures and tables are left out, and displayed formulas with them; captions and
footnotes go beside the flow. Inline formulas come out as the glyphs they are printed with. A scan
without a text layer is refused: recognising text is not this program's work, and its mistakes would
become quotes. A damaged file is written anew once (by qpdf, through pikepdf), which finds its
objects without the index, and read from there; the document says so, and which pages have lost text
(`pdf_damage`).
"""

import io
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pikepdf
import pypdfium2
from pypdfium2 import raw as pdfium

from ingest.documents import Document
from ingest.identifiers import arxiv_stamp, printed_doi
from ingest.metadata import Description, described
from ingest.readers.files import RawFile
from ingest.readers.hyphens import count_words, join_lines
from ingest.readers.pdf_characters import Page, page_of
from ingest.readers.pdf_damage import damage_of
from ingest.readers.pdf_layout import Kind, Line, classify
from ingest.readers.pdf_lines import lines_of
from ingest.readers.pdf_marks import without_marks
from ingest.readers.pdf_measures import measure
from ingest.readers.pdf_paragraphs import blocks_of
from ingest.readers.pdf_pieces import Piece
from ingest.readers.pdf_tables import without_heads
from ingest.readers.sections import assemble, clean
from kg.errors import DocumentError

_NO_TITLE = re.compile(
    r"(?:untitled|title|document\d*)|.*\.(?:tex|dvi|docx?|pdf|rtf|indd|qxd|ps)", re.IGNORECASE
)
"""What programs write where nobody gave a title."""

_NO_NAMES = re.compile(
    r"^anonymous|(?:first|last|given|sur) ?name|author\b|\bben trovato", re.IGNORECASE
)
"""What templates write where the authors gave no names."""

_MOST_PAGES = 1000
_FRONT_PAGES = 2
"""Where a paper says what it is."""


class DamagedPdfError(DocumentError):
    """A PDF that cannot be read as it is, but perhaps once it is repaired."""


def read_pdf(file: RawFile) -> list[Document]:
    """Read a PDF as one document.

    Raises:
        DocumentError: The file is damaged beyond repair or on most pages, encrypted, too long, or
            has no text layer.
    """
    try:
        document, copy = _read(file, file.data), ""
    except DamagedPdfError as error:
        document, copy = _read_repaired(file, error), "a repaired copy, for the file is damaged"
    damage = damage_of(file.data, is_mended=bool(copy))
    if damage.is_most:
        raise file.error(f"the PDF is damaged: {damage}: get it anew")
    if damage:
        copy = f"{copy or 'a damaged file'}: {damage}"
    origins = (*document.origins, ("text", copy)) if copy else document.origins
    return [replace(document, origins=tuple(sorted(origins)))]


def _read_repaired(file: RawFile, error: DamagedPdfError) -> Document:
    """Read a copy of a damaged file, or raise what is wrong with the file itself."""
    repaired = _repaired(file.data)
    if repaired is None:
        raise error
    try:
        return _read(file, repaired)
    except DocumentError:
        raise error from None


def _read(file: RawFile, data: bytes) -> Document:
    opened = _open(file, data)
    try:
        properties = opened.get_metadata_dict()
        pages = [_page(file, opened, index) for index in range(len(opened))]
    finally:
        opened.close()
    if not any(page.pieces for page in pages):
        raise file.error(
            f"no text layer on its pages ({len(pages)}): it is a scan or only drawings: "
            "run OCR first (ocrmypdf does)"
        )
    pieces = lines_of(pages)
    measures = measure(pieces)
    lines = list(without_heads(classify(pieces, measures), measures))
    lines = without_marks(lines, measures)
    words = count_words(piece.text for piece in pieces)
    sections = assemble(blocks_of(lines, measures, words))
    if not sections:
        raise file.error("no running text on its pages, only scattered words: leave it out")
    document = Document(
        name=file.name,
        title=file.stem,
        format="pdf",
        sha256=file.sha256,
        sections=sections,
        hidden=tuple(each for page in pages for each in page.hidden),
    )
    front = [page.plain for page in pages[:_FRONT_PAGES]]
    return described(document, _descriptions(_title(lines, words), properties, front))


def _repaired(data: bytes) -> bytes | None:
    """Return a PDF written anew from what can be found in this one, or none."""
    written = io.BytesIO()
    try:
        with pikepdf.open(io.BytesIO(data), suppress_warnings=True) as opened:
            opened.save(written)
    except (pikepdf.PdfError, pikepdf.PasswordError, RuntimeError, ValueError, KeyError):
        return None
    return written.getvalue()


def _open(file: RawFile, data: bytes) -> pypdfium2.PdfDocument:
    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        if error.err_code in {pdfium.FPDF_ERR_PASSWORD, pdfium.FPDF_ERR_SECURITY}:
            raise file.error("the PDF is encrypted: save it without a password") from error
        raise DamagedPdfError(str(file.error(f"the PDF is damaged: {_damage(file)}"))) from error
    n_pages = len(document)
    if not 0 < n_pages <= _MOST_PAGES:
        document.close()
        raise file.error(f"the PDF has {n_pages} pages, and the limit is {_MOST_PAGES}: split it")
    return document


def _damage(file: RawFile) -> str:
    """Say where a PDF is broken, as far as its ends tell."""
    end = file.data.rfind(b"%%EOF")
    if end < 0:
        return f"it breaks off at byte {len(file.data)}, without an end mark (%%EOF): get it anew"
    if b"startxref" not in file.data[max(end - 64, 0) : end]:
        return f"its end mark at byte {end} does not say where the page index is: get it anew"
    return "its page index cannot be read: get it anew"


def _page(file: RawFile, document: pypdfium2.PdfDocument, index: int) -> Page:
    try:
        page = document[index]
        try:
            return page_of(page, index + 1, with_plain=index < _FRONT_PAGES)
        finally:
            page.close()
    except pypdfium2.PdfiumError as error:
        place = f"page {index + 1} of {len(document)}"
        raise DamagedPdfError(
            str(file.error(f"{place} cannot be read: {error} Get it anew"))
        ) from error


def _descriptions(
    title: str, properties: dict[str, str], front: list[str]
) -> Iterator[Description]:
    """Yield what the first pages and then the file's properties say, the most trusted first."""
    yield Description("arXiv stamp on page 1", identifiers=arxiv_stamp(front[0]))
    for number, text in enumerate(front, start=1):
        yield Description(f"DOI on page {number}", identifiers=printed_doi(text))
    yield Description("page 1", title=title)
    named = clean(properties.get("Title", ""))
    yield Description("PDF properties", title="" if _NO_TITLE.fullmatch(named) else named)
    yield Description("PDF properties", authors=_authors(clean(properties.get("Author", ""))))


def _authors(field: str) -> tuple[str, ...]:
    """Split a list of names; what has but one word is a program or an account, not a name."""
    names = [name.strip() for name in re.split(r";|\band\b|&", field)]
    if len(names) == 1:
        names = [name.strip() for name in field.split(",")]
    are_names = all(" " in name for name in names) and not _NO_NAMES.search(field)
    return tuple(names) if are_names else ()


def _title(lines: list[Line], words: Counter[str]) -> str:
    """Return the large print on the first page."""
    pieces: list[Piece] = [piece for piece, kind in lines if kind is Kind.TITLE]
    return clean(join_lines((piece.text for piece in pieces), words))
