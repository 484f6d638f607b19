"""What is found out about a decomposition after training, as data: no tensor, and no torch.

Those who show it (pages, the command line) read these from files without loading what made them.
A subcomponent is named by its matrix and index, as in `linear1:3`.
"""

from typing import Literal

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


class Node(Report):
    """One thing in an attribution graph, at one position."""

    id: str
    """Its name and position, as in `blocks.0.mlp.up:12@3`; unique in the graph."""

    kind: Literal["input", "subcomponent", "remainder", "output"]
    name: str
    """A subcomponent's id; what is read or said in the target's terms; or a matrix, of which
    this is what its subcomponents leave over."""

    position: int
    """From 0; always 0 where there are no positions."""

    layer: int
    """How many matrices are applied before it; the place in the picture."""

    value: float
    """Inner activation, or output. Of what is no single number: 0."""

    importance: float | None
    """Causal importance there, in [0, 1]; None where it has none."""

    explained: float | None
    """Sum of the direct effects of everything on it, drawn or not; None of what is a source
    only. Where all ways to it are linear and without bias this is its value."""


class Edge(Report):
    """A direct effect, as predicted and as it was when tried."""

    source: str
    target: str
    """Ids of nodes."""

    attribution: float
    """Gradient x activation: what the target would lose without the source, to first order."""

    direct: float | None
    """What the target did lose when the source was ablated and all others held; None if that
    was not tried."""

    total: float | None
    """What it lost when the source was ablated and everything after it changed as it would."""


class Agreement(Report):
    """How well attributions predict what ablations do, over the edges that were tried."""

    n: int
    rank: float | None
    """Spearman's correlation, in [-1, 1]; None of fewer than three edges."""

    sign: float | None
    """Share of edges with the same sign, in [0, 1]; those that ablation does not move are
    disagreements. None of no edge."""


class Subnetwork(Report):
    """The least importances with which a model says the same to one prompt."""

    kept: int
    """Subcomponents and positions with an importance above the threshold."""

    before: int
    """How many there were by the importances that were learned on all data."""

    labelled: str
    """The output that the probabilities are of; empty where outputs are no probabilities."""

    loss: dict[str, float]
    """How far the output is from the target's (nats, or mean squared error), by masks:
    `importance`, `stochastic`, `adversarial`, and `off`, all decomposed matrices ablated."""

    probability: dict[str, float]
    """What the labelled output has with these masks, and in the `target`."""


class AttributionGraph(Report):
    """What acts on what in one input."""

    target: str
    words: list[str]
    """What stands at each position; empty where the input is a vector."""

    nodes: list[Node]
    """By layer, position and strength."""

    edges: list[Edge]
    """Strongest first: by their share of what enters their target, and by how relevant that is."""

    is_masked: bool
    """Whether unimportant subcomponents were ablated; otherwise the whole model was run."""

    direct: Agreement
    total: Agreement
    subnetwork: Subnetwork | None
    """How the importances were found, where they were found for this input alone."""


class Context(Report):
    """A place in the data where a subcomponent is important."""

    words: list[str]
    """What stands there and around it, or the features that are active."""

    at: int | None
    """Which of the words it is; none of features, which together make the place."""

    importance: float
    strength: float
    """Importance times the length of what it writes there."""


class Symbol(Report):
    """A token, or a feature, that goes with a subcomponent."""

    word: str
    share: float
    """Of the positions where the subcomponent acts, the share with this symbol, in [0, 1]; of
    what it writes, the mean probability or share of the output."""

    pmi: float
    """How much more often than by chance, log2."""

    importance: float
    """Mean importance of the subcomponent at this symbol, in [0, 1]; of what it writes, 0."""


class Partner(Report):
    """A subcomponent that acts at the same positions."""

    id: str
    jaccard: float
    """Positions at which both act, over those at which either does, in [0, 1]."""

    pmi: float
    """log2 of how much more often than by chance both act."""


class Profile(Report):
    """What one subcomponent does on the data."""

    id: str
    mean_importance: float
    density: float
    """Share of positions at which it acts, in [0, 1]."""

    norm: float
    contexts: list[Context]
    """Where it is strongest, strongest first."""

    examples: list[Context]
    """A random sample of where it acts."""

    reads: list[Symbol]
    """What stands where it acts, by share times PMI."""

    writes: list[Symbol]
    """What the model puts out where it acts, likewise."""

    partners: list[Partner]
    """By Jaccard index."""


class HeatMap(Report):
    """Mean importances by symbol."""

    symbols: list[str]
    ids: list[str]
    importance: list[list[float]]
    """A row for each subcomponent, in [0, 1]."""


class Harvest(Report):
    """What the subcomponents of a decomposition do on the data."""

    positions: int
    """How many were looked at."""

    tracked: int
    """Subcomponents among which partners were looked for."""

    cells_dropped: int
    """Counts of rare symbols that were given up to keep within the memory; 0 is exact."""

    profiles: list[Profile]
    """Of those that act at all, matrix after matrix."""

    heat: HeatMap


class EditEffect(Report):
    """How far outputs move, on average over positions of a kind; None where there are none."""

    on_target: float | None
    """Where an edited subcomponent is important."""

    surrounding: float | None
    """At other positions of the same inputs."""

    elsewhere: float | None
    """In inputs on which none of them matters."""


class EditReport(Report):
    """What an edit is, and what it does."""

    changes: list[str]
    """In words."""

    parameters: dict[str, float]
    """By name, the norm of what is added to each."""

    also_changed: list[str]
    """Matrices that share a changed parameter."""

    unit: str
    """Of the effects: nats (divergence from the target), or squared distance of outputs."""

    effects: dict[str, EditEffect]
    """Of the `edit`; of `random` matrices of rank one and the same norms in its stead; and of
    `off`, everything decomposed ablated."""

    positions: dict[str, int]
    """How many there were of each kind."""

    word: str
    """The output that is written toward, if one is named."""

    probability: dict[str, float]
    """Its mean probability on target, `before` and `after`."""


class SizedDictionary(Report):
    """A dictionary, or a decomposition, of one size."""

    kind: str
    size: int
    """Latents or subcomponents that were allotted."""

    alive: int
    """Those that are used at all."""

    l0: float
    """Used on an input, on average."""

    explained: float | None
    """Share of the variance of the matrix' outputs; None of a decomposition."""

    split: float | None
    """Share of the living with several matches in the next larger one; None of the largest."""


class DictionaryComparison(Report):
    """Dictionaries and decompositions of one matrix, in several sizes."""

    matrix: str
    known: int | None
    """Mechanisms that the target has there, where it knows."""

    rows: list[SizedDictionary]
    slopes: dict[str, float]
    """By kind: how many more are alive for each more that is allotted."""
