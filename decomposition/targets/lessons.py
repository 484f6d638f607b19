"""Small networks that learn one thing with a right answer: lessons, and the targets they give.

A lesson makes a network and examples of what it should do; `LessonRecipe` trains the network and
accepts it if it does so on new examples. They are here to show that nothing in a decomposition is
made for one architecture: `induction` has attention alone, `convolution` filters, and `mixer`
products along two axes by turns.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float, Int
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 -- the name torch's own documentation uses

from decomposition.errors import TargetError
from decomposition.seeds import generator_for
from decomposition.targets.mechanisms import Mechanisms

logger = logging.getLogger(__name__)

NOT_ASKED = -100
"""The answer where there is none, as in torch's cross-entropy."""


class Examples(NamedTuple):
    """Inputs with the right answers."""

    x: Tensor
    y: Tensor
    """The class at every position of the output; `NOT_ASKED` where none is right."""


@runtime_checkable
class Lesson(Protocol):
    """What is to be learned, and by what."""

    @property
    def matrices(self) -> tuple[str, ...]:
        """Module paths of the layers to decompose."""

    def network(self, generator: torch.Generator) -> nn.Module:
        """Return a network before training."""

    def examples(self, n: int, generator: torch.Generator) -> Examples:
        """Draw n examples."""


class LessonConfig(BaseModel):
    """How a lesson is taught, and when it counts as learned."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    steps: int = Field(default=400, ge=1)
    batch_size: int = Field(default=128, ge=1)
    learning_rate: float = Field(default=0.01, gt=0)
    """Peak rate of Adam, reached over the first twentieth, lowered to zero along a cosine."""

    n_test: int = Field(default=500, ge=1)
    min_accuracy: float = Field(default=0.95, ge=0, le=1)
    """Share of the answers on new examples that have to be right."""

    max_attempts: int = Field(default=3, ge=1)


@dataclass(frozen=True)
class LessonTarget:
    """A network that has learned its lesson."""

    name: str
    seed: int
    attempts: int
    """How many networks were trained until one had learned it."""

    lesson: Lesson
    model: nn.Module
    accuracy: float
    """Share of right answers on new examples."""

    is_categorical = True
    blocks: Mapping[str, int | None] = field(default_factory=dict)

    @property
    def transposes(self) -> dict[str, str | None]:
        """The matrices to decompose; none is tied."""
        return dict.fromkeys(self.lesson.matrices)

    @property
    def skills(self) -> dict[str, float]:
        """The share of right answers."""
        return {"accuracy": self.accuracy}

    def batch(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw the inputs of n examples."""
        return self.examples(n, generator).x

    def examples(self, n: int, generator: torch.Generator) -> Examples:
        """Draw n examples."""
        return self.lesson.examples(n, generator)

    def probes(self) -> Tensor:
        """Return one input; there is none for a single feature."""
        return self.batch(1, generator_for(self.name, "probe"))

    def active_features(self, x: Tensor) -> Bool[Tensor, "batch 1"]:
        """Return one feature that is always there: inputs are not made of features."""
        return torch.ones(len(x), 1, dtype=torch.bool)

    def mechanisms(self) -> dict[str, Mechanisms]:
        """Return nothing: how it is learned is not known."""
        return {}

    def tensors(self) -> dict[str, Tensor]:
        """Return what `LessonRecipe.restore` needs to make this target again."""
        return dict(self.model.state_dict())


@dataclass(frozen=True)
class LessonRecipe:
    """How to get a network that has learned a lesson: by teaching it, or from saved weights."""

    name: str
    lesson: Lesson
    config: LessonConfig

    def train(
        self, seed: int, on_progress: Callable[[int, int], None] | None = None
    ) -> LessonTarget:
        """Train networks until one has learned the lesson.

        Raises:
            TargetError: None did.
        """
        accuracy = 0.0
        for attempt in range(1, self.config.max_attempts + 1):
            model = self._taught(generator_for(self.name, seed, attempt), on_progress)
            accuracy = self.accuracy(model)
            logger.info("%s seed %s attempt %s: %.3f right", self.name, seed, attempt, accuracy)
            if accuracy >= self.config.min_accuracy:
                return LessonTarget(self.name, seed, attempt, self.lesson, model, accuracy)
        raise TargetError(
            f"{self.name}, seed {seed}: none of {self.config.max_attempts} trained networks gives "
            f"{self.config.min_accuracy:.0%} right answers (the last one {accuracy:.1%}); take "
            "another seed, or train for more steps"
        )

    def restore(self, seed: int, attempts: int, tensors: Mapping[str, Tensor]) -> LessonTarget:
        """Make the target again from the tensors it was saved with."""
        model = self.lesson.network(generator_for("overwritten"))
        model.load_state_dict(dict(tensors))
        model.eval().requires_grad_(False)
        return LessonTarget(self.name, seed, attempts, self.lesson, model, self.accuracy(model))

    @torch.no_grad()
    def accuracy(self, model: nn.Module) -> float:
        """Return the share of right answers on examples that are always the same."""
        x, y = self.lesson.examples(self.config.n_test, generator_for(self.name, "test"))
        asked = y != NOT_ASKED
        is_right: Tensor = model(x).argmax(dim=-1) == y
        return is_right[asked].float().mean().item()

    def _taught(
        self, generator: torch.Generator, on_progress: Callable[[int, int], None] | None
    ) -> nn.Module:
        config, model = self.config, self.lesson.network(generator)
        optimizer = torch.optim.Adam(model.parameters(), lr=config.learning_rate, fused=True)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, config.learning_rate, config.steps, pct_start=0.05, cycle_momentum=False
        )
        for step in range(config.steps):
            x, y = self.lesson.examples(config.batch_size, generator)
            loss = answer_loss(model(x), y)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]  # torch's stub lacks the annotation
            optimizer.step()
            schedule.step()
            if on_progress is not None:
                on_progress(step + 1, config.steps)
        return model.eval().requires_grad_(False)


def answer_loss(
    logits: Float[Tensor, "batch *positions classes"], y: Int[Tensor, "batch *positions"]
) -> Float[Tensor, ""]:
    """Return the cross-entropy of the right answers in nats, mean over where there is one."""
    return F.cross_entropy(logits.flatten(0, -2), y.flatten(), ignore_index=NOT_ASKED)


def draw_weights(model: nn.Module, generator: torch.Generator) -> None:
    """Draw every matrix with variance 1/d_in, and set all biases to zero."""
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.Linear | nn.Conv2d):
                drawn = torch.randn(module.weight.shape, generator=generator)
                module.weight.copy_(drawn * module.weight[0].numel() ** -0.5)
                if module.bias is not None:
                    module.bias.zero_()
            elif isinstance(module, nn.Embedding):
                module.weight.copy_(torch.randn(module.weight.shape, generator=generator))
