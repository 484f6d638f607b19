"""What somebody measured elsewhere, as a file says it: a value beside its controls.

The file is a JSON object. `value`, `low`, `high` and `n` give a measured mean with its 95 %
interval and the number of independent units behind it, or `values` lists those of the units (heads,
prompts, seeds) and the rest is computed. `controls` holds at least one of the same with a `name`:
what the measurement gives where there is nothing to find. A number that its control reaches as well
says nothing, so without one there is no verdict.

**Intervals** of values that are all 0 or 1 are Wilson's (Wilson 1927, Probable Inference, the Law
of Succession, and Statistical Inference, doi:10.1080/01621459.1927.10502953), which does not
shrink to nothing where all agree; of others they are Student's, mean ± t s / √n.
"""

import json
import math
from statistics import NormalDist
from typing import Annotated, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from scipy.stats import t as student_t

from decomposition.errors import OutcomeError
from decomposition.measurements import Control, ExperimentConfig, Measured

CONFIDENCE = 0.95

Finite = Annotated[float, Field(allow_inf_nan=False)]


class _Interval(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    value: Finite | None = None
    low: Finite | None = None
    """Of the 95 % interval."""

    high: Finite | None = None
    n: int | None = Field(default=None, ge=1)
    """Independent units behind the value."""

    values: list[Finite] | None = Field(default=None, min_length=2)
    """Of each unit, in place of all of the above."""

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        given = [self.value, self.low, self.high, self.n]
        if self.values is not None:
            if any(number is not None for number in given):
                raise ValueError("say either values, or value, low, high and n")
            return self
        if any(number is None for number in given):
            raise ValueError("say value, low, high and n, or values")
        value, low, high, _ = self.numbers()
        if not low <= value <= high:
            raise ValueError(f"the value {value:g} is not within {low:g} to {high:g}")
        return self

    def numbers(self) -> tuple[float, float, float, int]:
        """Return the value, the ends of its interval, and n."""
        if self.values is not None:
            return interval_of(self.values)
        assert self.value is not None
        assert self.low is not None
        assert self.high is not None
        assert self.n is not None
        return self.value, self.low, self.high, self.n


class OutcomeControl(_Interval):
    """The same measurement where there is nothing to find."""

    name: str = Field(min_length=1)


class Outcome(_Interval):
    """What was measured, and where to look it up."""

    controls: list[OutcomeControl] = Field(min_length=1)
    details: dict[str, Finite] = {}
    """Further numbers by name."""

    where: str = ""
    """Where the code and the data are: an address, a commit, a notebook."""


def read_outcome(text: bytes, name: str) -> Outcome:
    """Read a file that says what was measured.

    Args:
        text: The file.
        name: Of the file, for messages.

    Raises:
        OutcomeError: It is no such file; the message names the field.
    """
    try:
        return Outcome.model_validate(json.loads(text))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise OutcomeError(f"{name} is no JSON: {error}") from error
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(map(str, each['loc'])) or 'the object'}: "
            f"{each['msg'].removeprefix('Value error, ')}"
            for each in error.errors()
        )
        raise OutcomeError(f"{name} does not say what was measured: {wrong}") from error


def as_measured(outcome: Outcome, experiment: str, unit: str) -> Measured:
    """Return an outcome as what an experiment of ours would have returned."""
    value, low, high, n = outcome.numbers()
    return Measured(
        experiment=experiment,
        value=value,
        low=low,
        high=high,
        n=n,
        minimum_n=ExperimentConfig().minimum_n,
        unit=unit,
        controls=tuple(Control(each.name, *each.numbers()) for each in outcome.controls),
        subcomponents=(),
        details=dict(outcome.details),
    )


def interval_of(values: list[float]) -> tuple[float, float, float, int]:
    """Return the mean of at least two units, the ends of its 95 % interval, and their number."""
    n, mean = len(values), float(np.mean(values))
    if set(values) <= {0.0, 1.0}:
        return mean, *_wilson(mean, n), n
    t = float(student_t.ppf((1 + CONFIDENCE) / 2, n - 1))
    reach = t * float(np.std(values, ddof=1)) / math.sqrt(n)
    return mean, mean - reach, mean + reach, n


def _wilson(share: float, n: int) -> tuple[float, float]:
    """Return the ends of Wilson's interval of a share of n."""
    z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
    centre = share + z**2 / (2 * n)
    reach = z * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    low, high = ((centre + sign * reach) / (1 + z**2 / n) for sign in (-1, 1))
    return min(low, share), max(high, share)
