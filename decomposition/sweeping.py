r"""Choosing how much importances should cost, by a rule stated beforehand.

Too small a coefficient leaves subcomponents important that need not be; too large a one makes them
serve several mechanisms, which masks then break. The rule: **the smallest coefficient whose error
under a fresh adversary stays below a share of the error with everything ablated, while L0 stays
below a share of the sum of the matrices' ranks**. L0 above the rank would say nothing: as many
directions explain any matrix. The coefficients are tried from the smallest up, and the first that
passes is taken. True mechanisms are not looked at.
"""

import logging
from collections.abc import Callable, Sequence
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from decomposition.config import DecompositionConfig
from decomposition.errors import SweepError
from decomposition.metrics import MetricsConfig, reconstructions
from decomposition.settling import vital_signs
from decomposition.targets import Target
from decomposition.training import Decomposition, decompose

logger = logging.getLogger(__name__)

FACTORS = (0.1, 0.3, 1.0, 3.0, 10.0)
"""What the configuration's own coefficient is multiplied with, where none are given."""


N = 1024
"""Inputs on which L0 is measured."""


class SweepRule(BaseModel):
    """What a decomposition has to reach."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    max_harm: float = Field(default=0.1, gt=0)
    """Largest error under a fresh adversary, as a share of that with everything ablated."""

    max_l0: float = Field(default=0.5, gt=0)
    """Largest mean number of subcomponents that matter on an input, as a share of the ranks."""


class Trial(NamedTuple):
    """One coefficient that was tried."""

    minimality: float
    harm: float
    """Error under a fresh adversary, as a share of that with everything ablated."""

    l0: float
    """As a share of the sum of the ranks."""

    passes: bool


class Sweep(NamedTuple):
    """What was tried, and the decomposition that was taken."""

    trials: list[Trial]
    decomposition: Decomposition


def coefficients_around(config: DecompositionConfig) -> list[float]:
    """Return the coefficients to try where none are given, the smallest first."""
    return [factor * config.minimality for factor in FACTORS]


def sweep(
    target: Target,
    config: DecompositionConfig,
    coefficients: Sequence[float],
    rule: SweepRule,
    on_progress: Callable[[int, int], None] | None = None,
) -> Sweep:
    """Decompose with one coefficient of importance minimality after another, until one passes.

    Raises:
        SweepError: None does.
    """
    trials: list[Trial] = []
    for number, coefficient in enumerate(sorted(coefficients)):
        tried = config.model_copy(update={"minimality": coefficient})
        report = None if on_progress is None else _shifted(on_progress, number, len(coefficients))
        decomposition = decompose(target, tried, report)
        trials.append(judged(decomposition, rule))
        logger.info("swept %s", trials[-1])
        if trials[-1].passes:
            return Sweep(trials, decomposition)
    found = "; ".join(f"{t.minimality:.3g}: error {t.harm:.1%}, L0 {t.l0:.1%}" for t in trials)
    raise SweepError(
        f"no coefficient of minimality keeps the error under a fresh adversary below "
        f"{rule.max_harm:.0%} of that with everything ablated and L0 below {rule.max_l0:.0%} of "
        f"the ranks ({found}); try others, or train for longer"
    )


def judged(decomposition: Decomposition, rule: SweepRule) -> Trial:
    """Measure a decomposition by a rule."""
    target, config, model = decomposition.target, decomposition.config, decomposition.model
    errors = reconstructions(decomposition, MetricsConfig(seed=config.seed))
    harm = errors["pgd_reconstruction"] / max(errors["reconstruction_off"], 1e-30)
    ranks = sum(min(weight.shape) for weight in model.weights.values())
    l0 = vital_signs(model, target, config, N).l0 / ranks
    return Trial(config.minimality, harm, l0, harm <= rule.max_harm and l0 <= rule.max_l0)


def _shifted(
    on_progress: Callable[[int, int], None], number: int, count: int
) -> Callable[[int, int], None]:
    def report(done: int, of: int) -> None:
        on_progress(number * of + done, count * of)

    return report
