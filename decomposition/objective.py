"""What a decomposition is trained for: all losses of one batch, and their sum.

A batch is run through the target once; the importances follow; then every masked run that the
configuration asks for is made in a single pass, as one long batch.
"""

import math
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import NamedTuple

import torch
from torch import Tensor

from decomposition import losses
from decomposition.adversary import Adversary
from decomposition.causal_importance import full_precision
from decomposition.config import DecompositionConfig
from decomposition.decomposed_model import CleanPass, DecomposedModel
from decomposition.masks import (
    Mask,
    Runs,
    draw_masks,
    in_one_run,
    in_runs,
    masks_above,
    random_subsets,
    routed,
)
from decomposition.processes import ALONE, Processes, Share
from decomposition.seeds import generator_for
from decomposition.subcomponents import untied
from decomposition.targets import Target

COSTS = ("minimality", "frequency")
"""The losses that importances cost."""


class Batch(NamedTuple):
    """Inputs that differ, and what each of them weighs in the batch."""

    rows: Tensor
    """Shape `rows ...`."""

    weights: Tensor
    """Shape `rows`; sums to 1 over all rows of the batch."""

    share: Share
    """Which of these it has; the rest is with other processes."""

    def cut(self, share: Share) -> "Batch":
        """Keep some of its rows."""
        return Batch(share.of(self.rows), share.of(self.weights), share)

    def to(self, device: torch.device) -> "Batch":
        """Bring it to a device, if it is not there."""
        rows, weights = (x.to(device, non_blocking=True) for x in (self.rows, self.weights))
        return Batch(rows, weights, self.share)


def merge_zero_rows(x: Tensor) -> Batch:
    """Replace all rows that are zero throughout by one, weighted by their number.

    The merged row draws one mask where the batch would have drawn many: the expected loss is
    the same. Its place is last; it is there, with weight zero, even if no row is zero.
    """
    nonzero = x[x.flatten(1).any(dim=1)]
    rows = torch.cat([nonzero, torch.zeros_like(x[:1])])
    weights = torch.full((len(rows),), 1 / len(x), device=x.device)
    weights[-1] = (len(x) - len(nonzero)) / len(x)
    return Batch(rows, weights, ALONE.share(len(rows)))


def equal_rows(x: Tensor) -> Batch:
    """Give every row the same weight."""
    return Batch(x, losses.equal_weights(x), ALONE.share(len(x)))


