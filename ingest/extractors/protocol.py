"""What every extractor promises, apart from the family that lists them."""

from typing import Protocol

from ingest.documents import Document, Draft


class Extractor(Protocol):
    """Something that reads a document and proposes the statements it makes."""

    name: str
    """As in `EXTRACTORS`, and as the run records it."""

    def extract(self, document: Document) -> list[Draft]:
        """Return proposed statements in reading order; none is guaranteed to be located."""
        ...
