"""Labelled sentences: what an extractor is trained on, and what it is judged by.

A file has one JSON object a line. Sentences that follow one another in one section of one
source are read as a passage, so that each is judged among its neighbours; a line that names no
source stands alone, behind the sentence that it says came before it.
"""

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Annotated, Literal, NamedTuple, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict

from ingest.readers.files import TEXT_LIMIT, Reader, load
from ingest.readers.json_lines import lines_of, parsed

L = TypeVar("L", bound=BaseModel)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _said(text: str) -> str:
    text = _one_line(text)
    if not text:
        raise ValueError("is empty")
    return text


Words = Annotated[str, AfterValidator(_said)]


class LabelledSentence(BaseModel):
    """A sentence, and what a careful reader says that it is."""

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)

    text: Words
    label: Literal["claim", "finding", "cited", "other"]
    source: str | None = None
    """The document it is from; none is known, so it stands alone, if there is no name."""

    section: str | None = None
    """The heading it stands under."""

    previous: Annotated[str, AfterValidator(_one_line)] = ""
    """The sentence before it; only asked of a sentence without a source."""


class Passage(NamedTuple):
    """Sentences that follow one another under one heading."""

    source: str
    heading: str
    before: str
    """An unlabelled sentence to read first, or nothing."""

    indices: list[int]
    """Which sentences, as indices into the whole list."""


def passages(sentences: Sequence[LabelledSentence]) -> list[Passage]:
    """Return the passages that these sentences make up, in their order."""

    def place(index: int) -> tuple[str, str]:
        return source_of(sentences, index), sentences[index].section or ""

    found = []
    for (source, heading), run in groupby(range(len(sentences)), place):
        indices = list(run)
        first = sentences[indices[0]]
        before = "" if first.source else first.previous
        found.append(Passage(source, heading, before, indices))
    return found


def source_of(sentences: Sequence[LabelledSentence], index: int) -> str:
    """Return the name of a sentence's source; one without is called by its place in the list."""
    return sentences[index].source or f"sentence {index + 1}"


def read_lines(path: Path, kind: type[L]) -> list[L]:
    """Read a file of JSON objects, one a line; blank lines are passed over.

    Raises:
        DocumentError: The file cannot be read, a line is not what it should be (the message
            names the line and what is wrong with it), or there is no line.
    """
    file = load(path, Reader("labelled lines", TEXT_LIMIT, lambda _file: []))
    lines = [parsed(file, line, kind) for line in lines_of(file)]
    if not lines:
        raise file.error("there is no line in it")
    return lines
