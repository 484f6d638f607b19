"""What was spent on a language model."""

from typing import Any

from api.views.view import View
from kg.language_model import LanguageModel


class SpentView(View):
    """What a run did that may have asked a language model."""

    input_tokens: int = 0
    """Paid for now; what was answered before costs nothing."""

    output_tokens: int = 0
    requests: int = 0
    cost: float | None = None
    """In US dollars, by list price; none for a server of one's own and for a model without one."""


def spent_on(model: LanguageModel | None) -> dict[str, Any]:
    """Return what was spent on a model, for a `SpentView`; nothing if none was asked."""
    return {} if model is None else {**model.spent._asdict(), "cost": model.cost}
