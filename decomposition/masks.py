"""How much of each subcomponent is kept: masks, drawn above the causal importances.

Bushnaq, Braun & Sharkey (2025), Stochastic Parameter Decomposition, arXiv:2506.20790. g and r
are the paper's; axes are C subcomponents and any *batch of positions.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor


class Mask(NamedTuple):
    """How much of one matrix is kept on each input."""

    subcomponents: Tensor
    """Shape `*batch C`; 1 keeps a subcomponent, 0 ablates it. May broadcast over the batch."""

    remainder: Tensor | None = None
    """Shape `*batch 1`, the same for what the subcomponents leave over; None ablates it."""


def sample_masks(
    importance: Float[Tensor, "*batch C"], generator: torch.Generator
) -> Float[Tensor, "*batch C"]:
    """Draw masks g + (1 - g) r with r uniform on [0, 1], for causal importances g in [0, 1].

    A subcomponent with g = 1 is never ablated; one with g = 0 by any amount at all.
    """
    r = torch.rand(importance.shape, generator=generator, dtype=importance.dtype)
    return importance + (1 - importance) * r
