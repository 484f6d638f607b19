r"""How good a decomposition is, as named numbers.

With :math:`M_j` the known mechanism of feature j and :math:`S_j` the entries that belong to
it (a column of the first matrix of the toy model, a row of the second), and everything
restricted to :math:`S_j`:

* **mmcs**, mean max cosine similarity: :math:`\frac1m \sum_j \max_c \cos(U_c V_c, M_j)`;
* **ml2r**, mean L2 ratio: :math:`\frac1m \sum_j \|U_{c(j)} V_{c(j)}\| / \|M_j\|`, where c(j)
  is the subcomponent with that largest cosine.

Both are those of Bushnaq, Braun & Sharkey (2025), arXiv:2506.20790, but with c running over
the *alive* subcomponents only: in few dimensions a dead one, of no length, may happen to point
along a mechanism, and the ratio would then measure the dead one. For the same reason the
cosine alone says little: **mmcs_random** is what as many random directions reach.

* **identity_error**: with one feature active at a time, the number of importances that are off
  by more than 0.1 from one subcomponent alone for each feature (after the best matching of
  subcomponents to features).
* **dense_error**: where one mechanism of full rank serves all features, the subcomponents that
  are missing from it or superfluous, with the same inputs and tolerance.
* **alive**, **l0**: subcomponents with mean importance above **alive_threshold**; subcomponents
  per input with importance above **l0_threshold**.
* **faithfulness**: mean squared entry of W - UV, over all matrices.
* **pgd_reconstruction**: how far the output is from the target's under the worst masks that 20
  sign steps of 0.1 find from a random start, with one source r in m = g + (1 - g) r shared by
  the whole batch. It is what a decomposition that only looks good fails at.
* **reconstruction_...**: the same under m = 1 (*unmasked*), m ~ U(g, 1) (*stochastic*), m = g
  (*importance*), m = 1 where g exceeds 0.1 and else 0 (*rounded*), m ~ U(0, 1) (*random*, and
  bad in a decomposition that says anything) and m = 0 (*off*: everything decomposed is ablated,
  the worst that can reasonably be expected). Training on *importance* or *unmasked* would be
  easy to satisfy with nonsense; they are only ever measured.

* **ce_...**, **ce_recovered_...**, **ce_target**, where a target has right answers: their
  cross-entropy under the same masks, in nats, mean over where there is one; beside the target's
  own; and :math:`1 - (\mathrm{CE} - \mathrm{CE}_\mathrm{target}) / (\mathrm{CE}_\mathrm{off} -
  \mathrm{CE}_\mathrm{target})`: 1 is as good as the target, 0 as bad as with everything ablated
  that was decomposed (the zero-ablation baseline).

"How far" is the mean squared error over all entries of the output, or for a target whose
outputs are logits the divergence in nats per position. What the subcomponents leave over is
kept only under stochastic and adversarial masks, and only if it was masked in training.
"""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from pydantic import BaseModel, ConfigDict, Field
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from decomposition import losses
from decomposition.adversary import climb, random_sources
from decomposition.harvest import HarvestConfig, census
from decomposition.masks import Mask, draw_masks, masks_above
from decomposition.objective import remainders
from decomposition.seeds import generator_for
from decomposition.subcomponents import rank_one_matrices
from decomposition.targets import AnsweredTarget
from decomposition.targets.lessons import answer_loss
from decomposition.targets.mechanisms import Mechanisms
from decomposition.training import Decomposition

IDENTITY_TOLERANCE = 0.1
"""How far an importance may be from 0 or 1 and still count as it."""


