"""Decompositions from elsewhere and for elsewhere: safetensors and JSON, never pickle.

`export_decomposition` writes two files that hold everything and load back bit for bit:

* `components.safetensors` in the layout of goodfire-ai/spd, so that its code finds what it knows:
  `_components.MODULE.V` (`d_in C`), `_components.MODULE.U` (`C d_out`) and, where each
  subcomponent has an importance network of its own, `_ci_fns.MODULE.layers.0.W` and so on,
  MODULE being a path with `-` for `.`; beside them `importance.…` and `target.…`, which are ours;
* `components.json` with the configuration, and under `components` one entry for each
  subcomponent, keyed `module:c` as theirs are.

`import_decomposition` reads such a folder, or a safetensors file of theirs onto a target that we
have, or their JSON where its entries hold `U` and `V`. Shapes are compared with the target's.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from decomposition.attempt import fresh_model
from decomposition.causal_importance import ImportanceNetworks
from decomposition.checkpoints import write_all
from decomposition.config import METHOD, DecompositionConfig
from decomposition.decomposed_model import DecomposedModel
from decomposition.errors import CheckpointError
from decomposition.harvest import subcomponent_id
from decomposition.resuming import below
from decomposition.seeds import generator_for
from decomposition.subcomponents import TransposedSubcomponents, untied
from decomposition.targets import Target, find_recipe
from decomposition.training import Decomposition

TENSORS, RECORD = "components.safetensors", "components.json"

PICKLES = (".pt", ".pth", ".pkl", ".pickle", ".bin", ".ckpt")

TIE_TOLERANCE = 1e-5
"""How far two matrices that are one in the target may be apart in a file."""


class Entry(BaseModel):
    """One subcomponent in the JSON, as far as we read it; the key says which it is."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    layer: str | None = None
    component_idx: int | None = None
    mean_ci: float | None = None
    U: list[float] | None = None
    V: list[float] | None = None


