from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType

import pytest
import torch
from torch import nn

from decomposition.attempt import fresh_model
from decomposition.attribution import AttributionConfig, agreement, explain
from decomposition.config import DecompositionConfig
from decomposition.errors import ExperimentError
from decomposition.seeds import generator_for
from decomposition.tracing import tracing
from decomposition.training import Decomposition
from tests.decomposition.small_transformer import DecoderTarget, transformer_decomposition
from tests.decomposition.two_pathways import planted_decomposition


class Sums(nn.Module):
    """Two matrices with nothing but addition between and around them."""

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.first, self.second = nn.Linear(4, 3, bias=False), nn.Linear(3, 4, bias=False)
        for layer in (self.first, self.second):
            layer.weight.data = torch.randn(layer.weight.shape, generator=generator)

    def forward(self, x):
        return self.second(self.first(x)) + x


@dataclass(frozen=True)
class LinearTarget(DecoderTarget):
    name = "linear"
    is_categorical = False
    transposes = MappingProxyType({"first": None, "second": None})


def linear_decomposition() -> Decomposition:
    target = LinearTarget(Sums().requires_grad_(False))
    config = DecompositionConfig(n_subcomponents=5, n_hidden=2)
    model = fresh_model(target, config, generator_for("linear"))
    return Decomposition(target, config, model, {}, 0.0, 0.0)


def test_direct_effects_on_a_linear_model_add_up_to_every_activation() -> None:
    x = torch.tensor([0.5, -1.0, 2.0, 0.0])

    graph = explain(
        linear_decomposition(),
        x,
        AttributionConfig(importance_threshold=-1, min_share=0, n_outputs=4),
    )

    asked = [node for node in graph.nodes if node.explained is not None]
    assert len(asked) == 5 + 5 + 4
    for node in asked:
        assert node.explained == pytest.approx(node.value, abs=1e-6)
        drawn = sum(edge.attribution for edge in graph.edges if edge.target == node.id)
        assert drawn == pytest.approx(node.value, abs=1e-6)


def test_on_a_linear_model_ablations_lose_exactly_what_was_attributed() -> None:
    graph = explain(
        linear_decomposition(),
        torch.tensor([0.5, -1.0, 2.0, 0.3]),
        AttributionConfig(importance_threshold=-1, min_share=0),
    )

    assert graph.edges
    for edge in graph.edges:
        assert edge.direct == pytest.approx(edge.attribution, rel=1e-4, abs=1e-6)
    assert graph.direct.rank == pytest.approx(1)
    assert graph.direct.sign == 1


def test_what_goes_through_a_third_node_is_no_direct_effect_but_a_total_one() -> None:
    graph = explain(
        linear_decomposition(),
        torch.tensor([0.5, -1.0, 2.0, 0.3]),
        AttributionConfig(importance_threshold=-1, min_share=0),
    )

    over = [
        edge
        for edge in graph.edges
        if edge.source.startswith("first:") and edge.target.startswith("output")
    ]
    assert over == []  # the second matrix lies between
    steps = [e for e in graph.edges if e.source.startswith("second:") and e.total is not None]
    assert steps
    for edge in steps:
        assert edge.total == pytest.approx(edge.direct, rel=1e-4, abs=1e-6)


def test_a_feature_of_the_toy_model_goes_through_its_own_mechanism_alone(
    perfect_identity: Decomposition,
) -> None:
    x = perfect_identity.target.probes()[0]

    graph = explain(perfect_identity, x, AttributionConfig(n_outputs=1))

    parts = [node.name for node in graph.nodes if node.kind == "subcomponent"]
    assert parts == ["linear1:0", "hidden:0", "linear2:0"]  # hidden:1 is at a right angle
    path = {(edge.source, edge.target) for edge in graph.edges}
    assert {
        ("input:0@0", "linear1:0@0"),
        ("linear1:0@0", "hidden:0@0"),
        ("hidden:0@0", "linear2:0@0"),
        ("linear2:0@0", "output:0@0"),
    } == path
    assert graph.direct.sign == 1


