"""The attribution graph of one named input, by learned importances or by ones found for it."""

from decomposition.attribution import AttributionConfig, explain
from decomposition.reports import AnalysisConfig, AttributionGraph
from decomposition.subnetwork import SubnetworkConfig, find_subnetwork
from decomposition.training import Decomposition
from decomposition.vocabularies import input_for


class GraphConfig(AnalysisConfig):
    """Which input, and how its graph is found."""

    prompt: str | None = None
    """A text, for a target that reads text. Exactly one of the three is said."""

    probe: int | None = None
    """The input in which this feature alone is active."""

    sample: int | None = None
    """This row of the target's data."""

    attribution: AttributionConfig = AttributionConfig()
    subnetwork: SubnetworkConfig | None = None
    """How the least importances for this input are found; None takes the learned ones."""


def draw_graph(decomposition: Decomposition, config: GraphConfig) -> AttributionGraph:
    """Draw the attribution graph of one input.

    Raises:
        ExperimentError: There is no such input or position.
    """
    x = input_for(decomposition.target, config.prompt, config.probe, config.sample)
    found = (
        None if config.subnetwork is None else find_subnetwork(decomposition, x, config.subnetwork)
    )
    return explain(decomposition, x, config.attribution, found)
