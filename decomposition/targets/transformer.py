r"""A small decoder-only transformer, written so that every matrix is a layer of its own.

.. math:: h_0 = E[t] + P,\quad h' = h + \mathrm{Attn}(\mathrm{LN}(h)),\quad
    h'' = h' + W_\mathrm{down}\,\mathrm{GELU}(W_\mathrm{up}\,\mathrm{LN}(h')),\quad
    \ell = W_U \mathrm{LN}(h_L)

Before-norm blocks with causal attention, learned positions, and no biases in the matrices
(Vaswani et al. 2017, arXiv:1706.03762; Radford et al. 2019). Queries, keys, values and outputs
are four layers, so that each can be taken apart; without an MLP it is the attention-only
transformer of Elhage et al. (2021), A Mathematical Framework for Transformer Circuits.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from pydantic import BaseModel, ConfigDict, Field, model_validator
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 -- the name torch's own documentation uses


class TransformerConfig(BaseModel):
    """The size of a transformer."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    n_vocabulary: int = Field(ge=2)
    n_positions: int = Field(ge=1)
    n_layers: int = Field(default=2, ge=1)
    n_heads: int = Field(default=4, ge=1)
    d_model: int = Field(default=96, ge=1)
    d_mlp: int = Field(default=256, ge=0)
    """Neurons of each MLP; with none there are only attention layers."""

    is_tied: bool = False
    """Whether the matrix at the end is the embedding's."""

    @model_validator(mode="after")
    def _heads_share_the_model(self) -> "TransformerConfig":
        if self.d_model % self.n_heads:
            raise ValueError(f"{self.n_heads} heads cannot share {self.d_model} dimensions")
        return self


class Attention(nn.Module):
    """Causal self-attention in several heads."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.n_heads = config.n_heads
        self.q, self.k, self.v, self.o = (
            nn.Linear(config.d_model, config.d_model, bias=False) for _ in range(4)
        )

    def forward(self, h: Float[Tensor, "batch T d"]) -> Float[Tensor, "batch T d"]:
        """Return what all heads move to each position from those up to it."""
        q, k, v = (
            of(h).unflatten(-1, (self.n_heads, -1)).transpose(1, 2)
            for of in (self.q, self.k, self.v)
        )
        moved = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        out: Tensor = self.o(moved.transpose(1, 2).flatten(-2))
        return out


class Mlp(nn.Module):
    """One hidden layer of GELU units."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.up = nn.Linear(config.d_model, config.d_mlp, bias=False)
        self.down = nn.Linear(config.d_mlp, config.d_model, bias=False)

    def forward(self, h: Float[Tensor, "batch T d"]) -> Float[Tensor, "batch T d"]:
        """Return what the units add at each position."""
        out: Tensor = self.down(F.gelu(self.up(h)))
        return out


class Block(nn.Module):
    """Attention and, where there is one, an MLP, each adding to the stream."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.norm_attn = nn.LayerNorm(config.d_model)
        self.attn = Attention(config)
        self.norm_mlp = nn.LayerNorm(config.d_model) if config.d_mlp else None
        self.mlp = Mlp(config) if config.d_mlp else None

    def forward(self, h: Float[Tensor, "batch T d"]) -> Float[Tensor, "batch T d"]:
        """Return the stream after this block."""
        h = h + self.attn(self.norm_attn(h))
        if self.mlp is not None and self.norm_mlp is not None:
            h = h + self.mlp(self.norm_mlp(h))
        return h


class Transformer(nn.Module):
    """Token ids in, logits of the next token out."""

    def __init__(self, config: TransformerConfig, generator: torch.Generator) -> None:
        super().__init__()
        self.config = config
        self.embed = nn.Embedding(config.n_vocabulary, config.d_model)
        self.positions = nn.Embedding(config.n_positions, config.d_model)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.n_layers))
        self.norm = nn.LayerNorm(config.d_model)
        self.unembed = nn.Linear(config.d_model, config.n_vocabulary, bias=False)
        self._draw(generator)
        if config.is_tied:
            self.unembed.weight = self.embed.weight

    def forward(self, tokens: Int[Tensor, "batch T"]) -> Float[Tensor, "batch T vocabulary"]:
        """Return the logits of the token after each."""
        at = torch.arange(tokens.shape[1], device=tokens.device)
        h: Tensor = self.embed(tokens) + self.positions(at)
        for block in self.blocks:
            h = block(h)
        logits: Tensor = self.unembed(self.norm(h))
        return logits

    def _draw(self, generator: torch.Generator) -> None:
        """Draw matrices with variance 1/d_in; those that write to the stream are scaled down."""
        added = (2 * self.config.n_layers) ** -0.5
        with torch.no_grad():
            for path, module in self.named_modules():
                if isinstance(module, nn.Linear):
                    scale = added if path.endswith((".o", ".down")) else 1.0
                    std = scale * module.in_features**-0.5
                elif isinstance(module, nn.Embedding):
                    std = 0.1
                else:
                    continue
                module.weight.copy_(torch.randn(module.weight.shape, generator=generator) * std)
            self.positions.weight.copy_(0.1 * 2**0.5 * sinusoids(*self.positions.weight.shape))


def sinusoids(n_positions: int, d_model: int) -> Float[Tensor, "positions d"]:
    """Return sines and cosines of wavelengths from 2π to 20000π, where positions start from.

    A shift in position is a rotation of them, so that a head that looks back by one is near.
    """
    rates = 10000 ** (-torch.arange(0, d_model, 2) / d_model)
    angles = torch.arange(n_positions)[:, None] * rates
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)[:, :d_model]


def next_token_loss(
    logits: Float[Tensor, "batch T vocabulary"], tokens: Int[Tensor, "batch T"]
) -> Float[Tensor, ""]:
    """Return the mean cross-entropy of each token given those before it, in nats per token."""
    return F.cross_entropy(logits[:, :-1].flatten(0, 1), tokens[:, 1:].flatten())


class FitConfig(BaseModel):
    """How a language model is trained."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    steps: int = Field(default=1000, ge=1)
    batch_size: int = Field(default=64, ge=1)
    learning_rate: float = Field(default=0.003, gt=0)
    """Peak rate of AdamW, reached over the first twentieth, lowered to zero along a cosine."""

    weight_decay: float = Field(default=0.01, ge=0)
    clip_norm: float = Field(default=1.0, gt=0)


def fit(
    model: Transformer,
    draw: Callable[[int], Tensor],
    config: FitConfig,
    on_progress: Callable[[int, int], None] | None = None,
) -> None:
    """Train a language model on batches that `draw` returns, and freeze it."""
    optimizer = torch.optim.AdamW(
        model.parameters(),
        lr=config.learning_rate,
        betas=(0.9, 0.98),
        weight_decay=config.weight_decay,
        fused=True,
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, config.learning_rate, config.steps, pct_start=0.05, cycle_momentum=False
    )
    for step in range(config.steps):
        tokens = draw(config.batch_size)
        loss = next_token_loss(model(tokens), tokens)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch's stub lacks the annotation
        nn.utils.clip_grad_norm_(model.parameters(), config.clip_norm)
        optimizer.step()
        schedule.step()
        if on_progress is not None:
            on_progress(step + 1, config.steps)
    model.eval().requires_grad_(False)
