"""Tiny random models of three architectures, saved as anybody's would be."""

import json

import pytest
import torch

from decomposition.adversary import AdversaryConfig
from decomposition.attempt import fresh_model
from decomposition.checkpoints import load, save
from decomposition.config import DecompositionConfig
from decomposition.errors import SplitError, TargetError
from decomposition.masks import Mask
from decomposition.seeds import generator_for
from decomposition.targets import find_recipe
from decomposition.targets.pretrained import PretrainedRecipe
from decomposition.training import decompose

TEXT = "the queen lost her crown in the garden and the king found it . " * 20
WORDS = ["[UNK]", *sorted(set(TEXT.split()))]


def _tokenizer():
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = Tokenizer(models.WordLevel({word: at for at, word in enumerate(WORDS)}, "[UNK]"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=words, unk_token="[UNK]")


def _config(kind):
    import transformers

    size = {"vocab_size": len(WORDS), "bos_token_id": 0, "eos_token_id": 0}
    if kind == "gpt2":
        return transformers.GPT2Config(n_embd=16, n_layer=2, n_head=2, n_positions=64, **size)
    common = {
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        **size,
    }
    if kind == "llama":
        return transformers.LlamaConfig(num_key_value_heads=1, **common)
    return transformers.GPTNeoXConfig(**common)


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text(TEXT, encoding="utf-8")
    return path


@pytest.fixture(params=["gpt2", "llama", "gpt_neox"])
def folder(request, tmp_path):
    return _saved(request.param, tmp_path)


@pytest.fixture
def gpt2(tmp_path):
    return _saved("gpt2", tmp_path)


def _saved(kind, tmp_path):
    from transformers import AutoModelForCausalLM

    folder = tmp_path / kind
    with torch.random.fork_rng():
        torch.manual_seed(0)
        AutoModelForCausalLM.from_config(_config(kind)).save_pretrained(folder)
    _tokenizer().save_pretrained(folder)
    return folder


def _target(folder, text):
    return PretrainedRecipe(f"pretrained:{folder}@{text}", length=16).train(0)


def test_a_model_from_a_folder_reads_its_text_and_is_never_written_to(folder, text):
    target = _target(folder, text)
    x = target.batch(3, generator_for("x"))
    before = {name: tensor.clone() for name, tensor in target.model.state_dict().items()}
    config = DecompositionConfig(
        matrices={"*layers.0*": 4} if "gpt2" not in str(folder) else {"*.h.0.*": 4},
        importance="shared_transformer",
        n_hidden=8,
        restarts=1,
        steps=3,
        batch_size=2,
        n_objective=4,
        layerwise=0,
        adversarial=1,
        adversary=AdversaryConfig(steps=1),
        merge_zero_rows=False,
        warm_up_steps=1,
    )

    decomposition = decompose(target, config)

    assert x.shape == (3, 16)
    said = " ".join(target.words[token] for token in x[0])
    assert said in " ".join(TEXT.split())
    assert all(torch.equal(target.model.state_dict()[name], of) for name, of in before.items())
    assert decomposition.model.layers
    assert all("0" in path for path in decomposition.model.layers)


def test_with_all_of_it_kept_the_split_model_is_the_model(folder, text):
    target = _target(folder, text)
    model = fresh_model(target, DecompositionConfig(n_subcomponents=3), generator_for("fresh"))
    x = target.batch(2, generator_for("x"))
    whole = {name: Mask(torch.ones(3), torch.ones(1)) for name in model.layers}
    with torch.no_grad():
        expected = target.model(x)

        torch.testing.assert_close(model(x, whole), expected, rtol=1e-4, atol=1e-5)
        assert not torch.allclose(
            model(x, {name: Mask(torch.zeros(3)) for name in model.layers}), expected
        )
    assert len(model.layers) == len(target.transposes)


def test_all_matrices_between_embedding_and_head_can_be_split(gpt2, text):
    assert sorted({path.split(".h.")[1] for path in _target(gpt2, text).transposes}) == sorted(
        f"{layer}.{matrix}"
        for layer in (0, 1)
        for matrix in ("attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj")
    )


def test_a_checkpoint_finds_its_model_again_and_refuses_a_changed_one(gpt2, text, tmp_path):
    config = DecompositionConfig(
        n_subcomponents=2,
        n_hidden=4,
        restarts=1,
        steps=2,
        batch_size=2,
        n_objective=2,
        merge_zero_rows=False,
        warm_up_steps=0,
    )
    target = find_recipe(f"pretrained:{gpt2}@{text}").train(0)
    saved = decompose(target, config)
    paths = save(saved, tmp_path / "run")
    x = target.batch(2, generator_for("x"))

    again = load(tmp_path / "run")

    name = next(iter(saved.model.layers))
    assert torch.equal(again.model.importance(x)[name], saved.model.importance(x)[name])
    assert sum(path.stat().st_size for path in paths) < 100_000
    weights = gpt2 / "model.safetensors"
    changed = bytearray(weights.read_bytes())
    changed[-2] ^= 1
    weights.write_bytes(changed)
    with pytest.raises(TargetError, match="are not those that were decomposed"):
        load(tmp_path / "run")


def test_a_folder_with_only_pickles_is_refused_and_not_opened(gpt2, text):
    (gpt2 / "model.safetensors").unlink()
    (gpt2 / "pytorch_model.bin").write_bytes(b"not even a pickle")

    with pytest.raises(TargetError, match=r"only as pytorch_model\.bin, a pickle"):
        _target(gpt2, text)


def test_a_folder_that_brings_code_is_refused_and_the_code_does_not_run(gpt2, text, tmp_path):
    config = json.loads((gpt2 / "config.json").read_text(encoding="utf-8"))
    config["auto_map"] = {"AutoModelForCausalLM": "mine.Model"}
    (gpt2 / "config.json").write_text(json.dumps(config), encoding="utf-8")
    (gpt2 / "mine.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')", encoding="utf-8")

    with pytest.raises(TargetError, match="wants to run code of its own"):
        _target(gpt2, text)

    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("pretrained:somewhere", "does not say which model to read what text with"),
        ("pretrained:/no/such/folder@{text}", "is no folder, and no name that a hub could know"),
        ("pretrained:{tmp}@{text}", r"holds no readable config\.json"),
        ("pretrained:{gpt2}@{tmp}/none.txt", "cannot be read as text"),
        ("pretrained:{gpt2}@{gpt2}/empty", "holds no text"),
    ],
)
def test_what_cannot_be_loaded_is_refused(gpt2, text, tmp_path, name, message):
    (gpt2 / "empty").mkdir()
    (tmp_path / "bare").mkdir()
    name = name.format(gpt2=gpt2, text=text, tmp=tmp_path / "bare")

    with pytest.raises(TargetError, match=message):
        find_recipe(name).train(0)