class ExportRecord(BaseModel):
    """What an export says beside its tensors."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    format: Literal["claimgraph-decomposition"] = "claimgraph-decomposition"
    version: Literal[1] = 1
    method: str = METHOD
    target: str
    target_seed: int
    target_attempts: int
    config: DecompositionConfig
    tensors_sha256: str
    components: dict[str, dict[str, Any]]
    """By `module:c`: layer, component_idx, mean_ci."""


class Onto(NamedTuple):
    """What to put an imported decomposition onto."""

    target: Target
    needs_importances: bool = True
    """Otherwise, where none can be read, everything is important everywhere."""


def export_decomposition(
    decomposition: Decomposition, folder: Path, mean_importance: Mapping[str, float]
) -> list[Path]:
    """Write a decomposition for other programs, whole or not at all; returns the files.

    Args:
        decomposition: What is written.
        folder: Where to; nothing in it is overwritten.
        mean_importance: By id of a subcomponent, for the JSON.

    Raises:
        CheckpointError: One of the files exists already.
    """
    target = decomposition.target
    tensors = save_tensors(_exported(decomposition))
    record = ExportRecord(
        target=target.name,
        target_seed=target.seed,
        target_attempts=target.attempts,
        config=decomposition.config,
        tensors_sha256=hashlib.sha256(tensors).hexdigest(),
        components={
            subcomponent_id(matrix, c): {
                "layer": matrix,
                "component_idx": c,
                "mean_ci": mean_importance.get(subcomponent_id(matrix, c)),
            }
            for matrix, parts in decomposition.model.subcomponents.items()
            for c in range(parts.V.shape[0])
        },
    )
    contents = {TENSORS: tensors, RECORD: (record.model_dump_json(indent=2) + "\n").encode()}
    return write_all(folder, contents)


def import_decomposition(path: Path, onto: Onto | None = None) -> Decomposition:
    """Read a decomposition from a folder of ours, or from a file of goodfire's onto a target.

    Args:
        path: A folder that `export_decomposition` wrote, a safetensors file, or a JSON file.
        onto: The target, for files that do not bring their own.

    Raises:
        CheckpointError: The file is missing, damaged, a pickle, or does not fit the target.
        UnknownNameError: A folder's target is not one that we have.
    """
    if not path.exists():
        raise CheckpointError(f"{path} cannot be read: there is no such file or folder")
    _refuse_pickle(path)
    if path.is_dir():
        return _ours(path)
    if onto is None:
        raise CheckpointError(f"{path} does not say what was decomposed: name a target")
    is_json = path.suffix == ".json"
    tensors = _from_entries(path) if is_json else _tensors_of(path, _bytes_of(path))
    return _theirs(path, tensors, onto)


def _exported(decomposition: Decomposition) -> dict[str, Tensor]:
    model = decomposition.model
    tensors = {f"target.{name}": t for name, t in decomposition.target.tensors().items()}
    networks = model.importance_networks
    tensors |= {f"importance.{name}": t for name, t in networks.state_dict().items()}
    for matrix, parts in model.subcomponents.items():
        tensors[f"_components.{_dashed(matrix)}.V"] = parts.V.T
        tensors[f"_components.{_dashed(matrix)}.U"] = parts.U.T
    if isinstance(networks, ImportanceNetworks):
        for matrix, place in networks.places():
            prefix = f"_ci_fns.{_dashed(matrix)}.layers"
            tensors[f"{prefix}.0.W"] = networks.weight_in[place].unsqueeze(1)
            tensors[f"{prefix}.0.b"] = networks.bias_in[place]
            tensors[f"{prefix}.2.W"] = networks.weight_out[place].unsqueeze(2)
            tensors[f"{prefix}.2.b"] = networks.bias_out[place].unsqueeze(1)
    # a tensor of its own for each key: the format stores no two names for one memory
    return {name: tensor.detach().cpu().clone().contiguous() for name, tensor in tensors.items()}


def _ours(folder: Path) -> Decomposition:
    content = _bytes_of(folder / TENSORS)
    record = _record_of(folder / RECORD)
    if hashlib.sha256(content).hexdigest() != record.tensors_sha256:
        raise CheckpointError(f"{folder / TENSORS} was changed after {RECORD} was written")
    tensors = _tensors_of(folder / TENSORS, content)
    recipe = find_recipe(record.target)
    target = recipe.restore(record.target_seed, record.target_attempts, below("target", tensors))
    model = fresh_model(target, record.config, generator_for("overwritten by what is imported"))
    _fill_subcomponents(folder / TENSORS, model, tensors)
    model.importance_networks.load_state_dict(below("importance", tensors))
    return Decomposition(target, record.config, model.eval(), {}, 0.0, 0.0)


def _theirs(path: Path, tensors: Mapping[str, Tensor], onto: Onto) -> Decomposition:
    """Put tensors in goodfire's layout onto a target, with its own weights if there are some."""
    tensors = {_today(name): tensor for name, tensor in tensors.items()}
    counts = _counts(path, tensors, onto.target)
    hidden = _hidden_units(tensors, counts)
    if hidden is None and onto.needs_importances:
        raise CheckpointError(
            f"{path} has no importances that can be read (one network of one hidden layer for "
            "each subcomponent can); give --directions-only to take the directions alone"
        )
    config = DecompositionConfig(matrices=counts, n_hidden=hidden or 1, mask_remainder=True)
    target = _with_weights(path, onto.target, below("target_model", tensors))
    model = fresh_model(target, config, generator_for("overwritten by what is imported"))
    _fill_subcomponents(path, model, tensors)
    networks = model.importance_networks
    assert isinstance(networks, ImportanceNetworks), "the default kind"
    with torch.no_grad():
        if hidden is None:
            for parameter in networks.parameters():
                parameter.zero_()
            networks.bias_out.fill_(1.0)
        else:
            _fill_networks(networks, tensors)
    return Decomposition(target, config, model.eval(), {}, 0.0, 0.0)


