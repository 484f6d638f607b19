import pytest

from decomposition.config import DecompositionConfig, EarlyStopConfig
from decomposition.settling import VitalSigns, has_settled, vital_signs
from decomposition.training import decompose

STOP = EarlyStopConfig(every=5, patience=2, tolerance=0.1, n=50)
SHORT = DecompositionConfig(
    n_subcomponents=6, restarts=2, steps=40, batch_size=64, n_objective=100, warm_up_steps=5
)


@pytest.mark.parametrize(
    ("pgd", "l0", "expected"),
    [
        ([1.0, 0.95, 0.91], [5, 5, 5], True),
        ([1.0, 0.95, 0.89], [5, 5, 5], False),  # moved by more than a tenth of 1
        ([1.0, 1.0, 1.0], [5, 4, 5], False),  # the other one moved
        ([9.0, 1.0, 1.0, 1.0], [9, 5, 5, 5], True),  # what was before does not matter
        ([1.0, 1.0], [5, 5], False),  # too few
        ([0.0, 0.0, 0.0], [0, 0, 0], True),
    ],
)
def test_a_training_has_settled_when_neither_number_moves(pgd, l0, expected: bool):
    history = [VitalSigns(*pair) for pair in zip(pgd, l0, strict=True)]

    assert has_settled(history, STOP) is expected


def test_nothing_that_matters_counts_as_many_as_there_are(perfect):
    signs = vital_signs(perfect.model, perfect.target, perfect.config, 500)

    # 5 features at 5 %, in two matrices of one subcomponent each; few are too weak to count
    assert 0.3 < signs.l0 < 0.5
    assert signs.pgd_reconstruction < 1e-3


def test_a_start_that_has_settled_ends_early_and_the_next_one_begins(pentagon):
    anything = STOP.model_copy(update={"tolerance": 1e9})
    config = SHORT.model_copy(update={"early_stop": anything})
    seen = []

    decompose(pentagon, config, lambda done, of: seen.append((done, of)))

    # three measurements, after steps 5, 10 and 15, in both starts
    expected = [*range(1, 16), *range(41, 56)]
    assert seen == [(done, 80) for done in expected]


def test_watching_changes_no_numbers(pentagon):
    never = EarlyStopConfig(every=5, tolerance=0.0, n=50)

    watched = decompose(pentagon, SHORT.model_copy(update={"early_stop": never}))

    assert watched.losses == decompose(pentagon, SHORT).losses
