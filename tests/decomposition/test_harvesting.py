from dataclasses import replace

import pytest
import torch

from decomposition.errors import CheckpointError
from decomposition.harvesting import TENSORS, harvest_data
from decomposition.profiling import Profiler, ProfilingConfig, _write, profile_stream
from decomposition.seeds import generator_for
from decomposition.sparse_counts import SparseCounts
from decomposition.training import Decomposition
from tests.decomposition.small_transformer import LENGTH, WORDS, transformer_decomposition

SMALL = ProfilingConfig(batches=5, batch_size=64, contexts=3, save_every=2)


def test_of_the_toy_model_each_reads_and_writes_its_own_feature(perfect: Decomposition) -> None:
    found = harvest_data(perfect, ProfilingConfig(batches=4, batch_size=2000))

    profiles = {profile.id: profile for profile in found.profiles}
    assert set(profiles) == {f"linear{m}:{j}" for m in (1, 2) for j in range(5)}
    for j in range(5):
        first, second = profiles[f"linear1:{j}"], profiles[f"linear2:{j}"]
        assert first.reads[0].word == f"feature {j}"
        assert first.reads[0].share == pytest.approx(1)  # it acts nowhere else
        assert first.reads[0].importance > 0.9
        assert first.writes[0].word == f"output {j}"
        assert first.partners[0].id == f"linear2:{j}"
        assert first.partners[0].pmi > 3
        assert first.density == pytest.approx(0.05, abs=0.01)
        assert all(f"feature {j} = " in " ".join(c.words) for c in second.contexts)
        assert {c.at for c in first.contexts} == {None}


def test_the_sums_of_a_stream_are_those_of_all_its_inputs_at_once(perfect: Decomposition) -> None:
    profiler = profile_stream(perfect, SMALL)

    x = torch.cat(
        [perfect.target.batch(64, generator_for("profiling", 0, number)) for number in range(5)]
    )
    g = torch.cat(list(perfect.model.importance(x).values()), dim=1)
    acts = (g > 0.1).double()
    assert profiler.positions == len(x)
    assert torch.allclose(profiler.sums, g.double().sum(dim=0))
    assert torch.equal(profiler.acted, acts.sum(dim=0))
    tracked = acts[:, profiler.tracked]
    assert torch.equal(profiler.both, tracked.T @ tracked)
    lengths = torch.cat(list(profiler.lengths.values()))
    inner = torch.cat([seen.inner for seen in perfect.model.clean(x).seen.values()], dim=1)
    strength = torch.where(acts > 0, g * inner.abs() * lengths, -1).detach()
    assert profiler.top is not None
    assert torch.allclose(profiler.top.values, strength.topk(3, dim=0).values.T, atol=1e-6)


def test_random_examples_do_not_depend_on_the_size_of_what_is_kept(perfect: Decomposition) -> None:
    few = profile_stream(perfect, SMALL)
    more = profile_stream(perfect, SMALL.model_copy(update={"contexts": 6}))

    assert few.random is not None
    assert more.random is not None
    assert torch.equal(few.random.values, more.random.values[:, :3])


def test_a_pass_says_after_each_batch_how_many_are_done(perfect: Decomposition) -> None:
    said: list[tuple[int, int]] = []

    profile_stream(perfect, SMALL, on_progress=lambda done, of: said.append((done, of)))

    assert said == [(n, SMALL.batches) for n in range(1, SMALL.batches + 1)]


def test_an_interrupted_pass_goes_on_to_the_same_sums(tmp_path, perfect: Decomposition) -> None:
    whole = profile_stream(perfect, SMALL)
    state = tmp_path / "state.safetensors"

    class StoppedError(Exception):
        pass

    class Interrupting(type(perfect.target)):
        left = 3

        def batch(self, n, generator):
            if Interrupting.left == 0:
                raise StoppedError
            Interrupting.left -= 1
            return super().batch(n, generator)

    target = Interrupting(**{name: getattr(perfect.target, name) for name in FIELDS})
    with pytest.raises(StoppedError):
        profile_stream(replace(perfect, target=target), SMALL, state)
    assert state.exists()  # of two batches: the third is run again
    resumed = profile_stream(perfect, SMALL, state)

    assert not state.exists()
    before, after = whole.tensors(), resumed.tensors()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


FIELDS = ("name", "seed", "attempts", "config", "model")


def test_the_state_of_another_harvest_is_refused(tmp_path, perfect: Decomposition) -> None:
    state = tmp_path / "state.safetensors"
    profiler = Profiler(perfect, SMALL)
    profiler.advance()
    _write(state, "something else", profiler)

    with pytest.raises(CheckpointError, match="another harvest"):
        profile_stream(perfect, SMALL, state)
    state.write_bytes(b"no tensors")
    with pytest.raises(CheckpointError, match="damaged"):
        profile_stream(perfect, SMALL, state)


def test_of_words_it_says_what_stands_where_each_acts_and_around_it(tmp_path) -> None:
    decomposition = transformer_decomposition()

    found = harvest_data(decomposition, SMALL.model_copy(update={"window": 2}), tmp_path)

    assert found.positions == 5 * 64 * LENGTH
    assert found.cells_dropped == 0
    busiest = max(found.profiles, key=lambda profile: profile.density)
    assert len(busiest.contexts) == 3
    for context in busiest.contexts:
        assert 3 <= len(context.words) <= 5
        assert 0 <= context.at <= 2
    assert len(found.heat.symbols) == WORDS
    assert all(len(row) == WORDS for row in found.heat.importance)
    assert (tmp_path / TENSORS).stat().st_size > 0
    words = {symbol.word for profile in found.profiles for symbol in profile.reads}
    assert words <= set(decomposition.target.words)


def test_shares_of_words_are_counts() -> None:
    decomposition = transformer_decomposition()
    profiler = profile_stream(decomposition, SMALL)

    x = torch.cat(
        [decomposition.target.batch(64, generator_for("profiling", 0, n)) for n in range(5)]
    )
    acts = decomposition.model.importance(x)["blocks.0.q"][..., 0] > 0.1
    for word in range(WORDS):
        there = (acts & (x == word)).sum()
        assert profiler.counts["read"].at(torch.tensor([word])).item() == there


def test_too_many_cells_drop_the_least_and_say_how_many() -> None:
    counts = SparseCounts(4)

    counts.add(torch.tensor([5, 1, 5, 2, 3]), torch.tensor([1.0, 4.0, 2.0, 1.0, 5.0]))
    assert counts.keys.tolist() == [1, 2, 3, 5]
    assert counts.dropped == 0
    counts.add(torch.tensor([9]), torch.tensor([0.5]))

    assert counts.keys.tolist() == [1, 3]
    assert counts.sums.tolist() == [4, 5]
    assert counts.dropped == 3
    assert counts.at(torch.tensor([1, 2])).tolist() == [4, 0]
    assert [part.tolist() for part in counts.between(1, 3)] == [[0], [4]]
