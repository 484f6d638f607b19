"""The models that can be decomposed, by name.

Adding one is one file, one line in `TARGETS`, and a place in the test over `TARGETS`.
"""

from collections.abc import Callable, Mapping
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from decomposition.errors import UnknownNameError
from decomposition.targets.convolution import Strokes
from decomposition.targets.induction import Induction
from decomposition.targets.lessons import Examples, LessonConfig, LessonRecipe
from decomposition.targets.mechanisms import Mechanisms
from decomposition.targets.mixer import Reversal
from decomposition.targets.pretrained import PREFIX, PretrainedRecipe
from decomposition.targets.residual_mlp import ResidualMlpConfig, ResidualMlpRecipe
from decomposition.targets.storyworld import StoryworldConfig, StoryworldRecipe
from decomposition.targets.tms import TmsConfig, TmsRecipe


@runtime_checkable
class Target(Protocol):
    """A frozen model with the data it runs on and, where known, its true mechanisms."""

    @property
    def name(self) -> str:
        """Its name in `TARGETS`."""

    @property
    def seed(self) -> int:
        """The seed that decided its weights."""

    @property
    def attempts(self) -> int:
        """How many models were trained until one was accepted."""

    @property
    def model(self) -> nn.Module:
        """The network; nobody may change it."""

    @property
    def transposes(self) -> Mapping[str, str | None]:
        """Module paths of the matrices to decompose; each with the one it transposes, or None."""

    @property
    def blocks(self) -> Mapping[str, int | None]:
        """What is known of the subcomponents that each matrix should need.

        A number is the rank of a single block that serves all features; None means one
        subcomponent for each feature. Matrices of which nothing is known are left out.
        """

    @property
    def is_categorical(self) -> bool:
        """Whether the outputs are logits, to be compared as distributions."""

    def batch(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw n inputs, shape `n d_in`."""

    def probes(self) -> Tensor:
        """Return one input for each feature, in which it alone is active: `features d_in`."""

    def active_features(self, x: Tensor) -> Tensor:
        """Say which features are active, boolean: `batch features`, or `*positions features`."""

    def mechanisms(self) -> Mapping[str, Mechanisms]:
        """Return the true mechanisms of each matrix where they are known, one per feature."""

    def tensors(self) -> dict[str, Tensor]:
        """Return what its recipe's `restore` needs to make it again."""


@runtime_checkable
class TokenTarget(Target, Protocol):
    """A target that reads tokens and predicts the next one at each."""

    @property
    def words(self) -> tuple[str, ...]:
        """What each token id stands for."""


@runtime_checkable
class SkilledTarget(Target, Protocol):
    """A target that was accepted because of what it can do."""

    @property
    def skills(self) -> Mapping[str, float]:
        """How often it does each thing, in [0, 1], on inputs that it was not trained on."""


@runtime_checkable
class AnsweredTarget(Target, Protocol):
    """A target whose outputs are logits of answers, of which the right ones are known."""

    def examples(self, n: int, generator: torch.Generator) -> Examples:
        """Draw the inputs that `batch` draws, with the right answers."""


@runtime_checkable
class Recipe(Protocol):
    """How to get a target: by training it, or from saved weights."""

    @property
    def name(self) -> str:
        """Its key in `TARGETS`."""

    def train(self, seed: int, on_progress: Callable[[int, int], None] | None = None) -> Target:
        """Train the target from scratch, the same one for the same seed."""

    def restore(self, seed: int, attempts: int, tensors: Mapping[str, Tensor]) -> Target:
        """Make the target again from the tensors it was saved with."""


_RECIPES: tuple[Recipe, ...] = (
    TmsRecipe("tms_5-2", TmsConfig(n_features=5, n_hidden=2)),
    TmsRecipe("tms_5-2-id", TmsConfig(n_features=5, n_hidden=2, has_hidden_identity=True)),
    TmsRecipe("tms_40-10", TmsConfig(n_features=40, n_hidden=10)),
    TmsRecipe("tms_40-10-id", TmsConfig(n_features=40, n_hidden=10, has_hidden_identity=True)),
    ResidualMlpRecipe("resid_mlp1", ResidualMlpConfig(n_features=100, n_layers=1, n_neurons=50)),
    ResidualMlpRecipe("resid_mlp2", ResidualMlpConfig(n_features=100, n_layers=2, n_neurons=25)),
    ResidualMlpRecipe("resid_mlp3", ResidualMlpConfig(n_features=102, n_layers=3, n_neurons=17)),
    LessonRecipe(
        "induction", Induction(), LessonConfig(steps=600, batch_size=64, learning_rate=0.005)
    ),
    LessonRecipe("convolution", Strokes(), LessonConfig()),
    LessonRecipe("mixer", Reversal(), LessonConfig()),
    StoryworldRecipe("storyworld", StoryworldConfig()),
)

TARGETS: dict[str, Recipe] = {recipe.name: recipe for recipe in _RECIPES}


def find_recipe(name: str) -> Recipe:
    """Return the recipe of this name.

    Raises:
        UnknownNameError: There is none.
    """
    if name.startswith(PREFIX):
        return PretrainedRecipe(name)
    if name not in TARGETS:
        raise UnknownNameError(
            f"no target is called {name!r}; there are: {', '.join(TARGETS)}, and "
            f"{PREFIX}FOLDER@TEXT for a language model of your own"
        )
    return TARGETS[name]


def train_target(
    name: str, seed: int, on_progress: Callable[[int, int], None] | None = None
) -> Target:
    """Train the target of this name from scratch; the same seed gives the same weights.

    Raises:
        UnknownNameError: There is no such target.
        TargetError: It could not be trained to represent all its features.
    """
    return find_recipe(name).train(seed, on_progress)
