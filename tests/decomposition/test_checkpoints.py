import json

import pytest
import torch

from decomposition.checkpoints import RECORD, TENSORS, load, save
from decomposition.config import DecompositionConfig
from decomposition.errors import CheckpointError, UnknownNameError
from decomposition.seeds import generator_for
from decomposition.training import decompose


@pytest.fixture
def folder(tmp_path, perfect):
    save(perfect, tmp_path / "run")
    return tmp_path / "run"


def edit(path, **changes):
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_a_loaded_decomposition_gives_the_same_numbers_to_the_last_bit(folder, perfect):
    x = perfect.target.batch(100, generator_for("x"))

    loaded = load(folder)

    assert torch.equal(loaded.model(x), perfect.model(x))
    assert torch.equal(loaded.target.model(x), perfect.target.model(x))
    importances = loaded.model.importance(x), perfect.model.importance(x)
    assert all(torch.equal(importances[0][m], importances[1][m]) for m in importances[1])
    assert torch.equal(
        loaded.model.subcomponents["linear2"].weight(),
        perfect.model.subcomponents["linear2"].weight(),
    )


def test_importances_told_from_the_input_vector_are_saved_too(tmp_path, pentagon):
    config = DecompositionConfig(
        importance="input_vector",
        **{"restarts": 1, "steps": 3, "batch_size": 20, "warm_up_steps": 2, "n_objective": 50},
    )
    decomposition = decompose(pentagon, config)
    x = pentagon.batch(50, generator_for("x"))

    save(decomposition, tmp_path / "run")
    loaded = load(tmp_path / "run")

    expected = decomposition.model.importance(x)
    assert all(torch.equal(g, expected[m]) for m, g in loaded.model.importance(x).items())


def test_the_record_comes_back_as_it_was(folder, perfect):
    loaded = load(folder)

    assert loaded.config == perfect.config
    assert (loaded.target.name, loaded.target.seed, loaded.target.attempts) == ("tms_5-2", 0, 1)
    assert (loaded.losses, loaded.seconds) == (perfect.losses, perfect.seconds)


def test_saving_returns_the_paths_and_leaves_nothing_else(tmp_path, perfect):
    paths = save(perfect, tmp_path / "a" / "b")

    assert sorted(paths) == sorted((tmp_path / "a" / "b").iterdir())
    assert {path.name for path in paths} == {TENSORS, RECORD}


def test_nothing_is_overwritten(folder, perfect):
    before = (folder / TENSORS).read_bytes()

    with pytest.raises(CheckpointError, match="exists already"):
        save(perfect, folder)

    assert (folder / TENSORS).read_bytes() == before


def test_an_interruption_while_saving_leaves_nothing_behind(tmp_path, perfect, monkeypatch):
    replaced = []

    def interrupt(path, target):
        if replaced:
            raise KeyboardInterrupt
        replaced.append(path)
        return original(path, target)

    original = type(tmp_path).replace
    monkeypatch.setattr(type(tmp_path), "replace", interrupt)

    with pytest.raises(KeyboardInterrupt):
        save(perfect, tmp_path / "run")

    assert list(tmp_path.iterdir()) == []


def test_a_damaged_tensor_file_is_refused(folder):
    content = bytearray((folder / TENSORS).read_bytes())
    content[-1] ^= 1
    (folder / TENSORS).write_bytes(content)

    with pytest.raises(CheckpointError, match=rf"{TENSORS} is damaged"):
        load(folder)


def test_a_missing_file_is_named(folder):
    (folder / TENSORS).unlink()

    with pytest.raises(CheckpointError, match=TENSORS):
        load(folder)


def test_a_record_of_another_version_is_refused(folder):
    edit(folder / RECORD, version=2)

    with pytest.raises(CheckpointError, match="another version"):
        load(folder)


def test_a_record_that_is_no_json_is_refused(folder):
    (folder / RECORD).write_text("{")

    with pytest.raises(CheckpointError, match=RECORD):
        load(folder)


def test_a_target_we_do_not_have_is_refused(folder):
    edit(folder / RECORD, target="gpt_7")

    with pytest.raises(UnknownNameError, match="gpt_7"):
        load(folder)
