r"""Sparse dictionaries of activations, to compare a decomposition of weights with.

A *sparse autoencoder* writes an activation x, and a *transcoder* what a layer makes of it, y, as a
sparse sum of directions:

.. math:: f = \sigma(W_e (x - b_x) + b_e), \qquad \hat y = W_d f + b_y

with directions (columns of :math:`W_d`) of length one. Either σ is a ReLU and the loss is
:math:`\|\hat y - y\|^2 + \lambda \sum f` (Bricken et al. 2023; Cunningham et al. 2023,
arXiv:2309.08600), or σ keeps the k largest (Gao et al. 2024, arXiv:2406.04093), with their
auxiliary loss by which latents that have long been silent model what is left over. Transcoders:
Dunefsky, Chlenski & Nanda 2024, arXiv:2406.11944.
"""

from collections.abc import Callable
from typing import Literal, NamedTuple

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn

from decomposition.reports import AnalysisConfig
from decomposition.seeds import generator_for

SILENT_AFTER = 100
"""Steps without use after which a latent counts as silent."""

AUXILIARY = 1 / 32
"""Weight of the auxiliary loss."""

Draw = Callable[[int, torch.Generator], tuple[Tensor, Tensor]]
"""Draws so many inputs x and outputs y; for an autoencoder both are the same."""


class DictionaryConfig(AnalysisConfig):
    """The kind and size of a dictionary, and how it is trained."""

    kind: Literal["topk", "relu"] = "topk"
    size: int = Field(default=40, ge=1)
    """Latents."""

    k: int = Field(default=1, ge=1)
    """Latents that `topk` keeps on each input."""

    sparsity: float = Field(default=0.2, ge=0)
    """λ of `relu`, relative to the variance of y."""

    steps: int = Field(default=1500, ge=1)
    batch_size: int = Field(default=256, ge=1)
    learning_rate: float = Field(default=0.01, gt=0)
    """Peak rate of Adam, lowered to zero along a cosine."""


