r"""Sums of products that are not multiplied out before it is known what reads them.

A residual stream of 1,000 dimensions often holds little: the embedding of 100 features, and what
a few dozen neurons added to it,

.. math:: h = \sum_i c_i B_i, \quad c_i \in \mathbb{R}^{k_i},\; B_i \in \mathbb{R}^{k_i \times d},

with the :math:`k_i` together far below d. A matrix A that reads it may then be multiplied with
the bases first, :math:`h A^\top = \sum_i c_i (B_i A^\top)`. That is the same number, and the same
gradients; but a long batch only meets :math:`k_i` numbers a row in place of d.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 -- the name torch's own documentation uses


class Term(NamedTuple):
    """One product."""

    coefficients: Tensor
    """Shape `*positions k`."""

    basis: Tensor
    """Shape `k d`."""


class Factored:
    """A sum of terms, `*positions d`, in the place of a tensor.

    Adding keeps the terms apart and linear maps read them one by one; any other function of torch
    is given the sum.
    """

    def __init__(self, *terms: Term) -> None:
        self.terms = terms

    def dense(self) -> Tensor:
        """Return the sum itself."""
        return sum_of([term.coefficients @ term.basis for term in self.terms])

    def chunk(self, n: int) -> list["Factored"]:
        """Return it in n parts of its first axis."""
        parts = zip(*(term.coefficients.chunk(n) for term in self.terms), strict=True)
        bases = [term.basis for term in self.terms]
        return [Factored(*map(Term, part, bases)) for part in parts]

    def read_by(self, matrix: Tensor) -> Tensor:
        """Return what a matrix `rows d` makes of it: `*positions rows`."""
        return sum_of([F.linear(t.coefficients, matrix @ t.basis.T) for t in self.terms])

    def __add__(self, other: "Stream") -> "Stream":
        """Return the sum: all terms of both, or a tensor where one is added."""
        if isinstance(other, Factored):
            return Factored(*self.terms, *other.terms)
        return self.dense() + other

    def __radd__(self, other: Tensor) -> Tensor:
        """Return the sum with a tensor, which is one."""
        return other + self.dense()

    def __matmul__(self, matrix: Tensor) -> Tensor:
        """Return the product with a matrix `d columns`."""
        return self.read_by(matrix.T)

    @classmethod
    def __torch_function__(
        cls,
        function: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401 -- as the function
        """Apply a function of torch."""
        if function is F.linear and isinstance(args[0], cls):
            y = args[0].read_by(args[1])
            bias = args[2] if len(args) > 2 else None
            return y if bias is None else y + bias
        given = [arg.dense() if isinstance(arg, cls) else arg for arg in args]
        return function(*given, **(kwargs or {}))


def sum_of(parts: Sequence[Tensor]) -> Tensor:
    """Add tensors up."""
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total


Stream = Tensor | Factored
"""What can be added to, and read by a linear map."""


def whole(x: Stream) -> Tensor:
    """Return a tensor as it is, and a sum of terms multiplied out."""
    return x.dense() if isinstance(x, Factored) else x


def end_to_end(parts: Sequence[Stream]) -> Stream:
    """Return parts as one, along the first axis; sums have to be ones of the same bases."""
    sums = [part.terms for part in parts if isinstance(part, Factored)]
    if len(sums) < len(parts):
        return torch.cat([whole(part) for part in parts])
    return Factored(
        *(
            Term(torch.cat([term.coefficients for term in alike]), alike[0].basis)
            for alike in zip(*sums, strict=True)
        )
    )
