"""Targets that were trained before, kept in a folder by a hash of all that decides them.

The hash is over the target's name, its configuration, the seed, the version of torch, and the
source of every module that has a part in its training: a change to any of them trains anew. So
the cache can be deleted at any time, and never has to be.
"""

import hashlib
import json
import logging
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from decomposition.targets import TARGETS, Target, find_recipe

logger = logging.getLogger(__name__)

_SOURCES = Path(__file__).parent


def cached_target(
    name: str, seed: int, folder: Path, on_progress: Callable[[int, int], None] | None = None
) -> Target:
    """Return a target from the cache, or train it and put it there.

    A file that cannot be read is trained over.

    Raises:
        UnknownNameError: There is no such target.
        TargetError: It could not be trained to do what it is there to show.
    """
    recipe = find_recipe(name)
    if name not in TARGETS:  # a model of the user's own is loaded, not trained
        return recipe.train(seed, on_progress)
    path = folder / f"{name}-{seed}-{_key(name, seed)}.safetensors"
    try:
        with safe_open(path, "pt") as file:
            attempts = int(file.metadata()["attempts"])
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        return recipe.restore(seed, attempts, tensors)
    except FileNotFoundError:
        pass
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        logger.warning("%s cannot be read and is trained anew: %s", path, error)
    target = recipe.train(seed, on_progress)
    folder.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.partial")
    whole = {key: tensor.detach().contiguous().clone() for key, tensor in target.tensors().items()}
    save_file(whole, partial, metadata={"attempts": str(target.attempts)})
    partial.replace(path)
    return target


def _key(name: str, seed: int) -> str:
    """Hash what decides a target's weights."""
    recipe = find_recipe(name)
    decided = {"name": name, "seed": seed, "recipe": repr(recipe), "torch": torch.__version__}
    digest = hashlib.sha256(json.dumps(decided, sort_keys=True).encode())
    for source in sorted(_SOURCES.glob("*.py")):
        digest.update(source.name.encode() + source.read_bytes())
    return digest.hexdigest()[:16]
