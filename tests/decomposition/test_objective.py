"""What one batch costs, and that each run masks what it should."""

import pytest
import torch

from decomposition.adversary import AdversaryConfig
from decomposition.config import LOSSES, DecompositionConfig
from decomposition.masks import Mask, masks_above
from decomposition.objective import Objective, equal_rows, first_not_finite, merge_zero_rows
from decomposition.seeds import generator_for

EVERYTHING = DecompositionConfig(
    subset=1, adversarial=1, hidden=1, frequency=1, minimality_power=2, minimality_power_end=0.5
)


def objective(decomposition, **changes) -> Objective:
    config = DecompositionConfig(**changes)
    return Objective(decomposition.model, False, config, generator_for("masks"))


def test_rows_of_zeros_are_merged_and_keep_their_weight():
    x = torch.tensor([[0.0, 0.0], [0.5, 0.0], [0.0, 0.0], [0.0, 0.25]])

    rows, weights, _ = merge_zero_rows(x)

    assert rows.tolist() == [[0.5, 0.0], [0.0, 0.25], [0.0, 0.0]]
    assert weights.tolist() == [0.25, 0.25, 0.5]


def test_merging_zero_rows_does_not_change_losses_without_random_masks(perfect):
    # all importances are 1 once the output bias is large, so every mask is 1
    with torch.no_grad():
        perfect.model.importance_networks.bias_out.fill_(2.0)
    x = perfect.target.batch(200, generator_for("x"))

    full = objective(perfect, mask_remainder=False).parts(equal_rows(x), 0.0)
    merged = objective(perfect, mask_remainder=False).parts(merge_zero_rows(x), 0.0)

    assert len(merge_zero_rows(x).rows) < 100
    for name in full:
        torch.testing.assert_close(full[name], merged[name])


def test_a_perfect_decomposition_has_no_loss_but_what_it_needs(perfect):
    config = EVERYTHING.model_copy(update={"minimality_power": 1, "minimality_power_end": None})
    whole = Objective(perfect.model, False, config, generator_for("masks"))

    parts = whole.parts(equal_rows(perfect.target.probes()), 0.0)

    assert list(parts) == [name for name in LOSSES if name in parts]
    assert set(parts) == set(LOSSES) - {"merged"}
    assert parts["faithfulness"].item() < 1e-12
    for name in ("stochastic", "layerwise", "subset", "adversarial"):
        assert parts[name].item() < 1e-10
    # features interfere below the threshold, which only the second layer's own output shows
    assert parts["hidden"].item() > 1e-3
    # one subcomponent in each of two matrices; upper-leaky, so a little above 1 each
    assert 2 <= parts["minimality"].item() < 4


def test_a_loss_without_coefficient_is_not_computed(fresh):
    batch = equal_rows(fresh.target.probes())

    parts = objective(fresh, layerwise=0, minimality=0, hidden=2).parts(batch, 0.0)

    assert list(parts) == ["faithfulness", "stochastic", "hidden"]


def test_the_total_weighs_each_loss_by_its_coefficient(fresh):
    weighed = objective(fresh, faithfulness=2, stochastic=0.5, layerwise=0, minimality=0)

    total = weighed.total(
        {"faithfulness": torch.tensor(3.0), "stochastic": torch.tensor(4.0)}, done=0.0
    )

    assert total.item() == 8


def test_the_stochastic_run_masks_all_matrices_and_the_layerwise_runs_one_each(fresh):
    x = fresh.target.batch(50, generator_for("x"))
    measured = objective(fresh)
    clean = fresh.model.clean(x)
    importances = {name: torch.zeros(50, 8) for name in fresh.model.layers}

    runs = measured._runs(equal_rows(x), clean, importances)

    assert [set(run) for run in runs["stochastic"]] == [{"linear1", "linear2"}]
    assert [set(run) for run in runs["layerwise"]] == [{"linear1"}, {"linear2"}]


def test_losses_of_all_runs_at_once_are_those_of_each_run_alone(fresh, monkeypatch):
    x = fresh.target.batch(50, generator_for("x"))
    drawn = {}
    intact = Objective._runs

    def spy(self, *args):
        drawn.update(intact(self, *args))
        return drawn

    monkeypatch.setattr(Objective, "_runs", spy)
    parts = objective(fresh, subset=1, adversarial=1).parts(equal_rows(x), 0.0)
    expected = fresh.model(x)

    for name, runs in drawn.items():
        errors = [(fresh.model(x, run) - expected).square().mean() for run in runs]
        torch.testing.assert_close(parts[name], torch.stack(errors).mean())


def test_power_moves_linearly_from_its_start_to_its_end():
    assert [EVERYTHING.power(done) for done in (0.0, 0.5, 1.0)] == [2, 1.25, 0.5]
    assert DecompositionConfig(minimality_power=3).power(0.7) == 3


