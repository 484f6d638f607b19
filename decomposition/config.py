"""What decides a decomposition, in one place."""

import math
from functools import partial
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from decomposition.adversary import AdversaryConfig
from decomposition.compaction import CompactionConfig
from decomposition.losses import Count, power, smooth_l0
from decomposition.targets.pretrained import PREFIX

METHOD = "spd"
"""The name of the method in runs and checkpoints."""


LOSSES = (
    "faithfulness",
    "stochastic",
    "layerwise",
    "subset",
    "adversarial",
    "merged",
    "hidden",
    "minimality",
    "frequency",
)
"""Every loss that a configuration can give a coefficient to, in the order they are reported."""


class EarlyStopConfig(BaseModel):
    """When a training has settled: its fresh adversary and its L0 no longer change."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    every: int = Field(default=500, ge=1)
    """Steps between measurements."""

    patience: int = Field(default=3, ge=1)
    """Both have to stay where they are over this many measurements after one ..."""

    tolerance: float = Field(default=0.02, ge=0)
    """... within this share of their largest value among these."""

    n: int = Field(default=1024, ge=1)
    """Inputs to measure on, the same ones every time."""


class DecompositionConfig(BaseModel):
    """What decides a decomposition; the defaults are for the toy model with 5 features in 2."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    seed: int = 0
    device: str = Field(default="auto", exclude=True)
    """What it runs on: `cpu`, `cuda`, `cuda:1`, or `auto`, the first GPU if there is one. It
    decides nothing but the last bits and which random masks are drawn, and is not stored."""

    n_subcomponents: int = Field(default=20, ge=1)
    """Subcomponents allotted to each matrix, C; the ones not needed should die."""

    subcomponents_per_rank: float | None = Field(default=None, gt=0)
    """Instead of that: C of each matrix in units of the rank that it can have at most, rounded,
    at least 1. From 1 on the singular directions of every matrix sum to it."""

    matrices: dict[str, int] = {}
    """Instead of both: C for each pattern of module paths, as in `{"h.*.mlp.*": 64}`. The first
    pattern that matches a layer decides. Empty takes the matrices that the target names."""

    importance: Literal["inner_activation", "input_vector", "shared_transformer"] = (
        "inner_activation"
    )
    """What the importance of a subcomponent is told from: its own inner activation, by a network
    of its own; the whole vector that the matrix is given, by one network for the matrix; or all
    vectors that all matrices are given, by one transformer."""

    n_hidden: int = Field(default=16, ge=1)
    """Hidden units of each importance network; the width of a shared transformer."""

    importance_layers: int = Field(default=1, ge=1)
    """Blocks of a shared transformer."""

    importance_causal: bool = True
    """Whether a shared transformer looks back only; the paper's looks both ways."""

    importance_reads: tuple[str, ...] = ()
    """Patterns of the matrices whose inputs a shared transformer reads; none reads all. Layers
    that are given the same need to be read once."""

    importance_start: float | None = None
    """What all importances are at first, about, before squashing; None lets them be random. From
    1 training starts with a model that no mask harms, and takes away what is not needed."""

    importance_rate: float = Field(default=1.0, gt=0)
    """Learning rate of the importance networks, in units of that of U and V."""

    restarts: int = Field(default=3, ge=1)
    """Random starts; the one with the lowest objective is kept. Some starts end with one
    subcomponent for two features, which costs more but which training does not leave again."""

    n_objective: int = Field(default=16384, ge=1)
    """Inputs on which the starts are compared."""

    prune: bool = False
    """Whether weak subcomponents are turned off after training if the objective does not miss
    them."""

    weak_share: float = Field(default=0.1, ge=0, le=1)
    """A subcomponent is weak when its mean importance is below this share of the largest mean in
    its matrix."""

    prune_tolerance: float = Field(default=1e-3, ge=0)
    """By what share of itself the objective may rise when the weak ones are turned off."""

    n_pruning: int | None = Field(default=None, ge=1)
    """Inputs on which weakness, and what is missed, are looked at; None takes `n_objective`. What
    is needed on a rare input is told from what is not only if such inputs are among them."""

    prune_all_first: bool = False
    """Whether all weak ones that can go are turned off before consolidation too, and not only
    after it: a matrix that has none to spare needs them, another one is consolidated more quickly.
    Otherwise the first half, quarter and so on that can go is turned off then."""

    consolidation_steps: int = Field(default=0, ge=0)
    """Steps that are taken after dissolving what other subcomponents can take over, in every
    round of it; 0 does not look for any."""

    unmix: bool = False
    """Whether each of these rounds starts with taking apart subcomponents that read parts of one
    another's features."""

    unmix_tolerance: float = Field(default=0.0, ge=0)
    """By what share of itself the objective may rise at once when all subcomponents of a matrix are
    set apart, each on a line of its own. Above 0 that is tried before anything is pruned, and
    training goes on for as many steps as after dissolving; all is put back if it did not pay."""

    unmixing_rate: float = Field(default=0.4, gt=0)
    """Learning rate at the first of the steps that follow setting apart, in units of the peak."""

    consolidation_rate: float = Field(default=0.4, gt=0)
    """The same for the steps of a round of dissolving. At a low one a feature that hardly matters
    keeps the subcomponent that it has."""

    consolidation_minimality: float | None = Field(default=None, gt=0)
    """Coefficient of minimality once training is over, in pruning and consolidation; None keeps the
    last one of training. No effect without consolidation, nor have the next two."""

    consolidation_width: float | None = Field(default=None, gt=0)
    """γ of then, importances being counted as g² / (g² + γ²) whatever was counted in training; None
    counts as at the end of training. It makes little difference whether an importance is one or
    nearly one then, so that those of features that hardly matter need not fall."""

    consolidation_importance_rate: float | None = Field(default=None, gt=0)
    """`importance_rate` of then; None keeps that of training. Where U and V have to move slowly, so
    as not to lose what was found, importances need not."""

    steps: int = Field(default=3000, ge=1)
    """Of each start."""

    early_stop: EarlyStopConfig | None = None
    """When a start may end before its last step; None never."""

    batch_size: int = Field(default=1024, ge=1)
    merge_zero_rows: bool = True
    """Whether rows of zeros are run once, with the weight of them all."""

    learning_rate: float = Field(default=0.005, gt=0)
    """Peak rate of Adam."""

    compaction: CompactionConfig | None = None
    """When dead subcomponents are set aside, so that steps cost less; None never."""

    schedule: Literal["cosine", "linear", "constant"] = "cosine"
    """How the rate falls after its peak."""

    learning_rate_end: float = Field(default=0.0, ge=0, le=1)
    """What it falls to at the last step, as a share of the peak."""

    rate_warm_up: float = Field(default=0.0, ge=0, lt=1)
    """Share of the steps over which the rate first rises from zero."""

    clip_norm: float | None = Field(default=1.0, gt=0)
    """Largest norm of the gradient of all parameters together; None does not clip."""

    importance_clip_norm: float | None = Field(default=None, gt=0)
    """Largest norm of the gradient of the importance networks alone, `clip_norm` then being that
    of U and V. None clips them together."""

    precision: Literal["float32", "bfloat16"] = "float32"
    """Of the products in masked runs and importance networks. Parameters and losses are float32."""

    compile_networks: bool = False
    """Whether torch compiles the importance networks, and what masks do, first; it takes a minute
    or two and, on a processor, a C++ compiler."""

    faithfulness: float = Field(default=1.0, ge=0)
    """Coefficient of the loss of this name, as are the next eight. Zero leaves a loss out."""

    stochastic: float = Field(default=1.0, ge=0)
    layerwise: float = Field(default=1.0, ge=0)
    subset: float = Field(default=0.0, ge=0)
    adversarial: float = Field(default=0.0, ge=0)
    merged: float = Field(default=0.0, ge=0)
    hidden: float = Field(default=0.0, ge=0)
    minimality: float = Field(default=0.003, ge=0)
    frequency: float = Field(default=0.0, ge=0)

    minimality_end: float | None = Field(default=None, gt=0)
    """What the coefficient of minimality is changed to, by a constant factor a step; None keeps
    it. A high one at first finds quickly what is not needed; a low one in the end gives what is
    needed back its place."""

    sparsity: Literal["power", "smooth_l0"] = "power"
    """What the minimality losses count of an importance g: g^p, or g² / (g² + γ²)."""

    smooth_l0_width: float = Field(default=1.0, gt=0)
    """γ at first ..."""

    smooth_l0_width_end: float = Field(default=0.01, gt=0)
    """... and what it is lowered to, linearly over all steps."""

    minimality_power: float = Field(default=1.0, gt=0)
    """p in g^p."""

    minimality_power_end: float | None = Field(default=None, gt=0)
    """What p is lowered to, linearly over all steps; None keeps it."""

    frequency_reference: float = Field(default=32768.0, gt=0)
    """a in f log2(1 + a f)."""

    adversary: AdversaryConfig = AdversaryConfig()
    """Who finds the masks of the adversarial loss, and of the merged one."""

    adversarial_share: float = Field(default=0.5, gt=0, lt=1)
    """Share of the rows that are masked by the adversary in the merged loss; all others are masked
    in random subsets of the matrices. One run of the batch does the work of two."""

    mask_remainder: bool = True
    """Whether what the subcomponents leave over is masked too, instead of dropped."""

    draw_masks_once: bool = True
    """Whether all losses of a step share their random masks, instead of drawing their own."""

    leak: Literal["gradient", "value"] = "gradient"
    """What gets through below an importance of zero: 1 % of the gradients that would raise it, or
    1 % of the value itself, so that masks can be negative (as in the paper of 2025)."""

    initialisation: Literal["random", "exact", "singular"] = "random"
    """Whether U is drawn at random, or solved for, so that the sum is the weights from the start
    (if C is not below their rank); or whether training starts from the singular directions of
    each matrix, which sum to it and of which none cancels another."""

    warm_up_steps: int = Field(default=200, ge=0)
    """Steps on faithfulness alone, before the others."""

    warm_up_learning_rate: float = Field(default=0.01, gt=0)
    warm_up_weight_decay: float = Field(default=0.1, ge=0)

    @model_validator(mode="after")
    def _sources_fit_the_rows(self) -> "DecompositionConfig":
        per_row = self.adversary.kind == "persistent" and self.adversary.scope == "row"
        if self.adversarial and per_row and self.merge_zero_rows:
            raise ValueError(
                "a persistent adversary with a source for each row needs merge_zero_rows=False, "
                "because the number of merged rows changes from batch to batch"
            )
        return self

    @model_validator(mode="after")
    def _merged_rows_are_for_one_loss(self) -> "DecompositionConfig":
        others = ("stochastic", "layerwise", "subset", "adversarial", "hidden")
        beside = [name for name in others if getattr(self, name)]
        if self.merged and (beside or self.merge_zero_rows):
            raise ValueError(
                "the merged loss is random subsets and adversary in one run of the batch: it needs "
                f"merge_zero_rows=False, and in place of it {', '.join(others)} have to be 0"
            )
        hostile = round(self.adversarial_share * self.batch_size)
        if self.merged and not 0 < hostile < self.batch_size:
            raise ValueError(
                f"the merged loss needs rows of both kinds, and {self.adversarial_share} of "
                f"{self.batch_size} rows is {hostile}"
            )
        return self

    def coefficients(self, done: float = 0.0) -> dict[str, float]:
        """Return the coefficients of all losses by name, zero where one is left out.

        Args:
            done: The share of the training that is done, in [0, 1].
        """
        coefficients = {name: getattr(self, name) for name in LOSSES}
        if self.minimality and self.minimality_end is not None:
            coefficients["minimality"] *= (self.minimality_end / self.minimality) ** done
        return coefficients

    def rate(self, step: int) -> float:
        """Return the learning rate of a step, counted from 0.

        It rises linearly over `rate_warm_up` of the steps and then falls along the schedule; the
        last step has the final rate.
        """
        rising = round(self.rate_warm_up * self.steps)
        if step < rising:
            return self.learning_rate * (step + 1) / (rising + 1)
        done = (step - rising) / max(1, self.steps - 1 - rising)
        end = self.learning_rate_end
        return self.learning_rate * (end + (1 - end) * _left(self.schedule, done))

    def power(self, done: float) -> float:
        """Return p when this share of the steps, in [0, 1], is done."""
        end = (
            self.minimality_power
            if self.minimality_power_end is None
            else self.minimality_power_end
        )
        return self.minimality_power + (end - self.minimality_power) * done

    def count(self, done: float) -> Count:
        """Return what an importance adds to the minimality losses when this share is done."""
        if self.sparsity == "power":
            return partial(power, p=self.power(done))
        start, end = self.smooth_l0_width, self.smooth_l0_width_end
        return partial(smooth_l0, width=start + (end - start) * done)

    def sets_apart(self) -> bool:
        """Say whether subcomponents are set apart before anything is pruned."""
        return bool(self.unmix and self.unmix_tolerance and self.consolidation_steps)

    def after_training(self) -> "DecompositionConfig":
        """Return the configuration of what follows training where that is consolidated."""
        changes: dict[str, object] = {}
        if self.consolidation_minimality is not None:
            changes |= {"minimality": self.consolidation_minimality, "minimality_end": None}
        if self.consolidation_width is not None:
            width = self.consolidation_width
            changes |= dict.fromkeys(("smooth_l0_width", "smooth_l0_width_end"), width)
            changes["sparsity"] = "smooth_l0"
        if self.consolidation_importance_rate is not None:
            changes["importance_rate"] = self.consolidation_importance_rate
        return self.model_copy(update=changes) if self.consolidation_steps else self


