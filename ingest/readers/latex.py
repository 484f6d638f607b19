r"""LaTeX sources: title, abstract, sections and running text, without running TeX.

A section's text reads like the printed page: commands for looks are gone and their words stay,
quotes and dashes are the printed ones, inline formulas stay as source (``$x_i$``), a citation is
its keys in brackets (``[smith2024]``), a reference its label's name. Out of the flow are
comments, displayed formulas, figures, tables, code and algorithms; captions and footnotes go
beside it. Nothing outside the file is opened, so ``\input`` in the body is refused.

But: packages are not known, so a macro that only a style file defines prints nothing here.
"""

import re

from ingest.documents import Document
from ingest.readers.files import RawFile, decode
from ingest.readers.latex_scanner import Scanner
from ingest.readers.latex_source import Cursor, Macros
from ingest.readers.sections import assemble

_BEGIN = re.compile(r"^[^%\n]*\\begin\s*\{document\}", re.MULTILINE)
_TITLE = re.compile(r"\\(?:icml)?title\s*(?=[\[{])")
_AUTHOR = re.compile(r"\\author\s*(?=[\[{])")
_DATE = re.compile(r"\\date\s*(?=[\[{])")
_LONGEST_NAME = 80


def read_latex(file: RawFile) -> list[Document]:
    r"""Read a LaTeX source file as one document.

    Raises:
        DocumentError: Braces or environments are not closed, macros expand without end, the body
            takes in other files, or there is no running text.
    """
    source = decode(file).replace("\r\n", "\n").replace("\r", "\n")
    begin = _BEGIN.search(source)
    end = source.find(r"\end{document}")
    body = Cursor(file, source[:end] if end >= 0 else source, begin.end() if begin else 0)
    macros = Macros(file)
    macros.define_all(source[: body.at])
    scanner = Scanner(file, macros)
    sections = assemble(scanner.scan(body))
    if not sections:
        raise file.error("there is no running text in it: neither sections nor paragraphs")
    year = re.search(r"\b(?:19|20)\d\d\b", _field(file, source, _DATE))
    return [
        Document(
            name=file.name,
            title=_words(scanner, _field(file, source, _TITLE)) or file.stem,
            format="latex",
            sha256=file.sha256,
            sections=sections,
            authors=_authors(scanner, _field(file, source, _AUTHOR)),
            year=int(year.group()) if year else None,
        )
    ]


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


def _authors(scanner: Scanner, author: str) -> tuple[str, ...]:
    r"""Return the first line of each part of ``\author``; affiliations come below it."""
    parts = re.split(r"\\(?:and|And|AND)\b", author)
    names = (_words(scanner, part.split("\\\\")[0]) for part in parts)
    return tuple(name for name in names if name and len(name) <= _LONGEST_NAME)
