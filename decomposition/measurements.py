r"""What an experiment measures: a value with an interval, beside a control with another.

**Intervals.** Replicates of the value are drawn by a bootstrap over the units that are
independent (mechanisms, subcomponents) and over the inputs at once. With few units the plain
percentiles are too narrow, so they are expanded (Hesterberg 2015, What Teachers Should Know
about the Bootstrap, doi:10.1080/00031305.2015.1089789): for n units the tails hold

.. math:: \alpha' = \Phi\!\left(-\sqrt{n/(n-1)}\; t_{\alpha/2,\,n-1}\right)

of the replicates instead of :math:`\alpha/2`.

**What was not seen.** Units of which the inputs said too little are not left out in silence:
the interval lets each of them take any value in [0, 1] (worst-case bounds, Manski 1990,
American Economic Review 80:319). A run with too few inputs therefore gives an interval so wide
that it decides nothing; one that saw nothing gives [0, 1].
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from jaxtyping import Float, Int
from pydantic import BaseModel, ConfigDict, Field
from scipy.stats import norm as standard_normal
from scipy.stats import t as student_t
from torch import Tensor

Side = Literal["above", "below"]
"""On which side of a threshold a value is predicted to lie."""


class ExperimentConfig(BaseModel):
    """How much an experiment looks at, and what it takes to say anything."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    n: int = Field(default=2000, ge=1)
    """Inputs drawn from the target's distribution."""

    seed: int = 0
    confidence: float = Field(default=0.95, gt=0, lt=1)
    resamples: int = Field(default=2000, ge=100)
    """Bootstrap replicates."""

    min_samples: int = Field(default=5, ge=1)
    """A unit counts as seen when at least this many inputs speak about it on either side."""

    minimum_n: int = Field(default=4, ge=2)
    """With fewer units seen than this, the experiment decides nothing."""


class Interval(NamedTuple):
    """Where a value lies, ends included."""

    low: float
    high: float


@dataclass(frozen=True)
class Control:
    """What the same measurement gives where there is nothing to find."""

    name: str
    value: float
    low: float
    high: float
    n: int
    """Independent draws behind it."""


@dataclass(frozen=True)
class Measured:
    """The outcome of one experiment on one decomposition."""

    experiment: str
    value: float
    low: float
    high: float
    n: int
    """Independent units seen; each experiment says of what."""

    minimum_n: int
    """Units needed for a verdict, as the configuration had it."""

    unit: str
    controls: tuple[Control, ...]
    """At least one."""

    subcomponents: tuple[str, ...]
    """Ids of those involved, as in `linear1:3`."""

    details: dict[str, float]
    """Further numbers by name."""

    @property
    def control(self) -> Control:
        """The control that reaches highest: the one that a value has to beat."""
        return max(self.controls, key=lambda control: control.high)


def resampled_counts(
    n: int, resamples: int, generator: torch.Generator
) -> Float[Tensor, "resamples n"]:
    """Draw how often each of n inputs falls into each bootstrap resample of size n.

    The first row is not a resample: it holds every input once.
    """
    if n == 0:
        return torch.zeros(resamples, 0)
    drawn = torch.randint(n, (resamples, n), generator=generator)
    counts = torch.zeros(resamples, n).scatter_add_(1, drawn, torch.ones(resamples, n))
    counts[0] = 1
    return counts


def mean_over_units(
    replicates: Float[Tensor, "resamples units"], n_all: int, config: ExperimentConfig
) -> tuple[float, Interval]:
    """Return the mean over units and its interval, allowing for the units not seen.

    Args:
        replicates: The value of each seen unit, in [0, 1], in each resample of the inputs; the
            first row is on the inputs themselves.
        n_all: How many units there are.
        config: Its seed, confidence and `resamples` (the number of rows).

    Returns:
        The mean over the seen units, and the interval around it. If no unit was seen, the
        middle of [0, 1], and [0, 1].
    """
    n = replicates.shape[1]
    share = n / n_all if n_all else 0.0
    if n == 0:
        return 0.5, Interval(0, 1)
    value = replicates[0].mean().item()
    seen = (
        Interval(0, 1)
        if n == 1
        else expanded_percentiles(_resampled_means(replicates[1:], config), n, config.confidence)
    )
    low, high = min(seen.low, value), max(seen.high, value)
    return value, Interval(share * low, share * high + (1 - share))


def expanded_percentiles(
    replicates: Float[Tensor, " resamples"], n: int, confidence: float
) -> Interval:
    """Return percentiles of bootstrap replicates, widened for n ≥ 2 units."""
    quantile = student_t.ppf((1 - confidence) / 2, n - 1)
    tail = float(standard_normal.cdf((n / (n - 1)) ** 0.5 * quantile))
    low, high = replicates.quantile(torch.tensor([tail, 1 - tail])).tolist()
    return Interval(low, high)


def percentiles(draws: Float[Tensor, " draws"], confidence: float) -> Interval:
    """Return where the middle `confidence` of independent draws lies."""
    tail = (1 - confidence) / 2
    low, high = draws.quantile(torch.tensor([tail, 1 - tail])).tolist()
    return Interval(low, high)


def _resampled_means(
    replicates: Float[Tensor, "resamples units"], config: ExperimentConfig
) -> Float[Tensor, " resamples"]:
    generator = torch.Generator().manual_seed(config.seed)
    units: Int[Tensor, "resamples units"] = torch.randint(
        replicates.shape[1], replicates.shape, generator=generator
    )
    return replicates.gather(1, units).mean(dim=1)
