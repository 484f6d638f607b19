"""A transformer of attention alone that goes on with what it has seen before.

Every row repeats one random stretch of tokens; from the second time on each token can be told,
and only from the first time: by a head that finds where the present token stood before and says
what came after it, on top of one that tells each token what stands before it. Two layers are
needed (Elhage et al. 2021; Olsson et al. 2022, In-context Learning and Induction Heads,
arXiv:2209.11895).
"""

from dataclasses import dataclass

import torch
from torch import nn

from decomposition.targets.lessons import NOT_ASKED, Examples
from decomposition.targets.transformer import Transformer, TransformerConfig

SIZE = TransformerConfig(
    n_vocabulary=24, n_positions=24, n_layers=2, n_heads=2, d_model=48, d_mlp=0
)


@dataclass(frozen=True)
class Induction:
    """Rows that repeat themselves after a stretch of tokens that are all different."""

    size: TransformerConfig = SIZE
    shortest: int = 6
    longest: int = 12
    """Tokens of the stretch that is repeated, drawn for every row."""

    @property
    def matrices(self) -> tuple[str, ...]:
        """Queries, keys, values and outputs of every layer."""
        return tuple(
            f"blocks.{layer}.attn.{matrix}"
            for layer in range(self.size.n_layers)
            for matrix in "qkvo"
        )

    def network(self, generator: torch.Generator) -> nn.Module:
        """Return a transformer before training."""
        return Transformer(self.size, generator)

    def examples(self, n: int, generator: torch.Generator) -> Examples:
        """Draw n rows; asked is every token after the first of the second time."""
        size = self.size
        stretch = torch.rand(n, size.n_vocabulary, generator=generator).argsort(dim=1)
        period = torch.randint(self.shortest, self.longest + 1, (n, 1), generator=generator)
        at = torch.arange(size.n_positions + 1)
        row = stretch.gather(1, at % period)
        y = row[:, 1:].masked_fill(at[:-1] < period, NOT_ASKED)
        return Examples(row[:, :-1], y)
