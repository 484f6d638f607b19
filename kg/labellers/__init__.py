"""Who names a community: the family of labellers, and the check that none gets round."""

from collections.abc import Callable, Mapping

from kg.errors import ConfigError
from kg.labellers.model import ModelLabeller
from kg.labellers.offline import OfflineLabeller
from kg.labellers.task import Labeller
from kg.language_model import LanguageModel


def _model(model: LanguageModel | None) -> Labeller:
    if model is None:
        raise ConfigError("the labeller llm needs a language model: name one with --model")
    return ModelLabeller(model)


LABELLERS: Mapping[str, Callable[[LanguageModel | None], Labeller]] = {
    "offline": lambda _model: OfflineLabeller(),
    "llm": _model,
}
"""Every labeller by name; each is made with the language model that was named, if one was."""


def open_labeller(name: str, model: LanguageModel | None = None) -> Labeller:
    """Return a labeller.

    Raises:
        ConfigError: There is no such labeller, or it needs a language model.
    """
    if name not in LABELLERS:
        raise ConfigError(f"there is no labeller {name!r}: choose one of {', '.join(LABELLERS)}")
    return LABELLERS[name](model)
