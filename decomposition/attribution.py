r"""Attribution graphs: what acts on what in one input, and whether ablations agree.

1. *Nodes* are subcomponents at the positions where they are important, embeddings (or the entries
   of an input vector), what the subcomponents of a matrix leave over, and outputs.
2. *Edges* are direct effects, to first order: gradient x activation in a traced pass
   (`tracing`), so that nothing that leads through a third node counts,

   .. math:: A(s \to t) = \frac{\partial a_t}{\partial a_s}\, a_s .

   One pass asks for many targets at once, one in each row. In a masked pass every
   subcomponent's activation is multiplied by its importance, and what they leave over is dropped.
3. *Pruning* keeps the edges through which most of what reaches the outputs flows, of every target
   those with more than a share of all that enters it.
4. *Every edge that is kept is checked by interventions*: its source is set to zero, once with all
   other nodes held where they were (*direct*: the same question without linearisation), and once
   with all that follows changing as it would (*total*). How well both agree with the
   attributions stands beside the graph. A graph whose edges do not survive this explains nothing.

After Goodfire (2026), Interpreting Language Model Parameters; the checks are ours.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np
import torch
from pydantic import Field
from scipy.stats import spearmanr
from torch import Tensor

from decomposition.direct_effects import (
    Case,
    Effects,
    Spot,
    ablation_effects,
    direct_effects,
    total_effects,
    values_at,
)
from decomposition.errors import ExperimentError
from decomposition.harvest import subcomponent_id
from decomposition.reports import (
    Agreement,
    AnalysisConfig,
    AttributionGraph,
    Edge,
    Node,
    Subnetwork,
)
from decomposition.tracing import VECTOR, Pass, tracing
from decomposition.training import Decomposition
from decomposition.vocabularies import entry_word, input_words, output_words


class AttributionConfig(AnalysisConfig):
    """How large a graph is drawn."""

    importance_threshold: float = Field(default=0.1, ge=-1, lt=1)
    """Subcomponents are nodes where their importance exceeds this."""

    n_nodes: int = Field(default=300, ge=1)
    """Subcomponents that are nodes at most: those that write most, importance times |a| ‖U‖."""

    n_edges: int = Field(default=300, ge=1)
    min_share: float = Field(default=0.02, ge=0, le=1)
    """Edges below this share of all that enters their target, in absolute value, are left out."""

    n_outputs: int = Field(default=3, ge=1)
    """Largest outputs that are nodes."""

    position: int | None = Field(default=None, ge=0)
    """Whose outputs; None takes the last one."""

    is_masked: bool = False
    """Whether what is unimportant is ablated in all passes."""


def explain(
    decomposition: Decomposition,
    x: Tensor,
    config: AttributionConfig,
    found: tuple[Mapping[str, Tensor], Subnetwork] | None = None,
) -> AttributionGraph:
    """Draw the attribution graph of one input, and check its edges.

    Args:
        decomposition: Whose subcomponents are nodes.
        x: One input, without a batch axis: tokens, or a vector.
        config: How much is drawn.
        found: Importances `1 positions C` to use instead of the learned ones, and how they were
            found.

    Raises:
        ExperimentError: The position is not one of the input's, or nothing is important on it.
    """
    model = decomposition.model
    row = x.unsqueeze(0).to(model.device)
    importance = model.importance(row) if found is None else found[0]
    flat = {name: g.reshape(-1, g.shape[-1]) for name, g in importance.items()}
    masks = dict(importance) if config.is_masked else None
    with tracing(model) as tracer:
        case = Case(tracer, row, masks)
        clean = case.run(1)
        outputs = _outputs(clean, config)
        parts = _important(decomposition, clean, flat, config)
        if not parts:
            raise ExperimentError(
                f"no subcomponent has an importance above {config.importance_threshold:g} on this "
                "input; take another one"
            )
        sources = [*_inputs(clean), *parts, *_rests(clean, is_masked=config.is_masked)]
        asked = [*parts, *outputs]
        effects = direct_effects(case, sources, asked)
        kept = _kept(effects, sources, asked, config)
        tried = sorted({source for source, _ in kept})
        direct = ablation_effects(case, clean, [sources[s] for s in tried], asked)
    total = total_effects(decomposition, case, [sources[s] for s in tried], asked)
    at = {source: i for i, source in enumerate(tried)}
    trials = [
        Trial(
            source, target, effects.on[target, source].item(),
            direct[at[source], target].item(), total[at[source], target].item(),
        )
        for source, target in kept
    ]  # fmt: skip
    namer = _Namer(decomposition, x, clean, flat)
    ids = {spot: namer.id_of(spot) for spot in (*sources, *asked)}
    drawn = {sources[t.source] for t in trials} | {asked[t.target] for t in trials} | set(outputs)
    incoming = dict(zip(asked, effects.in_all.tolist(), strict=True))
    nodes = [namer.node(spot, incoming.get(spot)) for spot in dict.fromkeys((*sources, *asked))]
    return AttributionGraph(
        target=decomposition.target.name,
        words=input_words(decomposition.target, x),
        nodes=sorted(
            (node for node in nodes if node.id in {ids[spot] for spot in drawn}),
            key=lambda node: (node.layer, node.position, -abs(node.value), node.id),
        ),
        edges=[
            Edge(
                source=ids[sources[t.source]],
                target=ids[asked[t.target]],
                attribution=t.attribution,
                direct=t.direct,
                total=None if np.isnan(t.total) else t.total,
            )
            for t in trials
        ],
        is_masked=config.is_masked,
        direct=agreement([t.attribution for t in trials], [t.direct for t in trials]),
        total=agreement([t.attribution for t in trials], [t.total for t in trials]),
        subnetwork=None if found is None else found[1],
    )


class Trial(NamedTuple):
    """One edge with its attribution and what ablations did."""

    source: int
    target: int
    attribution: float
    direct: float
    total: float
    """NaN where it cannot be tried."""


def agreement(attributions: Sequence[float], effects: Sequence[float]) -> Agreement:
    """Compare predicted with measured effects; pairs with a NaN are left out."""
    pairs = [(a, e) for a, e in zip(attributions, effects, strict=True) if not np.isnan(e)]
    if not pairs:
        return Agreement(n=0, rank=None, sign=None)
    a, e = np.array(pairs).T
    varied = len(pairs) > 2 and len(set(a)) > 1 and len(set(e)) > 1
    return Agreement(
        n=len(pairs),
        rank=float(spearmanr(a, e)[0]) if varied else None,
        sign=float((np.sign(a) == np.sign(e)).mean()),
    )


def _outputs(clean: Pass, config: AttributionConfig) -> list[Spot]:
    n = clean.output.shape[1]
    position = n - 1 if config.position is None else config.position
    if position >= n:
        raise ExperimentError(f"position {position} is beyond the input, which has {n}")
    values = clean.output[0, position]
    largest = values.argsort(descending=True, stable=True)[: config.n_outputs].tolist()
    return [Spot("output", position, index) for index in largest]


def _important(
    decomposition: Decomposition,
    clean: Pass,
    importance: Mapping[str, Tensor],
    config: AttributionConfig,
) -> list[Spot]:
    """Return the subcomponents and positions that are nodes, in the order of the calls."""
    found: list[tuple[float, Spot]] = []
    for name, reached in clean.reached.items():
        g = importance[name]
        strength = g * reached[0].abs() * norms_of_outputs(decomposition, name)
        for position, c in (g > config.importance_threshold).nonzero().tolist():
            found.append((strength[position, c].item(), Spot(name, position, c)))
    strongest = sorted(found, key=lambda item: -item[0])[: config.n_nodes]
    chosen = {spot for _, spot in strongest}
    return [spot for _, spot in found if spot in chosen]


def norms_of_outputs(decomposition: Decomposition, matrix: str) -> Tensor:
    """Return how long what each subcomponent writes is, for an inner activation of one."""
    written: Tensor = torch.linalg.vector_norm(
        decomposition.model.subcomponents[matrix].U.detach(), dim=0
    )
    return written


def _inputs(clean: Pass) -> list[Spot]:
    """Return the entries of an input array that are not zero, or embeddings by position."""
    spots: list[Spot] = []
    for place, values in clean.passed.items():
        if values.inner is not None:
            continue
        if place == VECTOR:
            entries = values.rest[0].flatten().nonzero().flatten()
            spots += [Spot(place, 0, i) for i in entries.tolist()]
        else:
            spots += [Spot(place, position, None) for position in range(values.rest.shape[1])]
    return spots


def _rests(clean: Pass, *, is_masked: bool) -> list[Spot]:
    if is_masked:
        return []
    return [
        Spot(place, position, None)
        for place, reached in clean.reached.items()
        for position in range(reached.shape[1])
    ]


def _kept(
    effects: Effects, sources: Sequence[Spot], asked: Sequence[Spot], config: AttributionConfig
) -> list[tuple[int, int]]:
    """Return the edges to draw, as (source, target), strongest first.

    The strength of an edge is its share of what enters its target, in absolute value, times the
    relevance of the target: 1 of an output, and else the sum of the strengths that leave it.
    """
    shares = effects.on.abs()
    shares = shares / shares.sum(dim=1, keepdim=True).clamp(min=1e-30)
    index = {spot: target for target, spot in enumerate(asked)}
    both = [(s, index[spot]) for s, spot in enumerate(sources) if spot in index]
    from_source, to_target = (torch.tensor(ends, dtype=torch.long) for ends in _unzipped(both))
    relevance = torch.tensor([float(spot.place == "output") for spot in asked])
    for target in reversed(range(len(asked))):  # in the order of the calls, outputs last
        relevance[to_target] += relevance[target] * shares[target, from_source]
    strengths = (shares * relevance[:, None] * (shares > config.min_share)).flatten()
    order = strengths.argsort(descending=True, stable=True)[: config.n_edges].tolist()
    edges = [(flat % len(sources), flat // len(sources)) for flat in order if strengths[flat] > 0]
    return _leading(edges, sources, asked)


def _unzipped(pairs: Sequence[tuple[int, int]]) -> tuple[list[int], list[int]]:
    return [one for one, _ in pairs], [other for _, other in pairs]


def _leading(
    edges: list[tuple[int, int]], sources: Sequence[Spot], asked: Sequence[Spot]
) -> list[tuple[int, int]]:
    """Return the edges from which an output is reached."""
    leading = {spot for spot in asked if spot.place == "output"}
    for source, target in sorted(edges, key=lambda edge: -edge[1]):
        if asked[target] in leading:
            leading.add(sources[source])
    return [edge for edge in edges if asked[edge[1]] in leading]


class _Namer:
    """Says what the spots of one input are."""

    def __init__(
        self,
        decomposition: Decomposition,
        x: Tensor,
        clean: Pass,
        importance: Mapping[str, Tensor],
    ) -> None:
        self.target, self.clean, self.importance = decomposition.target, clean, importance
        self.words = input_words(self.target, x)
        self.layers = {place: layer for layer, place in enumerate(clean.reached, start=1)}

    def id_of(self, spot: Spot) -> str:
        """Return what no other spot is called."""
        if spot.place == "output":
            return f"output:{spot.number}@{spot.position}"
        if spot.number is not None:
            return f"{subcomponent_id(spot.place, spot.number)}@{spot.position}"
        return f"{spot.place}@{spot.position}"

    def node(self, spot: Spot, explained: float | None) -> Node:
        """Return the node at a spot."""
        is_part = spot.place in self.clean.reached and spot.number is not None
        value = 0.0
        if is_part or spot.place == "output":
            value = values_at(self.clean, [spot]).item()
        elif spot.number is not None:
            value = self.clean.passed[spot.place].rest.flatten()[spot.number].item()
        return Node(
            id=self.id_of(spot),
            kind=self._kind(spot, is_part=is_part),
            name=self._name(spot, is_part=is_part),
            position=spot.position,
            layer=self._layer(spot),
            value=value,
            importance=self.importance[spot.place][spot.position, spot.number or 0].item()
            if is_part
            else None,
            explained=explained,
        )

    def _kind(
        self, spot: Spot, *, is_part: bool
    ) -> Literal["input", "subcomponent", "remainder", "output"]:
        if is_part:
            return "subcomponent"
        if spot.place == "output":
            return "output"
        return "remainder" if spot.place in self.clean.reached else "input"

    def _name(self, spot: Spot, *, is_part: bool) -> str:
        if is_part:
            return subcomponent_id(spot.place, spot.number or 0)
        if spot.place == "output":
            return output_words(self.target, spot.number or 0)
        if spot.place == VECTOR:
            return entry_word(self.target, spot.number or 0)
        if spot.place in self.clean.reached:
            return f"rest of {spot.place}"
        return f"{spot.place} {self.words[spot.position]}" if self.words else spot.place

    def _layer(self, spot: Spot) -> int:
        if spot.place == "output":
            return len(self.layers) + 1
        return self.layers.get(spot.place, 0)
