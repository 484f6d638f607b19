"""What a training cannot do anything about, said in words that help.

A target that puts out numbers that are not finite has no decomposition, and a configuration may
need more memory than there is, name matrices that are not there, or tell importances by what the
target does not have. All are noticed here and explained, as early as can be.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from decomposition.attempt import counts_for, fresh_model
from decomposition.config import DecompositionConfig
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

SHORTAGE = ("can't allocate memory", "not enough memory", "out of memory")
"""What torch says when there is none left; on a processor it has no error of its own for it."""

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
        yield
    except (MemoryError, RuntimeError) as error:
        is_shortage = isinstance(error, MemoryError) or any(s in str(error) for s in SHORTAGE)
        if not is_shortage:
            raise
        said = f"{error}\n".splitlines()[0]
        raise MemoryShortageError(
            f"not enough memory for {target.name}: {sizes(target, config)}; {advice} ({said})"
        ) from error


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
