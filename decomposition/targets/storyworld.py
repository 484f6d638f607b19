"""`storyworld`: a little language model that reads stories, trained here from scratch.

A grammar of this project writes the stories (`storyworld_grammar`); a transformer learns to
predict their words. It is accepted only if it does what the stories ask of it on *held-out*
sentences: the right pronoun over long distances and past other people, an object after a verb
that takes one and of the kind it takes, the closing of every quote and bracket, the emoticon of
the mood, and a surname that was said before. How often it does so is part of the target.

Stories are laid end to end and cut into rows of one length; a row begins with a story.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from jaxtyping import Bool, Int
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from decomposition.errors import TargetError
from decomposition.seeds import generator_for
from decomposition.targets.mechanisms import Mechanisms
from decomposition.targets.storyworld_grammar import (
    TASKS,
    Dice,
    Probe,
    vocabulary,
    write_story,
)
from decomposition.targets.transformer import FitConfig, Transformer, TransformerConfig, fit

logger = logging.getLogger(__name__)


class StoryworldConfig(BaseModel):
    """The corpus, the model, how it is trained, and when it is accepted."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    length: int = Field(default=48, ge=8)
    """Tokens of a row."""

    n_rows: int = Field(default=16384, ge=1)
    """Rows of the training corpus."""

    n_layers: int = Field(default=2, ge=1)
    n_heads: int = Field(default=4, ge=1)
    d_model: int = Field(default=96, ge=1)
    d_mlp: int = Field(default=256, ge=1)
    is_tied: bool = False
    fit: FitConfig = FitConfig(steps=1500)

    n_test_stories: int = Field(default=1000, ge=1)
    min_accuracy: float = Field(default=0.85, ge=0, le=1)
    """On held-out sentences every task must be done at least so often."""

    max_attempts: int = Field(default=3, ge=1)

    def transformer(self) -> TransformerConfig:
        """Return the size of the model."""
        return TransformerConfig(
            n_vocabulary=len(vocabulary()),
            n_positions=self.length,
            **self.model_dump(include={"n_layers", "n_heads", "d_model", "d_mlp", "is_tied"}),
        )


class Task(NamedTuple):
    """How well one task is done."""

    accuracy: float
    """Share of the probes, in [0, 1]."""

    n: int
    """How many there were."""


@dataclass(frozen=True)
class StoryworldTarget:
    """A trained model of the stories, with its corpus."""

    name: str
    seed: int
    attempts: int
    """How many models were trained until one did all tasks."""

    config: StoryworldConfig
    model: Transformer
    tasks: Mapping[str, Task]
    """How well it does each, on held-out sentences."""

    words: tuple[str, ...] = field(default_factory=lambda: tuple(vocabulary()))
    """The word of each token id."""

    is_categorical = True
    blocks: Mapping[str, int | None] = field(default_factory=dict)

    @property
    def transposes(self) -> dict[str, str | None]:
        """The matrices of attention and MLPs; the embeddings are left alone."""
        return dict.fromkeys(
            f"blocks.{layer}.{matrix}"
            for layer in range(self.config.n_layers)
            for matrix in ("attn.q", "attn.k", "attn.v", "attn.o", "mlp.up", "mlp.down")
        )

    @property
    def skills(self) -> dict[str, float]:
        """How often it does each task, on held-out sentences."""
        return {name: task.accuracy for name, task in self.tasks.items()}

    def batch(self, n: int, generator: torch.Generator) -> Int[Tensor, "n T"]:
        """Write n rows of new stories, of training templates."""
        return rows(n, self.config.length, generator)

    def held_out(self, n: int, generator: torch.Generator) -> Int[Tensor, "n T"]:
        """Write n rows of stories in which half of the sentences are held-out ones."""
        return rows(n, self.config.length, generator, is_test=True)

    def encode(self, text: str) -> Int[Tensor, " T"]:
        """Return the token ids of words set apart by spaces, beginning with a story's start.

        Raises:
            TargetError: A word is not in the vocabulary, or there are too many.
        """
        ids = {word: at for at, word in enumerate(self.words)}
        said = text.split()
        said = said if said[:1] == [self.words[0]] else [self.words[0], *said]
        unknown = [word for word in said if word not in ids]
        if unknown:
            raise TargetError(
                f"{self.name} does not know the word {unknown[0]!r}; it knows: "
                + " ".join(self.words)
            )
        if len(said) > self.config.length:
            raise TargetError(
                f"{len(said)} words are too many for {self.name}: it reads {self.config.length}, "
                "the start of the story included"
            )
        return torch.tensor([ids[word] for word in said])

    def probes(self) -> Int[Tensor, "1 T"]:
        """Return one row; there is no input for a single feature."""
        return self.batch(1, generator_for(self.name, "probe"))

    def active_features(self, x: Int[Tensor, "batch T"]) -> Bool[Tensor, "batch T vocabulary"]:
        """Say which word stands at each position."""
        return x.unsqueeze(-1) == torch.arange(len(self.words))

    def mechanisms(self) -> dict[str, Mechanisms]:
        """Return nothing: how it does what it does is what we want to know."""
        return {}

    def tensors(self) -> dict[str, Tensor]:
        """Return what `StoryworldRecipe.restore` needs to make this target again."""
        return dict(self.model.state_dict())