def _left(schedule: str, done: float) -> float:
    """Return what a schedule leaves of the peak when this share of its steps is done."""
    if schedule == "constant":
        return 1.0
    return (1 + math.cos(math.pi * done)) / 2 if schedule == "cosine" else 1 - done


_FIVE = DecompositionConfig(prune=True, steps=2000)
_FORTY = DecompositionConfig(
    n_subcomponents=200,
    minimality=0.0001,
    restarts=1,
    steps=2000,
    consolidation_steps=800,
    prune=True,
)
_RESIDUAL = DecompositionConfig(
    n_subcomponents=150,
    prune=True,
    restarts=1,
    n_objective=4096,
    consolidation_steps=500,
    unmix=True,
    steps=3000,
    batch_size=512,
    minimality=5e-5,
    minimality_end=1e-5,
)
_LESSON = DecompositionConfig(
    n_subcomponents=64,
    initialisation="singular",
    warm_up_steps=0,
    importance="input_vector",
    n_hidden=64,
    importance_start=1,
    importance_rate=10,
    restarts=1,
    steps=2000,
    batch_size=64,
    n_objective=1024,
    merge_zero_rows=False,
    learning_rate=0.0005,
    faithfulness=1e5,
    stochastic=0,
    layerwise=0,
    adversarial=1,
    adversary=AdversaryConfig(kind="fresh", steps=6, step_size=0.25),
    minimality=0.01,
    minimality_end=0.0025,
    minimality_power=0.5,
)

