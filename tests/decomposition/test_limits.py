import dataclasses

import pytest
import torch

from decomposition.config import DecompositionConfig
from decomposition.errors import MemoryShortageError, TargetError
from decomposition.limits import memory_shortage_explained
from decomposition.training import decompose

SHORT = DecompositionConfig(restarts=1, steps=2, batch_size=32, n_objective=64)


def test_a_target_whose_outputs_are_not_finite_is_refused(pentagon, tmp_path):
    broken = dataclasses.replace(pentagon)
    with torch.no_grad():
        broken.model.linear2.bias[1] = float("nan")

    with pytest.raises(TargetError, match=r"not finite \(16 of 80 on 16 of its own inputs\)"):
        decompose(broken, SHORT, state=tmp_path / "state")

    assert list(tmp_path.iterdir()) == []


def test_a_shortage_of_memory_is_said_with_the_sizes(pentagon):
    # a petabyte: no machine gives it, so nothing is allocated
    config = SHORT.model_copy(update={"n_subcomponents": 10**14})

    with pytest.raises(
        MemoryShortageError,
        match=r"linear1 2 x 5 with C = 100000000000000.*3 masked runs of 32 rows.*smaller batch",
    ):
        decompose(pentagon, config)


def test_a_shortage_that_says_nothing_is_explained_too(pentagon):
    with pytest.raises(MemoryShortageError, match="linear1 2 x 5 with C = 20"):  # noqa: SIM117
        with memory_shortage_explained(pentagon, SHORT):
            raise MemoryError


def test_other_errors_pass(pentagon):
    with pytest.raises(RuntimeError, match="something else"):  # noqa: SIM117
        with memory_shortage_explained(pentagon, SHORT):
            raise RuntimeError("something else")
