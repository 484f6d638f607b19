from contextlib import nullcontext

import pytest
import torch
from torch.nn import functional as F  # noqa: N812 -- the name torch's own documentation uses

from decomposition.attempt import Attempt
from decomposition.config import DecompositionConfig
from decomposition.decomposed_model import DecomposedModel
from decomposition.factored import Factored, Term, whole
from decomposition.seeds import generator_for
from decomposition.targets.residual_mlp import ResidualMlp, ResidualMlpConfig, ResidualMlpTarget

CONFIG = DecompositionConfig(
    n_subcomponents=6, n_hidden=4, batch_size=32, adversarial=1, subset=1, minimality_power=2
)


def stream(*ranks: int) -> Factored:
    generator = generator_for("stream")
    return Factored(
        *(
            Term(
                torch.randn(7, rank, generator=generator),
                torch.randn(rank, 20, generator=generator),
            )
            for rank in ranks
        )
    )


def test_a_linear_map_reads_a_sum_of_terms_as_it_reads_the_sum():
    h, matrix, bias = stream(3, 2), torch.randn(4, 20), torch.randn(4)

    torch.testing.assert_close(F.linear(h, matrix, bias), F.linear(h.dense(), matrix, bias))
    torch.testing.assert_close(h @ matrix.T, h.dense() @ matrix.T)


def test_terms_are_kept_apart_until_something_else_needs_the_sum():
    h, more = stream(3), stream(2)

    both = h + more

    assert isinstance(both, Factored)
    assert len(both.terms) == 2
    torch.testing.assert_close(torch.relu(both), torch.relu(h.dense() + more.dense()))
    torch.testing.assert_close(whole(h + torch.ones(7, 20)), h.dense() + 1)


def small_target() -> ResidualMlpTarget:
    generator = generator_for("residual")
    shape = ResidualMlpConfig(
        n_features=5, n_layers=2, n_neurons=3, d_embed=40, feature_probability=0.3
    )
    embedding = torch.randn(40, 5, generator=generator)
    model = ResidualMlp(embedding / embedding.norm(dim=0), 2, 3).requires_grad_(False)
    for parameter in model.parameters():
        parameter.copy_(torch.randn(parameter.shape, generator=generator) / 3)
    return ResidualMlpTarget("small", 0, 1, shape, model)


def steps_of(mask_remainder: bool) -> Attempt:
    changes = {"mask_remainder": mask_remainder}
    attempt = Attempt(small_target(), CONFIG.model_copy(update=changes), 0)
    for _ in range(3):
        attempt.advance()
    return attempt


@pytest.mark.parametrize("mask_remainder", [True, False])
def test_training_is_the_same_whether_a_stream_is_multiplied_out_or_not(
    monkeypatch, mask_remainder: bool
):
    apart = steps_of(mask_remainder)
    assert [layer.is_widening for layer in apart.model.layers.values()] == [False, True] * 2
    monkeypatch.setattr(DecomposedModel, "products_apart", nullcontext)
    multiplied = steps_of(mask_remainder)

    losses, expected = apart.check(), multiplied.check()
    for name in expected:
        assert losses[name] == pytest.approx(expected[name], rel=1e-4)
    for name, tensor in apart.tensors().items():
        torch.testing.assert_close(tensor, multiplied.tensors()[name], rtol=1e-3, atol=1e-5)


def test_outputs_are_whole_where_they_are_compared():
    attempt = Attempt(small_target(), CONFIG.model_copy(update={"hidden": 1.0}), 0)

    attempt.advance()

    assert attempt.check()["hidden"] > 0


def test_a_stream_is_multiplied_out_again_after_the_block():
    model = Attempt(small_target(), CONFIG, 0).model
    x = small_target().batch(9, generator_for("x"))
    with model.products_apart():
        apart = model.clean(x)
        assert set(apart.outputs) == {"layers.0.mlp_in", "layers.1.mlp_in"}
    together = model.clean(x)

    assert len(together.outputs) == 4
    torch.testing.assert_close(apart.output, together.output)
