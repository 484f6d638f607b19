"""A language model of Hugging Face's format as a target: from a local folder, or by hub id.

Its weights come from safetensors and its code from the installed library: a folder that holds
only pickles, or wants to bring code of its own, is refused, for both could run anything. Its text
comes from a file, or from a folder of files, on disk. Some matrices are decomposed, chosen by
patterns; the rest stays as it is.

Such a target is called `pretrained:MODEL@TEXT`, so that a stored decomposition says what it is of.
A checkpoint does not hold the model but its SHA-256: it is loaded from where it was, and refused
if it has changed there.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, cast, runtime_checkable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from decomposition.errors import TargetError
from decomposition.matrices import layout_of
from decomposition.targets.mechanisms import Mechanisms

PREFIX = "pretrained:"
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")
PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
TEXTS = (".txt", ".md", ".jsonl")


class CausalModel(nn.Module):
    """A causal language model that takes tokens and returns logits, and nothing else."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, tokens: Int[Tensor, "batch T"]) -> Float[Tensor, "batch T vocabulary"]:
        """Return the logits of the token after each."""
        logits: Tensor = self.network(input_ids=tokens, use_cache=False).logits
        return logits


@dataclass(frozen=True)
class PretrainedTarget:
    """A language model that others trained, with text to run it on."""

    name: str
    seed: int
    attempts: int
    model: CausalModel
    tokens: Tensor
    """Shape `n`: the text."""

    words: tuple[str, ...]
    """What each token id stands for."""

    length: int
    """Tokens of a row."""

    is_categorical = True
    blocks: Mapping[str, int | None] = field(default_factory=dict)

    @property
    def transposes(self) -> dict[str, str | None]:
        """Every linear layer between the embedding and the head."""
        find_head = cast(Callable[[], nn.Module], self.model.network.get_output_embeddings)
        head = find_head()
        return {
            path: None
            for path, module in self.model.named_modules()
            if layout_of(module) is not None
            and not isinstance(module, nn.Embedding)
            and module is not head
        }

    def batch(self, n: int, generator: torch.Generator) -> Int[Tensor, "n T"]:
        """Draw n windows of the text, anywhere in it."""
        last = len(self.tokens) - self.length
        starts = torch.randint(last + 1, (n, 1), generator=generator)
        return self.tokens[starts + torch.arange(self.length)]

    def probes(self) -> Int[Tensor, "1 T"]:
        """Return the first row; there is no input for a single feature."""
        return self.tokens[None, : self.length]

    def active_features(self, x: Int[Tensor, "batch T"]) -> Bool[Tensor, "batch 1"]:
        """Return one feature that is always there: tokens are too many to be told apart so."""
        return torch.ones(len(x), 1, dtype=torch.bool)

    def mechanisms(self) -> dict[str, Mechanisms]:
        """Return nothing: nobody knows."""
        return {}

    def tensors(self) -> dict[str, Tensor]:
        """Return what tells whether a model is this one: the SHA-256 of its weights, as bytes."""
        digest = hashlib.sha256()
        for name, tensor in sorted(self.model.state_dict().items()):
            digest.update(name.encode())
            digest.update(tensor.contiguous().numpy().tobytes())
        return {"sha256": torch.frombuffer(bytearray(digest.digest()), dtype=torch.uint8)}


@dataclass(frozen=True)
class PretrainedRecipe:
    """How to get a model that others trained: by loading it."""

    name: str
    """`pretrained:MODEL@TEXT`."""

    length: int = 64
    """Tokens of a row."""

    def train(
        self, seed: int, on_progress: Callable[[int, int], None] | None = None
    ) -> PretrainedTarget:
        """Load the model and its text; nothing is trained, and the seed changes nothing.

        Raises:
            TargetError: There is no such model or text, or it cannot be had without running
                code of its own, or its logits are not finite.
        """
        model_name, _, text = self.name.removeprefix(PREFIX).rpartition("@")
        if not model_name or not text:
            raise TargetError(
                f"{self.name!r} does not say which model to read what text with; call it "
                f"{PREFIX}FOLDER@FILE"
            )
        network, tokenizer = _load(model_name)
        tokens = _tokens(Path(text), tokenizer, self.length)
        words = tuple(tokenizer.convert_ids_to_tokens(range(_vocabulary_size(network))))
        model = CausalModel(network)
        with torch.no_grad():
            if not model(tokens[None, : self.length]).isfinite().all():
                raise TargetError(f"{model_name} gives logits that are not finite on {text}")
        if on_progress is not None:
            on_progress(1, 1)
        return PretrainedTarget(self.name, seed, 1, model, tokens, words, self.length)

    def restore(self, seed: int, attempts: int, tensors: Mapping[str, Tensor]) -> PretrainedTarget:  # noqa: ARG002 -- nothing was attempted
        """Load the model again, and make sure that it is the one that was decomposed."""
        target = self.train(seed)
        if not torch.equal(target.tensors()["sha256"], tensors["sha256"]):
            raise TargetError(
                f"the weights of {self.name} are not those that were decomposed; put the old ones "
                "back, or decompose it again"
            )
        return target


