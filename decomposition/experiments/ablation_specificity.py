r"""Does removing a subcomponent change the output where it matters, and only there?

Subcomponent c is taken out of the target itself, :math:`W \to W - U_c V_c`, one at a time. Its
effect on an input is the Euclidean distance between the outputs with and without it. With
:math:`E^+_c` the mean effect over inputs where c is causally important (g > 0.5) and
:math:`E^-_c` the mean over those where it is not (g ≤ 0.01),

.. math:: \text{specificity}_c = \frac{E^+_c}{E^+_c + E^-_c}

It is 1 if removing c changes nothing where c is unimportant, 1/2 if the change is the same
everywhere or there is none, 0 if c only acts where it should not. The value is the mean over
living subcomponents; the default threshold, 0.9, asks for an effect nine times as large where
c matters. Inputs on which no subcomponent is important are left out: an input of zeros is left
alone by every ablation, and would make anything look specific.

**n** counts subcomponents with enough inputs of both kinds, not pairs of subcomponent and
input. The bootstrap resamples inputs, the same ones for all, and subcomponents.

**Control.** For each subcomponent, random rank-one matrices of its norm are removed instead, and
judged on the same two kinds of inputs.
"""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.func import functional_call

from decomposition.harvest import HarvestConfig, census, subcomponent_id
from decomposition.measurements import (
    Control,
    ExperimentConfig,
    Measured,
    Side,
    mean_over_units,
    percentiles,
    resampled_counts,
)
from decomposition.metrics import random_rank_ones
from decomposition.seeds import generator_for
from decomposition.subcomponents import rank_one_matrices
from decomposition.targets import Target
from decomposition.training import Decomposition
from decomposition.wording import Sign

IMPORTANT = 0.5
"""A subcomponent is important on an input when g exceeds this ..."""

UNIMPORTANT = 0.01
"""... and unimportant when g does not exceed this; in between, the input is not used for it."""

N_CONTROL_DRAWS = 20
"""Random directions removed for each subcomponent."""

_INPUTS = r"(?:inputs?|prompts?|samples?|examples?|data|tokens?|tasks?|features?)"


class AblationSpecificity:
    """Removes subcomponents one by one and looks where the output changes."""

    name = "ablation_specificity"
    unit = "share of effect"
    proposition = (
        "removing a subcomponent changes the output where it is causally important, "
        "and not where it is not"
    )
    default_threshold = 0.9
    side: Side = "above"
    terms = ("ablat", "remov", "delet", "knock", "zeroing", "causal importance", "causally")
    signs = (
        Sign(r"\bno (?:more|greater|larger|stronger)\b.*\bthan\b.*", -1),
        Sign(r"\b(?:more|greater|larger|stronger)\b.*\bthan (?:where|when|on|for|else)\b.*", 1),
        Sign(r"\b(?:as (?:much|strongly|often|badly)|just as)\b.*\bas\b.*", -1),
        Sign(rf"\b(?:unchanged|unaffected|intact|no effect)\b.*\b(?:every|all|any) {_INPUTS}", -1),
        Sign(r"\b(?:whether or not|regardless|irrespective)\b.*", -1),
        Sign(rf"\b(?:everywhere|indiscriminate\w*|(?:every|all|any) {_INPUTS})", -1),
        Sign(r"\b(?:non-?|un)(?:specific|selective)\w*", -1),
        Sign(r"\bcan (?:\w+ )?be (?:remov|ablat|delet)\w*.*?\bwithout \w+ing\b", -1, tells=False),
        Sign(r"\bcan (?:\w+ )?be (?:remov|ablat|delet)\w*", -1, tells=False),
        Sign(r"\bwithout \w+ing\b", -1, tells=False),
        Sign(r"\b(?:unchanged|unaffected|intact|preserv\w*|harmless\w*)\b", -1, tells=False),
        Sign(r"\bno (?:effect|change|harm|damage)\b", -1, tells=False),
        Sign(rf"\b(?:irrelevant|unimportant|unrelated|elsewhere|other {_INPUTS}|off-target)\b", -1),
        Sign(r"\b(?:important|relevant|on-target|where it matters)\b", 1),
        Sign(r"\b(?:specific\w*|selective\w*|targeted|only (?:where|when|on|for))\b", 1),
        Sign(
            r"\b(?:chang|hurt|harm|degrad|damag|affect|alter|disrupt|break|impair)\w*",
            1,
            tells=False,
        ),
    )

    def run(self, decomposition: Decomposition, config: ExperimentConfig) -> Measured:
        """Measure the mean specificity, its interval, and that of random directions."""
        target = decomposition.target
        generator = generator_for(self.name, config.seed)
        x = target.batch(config.n, generator)
        importance = decomposition.model.importance(x)
        used = torch.cat(list(importance.values()), dim=1).amax(dim=1) > IMPORTANT
        x = x[used]
        importance = {matrix: g[used] for matrix, g in importance.items()}
        counts = resampled_counts(len(x), config.resamples, generator)

        ablations, n_alive = _ablations(decomposition, importance, config.min_samples)
        learned = [_specificity(target, x, ablation, counts) for ablation in ablations]
        random = [
            _specificity(target, x, ablation.instead(direction), counts[:1])
            for ablation in ablations
            for direction in random_rank_ones(
                torch.Size((N_CONTROL_DRAWS, *ablation.removed.shape)), generator
            )
        ]
        value, (low, high) = mean_over_units(_columns(learned, counts), n_alive, config)
        return Measured(
            experiment=self.name,
            value=value,
            low=low,
            high=high,
            n=len(ablations),
            minimum_n=config.minimum_n,
            unit=self.unit,
            controls=(_control(random, config),),
            subcomponents=tuple(ablation.id for ablation in ablations),
            details=_details(config, len(x), n_alive, learned),
        )


