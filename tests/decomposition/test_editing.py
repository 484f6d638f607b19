import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import load_file, save_file

from decomposition.decomposed_model import DecomposedModel
from decomposition.edit_effects import EditConfig, divergence, measure_edit
from decomposition.editing import (
    Change,
    Place,
    also_changed,
    parameter_changes,
    patched,
    toward,
)
from decomposition.errors import EditError
from decomposition.seeds import generator_for
from decomposition.training import Decomposition
from tests.decomposition.small_transformer import transformer_decomposition


def inputs(decomposition: Decomposition) -> torch.Tensor:
    return decomposition.target.batch(500, generator_for("inputs"))


def test_removing_a_mechanism_silences_its_feature_alone(perfect: Decomposition) -> None:
    before = {k: v.clone() for k, v in perfect.target.model.state_dict().items()}

    deltas, report = measure_edit(
        perfect, EditConfig(changes=[Change(kind="remove", subcomponent="linear1:2")])
    )

    edited = patched(perfect.target.model, deltas)
    probes = perfect.target.probes()
    outputs, was = edited(probes), perfect.target.model(probes)
    assert outputs[2].abs().max() == 0
    assert torch.allclose(outputs[[0, 1, 3, 4]], was[[0, 1, 3, 4]])
    assert report.effects["edit"].on_target > 0.01
    assert report.effects["edit"].elsewhere == pytest.approx(0, abs=1e-9)
    assert report.effects["random"].elsewhere > 0
    after = perfect.target.model.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_scaling_adds_that_multiple_of_the_subcomponent(fresh: Decomposition) -> None:
    change = Change(kind="scale", subcomponent="linear1:3", factor=0.25)

    deltas = parameter_changes(fresh, [change], inputs(fresh))

    parts = fresh.model.subcomponents["linear1"]
    wanted = -0.75 * torch.outer(parts.U[:, 3], parts.V[3])
    assert list(deltas) == ["linear1.weight"]
    assert torch.allclose(deltas["linear1.weight"], wanted)


def test_rewriting_makes_one_feature_write_another(perfect: Decomposition) -> None:
    W = perfect.target.model.linear1.weight
    change = Change(kind="rewrite", subcomponent="linear1:0", writes=W[:, 3].tolist())

    deltas = parameter_changes(perfect, [change], inputs(perfect))

    probe = perfect.target.probes()[0]
    output = patched(perfect.target.model, deltas)(probe)
    assert output.argmax() == 3
    assert output[3] == pytest.approx(perfect.target.model(perfect.target.probes()[3])[3].item())


def test_what_is_written_has_the_sign_that_is_meant(perfect: Decomposition) -> None:
    with torch.no_grad():
        parts = perfect.model.subcomponents["linear1"]
        parts.U.neg_()
        parts.V.neg_()  # the same matrices, but inner activations are negative
        perfect.model.importance_networks.weight_in.neg_()
    W = perfect.target.model.linear1.weight
    change = Change(kind="rewrite", subcomponent="linear1:0", writes=W[:, 3].tolist())

    deltas = parameter_changes(perfect, [change], inputs(perfect))

    output = patched(perfect.target.model, deltas)(perfect.target.probes()[0])
    assert output.argmax() == 3
    assert output[3] > 0.1


def test_toward_an_output_is_the_direction_that_raises_it(perfect: Decomposition) -> None:
    change = Change(kind="rewrite", subcomponent="linear1:0", toward="1", strength=1.5)

    deltas = parameter_changes(perfect, [change], inputs(perfect))

    output = patched(perfect.target.model, deltas)(perfect.target.probes()[0])
    assert output.argmax() == 1
    assert output[0] < 0.2 * output[1]


def test_adding_a_subcomponent_adds_its_outer_product(perfect: Decomposition) -> None:
    change = Change(
        kind="add", subcomponent="linear1:0", writes=[0.0, 2.0], reads=[0, 0, 0, 0, 1.0],
        strength=3,
    )  # fmt: skip

    deltas = parameter_changes(perfect, [change], inputs(perfect))

    wanted = torch.zeros(2, 5)
    wanted[1, 4] = 3
    assert torch.equal(deltas["linear1.weight"], wanted)


def test_changes_of_one_matrix_add_up(fresh: Decomposition) -> None:
    remove = [Change(kind="remove", subcomponent=f"linear2:{c}") for c in (0, 1)]
    x = inputs(fresh)

    both = parameter_changes(fresh, remove, x)["linear2.weight"]

    alone = [parameter_changes(fresh, [change], x)["linear2.weight"] for change in remove]
    assert torch.allclose(both, alone[0] + alone[1])