@dataclass(frozen=True)
class StoryworldRecipe:
    """How to get a model of the stories: by training, or from saved weights."""

    name: str
    config: StoryworldConfig

    def train(
        self, seed: int, on_progress: Callable[[int, int], None] | None = None
    ) -> StoryworldTarget:
        """Train models until one does all tasks.

        Raises:
            TargetError: No attempt did.
        """
        config = self.config
        corpus = rows(config.n_rows, config.length, generator_for(self.name, "corpus"))
        for attempt in range(1, config.max_attempts + 1):
            generator = generator_for(self.name, seed, attempt)
            model = Transformer(config.transformer(), generator)
            fit(model, _drawing_from(corpus, generator), config.fit, on_progress)
            tasks = accuracies(model, config)
            logger.info("%s seed %s attempt %s: %s", self.name, seed, attempt, described(tasks))
            if all(task.accuracy >= config.min_accuracy for task in tasks.values()):
                return StoryworldTarget(self.name, seed, attempt, config, model, tasks)
        raise TargetError(
            f"{self.name}, seed {seed}: none of {config.max_attempts} trained models does every "
            f"task on {config.min_accuracy:.0%} of the held-out sentences (the last one: "
            f"{described(tasks)}); take another seed, or train for more steps"
        )

    def restore(self, seed: int, attempts: int, tensors: Mapping[str, Tensor]) -> StoryworldTarget:
        """Make the target again from the tensors it was saved with."""
        model = Transformer(self.config.transformer(), generator_for("overwritten"))
        model.load_state_dict(dict(tensors))
        model.eval().requires_grad_(False)
        tasks = accuracies(model, self.config)
        return StoryworldTarget(self.name, seed, attempts, self.config, model, tasks)


def rows(
    n: int, length: int, generator: torch.Generator, is_test: bool = False
) -> Int[Tensor, "n T"]:
    """Write n rows of stories laid end to end, each beginning with a story and cut at its end."""
    ids = {word: at for at, word in enumerate(vocabulary())}
    dice = Dice(generator)
    written = []
    for _ in range(n):
        row: list[int] = []
        while len(row) < length:
            row += [ids[word] for word in write_story(dice, is_test).words]
        written.append(row[:length])
    return torch.tensor(written)


@torch.no_grad()
def accuracies(model: Transformer, config: StoryworldConfig) -> dict[str, Task]:
    """Measure how often each task is done, on held-out sentences that are always the same."""
    dice = Dice(generator_for("storyworld", "test"))
    stories = [write_story(dice, is_test=True) for _ in range(config.n_test_stories)]
    words = vocabulary()
    ids = {word: at for at, word in enumerate(words)}
    rows_of = [_padded([ids[word] for word in story.words], config.length) for story in stories]
    logits = model(torch.tensor(rows_of))
    done: dict[str, list[bool]] = {task: [] for task in TASKS}
    for story, row in zip(stories, logits, strict=True):
        for probe in story.probes:
            if probe.position < config.length:
                done[probe.task].append(_is_done(probe, row[probe.position - 1], ids, words))
    return {task: Task(sum(of) / max(1, len(of)), len(of)) for task, of in done.items()}


def described(tasks: Mapping[str, Task]) -> str:
    """Say how well each task is done, in one line."""
    return ", ".join(f"{name} {task.accuracy:.3f} of {task.n}" for name, task in tasks.items())


def _is_done(probe: Probe, logits: Tensor, ids: Mapping[str, int], words: Sequence[str]) -> bool:
    """Say whether the likeliest of the words to choose from is accepted."""
    among = sorted(probe.among) or words
    chosen = among[int(logits[[ids[word] for word in among]].argmax())]
    return chosen in probe.accepted


def _padded(tokens: Sequence[int], length: int) -> list[int]:
    """Cut or fill up a row; what is filled in comes after all that is looked at."""
    return [*tokens, *[0] * length][:length]


def _drawing_from(
    corpus: Int[Tensor, "rows T"], generator: torch.Generator
) -> Callable[[int], Tensor]:
    """Return what draws so many rows of a corpus at random."""
    return lambda n: corpus[torch.randint(len(corpus), (n,), generator=generator)]
