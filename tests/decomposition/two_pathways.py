"""A little reader of tokens with two pathways that were put there by hand.

*Through the MLP*: a `king` at a position says `he` there. *Through attention*: a `woman` anywhere
before says `her` later. `dog` does a third thing in both, and `the` nothing. All weights are
planted, and so is the decomposition: one subcomponent for each step of each pathway.
"""

from dataclasses import dataclass
from types import MappingProxyType

import torch
from torch import nn

from decomposition.attempt import fresh_model
from decomposition.config import DecompositionConfig
from decomposition.seeds import generator_for
from decomposition.training import Decomposition
from tests.decomposition.small_transformer import DecoderTarget

WORDS = ("the", "king", "woman", "dog", "he", "her", "it", "them")
ENDS = {"king": "he", "woman": "her", "dog": "it"}
PATHWAYS = {
    "up": (("king", 0), ("dog", 1)),
    "down": ((0, "he"), (1, "it")),
    "v": (("woman", 0), ("dog", 1)),
    "o": ((0, "her"), (1, "them")),
}
"""Of each matrix, what each of its subcomponents reads and writes: a word, or a hidden unit."""


class TwoPathways(nn.Module):
    """Words are axes; attention is the mean over all positions so far."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(8, 8, _weight=torch.eye(8))
        self.v, self.o = nn.Linear(8, 3, bias=False), nn.Linear(3, 8, bias=False)
        self.up, self.down = nn.Linear(8, 3, bias=False), nn.Linear(3, 8, bias=False)
        for name, steps in PATHWAYS.items():
            weight = getattr(self, name).weight.data.zero_()
            for reads, writes in steps:
                weight[place(writes), place(reads)] = 2.0

    def forward(self, tokens):
        h = self.embed(tokens)
        so_far = torch.arange(1, tokens.shape[1] + 1).unsqueeze(-1)
        h = h + self.o(self.v(h).cumsum(dim=1) / so_far)
        return h + self.down(torch.relu(self.up(h)))


def place(what: str | int) -> int:
    return what if isinstance(what, int) else WORDS.index(what)


@dataclass(frozen=True)
class TwoPathwaysTarget(DecoderTarget):
    name = "two pathways"
    words: tuple[str, ...] = WORDS
    transposes = MappingProxyType(dict.fromkeys(PATHWAYS))

    def batch(self, n, generator):
        return torch.randint(4, (n, 6), generator=generator)


def planted_decomposition(n_subcomponents: int = 4) -> Decomposition:
    """Each step is a subcomponent, important wherever its inner activation is above zero."""
    target = TwoPathwaysTarget(TwoPathways().requires_grad_(False))
    config = DecompositionConfig(n_subcomponents=n_subcomponents, n_hidden=2, merge_zero_rows=False)
    model = fresh_model(target, config, generator_for("planted"))
    with torch.no_grad():
        for name, parts in model.subcomponents.items():
            parts.U.zero_()
            parts.V.zero_()
            for c, (reads, writes) in enumerate(PATHWAYS[name]):
                parts.V[c, place(reads)] = 1.0
                parts.U[place(writes), c] = 2.0
        for parameter in model.importance_networks.parameters():
            parameter.zero_()
        model.importance_networks.weight_in[:, 0] = 100
        model.importance_networks.weight_out[:, 0] = 1
    return Decomposition(target, config, model, {}, 0.0, 0.0)
