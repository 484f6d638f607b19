"""A tiny untrained decoder of tokens, decomposed at random: two layers, two heads, 16 words."""

from dataclasses import dataclass, field

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from decomposition.attempt import fresh_model
from decomposition.config import DecompositionConfig
from decomposition.seeds import generator_for
from decomposition.training import Decomposition

WORDS, LENGTH, WIDTH = 16, 6, 8


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.q, self.k, self.v, self.o = (nn.Linear(WIDTH, WIDTH, bias=False) for _ in range(4))
        self.up, self.down = nn.Linear(WIDTH, 16), nn.Linear(16, WIDTH)

    def forward(self, h):
        x = self.norm1(h)
        q, k, v = (f(x).unflatten(-1, (2, -1)).transpose(1, 2) for f in (self.q, self.k, self.v))
        moved = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        h = h + self.o(moved.transpose(1, 2).flatten(-2))
        return h + self.down(F.gelu(self.up(self.norm2(h))))


class Decoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed, self.positions = nn.Embedding(WORDS, WIDTH), nn.Embedding(LENGTH, WIDTH)
        self.blocks = nn.ModuleList(Block() for _ in range(2))
        self.unembed = nn.Linear(WIDTH, WORDS, bias=False)

    def forward(self, tokens):
        h = self.embed(tokens) + self.positions(torch.arange(tokens.shape[1], device=tokens.device))
        for block in self.blocks:
            h = block(h)
        return self.unembed(h)


@dataclass(frozen=True)
class DecoderTarget:
    model: nn.Module
    name = "decoder"
    seed = 0
    attempts = 1
    is_categorical = True
    blocks: dict = field(default_factory=dict)
    words: tuple[str, ...] = tuple(f"w{i}" for i in range(WORDS))

    @property
    def transposes(self):
        parts = ("q", "k", "v", "o", "up", "down")
        return {f"blocks.{layer}.{part}": None for layer in range(2) for part in parts}

    def batch(self, n, generator):
        return torch.randint(WORDS, (n, LENGTH), generator=generator)

    def encode(self, text):
        return torch.tensor([self.words.index(word) for word in text.split()])

    def probes(self):
        return self.batch(1, generator_for("probe"))

    def active_features(self, x):
        found = torch.zeros(len(x), WORDS, dtype=torch.bool)
        return found.scatter_(1, x, True)

    def mechanisms(self):
        return {}

    def tensors(self):
        return dict(self.model.state_dict())


def transformer_decomposition() -> Decomposition:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = Decoder().requires_grad_(False).eval()
    config = DecompositionConfig(n_subcomponents=10, n_hidden=4, merge_zero_rows=False)
    target = DecoderTarget(model)
    decomposed = fresh_model(target, config, generator_for("decoder"))
    return Decomposition(target, config, decomposed, {}, 0.0, 0.0)
