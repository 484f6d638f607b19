"""Plain text: paragraphs between blank lines, and headings only where they are plain to see.

A heading is a line of its own that is underlined with ``===`` or ``---``, or numbered
("2.1 Results"), or in capitals, or one of the few words every paper uses ("Abstract"). The first
line is the title if it stands alone and does not end like a sentence. Hard-wrapped lines are
joined, with their hyphens (`ingest.readers.hyphens`).
"""

import re
from collections.abc import Iterator

from ingest.documents import Document
from ingest.readers.files import RawFile, decode
from ingest.readers.hyphens import count_words, join_lines
from ingest.readers.sections import (
    Aside,
    Block,
    Heading,
    Paragraph,
    assemble,
    clean,
    is_caption,
    is_known_heading,
)

_BLANK = re.compile(r"\n[^\S\n]*\n\s*")
_UNDERLINE = re.compile(r"([=\-])\1{2,}\s*")
_NUMBERED = re.compile(r"(\d{1,2}(?:\.\d{1,2}){0,3})\.?\s+[A-Z][^.!?]*[?!]?")
_LONGEST_HEADING = 100


def read_text(file: RawFile) -> list[Document]:
    """Read a plain text file as one document.

    Raises:
        DocumentError: The file is not text, or there is nothing in it but headings.
    """
    text = re.sub(r"\r\n?|\f", "\n", decode(file))
    groups = [group.strip("\n").split("\n") for group in _BLANK.split(text.strip())]
    title = _title(groups)
    sections = assemble(_blocks(groups[1:] if title else groups))
    if not sections:
        raise file.error("there is no paragraph in it: leave it out")
    return [
        Document(
            name=file.name,
            title=title or file.stem,
            format="text",
            sha256=file.sha256,
            sections=sections,
        )
    ]


def _title(groups: list[list[str]]) -> str:
    """Return the first line, if it stands alone above other text and is no sentence."""
    first = [line for line in groups[0] if not _UNDERLINE.fullmatch(line)]
    title = clean(first[0]) if len(first) == 1 < len(groups) else ""
    is_short = len(title) <= 2 * _LONGEST_HEADING
    return title if is_short and not title.endswith((".", ":", ";", ",")) else ""


def _blocks(groups: list[list[str]]) -> Iterator[Block]:
    words = count_words(line for group in groups for line in group)
    for group in groups:
        heading = _heading(group)
        text = clean(join_lines(group, words))
        if heading:
            yield heading
        elif is_caption(text):
            yield Aside("Captions", text)
        else:
            yield Paragraph(text)


def _heading(lines: list[str]) -> Heading | None:
    """Return the heading that these lines are, or nothing."""
    line = clean(lines[0])
    if len(line) > _LONGEST_HEADING:
        return None
    if len(lines) == 2 and (underline := _UNDERLINE.fullmatch(lines[1])):
        return Heading(line, 1 if underline.group(1) == "=" else 2)
    if len(lines) > 1:
        return None
    if numbered := _NUMBERED.fullmatch(line):
        return Heading(line, numbered.group(1).count(".") + 1)
    in_capitals = line.isupper() and len(re.findall(r"[A-Z]{2,}", line)) > 0
    return Heading(line, 1) if in_capitals or is_known_heading(line) else None
