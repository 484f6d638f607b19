"""Extractors: from a document to the claims and findings it states.

Adding one is one module, one line in `EXTRACTORS`, and its name in the tests that run over the
family. An extractor sees the whole document, because salience and position need it.
"""

from collections.abc import Callable

from ingest.extractors.offline import OfflineExtractor
from ingest.extractors.protocol import Extractor
from kg.errors import ConfigError
from kg.language_model import LanguageModel

__all__ = ["EXTRACTORS", "Extractor", "open_extractor"]


def _model(model: LanguageModel | None) -> Extractor:
    if model is None:
        raise ConfigError("the extractor llm needs a language model: name one with --model")
    from ingest.extractors.model import ModelExtractor

    return ModelExtractor(model)


EXTRACTORS: dict[str, Callable[[LanguageModel | None], Extractor]] = {
    "offline": lambda _model: OfflineExtractor(),
    "llm": _model,
}
"""Name to constructor, which is given the language model that was named, if one was. The offline
one needs no model, key or network."""


def open_extractor(name: str, model: LanguageModel | None = None) -> Extractor:
    """Return the extractor of this name, with its default config.

    Raises:
        ConfigError: There is no such extractor, or it needs a language model.
    """
    if name not in EXTRACTORS:
        raise ConfigError(f"there is no extractor {name!r}; there are: {', '.join(EXTRACTORS)}")
    return EXTRACTORS[name](model)