def test_attention_carries_effects_from_earlier_positions_only() -> None:
    decomposition = transformer_decomposition()
    x = decomposition.target.batch(1, generator_for("prompt"))[0]

    graph = explain(
        decomposition,
        x,
        AttributionConfig(importance_threshold=-1, n_nodes=800, n_edges=2000, min_share=0),
    )

    at = {node.id: node for node in graph.nodes}
    crossing = [e for e in graph.edges if at[e.source].position != at[e.target].position]
    assert crossing
    for edge in graph.edges:
        assert at[edge.source].position <= at[edge.target].position
    for edge in crossing:
        assert at[edge.source].name.split(":")[0].endswith((".k", ".v"))
        assert ".o" in at[edge.target].name


def test_a_graph_is_the_planted_pathways_and_nothing_else() -> None:
    decomposition = planted_decomposition()
    x = decomposition.target.encode("the woman the dog the king")

    graph = explain(decomposition, x, AttributionConfig(n_outputs=4))

    names = {node.id: f"{node.name}@{node.position}" for node in graph.nodes}
    found = {(names[edge.source], names[edge.target]) for edge in graph.edges}
    through_mlp = ["embed king@5", "up:0@5", "down:0@5", "he@5"]
    through_attention = ["embed woman@1", "v:0@1", "o:0@5", "her@5"]
    of_the_third_word = ["embed dog@3", "v:1@3", "o:1@5", "them@5"]
    paths = (through_mlp, through_attention, of_the_third_word)
    assert found == {step for path in paths for step in pairwise(path)} | {
        ("embed king@5", "king@5")
    }
    for edge in graph.edges:
        assert edge.direct == pytest.approx(edge.attribution)
        assert edge.total is None or edge.total == pytest.approx(edge.attribution)
    assert graph.direct.sign == graph.total.sign == 1


def test_effects_of_many_targets_in_one_pass_are_those_of_each_alone() -> None:
    decomposition = transformer_decomposition()
    x = decomposition.target.batch(1, generator_for("prompt"))[:1]
    config = AttributionConfig(importance_threshold=0.3, n_edges=50)
    edge = explain(decomposition, x[0], config).edges[0]
    source, target = (end.rsplit("@", 1) for end in (edge.source, edge.target))

    with tracing(decomposition.model) as tracer:
        traced = tracer(x)
        place, index = target[0].rsplit(":", 1)
        value = (
            traced.output[0, int(target[1]), int(index)]
            if place == "output"
            else traced.reached[place][0, int(target[1]), int(index)]
        )
        place, _, index = source[0].partition(":")
        values = traced.passed[place]
        leaf = values.inner if index else values.rest
        (gradient,) = torch.autograd.grad(value, leaf)
    product = (gradient * leaf).detach()[0, int(source[1])]
    alone = product[int(index)] if index else product.sum()

    assert edge.attribution == pytest.approx(alone.item(), rel=1e-4, abs=1e-7)


def test_a_traced_pass_gives_what_the_target_gives_and_leaves_the_model_as_it_was() -> None:
    decomposition = transformer_decomposition()
    x = decomposition.target.batch(3, generator_for("prompt"))
    before = list(decomposition.model.network.state_dict())

    with tracing(decomposition.model) as tracer:
        traced = tracer(x)

    assert torch.allclose(traced.output, decomposition.target.model(x), atol=1e-5)
    assert list(decomposition.model.network.state_dict()) == before


def test_a_masked_graph_has_no_remainders(perfect: Decomposition) -> None:
    x = perfect.target.probes()[2]

    graph = explain(perfect, x, AttributionConfig(is_masked=True, min_share=0))

    assert {node.kind for node in graph.nodes} == {"input", "subcomponent", "output"}
    assert graph.is_masked


def test_a_position_beyond_the_input_is_refused(perfect: Decomposition) -> None:
    with pytest.raises(ExperimentError, match="position 3 is beyond the input"):
        explain(perfect, perfect.target.probes()[0], AttributionConfig(position=3))


def test_an_input_on_which_nothing_is_important_is_refused(perfect: Decomposition) -> None:
    with pytest.raises(ExperimentError, match=r"above 0\.1 on this input"):
        explain(perfect, torch.zeros(5), AttributionConfig())


def test_agreement_is_rank_and_sign_and_says_nothing_of_too_few() -> None:
    found = agreement([3.0, 2.0, -1.0, 0.5], [30.0, 1.0, -4.0, -0.1])

    assert found.n == 4
    assert found.sign == 0.75
    assert found.rank == pytest.approx(1.0)
    assert agreement([1.0, 2.0], [1.0, float("nan")]).rank is None
    assert agreement([], []).sign is None
