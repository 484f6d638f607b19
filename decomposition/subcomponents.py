"""Rank-one subcomponents of a weight matrix.

Bushnaq, Braun & Sharkey (2025), Stochastic Parameter Decomposition, arXiv:2506.20790.
U and V are the paper's; axes are C subcomponents, d_in and d_out.
"""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor, nn

from decomposition.matrices import Tie, find_ties, known_layout

RANK_TOLERANCE = 1e-6
"""Singular values below this share of the largest count as zero."""


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
        self.aside: Tensor | None = None
        """What those add up to that are set aside for now (see `compaction`)."""

    def weight(self) -> Float[Tensor, "d_out d_in"]:
        """Return the sum of all subcomponents, laid out as in `nn.Linear.weight`."""
        total = self.U @ self.V
        return total if self.aside is None else total + self.aside

    @torch.no_grad()
    def solve_for(self, weight: Float[Tensor, "d_out d_in"]) -> None:
        """Make the sum equal a matrix, if C is not below its rank, and come close otherwise.

        V is turned into the space that the matrix reads from, U is the shortest solution of
        U V = W, and both get the same norm.
        """
        _, lengths, axes = torch.linalg.svd(weight, full_matrices=False)
        axes = axes[lengths > RANK_TOLERANCE * lengths.max()]
        V = self.V @ axes.T @ axes
        U = weight @ torch.linalg.pinv(V, rtol=RANK_TOLERANCE)
        scale = (U.norm() / V.norm().clamp(min=1e-30)).sqrt()
        self.V.copy_(V * scale)
        self.U.copy_(U / scale.clamp(min=1e-30))

    @torch.no_grad()
    def take_singular(self, weight: Float[Tensor, "d_out d_in"]) -> None:
        """Be the singular directions of a matrix, the strongest first, with U and V of one norm.

        None cancels another, so that each can be masked a little without much harm, which is not
        so where U is solved for. Those beyond the rank keep their V and write nothing.
        """
        written, lengths, read = torch.linalg.svd(weight, full_matrices=False)
        n = min(len(lengths), self.V.shape[0])
        self.V[:n] = read[:n] * lengths[:n, None].sqrt()
        self.U.zero_()[:, :n] = written[:, :n] * lengths[:n].sqrt()


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
        return self.other.weight().T


AnySubcomponents = Subcomponents | TransposedSubcomponents


def split(
    model: nn.Module,
    counts: Mapping[str, int],
    generator: torch.Generator,
    transposes: Mapping[str, str | None],
) -> dict[str, AnySubcomponents]:
    """Draw subcomponents for these matrices; tied matrices share theirs.

    Args:
        model: Its parameters are only looked at.
        counts: C of each matrix, in module order; a tied one has as many as the first.
        generator: Source of all random numbers.
        transposes: For a matrix that equals an earlier one transposed, that one, though their
            parameters are two.
    """
    ties = find_ties(model, counts)
    ties |= {path: Tie(other, is_transposed=True) for path, other in transposes.items() if other}
    subcomponents: dict[str, AnySubcomponents] = {}
    for path, C in counts.items():
        tie = ties[path]
        if tie is None or tie.path not in subcomponents:
            layer = model.get_submodule(path)
            d_out, d_in = known_layout(layer).matrix(layer).shape
            subcomponents[path] = Subcomponents(C, d_in, d_out, generator)
        else:
            first = subcomponents[tie.path]
            assert isinstance(first, Subcomponents), "a tied matrix names an untied one"
            subcomponents[path] = TransposedSubcomponents(first) if tie.is_transposed else first
    return subcomponents


def untied(subcomponents: Mapping[str, AnySubcomponents]) -> dict[str, Subcomponents]:
    """Return those that share nothing with an earlier one: every parameter once."""
    first: dict[int, str] = {}
    return {
        path: parts
        for path, parts in subcomponents.items()
        if isinstance(parts, Subcomponents) and first.setdefault(id(parts), path) == path
    }


def rank_one_matrices(subcomponents: AnySubcomponents) -> Float[Tensor, "C d_out d_in"]:
    """Return every subcomponent as the matrix it adds to the weight."""
    return torch.einsum("oc,ci->coi", subcomponents.U.detach(), subcomponents.V.detach())


def norms(subcomponents: AnySubcomponents) -> Float[Tensor, " C"]:
    """Return the Frobenius norm of every subcomponent, ‖U_c‖ ‖V_c‖."""
    written: Tensor = torch.linalg.vector_norm(subcomponents.U.detach(), dim=0)
    read: Tensor = torch.linalg.vector_norm(subcomponents.V.detach(), dim=1)
    return written * read
