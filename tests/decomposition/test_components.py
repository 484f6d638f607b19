import numpy as np
import pytest
import torch

from decomposition.components import (
    ComponentsConfig,
    adjusted_rand,
    find_components,
    leiden_groups,
)
from decomposition.training import Decomposition


def test_each_feature_of_the_toy_model_is_one_component_over_both_matrices(
    perfect: Decomposition,
) -> None:
    found = find_components(perfect, ComponentsConfig())

    members = sorted(component.members for component in found.components)
    assert members == [[f"linear1:{j}", f"linear2:{j}"] for j in range(5)]
    assert found.known_agreement == 1
    assert found.bits_after < found.bits_before


def test_the_identity_between_them_is_one_component(perfect_identity: Decomposition) -> None:
    found = find_components(perfect_identity, ComponentsConfig())

    members = [component.members for component in found.components]
    assert ["hidden:0", "hidden:1"] in members
    assert found.known_agreement == 1


def test_densities_and_cohesion_count_positions(perfect: Decomposition) -> None:
    found = find_components(perfect, ComponentsConfig(n=4000))

    for component in found.components:
        assert component.density == pytest.approx(0.05, abs=0.02)  # how often a feature is active
        assert 0.4 < component.cohesion < 0.9  # linear2 only where it is large enough to matter


def test_the_same_seed_gives_the_same_components(perfect: Decomposition) -> None:
    config = ComponentsConfig(n=1500, seed=3)

    assert find_components(perfect, config) == find_components(perfect, config)


def test_communities_are_the_blocks_of_the_co_importance_graph() -> None:
    rng = np.random.default_rng(0)
    causes = rng.random((2000, 3)) < 0.1

    groups = leiden_groups(causes[:, [0, 1, 0, 2, 1, 2]], 1.0, 0)

    assert groups == [[0, 2], [1, 4], [3, 5]]


def test_a_fresh_decomposition_has_no_component_like_a_mechanism(fresh: Decomposition) -> None:
    with torch.no_grad():
        fresh.model.importance_networks.bias_out.fill_(-100.0)  # nothing ever acts

    found = find_components(fresh, ComponentsConfig(n=500))

    assert found.components == []
    assert found.subcomponents == 0


def test_the_adjusted_rand_index_is_one_for_renamed_groups_and_as_by_hand_otherwise() -> None:
    assert adjusted_rand([0, 0, 1, 2], [2, 2, 0, 1]) == 1
    # pairs: together in one 2, in the other 2, in both 1, of 6; expected 4/6, most 2
    assert adjusted_rand([0, 0, 1, 1], [0, 0, 0, 1]) == pytest.approx(
        (1 - 2 * 3 / 6) / (2.5 - 2 * 3 / 6)
    )
