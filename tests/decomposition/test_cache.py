import pytest
import torch

from decomposition.errors import UnknownNameError
from decomposition.targets import TARGETS, cache
from decomposition.targets.cache import cached_target
from decomposition.targets.tms import TmsConfig, TmsRecipe

CONFIG = TmsConfig(n_features=5, n_hidden=2, steps=300, batch_size=128, learning_rate=0.03)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setitem(TARGETS, "tms_5-2", TmsRecipe("tms_5-2", CONFIG))


def _steps(seed, folder):
    """Return the target and how many steps its training took, none if it was cached."""
    done = []
    target = cached_target("tms_5-2", seed, folder, lambda step, _: done.append(step))
    return target, len(done)


def test_a_target_is_trained_once_and_is_the_same_the_second_time(tmp_path):
    first, steps = _steps(3, tmp_path)
    again, steps_again = _steps(3, tmp_path)

    assert steps >= 300
    assert steps_again == 0
    assert again.attempts == first.attempts
    assert torch.equal(first.model.linear1.weight, again.model.linear1.weight)


def test_another_seed_or_configuration_is_trained_on_its_own(tmp_path, monkeypatch):
    _steps(3, tmp_path)

    assert _steps(4, tmp_path)[1] >= 300
    other = CONFIG.model_copy(update={"steps": 301})
    monkeypatch.setitem(TARGETS, "tms_5-2", TmsRecipe("tms_5-2", other))
    assert _steps(3, tmp_path)[1] >= 301


def test_another_version_of_the_sources_trains_anew(tmp_path, monkeypatch):
    _steps(3, tmp_path / "targets")
    sources = tmp_path / "sources"
    sources.mkdir()
    (sources / "tms.py").write_text("changed", encoding="utf-8")
    monkeypatch.setattr(cache, "_SOURCES", sources)

    assert _steps(3, tmp_path / "targets")[1] >= 300


def test_a_damaged_file_is_trained_over(tmp_path, caplog):
    first, _ = _steps(3, tmp_path)
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:100])

    again, steps = _steps(3, tmp_path)

    assert steps >= 300
    assert "cannot be read and is trained anew" in caplog.text
    assert torch.equal(first.model.linear1.weight, again.model.linear1.weight)
    assert _steps(3, tmp_path)[1] == 0


def test_an_unknown_name_is_refused(tmp_path):
    with pytest.raises(UnknownNameError):
        cached_target("tms_6-2", 0, tmp_path)
