"""A few tokens at a time give what all of them give at once."""

import pytest
import torch

from decomposition.losses import divergence
from decomposition.seeds import generator_for
from decomposition.token_divergence import AT_ONCE, divergence_of_tokens


def _logits(*shape: int, seed: int) -> torch.Tensor:
    return 3 * torch.randn(shape, generator=generator_for("logits", seed))


@pytest.mark.parametrize("at_once", [1, 100, 10**6])
def test_value_and_gradient_are_those_of_the_plain_formula(at_once: int):
    expected, weights = _logits(37, 20, seed=0), torch.rand(37, generator=generator_for("weights"))
    found, plain = (_logits(37, 20, seed=1).requires_grad_() for _ in range(2))

    value = divergence_of_tokens(found, expected, weights, at_once)
    log_p, log_q = expected.log_softmax(dim=-1), plain.log_softmax(dim=-1)
    known = weights @ (log_p.exp() * (log_p - log_q)).sum(dim=-1)
    (2 * value).backward()
    (2 * known).backward()

    torch.testing.assert_close(value, known)
    torch.testing.assert_close(found.grad, plain.grad)


def test_logits_in_half_precision_keep_it_and_their_softmax_does_not():
    expected, output = _logits(9, 50, seed=0).bfloat16(), _logits(9, 50, seed=1).bfloat16()
    output.requires_grad_()
    weights = torch.full((9,), 1 / 9)

    value = divergence_of_tokens(output, expected, weights, 100)
    value.backward()

    assert output.grad.dtype == torch.bfloat16
    torch.testing.assert_close(value, divergence(output.float(), expected.float(), weights))


def test_a_large_vocabulary_is_taken_so_by_the_loss():
    n = AT_ONCE // (2 * 3 * 1000) + 1
    expected, weights = _logits(2, 3, 1000, seed=0), torch.tensor([0.25, 0.75])
    output = _logits(2, 3, 1000, seed=1)
    small = divergence(output, expected, weights)

    wide = [x.repeat(n, 1, 1) for x in (output, expected)]
    large = divergence(*wide, (weights / n).repeat(n))

    assert wide[0].numel() > AT_ONCE
    torch.testing.assert_close(large, small, rtol=1e-4, atol=1e-6)
