"""Extractors: from a document to the claims and findings it states.

Adding one is one module, one line in `EXTRACTORS`, and its name in the tests that run over the
family. An extractor sees the whole document, because salience and position need it.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from ingest.extractors.offline import OfflineExtractor, OfflineExtractorConfig
from ingest.extractors.protocol import Extractor
from kg.errors import ConfigError
from kg.language_model import LanguageModel

__all__ = ["EXTRACTORS", "Extractor", "Settings", "open_extractor"]


Settings = Mapping[str, Any]
"""Values of an extractor's config that are not the default ones; the config checks them."""

_NONE: Settings = MappingProxyType({})
_Config = TypeVar("_Config", bound=BaseModel)


def _offline(_: LanguageModel | None, settings: Settings) -> Extractor:
    return OfflineExtractor(_configured(OfflineExtractorConfig, settings))


def _model(model: LanguageModel | None, settings: Settings) -> Extractor:
    if model is None:
        raise ConfigError("the extractor llm needs a language model: name one with --model")
    from ingest.extractors.model import ModelExtractor, ModelExtractorConfig

    return ModelExtractor(model, _configured(ModelExtractorConfig, settings))


EXTRACTORS: dict[str, Callable[[LanguageModel | None, Settings], Extractor]] = {
    "offline": _offline,
    "llm": _model,
}
"""Name to constructor, which is given the language model that was named, if one was, and settings.
The offline one needs no model, key or network."""


def open_extractor(
    name: str, model: LanguageModel | None = None, settings: Settings = _NONE
) -> Extractor:
    """Return the extractor of this name, with its default config but for these settings.

    Raises:
        ConfigError: There is no such extractor or setting, or it needs a language model.
    """
    if name not in EXTRACTORS:
        raise ConfigError(f"there is no extractor {name!r}; there are: {', '.join(EXTRACTORS)}")
    return EXTRACTORS[name](model, settings)


def _configured(kind: type[_Config], settings: Settings) -> _Config:
    for name in settings:
        if name not in kind.model_fields:
            known = ", ".join(kind.model_fields)
            raise ConfigError(f"the extractor has no setting {name!r}; it has: {known}")
    try:
        return kind.model_validate(dict(settings))
    except ValidationError as error:
        wrong = "; ".join(f"{each['loc'][0]}: {each['msg']}" for each in error.errors())
        raise ConfigError(f"this extractor cannot be: {wrong}") from error
