r"""Residual MLPs that compute more functions than they have neurons.

.. math:: h_0 = W_E x,\quad h_k = h_{k-1} + W^k_\mathrm{out}\,
    \mathrm{ReLU}(W^k_\mathrm{in} h_{k-1}),\quad \hat y = W_E^\top h_K

learn :math:`y_i = x_i + \mathrm{ReLU}(x_i)` for sparse features x in [-1, 1], with half as many
neurons as features in all layers together: *compressed computation* in one layer, in several
*cross-layer distributed representation* (Bushnaq, Braun & Sharkey 2025, arXiv:2506.20790,
section 3; Braun et al. 2025, arXiv:2501.14926). The embedding is random, of unit columns, and
never trained; the input matrix of a layer should need one subcomponent for each feature, and the
output matrix one block of full rank.

A model is accepted when it adds to each feature alone at least 0.4 of what it should, and to no
other output more than 0.3 of that; otherwise another one is trained. With half as many neurons as
features, features get between 0.4 and 0.75 of it, with nothing missing between them and none: at
0.5 and 0.25 none of ten trainings in a row may be accepted, though every feature is computed.

That the input matrix of every layer needs a subcomponent for each feature is only so where every
layer does something for each. In three layers some do not: leaving one of them out changes what
comes out for a feature by 0.05 to 0.08 of it in three of five models (seeds 0 to 4), at two of them
less than for most negative inputs, for which there is nothing to compute. So it has to change by
0.1; in two layers it did in all five.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from decomposition.errors import TargetError
from decomposition.factored import Factored, Stream, Term
from decomposition.seeds import generator_for
from decomposition.targets.mechanisms import Mechanisms
from decomposition.targets.tms import PROBE, Represented

logger = logging.getLogger(__name__)


class ResidualMlpConfig(BaseModel):
    """The size of a residual MLP, how it is trained, and when it is accepted."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    n_features: int = Field(ge=2)
    n_layers: int = Field(ge=1)
    n_neurons: int = Field(ge=1)
    """Of each layer."""

    d_embed: int = Field(default=1000, ge=1)
    feature_probability: float = Field(default=0.01, gt=0, le=1)
    steps: int = Field(default=1000, ge=1)
    batch_size: int = Field(default=2048, ge=1)
    learning_rate: float = Field(default=0.003, gt=0)
    """Peak rate of Adam, lowered to zero along a cosine."""

    min_share: float = Field(default=0.4, ge=0, le=1)
    """Each feature alone, at 0.75, must be given at least this share of its ReLU ..."""

    max_crosstalk: float = Field(default=0.3, ge=0)
    """... and no other output more than this share of it."""

    min_effect: float = Field(default=0.1, ge=0)
    """Leaving any one layer out must change all outputs together (as a length) by this share."""

    max_attempts: int = Field(default=10, ge=1)


class Block(nn.Module):
    """One layer of the residual stream."""

    def __init__(self, d_embed: int, n_neurons: int) -> None:
        super().__init__()
        self.mlp_in = nn.Linear(d_embed, n_neurons, bias=False)
        self.mlp_out = nn.Linear(n_neurons, d_embed, bias=False)

    def forward(self, h: Stream) -> Stream:
        """Add what the neurons make of the stream, `*batch d_embed`, to it."""
        added: Stream = self.mlp_out(torch.relu(self.mlp_in(h)))
        return h + added


class ResidualMlp(nn.Module):
    """A fixed embedding, layers, and the embedding transposed."""

    embedding: Tensor

    is_apart = False
    """Whether the stream is not multiplied out (see `factored`); layers may add to it so too."""

    def __init__(
        self, embedding: Float[Tensor, "d_embed features"], n_layers: int, n_neurons: int
    ) -> None:
        super().__init__()
        self.register_buffer("embedding", embedding)
        self.layers = nn.ModuleList(Block(len(embedding), n_neurons) for _ in range(n_layers))

    def forward(self, x: Float[Tensor, "*batch features"]) -> Float[Tensor, "*batch features"]:
        """Return the features plus their ReLU, as far as it was learned."""
        read = Term(x, self.embedding.T)
        h: Stream = Factored(read) if self.is_apart else read.coefficients @ read.basis
        for layer in self.layers:
            h = layer(h)
        return h @ self.embedding


@dataclass(frozen=True)
class ResidualMlpTarget:
    """A trained residual MLP with its data."""

    name: str
    seed: int
    attempts: int
    """How many models were trained until one computed all functions."""

    config: ResidualMlpConfig
    model: ResidualMlp
    is_categorical = False

    @property
    def transposes(self) -> dict[str, str | None]:
        """Both matrices of every layer; none is tied."""
        return dict.fromkeys(self.blocks)

    @property
    def blocks(self) -> dict[str, int | None]:
        """One subcomponent for each feature going in, a block of full rank coming out."""
        return {
            f"layers.{layer}.{matrix}": rank
            for layer in range(self.config.n_layers)
            for matrix, rank in (("mlp_in", None), ("mlp_out", self.config.n_neurons))
        }

    def batch(self, n: int, generator: torch.Generator) -> Float[Tensor, "n features"]:
        """Draw n inputs from the distribution that the model was trained on."""
        return signed_features(n, self.config, generator)

    def probes(self) -> Float[Tensor, "features features"]:
        """Return one input for each feature, in which it alone is active, at 0.75."""
        return PROBE * torch.eye(self.config.n_features)

    def active_features(self, x: Float[Tensor, "batch features"]) -> Bool[Tensor, "batch features"]:
        """Say which features are active on each input."""
        return x != 0

    def mechanisms(self) -> dict[str, Mechanisms]:
        """Return nothing: how a feature is spread over neurons is not known beforehand."""
        return {}

    def tensors(self) -> dict[str, Tensor]:
        """Return what `ResidualMlpRecipe.restore` needs to make this target again."""
        return dict(self.model.state_dict())


