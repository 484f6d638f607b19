r"""Stochastic Parameter Decomposition: from a target model to its subcomponents.

Bushnaq, Braun & Sharkey (2025), Stochastic Parameter Decomposition, arXiv:2506.20790.

1. *Warm-up*: fit the sum of the subcomponents to each weight matrix (faithfulness alone).
2. *Each step*: run the target on a batch; predict how causally important each subcomponent is
   on each input, g; draw masks m ~ U(g, 1) and run the model with them, once with all matrices
   masked and once for each matrix alone.
3. *Descend* on faithfulness + stochastic reconstruction + layerwise reconstruction +
   importance minimality, for U, V and the importance networks together.

All this is done from a few random starts, and the one with the lowest objective is kept: no
knowledge of the true mechanisms enters the choice.

Three things make it quick, and none changes the expected loss: rows of a batch that are all
zero are run once, with the weight of them all; all importance networks run in one batched
product; and so do the runs with masks, in which a matrix that is not to be masked keeps
everything.
"""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from decomposition import losses
from decomposition.config import METHOD, DecompositionConfig
from decomposition.decomposed_model import DecomposedModel, decomposed_model
from decomposition.errors import DivergenceError
from decomposition.objective import Objective, first_not_finite, remainders
from decomposition.seeds import generator_for
from decomposition.targets import Target

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Decomposition:
    """A target and what it was decomposed into; pure data for all that comes after."""

    target: Target
    config: DecompositionConfig
    model: DecomposedModel
    losses: Mapping[str, float]
    """The four losses at the last step, without their coefficients."""

    seconds: float
    """Wall-clock time that training took."""

    cpu_seconds: float
    """Processor time that training took, over all threads."""


def decompose(
    target: Target,
    config: DecompositionConfig,
    on_progress: Callable[[int, int], None] | None = None,
) -> Decomposition:
    """Find rank-one subcomponents of a target's matrices; writes nothing anywhere.

    Args:
        target: Stays as it is.
        config: With the target, decides the result.
        on_progress: Called after every step with the steps done and the steps to do.

    Raises:
        DivergenceError: A loss is no longer a finite number.
    """
    started, cpu_started = time.perf_counter(), time.process_time()
    best: tuple[float, DecomposedModel, dict[str, float]] | None = None
    for attempt in range(config.restarts):
        generator = generator_for(target.name, METHOD, config.seed, attempt)
        model, final = _train(target, config, generator, _shifted(on_progress, attempt, config))
        total = objective_on_fresh_inputs(model, target, config)
        logger.info("attempt %s at %s: objective %.5f", attempt + 1, target.name, total)
        if best is None or total < best[0]:
            best = total, model, final
    assert best is not None, "at least one attempt is made"
    _, model, final = best
    seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu_started
    steps = config.restarts * config.steps
    logger.info("decomposed %s: %s steps, %.1f s", target.name, steps, seconds)
    return Decomposition(target, config, model.eval(), final, seconds, cpu_seconds)


def objective_on_fresh_inputs(
    model: DecomposedModel, target: Target, config: DecompositionConfig
) -> float:
    """Return the training objective on inputs of its own, the same for every attempt."""
    generator = generator_for("objective", config.seed)
    objective = Objective(model, target.is_categorical, config, generator)
    with torch.no_grad():
        batch = objective.batch(target.batch(config.n_objective, generator))
        return objective.total(objective.parts(batch, done=1.0)).item()


def _train(
    target: Target,
    config: DecompositionConfig,
    generator: torch.Generator,
    on_progress: Callable[[int, int], None] | None,
) -> tuple[DecomposedModel, dict[str, float]]:
    """Train once from one random start; returns the model and its last losses."""
    model = fresh_model(target, config, generator)
    _warm_up(model, config)
    objective = Objective(model, target.is_categorical, config, generator)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.Adam(trained, lr=config.learning_rate, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, max(1, config.steps - 1))
    parts: dict[str, Tensor] = {}
    for step in range(config.steps):
        batch = objective.batch(target.batch(config.batch_size, generator))
        parts = objective.parts(batch, step / max(1, config.steps - 1))
        _check(parts, config, step)
        optimizer.zero_grad()
        total = objective.total(parts)
        total.backward()  # type: ignore[no-untyped-call]  # torch's stub lacks the annotation
        nn.utils.clip_grad_norm_(trained, config.clip_norm)
        optimizer.step()
        objective.adversary.after_backward()
        schedule.step()
        if on_progress is not None:
            on_progress(step + 1, config.steps)
    return model, {name: part.item() for name, part in parts.items()}


def fresh_model(
    target: Target, config: DecompositionConfig, generator: torch.Generator
) -> DecomposedModel:
    """Split a target as the configuration says, before any training.

    Raises:
        SplitError: The configuration's patterns do not fit the target.
    """
    counts = config.matrices or dict.fromkeys(target.transposes, config.n_subcomponents)
    return decomposed_model(target.model, counts, config.n_hidden, generator, target.transposes)


def _shifted(
    on_progress: Callable[[int, int], None] | None, attempt: int, config: DecompositionConfig
) -> Callable[[int, int], None] | None:
    """Count the steps of one attempt among those of all."""
    if on_progress is None:
        return None
    before, of = attempt * config.steps, config.restarts * config.steps
    return lambda done, _steps: on_progress(before + done, of)


def _warm_up(model: DecomposedModel, config: DecompositionConfig) -> None:
    """Fit the sums to the weights; this optimizer's state is not carried into training."""
    subcomponents = nn.ModuleList(model.subcomponents.values())
    optimizer = torch.optim.AdamW(
        subcomponents.parameters(),
        lr=config.warm_up_learning_rate,
        weight_decay=config.warm_up_weight_decay,
    )
    for _ in range(config.warm_up_steps):
        loss = losses.faithfulness(remainders(model))
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch's stub lacks the annotation
        optimizer.step()


def _check(parts: Mapping[str, Tensor], config: DecompositionConfig, step: int) -> None:
    values = dict(zip(parts, torch.stack(list(parts.values())).tolist(), strict=True))
    name = first_not_finite(values)
    if name is not None:
        raise DivergenceError(
            f"step {step + 1} of {config.steps}: the {name} loss is {values[name]}; "
            f"try a learning rate below {config.learning_rate} "
            f"or a clip_norm below {config.clip_norm}"
        )
