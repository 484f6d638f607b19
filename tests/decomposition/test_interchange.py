import json
import pickle

import pytest
import torch
from safetensors.torch import load_file, save_file

from decomposition.attempt import fresh_model, trained_parameters
from decomposition.config import DecompositionConfig
from decomposition.errors import CheckpointError
from decomposition.interchange import (
    RECORD,
    TENSORS,
    Onto,
    export_decomposition,
    import_decomposition,
)
from decomposition.seeds import generator_for
from decomposition.targets.tms import TmsTarget, ToyModel
from decomposition.training import Decomposition


def of_kind(pentagon: TmsTarget, importance: str) -> Decomposition:
    config = DecompositionConfig(n_subcomponents=4, n_hidden=3, importance=importance)
    model = fresh_model(pentagon, config, generator_for("kind", importance))
    return Decomposition(pentagon, config, model, {}, 0.0, 0.0)


def theirs(decomposition: Decomposition, **changes) -> dict[str, torch.Tensor]:
    """The tensors of a run of goodfire's: only what theirs hold."""
    exported = {
        "_components.linear1.V": decomposition.model.subcomponents["linear1"].V.T,
        "_components.linear1.U": decomposition.model.subcomponents["linear1"].U.T,
        "_components.linear2.V": decomposition.model.subcomponents["linear2"].V.T,
        "_components.linear2.U": decomposition.model.subcomponents["linear2"].U.T,
    }
    networks = decomposition.model.importance_networks
    for name, place in networks.places():
        exported[f"_ci_fns.{name}.layers.0.W"] = networks.weight_in[place][:, None, :]
        exported[f"_ci_fns.{name}.layers.0.b"] = networks.bias_in[place]
        exported[f"_ci_fns.{name}.layers.2.W"] = networks.weight_out[place][:, :, None]
        exported[f"_ci_fns.{name}.layers.2.b"] = networks.bias_out[place][:, None]
    exported |= {
        f"target_model.{name}": tensor
        for name, tensor in decomposition.target.model.state_dict().items()
    }
    exported |= changes
    return {k: t.detach().clone().contiguous() for k, t in exported.items() if t is not None}


@pytest.mark.parametrize("importance", ["inner_activation", "input_vector"])
def test_an_export_loads_back_bit_for_bit(tmp_path, pentagon: TmsTarget, importance: str) -> None:
    decomposition = of_kind(pentagon, importance)

    files = export_decomposition(decomposition, tmp_path / "out", {"linear1:0": 0.25})
    back = import_decomposition(tmp_path / "out")

    assert [path.name for path in files] == [TENSORS, RECORD]
    one, other = trained_parameters(decomposition.model), trained_parameters(back.model)
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)
    x = pentagon.batch(50, generator_for("x"))
    assert torch.equal(back.target.model(x), pentagon.model(x))
    assert all(
        torch.equal(g, back.model.importance(x)[name])
        for name, g in decomposition.model.importance(x).items()
    )
    record = json.loads((tmp_path / "out" / RECORD).read_text())
    assert record["components"]["linear1:0"] == {
        "layer": "linear1",
        "component_idx": 0,
        "mean_ci": 0.25,
    }
    export_decomposition(back, tmp_path / "again", {"linear1:0": 0.25})
    for name in (TENSORS, RECORD):
        assert (tmp_path / "again" / name).read_bytes() == (tmp_path / "out" / name).read_bytes()


def test_a_file_of_goodfires_comes_onto_a_target_with_its_own_weights(
    tmp_path, perfect: Decomposition
) -> None:
    file = tmp_path / "model.safetensors"
    save_file(theirs(perfect), file)
    other = TmsTarget("tms_5-2", 3, 1, perfect.target.config, fresh_weights())

    found = import_decomposition(file, Onto(other))

    x = perfect.target.batch(100, generator_for("x"))
    assert torch.equal(found.target.model(x), perfect.target.model(x))
    for name, g in perfect.model.importance(x).items():
        assert torch.equal(found.model.importance(x)[name], g)


def fresh_weights() -> ToyModel:
    generator = generator_for("another")
    return ToyModel(torch.randn(2, 5, generator=generator), torch.zeros(5))


def test_what_is_exported_has_the_layout_that_files_of_goodfires_have(
    tmp_path, perfect: Decomposition
) -> None:
    export_decomposition(perfect, tmp_path / "out", {})

    written = load_file(tmp_path / "out" / TENSORS)
    for name, tensor in theirs(perfect).items():
        if not name.startswith("target_model."):
            assert torch.equal(written[name], tensor), name
    found = import_decomposition(tmp_path / "out" / TENSORS, Onto(perfect.target))
    x = perfect.target.probes()
    for name, g in perfect.model.importance(x).items():
        assert torch.equal(found.model.importance(x)[name], g)


def test_names_of_older_files_are_read_too(tmp_path, perfect: Decomposition) -> None:
    old = {
        name.replace("_ci_fns", "_gates")
        .replace("target_model.", "patched_model.")
        .replace("_components.linear1.", "patched_model.linear1.components.")
        .replace("_components.linear2.", "patched_model.linear2.components."): tensor
        for name, tensor in theirs(perfect).items()
    }
    save_file(old, tmp_path / "old.safetensors")

    found = import_decomposition(tmp_path / "old.safetensors", Onto(perfect.target))

    mine = perfect.model.subcomponents["linear1"].U
    assert torch.equal(found.model.subcomponents["linear1"].U, mine)