class MetricsConfig(BaseModel):
    """What the metrics are measured on."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    harvest: HarvestConfig = HarvestConfig()
    n: int = Field(default=4096, ge=1)
    """Inputs for the reconstructions."""

    seed: int = 0
    random_draws: int = Field(default=100, ge=1)
    """Sets of random directions whose mean is `mmcs_random`."""

    adversary_steps: int = Field(default=20, ge=0)
    adversary_step_size: float = Field(default=0.1, gt=0)


def evaluate(decomposition: Decomposition, config: MetricsConfig) -> dict[str, float]:
    """Return all metrics by name; those of one matrix are called `name/matrix`.

    Where the target's mechanisms are not known, the metrics that need them are left out.
    """
    counted = census(decomposition, config.harvest)
    alive = {matrix: found.alive for matrix, found in counted.items()}
    by_matrix: dict[str, dict[str, float]] = {
        "alive": {matrix: found.alive.sum().item() for matrix, found in counted.items()},
        "l0": {matrix: found.density.sum().item() for matrix, found in counted.items()},
        **importance_errors(decomposition),
    }
    totals = {name: sum(values.values()) for name, values in by_matrix.items()}
    singles = {
        f"{name}/{matrix}": value
        for name, values in by_matrix.items()
        for matrix, value in values.items()
    }
    faithful = losses.faithfulness(remainders(decomposition.model)).item()
    return {
        **geometry(decomposition, alive, config),
        **totals,
        **singles,
        "alive_threshold": config.harvest.alive_threshold,
        "l0_threshold": config.harvest.density_threshold,
        "faithfulness": faithful,
        **reconstructions(decomposition, config),
    }


def geometry(
    decomposition: Decomposition, alive: Mapping[str, Tensor], config: MetricsConfig
) -> dict[str, float]:
    """Return mmcs, ml2r and mmcs_random over the mechanisms of all matrices."""
    cosines, ratios, random_cosines = [], [], []
    generator = generator_for("metrics", "random directions", config.seed)
    for matrix, mechanisms in decomposition.mechanisms().items():
        learned = rank_one_matrices(decomposition.model.subcomponents[matrix]).cpu()
        similarity = restricted_cosines(learned, mechanisms)
        best, index = similarity.masked_fill(~alive[matrix], -1).max(dim=1)
        cosines.append(best)
        ratios.append(_length_ratios(learned[index], mechanisms))
        drawn = [
            restricted_cosines(random_rank_ones(learned.shape, generator), mechanisms).amax(1)
            for _ in range(config.random_draws)
        ]
        random_cosines.append(torch.stack(drawn).mean(dim=0))
    if not cosines:
        return {}
    return {
        "mmcs": torch.cat(cosines).mean().item(),
        "mmcs_random": torch.cat(random_cosines).mean().item(),
        "ml2r": torch.cat(ratios).mean().item(),
    }


def restricted_cosines(
    matrices: Float[Tensor, "C d_out d_in"], mechanisms: Mechanisms
) -> Float[Tensor, "features C"]:
    """Return the cosine of every matrix with every mechanism, on the mechanism's support."""
    supports = mechanisms.supports.float()
    products = torch.einsum("coi,foi->fc", matrices, mechanisms.matrices)
    lengths = torch.einsum("coi,foi->fc", matrices.square(), supports).sqrt()
    return products / (lengths * mechanisms.norms().unsqueeze(1)).clamp(min=1e-30)


def random_rank_ones(
    shape: torch.Size, generator: torch.Generator
) -> Float[Tensor, "C d_out d_in"]:
    """Draw rank-one matrices u vᵀ with u and v normal: directions without a preference."""
    C, d_out, d_in = shape
    u = torch.randn(C, d_out, generator=generator)
    v = torch.randn(C, d_in, generator=generator)
    return torch.einsum("co,ci->coi", u, v)


def identity_error(importance: Float[Tensor, "features C"]) -> int:
    """Count the importances that keep features from having one subcomponent each, alone.

    Row j is the importance of all subcomponents when feature j alone is active. Features are
    matched with distinct subcomponents so that the matched importances are largest in sum.
    """
    rows, columns = linear_sum_assignment(importance.numpy(), maximize=True)
    ideal = torch.zeros_like(importance)
    ideal[rows, columns] = 1
    return int(((importance - ideal).abs() > IDENTITY_TOLERANCE).sum())


def dense_error(importance: Float[Tensor, "features C"], rank: int) -> int:
    """Count the subcomponents that keep a matrix from having `rank` of them for all features.

    The `rank` subcomponents with most importance in sum should each have one of at least 0.9 on
    some feature, and all others none above 0.1.
    """
    strongest = importance.sum(dim=0).argsort(descending=True, stable=True)
    largest = importance.amax(dim=0)[strongest]
    missing = largest[:rank] < 1 - IDENTITY_TOLERANCE
    superfluous = largest[rank:] > IDENTITY_TOLERANCE
    return int(missing.sum()) + int(superfluous.sum()) + max(0, rank - len(largest))