def test_the_adversary_costs_more_than_chance(fresh):
    x = fresh.target.batch(100, generator_for("x"))
    adversary = AdversaryConfig(kind="fresh", steps=20, step_size=0.1)

    parts = objective(fresh, adversarial=1, adversary=adversary).parts(equal_rows(x), 0.0)

    assert parts["adversarial"] > parts["stochastic"]


def test_a_persistent_adversary_goes_on_where_it_was(perfect):
    with torch.no_grad():  # nothing is important: the adversary may take everything away
        for parameter in perfect.model.importance_networks.parameters():
            parameter.zero_()
    batch = equal_rows(perfect.target.batch(100, generator_for("x")))
    trained = objective(perfect, adversarial=1, adversary=AdversaryConfig(step_size=0.02))

    costs = []
    for _ in range(15):
        parts = trained.parts(batch, 0.0)
        trained.total(parts, done=0.0).backward()
        trained.adversary.after_backward()
        costs.append(parts["adversarial"].item())

    assert costs[0] < costs[1] < costs[-1]


def test_the_adversary_leaves_no_gradient_behind_in_the_model(fresh):
    batch = equal_rows(fresh.target.batch(20, generator_for("x")))

    objective(fresh, adversarial=1).parts(batch, 0.0)

    assert all(parameter.grad is None for parameter in fresh.model.parameters())


def test_a_source_for_each_row_wants_rows_that_are_not_merged():
    rowwise = AdversaryConfig(scope="row")

    with pytest.raises(ValueError, match="merge_zero_rows=False"):
        DecompositionConfig(adversarial=1, adversary=rowwise)
    DecompositionConfig(adversarial=1, adversary=rowwise, merge_zero_rows=False)


def test_hidden_reconstruction_sees_a_layer_that_the_output_does_not_show(fresh):
    x = fresh.target.probes()
    none = {"linear1": Mask(torch.zeros(5, 8)), "linear2": Mask(torch.zeros(5, 8))}

    outputs = fresh.model.masked_outputs(x, none)

    # the first layer has no bias; the second is left with its own
    assert (outputs["linear1"] == 0).all()
    assert torch.equal(outputs["linear2"], fresh.target.model.linear2.bias.expand(5, -1))


def test_sources_of_one_keep_everything(fresh):
    x = fresh.target.batch(50, generator_for("x"))
    ones = {name: torch.ones(1, 9) for name in fresh.model.layers}

    masks = masks_above(fresh.model.importance(x), ones, mask_remainder=True)

    torch.testing.assert_close(fresh.model(x, masks), fresh.target.model(x))


def test_the_loss_that_broke_is_named():
    assert first_not_finite({"a": 1.0, "b": float("inf"), "c": float("nan")}) == "b"
    assert first_not_finite({"a": 1.0}) is None


MERGED = {
    "merge_zero_rows": False, "stochastic": 0.0, "layerwise": 0.0, "merged": 1.0,
    "adversarial_share": 0.25, "adversary": AdversaryConfig(kind="fresh", steps=2, step_size=0.3),
}  # fmt: skip


@pytest.mark.parametrize("mask_remainder", [True, False])
def test_the_merged_loss_is_the_adversarial_one_on_some_rows_and_that_of_subsets_on_the_rest(
    fresh, mask_remainder: bool
):
    x = fresh.target.batch(40, generator_for("x"))
    merged = objective(fresh, mask_remainder=mask_remainder, **MERGED)
    found = merged.parts(merged.batch(x), 0.0)["merged"]

    apart = objective(fresh, mask_remainder=mask_remainder, **MERGED)
    of = {}
    for kind, rows in (("subset", x[10:]), ("adversarial", x[:10])):  # as they are drawn
        apart.config = apart.config.model_copy(update={"merged": 0.0, kind: 1.0})
        of[kind] = apart.parts(equal_rows(rows), 0.0)[kind]
        apart.config = apart.config.model_copy(update={kind: 0.0})

    torch.testing.assert_close(found, 0.25 * of["adversarial"] + 0.75 * of["subset"])
    assert of["adversarial"] > 0
    assert of["subset"] > 0


def test_gradients_of_the_merged_loss_reach_what_both_losses_train(fresh):
    merged = objective(fresh, **MERGED)
    batch = merged.batch(fresh.target.batch(40, generator_for("x")))

    merged.parts(batch, 0.0)["merged"].backward()

    assert all(p.grad is not None and p.grad.any() for p in fresh.model.parameters()
               if p.requires_grad)  # fmt: skip


@pytest.mark.parametrize("changes", [{"adversarial": 1.0}, {"merge_zero_rows": True}], ids=str)
def test_the_merged_loss_stands_alone(changes: dict):
    with pytest.raises(ValueError, match="in place of it stochastic, layerwise"):
        DecompositionConfig(**MERGED | changes)