class Dictionary(nn.Module):
    """Directions, and how much of each an input has."""

    def __init__(
        self, d_in: int, d_out: int, config: DictionaryConfig, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.config = config
        decoder = torch.randn(config.size, d_out, generator=generator)
        encoder = decoder if d_in == d_out else torch.randn(config.size, d_in, generator=generator)
        self.decoder = nn.Parameter(nn.functional.normalize(decoder, dim=1))
        self.encoder = nn.Parameter(nn.functional.normalize(encoder, dim=1))
        self.bias_encoder = nn.Parameter(torch.zeros(config.size))
        self.bias_in = nn.Parameter(torch.zeros(d_in))
        self.bias_out = nn.Parameter(torch.zeros(d_out))

    def before(self, x: Float[Tensor, "*batch d_in"]) -> Float[Tensor, "*batch latents"]:
        """Return how strongly each latent is called for, before any is cut off."""
        return (x - self.bias_in) @ self.encoder.T + self.bias_encoder

    def encode(self, x: Float[Tensor, "*batch d_in"]) -> Float[Tensor, "*batch latents"]:
        """Return how much of each direction an input has, mostly 0."""
        called = self.before(x).relu()
        if self.config.kind == "relu":
            return called
        return _largest(called, min(self.config.k, self.config.size))

    def decode(self, f: Float[Tensor, "*batch latents"]) -> Float[Tensor, "*batch d_out"]:
        """Return the sum of directions."""
        return f @ self.decoder + self.bias_out

    def forward(self, x: Float[Tensor, "*batch d_in"]) -> Float[Tensor, "*batch d_out"]:
        """Return what the dictionary makes of an input."""
        return self.decode(self.encode(x))


class Quality(NamedTuple):
    """How good a dictionary is."""

    alive: int
    """Latents that any of the inputs uses."""

    l0: float
    """Latents used by an input, on average."""

    explained: float
    """Share of the variance of y that is explained; 1 is all."""


def train_dictionary(draw: Draw, config: DictionaryConfig) -> Dictionary:
    """Train a dictionary on what `draw` returns; the same seed gives the same one."""
    generator = generator_for("dictionary", config.kind, config.size, config.seed)
    x, y = draw(config.batch_size, generator)
    dictionary = Dictionary(x.shape[1], y.shape[1], config, generator)
    with torch.no_grad():
        dictionary.bias_in.copy_(x.mean(dim=0))
        dictionary.bias_out.copy_(y.mean(dim=0))
    scale = float((y - y.mean(dim=0)).square().sum(dim=1).mean()) or 1.0
    optimizer = torch.optim.Adam(dictionary.parameters(), lr=config.learning_rate, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, config.steps)
    silent_for = torch.zeros(config.size)
    for _ in range(config.steps):
        x, y = draw(config.batch_size, generator)
        loss, used = _loss(dictionary, x, y, silent_for > SILENT_AFTER)
        optimizer.zero_grad()
        (loss / scale).backward()  # type: ignore[no-untyped-call]  # torch's stub lacks it
        optimizer.step()
        schedule.step()
        silent_for = torch.where(used, 0, silent_for + 1)
        with torch.no_grad():
            dictionary.decoder.copy_(nn.functional.normalize(dictionary.decoder, dim=1))
    return dictionary.requires_grad_(False)


@torch.no_grad()
def quality(dictionary: Dictionary, x: Tensor, y: Tensor) -> Quality:
    """Measure a dictionary on inputs it was not trained on."""
    f = dictionary.encode(x)
    left = (dictionary.decode(f) - y).square().sum()
    spread = (y - y.mean(dim=0)).square().sum()
    return Quality(
        alive=int((f > 0).any(dim=0).sum()),
        l0=(f > 0).float().sum(dim=1).mean().item(),
        explained=float(1 - left / spread.clamp(min=1e-30)),
    )


@torch.no_grad()
def recovery(
    directions: Float[Tensor, "true d"], dictionary: Dictionary, alive: Tensor | None = None
) -> float:
    """Return the mean max cosine similarity of true directions with those of a dictionary.

    Args:
        directions: What should be found.
        dictionary: Where it is looked for.
        alive: Boolean, `latents`; only these are looked at, all if None.
    """
    learned = dictionary.decoder if alive is None else dictionary.decoder[alive]
    true = nn.functional.normalize(directions, dim=1)
    cosines = true @ nn.functional.normalize(learned, dim=1).T
    return cosines.amax(dim=1).mean().item()


def multiply_matched(
    small: Float[Tensor, "m d"], large: Float[Tensor, "n d"], cosine: float = 0.5
) -> Tensor:
    """Say which of a small dictionary's directions have several matches in a larger one.

    A match has a cosine above 0.5, the definition of feature splitting in the literature.
    """
    similar = nn.functional.normalize(small, dim=1) @ nn.functional.normalize(large, dim=1).T
    return (similar > cosine).sum(dim=1) > 1


def _loss(dictionary: Dictionary, x: Tensor, y: Tensor, silent: Tensor) -> tuple[Tensor, Tensor]:
    """Return the loss of a batch, and which latents it uses."""
    f = dictionary.encode(x)
    left = y - dictionary.decode(f)
    loss = left.square().sum(dim=1).mean()
    if dictionary.config.kind == "relu":
        spread = (y - y.mean(dim=0)).square().sum(dim=1).mean().detach()
        loss = loss + dictionary.config.sparsity * spread * f.sum(dim=1).mean()
    elif silent.any():
        called = dictionary.before(x).relu() * silent
        some = _largest(called, min(2 * dictionary.config.k, int(silent.sum())))
        still_left = left.detach() - some @ dictionary.decoder
        loss = loss + AUXILIARY * still_left.square().sum(dim=1).mean()
    return loss, (f > 0).any(dim=0)


def _largest(values: Tensor, k: int) -> Tensor:
    """Return the k largest values of each row, and 0 in place of the others."""
    found = values.topk(k, dim=-1)
    return torch.zeros_like(values).scatter(-1, found.indices, found.values)
