"""A tiny model of the stories, and decompositions of it that are good or bad by construction."""

import math
import weakref

import pytest
import torch

from decomposition import token_divergence
from decomposition.attempt import fresh_model
from decomposition.config import DecompositionConfig
from decomposition.harvest import HarvestConfig, harvest
from decomposition.language_metrics import (
    LanguageMetricsConfig,
    Tally,
    divergence,
    language_metrics,
    spectrum,
    tally,
)
from decomposition.seeds import generator_for
from decomposition.targets.storyworld import StoryworldConfig, StoryworldTarget
from decomposition.targets.transformer import Transformer
from decomposition.training import Decomposition

CONFIG = LanguageMetricsConfig(n=4, n_census=10, batch_size=4, ladder=(5, 20))
SIZE = StoryworldConfig(length=12, n_layers=1, n_heads=2, d_model=8, d_mlp=12)


@pytest.fixture(scope="module")
def target():
    model = Transformer(SIZE.transformer(), generator_for("model")).requires_grad_(False)
    for parameter in model.parameters():
        parameter *= 3  # so that it matters what is ablated
    return StoryworldTarget("storyworld", 0, 1, SIZE, model, {})


def _by_singular_vectors(target, importance):
    """Split every matrix into its singular directions, each of this importance everywhere."""
    config = DecompositionConfig(n_subcomponents=8, importance="input_vector", n_hidden=2)
    model = fresh_model(target, config, generator_for("fresh"))
    for name, parts in model.subcomponents.items():
        u, s, v = torch.linalg.svd(model.weights[name], full_matrices=False)
        parts.U.data, parts.V.data = u * s, v
    for parameter in model.importance_networks.parameters():
        parameter.data.zero_()
    for bias in model.importance_networks.biases_out:
        bias.data.fill_(importance)
    return Decomposition(target, config, model, {}, 0.0, 0.0)


@pytest.fixture(scope="module")
def whole(target):
    return language_metrics(_by_singular_vectors(target, 1.0), CONFIG)


@pytest.fixture(scope="module")
def nothing(target):
    return language_metrics(_by_singular_vectors(target, 0.0), CONFIG)


def test_where_everything_is_important_nothing_is_lost_even_to_the_adversary(whole):
    for kind in ("unmasked", "stochastic", "importance", "rounded"):
        assert whole[f"kl_{kind}"] == pytest.approx(0, abs=1e-5)
        assert whole[f"ce_recovered_{kind}"] == pytest.approx(1, abs=1e-4)
    assert whole["pgd_reconstruction"] == pytest.approx(0, abs=1e-5)


def test_where_nothing_is_important_masks_by_importance_lose_everything(nothing):
    assert nothing["kl_importance"] == nothing["kl_off"] == nothing["kl_rounded"] > 0.01
    assert nothing["ce_recovered_importance"] == nothing["ce_recovered_off"] == 0
    assert nothing["kl_unmasked"] == pytest.approx(0, abs=1e-5)
    assert nothing["kl_random"] > 0.001


def test_the_adversary_finds_more_than_chance_and_more_with_more_steps(nothing):
    assert nothing["pgd_reconstruction"] == nothing["pgd_5"] > nothing["kl_stochastic"]
    assert nothing["pgd_20"] > nothing["pgd_5"]


def test_what_is_counted_adds_up(whole, nothing):
    # q, k, v, o, up and down of a single layer, of rank 8 each
    assert whole["l0"] == whole["l0_positive"] == whole["alive"] == whole["rank_sum"] == 48
    assert whole["l0/blocks.0.mlp.up"] == whole["alive/blocks.0.attn.q"] == 8
    assert whole["l0_share"] == 1
    assert (whole["alive_threshold"], whole["l0_threshold"]) == (1e-6, 0.1)
    assert nothing["l0"] == nothing["alive"] == 0
    assert whole["faithfulness"] == pytest.approx(0, abs=1e-10)


def test_importances_are_counted_alike_whatever_is_run_at_once(target):
    decomposition = _by_singular_vectors(target, 0.05)
    parts = CONFIG.model_copy(update={"batch_size": 3})

    first, again = tally(decomposition, CONFIG), tally(decomposition, parts)

    for name in first:
        torch.testing.assert_close(first[name].mean, torch.full((8,), 0.05, dtype=torch.float64))
        assert first[name].density.tolist() == [0] * 8
        assert first[name].positive.tolist() == [1] * 8
        assert torch.equal(first[name].density, again[name].density)


def test_the_metrics_are_the_same_whatever_is_run_at_once(target):
    decomposition = _by_singular_vectors(target, 0.3)

    together = language_metrics(decomposition, CONFIG)
    apart = language_metrics(decomposition, CONFIG.model_copy(update={"batch_size": 3}))

    # the importances are counted on other rows where they are drawn in other batches
    same = [name for name in together if name.startswith(("kl", "ce", "pgd"))]
    assert len(same) == 22
    for name in same:
        assert apart[name] == pytest.approx(together[name], rel=1e-4, abs=1e-6)


def test_no_more_logits_are_held_than_two_of_a_few_rows(target, monkeypatch):
    decomposition = _by_singular_vectors(target, 0.3)
    a_row = decomposition.model(target.batch(1, generator_for("x"))).numel()
    monkeypatch.setattr(token_divergence, "HELD", 2 * a_row)
    rows, held, alive = [], [], []

    def note(_network, _inputs, logits):
        rows.append(len(logits))
        alive.append(weakref.ref(logits))
        held.append(sum(reference() is not None for reference in alive))

    decomposition.model.network.register_forward_hook(note)
    language_metrics(decomposition, CONFIG.model_copy(update={"ladder": (2,)}))
    harvest(decomposition, HarvestConfig(n=8))

    assert max(rows) == max(held) == 2


def test_the_spectrum_counts_means_above_powers_of_ten():
    of = Tally(torch.tensor([0.5, 0.05, 2e-3, 5e-5, 0.0]), torch.zeros(5), torch.zeros(5))

    counts = spectrum({"a": of, "b": of}, CONFIG)

    assert counts == {
        "spectrum_1e-01": 2,
        "spectrum_1e-02": 4,
        "spectrum_1e-03": 6,
        "spectrum_1e-04": 6,
        "spectrum_1e-05": 8,
    }


def test_divergence_is_in_nats_per_token():
    # one of two tokens: 0.5 log(0.5 / 0.25) + 0.5 log(0.5 / 0.75); the other token is right
    expected = torch.zeros(1, 2, 2)
    output = torch.tensor([[[0.0, math.log(3)], [0.0, 0.0]]])

    by_hand = (0.5 * math.log(2) + 0.5 * math.log(2 / 3)) / 2

    assert divergence(output, expected).item() == pytest.approx(by_hand, rel=1e-5)
