import copy
import dataclasses

import pytest
import torch

from decomposition.errors import ExperimentError, UnknownNameError
from decomposition.experiments import EXPERIMENTS, ExperimentConfig, find_experiment
from decomposition.experiments.ablation_specificity import effects
from decomposition.experiments.recovery import closeness
from decomposition.predictions import judge, predict
from decomposition.subcomponents import rank_one_matrices
from decomposition.targets.mechanisms import Mechanisms

RECOVERY, ABLATION = EXPERIMENTS["recovery"], EXPERIMENTS["ablation_specificity"]
CONFIG = ExperimentConfig(n=1000, resamples=500)
FEW = CONFIG.model_copy(update={"n": 2})


@pytest.fixture
def scrambled(perfect):
    """The same importances and lengths, in the wrong directions."""
    with torch.no_grad():
        parts = perfect.model.subcomponents["linear1"]
        parts.U.copy_(parts.U.roll(2, dims=1).flip(0))
        parts.V[:5] = torch.full((5, 5), 5**-0.5)
    return perfect


def stance(text: str, experiment, decomposition, config: ExperimentConfig) -> str:
    return judge(predict("stm-1", text, experiment), experiment.run(decomposition, config)).stance


@pytest.mark.parametrize("experiment", EXPERIMENTS.values(), ids=EXPERIMENTS)
def test_a_perfect_decomposition_is_far_above_the_threshold_and_the_control(experiment, perfect):
    found = experiment.run(perfect, CONFIG)

    assert found.low > experiment.default_threshold > found.control.high
    assert found.low <= found.value <= found.high
    assert found.control.low <= found.control.value <= found.control.high


@pytest.mark.parametrize("experiment", EXPERIMENTS.values(), ids=EXPERIMENTS)
def test_a_measurement_says_what_it_is_and_what_it_is_about(experiment, perfect):
    found = experiment.run(perfect, CONFIG)

    assert (found.experiment, found.unit) == (experiment.name, experiment.unit)
    assert set(found.subcomponents) == {f"linear{k}:{j}" for k in (1, 2) for j in range(5)}
    assert found.details["inputs"] == 1000


@pytest.mark.parametrize("experiment", EXPERIMENTS.values(), ids=EXPERIMENTS)
def test_the_same_seed_measures_the_same(experiment, perfect):
    assert experiment.run(perfect, CONFIG) == experiment.run(perfect, CONFIG)


@pytest.mark.parametrize("experiment", EXPERIMENTS.values(), ids=EXPERIMENTS)
def test_experiments_leave_decomposition_and_target_as_they_are(experiment, perfect):
    before = copy.deepcopy(perfect.model.state_dict()), copy.deepcopy(perfect.target.tensors())

    experiment.run(perfect, CONFIG)

    after = perfect.model.state_dict(), perfect.target.tensors()
    assert all(torch.equal(old[k], new[k]) for old, new in zip(before, after) for k in old)  # noqa: B905


@pytest.mark.parametrize("experiment", EXPERIMENTS.values(), ids=EXPERIMENTS)
@pytest.mark.parametrize("n", [1, 2, 20])
def test_few_inputs_give_an_interval_that_decides_nothing(experiment, n: int, perfect):
    found = experiment.run(perfect, CONFIG.model_copy(update={"n": n}))

    assert found.high - found.low > 0.5
    for side in ("above", "below"):
        assert judge(predict("stm-1", "", experiment, side), found).stance == "inconclusive"


def test_recovery_counts_mechanisms_and_not_matrices(perfect):
    assert RECOVERY.run(perfect, CONFIG).n == 5


def test_ablation_counts_subcomponents_and_not_inputs(perfect):
    assert ABLATION.run(perfect, CONFIG).n == 10


def test_recovery_of_perfect_subcomponents_is_complete(perfect):
    assert RECOVERY.run(perfect, CONFIG).value == pytest.approx(1, abs=1e-5)


def test_recovery_sees_what_a_subcomponent_does_outside_its_own_column(perfect):
    with torch.no_grad():
        perfect.model.subcomponents["linear1"].V[:5] += 0.5

    found = RECOVERY.run(perfect, CONFIG)

    # the column is 1.5 times as long, and each of four others half as long as the mechanism:
    # further away than nothing is
    assert found.value == pytest.approx(0, abs=1e-6)
    # the cosine sees none of it
    assert found.details["mmcs"] == pytest.approx(1, abs=1e-5)