class Ablation(NamedTuple):
    """One rank-one matrix to remove, and where doing so should and should not matter."""

    id: str
    matrix: str
    removed: Tensor
    """Shape `d_out d_in`."""

    important: Tensor
    """Shape `batch`, boolean."""

    unimportant: Tensor
    """Shape `batch`, boolean."""

    def instead(self, direction: Float[Tensor, "d_out d_in"]) -> "Ablation":
        """Remove this direction instead, at the same norm."""
        scale = torch.linalg.matrix_norm(self.removed) / torch.linalg.matrix_norm(direction)
        return self._replace(removed=direction * scale)


def _ablations(
    decomposition: Decomposition, importance: dict[str, Tensor], min_samples: int
) -> tuple[list[Ablation], int]:
    """Return the living subcomponents with enough inputs of both kinds, and how many live."""
    ablations, n_alive = [], 0
    for matrix, counted in census(decomposition, HarvestConfig()).items():
        removed = rank_one_matrices(decomposition.model.subcomponents[matrix])
        for c in counted.alive.nonzero().flatten().tolist():
            n_alive += 1
            g = importance[matrix][:, c]
            important, unimportant = g > IMPORTANT, g <= UNIMPORTANT
            if min(important.sum(), unimportant.sum()) >= min_samples:
                name = subcomponent_id(matrix, c)
                ablations.append(Ablation(name, matrix, removed[c], important, unimportant))
    return ablations, n_alive


@torch.no_grad()
def effects(
    target: Target,
    x: Float[Tensor, "batch d_in"],
    matrix: str,
    removed: Float[Tensor, "d_out d_in"],
) -> Float[Tensor, " batch"]:
    """Return how far the target's output moves when a matrix is taken off one of its weights."""
    name = f"{matrix}.weight"
    weight = target.model.get_parameter(name)
    without: Tensor = functional_call(target.model, {name: weight - removed}, (x,))
    output: Tensor = target.model(x)
    moved: Tensor = torch.linalg.vector_norm(without - output, dim=-1)
    return moved


def _specificity(
    target: Target, x: Tensor, ablation: Ablation, counts: Tensor
) -> Float[Tensor, " resamples"]:
    """Return the specificity of one ablation in each resample of the inputs."""
    effect = effects(target, x, ablation.matrix, ablation.removed)
    inside = _mean(effect, ablation.important, counts)
    outside = _mean(effect, ablation.unimportant, counts)
    both = inside + outside
    return torch.where(both > 0, inside / both.clamp(min=1e-30), 0.5)


def _mean(effect: Tensor, where: Bool[Tensor, " batch"], counts: Tensor) -> Tensor:
    weights = counts[:, where]
    return weights @ effect[where] / weights.sum(dim=1).clamp(min=1)


def _columns(specificities: list[Tensor], counts: Tensor) -> Float[Tensor, "resamples units"]:
    if not specificities:
        return torch.empty(len(counts), 0)
    return torch.stack(specificities, dim=1)


def _control(random: list[Tensor], config: ExperimentConfig) -> Control:
    """Average each draw of random directions over the subcomponents it stood in for."""
    name = "random rank-one directions"
    if not random:
        return Control(name, 0.5, 0, 1, 0)
    draws = torch.stack([specificity[0] for specificity in random])
    means = draws.reshape(-1, N_CONTROL_DRAWS).mean(dim=0)
    low, high = percentiles(means, config.confidence)
    return Control(name, means.mean().item(), low, high, N_CONTROL_DRAWS)


def _details(
    config: ExperimentConfig, n_used: int, n_alive: int, learned: list[Tensor]
) -> dict[str, float]:
    worst = {"worst_subcomponent": min(s[0].item() for s in learned)} if learned else {}
    return {"inputs": config.n, "inputs_used": n_used, "alive": n_alive, **worst}
