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
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from decomposition import losses
from decomposition.causal_importance import lower_leaky_hard_sigmoid, upper_leaky_hard_sigmoid
from decomposition.decomposed_model import DecomposedModel, decomposed_model
from decomposition.errors import DivergenceError
from decomposition.masks import Mask, sample_masks
from decomposition.seeds import generator_for
from decomposition.subcomponents import untied
from decomposition.targets import Target

logger = logging.getLogger(__name__)

METHOD = "spd"
"""The name of the method in runs and checkpoints."""


class DecompositionConfig(BaseModel):
    """What decides a decomposition; the defaults are for the toy model with 5 features in 2."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    seed: int = 0
    n_subcomponents: int = Field(default=20, ge=1)
    """Subcomponents allotted to each matrix, C; the ones not needed should die."""

    matrices: dict[str, int] = {}
    """Instead of that: C for each pattern of module paths, as in `{"h.*.mlp.*": 64}`. The first
    pattern that matches a layer decides. Empty takes the matrices that the target names."""

    n_hidden: int = Field(default=16, ge=1)
    """Hidden units of each importance network."""

    restarts: int = Field(default=3, ge=1)
    """Random starts; the one with the lowest objective is kept. Some starts end with one
    subcomponent for two features, which costs more but which training does not leave again."""

    n_objective: int = Field(default=16384, ge=1)
    """Inputs on which the starts are compared."""

    steps: int = Field(default=3000, ge=1)
    """Of each start."""

    batch_size: int = Field(default=1024, ge=1)
    learning_rate: float = Field(default=0.005, gt=0)
    """Peak rate of Adam, lowered to zero along a cosine."""

    clip_norm: float = Field(default=1.0, gt=0)
    """Largest norm of the gradient of all parameters together."""

    faithfulness: float = Field(default=1.0, ge=0)
    """Coefficient of the loss of this name, as are the next three."""

    stochastic: float = Field(default=1.0, ge=0)
    layerwise: float = Field(default=1.0, ge=0)
    minimality: float = Field(default=0.003, ge=0)
    minimality_power: float = Field(default=1.0, gt=0)
    """p in g^p."""

    mask_remainder: bool = True
    """Whether what the subcomponents leave over is masked too, instead of dropped."""

    warm_up_steps: int = Field(default=200, ge=0)
    warm_up_learning_rate: float = Field(default=0.01, gt=0)
    warm_up_weight_decay: float = Field(default=0.1, ge=0)


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


class Batch(NamedTuple):
    """Inputs that differ, and the share of the batch that each stands for."""

    rows: Tensor
    """Shape `rows d_in`."""

    weights: Tensor
    """Shape `rows`; sums to 1."""


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
        total = objective(model, target, config)
        logger.info("attempt %s at %s: objective %.5f", attempt + 1, target.name, total)
        if best is None or total < best[0]:
            best = total, model, final
    assert best is not None, "at least one attempt is made"
    _, model, final = best
    seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu_started
    steps = config.restarts * config.steps
    logger.info("decomposed %s: %s steps, %.1f s", target.name, steps, seconds)
    return Decomposition(target, config, model.eval(), final, seconds, cpu_seconds)


def objective(model: DecomposedModel, target: Target, config: DecompositionConfig) -> float:
    """Return the training objective on inputs of its own, the same for every attempt."""
    generator = generator_for("objective", config.seed)
    batch = merge_zero_rows(target.batch(config.n_objective, generator))
    with torch.no_grad():
        parts = loss_parts(model, batch, config, generator)
        return _total(parts, config, config.steps - 1).item()


def _train(
    target: Target,
    config: DecompositionConfig,
    generator: torch.Generator,
    on_progress: Callable[[int, int], None] | None,
) -> tuple[DecomposedModel, dict[str, float]]:
    """Train once from one random start; returns the model and its last losses."""
    model = fresh_model(target, config, generator)
    _warm_up(model, config)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.Adam(trained, lr=config.learning_rate, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, max(1, config.steps - 1))
    parts: dict[str, Tensor] = {}
    for step in range(config.steps):
        batch = merge_zero_rows(target.batch(config.batch_size, generator))
        parts = loss_parts(model, batch, config, generator)
        total = _total(parts, config, step)
        optimizer.zero_grad()
        total.backward()  # type: ignore[no-untyped-call]  # torch's stub lacks the annotation
        nn.utils.clip_grad_norm_(trained, config.clip_norm)
        optimizer.step()
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


def merge_zero_rows(x: Float[Tensor, "batch d_in"]) -> Batch:
    """Replace all rows that are zero throughout by one, weighted by their number.

    The merged row draws one mask where the batch would have drawn many: the expected loss is
    the same. Its place is last; it is there, with weight zero, even if no row is zero.
    """
    nonzero = x[x.any(dim=1)]
    rows = torch.cat([nonzero, x.new_zeros(1, x.shape[1])])
    weights = torch.full((len(rows),), 1 / len(x))
    weights[-1] = (len(x) - len(nonzero)) / len(x)
    return Batch(rows, weights)


def loss_parts(
    model: DecomposedModel,
    batch: Batch,
    config: DecompositionConfig,
    generator: torch.Generator,
) -> dict[str, Tensor]:
    """Return the four losses on a batch, without their coefficients, by name."""
    clean = model.clean(batch.rows)
    expected, z = clean.output, model.importance_networks(clean.seen)
    importances = {name: lower_leaky_hard_sigmoid(of) for name, of in z.items()}

    masks = draw_runs(importances, config.mask_remainder, generator)
    everywhere, *alone = model(batch.rows.expand(len(masks) + 1, -1, -1), masks)
    return {
        "faithfulness": losses.faithfulness(remainders(model)),
        "stochastic": losses.reconstruction(everywhere, expected, batch.weights),
        "layerwise": losses.layerwise_reconstruction(alone, expected, batch.weights),
        "minimality": losses.importance_minimality(
            upper_leaky_hard_sigmoid(torch.cat(list(z.values()), dim=-1)),
            config.minimality_power,
            batch.weights,
        ),
    }


def draw_runs(
    importances: Mapping[str, Tensor], mask_remainder: bool, generator: torch.Generator
) -> dict[str, Mask]:
    """Draw the masks of several runs at once: `1 + matrices batch C` for every matrix.

    In the first run all matrices are masked, in each of the others one of them, in their order.
    A matrix that is not masked in a run keeps everything, and so is the target's.
    """
    n_runs = len(importances) + 1
    everything = {name: g.expand(n_runs, -1, -1) for name, g in importances.items()}
    masks = draw_masks(everything, mask_remainder, generator)
    for place, (name, (kept, remainder)) in enumerate(masks.items(), start=1):
        is_masked = torch.zeros(n_runs, 1, 1, dtype=torch.bool)
        is_masked[[0, place]] = True
        dropped = torch.zeros(()) if remainder is None else remainder
        masks[name] = Mask(torch.where(is_masked, kept, 1.0), torch.where(is_masked, dropped, 1.0))
    return masks


def draw_masks(
    importances: Mapping[str, Tensor], mask_remainder: bool, generator: torch.Generator
) -> dict[str, Mask]:
    """Draw a mask for every matrix; the remainder, if it is masked, has importance zero."""
    masks = {}
    for name, importance in importances.items():
        kept = sample_masks(importance, generator)
        remainder = (
            torch.rand((*importance.shape[:-1], 1), generator=generator) if mask_remainder else None
        )
        masks[name] = Mask(kept, remainder)
    return masks


def remainders(model: DecomposedModel) -> list[Tensor]:
    """Return what the subcomponents leave over of each matrix, W - UV; of tied ones, once."""
    sums = {name: parts.weight() for name, parts in untied(model.subcomponents).items()}
    return [model.weights[name] - total for name, total in sums.items()]


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


def _total(parts: Mapping[str, Tensor], config: DecompositionConfig, step: int) -> Tensor:
    """Add the losses up by their coefficients, if each is a number."""
    coefficients = {
        "faithfulness": config.faithfulness,
        "stochastic": config.stochastic,
        "layerwise": config.layerwise,
        "minimality": config.minimality,
    }
    total = torch.stack([coefficients[name] * part for name, part in parts.items()]).sum()
    if not math.isfinite(total.item()):
        name = next(name for name, part in parts.items() if not math.isfinite(part.item()))
        raise DivergenceError(
            f"step {step + 1} of {config.steps}: the {name} loss is {parts[name].item()}; "
            f"try a learning rate below {config.learning_rate} "
            f"or a clip_norm below {config.clip_norm}"
        )
    return total
