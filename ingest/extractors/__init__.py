"""Extractors: from a document to the claims and findings it states.

Adding one is one module, one line in `EXTRACTORS`, and its name in the tests that run over the
family. An extractor sees the whole document, because salience and position need it.
"""

from collections.abc import Callable

from ingest.extractors.offline import OfflineExtractor
from ingest.extractors.protocol import Extractor
from kg.errors import ConfigError

__all__ = ["EXTRACTORS", "Extractor", "open_extractor"]

EXTRACTORS: dict[str, Callable[[], Extractor]] = {
    "offline": OfflineExtractor,
}
"""Name to constructor. The offline one needs no model, key or network."""


def open_extractor(name: str) -> Extractor:
    """Return the extractor of this name, with its default config.

    Raises:
        ConfigError: There is no such extractor.
    """
    if name not in EXTRACTORS:
        raise ConfigError(f"there is no extractor {name!r}; there are: {', '.join(EXTRACTORS)}")
    return EXTRACTORS[name]()
