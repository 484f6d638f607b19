"""What a training cannot do anything about, said in words that help.

A target that puts out numbers that are not finite has no decomposition, and a configuration may
need more memory than there is, name matrices that are not there, or tell importances by what the
target does not have. All are noticed here and explained, as early as can be.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

import torch

from decomposition.attempt import counts_for, fresh_model
from decomposition.config import DecompositionConfig
from decomposition.devices import device_named
from decomposition.errors import MemoryShortageError, TargetError
from decomposition.matrices import known_layout
from decomposition.seeds import generator_for
from decomposition.targets import Recipe, Target
from decomposition.targets.lessons import LessonRecipe, LessonTarget
from decomposition.targets.residual_mlp import ResidualMlp, ResidualMlpRecipe, ResidualMlpTarget
from decomposition.targets.storyworld import StoryworldRecipe, StoryworldTarget
from decomposition.targets.tms import TmsRecipe, TmsTarget, ToyModel
from decomposition.targets.transformer import Transformer

OF_TRAINING = "take a smaller batch_size, or fewer subcomponents or matrices"
OF_METRICS = "that was for its metrics, so ask for the same again when more memory is free"
"""What helps when memory is short, and when."""

SHORTAGE = ("can't allocate memory", "not enough memory", "out of memory", "bad_alloc")
"""What torch says when there is none left; on a processor it has no error of its own for it."""

_LIMIT, _TAKEN = Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")
"""Where a container is told what it may have, and what it has."""

_LOWERED = Lock()
"""Held by whoever has lowered the limit on memory, and puts it back."""

N = 16
"""Inputs that a target and a configuration are checked on."""


def check_choice(recipe: Recipe, config: DecompositionConfig) -> None:
    """Split a target as it is before it is trained, and tell importances of a few inputs.

    Raises:
        SplitError: The configuration's patterns do not fit the target, or its importance networks
            do not.
    """
    target = _untrained(recipe)
    if target is None:
        return
    with memory_shortage_explained(target, config):
        generator = generator_for("untrained", recipe.name)
        fresh_model(target, config, generator).importance(target.batch(N, generator))


def _untrained(recipe: Recipe) -> Target | None:
    """Return a target of the same shape; None of one that needs no training."""
    name, generator = recipe.name, generator_for("untrained")
    if isinstance(recipe, StoryworldRecipe):
        story_model = Transformer(recipe.config.transformer(), generator)
        return StoryworldTarget(name, 0, 0, recipe.config, story_model, {})
    if isinstance(recipe, LessonRecipe):
        network = recipe.lesson.network(generator)
        return LessonTarget(name, 0, 0, recipe.lesson, network, 0.0)
    if isinstance(recipe, ResidualMlpRecipe):
        shape = recipe.config
        embedding = torch.randn(shape.d_embed, shape.n_features, generator=generator)
        layers = ResidualMlp(embedding, shape.n_layers, shape.n_neurons)
        return ResidualMlpTarget(name, 0, 0, shape, layers)
    if isinstance(recipe, TmsRecipe):
        of = recipe.config
        weight = torch.randn(of.n_hidden, of.n_features, generator=generator)
        toy_model = ToyModel(weight, torch.zeros(of.n_features), of.has_hidden_identity)
        return TmsTarget(name, 0, 0, of, toy_model)
    return None


@torch.no_grad()
def check_outputs(target: Target) -> None:
    """Run the target once.

    Raises:
        TargetError: Some of its outputs are not finite.
    """
    output = target.model(target.batch(N, generator_for("outputs", target.name)))
    wrong = int((~output.isfinite()).sum())
    if wrong:
        raise TargetError(
            f"{target.name} puts out numbers that are not finite ({wrong} of {output.numel()} on "
            f"{N} of its own inputs); no masked model could be compared with that: check its "
            "weights"
        )


@contextmanager
def memory_shortage_explained(
    target: Target, config: DecompositionConfig, advice: str = OF_TRAINING
) -> Iterator[None]:
    """Turn torch's error on a shortage of memory into one that gives the sizes.

    Raises:
        MemoryShortageError: There was one.
    """
    try:
        with _memory_refused_where_there_is_none(device_named(config.device)):
            yield
    except (MemoryError, RuntimeError) as error:
        is_shortage = isinstance(error, MemoryError) or any(s in str(error) for s in SHORTAGE)
        if not is_shortage:
            raise
        said = f"{error}\n".splitlines()[0]
        raise MemoryShortageError(
            f"not enough memory for {target.name}: {sizes(target, config)}; {advice} ({said})"
        ) from error


@contextmanager
def _memory_refused_where_there_is_none(device: torch.device) -> Iterator[None]:
    """Have Linux refuse memory beyond what there is: it promises more, and kills who takes it.

    It is one limit for all the process: who comes while another thread has lowered it, or this one,
    leaves it as it is.
    """
    is_here = sys.platform == "linux" and device.type == "cpu"
    if not (is_here and _LOWERED.acquire(blocking=False)):
        yield
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    most = _bytes_in("/proc/self/status", "VmData") + _bytes_to_be_had()
    lower = most if soft == resource.RLIM_INFINITY else min(soft, most)
    resource.setrlimit(resource.RLIMIT_DATA, (lower, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))
        _LOWERED.release()


def _bytes_to_be_had() -> int:
    """Return what is free now, or half of what there is: others may give back what they have."""
    free, there_is = (_bytes_in("/proc/meminfo", name) for name in ("MemAvailable", "MemTotal"))
    if _LIMIT.is_file() and (limit := _LIMIT.read_text(encoding="ascii").strip()) != "max":
        there_is = min(there_is, int(limit))
        free = min(free, there_is - int(_TAKEN.read_text(encoding="ascii")))
    return max(free, there_is // 2)


def _bytes_in(path: str, name: str) -> int:
    """Return a number that Linux tells, which is in kilobytes there."""
    lines = Path(path).read_text(encoding="ascii").splitlines()
    (found,) = (line.split()[1] for line in lines if line.startswith(f"{name}:"))
    return int(found) * 1024


def sizes(target: Target, config: DecompositionConfig) -> str:
    """Say how large a step is: matrices with their subcomponents, batch and masked runs."""
    counts = counts_for(target, config)
    described = []
    for path, C in counts.items():
        layer = target.model.get_submodule(path)
        d_out, d_in = known_layout(layer).matrix(layer).shape
        described.append(f"{path} {d_out} x {d_in} with C = {C}")
    runs = sum(
        n for n, coefficient in (
            (1, config.stochastic),
            (len(counts), config.layerwise),
            (1, config.subset),
            (1, config.adversarial),
            (1, config.merged),
        ) if coefficient
    )  # fmt: skip
    return f"{', '.join(described)}; {runs} masked runs of {config.batch_size} rows at once"
