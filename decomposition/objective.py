"""What a decomposition is trained for: all losses of one batch, and their sum.

A batch is run through the target once; the importances follow; then every masked run that the
configuration asks for is made in a single pass, as one long batch.
"""

import math
from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from decomposition import losses
from decomposition.adversary import Adversary
from decomposition.config import DecompositionConfig
from decomposition.decomposed_model import CleanPass, DecomposedModel
from decomposition.masks import Mask, draw_masks, masks_above, one_batch, random_subsets, routed
from decomposition.subcomponents import untied


class Batch(NamedTuple):
    """Inputs that differ, and the share of the batch that each stands for."""

    rows: Tensor
    """Shape `rows ...`."""

    weights: Tensor
    """Shape `rows`; sums to 1."""


def merge_zero_rows(x: Tensor) -> Batch:
    """Replace all rows that are zero throughout by one, weighted by their number.

    The merged row draws one mask where the batch would have drawn many: the expected loss is
    the same. Its place is last; it is there, with weight zero, even if no row is zero.
    """
    nonzero = x[x.flatten(1).any(dim=1)]
    rows = torch.cat([nonzero, torch.zeros_like(x[:1])])
    weights = torch.full((len(rows),), 1 / len(x))
    weights[-1] = (len(x) - len(nonzero)) / len(x)
    return Batch(rows, weights)


def equal_rows(x: Tensor) -> Batch:
    """Give every row the same weight."""
    return Batch(x, torch.full((len(x),), 1 / len(x)))


class Objective:
    """The losses of a decomposition in training, with the randomness they need."""

    def __init__(
        self,
        model: DecomposedModel,
        is_categorical: bool,
        config: DecompositionConfig,
        generator: torch.Generator,
    ) -> None:
        self.model = model
        self.config = config
        self.generator = generator
        self.adversary = Adversary(config.adversary, generator)
        self._reconstruction = losses.reconstruction_for(is_categorical)

    def batch(self, x: Tensor) -> Batch:
        """Weigh the rows of a batch, equal ones together where the configuration says so."""
        return merge_zero_rows(x) if self.config.merge_zero_rows else equal_rows(x)

    def parts(self, batch: Batch, done: float) -> dict[str, Tensor]:
        """Return the losses on a batch by name, without their coefficients.

        Args:
            batch: Rows with weights.
            done: The share of the training that is done, in [0, 1].
        """
        clean = self.model.clean(batch.rows)
        importances, penalised = self.model.importance_networks(clean.seen)
        parts = {"faithfulness": losses.faithfulness(remainders(self.model))}
        parts |= self._reconstructions(batch, clean, importances)
        power = self.config.power(done)
        if self.config.minimality:
            parts["minimality"] = losses.importance_minimality(penalised, power, batch.weights)
        if self.config.frequency:
            parts["frequency"] = losses.frequency_minimality(
                penalised, power, batch.weights, self.config.frequency_reference
            )
        return parts

    def total(self, parts: Mapping[str, Tensor]) -> Tensor:
        """Add the losses up by their coefficients."""
        coefficients = self.config.coefficients()
        return torch.stack([coefficients[name] * part for name, part in parts.items()]).sum()

    def _reconstructions(
        self, batch: Batch, clean: CleanPass, importances: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        runs = self._runs(batch, clean, importances)
        parts: dict[str, Tensor] = {}
        if runs:
            masks = one_batch([run for of in runs.values() for run in of], importances)
            n_runs = sum(len(of) for of in runs.values())
            rows = batch.rows.repeat(n_runs, *[1] * (batch.rows.ndim - 1))
            outputs = iter(self.model(rows, masks).chunk(n_runs))
            parts = {
                name: losses.layerwise(
                    [next(outputs) for _ in of], clean.output, batch.weights, self._reconstruction
                )
                for name, of in runs.items()
            }
        if self.config.hidden:
            masks = draw_masks(importances, self.config.mask_remainder, self.generator)
            found = self.model.masked_outputs(batch.rows, masks)
            parts["hidden"] = losses.hidden_reconstruction(
                list(found.values()), list(clean.outputs.values()), batch.weights
            )
        return parts

    def _runs(
        self, batch: Batch, clean: CleanPass, importances: Mapping[str, Tensor]
    ) -> dict[str, list[dict[str, Mask]]]:
        """Return the masks of every run that the configuration asks for, by loss.

        They are drawn once for all losses but the adversarial one, which are expectations each
        and add up to the same.
        """
        runs: dict[str, list[dict[str, Mask]]] = {}
        if self.config.stochastic or self.config.layerwise or self.config.subset:
            masks = draw_masks(importances, self.config.mask_remainder, self.generator)
        if self.config.stochastic:
            runs["stochastic"] = [masks]
        if self.config.layerwise:
            runs["layerwise"] = [{name: mask} for name, mask in masks.items()]
        if self.config.subset:
            runs["subset"] = [routed(masks, random_subsets(importances, self.generator))]
        if self.config.adversarial:
            runs["adversarial"] = [self._worst(batch, clean, importances)]
        return runs

    def _worst(
        self, batch: Batch, clean: CleanPass, importances: Mapping[str, Tensor]
    ) -> dict[str, Mask]:
        """Let the adversary look for masks; only the last ones carry gradients to the model."""
        fixed = {name: g.detach() for name, g in importances.items()}

        def harm(sources: Mapping[str, Tensor]) -> Tensor:
            masks = masks_above(fixed, sources, self.config.mask_remainder)
            return self._reconstruction(self.model(batch.rows, masks), clean.output, batch.weights)

        with torch.enable_grad():
            sources = self.adversary.find(fixed, harm)
        return masks_above(importances, sources, self.config.mask_remainder)


def remainders(model: DecomposedModel) -> list[Tensor]:
    """Return what the subcomponents leave over of each matrix, W - UV; of tied ones, once."""
    sums = {name: parts.weight() for name, parts in untied(model.subcomponents).items()}
    return [model.weights[name] - total for name, total in sums.items()]


def first_not_finite(parts: Mapping[str, float]) -> str | None:
    """Return the name of the first loss that is no longer a number, or None."""
    return next((name for name, value in parts.items() if not math.isfinite(value)), None)
