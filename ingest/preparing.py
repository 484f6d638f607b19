"""From a document to what may be stored of it: nothing here reads a file or knows the database.

What an extractor proposes is found verbatim in its section or refused, and every section's
abbreviations are listed. It is pure and light, so that it can be done in the process that reads
the file, many at once.
"""

from collections.abc import Sequence
from typing import NamedTuple

from ingest.abbreviations import Abbreviation, abbreviations
from ingest.documents import Document, Draft, Located, Refusal
from ingest.provenance import locate_quotes


class Prepared(NamedTuple):
    """A document with everything that is said of it."""

    document: Document
    located: list[Located]
    refusals: list[Refusal]
    abbreviations: list[list[Abbreviation]]
    """Of each section."""


def prepared(document: Document, proposed: Sequence[Draft]) -> Prepared:
    """Return a document with the statements that were proposed, as far as it says them."""
    located, refusals = locate_quotes(document, proposed)
    found = [abbreviations(section.text) for section in document.sections]
    return Prepared(document, located, refusals, found)
