"""A toy model whose decomposition is known exactly, and shapes checked at run time."""

import pytest
import torch
from jaxtyping import install_import_hook

with install_import_hook("decomposition", "beartype.beartype"):
    from decomposition.targets.tms import TmsTarget
    from decomposition.training import Decomposition
    from tests.decomposition.pentagon import (
        fresh_decomposition,
        pentagon_target,
        perfect_decomposition,
    )

torch.set_num_threads(1)  # the models are so small that a second thread only costs


@pytest.fixture
def pentagon() -> TmsTarget:
    return pentagon_target()


@pytest.fixture
def fresh(pentagon: TmsTarget) -> Decomposition:
    return fresh_decomposition(pentagon)


@pytest.fixture
def perfect() -> Decomposition:
    return perfect_decomposition()


@pytest.fixture
def perfect_identity() -> Decomposition:
    return perfect_decomposition(has_hidden_identity=True)
