"""Where a decomposition has got to, written down so that it can go on with the same numbers.

One safetensors file holds the parameters, the moments of Adam, the state of the random numbers,
an adversary's sources, and the best start so far; what is no tensor stands in the file's header
as JSON. It is written beside its name and then renamed, so that there is always a whole one.
Never pickle: a file from elsewhere can be wrong, but it cannot run code.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import torch
from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from decomposition.config import DecompositionConfig
from decomposition.errors import CheckpointError
from decomposition.processes import Processes
from decomposition.targets import Target

PROGRESS = "progress"


class Course(BaseModel):
    """How far one of the stages that follow training has got."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    rounds: int = 0
    """Those with training in them that are done."""

    is_over: bool = False
    n: int = 0
    """Subcomponents that were dissolved or turned off."""

    losses: dict[str, float] | None = None
    """At the last step that was kept; None where none was."""

    most: int | None = None
    """How many are dissolved at once from now on; None where there is no limit."""


class Progress(BaseModel):
    """What a training state says beside its tensors."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    version: Literal[1] = 1
    target: str
    target_sha256: str
    """Of the target's weights."""

    config: DecompositionConfig
    attempt: int
    """The start that was being trained, from 0."""

    step: int
    """Its steps that are done."""

    history: list[tuple[float, float]] = []
    """What was watched for settling so far."""

    best_objective: float | None = None
    """Of the best start that is finished; None before the first is."""

    best_losses: dict[str, float] = {}
    losses: dict[str, float] = {}
    """Of the start that was being trained, as they were last looked at."""

    courses: dict[str, Course] = {}
    """What came after training, by stage; then the best start is as the last round has left it,
    and there are no other tensors. Empty before the first round is over."""

    seconds: float
    cpu_seconds: float
    """What all this took, interruptions not counted."""


def write_state(path: Path, progress: Progress, tensors: Mapping[str, Tensor]) -> None:
    """Replace the training state in a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.partial")
    whole = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    save_file(whole, partial, metadata={PROGRESS: progress.model_dump_json()})
    partial.replace(path)


def read_state(
    path: Path, target: Target, config: DecompositionConfig
) -> tuple[Progress, dict[str, Tensor]] | None:
    """Read the training state of this target and configuration, or None if there is no file.

    Raises:
        CheckpointError: It is damaged, or of another target, configuration or version.
    """
    if not path.exists():
        return None
    try:
        with safe_open(path, "pt") as file:
            progress = Progress.model_validate(json.loads(file.metadata()[PROGRESS]))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError, json.JSONDecodeError, KeyError, TypeError) as error:
        raise CheckpointError(f"{path} holds no training state: {error}; delete it") from error
    except ValidationError as error:
        raise CheckpointError(
            f"{path} is damaged or was written by another version: {error}; delete it"
        ) from error
    asked = config.model_dump(), fingerprint(target)
    if (progress.config.model_dump(), progress.target_sha256) != asked:
        raise CheckpointError(
            f"{path} is the training state of {progress.target} with other weights or another "
            "configuration; delete it, or ask for the same again"
        )
    return progress, tensors


def as_first_read(
    found: tuple[Progress, dict[str, Tensor]] | None, together: Processes
) -> tuple[Progress, dict[str, Tensor]] | None:
    """Return the state that the first of several processes has read, in all of them."""
    if together.n == 1:
        return found
    sent: dict[str, Tensor] = {}
    if found is not None:
        text = bytearray(found[0].model_dump_json().encode())
        sent = {**found[1], PROGRESS: torch.frombuffer(text, dtype=torch.uint8)}
    given = together.from_first(sent)
    if not given:
        return None
    return Progress.model_validate_json(given.pop(PROGRESS).numpy().tobytes()), given


def fingerprint(target: Target) -> str:
    """Return the SHA-256 of a target's weights, in the order of their names."""
    digest = hashlib.sha256(target.name.encode())
    for name, tensor in sorted(target.tensors().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().contiguous().numpy().tobytes())
    return digest.hexdigest()


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Return the moments of an optimizer, named by the place of their parameter."""
    return {
        f"{place}.{name}": tensor
        for place, moments in optimizer.state_dict()["state"].items()
        for name, tensor in moments.items()
    }


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Give an optimizer the moments that `optimizer_tensors` returned."""
    moments: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        place, _, moment = name.partition(".")
        moments.setdefault(int(place), {})[moment] = tensor
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": moments, "param_groups": groups})


def below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors whose names start so, without that start and the dot after it."""
    start = f"{prefix}."
    return {
        name.removeprefix(start): tensor
        for name, tensor in tensors.items()
        if name.startswith(start)
    }


def above(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Put a prefix and a dot before all names: what `below` takes away."""
    return {f"{prefix}.{name}": tensor for name, tensor in tensors.items()}
