r"""LaTeX sources: title, abstract, sections and running text, without running TeX.

A section's text reads like the printed page: commands for looks are gone and their words stay,
quotes and dashes are the printed ones, inline formulas stay as source (``$x_i$``), a citation is
its keys in brackets (``[smith2024]``), a reference the number of a section, figure or table
(`ingest.readers.latex_labels`), an acronym of a glossary its long or short form. Out of the flow
are comments, displayed formulas, figures, tables, code and algorithms; captions and footnotes go
beside it. Nothing outside the file is opened, so ``\input`` in the body is refused; a paper of
several files is read from its archive
(`ingest.readers.latex_archive`). An entry of the references begins with its key, in brackets as
where it is cited.

But: packages are not known, so a macro that only a style file defines prints nothing here.
"""

import re

from ingest.documents import Document
from ingest.readers.files import RawFile, check_no_nul, decode, decode_as
from ingest.readers.latex_glossaries import Glossary
from ingest.readers.latex_labels import labels_of
from ingest.readers.latex_scanner import Scanner
from ingest.readers.latex_source import Cursor, Macros, Place
from ingest.readers.sections import assemble
from kg.errors import DocumentError

_UNCOMMENTED = r"^(?:[^%\n\\]|\\.)*?"
_BEGIN = re.compile(r"^[^%\n]*\\begin\s*\{document\}", re.MULTILINE)
_TITLE = re.compile(_UNCOMMENTED + r"\\(?:icml)?title\s*(?=[\[{])", re.MULTILINE)
_SUBTITLE = re.compile(
    r"\\\\\*?(?:\[[^\]]*\])?[\s{]*\\(?:tiny|scriptsize|footnotesize|small|normalsize|[lL]arge|LARGE)\b"
)
_AUTHOR = re.compile(_UNCOMMENTED + r"\\author\s*(?=[\[{])", re.MULTILINE)
_DATE = re.compile(_UNCOMMENTED + r"\\date\s*(?=[\[{])", re.MULTILINE)
_ENCODING = re.compile(rb"^[^%\n]*\\usepackage\s*\[(\w+)\]\s*\{inputenc\}", re.MULTILINE)
_ENCODINGS = {
    **{"latin1": "iso-8859-1", "latin2": "iso-8859-2", "latin9": "iso-8859-15"},
    **{"ansinew": "windows-1252", "cp1252": "windows-1252", "applemac": "mac-roman"},
}
_FRAME = re.compile(
    r"\\(?:begin\s*\{(?:tabular|minipage|center)\*?\}\s*(?:\[[^]]*\])?"
    r"(?:\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\})*|"
    r"end\s*\{(?:tabular|minipage|center)\*?\})"
)
"""What authors put around their names to set them side by side."""

_MARK = re.compile(
    r"\s*(?:(?:\{\})?\$\s*(?:\{\})?\^(?:\{[^{}$]*\}|\\?\w+|.)\s*\$|\\textsuperscript\s*\{[^{}]*\})"
)
"""Finds what points from a name to a place of work or a note: "$^{1,*}$"."""

_LONGEST_NAME = 80


def read_latex(file: RawFile) -> list[Document]:
    r"""Read a LaTeX source file as one document.

    Raises:
        DocumentError: Braces or environments are not closed, macros expand without end, the body
            takes in other files, or there is no running text.
    """
    encoding = declared_encoding(file.data)
    return [document_of(file, decode_latex(file, encoding))]


def declared_encoding(source: bytes) -> str:
    r"""Return the encoding that ``inputenc`` declares, of those that papers were written in."""
    found = _ENCODING.search(source)
    return _ENCODINGS.get(found[1].decode("ascii"), "utf-8") if found else "utf-8"


def decode_latex(file: RawFile, encoding: str) -> str:
    r"""Return a source with line feeds alone; UTF-8 is taken for what it is, whatever is declared.

    Raises:
        DocumentError: A byte is not in the encoding.
    """
    try:
        text = decode(file)
    except DocumentError:
        if encoding == "utf-8":
            raise
        check_no_nul(file)
        text = decode_as(file, encoding)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def document_of(file: RawFile, source: str, places: tuple[Place, ...] = ()) -> Document:
    """Read a source, which may have been put together from several files.

    Raises:
        DocumentError: As for `read_latex`.
    """
    begin = _BEGIN.search(source)
    end = source.find(r"\end{document}")
    start = begin.end() if begin else 0
    body = Cursor(file, source[:end] if end >= 0 else source, start, places=places)
    macros = Macros(file)
    macros.define_all(source[:start])
    glossary = Glossary()
    glossary.define_all(Cursor(file, source, places=places))
    scanner = Scanner(file, macros, glossary, labels_of(source))
    sections = assemble(scanner.scan(body))
    if not sections:
        raise file.error(
            "there is no running text in it: neither sections nor paragraphs: give the main file"
        )
    year = re.search(r"\b(?:19|20)\d\d\b", _field(file, source, _DATE))
    return Document(
        name=file.name,
        title=_title(scanner, _field(file, source, _TITLE)) or file.stem,
        format="latex",
        sha256=file.sha256,
        sections=sections,
        authors=_authors(scanner, _field(file, source, _AUTHOR)),
        year=int(year.group()) if year else None,
    )


def _field(file: RawFile, source: str, command: re.Pattern[str]) -> str:
    """Return the argument of the first use of a command."""
    found = command.search(source)
    if found is None:
        return ""
    cursor = Cursor(file, source, found.end())
    cursor.options()
    return cursor.argument()


def _words(scanner: Scanner, source: str) -> str:
    return scanner.words_of(Cursor(scanner.file, source))


def _title(scanner: Scanner, title: str) -> str:
    r"""Return the title; what follows in another size after a line break is its subtitle."""
    parts = (_words(scanner, part) for part in _SUBTITLE.split(title, maxsplit=1))
    return ": ".join(part.rstrip(":") for part in parts if part)


def _authors(scanner: Scanner, author: str) -> tuple[str, ...]:
    r"""Return the first line of each part of ``\author``; affiliations come below it.

    Names with marks are separated by commas, too.
    """
    parts = re.split(r"\\(?:and|And|AND)\b|(?<!\\)&", _FRAME.sub("", author))
    names = [name for part in parts for name in _names(scanner, part.split("\\\\")[0])]
    return tuple(name for name in names if name and len(name) <= _LONGEST_NAME)


def _names(scanner: Scanner, line: str) -> list[str]:
    named = _words(scanner, _MARK.sub("", line))
    if not _MARK.search(line):
        return [named]
    return [name.strip() for name in re.split(r",\s*(?:and\b)?|\band\b", named)]
