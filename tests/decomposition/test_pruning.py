import torch

from decomposition.config import DecompositionConfig
from decomposition.objective import objective_on_fresh_inputs
from decomposition.pruning import prune, weak_ones
from decomposition.training import decompose

CONFIG = DecompositionConfig(n_subcomponents=8, n_hidden=4, n_objective=2000, prune=True)


def waken(perfect, index: int, threshold: float) -> None:
    """Make an idle subcomponent of the first matrix important where feature 0 exceeds this."""
    networks = perfect.model.importance_networks
    with torch.no_grad():
        perfect.model.subcomponents["linear1"].V[index, 0] = 1
        networks.weight_in[index, 0] = 100
        networks.bias_in[index, 0] = -100 * threshold


def alive(perfect) -> list[int]:
    x = perfect.target.batch(20_000, torch.Generator().manual_seed(3))
    return (perfect.model.importance(x)["linear1"].mean(dim=0) > 1e-6).nonzero().flatten().tolist()


def test_a_subcomponent_that_the_objective_does_not_miss_is_turned_off(perfect):
    waken(perfect, 6, 0.97)
    assert alive(perfect) == [0, 1, 2, 3, 4, 6]

    before = objective_on_fresh_inputs(perfect.model, perfect.target, CONFIG)
    n = prune(perfect.model, perfect.target, CONFIG)

    assert alive(perfect) == [0, 1, 2, 3, 4]
    assert n >= 1
    assert objective_on_fresh_inputs(perfect.model, perfect.target, CONFIG) <= before


def test_one_that_it_misses_stays_however_weak(perfect):
    # feature 0 is read by two: by one where it is small, by both where it is large
    waken(perfect, 6, 0.9)
    with torch.no_grad():
        parts = perfect.model.subcomponents["linear1"]
        parts.U[:, 6] = 30 * parts.U[:, 0]
        parts.V[6] *= 0.0333
        perfect.model.importance_networks.weight_in[6, 0] *= 30
        parts.U[:, 0] *= 1e-3
    config = CONFIG.model_copy(update={"minimality": 1e-6, "weak_share": 0.5})
    assert 6 in [place.number for place in weak_ones(perfect.model, perfect.target, config)]

    prune(perfect.model, perfect.target, config)

    assert 6 in alive(perfect)


def test_what_goes_is_told_from_what_is_needed_where_enough_inputs_are_looked_at(perfect):
    waken(perfect, 6, 0.97)
    few = CONFIG.model_copy(update={"n_objective": 16})

    assert prune(perfect.model, perfect.target, few) == 0
    assert 6 in alive(perfect)

    prune(perfect.model, perfect.target, few.model_copy(update={"n_pruning": 2000}))
    assert alive(perfect) == [0, 1, 2, 3, 4]


def test_of_the_weak_all_go_up_to_the_one_that_it_misses(perfect):
    weak = weak_ones(perfect.model, perfect.target, CONFIG)
    needed = weak_ones(perfect.model, perfect.target, CONFIG.model_copy(update={"weak_share": 1}))
    config = CONFIG.model_copy(update={"minimality": 1e-6, "weak_share": 1.0})
    assert 2 * len(weak) != len(needed) > len(weak) + 1

    assert 0 < prune(perfect.model, perfect.target, config, all_that_can=False) < len(weak)
    assert prune(perfect.model, perfect.target, config) == len(weak)
    assert alive(perfect) == [0, 1, 2, 3, 4]


def test_nothing_is_tried_but_the_weak(perfect):
    weak = weak_ones(perfect.model, perfect.target, CONFIG)

    assert {place.number for place in weak if place.matrix == "linear1"} == {5, 6, 7}


def test_a_decomposition_says_how_many_were_turned_off(pentagon):
    short = DecompositionConfig(restarts=1, steps=30, batch_size=64, n_objective=256)

    kept = decompose(pentagon, short)
    pruned = decompose(pentagon, short.model_copy(update={"prune": True, "prune_tolerance": 10}))

    assert kept.n_pruned == 0
    assert pruned.n_pruned > 0
