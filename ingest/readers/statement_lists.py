r"""Statement lists: claims and findings that somebody has written down already, one to a line.

A line is a JSON object with ``kind``, ``text``, ``source.title`` and, where known, ``note`` and
``quote``; other fields are passed over. Each source named in the list becomes a document of its
own. Its one section holds the quotes (the statement itself where there is no quote) as
paragraphs, so that even here every statement quotes its section verbatim.
"""

import hashlib
import json
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from ingest.documents import Document, Draft, Section, Span
from ingest.readers.files import RawFile, decode
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
    lines_of: dict[str, list[tuple[str, StatementLine]]] = {}
    for raw, line in _lines(file):
        lines_of.setdefault(line.source.title, []).append((raw, line))
    if not lines_of:
        raise file.error("there is no statement in it")
    return [_document(file, title, lines) for title, lines in lines_of.items()]


def drafts_of(document: Document) -> list[Draft]:
    """Return the statements that a list gives for this source, in the list's order."""
    return list(document.drafts)


def _lines(file: RawFile) -> Iterator[tuple[str, StatementLine]]:
    # Not str.splitlines: JSON strings may hold U+2028, which that would break at.
    for number, raw in enumerate(decode(file).split("\n"), start=1):
        if raw.strip():
            yield raw.strip(), _parse(file, number, raw)


def _parse(file: RawFile, number: int, raw: str) -> StatementLine:
    """Turn one line into a statement, or say what is wrong with it."""
    try:
        return StatementLine.model_validate(json.loads(raw))
    except json.JSONDecodeError as error:
        place = f"line {number}, column {error.colno}"
        raise file.error(f"{place}: not JSON: {error.msg}") from error
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(step) for step in first["loc"]) or "the line"
        raise file.error(f"line {number}: {field}: {first['msg']}") from error
    except (ValueError, RecursionError) as error:
        raise file.error(f"line {number}: not JSON that can be read: {error}") from error


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
