"""What every extractor promises, apart from the family that lists them."""

from typing import Protocol

from ingest.documents import Document, Draft


class Extractor(Protocol):
    """Something that reads a document and proposes the statements it makes."""

    name: str
    """As in `EXTRACTORS`, and as the run records it."""

    is_offline: bool
    """It needs nothing but the document, and so can work in the process that reads the file."""

    def load(self) -> None:
        """Read what it needs once and for all documents, if it needs anything."""
        ...

    def extract(self, document: Document) -> list[Draft]:
        """Return proposed statements in reading order; none is guaranteed to be located."""
        ...

    def candidates(self, document: Document) -> list[Draft]:
        """Return, in reading order, what may be statements and was not among those proposed."""
        ...

    def cited(self, document: Document) -> list[Draft]:
        """Return, in reading order, the sentences that report what others claim or found."""
        ...
