r"""The losses of parameter decomposition, as pure functions.

:math:`w_b` are weights of the rows of a batch that sum to one, so that equal rows need to be run
only once; with n rows of weight 1/n each loss is the papers' mean. A row may have positions
(tokens, places of an image); losses are means over them. C and g are the papers'.

Most are from Bushnaq, Braun & Sharkey (2025), Stochastic Parameter Decomposition,
arXiv:2506.20790; frequency minimality, random subsets and adversaries are Goodfire's,
Interpreting Language Model Parameters (2026). *Stochastic reconstruction* is `mean_squares` or
`divergence` under masks drawn at random in all matrices at once, *layerwise* in each alone,
*subset* in random subsets of them, *adversarial* under the masks that an adversary found.
"""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from decomposition.causal_importance import full_precision
from decomposition.errors import LossError
from decomposition.token_divergence import AT_ONCE, divergence_of_tokens

EPSILON = 1e-12
"""Keeps the gradient of g^p finite at g = 0 when p < 1."""

Reconstruction = Callable[[Tensor, Tensor, Tensor], Tensor]
"""How far a masked output is from the target's: output, expected, row weights."""

Count = Callable[[Tensor], Tensor]
"""What an importance adds to the minimality losses: `power` or `smooth_l0`."""


def faithfulness(remainders: Sequence[Float[Tensor, "_ _"]]) -> Float[Tensor, ""]:
    r"""Return how far the subcomponents are from summing to the target's weights.

    .. math:: \sum_l \|W_l - U_l V_l\|_F^2 \Big/ \sum_l |W_l|

    where :math:`|W_l|` counts the entries of matrix l.
    """
    squares = torch.stack([remainder.square().sum() for remainder in remainders])
    return squares.sum() / sum(remainder.numel() for remainder in remainders)


def reconstruction_for(is_categorical: bool) -> Reconstruction:
    """Return `divergence` for outputs that are logits, `mean_squares` for all others."""
    return divergence if is_categorical else mean_squares


def mean_squares(
    output: Float[Tensor, "batch *positions d_out"],
    expected: Float[Tensor, "batch *positions d_out"],
    row_weights: Float[Tensor, " batch"],
) -> Float[Tensor, ""]:
    r"""Return the mean squared error of an output.

    .. math:: \sum_b w_b \frac{1}{d} \sum_{i=1}^{d} (\hat y_{bi} - y_{bi})^2
    """
    return row_weights @ (output - expected).square().flatten(1).mean(dim=1)


def divergence(
    output: Float[Tensor, "batch *positions d_out"],
    expected: Float[Tensor, "batch *positions d_out"],
    row_weights: Float[Tensor, " batch"],
) -> Float[Tensor, ""]:
    r"""Return the Kullback-Leibler divergence of masked from target predictions.

    .. math:: \sum_b w_b \sum_i p_i \log (p_i / q_i), \quad
        p = \mathrm{softmax}(y_b),\; q = \mathrm{softmax}(\hat y_b)

    in nats per position: what is lost by predicting with q where p is right.

    Raises:
        LossError: There is one output only; a softmax over it is always 1, whatever it is.
    """
    if output.shape[-1] < 2:
        raise LossError(
            "the output has one entry, whose softmax is always 1: nothing could ever diverge; "
            "declare the target's output as not categorical"
        )
    if output.numel() > AT_ONCE and not expected.requires_grad:
        each = row_weights / output[0, ..., 0].numel()
        weights = each.repeat_interleave(output[0, ..., 0].numel())
        return divergence_of_tokens(output.flatten(0, -2), expected.flatten(0, -2), weights)
    log_q, log_p = (full_precision(x).log_softmax(dim=-1) for x in (output, expected))
    nats = (log_p.exp() * (log_p - log_q)).sum(dim=-1)
    return row_weights @ nats.reshape(len(nats), -1).mean(dim=1)


def equal_weights(rows: Tensor) -> Float[Tensor, " batch"]:
    """Return weights that make of a sum over rows their mean, where the rows are."""
    return torch.full((len(rows),), 1 / len(rows), device=rows.device)


