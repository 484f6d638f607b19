"""The extractor that asks a language model, and what it takes from the answers.

A document goes to the model in passages of whole paragraphs, short sections several at once, each
under a number. The model answers with quotes, and a quote is all that it can say. It is looked up
in its section and widened to the sentence that it stands in, so that "heads copy" cannot be
quoted out of "we do not think that heads copy". The statement is that sentence, with what "it"
stands for in brackets behind the word where the model has shown both, word for word; what the
statement does in its paper is said by rule (`notes`). So nothing that a model makes up, or that a
paper tells it to say, can become the text of a statement. A quote that is not there is refused
and reported, and so is one that is no sentence or more than three.

What was answered before is not asked about again (`kg.language_model`), so a document that was
interrupted, or that failed for one request, costs only what is missing.

But: an instruction in a paper is a sentence of it, and a model that obeys may give that sentence
as a claim. It is then a verbatim quote of the paper, marked as one.
"""

import json
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from ingest.documents import Document, Draft, Section, Span
from ingest.extractors.features import analyse, section_role
from ingest.extractors.notes import note_of
from ingest.provenance import find_quote
from ingest.sentences import sentences
from kg.errors import DocumentError, ReplyError
from kg.ids import normalised
from kg.language_model import LanguageModel

_SKIPPED = frozenset({"references", "captions", "statements"})
_PASSAGE = 6000
"""Characters that the model is shown at once, unless a single paragraph is longer."""

_SHORTEST = 5
"""Words of a statement; fewer are no sentence."""

_MOST_SENTENCES = 3


class Resolved(BaseModel):
    """What a word of the quote stands for."""

    model_config = ConfigDict(extra="ignore", use_attribute_docstrings=True)

    words: str = Field(min_length=1, max_length=80)
    """A stretch of the quote, such as "it" or "this method"."""

    means: str = Field(min_length=1, max_length=120)
    """The noun phrase that it stands for, copied from the text."""


class Proposed(BaseModel):
    """A statement that the text makes."""

    model_config = ConfigDict(extra="ignore", use_attribute_docstrings=True)

    section: int = 0
    """The `id` of the section that says it."""

    kind: Literal["claim", "finding", "cited"]
    """What the authors assert, what they observed, or what they say that others did."""

    quote: str = Field(min_length=1, max_length=2000)
    """The sentence that says it, copied from the text."""

    resolved: list[Resolved] = Field(default_factory=list, max_length=5)
    """What its words stand for, where they lean on others."""

    score: float = Field(default=1.0, ge=0, le=1)
    """How sure it is that this is worth keeping."""


class Answer(BaseModel):
    """What the sections state."""

    model_config = ConfigDict(extra="ignore", use_attribute_docstrings=True)

    statements: list[Proposed] = Field(max_length=60)
    """In the order of the text; empty if it states nothing."""


