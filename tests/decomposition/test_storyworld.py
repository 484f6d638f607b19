import logging

import pytest
import torch

from decomposition.errors import TargetError
from decomposition.seeds import generator_for
from decomposition.targets import TARGETS
from decomposition.targets.storyworld import (
    StoryworldConfig,
    StoryworldRecipe,
    accuracies,
    rows,
)
from decomposition.targets.storyworld_grammar import START, TASKS, vocabulary
from decomposition.targets.transformer import FitConfig, Transformer

TINY = StoryworldConfig(
    n_rows=64,
    n_layers=1,
    n_heads=2,
    d_model=16,
    d_mlp=16,
    fit=FitConfig(steps=3, batch_size=8),
    n_test_stories=20,
    min_accuracy=0,
    max_attempts=1,
)


@pytest.fixture
def tiny():
    return StoryworldRecipe("storyworld", TINY).train(0)


def test_rows_are_of_one_length_and_each_begins_with_a_story():
    written = rows(20, 30, generator_for("rows"))

    assert written.shape == (20, 30)
    assert (written[:, 0] == vocabulary().index(START)).all()
    assert (written[:, 1:] == vocabulary().index(START)).any()


def test_a_target_knows_its_matrices_and_says_logits_of_its_words(tiny):
    x = tiny.batch(2, generator_for("x"))

    assert list(tiny.transposes) == [
        f"blocks.0.{matrix}"
        for matrix in ("attn.q", "attn.k", "attn.v", "attn.o", "mlp.up", "mlp.down")
    ]
    assert tiny.model(x).shape == (2, 48, len(tiny.words))
    assert torch.equal(tiny.active_features(x).float().argmax(dim=-1), x)
    assert (tiny.active_features(x).sum(dim=-1) == 1).all()


def test_every_matrix_is_a_layer_of_the_model(tiny):
    assert all(tiny.model.get_submodule(path).weight.ndim == 2 for path in tiny.transposes)


def test_a_target_made_again_from_its_tensors_says_the_same(tiny):
    again = StoryworldRecipe("storyworld", TINY).restore(0, 1, tiny.tensors())
    x = tiny.batch(2, generator_for("x"))

    assert torch.equal(again.model(x), tiny.model(x))
    assert again.tasks == tiny.tasks


def test_text_is_encoded_from_the_start_of_a_story(tiny):
    tokens = tiny.encode("the princess lost her crown")

    assert [tiny.words[token] for token in tokens] == [
        START, "the", "princess", "lost", "her", "crown",
    ]  # fmt: skip
    assert torch.equal(tiny.encode(f"{START} the princess lost her crown"), tokens)


@pytest.mark.parametrize(
    ("text", "message"),
    [("the dragon slept", "does not know the word 'dragon'"), ("the " * 60, "61 words are too")],
)
def test_text_that_it_cannot_read_is_refused(tiny, text, message):
    with pytest.raises(TargetError, match=message):
        tiny.encode(text)


def test_a_model_that_fails_a_task_is_not_accepted_and_the_message_says_which(caplog):
    recipe = StoryworldRecipe("storyworld", TINY.model_copy(update={"min_accuracy": 0.95}))

    with (
        caplog.at_level(logging.INFO),
        pytest.raises(TargetError, match=r"none of 1 trained models .* induction 0\.\d+ of"),
    ):
        recipe.train(0)

    assert "closing" in caplog.text


def test_a_model_that_always_says_one_word_does_only_what_this_word_does():
    model = Transformer(TINY.transformer(), generator_for("constant"))
    with torch.no_grad():
        model.norm.weight.zero_()
        model.norm.bias[0] = 1
        model.unembed.weight.zero_()
        model.unembed.weight[vocabulary().index("the"), 0] = 1

    tasks = accuracies(model, TINY)

    # an article follows every transitive verb, and is wrong after every other one
    assert 0 < tasks["object"].accuracy < 1
    assert all(tasks[name].accuracy == 0 for name in ("object_kind", "closing", "induction"))


@pytest.mark.slow
def test_the_real_target_does_every_task_on_held_out_sentences():
    recipe = TARGETS["storyworld"]

    target = recipe.train(0)

    assert set(target.tasks) == set(TASKS)
    assert min(task.accuracy for task in target.tasks.values()) >= 0.85
    assert min(task.n for task in target.tasks.values()) >= 100
    assert 200_000 <= sum(p.numel() for p in target.model.parameters()) <= 2_000_000
