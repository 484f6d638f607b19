r"""The four losses of stochastic parameter decomposition, as pure functions.

Bushnaq, Braun & Sharkey (2025), arXiv:2506.20790, section 2. Rows may carry weights that sum
to one, so that equal rows of a batch need to be run only once; with n rows of weight 1/n each
loss is the paper's mean.

.. math::
    L = \beta_1 L_\mathrm{faithful} + \beta_2 L_\mathrm{stochastic}
        + \beta_3 L_\mathrm{layerwise} + \beta_4 L_\mathrm{minimality}
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

EPSILON = 1e-12
"""Keeps the gradient of g^p finite at g = 0 when p < 1."""


def faithfulness(remainders: Sequence[Float[Tensor, "_ _"]]) -> Float[Tensor, ""]:
    r"""Return how far the subcomponents are from summing to the target's weights.

    .. math:: \sum_l \|W_l - U_l V_l\|_F^2 \Big/ \sum_l |W_l|

    where :math:`|W_l|` counts the entries of matrix l.
    """
    squares = torch.stack([remainder.square().sum() for remainder in remainders])
    return squares.sum() / sum(remainder.numel() for remainder in remainders)


def reconstruction(
    output: Float[Tensor, "batch d_out"],
    expected: Float[Tensor, "batch d_out"],
    row_weights: Float[Tensor, " batch"],
) -> Float[Tensor, ""]:
    r"""Return the mean squared error of one masked output.

    .. math:: \sum_b w_b \frac{1}{d} \sum_{i=1}^{d} (\hat y_{bi} - y_{bi})^2

    It is the *stochastic reconstruction* loss when all matrices are masked with
    `sample_masks`.
    """
    return row_weights @ (output - expected).square().mean(dim=-1)


def layerwise_reconstruction(
    outputs: Sequence[Float[Tensor, "batch d_out"]],
    expected: Float[Tensor, "batch d_out"],
    row_weights: Float[Tensor, " batch"],
) -> Float[Tensor, ""]:
    """Return the mean `reconstruction` over outputs in each of which one matrix is masked."""
    errors = [reconstruction(output, expected, row_weights) for output in outputs]
    return torch.stack(errors).mean()


def importance_minimality(
    importances: Float[Tensor, "batch total"], p: float, row_weights: Float[Tensor, " batch"]
) -> Float[Tensor, ""]:
    r"""Return the expected sum of g^p over the subcomponents of all matrices.

    .. math:: \sum_b w_b \sum_{l,c} (g^l_c(x_b) + \epsilon)^p

    It is a sum over subcomponents and not a mean, so it does not shrink when more of them are
    allotted. The importances are the upper-leaky ones.
    """
    return row_weights @ (importances + EPSILON).pow(p).sum(dim=-1)