def _counts(path: Path, tensors: Mapping[str, Tensor], target: Target) -> dict[str, int]:
    """Return C of every matrix, after comparing shapes with the target's."""
    known = {_dashed(name): name for name, _ in target.model.named_modules()}
    found = [name.split(".")[1] for name in tensors if name.startswith("_components.")]
    counts: dict[str, int] = {}
    for dashed in dict.fromkeys(name for name in found):
        if dashed not in known:
            raise CheckpointError(
                f"{path} has subcomponents of {dashed!r}, which {target.name} lacks; it has "
                + ", ".join(target.transposes)
            )
        V = tensors.get(f"_components.{dashed}.V")
        if V is None or V.ndim != 2:
            raise CheckpointError(f"{path}: _components.{dashed}.V is not a matrix d_in x C")
        counts[known[dashed]] = V.shape[1]
    if not counts:
        raise CheckpointError(
            f"{path} holds no subcomponents: no tensor is called _components.MODULE.V"
        )
    return counts


def _fill_subcomponents(path: Path, model: DecomposedModel, tensors: Mapping[str, Tensor]) -> None:
    for matrix, parts in model.subcomponents.items():
        for letter, mine in (("V", parts.V), ("U", parts.U)):
            name = f"_components.{_dashed(matrix)}.{letter}"
            theirs = tensors.get(name)
            wanted = tuple(reversed(mine.shape))
            if theirs is None or tuple(theirs.shape) != wanted:
                shape = "missing" if theirs is None else f"{tuple(theirs.shape)}"
                raise CheckpointError(f"{path}: {name} is {shape}; {matrix} needs {wanted}")
            if not theirs.isfinite().all():
                raise CheckpointError(f"{path}: {name} holds numbers that are not finite")
    for matrix, parts in untied(model.subcomponents).items():
        with torch.no_grad():
            parts.V.copy_(tensors[f"_components.{_dashed(matrix)}.V"].T)
            parts.U.copy_(tensors[f"_components.{_dashed(matrix)}.U"].T)
    for matrix, tied in model.subcomponents.items():
        theirs = tensors[f"_components.{_dashed(matrix)}.V"].T
        if not torch.allclose(tied.V, theirs.to(tied.V.dtype), atol=TIE_TOLERANCE):
            other = "its transpose" if isinstance(tied, TransposedSubcomponents) else "another"
            raise CheckpointError(
                f"{path}: {matrix} is {other} in the target, but its subcomponents are not"
            )


def _hidden_units(tensors: Mapping[str, Tensor], counts: Mapping[str, int]) -> int | None:
    """Return h if every matrix has C networks 1 → h → 1, and None otherwise."""
    sizes = set()
    for matrix, C in counts.items():
        prefix = f"_ci_fns.{_dashed(matrix)}.layers"
        first = tensors.get(f"{prefix}.0.W")
        if first is None or first.ndim != 3:
            return None
        h = first.shape[2]
        wanted = {"0.W": (C, 1, h), "0.b": (C, h), "2.W": (C, h, 1), "2.b": (C, 1)}
        for name, shape in wanted.items():
            found = tensors.get(f"{prefix}.{name}")
            if found is None or tuple(found.shape) != shape:
                return None
        sizes.add(h)
    return sizes.pop() if len(sizes) == 1 else None


def _fill_networks(networks: ImportanceNetworks, tensors: Mapping[str, Tensor]) -> None:
    for matrix, place in networks.places():
        prefix = f"_ci_fns.{_dashed(matrix)}.layers"
        networks.weight_in[place] = tensors[f"{prefix}.0.W"].squeeze(1)
        networks.bias_in[place] = tensors[f"{prefix}.0.b"]
        networks.weight_out[place] = tensors[f"{prefix}.2.W"].squeeze(2)
        networks.bias_out[place] = tensors[f"{prefix}.2.b"].squeeze(1)


