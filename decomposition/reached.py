"""What the configuration of each target reached when it was last measured.

A test compares this with the recorded rows of `benchmarks/recovery_table.py`, so that a changed
configuration cannot keep the figures of an earlier one.
"""

from typing import NamedTuple


class Reached(NamedTuple):
    """The worst over the seeds that were run, with the configuration's own C."""

    seeds: int
    recovered: int
    """Of these seeds, how many gave every mechanism and nothing else."""

    mmcs: float | None
    """None, as the next two, where no direction is known beforehand."""

    ml2r_low: float | None
    ml2r_high: float | None
    identity_errors: int
    dense_errors: int
    superfluous: int
    """Living subcomponents that are not needed."""

    cpu_seconds: int
    """Of target and decomposition together."""


REACHED: dict[str, Reached] = {
    "resid_mlp1": Reached(
        seeds=5,
        recovered=5,
        mmcs=None,
        ml2r_low=None,
        ml2r_high=None,
        identity_errors=0,
        dense_errors=0,
        superfluous=0,
        cpu_seconds=199,
    ),
    "resid_mlp2": Reached(
        seeds=5,
        recovered=5,
        mmcs=None,
        ml2r_low=None,
        ml2r_high=None,
        identity_errors=0,
        dense_errors=0,
        superfluous=0,
        cpu_seconds=765,
    ),
    "resid_mlp3": Reached(
        seeds=5,
        recovered=5,
        mmcs=None,
        ml2r_low=None,
        ml2r_high=None,
        identity_errors=0,
        dense_errors=0,
        superfluous=0,
        cpu_seconds=393,
    ),
    "tms_40-10": Reached(
        seeds=5,
        recovered=5,
        mmcs=1.0,
        ml2r_low=0.9989,
        ml2r_high=0.9993,
        identity_errors=0,
        dense_errors=0,
        superfluous=0,
        cpu_seconds=138,
    ),
    "tms_40-10-id": Reached(
        seeds=5,
        recovered=5,
        mmcs=1.0,
        ml2r_low=1.0105,
        ml2r_high=1.012,
        identity_errors=0,
        dense_errors=0,
        superfluous=0,
        cpu_seconds=376,
    ),
    "tms_5-2": Reached(
        seeds=5,
        recovered=5,
        mmcs=1.0,
        ml2r_low=0.996,
        ml2r_high=0.9969,
        identity_errors=0,
        dense_errors=0,
        superfluous=0,
        cpu_seconds=54,
    ),
    "tms_5-2-id": Reached(
        seeds=5,
        recovered=5,
        mmcs=0.9998,
        ml2r_low=1.0004,
        ml2r_high=1.0009,
        identity_errors=0,
        dense_errors=0,
        superfluous=0,
        cpu_seconds=60,
    ),
}
"""By target; what those without known mechanisms reach stands in `benchmarks/lessons.json` and
`benchmarks/storyworld.json`."""