@dataclass(frozen=True)
class ResidualMlpRecipe:
    """How to get one kind of residual MLP: by training, or from saved weights."""

    name: str
    config: ResidualMlpConfig

    def train(
        self, seed: int, on_progress: Callable[[int, int], None] | None = None
    ) -> ResidualMlpTarget:
        """Train residual MLPs until one computes the function of every feature.

        Raises:
            TargetError: No attempt did.
        """
        for attempt in range(1, self.config.max_attempts + 1):
            generator = generator_for(self.name, seed, attempt)
            model = _trained(self.config, generator, on_progress)
            check = computed(model, self.config)
            logger.info(
                "%s seed %s attempt %s: %s of %s functions computed",
                *(self.name, seed, attempt, check.n, self.config.n_features),
            )
            if check.all:
                return ResidualMlpTarget(self.name, seed, attempt, self.config, model)
        raise TargetError(
            f"{self.name}, seed {seed}: none of {self.config.max_attempts} trained models computes "
            f"the functions of all {self.config.n_features} features (the last one, {check.n}); "
            "take another seed, or train for more steps"
        )

    def restore(self, seed: int, attempts: int, tensors: Mapping[str, Tensor]) -> ResidualMlpTarget:
        """Make the target again from the tensors it was saved with."""
        model = ResidualMlp(
            tensors["embedding"].clone(), self.config.n_layers, self.config.n_neurons
        )
        model.load_state_dict(dict(tensors))
        return ResidualMlpTarget(
            self.name, seed, attempts, self.config, model.requires_grad_(False)
        )


@torch.no_grad()
def computed(model: ResidualMlp, config: ResidualMlpConfig) -> Represented:
    """Check every feature: alone, it is given its ReLU, by all layers, and others get little."""
    x = PROBE * torch.eye(config.n_features)
    put_out = model(x)
    # the embedding's columns are not quite orthogonal; what the layers add is looked at
    added = (put_out - x @ model.embedding.T @ model.embedding) / PROBE
    crosstalk = added.abs().masked_fill(torch.eye(config.n_features, dtype=torch.bool), 0)
    passed = (added.diag() >= config.min_share) & (crosstalk.amax(dim=1) <= config.max_crosstalk)
    for layer in range(len(model.layers)):
        effect = torch.linalg.vector_norm(put_out - _without(model, layer, x), dim=1) / PROBE
        passed &= effect >= config.min_effect
    return Represented(passed.tolist())


def _without(
    model: ResidualMlp, left_out: int, x: Float[Tensor, "batch features"]
) -> Float[Tensor, "batch features"]:
    """Return what a model puts out without one of its layers."""
    h = x @ model.embedding.T
    for number, layer in enumerate(model.layers):
        h = h if number == left_out else layer(h)
    return h @ model.embedding


def signed_features(
    n: int, config: ResidualMlpConfig, generator: torch.Generator
) -> Float[Tensor, "n features"]:
    """Draw n inputs: each feature uniform on [-1, 1) where it is active, else zero."""
    shape = (n, config.n_features)
    active = torch.rand(shape, generator=generator) < config.feature_probability
    return (2 * torch.rand(shape, generator=generator) - 1) * active


def outputs_apart(
    model: ResidualMlp, x: Float[Tensor, "batch features"]
) -> Float[Tensor, "batch features"]:
    """Return what a model puts out, to rounding, without multiplying the stream out.

    A step of training then takes a few milliseconds and not thirty (see `factored`).
    """
    h = Factored(Term(x, model.embedding.T))
    for layer in model.layers:
        assert isinstance(layer, Block), "what a residual MLP is made of"
        neurons = torch.relu(h.read_by(layer.mlp_in.weight))
        h = Factored(*h.terms, Term(neurons, layer.mlp_out.weight.T))
    return h @ model.embedding


def _trained(
    config: ResidualMlpConfig,
    generator: torch.Generator,
    on_progress: Callable[[int, int], None] | None,
) -> ResidualMlp:
    """Train one model with Adam on the mean squared error."""
    embedding = torch.randn(config.d_embed, config.n_features, generator=generator)
    model = ResidualMlp(embedding / embedding.norm(dim=0), config.n_layers, config.n_neurons)
    for parameter in model.parameters():
        with torch.no_grad():
            parameter.copy_(
                torch.randn(parameter.shape, generator=generator) / parameter.shape[1] ** 0.5
            )
    optimizer = torch.optim.Adam(model.parameters(), lr=config.learning_rate, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, config.steps)
    for step in range(config.steps):
        x = signed_features(config.batch_size, config, generator)
        loss = (outputs_apart(model, x) - x - torch.relu(x)).square().mean()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch's stub lacks the annotation
        optimizer.step()
        schedule.step()
        if on_progress is not None:
            on_progress(step + 1, config.steps)
    return model.requires_grad_(False)
