r"""Choosing how much importances should cost, by a rule stated beforehand.

Too small a coefficient leaves subcomponents important that need not be; too large a one makes them
serve several mechanisms, which masks then break. The rule: **the smallest coefficient whose error
under a fresh adversary stays below a share of the error with everything ablated, while L0 stays
below a share of the sum of the matrices' ranks**. L0 above the rank would say nothing: as many
directions explain any matrix. The coefficients are tried from the smallest up, and the first that
passes is taken. True mechanisms are not looked at. On toy models this takes one that is too small,
and the largest that passes is the right one (docs/decomposition.md); so that can be asked for. A
coefficient that changes during training is multiplied as a whole.

An interrupted sweep goes on where it was: those that did not pass are written down, and the one
that was training has left its state.
"""

import hashlib
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from decomposition.config import DecompositionConfig
from decomposition.errors import CheckpointError, SweepError
from decomposition.metrics import MetricsConfig, reconstructions
from decomposition.resuming import fingerprint
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

    choose: Literal["smallest", "largest"] = "smallest"
    """Which of the coefficients that pass; they are tried from this end."""


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


def swept(
    config: DecompositionConfig, coefficients: Sequence[float] = ()
) -> list[DecompositionConfig]:
    """Return configurations that differ in the coefficient alone, the smallest first.

    Without coefficients some around the configuration's own are taken.
    """
    tried = coefficients or [factor * config.minimality for factor in FACTORS]
    return [with_minimality(config, coefficient) for coefficient in sorted(tried)]


def with_minimality(config: DecompositionConfig, coefficient: float) -> DecompositionConfig:
    """Return a configuration with another coefficient, later ones changed in proportion."""
    changes = {"minimality": coefficient}
    for name in ("minimality_end", "consolidation_minimality"):
        later = getattr(config, name)
        if later is not None and config.minimality:
            changes[name] = later * coefficient / config.minimality
    return config.model_copy(update=changes)


def sweep(
    target: Target,
    configs: Sequence[DecompositionConfig],
    rule: SweepRule,
    on_progress: Callable[[int, int], None] | None = None,
    states: Path | None = None,
) -> Sweep:
    """Decompose with one coefficient of importance minimality after another, until one passes.

    Args:
        target: Stays as it is.
        configs: To try, the smallest coefficient first; see `swept`.
        rule: What has to be reached.
        on_progress: Called after every step with the steps done and the steps to do, of all.
        states: A folder for what an interrupted sweep leaves, to go on from, until the caller lets
            it `forget` what was taken; if none passes it is emptied. None writes nothing anywhere.

    Raises:
        SweepError: None does.
    """
    configs = configs if rule.choose == "smallest" else configs[::-1]
    places = _places(states, target, configs, rule)
    trials: list[Trial] = []
    for number, (tried, place) in enumerate(zip(configs, places, strict=True)):
        report = None if on_progress is None else _shifted(on_progress, number, len(configs))
        trial, decomposition = _try(target, tried, rule, report, place)
        trials.append(trial)
        if decomposition is not None and trial.passes:
            return Sweep(trials, decomposition)
    if states is not None:
        forget(target, configs, rule, states)
    found = "; ".join(f"{t.minimality:.3g}: error {t.harm:.1%}, L0 {t.l0:.1%}" for t in trials)
    raise SweepError(
        f"no coefficient of minimality keeps the error under a fresh adversary below "
        f"{rule.max_harm:.0%} of that with everything ablated and L0 below {rule.max_l0:.0%} of "
        f"the ranks ({found}); try others, or train for longer"
    )


def _try(
    target: Target,
    config: DecompositionConfig,
    rule: SweepRule,
    on_progress: Callable[[int, int], None] | None,
    place: Path | None,
) -> tuple[Trial, Decomposition | None]:
    """Decompose and judge; without the decomposition if it is known already that it failed."""
    if place is not None and place.exists():
        try:
            return TypeAdapter(Trial).validate_json(place.read_bytes()), None
        except ValidationError as error:
            raise CheckpointError(f"{place} is damaged: {error}; delete it") from error
    state = None if place is None else _state_beside(place)
    decomposition = decompose(target, config, on_progress, state)
    trial = judged(decomposition, rule)
    logger.info("swept %s", trial)
    if place is not None and not trial.passes:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(TypeAdapter(Trial).dump_json(trial))
        _state_beside(place).unlink(missing_ok=True)
    return trial, decomposition


def forget(
    target: Target, configs: Sequence[DecompositionConfig], rule: SweepRule, states: Path
) -> None:
    """Delete what a sweep has left in a folder to go on from."""
    for place in _places(states, target, configs, rule):
        assert place is not None, "there is a folder"
        place.unlink(missing_ok=True)
        _state_beside(place).unlink(missing_ok=True)


def _places(
    states: Path | None, target: Target, configs: Sequence[DecompositionConfig], rule: SweepRule
) -> list[Path | None]:
    """Return where it is written down of each coefficient that it did not pass."""
    if states is None:
        return [None] * len(configs)
    asked = [[fingerprint(target), c.model_dump_json(), rule.model_dump_json()] for c in configs]
    digests = [hashlib.sha256("\n".join(decisive).encode()).hexdigest() for decisive in asked]
    return [states / f"sweep-{digest[:16]}.json" for digest in digests]


def _state_beside(place: Path) -> Path:
    return place.with_suffix(".safetensors")


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
