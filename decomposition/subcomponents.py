"""Rank-one subcomponents of a weight matrix, and the masks that ablate them.

Bushnaq, Braun & Sharkey (2025), Stochastic Parameter Decomposition, arXiv:2506.20790.
U, V, g and r are the paper's; axes are C subcomponents, d_in and d_out, and any *batch.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class Subcomponents(nn.Module):
    r"""C rank-one matrices that sum to an approximation of one weight matrix.

    .. math:: W_{ij} \approx \sum_{c=1}^{C} U_{ic} V_{cj}

    V reads from the input and U writes to the output. C may exceed the rank of W, which is
    what lets the sum undo superposition. At first V is drawn from N(0, 1/d_in) and U from
    N(0, 1/C).
    """

    def __init__(self, C: int, d_in: int, d_out: int, generator: torch.Generator) -> None:
        super().__init__()
        self.V = nn.Parameter(torch.randn(C, d_in, generator=generator) / d_in**0.5)
        self.U = nn.Parameter(torch.randn(d_out, C, generator=generator) / C**0.5)

    def weight(self) -> Float[Tensor, "d_out d_in"]:
        """Return the sum of all subcomponents, laid out as in `nn.Linear.weight`."""
        return self.U @ self.V


class TransposedSubcomponents(nn.Module):
    """The subcomponents of another matrix, transposed: for a matrix tied to that one.

    They share the other's parameters, so that subcomponent c of both is the same c.
    """

    def __init__(self, other: Subcomponents) -> None:
        super().__init__()
        self.other = other

    @property
    def V(self) -> Float[Tensor, "C d_in"]:  # noqa: N802 -- the paper's name
        """What each subcomponent reads: what the other one writes."""
        return self.other.U.T

    @property
    def U(self) -> Float[Tensor, "d_out C"]:  # noqa: N802 -- the paper's name
        """What each subcomponent writes: what the other one reads."""
        return self.other.V.T

    def weight(self) -> Float[Tensor, "d_out d_in"]:
        """Return the sum of all subcomponents, laid out as in `nn.Linear.weight`."""
        return self.U @ self.V


AnySubcomponents = Subcomponents | TransposedSubcomponents


def rank_one_matrices(subcomponents: AnySubcomponents) -> Float[Tensor, "C d_out d_in"]:
    """Return every subcomponent as the matrix it adds to the weight."""
    return torch.einsum("oc,ci->coi", subcomponents.U.detach(), subcomponents.V.detach())


def norms(subcomponents: AnySubcomponents) -> Float[Tensor, " C"]:
    """Return the Frobenius norm of every subcomponent, ‖U_c‖ ‖V_c‖."""
    written: Tensor = torch.linalg.vector_norm(subcomponents.U.detach(), dim=0)
    read: Tensor = torch.linalg.vector_norm(subcomponents.V.detach(), dim=1)
    return written * read


def sample_masks(
    importance: Float[Tensor, "*batch C"], generator: torch.Generator
) -> Float[Tensor, "*batch C"]:
    """Draw masks g + (1 - g) r with r uniform on [0, 1], for causal importances g in [0, 1].

    A subcomponent with g = 1 is never ablated; one with g = 0 by any amount at all.
    """
    r = torch.rand(importance.shape, generator=generator, dtype=importance.dtype)
    return importance + (1 - importance) * r
