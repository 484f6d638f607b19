"""The known mechanisms of a matrix, where a target knows them."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor


class Mechanisms(NamedTuple):
    """The matrices that sum to one weight matrix, one for each feature of the input."""

    matrices: Tensor
    """Shape `features d_out d_in`."""

    supports: Tensor
    """Same shape, boolean: the entries that belong to the feature."""

    def norms(self) -> Float[Tensor, " features"]:
        """Return the Frobenius norm of every mechanism."""
        lengths: Tensor = torch.linalg.matrix_norm(self.matrices)
        return lengths

    def singly(self) -> "list[Mechanisms]":
        """Return each mechanism as a family of one."""
        matrices, supports = torch.split(self.matrices, 1), torch.split(self.supports, 1)
        return [Mechanisms(*pair) for pair in zip(matrices, supports, strict=True)]

    @classmethod
    def columns_of(cls, weight: Float[Tensor, "d_out d_in"]) -> "Mechanisms":
        """Take each column for a mechanism: the matrix reads one feature per input axis."""
        axes = torch.eye(weight.shape[1], dtype=torch.bool)
        supports = axes.unsqueeze(1).expand(-1, weight.shape[0], -1)
        return cls(weight * supports, supports)

    @classmethod
    def rows_of(cls, weight: Float[Tensor, "d_out d_in"]) -> "Mechanisms":
        """Take each row for a mechanism: the matrix writes one feature per output axis."""
        axes = torch.eye(weight.shape[0], dtype=torch.bool)
        supports = axes.unsqueeze(2).expand(-1, -1, weight.shape[1])
        return cls(weight.unsqueeze(0) * supports, supports)