def reconstructions(decomposition: Decomposition, config: MetricsConfig) -> dict[str, float]:
    """Return how far the output is from the target's under each kind of masks.

    Where the target has right answers, their cross-entropies come with it.
    """
    model = decomposition.model
    generator = generator_for("metrics", "reconstruction", config.seed)
    x, answers = _drawn(decomposition, config.n, generator)
    masked_remainder = decomposition.config.mask_remainder
    with torch.no_grad():
        importance, expected = model.importance(x), model(x)
        kinds = {
            "unmasked": {name: Mask(torch.ones_like(g)) for name, g in importance.items()},
            "stochastic": draw_masks(importance, masked_remainder, generator),
            "importance": {name: Mask(g) for name, g in importance.items()},
            "rounded": {
                name: Mask((g > config.harvest.density_threshold).float())
                for name, g in importance.items()
            },
            "random": draw_masks(
                {name: torch.zeros_like(g) for name, g in importance.items()}, False, generator
            ),
            "off": {name: Mask(torch.zeros_like(g)) for name, g in importance.items()},
        }
        outputs = {kind: model(x, masks) for kind, masks in kinds.items()}
        found = {
            f"reconstruction_{kind}": _error(decomposition, output, expected).item()
            for kind, output in outputs.items()
        }
        if answers is not None:
            lost = {kind: answer_loss(output, answers).item() for kind, output in outputs.items()}
            found |= cross_entropies(answer_loss(expected, answers).item(), lost)
    worst = adversarial_masks(decomposition, x, config, generator)
    with torch.no_grad():
        found["pgd_reconstruction"] = _error(decomposition, model(x, worst), expected).item()
    return found


def _drawn(
    decomposition: Decomposition, n: int, generator: torch.Generator
) -> tuple[Tensor, Tensor | None]:
    """Draw inputs, with the right answers where there are any."""
    target, device = decomposition.target, decomposition.model.device
    if isinstance(target, AnsweredTarget):
        x, y = target.examples(n, generator)
        return x.to(device), y.to(device)
    return decomposition.batch(n, generator), None


def cross_entropies(target: float, masked: Mapping[str, float]) -> dict[str, float]:
    """Return cross-entropies by their names, and what each kind of masks recovers.

    Args:
        target: The target's own.
        masked: Those under every kind of masks. Where ablating everything (`off`) changes nothing
            there is nothing to recover, and no share of it.
    """
    found = {"ce_target": target} | {f"ce_{kind}": ce for kind, ce in masked.items()}
    at_stake = masked["off"] - target
    if at_stake:
        found |= {
            f"ce_recovered_{kind}": 1 - (ce - target) / at_stake for kind, ce in masked.items()
        }
    return found


def adversarial_masks(
    decomposition: Decomposition, x: Tensor, config: MetricsConfig, generator: torch.Generator
) -> dict[str, Mask]:
    """Look for the masks that hurt most, with one source r shared by the whole batch.

    r starts uniform on [0, 1] and takes the configured number of sign steps (see `adversary`).
    """
    model, masked_remainder = decomposition.model, decomposition.config.mask_remainder
    importance = model.importance(x)
    with torch.no_grad():
        expected = model(x)

    def harm(sources: Mapping[str, Tensor]) -> Tensor:
        masks = masks_above(importance, sources, masked_remainder)
        return _error(decomposition, model(x, masks), expected)

    start = random_sources(importance, is_shared=True, generator=generator)
    worst = climb(start, harm, config.adversary_steps, config.adversary_step_size)
    return masks_above(importance, worst, masked_remainder)


def _error(decomposition: Decomposition, output: Tensor, expected: Tensor) -> Tensor:
    reconstruction = losses.reconstruction_for(decomposition.target.is_categorical)
    return reconstruction(output, expected, losses.equal_weights(output))


def importance_errors(decomposition: Decomposition) -> dict[str, dict[str, float]]:
    """Return identity and dense errors of the matrices of which the target says what to expect."""
    target = decomposition.target
    importance = decomposition.model.importance(target.probes())
    errors: dict[str, dict[str, float]] = {}
    for matrix, rank in target.blocks.items():
        if matrix not in importance:
            continue
        g = importance[matrix].cpu()
        if rank is None:
            errors.setdefault("identity_error", {})[matrix] = float(identity_error(g))
        else:
            errors.setdefault("dense_error", {})[matrix] = float(dense_error(g, rank))
    return errors


def _length_ratios(
    matched: Float[Tensor, "features d_out d_in"], mechanisms: Mechanisms
) -> Float[Tensor, " features"]:
    lengths: Tensor = torch.linalg.matrix_norm(matched * mechanisms.supports)
    return lengths / mechanisms.norms()
