"""What is found out about a decomposition after training, as data: no tensor, and no torch.

Those who show it (pages, the command line) read these from files without loading what made them.
A subcomponent is named by its matrix and index, as in `linear1:3`.
"""

from pydantic import BaseModel, ConfigDict


class Report(BaseModel):
    """What an analysis found, or a part of it."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class AnalysisConfig(BaseModel):
    """What the configurations of all analyses share."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    seed: int = 0


class Component(Report):
    """Subcomponents that act together."""

    members: list[str]
    """Their ids, in the order of the matrices."""

    density: float
    """Share of positions at which any of them acts, in [0, 1]."""

    cohesion: float
    """Of those positions, the share at which all of them act; 1 for a single member."""


class Components(Report):
    """Subcomponents grouped in two ways."""

    positions: int
    """At which importances were looked at."""

    subcomponents: int
    """How many act often enough to be grouped."""

    components: list[Component]
    """By minimum description length; the most often active first."""

    bits_before: float
    """Mean description length of a position with every subcomponent alone."""

    bits_after: float
    """The same with the components."""

    communities: list[Component]
    """By Leiden, on the co-importance graph."""

    agreement: float
    """Adjusted Rand index of the two groupings: 1 if they are the same, about 0 by chance."""

    known_agreement: float | None
    """That of the components with the target's known mechanisms; None where they are not known."""

    known_agreement_communities: float | None
    """The same of the communities."""