class ModelExtractorConfig(BaseModel):
    """What the extractor keeps."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    max_statements: int = Field(default=40, ge=1)
    """At most this many statements per document; those that the model is surest of stay."""


class _Passage(NamedTuple):
    """A stretch of a section."""

    section: int
    text: str


class ModelExtractor:
    """Has a language model find the claims and findings of a document."""

    is_offline = False

    def __init__(self, model: LanguageModel, config: ModelExtractorConfig | None = None) -> None:
        self.name = model.name
        self.config = config or ModelExtractorConfig()
        self._model = model

    def load(self) -> None:
        """Do nothing: the model is elsewhere."""

    def extract(self, document: Document) -> list[Draft]:
        """Return what the model takes for the document's statements, in reading order.

        Raises:
            BudgetError: The budget is spent.
            DocumentError: The model answered, but not in the form that was asked for.
            LanguageModelError: The model cannot be reached.
        """
        return self._in_two(document)[0]

    def candidates(self, document: Document) -> list[Draft]:
        """Return what the model takes for statements beyond the `max_statements` surest."""
        return self._in_two(document)[1]

    def cited(self, document: Document) -> list[Draft]:
        """Return what the model takes for the work of others; it was asked by `extract`."""
        return [each for each in self._drafts(document) if each.kind == "cited"]

    def _in_two(self, document: Document) -> tuple[list[Draft], list[Draft]]:
        """Return the statements that are kept, and those that are not."""
        drafts = [each for each in self._drafts(document) if each.kind != "cited"]
        best = sorted(range(len(drafts)), key=lambda at: (-drafts[at].score, at))
        kept = set(best[: self.config.max_statements])
        return (
            [each for at, each in enumerate(drafts) if at in kept],
            [each for at, each in enumerate(drafts) if at not in kept and not each.refused],
        )

    def _drafts(self, document: Document) -> Iterator[Draft]:
        said: set[tuple[int, str]] = set()
        for shown in _shown_at_once(document):
            for each in self._asked(document, shown):
                index = _section_of(each, document, shown)
                draft = _draft(each, index, document.sections[index])
                if (draft.section, draft.quote) not in said:
                    said.add((draft.section, draft.quote))
                    yield draft

    def _asked(self, document: Document, shown: list[_Passage]) -> list[Proposed]:
        headings = [document.sections[each.section].heading for each in shown]
        sections = [
            {"id": number, "heading": heading, "text": passage.text}
            for number, (heading, passage) in enumerate(zip(headings, shown, strict=True), start=1)
        ]
        material = json.dumps(
            {"title": document.title, "sections": sections}, ensure_ascii=False, indent=1
        )
        try:
            return self._model.complete(prompt(), material, Answer).output.statements
        except ReplyError as error:
            place = "”, “".join(heading or "before the first heading" for heading in headings)
            raise DocumentError(f"{document.name}: “{place}”: {error}") from error


@cache
def prompt() -> str:
    """Return the instructions, as they stand in the file."""
    return (files("ingest") / "prompts" / "extract.md").read_text(encoding="utf-8").strip()


def _shown_at_once(document: Document) -> Iterator[list[_Passage]]:
    """Yield the passages of a document in turn, as many together as the model is shown at once."""
    held: list[_Passage] = []
    for passage in _passages(document):
        if held and sum(len(each.text) for each in held) + len(passage.text) > _PASSAGE:
            yield held
            held = []
        held.append(passage)
    if held:
        yield held


def _section_of(proposed: Proposed, document: Document, shown: list[_Passage]) -> int:
    """Return the section that says a quote: the one that is named, or else the first that does."""
    tried = [each.section for each in shown]
    if 0 < proposed.section <= len(tried):
        tried.insert(0, tried[proposed.section - 1])
    says = (at for at in tried if find_quote(document.sections[at], proposed.quote))
    return next(says, tried[0])


def _passages(document: Document) -> Iterator[_Passage]:
    for index, section in enumerate(document.sections):
        if section.kind in _SKIPPED:
            continue
        held: list[str] = []
        for paragraph in section.text.split("\n\n"):
            if held and sum(map(len, held)) + len(paragraph) > _PASSAGE:
                yield _Passage(index, "\n\n".join(held))
                held = []
            held.append(paragraph)
        yield _Passage(index, "\n\n".join(held))


def _draft(proposed: Proposed, index: int, section: Section) -> Draft:
    """Return the sentence that was quoted as a draft; what is not there is left to be refused."""
    found = find_quote(section, proposed.quote)
    if found is None:
        return Draft(index, proposed.kind, proposed.quote, proposed.quote, score=proposed.score)
    every = list(sentences(section.text))
    within = [each for each in every if each.start < found.end and found.start < each.end]
    first = every.index(within[0])
    before = section.text[slice(*every[first - 1])] if first else ""
    span = Span(within[0].start, within[-1].end)
    quote = section.text[span.start : span.end]
    text = normalised(quote)
    return Draft(
        section=index,
        kind=proposed.kind,
        text=_resolved(text, proposed.resolved, section.text),
        quote=quote,
        note=_note(proposed.kind, text, section, before),
        score=round(proposed.score, 6),
        span=span,
        refused=_why_refused(text, len(within)),
    )


def _note(kind: str, text: str, section: Section, before: str) -> str:
    if kind == "cited":
        return ""
    role = section_role(section.heading, section.kind)
    return note_of(kind, analyse(text), role, section.heading, before)


def _why_refused(text: str, n_sentences: int) -> str:
    if len(text.split()) < _SHORTEST:
        return "it is no sentence"
    if n_sentences > _MOST_SENTENCES:
        return f"it is more than {_MOST_SENTENCES} sentences"
    return ""


def _resolved(text: str, resolved: list[Resolved], passage: str) -> str:
    """Put what words stand for in brackets behind them, if the passage has both."""
    known = normalised(passage)
    for each in resolved:
        words, means = normalised(each.words), normalised(each.means)
        place = f" {text} ".find(f" {words} ")
        if place < 0 or means not in known or "[" in means or means in text:
            continue
        end = place + len(words)
        text = f"{text[:end]} [{means}]{text[end:]}"
    return text
