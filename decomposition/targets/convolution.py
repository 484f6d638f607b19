"""A small convolutional network that tells which stroke is drawn on a noisy little image."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from decomposition.targets.lessons import Examples, draw_weights

STROKES = torch.tensor([
    [[0, 0, 0], [1, 1, 1], [0, 0, 0]],  # level
    [[0, 1, 0], [0, 1, 0], [0, 1, 0]],  # upright
    [[1, 0, 0], [0, 1, 0], [0, 0, 1]],  # falling
    [[0, 0, 1], [0, 1, 0], [1, 0, 0]],  # rising
]).float()  # fmt: skip
"""The four strokes, three pixels long."""


class ConvolutionalNetwork(nn.Module):
    """Two layers of filters, the strongest response anywhere, and one matrix to the classes."""

    def __init__(self, n_channels: int, generator: torch.Generator) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, n_channels, 3, padding=1)
        self.conv2 = nn.Conv2d(n_channels, n_channels, 3, padding=1)
        self.head = nn.Linear(n_channels, len(STROKES))
        draw_weights(self, generator)

    def forward(self, x: Float[Tensor, "batch 1 height width"]) -> Float[Tensor, "batch classes"]:
        """Return the logits of the strokes."""
        h = torch.relu(self.conv2(torch.relu(self.conv1(x))))
        logits: Tensor = self.head(h.amax(dim=(2, 3)))
        return logits


@dataclass(frozen=True)
class Strokes:
    """Images with one stroke at a random place, and noise."""

    n_channels: int = 8
    size: int = 8
    """Pixels of a side."""

    noise: float = 0.1
    """Standard deviation."""

    matrices = ("conv1", "conv2", "head")

    def network(self, generator: torch.Generator) -> nn.Module:
        """Return a network before training."""
        return ConvolutionalNetwork(self.n_channels, generator)

    def examples(self, n: int, generator: torch.Generator) -> Examples:
        """Draw n images with the number of their stroke."""
        y = torch.randint(len(STROKES), (n,), generator=generator)
        corner = torch.randint(self.size - 2, (n, 2), generator=generator)
        x = self.noise * torch.randn(n, 1, self.size, self.size, generator=generator)
        rows = corner[:, 0, None, None] + torch.arange(3)[None, :, None]
        columns = corner[:, 1, None, None] + torch.arange(3)[None, None, :]
        x[torch.arange(n)[:, None, None], 0, rows, columns] += STROKES[y]
        return Examples(x, y)
