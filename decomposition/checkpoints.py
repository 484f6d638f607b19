"""Saving a decomposition with its target, and loading the same numbers back.

Two files: `decomposition.safetensors` holds every tensor, the target's own included, so that
nothing has to be trained again; `decomposition.json` holds the rest and the SHA-256 of the
first. Never pickle: a checkpoint from elsewhere can be wrong, but it cannot run code.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from decomposition.attempt import fresh_model, load_parameters, trained_parameters
from decomposition.config import METHOD, DecompositionConfig
from decomposition.devices import AUTO
from decomposition.errors import CheckpointError
from decomposition.resuming import below
from decomposition.seeds import generator_for
from decomposition.targets import find_recipe
from decomposition.training import Decomposition

TENSORS = "decomposition.safetensors"
RECORD = "decomposition.json"


class Record(BaseModel):
    """What a checkpoint says beside its tensors."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    version: Literal[1] = 1
    method: str
    target: str
    target_seed: int
    target_attempts: int
    config: DecompositionConfig
    losses: dict[str, float]
    seconds: float
    cpu_seconds: float
    n_pruned: int = 0
    tensors_sha256: str
    """Of the whole safetensors file."""


def save(decomposition: Decomposition, folder: Path) -> list[Path]:
    """Write a decomposition into a folder, whole or not at all, and return the files' paths.

    Raises:
        CheckpointError: One of the files exists already; nothing is ever overwritten.
    """
    tensors = save_tensors(_tensors(decomposition))
    target = decomposition.target
    record = Record(
        method=METHOD,
        target=target.name,
        target_seed=target.seed,
        target_attempts=target.attempts,
        config=decomposition.config,
        losses=dict(decomposition.losses),
        seconds=decomposition.seconds,
        cpu_seconds=decomposition.cpu_seconds,
        n_pruned=decomposition.n_pruned,
        tensors_sha256=hashlib.sha256(tensors).hexdigest(),
    )
    contents = {TENSORS: tensors, RECORD: (record.model_dump_json(indent=2) + "\n").encode()}
    return write_all(folder, contents)


def load(folder: Path, device: str = AUTO) -> Decomposition:
    """Read a decomposition back: the same importances and outputs, to the last bit.

    It need not be the device that it was trained on; on another the last bits differ.

    Raises:
        CheckpointError: A file is missing, damaged, or of another version.
        UnknownNameError: The target is not one that we have.
        DeviceError: There is no such device.
    """
    record, content = _read(folder)
    if hashlib.sha256(content).hexdigest() != record.tensors_sha256:
        raise CheckpointError(
            f"{folder / TENSORS} is damaged: its SHA-256 is not the one in {RECORD}; "
            "decompose the target again"
        )
    try:
        tensors = load_tensors(content)
    except SafetensorError as error:
        raise CheckpointError(f"{folder / TENSORS} is no safetensors file: {error}") from error
    recipe = find_recipe(record.target)
    target = recipe.restore(record.target_seed, record.target_attempts, below("target", tensors))
    config = record.config.model_copy(update={"device": device})
    model = fresh_model(target, config, generator_for("overwritten by what is loaded"))
    load_parameters(model, tensors)
    return Decomposition(
        target,
        config,
        model.eval(),
        record.losses,
        record.seconds,
        record.cpu_seconds,
        record.n_pruned,
    )


def _tensors(decomposition: Decomposition) -> dict[str, Tensor]:
    """Name every tensor `target.…`, `subcomponents.MATRIX.U` and `.V`, or `importance.…`."""
    model = decomposition.model
    tensors = {f"target.{name}": t for name, t in decomposition.target.tensors().items()}
    tensors |= trained_parameters(model)
    return {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}


def _read(folder: Path) -> tuple[Record, bytes]:
    try:
        text = (folder / RECORD).read_text(encoding="utf-8")
        content = (folder / TENSORS).read_bytes()
    except (OSError, UnicodeDecodeError) as error:
        raise CheckpointError(f"{folder} holds no readable decomposition: {error}") from error
    try:
        return Record.model_validate(json.loads(text)), content
    except (json.JSONDecodeError, ValidationError) as error:
        raise CheckpointError(
            f"{folder / RECORD} is damaged or was written by another version: {error}"
        ) from error


def write_all(folder: Path, contents: Mapping[str, bytes]) -> list[Path]:
    """Write beside the final names first and rename last; on any interruption, take it back."""
    paths = [folder / name for name in contents]
    for path in paths:
        if path.exists():
            raise CheckpointError(f"{path} exists already; choose another folder")
    is_new = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    partial = [path.with_name(f"{path.name}.partial") for path in paths]
    try:
        for path, content in zip(partial, contents.values(), strict=True):
            path.write_bytes(content)
        for path, final in zip(partial, paths, strict=True):
            path.replace(final)
    except BaseException:
        for path in partial + paths:
            path.unlink(missing_ok=True)
        if is_new:
            folder.rmdir()
        raise
    return paths
