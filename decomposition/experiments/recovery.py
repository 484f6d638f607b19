r"""Do the subcomponents match the target's known mechanisms?

For each feature j, the subcomponent c(j) whose causal importance rises most where the feature
is active is compared with the feature's mechanism :math:`M_j`, as a whole matrix:

.. math:: \text{closeness}_j =
    \max\left(0,\; 1 - \frac{\|U_{c(j)} V_{c(j)} - M_j\|_F}{\|M_j\|_F}\right)

It is 1 for the mechanism itself and 0 for a subcomponent as far away from it as nothing is. In
few dimensions this tells more than a cosine, which ignores length and, restricted to the
feature's own entries, everything that a subcomponent does elsewhere: with five features in two
dimensions random directions reach a mean max cosine similarity of 0.98. The value is the mean
over mechanisms, where a mechanism's own is the mean over matrices.

**n** counts mechanisms (features), not matrices, since tied matrices say the same thing twice.
The bootstrap resamples inputs (which decide c(j)) and mechanisms.

**Controls.** *Random*: rank-one matrices in random directions with the learned norms; for each
mechanism the closest one counts, which only helps them. *SVD*: the singular directions of the
matrix, either sign, with the mechanism's own norm, again the closest one. The stronger of the
two is the control.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from decomposition.errors import ExperimentError
from decomposition.harvest import HarvestConfig, census, contrasts, subcomponent_id
from decomposition.measurements import (
    Control,
    ExperimentConfig,
    Measured,
    Side,
    mean_over_units,
    percentiles,
    resampled_counts,
)
from decomposition.metrics import MetricsConfig, geometry, random_rank_ones
from decomposition.seeds import generator_for
from decomposition.subcomponents import norms, rank_one_matrices
from decomposition.targets.mechanisms import Mechanisms
from decomposition.training import Decomposition
from decomposition.wording import Sign

N_CONTROL_DRAWS = 200
"""Sets of random directions behind the control."""

_RANDOM = r"(?:chance|(?:random|arbitrary)(?: rank[- ]one)?(?: \w+)?)"


class Recovery:
    """Compares the subcomponents with the known mechanisms, one for each feature."""

    name = "recovery"
    unit = "relative closeness"
    proposition = "the subcomponents match the target's known mechanisms"
    default_threshold = 0.9
    side: Side = "above"
    terms = ("mechanism", "ground truth", "ground-truth", "true feature", "true direction")
    signs = (
        Sign(rf"\b(?:no|not any|hardly|barely|scarcely) \w+ than {_RANDOM}", -1),
        Sign(rf"\b(?:as \w+(?: .{{0,60}}?)? as|indistinguishable from|like) {_RANDOM}", -1),
        Sign(rf"\b(?:than|unlike|beyond|above|from|against|versus|compared \w+) {_RANDOM}", 1),
        Sign(
            r"\b(?:random|arbitrary)(?: rank[- ]one)?"
            r"(?= (?:direction|vector|matri|subcomponent|component|noise|guess)|\s*$)",
            -1,
        ),
        Sign(
            r"\b(?:unrelated to|nothing to do with|independent of|far from|dissimilar"
            r"|(?:differ|diverge|deviate)\w* from|mismatch\w*|miss(?:es|ed)?\b|scrambl\w*|spurious"
            r"|no (?:(?:true|known|real|ground[- ]truth) )*mechanisms?\b)",
            -1,
        ),
        Sign(
            r"\b(?:recover|match|identif|isolat|correspond|align|resembl|reproduc|captur|coincid"
            r"|find|found|discover|learn|reveal)\w*",
            1,
        ),
    )

    def run(self, decomposition: Decomposition, config: ExperimentConfig) -> Measured:
        """Measure the mean closeness, its interval, and how close the controls come.

        Raises:
            ExperimentError: The target's mechanisms are not known.
        """
        target = decomposition.target
        mechanisms = decomposition.mechanisms()
        if not mechanisms:
            raise ExperimentError(f"the true mechanisms of {target.name} are not known")
        generator = generator_for(self.name, config.seed)
        x = target.batch(config.n, generator)
        active = target.active_features(x)
        n_active = active.sum(dim=0)
        seen = torch.minimum(n_active, len(x) - n_active) >= config.min_samples
        counts = resampled_counts(len(x), config.resamples, generator)

        scores, involved = [], []
        importances = decomposition.model.importance(x)
        for matrix in mechanisms:
            importance = importances[matrix]
            contrast = contrasts(importance, active[:, seen].float(), counts)
            assigned = contrast.argmax(dim=2)  # resamples features
            learned = rank_one_matrices(decomposition.model.subcomponents[matrix])
            close = closeness(learned, mechanisms[matrix])[seen].expand(len(counts), -1, -1)
            scores.append(close.gather(2, assigned.unsqueeze(2)).squeeze(2))
            involved += [subcomponent_id(matrix, c) for c in sorted(set(assigned[0].tolist()))]
        per_mechanism = torch.stack(scores).mean(dim=0)
        value, (low, high) = mean_over_units(per_mechanism, len(seen), config)
        controls = [
            random_control(decomposition, config, generator),
            svd_control(decomposition),
        ]
        return Measured(
            experiment=self.name,
            value=value,
            low=low,
            high=high,
            n=per_mechanism.shape[1],
            minimum_n=config.minimum_n,
            unit=self.unit,
            controls=tuple(controls),
            subcomponents=tuple(involved),
            details=_details(decomposition, config, per_mechanism[0], controls),
        )


def closeness(
    matrices: Float[Tensor, "C d_out d_in"], mechanisms: Mechanisms
) -> Float[Tensor, "features C"]:
    """Return 1 - ‖A - M‖/‖M‖ of every matrix A to every mechanism M, at least 0."""
    distances = torch.cdist(
        mechanisms.matrices.flatten(1).unsqueeze(0),
        matrices.flatten(1).unsqueeze(0),
        compute_mode="donot_use_mm_for_euclid_dist",
    ).squeeze(0)
    return (1 - distances / mechanisms.norms().unsqueeze(1)).clamp(min=0)


def random_control(
    decomposition: Decomposition, config: ExperimentConfig, generator: torch.Generator
) -> Control:
    """Measure random rank-one matrices that have the learned norms."""
    draws = []
    for _ in range(N_CONTROL_DRAWS):
        scores = []
        for matrix, mechanisms in decomposition.mechanisms().items():
            lengths = norms(decomposition.model.subcomponents[matrix])
            shape = torch.Size((len(lengths), *mechanisms.matrices.shape[1:]))
            drawn = random_rank_ones(shape, generator)
            scale = lengths / torch.linalg.matrix_norm(drawn)
            scores.append(closeness(drawn * scale[:, None, None], mechanisms).amax(dim=1).mean())
        draws.append(torch.stack(scores).mean())
    values = torch.stack(draws)
    low, high = percentiles(values, config.confidence)
    return Control("random rank-one directions", values.mean().item(), low, high, len(values))


def svd_control(decomposition: Decomposition) -> Control:
    """Measure the singular directions of each matrix, lent the norm of each mechanism."""
    scores = []
    for matrix, mechanisms in decomposition.mechanisms().items():
        u, _, v = torch.linalg.svd(decomposition.model.weights[matrix], full_matrices=False)
        directions = torch.einsum("ok,ki->koi", u, v)
        directions = torch.cat([directions, -directions])
        scores += [
            closeness(directions * mechanism.norms(), mechanism).max()
            for mechanism in mechanisms.singly()
        ]
    value = torch.stack(scores).mean().item()
    return Control("singular directions", value, value, value, 1)


def _details(
    decomposition: Decomposition,
    config: ExperimentConfig,
    per_mechanism: Float[Tensor, " seen"],
    controls: list[Control],
) -> dict[str, float]:
    alive = {
        matrix: counted.alive for matrix, counted in census(decomposition, HarvestConfig()).items()
    }
    worst = {"worst_mechanism": per_mechanism.min().item()} if len(per_mechanism) else {}
    return {
        "inputs": config.n,
        **worst,
        **{f"control: {control.name}": control.value for control in controls},
        **geometry(decomposition, alive, MetricsConfig()),
    }
