import pytest
import torch

from decomposition.attempt import Attempt, counts_for, fresh_model
from decomposition.config import DecompositionConfig, config_of
from decomposition.objective import remainders
from decomposition.seeds import generator_for
from decomposition.targets.lessons import LessonConfig, LessonRecipe
from decomposition.targets.mixer import Reversal
from tests.decomposition.small_transformer import transformer_decomposition

IMPORTANCES = ["inner_activation", "input_vector", "shared_transformer"]


@pytest.fixture(scope="module")
def target():
    from decomposition.targets.induction import SIZE, Induction

    size = SIZE.model_copy(update={"d_model": 8, "n_layers": 1})
    config = LessonConfig(steps=1, batch_size=2, n_test=2, min_accuracy=0)
    return LessonRecipe("induction", Induction(size), config).train(0)


@pytest.mark.parametrize("importance", IMPORTANCES)
def test_all_importances_start_near_what_they_are_told_to(target, importance):
    x = target.batch(20, generator_for("x"))

    def started(at):
        config = DecompositionConfig(
            n_subcomponents=8, importance=importance, importance_start=at, n_hidden=32
        )
        return fresh_model(target, config, generator_for("fresh")).importance(x).values()

    # random answers are off as often as not
    assert all(0.2 < (g == 0).float().mean() < 0.8 for g in started(None))
    assert all((g - 0.5).abs().mean() < 0.15 for g in started(0.5))
    assert all(g.mean() > 0.85 for g in started(1.0))


def test_a_singular_start_leaves_no_remainder(target):
    config = DecompositionConfig(n_subcomponents=8, initialisation="singular")

    model = fresh_model(target, config, generator_for("fresh"))

    assert max(left.abs().max().item() for left in remainders(model)) < 1e-5


def test_each_matrix_gets_as_many_subcomponents_as_its_rank_asks_for():
    target = transformer_decomposition().target
    config = config_of("pretrained:model@text.txt")

    assert set(counts_for(target, config).values()) == {8}
    halved = config.model_copy(update={"subcomponents_per_rank": 0.5})
    assert set(counts_for(target, halved).values()) == {4}
    named = config.model_copy(update={"matrices": {"blocks.1.up": 3}})
    assert counts_for(target, named) == {"blocks.1.up": 3}
    model = fresh_model(target, config, generator_for("fresh"))
    assert max(left.abs().max().item() for left in remainders(model)) < 1e-5


def test_importance_networks_learn_at_their_own_rate():
    config = LessonConfig(steps=1, batch_size=2, n_test=2, min_accuracy=0)
    target = LessonRecipe("mixer", Reversal(), config).train(0)
    rates = {"learning_rate": 0.001, "importance_rate": 20.0, "schedule": "constant"}
    config = DecompositionConfig(
        n_subcomponents=4, batch_size=4, steps=2, merge_zero_rows=False, clip_norm=None, **rates
    )
    attempt = Attempt(target, config, 0)

    def parameters(of):
        return torch.cat([p.detach().flatten().clone() for p in of])

    networks = attempt.model.importance_networks
    parts = [p for of in attempt.model.subcomponents.values() for p in of.parameters()]
    before = parameters(networks.parameters()), parameters(parts)

    attempt.advance()

    moved, moved_parts = (
        (parameters(of) - old).abs().max().item()
        for of, old in zip((networks.parameters(), parts), before, strict=True)
    )
    # the first step of Adam is as long as its rate
    assert moved == pytest.approx(0.02, rel=0.01)
    assert moved_parts == pytest.approx(0.001, rel=0.01)
