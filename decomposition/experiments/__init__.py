"""The experiments that can test a statement on a decomposition, by name.

Each measures one number in [0, 1], oriented so that its *proposition* says that the number is
high, beside a control that shows what it is where there is nothing to find. Adding one is one
file, one line in `EXPERIMENTS`, and a place in the test over `EXPERIMENTS`.
"""

from typing import Protocol, runtime_checkable

from decomposition.errors import UnknownNameError
from decomposition.experiments.ablation_specificity import AblationSpecificity
from decomposition.experiments.attribution_faithfulness import AttributionFaithfulness
from decomposition.experiments.recovery import Recovery
from decomposition.measurements import ExperimentConfig, Measured, Side
from decomposition.training import Decomposition
from decomposition.wording import Sign

__all__ = ["EXPERIMENTS", "Experiment", "ExperimentConfig", "Measured", "find_experiment"]


@runtime_checkable
class Experiment(Protocol):
    """A measurement that a statement can be right or wrong about."""

    @property
    def name(self) -> str:
        """Its key in `EXPERIMENTS`."""

    @property
    def unit(self) -> str:
        """What the number is."""

    @property
    def proposition(self) -> str:
        """What a high number means, as a clause that can follow "that"."""

    @property
    def default_threshold(self) -> float:
        """Above this the proposition holds."""

    @property
    def side(self) -> Side:
        """On which side of the threshold a statement puts the number that asserts this."""

    @property
    def terms(self) -> tuple[str, ...]:
        """A statement has to use a word that begins so, or the experiment is not about it."""

    @property
    def signs(self) -> tuple[Sign, ...]:
        """Phrases that tell whether a statement asserts the proposition or denies it."""

    def run(self, decomposition: Decomposition, config: ExperimentConfig) -> Measured:
        """Measure it on a decomposition and its target."""


EXPERIMENTS: dict[str, Experiment] = {
    experiment.name: experiment
    for experiment in (Recovery(), AblationSpecificity(), AttributionFaithfulness())
}


def find_experiment(name: str) -> Experiment:
    """Return the experiment of this name.

    Raises:
        UnknownNameError: There is none.
    """
    if name not in EXPERIMENTS:
        known = ", ".join(EXPERIMENTS)
        raise UnknownNameError(f"no experiment is called {name!r}; there are: {known}")
    return EXPERIMENTS[name]