def test_their_json_with_directions_is_read(tmp_path, perfect: Decomposition) -> None:
    entries = {
        f"{matrix}:{c}": {
            "layer": matrix,
            "component_idx": c,
            "mean_ci": 0.1,
            "U": parts.U[:, c].tolist(),
            "V": parts.V[c].tolist(),
        }
        for matrix, parts in perfect.model.subcomponents.items()
        for c in range(8)
    }
    (tmp_path / "run.json").write_text(json.dumps(entries))

    found = import_decomposition(tmp_path / "run.json", Onto(perfect.target, False))

    for matrix, parts in perfect.model.subcomponents.items():
        assert torch.allclose(found.model.subcomponents[matrix].V, parts.V)
    g = found.model.importance(perfect.target.probes())
    assert all((values == 1).all() for values in g.values())


def test_the_keys_of_their_json_say_which_subcomponents_they_are(
    tmp_path, perfect: Decomposition
) -> None:
    entries = {
        f"{matrix}:{c}": {"U": parts.U[:, c].tolist(), "V": parts.V[c].tolist()}
        for matrix, parts in perfect.model.subcomponents.items()
        for c in range(8)
    }
    (tmp_path / "run.json").write_text(json.dumps(entries))

    found = import_decomposition(tmp_path / "run.json", Onto(perfect.target, False))

    for matrix, parts in perfect.model.subcomponents.items():
        assert torch.allclose(found.model.subcomponents[matrix].V, parts.V)


@pytest.mark.parametrize(
    ("key", "entry", "reason"),
    [
        ("linear1", {}, "'linear1' is not of the form module:c"),
        ("linear1:x", {}, "'linear1:x' is not of the form module:c"),
        ("linear1:1", {"layer": "linear2"}, "linear1:1 says that it is linear2:1"),
        ("linear1:1", {"component_idx": 2}, "linear1:1 says that it is linear1:2"),
        ("linear1:1", {"V": "much"}, "linear1:1: V: Input should be a valid list"),
        ("linear1:1", [], "linear1:1: the entry: Input should be a valid dictionary"),
    ],
)
def test_an_entry_that_cannot_be_read_is_named(
    tmp_path, perfect: Decomposition, key: str, entry: object, reason: str
) -> None:
    (tmp_path / "run.json").write_text(json.dumps({key: entry}))

    with pytest.raises(CheckpointError, match=rf"run\.json: {reason}") as caught:
        import_decomposition(tmp_path / "run.json", Onto(perfect.target, False))

    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"_components.linear1.U": torch.zeros(8, 3)}, r"linear1.U is \(8, 3\).*needs \(8, 2\)"),
        ({"_components.linear1.V": torch.zeros(4, 8)}, r"linear1.V is \(4, 8\).*needs \(5, 8\)"),
        ({"_components.linear2.U": None}, "linear2.U is missing"),
        ({"_components.linear1.V": torch.full((5, 8), torch.nan)}, "not finite"),
        ({"_components.linear2.V": torch.ones(2, 8)}, "its transpose in the target"),
        ({"_components.layer9.V": torch.ones(2, 8)}, "which tms_5-2 lacks"),
        ({"_ci_fns.linear2.layers.2.b": None}, "no importances .*give --directions-only"),
        ({"target_model.linear2.bias": torch.ones(3)}, r"linear2.bias is \(3,\)"),
    ],
)
def test_what_does_not_fit_the_target_is_refused_by_name(
    tmp_path, perfect: Decomposition, changes, reason: str
) -> None:
    save_file(theirs(perfect, **changes), tmp_path / "model.safetensors")

    with pytest.raises(CheckpointError, match=reason):
        import_decomposition(tmp_path / "model.safetensors", Onto(perfect.target))


def test_pickles_and_damaged_files_are_refused(tmp_path, perfect: Decomposition) -> None:
    onto = Onto(perfect.target)
    torch.save({"a": torch.ones(1)}, tmp_path / "renamed.safetensors")
    (tmp_path / "model.pth").write_bytes(pickle.dumps({}))
    (tmp_path / "broken.safetensors").write_bytes(b"0123456789")
    (tmp_path / "list.json").write_text("[1, 2]")
    (tmp_path / "summary.json").write_text(
        json.dumps({"linear1:0": {"layer": "linear1", "component_idx": 0, "mean_ci": 0.1}})
    )
    save_file({"a": torch.ones(1)}, tmp_path / "other.safetensors")

    for name, reason in {
        "renamed.safetensors": "is a pickle",
        "model.pth": "is a pickle",
        "broken.safetensors": "no safetensors file",
        "list.json": "no JSON of entries",
        "summary.json": "a summary alone cannot be imported",
        "other.safetensors": "holds no subcomponents",
        "missing.safetensors": "cannot be read",
    }.items():
        with pytest.raises(CheckpointError, match=reason):
            import_decomposition(tmp_path / name, onto)
    with pytest.raises(CheckpointError, match="name a target"):
        import_decomposition(tmp_path / "other.safetensors")


def test_an_export_that_was_changed_is_refused(tmp_path, perfect: Decomposition) -> None:
    export_decomposition(perfect, tmp_path / "out", {})
    tensors = load_file(tmp_path / "out" / TENSORS)
    tensors["_components.linear1.U"] += 1
    save_file(tensors, tmp_path / "out" / TENSORS)

    with pytest.raises(CheckpointError, match="was changed"):
        import_decomposition(tmp_path / "out")
    with pytest.raises(CheckpointError, match="exists already"):
        export_decomposition(perfect, tmp_path / "out", {})
