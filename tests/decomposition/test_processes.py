"""Several processes give the numbers of one."""

import pytest
import torch
import torch.distributed as dist
from safetensors.torch import load_file, save_file

from decomposition import attempt
from decomposition.adversary import AdversaryConfig
from decomposition.config import DecompositionConfig
from decomposition.masks import draw_masks, random_subsets
from decomposition.processes import ALONE, Processes, processes
from decomposition.seeds import generator_for
from decomposition.training import decompose
from tests.decomposition.pentagon import pentagon_target

EVERY_LOSS = DecompositionConfig(
    n_subcomponents=6,
    restarts=1,
    steps=6,
    batch_size=63,
    warm_up_steps=5,
    n_objective=100,
    subset=1.0,
    hidden=1.0,
    adversarial=1.0,
    frequency=0.1,
    adversary=AdversaryConfig(kind="fresh", steps=2, step_size=0.2),
)
ROWS_OF_THEIR_OWN = EVERY_LOSS.model_copy(
    update={
        "merge_zero_rows": False,
        "draw_masks_once": False,
        "adversary": AdversaryConfig(kind="persistent", scope="row"),
    }
)
MERGED = EVERY_LOSS.model_copy(
    update={
        "merge_zero_rows": False,
        **dict.fromkeys(["stochastic", "layerwise", "subset", "hidden", "adversarial"], 0.0),
        "merged": 1.0,
        "adversarial_share": 0.4,
        "adversary": AdversaryConfig(kind="persistent", scope="row"),
    }
)
CONFIGS = {"merged": MERGED, "every loss": EVERY_LOSS, "rows of their own": ROWS_OF_THEIR_OWN}


def found_with(config: DecompositionConfig, state=None, on_progress=None) -> dict:
    decomposition = decompose(pentagon_target(), config, on_progress, state)
    losses = {f"loss.{name}": torch.tensor(x) for name, x in decomposition.losses.items()}
    return losses | attempt.trained_parameters(decomposition.model)


def stop_at_three(done: int, _of: int) -> None:
    if done == 3:
        raise KeyboardInterrupt


def work(number: int, folder) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", f"file://{folder}/meeting", rank=number, world_size=2)
    assert processes() == Processes(number, 2)
    for name, config in CONFIGS.items():
        save_file(found_with(config), folder / f"{name} {number}.safetensors")
    state = folder / "state.safetensors" if number == 0 else None
    with pytest.raises(KeyboardInterrupt):
        found_with(ROWS_OF_THEIR_OWN, state, stop_at_three)
    save_file(found_with(ROWS_OF_THEIR_OWN, state), folder / f"resumed {number}.safetensors")
    dist.destroy_process_group()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    shared = tmp_path_factory.mktemp("together")
    torch.multiprocessing.spawn(work, (shared,), nprocs=2)
    return shared


@pytest.mark.slow
@pytest.mark.parametrize("name", CONFIGS)
def test_two_processes_give_the_numbers_of_one(folder, name: str):
    alone = found_with(CONFIGS[name])

    for number in range(2):
        together = load_file(folder / f"{name} {number}.safetensors")
        assert set(together) == set(alone)
        for key, tensor in alone.items():
            torch.testing.assert_close(together[key], tensor.detach(), rtol=1e-4, atol=1e-6)


@pytest.mark.slow
def test_two_processes_go_on_from_the_state_that_the_first_has_read(folder):
    whole = load_file(folder / "rows of their own 0.safetensors")

    for number in range(2):
        resumed = load_file(folder / f"resumed {number}.safetensors")
        assert all(torch.equal(tensor, whole[key]) for key, tensor in resumed.items())


def test_shares_are_all_rows_once_even_if_there_are_fewer_than_processes():
    for rows in (0, 1, 5, 6):
        shares = [Processes(number, 4).share(rows).of(torch.arange(rows)) for number in range(4)]

        assert torch.cat(shares).tolist() == list(range(rows))
        assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_a_share_draws_what_the_whole_batch_draws_for_its_rows():
    importances = {"a": torch.zeros(7, 3, 4), "b": torch.full((7, 3, 2), 0.5)}
    share = Processes(1, 3).share(7)
    mine = {name: share.of(g) for name, g in importances.items()}

    drawn = [draw_masks(importances, True, generator_for("r"))]
    drawn += [draw_masks(mine, True, generator_for("r"), share)]
    routes = random_subsets(importances, generator_for("r"))
    my_routes = random_subsets(mine, generator_for("r"), share)

    for name in importances:
        for whole, part in zip(drawn[0][name], drawn[1][name], strict=True):
            assert torch.equal(share.of(whole), part)
        assert torch.equal(share.of(routes[name]), my_routes[name])


def test_a_process_alone_changes_nothing():
    x = torch.tensor([1.0, 2.0])

    ALONE.add_up([x])

    assert x.tolist() == [1, 2]
    assert ALONE.total(x) is x
    assert ALONE.counted_once(x) is x
