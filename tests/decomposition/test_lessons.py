"""Three architectures, each trained, accepted, and decomposed for a few steps."""

import logging

import pytest
import torch

from decomposition.adversary import AdversaryConfig
from decomposition.attempt import fresh_model
from decomposition.config import DecompositionConfig
from decomposition.errors import TargetError
from decomposition.harvest import HarvestConfig, harvest
from decomposition.masks import Mask
from decomposition.metrics import MetricsConfig, evaluate
from decomposition.seeds import generator_for
from decomposition.targets import TARGETS
from decomposition.targets.convolution import STROKES, Strokes
from decomposition.targets.induction import Induction
from decomposition.targets.lessons import NOT_ASKED, LessonConfig, LessonRecipe
from decomposition.targets.mixer import Reversal
from decomposition.training import Decomposition, decompose

LESSONS = {"induction": Induction(), "convolution": Strokes(), "mixer": Reversal()}
CONFIG = DecompositionConfig(
    n_subcomponents=56,
    restarts=1,
    steps=20,
    batch_size=8,
    n_objective=8,
    layerwise=0,
    adversarial=1,
    adversary=AdversaryConfig(steps=1),
    merge_zero_rows=False,
    warm_up_steps=150,
    warm_up_weight_decay=0,
)


@pytest.fixture(scope="module", params=LESSONS)
def target(request):
    return few_steps(request.param, steps=60).train(0)


def few_steps(name, steps=2, min_accuracy=0.0):
    config = LessonConfig(
        steps=steps, batch_size=8, n_test=50, min_accuracy=min_accuracy, max_attempts=2
    )
    return LessonRecipe(name, LESSONS[name], config)


@pytest.mark.slow
@pytest.mark.parametrize("name", LESSONS)
def test_every_lesson_is_learned(name):
    assert TARGETS[name].train(0).accuracy >= 0.95


def test_any_architecture_is_decomposed_and_whole_where_everything_is_kept(target):
    decomposition = decompose(target, CONFIG)
    model, x = decomposition.model, target.batch(16, generator_for("x"))
    found = evaluate(decomposition, MetricsConfig(n=16, harvest=HarvestConfig(n=32)))
    summaries = harvest(decomposition, HarvestConfig(n=32))
    with torch.no_grad():
        whole = {name: Mask(torch.ones(56), torch.ones(1)) for name in model.layers}

        torch.testing.assert_close(model(x, whole), target.model(x), rtol=1e-4, atol=1e-4)

    # the sums are near the weights, beside weights with entries of this mean square
    squares = torch.cat([weight.flatten() for weight in model.weights.values()]).square().mean()
    assert found["faithfulness"] < 0.1 * squares
    assert found["reconstruction_unmasked"] < 0.5 * found["reconstruction_off"]
    assert list(model.layers) == list(target.transposes)
    assert len(summaries) == 56 * len(model.layers)
    assert all(0 <= summary.mean_importance <= 1 for summary in summaries)


def test_right_answers_are_lost_with_everything_and_kept_with_it(target):
    model = fresh_model(
        target, CONFIG.model_copy(update={"initialisation": "singular"}), generator_for("fresh")
    )
    decomposition = Decomposition(target, CONFIG, model, {}, 0.0, 0.0)
    x, y = target.examples(40, generator_for("metrics", "reconstruction", 0))
    asked = y != NOT_ASKED
    right = target.model(x)[asked].log_softmax(dim=-1).gather(-1, y[asked].unsqueeze(-1))

    found = evaluate(decomposition, MetricsConfig(n=40, harvest=HarvestConfig(n=32)))

    assert torch.equal(target.batch(40, generator_for("metrics", "reconstruction", 0)), x)
    assert found["ce_target"] == pytest.approx(-right.mean().item(), rel=1e-5)
    assert found["ce_unmasked"] == pytest.approx(found["ce_target"], rel=1e-3)
    assert found["ce_recovered_unmasked"] == pytest.approx(1, abs=1e-2)
    assert found["ce_recovered_off"] == 0
    assert found["ce_off"] > found["ce_target"]


@pytest.mark.parametrize("name", LESSONS)
def test_a_network_made_again_from_its_tensors_says_the_same(name):
    recipe = few_steps(name)
    target = recipe.train(0)
    x = target.batch(3, generator_for("x"))

    again = recipe.restore(0, target.attempts, target.tensors())

    assert torch.equal(again.model(x), target.model(x))
    assert again.accuracy == target.accuracy


@pytest.mark.parametrize("name", LESSONS)
def test_the_same_seed_trains_the_same_network_and_another_one_another(name):
    first, again, other = (few_steps(name).train(seed) for seed in (0, 0, 1))
    x = first.batch(3, generator_for("x"))

    assert torch.equal(first.model(x), again.model(x))
    assert not torch.allclose(first.model(x), other.model(x))


def test_a_lesson_that_is_not_learned_is_an_error(caplog):
    with (
        caplog.at_level(logging.INFO),
        pytest.raises(TargetError, match=r"none of 2 trained networks gives 100% right answers"),
    ):
        few_steps("mixer", min_accuracy=1.0).train(0)

    assert caplog.text.count("right") >= 2


def test_rows_for_induction_repeat_a_stretch_without_repetitions():
    x, y = Induction().examples(50, generator_for("x"))

    for row, answers in zip(x.tolist(), y.tolist(), strict=True):
        period = next(p for p in range(1, 24) if row[p:] == row[: 24 - p])
        assert 6 <= period <= 12
        assert len(set(row)) == period
        assert answers[:period] == [NOT_ASKED] * period
        assert answers[period:-1] == row[period + 1 :]
        assert answers[-1] == row[24 - period]


def test_images_hold_the_stroke_that_they_are_named_after():
    x, y = Strokes(noise=0.0).examples(20, generator_for("x"))

    for image, stroke in zip(x[:, 0], y, strict=True):
        rows, columns = image.nonzero(as_tuple=True)
        # the square around the middle pixel, which every stroke has
        top, left = int(rows.sum()) // 3 - 1, int(columns.sum()) // 3 - 1
        assert torch.equal(image[top : top + 3, left : left + 3], STROKES[stroke])
        assert image.sum() == 3


def test_the_right_answer_to_a_sequence_is_the_sequence_from_its_end():
    x, y = Reversal().examples(5, generator_for("x"))

    assert y.tolist() == [row[::-1] for row in x.tolist()]