def layerwise(
    outputs: Sequence[Float[Tensor, "batch *positions d_out"]],
    expected: Float[Tensor, "batch *positions d_out"],
    row_weights: Float[Tensor, " batch"],
    reconstruction: Reconstruction,
) -> Float[Tensor, ""]:
    """Return the mean reconstruction of outputs in each of which one matrix is masked."""
    errors = [reconstruction(output, expected, row_weights) for output in outputs]
    return torch.stack(errors).mean()


def hidden_reconstruction(
    outputs: Sequence[Float[Tensor, "batch ..."]],
    expected: Sequence[Float[Tensor, "batch ..."]],
    row_weights: Float[Tensor, " batch"],
) -> Float[Tensor, ""]:
    r"""Return how far the masked layers' own outputs are from the target's.

    .. math:: \frac{1}{L} \sum_l \sum_b w_b \frac{1}{d_l} \|\hat h^l_b - h^l_b\|^2

    with :math:`h^l` what layer l puts out, its bias included.
    """
    errors = [
        row_weights @ (output - clean).square().flatten(1).mean(dim=1)
        for output, clean in zip(outputs, expected, strict=True)
    ]
    return torch.stack(errors).mean()


def importance_minimality(
    importances: Sequence[Float[Tensor, "batch ..."]],
    count: Count,
    row_weights: Float[Tensor, " batch"],
) -> Float[Tensor, ""]:
    r"""Return the expected sum of counts over the subcomponents of all matrices.

    .. math:: \sum_b w_b \sum_{l,c} \phi(g^l_c(x_b))

    It is a sum over subcomponents and not a mean, so it does not shrink when more of them are
    allotted. The importances, `batch *positions C` for each matrix, are the upper-leaky ones.
    """
    return torch.cat([mean_counts(g, count, row_weights) for g in importances]).sum()


def frequency_minimality(
    importances: Sequence[Float[Tensor, "batch ..."]],
    count: Count,
    row_weights: Float[Tensor, " batch"],
    reference: float,
    over_all: Callable[[Tensor], Tensor] = lambda part: part,
) -> Float[Tensor, ""]:
    r"""Return a penalty that grows faster than linearly with how often a subcomponent matters.

    .. math:: \sum_{l,c} f_c \log_2(1 + a f_c), \quad f_c = \sum_b w_b\, \phi(g_c(x_b))

    One subcomponent that matters half of the time costs more than two that matter a quarter of
    the time each, against one that is there for everything. The paper takes for a the number of
    positions in a batch, so that the loss depends on its size; here a is given. Where these are
    not all rows of the batch, `over_all` adds their part of f to that of the others.
    """
    parts = [mean_counts(g, count, row_weights) for g in importances]
    frequencies = over_all(torch.cat(parts))
    return (frequencies * (1 + reference * frequencies).log2()).sum()


def power(g: Float[Tensor, "*axes"], p: float) -> Float[Tensor, "*axes"]:
    r"""Return :math:`(g + \epsilon)^p`.

    With p annealed from 2 to below 1 it first pulls all importances down and then favours few.
    But its slope at zero grows without bound when p falls below 1.
    """
    return g if p == 1 else (g + EPSILON).pow(p)


def smooth_l0(g: Float[Tensor, "*axes"], width: float) -> Float[Tensor, "*axes"]:
    r"""Return :math:`g^2 / (g^2 + \gamma^2)`: nearly 0 for g well below γ, and 1 well above.

    As γ is lowered it turns into a count of what is above zero, and its slope is never above
    :math:`0.65 / \gamma`.
    """
    squares = g.square()
    return squares / (squares + width**2)


def mean_counts(
    importance: Float[Tensor, "batch *positions C"],
    count: Count,
    row_weights: Float[Tensor, " batch"],
) -> Float[Tensor, " C"]:
    """Return the mean of what is counted over rows and positions, of each subcomponent."""
    counted = count(importance)
    if counted.ndim > 2:
        counted = counted.flatten(1, -2).mean(dim=1)
    return row_weights @ counted
