"""What inputs and outputs of a target are called: words where it has words, numbers elsewhere."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from torch import Tensor

from decomposition.errors import EditError, ExperimentError
from decomposition.seeds import generator_for
from decomposition.targets import Target


@runtime_checkable
class Reader(Protocol):
    """A target that reads text."""

    @property
    def words(self) -> Sequence[str]:
        """The word of each token id."""

    def encode(self, text: str) -> Tensor:
        """Return the token ids of a text."""


def input_words(target: Target, x: Tensor) -> list[str]:
    """Return what stands at each position of one input; nothing if it is a vector."""
    if x.is_floating_point():
        return []
    if isinstance(target, Reader):
        return [target.words[token] for token in x.flatten().tolist()]
    return [f"token {token}" for token in x.flatten().tolist()]


def symbol_word(target: Target, symbol: int) -> str:
    """Return the name of a token id, or of a feature."""
    if isinstance(target, Reader):
        return target.words[symbol]
    return f"{'token' if target.is_categorical else 'feature'} {symbol}"


def entry_word(target: Target, entry: int) -> str:
    """Return the name of a number of an input that is an array: a feature, or a pixel."""
    return f"{'entry' if target.is_categorical else 'feature'} {entry}"


def output_words(target: Target, index: int) -> str:
    """Return the name of an entry of the output."""
    if target.is_categorical:
        return symbol_word(target, index)
    return f"output {index}"


def output_index(target: Target, word: str) -> int:
    """Return the entry of the output that a word or a number means.

    Raises:
        EditError: There is no such word, and it is no number.
    """
    if isinstance(target, Reader) and word in target.words:
        return list(target.words).index(word)
    if word.isdecimal():
        return int(word)
    raise EditError(f"{target.name} has no output {word!r}; say a word it knows, or a number")


def input_for(target: Target, prompt: str | None, probe: int | None, sample: int | None) -> Tensor:
    """Return one input: a text, the input of one feature alone, or one of the target's data.

    Raises:
        ExperimentError: Not exactly one of them is said, or there is no such input.
    """
    if sum(each is not None for each in (prompt, probe, sample)) != 1:
        raise ExperimentError("say one of: a prompt, a probe, a sample")
    if prompt is not None:
        if not isinstance(target, Reader):
            raise ExperimentError(f"{target.name} reads no text; say a probe or a sample")
        return target.encode(prompt)
    if probe is not None:
        probes = target.probes()
        if probe >= len(probes):
            raise ExperimentError(f"{target.name} has {len(probes)} probes, from 0")
        return probes[probe]
    drawn: Tensor = target.batch((sample or 0) + 1, generator_for("samples", target.name))
    return drawn[-1]
