"""Every analysis runs on every small target, whatever its layers are applied to."""

import pytest
import torch

from decomposition.attribution import AttributionConfig, explain
from decomposition.components import ComponentsConfig, at_positions, find_components
from decomposition.config import DecompositionConfig
from decomposition.edit_effects import EditConfig, measure_edit
from decomposition.editing import Change
from decomposition.errors import EditError
from decomposition.harvesting import harvest_data
from decomposition.profiling import ProfilingConfig
from decomposition.seeds import generator_for
from decomposition.targets.convolution import Strokes
from decomposition.targets.induction import Induction
from decomposition.targets.lessons import LessonConfig, LessonRecipe
from decomposition.targets.mixer import Reversal
from decomposition.targets.residual_mlp import ResidualMlpConfig, ResidualMlpRecipe
from decomposition.training import Decomposition, decompose
from tests.decomposition.pentagon import pentagon_target

BRIEF = DecompositionConfig(
    n_subcomponents=6,
    n_hidden=4,
    importance="input_vector",
    importance_start=0.9,
    restarts=1,
    steps=2,
    batch_size=8,
    n_objective=8,
    warm_up_steps=2,
    merge_zero_rows=False,
)
RECIPES = {
    name: LessonRecipe(name, lesson, LessonConfig(steps=2, batch_size=8, n_test=8, min_accuracy=0))
    for name, lesson in (
        ("induction", Induction()),
        ("convolution", Strokes()),
        ("mixer", Reversal()),
    )
} | {
    "resid_mlp1": ResidualMlpRecipe(
        "resid_mlp1",
        ResidualMlpConfig(
            n_features=4,
            n_layers=1,
            n_neurons=2,
            d_embed=8,
            feature_probability=0.5,
            steps=2,
            batch_size=8,
            min_share=0,
            max_crosstalk=1e9,
            min_effect=0,
        ),
    )
}
TARGETS = ("tms_5-2", *RECIPES)


@pytest.fixture(scope="module")
def decompositions() -> dict[str, Decomposition]:
    targets = {"tms_5-2": pentagon_target()}
    targets |= {name: recipe.train(0) for name, recipe in RECIPES.items()}
    return {name: decompose(target, BRIEF) for name, target in targets.items()}


@pytest.fixture(params=TARGETS)
def decomposition(request, decompositions) -> Decomposition:
    return decompositions[request.param]


def test_every_target_is_harvested(decomposition):
    found = harvest_data(decomposition, ProfilingConfig(batches=2, batch_size=8))

    assert found.profiles
    assert all(profile.contexts for profile in found.profiles)


def test_the_components_of_every_target_are_found(decomposition):
    found = find_components(decomposition, ComponentsConfig(n=16))

    members = [member for component in found.components for member in component.members]
    assert len(members) == found.subcomponents > 0


def test_an_input_of_every_target_is_explained(decomposition):
    drawn = decomposition.target.batch(64, generator_for("sample"))
    x = next(row for row in drawn if row.any())

    graph = explain(decomposition, x, AttributionConfig(n_edges=20))

    assert graph.edges
    assert graph.direct.n == len(graph.edges)


def test_a_subcomponent_of_every_matrix_of_every_target_is_removed(decomposition):
    for matrix in decomposition.model.layers:
        change = Change(kind="remove", subcomponent=f"{matrix}:0")

        _, report = measure_edit(decomposition, EditConfig(changes=[change], n=16))

        assert report.effects["edit"].on_target is not None


def test_effects_of_pixels_are_those_of_their_ablation(decompositions):
    decomposition = decompositions["convolution"]
    x = decomposition.target.batch(1, generator_for("sample"))[0]
    config = AttributionConfig(n_edges=100, min_share=0, importance_threshold=-1)

    graph = explain(decomposition, x, config)

    pixels = [e for e in graph.edges if e.source.startswith("input:") and "conv1" in e.target]
    assert pixels  # the first layer is linear in the image
    for edge in pixels:
        assert edge.direct == pytest.approx(edge.attribution, rel=1e-3, abs=1e-5)


def test_a_row_is_one_position_where_matrices_share_no_others():
    here, there = torch.tensor([[0.1], [0.2]]), torch.zeros(2, 3, 3, 1)
    there[1, 2, 0] = 0.7

    found = at_positions({"head": here, "filters": there})

    assert found.tolist() == torch.tensor([[0.1, 0.0], [0.2, 0.7]]).tolist()


def test_positions_that_are_not_those_of_the_data_are_put_together(decompositions):
    decomposition = decompositions["convolution"]
    config = BRIEF.model_copy(update={"matrices": {"conv1": 4}})

    found = harvest_data(
        decompose(decomposition.target, config), ProfilingConfig(batches=1, batch_size=8)
    )

    assert found.positions == 8


def test_filters_are_not_rewritten_toward_an_output(decompositions):
    change = Change(kind="rewrite", subcomponent="conv1:0", toward="1")

    with pytest.raises(EditError, match="conv1 is not applied at the positions of the output"):
        measure_edit(decompositions["convolution"], EditConfig(changes=[change], n=16))
