import pytest
import torch

from decomposition.adversary import Adversary, AdversaryConfig, climb, random_sources
from decomposition.seeds import generator_for

IMPORTANCES = {"a": torch.zeros(4, 3), "b": torch.zeros(4, 2, 5)}


def test_sources_are_shared_by_the_batch_or_drawn_for_every_position():
    shared = random_sources(IMPORTANCES, True, generator_for("r"))
    own = random_sources(IMPORTANCES, False, generator_for("r"))

    assert {name: tuple(r.shape) for name, r in shared.items()} == {"a": (1, 4), "b": (1, 1, 6)}
    assert {name: tuple(r.shape) for name, r in own.items()} == {"a": (4, 4), "b": (4, 2, 6)}


def test_climbing_takes_sign_steps_and_stays_between_zero_and_one():
    slopes = torch.tensor([2.0, -5.0, 0.0])

    found = climb({"a": torch.tensor([0.5, 0.5, 0.5])}, lambda r: (r["a"] * slopes).sum(), 3, 0.2)

    # 0.5 + 3 * 0.2 is clamped to 1, 0.5 - 3 * 0.2 to 0; where nothing changes nothing moves
    assert found["a"].tolist() == [1.0, 0.0, 0.5]


def test_climbing_no_steps_returns_the_start():
    start = {"a": torch.tensor([0.3])}

    assert climb(start, lambda r: r["a"].sum(), 0, 0.1)["a"].tolist() == start["a"].tolist()


@pytest.mark.parametrize("scope", ["shared", "row"])
def test_a_persistent_adversary_climbs_and_stays_between_zero_and_one(scope: str):
    config = AdversaryConfig(kind="persistent", steps=2, step_size=0.1, scope=scope)
    adversary = Adversary(config, generator_for("r"))

    def harm(r):
        return r["a"].sum() - r["b"].sum()

    first = {name: r.detach().clone() for name, r in adversary.find(IMPORTANCES, harm).items()}
    for _ in range(10):
        sources = adversary.find(IMPORTANCES, harm)
        harm(sources).backward()
        adversary.after_backward()

    assert (adversary.sources["a"] == 1).all()
    assert (adversary.sources["b"] == 0).all()
    assert not torch.equal(first["a"], adversary.sources["a"])


def test_a_fresh_adversary_remembers_nothing():
    adversary = Adversary(AdversaryConfig(kind="fresh", steps=1), generator_for("r"))

    adversary.find(IMPORTANCES, lambda r: r["a"].sum() + r["b"].sum())
    adversary.after_backward()

    assert adversary.sources == {}
