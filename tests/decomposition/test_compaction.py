"""Dead subcomponents cost nothing, change nothing, and come back."""

import pytest
import torch

from decomposition.adversary import AdversaryConfig
from decomposition.attempt import Attempt, trained_parameters
from decomposition.compaction import CompactionConfig
from decomposition.config import DecompositionConfig
from decomposition.masks import Mask
from decomposition.objective import remainders
from decomposition.seeds import generator_for
from decomposition.training import decompose
from tests.decomposition.pentagon import pentagon_target
from tests.decomposition.small_transformer import transformer_decomposition

IMPORTANCES = ["inner_activation", "input_vector", "shared_transformer"]
BASE = DecompositionConfig(
    n_subcomponents=6,
    n_hidden=8,
    restarts=1,
    steps=10,
    batch_size=8,
    warm_up_steps=0,
    n_objective=20,
    merge_zero_rows=False,
    layerwise=0.0,
    adversarial=1.0,
    adversary=AdversaryConfig(kind="persistent", scope="row"),
    compaction=CompactionConfig(every=6, awake=2),
)
DEAD = (1, 4)


def begun(importance: str, **changes) -> Attempt:
    """A training in which the same two subcomponents of every matrix are dead."""
    target = transformer_decomposition().target
    config = BASE.model_copy(update={"importance": importance, **changes})
    attempt = Attempt(target, config, 0)
    for name in attempt.model.layers:
        for number in DEAD:
            attempt.model.importance_networks.switch_off(name, number)
    return attempt


def sizes(attempt: Attempt) -> set[int]:
    return {parts.V.shape[0] for parts in attempt.model.subcomponents.values()}


def snapshot(attempt: Attempt) -> dict[str, torch.Tensor]:
    return {name: tensor.detach().clone() for name, tensor in attempt.tensors().items()}


@pytest.mark.parametrize("importance", IMPORTANCES)
def test_what_is_set_aside_changes_no_output_and_no_faithfulness(importance: str):
    attempt = begun(importance)
    model, x = attempt.model, attempt.model.network.embed.weight.new_zeros(3, 6).long()
    x[1], x[2] = 3, torch.arange(6)
    attempt.advance()
    before = model.importance(x)
    expected = model(x, {name: Mask(g) for name, g in before.items()})
    left = remainders(model)

    compaction = attempt._compaction
    compaction.compact(compaction.living(attempt._target.batch(64, generator_for("x"))))

    after = model.importance(x)
    kept = compaction.kept
    assert max(sizes(attempt)) <= 4
    for name, g in after.items():
        torch.testing.assert_close(g, before[name][..., kept[name]], rtol=1e-5, atol=1e-6)
    found = model(x, {name: Mask(g) for name, g in after.items()})
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(remainders(model), left, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("importance", IMPORTANCES)
def test_put_in_again_all_is_as_it_was_to_the_last_bit(importance: str):
    attempt = begun(importance)
    attempt.advance()
    before = snapshot(attempt)

    compaction = attempt._compaction
    compaction.compact({name: torch.tensor([0, 2, 5]) for name in attempt.model.layers})
    assert sizes(attempt) == {3}
    compaction.expand()

    after = snapshot(attempt)
    assert before.keys() == after.keys()
    assert all(torch.equal(tensor, after[name]) for name, tensor in before.items())


def test_steps_are_small_between_the_times_when_all_are_tried():
    attempt = begun("shared_transformer")
    seen = []

    for _ in range(9):
        attempt.advance()
        seen.append(max(sizes(attempt)))

    assert seen[:2] == [6, 6]  # all are awake
    assert max(seen[2:6]) <= 4
    assert seen[6:8] == [6, 6]
    assert seen[8] <= 4
    dead = snapshot(attempt)["optimizer.0.exp_avg"][list(DEAD)]
    assert dead.any(), "their moments were not lost"


def test_one_that_is_needed_again_stays():
    attempt = begun("shared_transformer")
    for _ in range(7):
        attempt.advance()

    with torch.no_grad():
        attempt.model.importance_networks.write.bias[1] = 0.5
    attempt.advance()
    attempt.advance()

    first = next(iter(attempt.model.layers))
    assert attempt._compaction.kept[first].tolist().count(1) == 1
    assert 4 not in attempt._compaction.kept[first].tolist()


def test_where_nothing_is_dead_a_training_is_as_without():
    target = pentagon_target()
    config = BASE.model_copy(update={"importance_start": 1.0, "minimality": 0.0})

    plain = decompose(target, config.model_copy(update={"compaction": None}))
    compacted = decompose(target, config)

    assert compacted.losses == plain.losses
    expected = trained_parameters(plain.model)
    assert all(torch.equal(p, expected[n]) for n, p in trained_parameters(compacted.model).items())


@pytest.mark.parametrize("importance", IMPORTANCES)
@pytest.mark.parametrize("step", [4, 7])
def test_a_training_with_some_aside_resumes_to_the_last_bit(importance: str, step: int):
    one = begun(importance)
    for _ in range(step):
        one.advance()
    other = Attempt(one._target, one._config, 0)

    other.restore(one.step, snapshot(one))
    for _ in range(3):
        one.advance()
        other.advance()

    assert one.check() == other.check()
    found = snapshot(other)
    assert all(torch.equal(tensor, found[name]) for name, tensor in snapshot(one).items())


def test_a_decomposition_ends_whole_with_tied_matrices_too():
    found = decompose(pentagon_target(), BASE.model_copy(update={"importance_start": -0.5}))

    assert {parts.V.shape[0] for parts in found.model.subcomponents.values()} == {6}
    assert {g.shape[-1] for g in found.model.importance(found.target.probes()).values()} == {6}