def test_recovery_of_scrambled_subcomponents_is_low(scrambled):
    assert RECOVERY.run(scrambled, CONFIG).high < 0.5


def test_closeness_is_one_for_the_mechanism_half_for_half_of_it_and_never_negative():
    mechanisms = Mechanisms.columns_of(torch.tensor([[3.0, 0.0], [4.0, 1.0]]))
    first = mechanisms.matrices[0]

    found = closeness(torch.stack([first, first / 2, -first]), mechanisms)

    assert found[0].tolist() == pytest.approx([1, 0.5, 0])


def test_recovery_of_a_target_without_known_mechanisms_is_refused(perfect, monkeypatch):
    monkeypatch.setattr(type(perfect.target), "mechanisms", lambda _self: {})

    with pytest.raises(ExperimentError, match="tms_5-2 are not known"):
        RECOVERY.run(perfect, CONFIG)


def test_the_effect_of_an_ablation_is_how_far_the_output_moves(perfect):
    target = perfect.target
    removed = rank_one_matrices(perfect.model.subcomponents["linear1"])[2]

    effect = effects(target, target.probes(), "linear1", removed)

    # only feature 2 passes through subcomponent 2; without it the output is ReLU(b) = 0
    expected = [0, 0, target.model(target.probes())[2].norm().item(), 0, 0]
    assert effect.tolist() == pytest.approx(expected, abs=1e-6)


def test_ablating_subcomponents_that_act_everywhere_is_not_specific(scrambled):
    assert ABLATION.run(scrambled, CONFIG).high < 0.9


def test_ablating_what_has_no_effect_at_all_is_not_specific(perfect):
    with torch.no_grad():
        parts = perfect.model.subcomponents["linear1"]
        parts.U *= 1e-20
        parts.U *= 1e-20
    # the first matrix reads V alone, so its importances stay
    found = ABLATION.run(perfect, CONFIG)

    assert found.value == 0.5


@pytest.mark.parametrize(
    ("experiment", "text", "expected"),
    [
        (
            RECOVERY,
            "SPD recovers the ground truth mechanisms in the toy model of superposition.",
            "supports",
        ),
        (
            RECOVERY,
            "Subcomponents do not match the true mechanisms of the toy model of superposition.",
            "refutes",
        ),
        (
            RECOVERY,
            "Random directions match the mechanisms of a toy model as well as learned "
            "subcomponents do.",
            "refutes",
        ),
        (
            ABLATION,
            "A good subcomponent can be removed without hurting performance on irrelevant inputs.",
            "supports",
        ),
        (
            ABLATION,
            "Removing a subcomponent changes the output on every input, whether or not it is "
            "causally important.",
            "refutes",
        ),
    ],
)
def test_true_claims_are_supported_and_planted_false_ones_refuted(
    experiment, text: str, expected: str, perfect
):
    assert stance(text, experiment, perfect, CONFIG) == expected
    assert stance(text, experiment, perfect, FEW) == "inconclusive"


def test_a_true_claim_is_refuted_by_a_decomposition_that_does_not_bear_it_out(scrambled):
    text = "The subcomponents match the true mechanisms."

    assert stance(text, RECOVERY, scrambled, CONFIG) == "refutes"


def test_an_unknown_experiment_is_refused_with_the_names_there_are():
    with pytest.raises(UnknownNameError, match=r"'alchemy'.*recovery, ablation_specificity"):
        find_experiment("alchemy")


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_experiment_has_its_key_for_a_name(name: str):
    assert find_experiment(name).name == name


def test_a_control_has_the_norms_of_what_it_stands_for(perfect):
    louder = dataclasses.replace(perfect)
    quiet = RECOVERY.run(louder, CONFIG).details["control: random rank-one directions"]
    with torch.no_grad():
        louder.model.subcomponents["linear1"].U *= 100

    loud = RECOVERY.run(louder, CONFIG).details["control: random rank-one directions"]

    # directions a hundred times as long are further away than nothing is
    assert loud == 0 < quiet
