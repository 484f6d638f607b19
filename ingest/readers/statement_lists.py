r"""Statement lists: claims and findings that somebody has written down already, one to a line.

A line is a JSON object with ``kind``, ``text``, ``source.title`` and, where known, ``note`` and
``quote``; other fields are passed over. Each source named in the list becomes a document of its
own. Its one section holds the quotes (the statement itself where there is no quote) as
paragraphs, so that even here every statement quotes its section verbatim.
"""

import hashlib
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict

from ingest.documents import Document, Draft, Section, Span
from ingest.readers.files import RawFile
from ingest.readers.json_lines import lines_of, parsed
from ingest.readers.sections import clean


def _clean_and_filled(text: str) -> str:
    text = clean(text)
    if not text:
        raise ValueError("is empty")
    return text


Words = Annotated[str, AfterValidator(clean)]
FilledWords = Annotated[str, AfterValidator(_clean_and_filled)]


class SourceLine(BaseModel):
    """What a line says about where its statement comes from."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    title: FilledWords
    authors: tuple[Words, ...] = ()
    year: int | None = None
    url: Words | None = None


class StatementLine(BaseModel):
    """One line of a statement list."""

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)

    kind: Literal["claim", "finding"]
    text: FilledWords
    note: Words = ""
    """What the statement does in its source."""

    quote: Words | None = None
    """The source's own words."""

    source: SourceLine

    @property
    def words(self) -> str:
        """Return what stands in the section for this statement."""
        return self.quote or self.text


def read_statement_list(file: RawFile) -> list[Document]:
    """Read a statement list as one document for each source, in order of first mention.

    Raises:
        DocumentError: A line is not a statement; the message names the line and what is wrong.
    """
    by_title: dict[str, list[tuple[str, StatementLine]]] = {}
    for line in lines_of(file):
        statement = parsed(file, line, StatementLine)
        by_title.setdefault(statement.source.title, []).append((line.raw, statement))
    if not by_title:
        raise file.error("there is no statement in it: leave it out")
    return [_document(file, title, lines) for title, lines in by_title.items()]


def drafts_of(document: Document) -> list[Draft]:
    """Return the statements that a list gives for this source, in the list's order."""
    return list(document.drafts)


def _document(file: RawFile, title: str, lines: list[tuple[str, StatementLine]]) -> Document:
    digest = hashlib.sha256("\n".join(raw for raw, _ in lines).encode("utf-8"))
    text = "\n\n".join(line.words for _, line in lines)
    drafts: list[Draft] = []
    start = 0
    for _, line in lines:
        span = Span(start, start + len(line.words))
        drafts.append(Draft(0, line.kind, line.text, line.words, line.note, span=span))
        start = span.end + len("\n\n")
    source = lines[0][1].source
    return Document(
        name=file.name,
        title=title,
        format="statements",
        sha256=digest.hexdigest(),
        sections=(Section("", 0, text, kind="statements"),),
        authors=source.authors,
        year=source.year,
        url=source.url,
        drafts=tuple(drafts),
    )
