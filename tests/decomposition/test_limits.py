import dataclasses
import resource
import sys

import pytest
import torch

from decomposition import limits
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


@pytest.mark.skipif(sys.platform != "linux", reason="only there more is promised than there is")
def test_memory_that_is_not_there_is_refused_before_it_is_used(pentagon, monkeypatch):
    before = resource.getrlimit(resource.RLIMIT_DATA)
    monkeypatch.setattr(limits, "_bytes_to_be_had", lambda: 2**27)
    config = SHORT.model_copy(update={"n_subcomponents": 2**20})  # of 200 bytes or more

    with pytest.raises(MemoryShortageError, match=r"linear1 2 x 5 with C = 1048576"):
        decompose(pentagon, config)

    assert resource.getrlimit(resource.RLIMIT_DATA) == before


@pytest.mark.skipif(sys.platform != "linux", reason="only there the system tells it so")
def test_a_container_has_no_more_than_it_may(tmp_path, monkeypatch):
    free = limits._bytes_to_be_had()
    for name, value in (("_LIMIT", 2**27), ("_TAKEN", 2**25)):
        path = tmp_path / name
        path.write_text(f"{value}\n", encoding="ascii")
        monkeypatch.setattr(limits, name, path)

    assert limits._bytes_to_be_had() == 2**27 - 2**25 < free

    limits._LIMIT.write_text("max\n", encoding="ascii")
    assert limits._bytes_to_be_had() > 2**27


def test_a_shortage_that_says_nothing_is_explained_too(pentagon):
    with pytest.raises(MemoryShortageError, match="linear1 2 x 5 with C = 20"):  # noqa: SIM117
        with memory_shortage_explained(pentagon, SHORT):
            raise MemoryError


def test_other_errors_pass(pentagon):
    with pytest.raises(RuntimeError, match="something else"):  # noqa: SIM117
        with memory_shortage_explained(pentagon, SHORT):
            raise RuntimeError("something else")
