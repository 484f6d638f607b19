"""Readers: one for each format, in an explicit table.

`read` looks at a file before a parser does (`ingest.readers.files`), and turns whatever is wrong
with it into a `DocumentError`. The same bytes give the same documents, always.

A parser is imported when the first file of its format is read, or when `prepare_for` is told that
one will be: files are read by processes of their own (`ingest.isolated`), which should start fast.
"""

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from ingest.documents import Document
from ingest.metadata import Description, identified
from ingest.readers.files import (
    ARCHIVE_LIMIT,
    MARKUP_LIMIT,
    PDF_LIMIT,
    TEXT_LIMIT,
    RawFile,
    Reader,
    label,
    load,
)
from kg.errors import DocumentError


def _read_pdf(file: RawFile) -> list[Document]:
    from ingest.readers.pdf import read_pdf

    return read_pdf(file)


def _read_html(file: RawFile) -> list[Document]:
    from ingest.readers.html import read_html

    return read_html(file)


def _read_markdown(file: RawFile) -> list[Document]:
    from ingest.readers.markdown import read_markdown

    return read_markdown(file)


def _read_text(file: RawFile) -> list[Document]:
    from ingest.readers.text import read_text

    return read_text(file)


def _read_latex(file: RawFile) -> list[Document]:
    from ingest.readers.latex import read_latex

    return read_latex(file)


def _read_latex_archive(file: RawFile) -> list[Document]:
    from ingest.readers.latex_archive import read_latex_archive

    return read_latex_archive(file)


def _read_jats(file: RawFile) -> list[Document]:
    from ingest.readers.jats import read_jats

    return read_jats(file)


def _read_docx(file: RawFile) -> list[Document]:
    from ingest.readers.docx import read_docx

    return read_docx(file)


def _read_epub(file: RawFile) -> list[Document]:
    from ingest.readers.epub import read_epub

    return read_epub(file)


def _read_statement_list(file: RawFile) -> list[Document]:
    from ingest.readers.statement_lists import read_statement_list

    return read_statement_list(file)


_HTML = Reader("html", MARKUP_LIMIT, _read_html)
_MARKDOWN = Reader("markdown", TEXT_LIMIT, _read_markdown)
_SOURCES = Reader("archive", ARCHIVE_LIMIT, _read_latex_archive)

READERS: dict[str, Reader] = {
    ".pdf": Reader("pdf", PDF_LIMIT, _read_pdf),
    ".html": _HTML,
    ".htm": _HTML,
    ".xhtml": _HTML,
    ".md": _MARKDOWN,
    ".markdown": _MARKDOWN,
    ".txt": Reader("text", TEXT_LIMIT, _read_text),
    ".tex": Reader("latex", TEXT_LIMIT, _read_latex),
    ".gz": _SOURCES,
    ".tgz": _SOURCES,
    ".tar": _SOURCES,
    ".zip": _SOURCES,
    ".xml": Reader("jats", MARKUP_LIMIT, _read_jats),
    ".docx": Reader("docx", ARCHIVE_LIMIT, _read_docx),
    ".epub": Reader("epub", ARCHIVE_LIMIT, _read_epub),
    ".jsonl": Reader("statements", TEXT_LIMIT, _read_statement_list),
}
"""By the file name's suffix, in lower case."""

_MODULES = {each.format: f"ingest.readers.{each.format}" for each in READERS.values()} | {
    "statements": "ingest.readers.statement_lists",
    "archive": "ingest.readers.latex_archive",
}

SUFFIXES = frozenset(READERS)
"""The suffixes of the files that can be read."""


def read(path: Path, sidecars: Sequence[Path] = ()) -> list[Document]:
    """Read a file: one document, or one for each source of a statement list.

    Args:
        path: The file.
        sidecars: Bibliographic files that may speak of it, the most trusted first; not asked
            about a statement list, whose sources say themselves what they are.

    Raises:
        DocumentError: The file cannot be read; the message names it, the place, and what to do.
    """
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        known = ", ".join(sorted(SUFFIXES))
        kind = f'"{path.suffix}"' if path.suffix else "a name without a suffix"
        raise DocumentError(
            f"{label(path)}: {kind} is not a format that can be read; supported: {known}"
        )
    file = load(path, reader)
    try:
        documents = reader.read(file)
    except RecursionError as error:
        raise file.error("nested too deep to be read") from error
    if reader.format == "statements":
        return documents
    beside = _descriptions(path, sidecars)
    return [identified(document, path, beside) for document in documents]


def prepare_for(path: Path) -> None:
    """Import the parser that a file of this name will need; the file itself is not touched."""
    reader = READERS.get(path.suffix.lower())
    if reader is not None:
        import_module(_MODULES[reader.format])


def _descriptions(path: Path, sidecars: Sequence[Path]) -> list[Description]:
    if not sidecars:
        return []
    from ingest.sidecars import descriptions_of

    return descriptions_of(path, sidecars)