CONFIGS: dict[str, DecompositionConfig] = {
    "tms_5-2": _FIVE,
    "tms_5-2-id": _FIVE,
    "tms_40-10": _FORTY,
    "tms_40-10-id": _FORTY.model_copy(
        update={"minimality": 3e-5, "minimality_end": 1e-4, "unmix": True}
    ),
    "resid_mlp1": _RESIDUAL,
    "resid_mlp2": _RESIDUAL.model_copy(
        update={
            "n_subcomponents": 200,
            "steps": 1000,
            "n_objective": 2048,
            "minimality": 4e-6,
            "minimality_end": 1.6e-5,
            "unmix_tolerance": 0.2,
            "consolidation_rate": 0.1,
            "consolidation_minimality": 1e-5,
            "consolidation_width": 0.25,
            "prune_all_first": True,
        }
    ),
    "resid_mlp3": _RESIDUAL.model_copy(
        update={
            "n_subcomponents": 200,
            "steps": 500,
            "n_objective": 1024,
            "n_pruning": 4096,
            "consolidation_steps": 300,
            "unmix_tolerance": 0.5,
            "unmixing_rate": 0.1,
            "consolidation_rate": 0.1,
            "consolidation_minimality": 6e-6,
            "consolidation_width": 0.1,
            "consolidation_importance_rate": 4.0,
            "prune_all_first": True,
            "minimality": 2e-6,
            "minimality_end": 6e-6,
            "sparsity": "smooth_l0",
            "smooth_l0_width_end": 0.2,
        }
    ),
    "induction": _LESSON,
    "convolution": _LESSON,
    "mixer": _LESSON,
    "storyworld": _LESSON.model_copy(
        update={
            "n_subcomponents": 96,
            "batch_size": 16,
            "n_objective": 64,
            "minimality": 0.002,
            "minimality_end": 0.0005,
        }
    ),
}
"""How each target is decomposed unless something else is asked for."""


def config_of(target: str) -> DecompositionConfig:
    """Return the configuration named after a target, or the default one.

    Models of the user's own, which read tokens, are decomposed as `storyworld` is, with as many
    subcomponents as each of their matrices has ranks: training starts from singular directions.
    """
    if target.startswith(PREFIX):
        return CONFIGS["storyworld"].model_copy(update={"subcomponents_per_rank": 1.0})
    return CONFIGS.get(target, DecompositionConfig())
