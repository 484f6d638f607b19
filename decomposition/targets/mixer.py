"""A small mixer, which has neither attention nor recurrence, that turns a sequence round.

Blocks mix along the positions and along the channels by turns, with an MLP each (Tolstikhin et
al. 2021, MLP-Mixer, arXiv:2105.01601).
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 -- the name torch's own documentation uses

from decomposition.targets.lessons import Examples, draw_weights


class MixerBlock(nn.Module):
    """What one position takes from the others, then what one channel takes from the others."""

    def __init__(self, length: int, d_model: int, n_neurons: int) -> None:
        super().__init__()
        self.norm_positions, self.norm_channels = nn.LayerNorm(d_model), nn.LayerNorm(d_model)
        self.positions_in = nn.Linear(length, n_neurons)
        self.positions_out = nn.Linear(n_neurons, length)
        self.channels_in = nn.Linear(d_model, n_neurons)
        self.channels_out = nn.Linear(n_neurons, d_model)

    def forward(self, h: Float[Tensor, "batch T d"]) -> Float[Tensor, "batch T d"]:
        """Add to each position what all positions, and then all channels, make of it."""
        h = h + self.positions_out(F.gelu(self.positions_in(self.norm_positions(h).mT))).mT
        added: Tensor = self.channels_out(F.gelu(self.channels_in(self.norm_channels(h))))
        return h + added


class Mixer(nn.Module):
    """Symbols in, logits of a symbol at each position out."""

    def __init__(self, lesson: "Reversal", generator: torch.Generator) -> None:
        super().__init__()
        self.embed = nn.Embedding(lesson.n_symbols, lesson.d_model)
        self.block = MixerBlock(lesson.length, lesson.d_model, lesson.n_neurons)
        self.unembed = nn.Linear(lesson.d_model, lesson.n_symbols)
        draw_weights(self, generator)

    def forward(self, x: Int[Tensor, "batch T"]) -> Float[Tensor, "batch T symbols"]:
        """Return the logits of the symbol at each position."""
        logits: Tensor = self.unembed(self.block(self.embed(x)))
        return logits


@dataclass(frozen=True)
class Reversal:
    """Random symbols; the right answer is the same symbols from the end."""

    n_symbols: int = 6
    length: int = 8
    d_model: int = 16
    n_neurons: int = 32

    matrices = (
        "block.positions_in",
        "block.positions_out",
        "block.channels_in",
        "block.channels_out",
    )

    def network(self, generator: torch.Generator) -> nn.Module:
        """Return a mixer before training."""
        return Mixer(self, generator)

    def examples(self, n: int, generator: torch.Generator) -> Examples:
        """Draw n sequences."""
        x = torch.randint(self.n_symbols, (n, self.length), generator=generator)
        return Examples(x, x.flip(1))