def test_the_difference_survives_a_file(tmp_path, perfect: Decomposition) -> None:
    deltas, _ = measure_edit(
        perfect, EditConfig(changes=[Change(kind="remove", subcomponent="linear1:0")])
    )

    save_file(deltas, tmp_path / "delta.safetensors")

    back = load_file(tmp_path / "delta.safetensors")
    x = inputs(perfect)
    assert torch.equal(
        patched(perfect.target.model, back)(x), patched(perfect.target.model, deltas)(x)
    )


def test_in_a_sequence_what_is_near_is_told_from_what_is_elsewhere() -> None:
    decomposition = transformer_decomposition()
    g = decomposition.model.importance(inputs(decomposition))["blocks.1.down"]
    often = ((g > 0.5).any(dim=1).float().mean(dim=0) - 0.3).abs().argmin().item()
    change = Change(kind="rewrite", subcomponent=f"blocks.1.down:{often}", toward="w5", strength=20)

    _, report = measure_edit(decomposition, EditConfig(changes=[change]))

    assert report.unit == "nats"
    assert report.word == "w5"
    assert report.probability["after"] > report.probability["before"]
    assert report.positions["on_target"] > 0
    assert report.positions["surrounding"] > 0
    assert report.effects["edit"].on_target > 0


def test_matrices_that_share_a_parameter_are_named() -> None:
    decomposition = transformer_decomposition()
    model = decomposition.target.model
    model.blocks[1].q.weight = model.blocks[0].q.weight
    shared = Decomposition(
        decomposition.target, decomposition.config,
        DecomposedModel(model, decomposition.model.subcomponents,
                        decomposition.model.importance_networks),
        {}, 0.0, 0.0,
    )  # fmt: skip
    change = Change(kind="remove", subcomponent="blocks.1.q:0")

    assert also_changed(shared, [change]) == ["blocks.0.q"]
    assert list(parameter_changes(shared, [change], inputs(shared)[:2])) == ["blocks.0.q.weight"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"kind": "remove", "subcomponent": "linear9:0"}, "the matrices are linear1, linear2"),
        ({"kind": "remove", "subcomponent": "linear1"}, "say a matrix and a number"),
        ({"kind": "remove", "subcomponent": "linear1:8"}, "has 8 subcomponents"),
        ({"kind": "rewrite", "subcomponent": "linear1:0", "writes": [1.0]}, "needs 2"),
        ({"kind": "rewrite", "subcomponent": "linear1:0", "writes": [0.0, 0.0]}, "is zero"),
        ({"kind": "rewrite", "subcomponent": "linear1:0", "toward": "5"}, "there are 5 outputs"),
        ({"kind": "rewrite", "subcomponent": "linear1:0", "toward": "x"}, "has no output 'x'"),
        ({"kind": "rewrite", "subcomponent": "linear1:7", "toward": "0"}, "important on none"),
        ({"kind": "remove", "subcomponent": "linear1:7"}, "important on none"),
    ],
)
def test_an_edit_that_cannot_be_made_says_why(perfect: Decomposition, change, reason) -> None:
    with torch.no_grad():
        perfect.model.importance_networks.weight_out[5:8] = 0

    with pytest.raises(EditError, match=reason):
        measure_edit(perfect, EditConfig(changes=[Change(**change)]))


def test_a_change_that_does_not_say_what_it_needs_is_refused() -> None:
    for fields in ({"kind": "scale"}, {"kind": "rewrite"}, {"kind": "add", "reads": [1.0]}):
        with pytest.raises(ValidationError, match="needs"):
            Change(subcomponent="a:0", **fields)


def test_divergence_is_that_of_the_edited_from_the_target() -> None:
    p, q = torch.tensor([[0.5, 0.5]]), torch.tensor([[0.25, 0.75]])

    found = divergence(q.log(), p.log(), is_categorical=True)

    # 0.5 ln(0.5 / 0.25) + 0.5 ln(0.5 / 0.75)
    assert found.item() == pytest.approx(0.5 * 0.6931 - 0.5 * 0.4055, abs=1e-4)
    assert divergence(q, p, is_categorical=False).item() == pytest.approx(0.125)


def test_the_direction_toward_an_output_is_its_gradient(perfect: Decomposition) -> None:
    found = toward(perfect, Place("linear1", 0), 0, perfect.target.probes()[:1])

    assert torch.allclose(found, perfect.target.model.linear2.weight[0], atol=1e-6)