class Objective:
    """The losses of a decomposition in training, with the randomness they need."""

    def __init__(
        self,
        model: DecomposedModel,
        is_categorical: bool,
        config: DecompositionConfig,
        generator: torch.Generator,
        together: Processes = ALONE,
    ) -> None:
        self.model = model
        self.config = config
        self.together = together
        self.generator = generator
        self.adversary = Adversary(config.adversary, generator, together)
        self._is_categorical = is_categorical
        self._reconstruction = losses.reconstruction_for(is_categorical)

    def batch(self, x: Tensor) -> Batch:
        """Weigh the rows of a batch, equal ones together where the configuration says so.

        With several processes, this one's share of them comes back. It is on the device of the
        model; which rows are zero is looked at where x is, so that nothing waits for a device.
        """
        whole = merge_zero_rows(x) if self.config.merge_zero_rows else equal_rows(x)
        mine = whole.cut(self.together.share(len(whole.rows)))
        if self.config.merged:
            hostile, friendly = self._groups(len(x))
            after = slice(hostile.total, None)
            mine = mine._replace(
                rows=torch.cat([hostile.of(x), friendly.of(x[after])]),
                weights=torch.cat([hostile.of(whole.weights), friendly.of(whole.weights[after])]),
            )
        return mine.to(self.model.device)

    def _groups(self, rows: int) -> tuple[Share, Share]:
        """Return which of a batch's first rows the adversary masks here, and which of the rest."""
        n = round(self.config.adversarial_share * rows)
        return self.together.share(n), self.together.share(rows - n)

    def parts(self, batch: Batch, done: float) -> dict[str, Tensor]:
        """Return the losses on a batch by name, without their coefficients.

        With several processes, these are parts that add up to the losses of the whole batch, and
        so do their gradients.

        Args:
            batch: Rows with weights.
            done: The share of the training that is done, in [0, 1].
        """
        if self.config.hidden:  # what layers put out is compared, and so has to be there
            return self._parts(batch, done)
        with self.model.products_apart():
            return self._parts(batch, done)

    def _parts(self, batch: Batch, done: float) -> dict[str, Tensor]:
        with self._precision(also=self._is_categorical):
            clean = self.model.clean(batch.rows)
        with self._precision():
            importances, penalised = self.model.importance_networks(clean.seen)
        parts = {"faithfulness": losses.faithfulness(remainders(self.model)) / self.together.n}
        parts |= self._reconstructions(batch, clean, importances)
        count = self.config.count(done)
        if self.config.minimality:
            parts["minimality"] = losses.importance_minimality(penalised, count, batch.weights)
        if self.config.frequency:
            whole = losses.frequency_minimality(
                penalised,
                count,
                batch.weights,
                self.config.frequency_reference,
                self.together.total,
            )
            parts["frequency"] = self.together.counted_once(whole)
        return parts

    def total(self, parts: Mapping[str, Tensor], done: float) -> Tensor:
        """Add the losses up by their coefficients when this share of the training is done."""
        coefficients = self.config.coefficients(done)
        return torch.stack([coefficients[name] * part for name, part in parts.items()]).sum()

    def _reconstructions(
        self, batch: Batch, clean: CleanPass, importances: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        runs = self._runs(batch, clean, importances)
        parts: dict[str, Tensor] = {}
        if runs:
            masks = in_runs([run for of in runs.values() for run in of], importances)
            n_runs = sum(len(of) for of in runs.values())
            rows = batch.rows.repeat(n_runs, *[1] * (batch.rows.ndim - 1))
            outputs = iter(self._masked(rows, masks, clean).chunk(n_runs))
            parts = {
                name: losses.layerwise(
                    [next(outputs) for _ in of], clean.output, batch.weights, self._reconstruction
                )
                for name, of in runs.items()
            }
        if self.config.hidden:
            drawn = draw_masks(importances, self.config.mask_remainder, self.generator, batch.share)
            found = self.model.masked_outputs(batch.rows, drawn)
            parts["hidden"] = losses.hidden_reconstruction(
                list(found.values()), list(clean.outputs.values()), batch.weights
            )
        return parts

    def _runs(
        self, batch: Batch, clean: CleanPass, importances: Mapping[str, Tensor]
    ) -> dict[str, list[dict[str, Mask]]]:
        """Return the masks of every run that the configuration asks for, by loss.

        They are drawn once for all losses but the adversarial one, which are expectations each
        and add up to the same; or anew for each loss, if the configuration says so.
        """
        runs: dict[str, list[dict[str, Mask]]] = {}
        draw: Callable[[], dict[str, Mask]] = partial(
            draw_masks, importances, self.config.mask_remainder, self.generator, batch.share
        )
        if self.config.draw_masks_once:
            draw = cache(draw)
        if self.config.stochastic:
            runs["stochastic"] = [draw()]
        if self.config.layerwise:
            runs["layerwise"] = [{name: mask} for name, mask in draw().items()]
        if self.config.subset:
            routes = random_subsets(importances, self.generator, batch.share)
            runs["subset"] = [routed(draw(), routes)]
        if self.config.adversarial:
            runs["adversarial"] = [self._worst(batch, clean, importances)]
        if self.config.merged:
            runs["merged"] = [self._mixed(batch, clean, importances)]
        return runs

    def _mixed(
        self, batch: Batch, clean: CleanPass, importances: Mapping[str, Tensor]
    ) -> dict[str, Mask]:
        """Return the adversary's masks for the first rows, and for the rest random subsets'."""
        hostile, friendly = self._groups(batch.share.total)
        n = hostile.stop - hostile.start
        rest = {name: g[n:] for name, g in importances.items()}
        routes = random_subsets(rest, self.generator, friendly)
        drawn = draw_masks(rest, self.config.mask_remainder, self.generator, friendly)
        first = Batch(batch.rows[:n], batch.weights[:n], hostile)
        worst = self._worst(first, clean.head(n), {name: g[:n] for name, g in importances.items()})
        return in_one_run([worst, routed(drawn, routes)], [n, len(batch.rows) - n])

    def _worst(
        self, batch: Batch, clean: CleanPass, importances: Mapping[str, Tensor]
    ) -> dict[str, Mask]:
        """Let the adversary look for masks; only the last ones carry gradients to the model."""
        fixed = {name: g.detach() for name, g in importances.items()}

        def harm(sources: Mapping[str, Tensor]) -> Tensor:
            masks = self._masks_of(sources, fixed, batch)
            return self._reconstruction(
                self._masked(batch.rows, masks, clean), clean.output, batch.weights
            )

        with torch.enable_grad():
            sources = self.adversary.find(fixed, harm, batch.share)
        return self._masks_of(sources, importances, batch)

    def _masks_of(
        self, sources: Mapping[str, Tensor], importances: Mapping[str, Tensor], batch: Batch
    ) -> dict[str, Mask]:
        mine = self.adversary.of_rows(sources, batch.share)
        return masks_above(importances, mine, self.config.mask_remainder)

    def _masked(self, rows: Tensor, masks: Mapping[str, Mask | Runs], clean: CleanPass) -> Tensor:
        """Run the masked model in the configured precision.

        Logits stay in it, for there may be many; their softmax is taken in single precision.
        """
        with self._precision():
            output: Tensor = self.model(rows, masks, clean.first)
        return output if self._is_categorical else full_precision(output)

    def _precision(self, *, also: bool = True) -> torch.autocast:
        is_lower = also and self.config.precision == "bfloat16"
        return torch.autocast(self.model.device.type, dtype=torch.bfloat16, enabled=is_lower)


class Fresh(NamedTuple):
    """The training objective on fresh inputs, and what part of it importances cost."""

    total: float
    importances: float
    """Minimality and frequency, with their coefficients."""


def objective_on_fresh_inputs(
    model: DecomposedModel, target: Target, config: DecompositionConfig
) -> float:
    """Return the training objective on inputs of its own, the same for every attempt."""
    return on_fresh_inputs(model, target, config).total


@torch.no_grad()
def on_fresh_inputs(model: DecomposedModel, target: Target, config: DecompositionConfig) -> Fresh:
    """Return the same, and what part of it importances cost."""
    generator = generator_for("objective", config.seed)
    objective = Objective(model, target.is_categorical, config, generator)
    batch = objective.batch(target.batch(config.n_objective, generator))
    parts = objective.parts(batch, done=1.0)
    coefficients = config.coefficients(1.0)
    cost = sum(coefficients[name] * parts[name].item() for name in COSTS if name in parts)
    return Fresh(objective.total(parts, done=1.0).item(), cost)


def remainders(model: DecomposedModel) -> list[Tensor]:
    """Return what the subcomponents leave over of each matrix, W - UV; of tied ones, once."""
    sums = {name: parts.weight() for name, parts in untied(model.subcomponents).items()}
    return [model.weights[name] - total for name, total in sums.items()]


def first_not_finite(parts: Mapping[str, float]) -> str | None:
    """Return the name of the first loss that is no longer a number, or None."""
    return next((name for name, value in parts.items() if not math.isfinite(value)), None)
