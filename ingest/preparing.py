"""From a document to what may be stored of it: nothing here reads a file or knows the database.

What an extractor proposes is found verbatim in its section or refused, every section's
abbreviations are listed, and the list of references is taken apart into entries, to which the
sentences on the work of others are linked. It is pure and light, so that it can be done in the
process that reads the file, many at once.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple, Self

from ingest.abbreviations import Abbreviation, abbreviations
from ingest.documents import Document, Draft, Located, Refusal
from ingest.extractors.protocol import Extractor
from ingest.provenance import locate_quotes
from ingest.references import Entry, cited_in, entries_of

FETCHED = "where it was fetched"
"""Where an address comes from that the document does not name itself."""


class Prepared(NamedTuple):
    """A document with everything that is said of it."""

    document: Document
    located: list[Located]
    refusals: list[Refusal]
    abbreviations: list[list[Abbreviation]]
    """Of each section."""

    references: list[Entry]
    candidates: list[Located]
    """What may be statements and was not kept."""

    citations: list[tuple[Located, list[int]]]
    """Sentences on the work of others, with the places of the references that they give."""

    def at(self, address: str) -> Self:
        """Return the same with the address that it was fetched from, unless it names its own."""
        if self.document.url:
            return self
        origins = dict(self.document.origins) | {"url": FETCHED}
        document = replace(self.document, url=address, origins=tuple(sorted(origins.items())))
        return self._replace(document=document)


def taken_apart(document: Document, extractor: Extractor) -> Prepared:
    """Return a document with what an extractor finds in it; a list has its own statements."""
    if document.drafts:
        return prepared(document, document.drafts)
    found = extractor.extract(document)
    return prepared(document, found, extractor.candidates(document), extractor.cited(document))


def prepared(
    document: Document,
    proposed: Sequence[Draft],
    candidates: Sequence[Draft] = (),
    cited: Sequence[Draft] = (),
) -> Prepared:
    """Return a document with the statements that were proposed, as far as it says them."""
    located, refusals = locate_quotes(document, proposed)
    possible, _ = locate_quotes(document, candidates)
    reported, refused = locate_quotes(document, cited)
    references = entries_of(document)
    return Prepared(
        document=document,
        located=located,
        refusals=[*refusals, *refused],
        abbreviations=[abbreviations(section.text) for section in document.sections],
        references=references,
        candidates=possible,
        citations=[(each, _cited(document, each, references)) for each in reported],
    )


def _cited(document: Document, located: Located, references: Sequence[Entry]) -> list[int]:
    """Return the places of the references that a sentence gives, in words or by its links."""
    linked = document.sections[located.draft.section].cited_within(located.span)
    return cited_in(located.draft.quote, references, linked)