def _with_weights(path: Path, target: Target, weights: Mapping[str, Tensor]) -> Target:
    """Return the target with the weights of the file, if it has all of them."""
    own = target.model.state_dict()
    if not set(own) <= set(weights):
        return target
    for name, tensor in own.items():
        if weights[name].shape != tensor.shape:
            raise CheckpointError(
                f"{path}: target_model.{name} is {tuple(weights[name].shape)}; {target.name} "
                f"has {tuple(tensor.shape)}"
            )
    restored = find_recipe(target.name).restore(target.seed, target.attempts, target.tensors())
    restored.model.load_state_dict({name: weights[name] for name in own})
    return restored


def _from_entries(path: Path) -> dict[str, Tensor]:
    """Return tensors from a JSON of entries keyed `module:c` that hold U and V."""
    try:
        content = json.loads(_bytes_of(path))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise CheckpointError(f"{path} is no JSON: {error}") from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{path} is no JSON of entries keyed module:c, but of something else")
    columns: dict[str, dict[int, Entry]] = {}
    for key, found in content.items():
        layer, index = _place_of(path, key)
        columns.setdefault(layer, {})[index] = _entry(path, key, found)
    tensors = {}
    for layer, by_index in columns.items():
        if sorted(by_index) != list(range(len(by_index))):
            raise CheckpointError(f"{path}: the subcomponents of {layer} are not numbered 0 to C-1")
        ordered = [by_index[c] for c in range(len(by_index))]
        for letter in ("U", "V"):
            vectors = [getattr(entry, letter) for entry in ordered]
            if None in vectors or len({len(vector) for vector in vectors}) != 1:
                raise CheckpointError(
                    f"{path}: the entries of {layer} hold no {letter} of one length; a summary "
                    "alone cannot be imported, give the safetensors file"
                )
            rows = torch.tensor(vectors)
            tensors[f"_components.{_dashed(layer)}.{letter}"] = rows if letter == "U" else rows.T
    return tensors


def _place_of(path: Path, key: str) -> tuple[str, int]:
    layer, _, index = key.rpartition(":")
    if not layer or not (index.isascii() and index.isdecimal()):
        raise CheckpointError(
            f"{path}: {key!r} is not of the form module:c, as in layers.0.mlp_in:3"
        )
    return layer, int(index)


def _entry(path: Path, key: str, found: object) -> Entry:
    """Return an entry whose own layer and index, if it has them, are those of its key."""
    try:
        entry = Entry.model_validate(found)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the entry"
        raise CheckpointError(f"{path}: {key}: {where}: {first['msg']}") from error
    layer, index = _place_of(path, key)
    said = entry.layer or layer, index if entry.component_idx is None else entry.component_idx
    if (_dashed(said[0]), said[1]) != (_dashed(layer), index):
        raise CheckpointError(f"{path}: {key} says that it is {said[0]}:{said[1]}; which is it?")
    return entry


def _today(name: str) -> str:
    """Return the present name of a tensor that older files call otherwise."""
    name = name.replace("_gates.", "_ci_fns.")
    name = name.replace("patched_model.", "target_model.", 1)
    for letter in ("U", "V"):
        if name.endswith(f".components.{letter}"):
            module = name.removesuffix(f".components.{letter}").removeprefix("target_model.")
            return f"_components.{_dashed(module)}.{letter}"
    return name.replace(".original.weight", ".weight")


def _dashed(matrix: str) -> str:
    return matrix.replace(".", "-")


def _refuse_pickle(path: Path) -> None:
    if path.suffix.lower() in PICKLES or _begins_as_pickle(path):
        raise CheckpointError(
            f"{path} is a pickle, which can run code as it loads; have it written as "
            "safetensors: save_file(torch.load(PATH, weights_only=True), OUT)"
        )


def _begins_as_pickle(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(2) in {b"PK", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"}


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error}") from error


def _tensors_of(path: Path, content: bytes) -> dict[str, Tensor]:
    try:
        return load_tensors(content)
    except SafetensorError as error:
        raise CheckpointError(f"{path} is no safetensors file: {error}") from error


def _record_of(path: Path) -> ExportRecord:
    try:
        return ExportRecord.model_validate_json(_bytes_of(path))
    except ValidationError as error:
        raise CheckpointError(f"{path} is damaged or of another version: {error}") from error