@runtime_checkable
class _Tokenizer(Protocol):
    """What we ask of a tokenizer; the library's own classes are made at run time."""

    def __call__(self, text: str, *, add_special_tokens: bool, verbose: bool) -> dict[str, Any]: ...

    def convert_ids_to_tokens(self, ids: Sequence[int]) -> list[str]: ...


def _load(name: str) -> tuple[nn.Module, _Tokenizer]:
    folder = Path(name)
    if folder.is_dir():
        _check(folder)
    elif not HUB_ID.fullmatch(name):
        raise TargetError(f"{name} is no folder, and no name that a hub could know")
    from transformers import AutoModelForCausalLM, AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(name, trust_remote_code=False)
        network: nn.Module = AutoModelForCausalLM.from_pretrained(
            name, use_safetensors=True, trust_remote_code=False, dtype=torch.float32
        )
    except (OSError, ValueError, KeyError, ImportError) as error:
        where = "this folder" if folder.is_dir() else "the hub (is there a network?)"
        raise TargetError(f"{name} cannot be loaded from {where}: {error}") from error
    return network.eval().requires_grad_(False), cast(_Tokenizer, tokenizer)


def _vocabulary_size(network: nn.Module) -> int:
    """Return how many logits there are, which may be more than the tokenizer has words."""
    size: int = cast(Any, network).config.vocab_size  # its class is made at run time
    return size


def _check(folder: Path) -> None:
    """Refuse a folder that is not a model, holds only pickles, or wants to run its own code."""
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TargetError(f"{folder} holds no readable config.json: {error}") from error
    if "auto_map" in config:
        raise TargetError(
            f"{folder} wants to run code of its own (auto_map in config.json), which is never "
            "done; take a model whose architecture the installed transformers knows"
        )
    names = sorted(path.name for path in folder.iterdir())
    if any(name.endswith(".safetensors") for name in names):
        return
    pickles = [name for name in names if name.endswith(PICKLES)]
    if pickles:
        raise TargetError(
            f"{folder} holds its weights only as {pickles[0]}, a pickle, which could run "
            "anything when it is opened; where you trust it, convert it with "
            "model.save_pretrained(folder), which writes safetensors"
        )
    raise TargetError(f"{folder} holds no .safetensors")


def _tokens(path: Path, tokenizer: _Tokenizer, length: int) -> Int[Tensor, " n"]:
    """Read and encode a text, its files one after the other in the order of their names."""
    ids: list[int] = []
    for text in _texts(path):
        ids += tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
    if len(ids) < length:
        raise TargetError(f"{path} has {len(ids)} tokens; a row alone has {length}")
    return torch.tensor(ids)


def _texts(path: Path) -> Iterator[str]:
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    files = [file for file in files if file.suffix in TEXTS or file == path]
    if not files:
        raise TargetError(f"{path} holds no text ({', '.join(TEXTS)})")
    for file in files:
        try:
            text = file.read_text(encoding="utf-8")
            if file.suffix == ".jsonl":
                yield from (json.loads(line)["text"] for line in text.splitlines() if line)
            else:
                yield text
        except (OSError, UnicodeDecodeError) as error:
            raise TargetError(f"{file} cannot be read as text: {error}") from error
        except (ValueError, KeyError, TypeError) as error:
            raise TargetError(f"{file}: every line has to be JSON with a text: {error}") from error