def test_a_folder_of_texts_is_read_in_the_order_of_names(gpt2, tmp_path):
    folder = tmp_path / "texts"
    folder.mkdir()
    (folder / "b.jsonl").write_text('{"text": "king"}\n{"text": "garden"}\n', encoding="utf-8")
    (folder / "a.txt").write_text("queen " * 70, encoding="utf-8")
    (folder / "c.png").write_bytes(b"\xff")

    target = find_recipe(f"pretrained:{gpt2}@{folder}").train(0)

    assert [target.words[token] for token in target.tokens[-3:]] == ["queen", "king", "garden"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", "the king", r"has 2 tokens; a row alone has 64"),
        ("a.jsonl", '{"words": 1}', "every line has to be JSON with a text"),
    ],
)
def test_a_text_that_is_none_is_refused(gpt2, tmp_path, name, content, message):
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")

    with pytest.raises(TargetError, match=message):
        find_recipe(f"pretrained:{gpt2}@{path}").train(0)


def test_logits_that_are_not_finite_are_refused(gpt2, text):
    from safetensors.torch import load_file, save_file

    weights = load_file(gpt2 / "model.safetensors")
    weights["transformer.ln_f.bias"][0] = float("nan")
    save_file(weights, gpt2 / "model.safetensors", metadata={"format": "pt"})

    with pytest.raises(TargetError, match="logits that are not finite"):
        _target(gpt2, text)


def test_a_pattern_that_matches_nothing_is_refused(gpt2, text):
    config = DecompositionConfig(matrices={"*.h.7.*": 4})

    with pytest.raises(SplitError, match="matches no module"):
        fresh_model(_target(gpt2, text), config, generator_for("fresh"))
