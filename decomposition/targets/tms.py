r"""The Toy Model of Superposition, trained here from scratch.

Elhage et al. (2022), Toy Models of Superposition, arXiv:2209.10652:

.. math:: \hat x = \mathrm{ReLU}(W^\top W x + b)

with W of shape `n_hidden n_features`. A feature is active with a small probability, and then
uniform on [0, 1]; the model learns to reconstruct the features through fewer dimensions than
there are. Its mechanisms are known: column j of W is what the model does for feature j. With a
*hidden identity* the model is :math:`\mathrm{ReLU}(W^\top I W x + b)`: the same function, but
with a third matrix whose one mechanism has full rank and serves all features.

Training can end with a feature that the model has given up. Such a model is no test of a
decomposition, so every trained model is checked, and another one is trained from the next
derived seed where the check fails.
"""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from decomposition.errors import TargetError
from decomposition.seeds import generator_for
from decomposition.targets.mechanisms import Mechanisms

logger = logging.getLogger(__name__)

PROBE = 0.75
"""How active the one feature of a probe is, as in the reference evaluation of the method."""


class TmsConfig(BaseModel):
    """The size of a toy model, how it is trained, and when it is accepted."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    n_features: int = Field(ge=2)
    n_hidden: int = Field(ge=1)
    has_hidden_identity: bool = False
    """Whether an identity matrix stands between the two others."""

    feature_probability: float = Field(default=0.05, gt=0, le=1)
    """How often each feature is active, independently of the others."""

    steps: int = Field(default=2000, ge=1)
    batch_size: int = Field(default=1024, ge=1)
    learning_rate: float = Field(default=0.01, gt=0)
    """Peak rate of Adam, lowered to zero along a cosine."""

    min_relative_norm: float = Field(default=0.5, ge=0, le=1)
    """Each feature's column must be this long, in units of the longest."""

    min_readout: float = Field(default=0.5, ge=0, le=1)
    """Each feature alone, at 0.75, must be read out at this share of it at least ..."""

    max_crosstalk: float = Field(default=0.25, ge=0)
    """... and no other feature at more than this share of it."""

    max_attempts: int = Field(default=20, ge=1)


class ToyModel(nn.Module):
    """ReLU(Wᵀ W x + b) as two linear layers; the second weight is the first one transposed."""

    def __init__(
        self,
        weight: Float[Tensor, "hidden features"],
        bias: Float[Tensor, " features"],
        has_hidden_identity: bool = False,
    ) -> None:
        super().__init__()
        n_hidden, n_features = weight.shape
        self.linear1 = nn.Linear(n_features, n_hidden, bias=False)
        self.hidden = nn.Linear(n_hidden, n_hidden, bias=False) if has_hidden_identity else None
        self.linear2 = nn.Linear(n_hidden, n_features)
        with torch.no_grad():
            self.linear1.weight.copy_(weight)
            self.linear2.weight.copy_(weight.T)
            self.linear2.bias.copy_(bias)
            if self.hidden is not None:
                nn.init.eye_(self.hidden.weight)
        self.requires_grad_(False)

    def forward(self, x: Float[Tensor, "*batch features"]) -> Float[Tensor, "*batch features"]:
        """Reconstruct the features."""
        hidden = self.linear1(x)
        if self.hidden is not None:
            hidden = self.hidden(hidden)
        return torch.relu(self.linear2(hidden))


@dataclass(frozen=True)
class TmsTarget:
    """A trained toy model with its data and its known mechanisms."""

    name: str
    seed: int
    attempts: int
    """How many models were trained until one represented all features."""

    config: TmsConfig
    model: ToyModel
    is_categorical = False

    @property
    def transposes(self) -> dict[str, str | None]:
        """The matrices to decompose: `linear2` is the transpose of `linear1`."""
        if self.config.has_hidden_identity:
            return {"linear1": None, "hidden": None, "linear2": "linear1"}
        return {"linear1": None, "linear2": "linear1"}

    @property
    def blocks(self) -> dict[str, int | None]:
        """One subcomponent for each feature, but in the identity: there as many as its rank."""
        ends: dict[str, int | None] = {"linear1": None, "linear2": None}
        return ends | ({"hidden": self.config.n_hidden} if self.config.has_hidden_identity else {})

    def batch(self, n: int, generator: torch.Generator) -> Float[Tensor, "n features"]:
        """Draw n inputs from the distribution that the model was trained on."""
        return sparse_features(n, self.config, generator)

    def probes(self) -> Float[Tensor, "features features"]:
        """Return one input for each feature, in which it alone is active, at 0.75."""
        return PROBE * torch.eye(self.config.n_features)

    def active_features(self, x: Float[Tensor, "batch features"]) -> Bool[Tensor, "batch features"]:
        """Say which features are active on each input."""
        return x > 0

    def mechanisms(self) -> dict[str, Mechanisms]:
        """Return the columns of the first matrix and the rows of the second."""
        return {
            "linear1": Mechanisms.columns_of(self.model.linear1.weight),
            "linear2": Mechanisms.rows_of(self.model.linear2.weight),
        }

    def tensors(self) -> dict[str, Tensor]:
        """Return what `TmsRecipe.restore` needs to make this target again."""
        return {"weight": self.model.linear1.weight, "bias": self.model.linear2.bias}


@dataclass(frozen=True)
class TmsRecipe:
    """How to get one kind of toy model: by training, or from saved weights."""

    name: str
    config: TmsConfig

    def train(self, seed: int, on_progress: Callable[[int, int], None] | None = None) -> TmsTarget:
        """Train toy models until one represents all its features.

        Args:
            seed: Decides the result; attempt k uses numbers derived from (name, seed, k).
            on_progress: Called with the steps done and the steps of this attempt.

        Raises:
            TargetError: No attempt gave a model that represents all features.
        """
        started = time.perf_counter()
        for attempt in range(1, self.config.max_attempts + 1):
            model = _trained(self.config, generator_for(self.name, seed, attempt), on_progress)
            check = represented(model, self.config)
            logger.info(
                "%s seed %s attempt %s: %s of %s features represented, %.1f s",
                *(self.name, seed, attempt, check.n, self.config.n_features),
                time.perf_counter() - started,
            )
            if check.all:
                return TmsTarget(self.name, seed, attempt, self.config, model)
        raise TargetError(
            f"{self.name}, seed {seed}: none of {self.config.max_attempts} trained models "
            f"represents all {self.config.n_features} features (the last one, {check.n}); "
            "take another seed, or train for more steps"
        )

    def restore(self, seed: int, attempts: int, tensors: Mapping[str, Tensor]) -> TmsTarget:
        """Make the target again from the tensors it was saved with."""
        model = ToyModel(tensors["weight"], tensors["bias"], self.config.has_hidden_identity)
        return TmsTarget(self.name, seed, attempts, self.config, model)


class Represented(NamedTuple):
    """Which features a toy model represents, by length and by read-out."""

    features: list[bool]

    @property
    def n(self) -> int:
        """How many features are represented."""
        return sum(self.features)

    @property
    def all(self) -> bool:
        """Whether every feature is."""
        return all(self.features)


@torch.no_grad()
def represented(model: ToyModel, config: TmsConfig) -> Represented:
    """Check every feature: its column is long enough, and it alone is what is read out."""
    norms = torch.linalg.vector_norm(model.linear1.weight, dim=0)
    shares = model(PROBE * torch.eye(config.n_features)) / PROBE
    crosstalk = shares.masked_fill(torch.eye(config.n_features, dtype=torch.bool), 0)
    passed = (
        (norms >= config.min_relative_norm * norms.max())
        & (shares.diag() >= config.min_readout)
        & (crosstalk.amax(dim=1) <= config.max_crosstalk)
    )
    return Represented(passed.tolist())


def sparse_features(
    n: int, config: TmsConfig, generator: torch.Generator
) -> Float[Tensor, "n features"]:
    """Draw n inputs: each feature uniform on [0, 1) where it is active, else zero."""
    shape = (n, config.n_features)
    active = torch.rand(shape, generator=generator) < config.feature_probability
    return torch.rand(shape, generator=generator) * active


def _trained(
    config: TmsConfig,
    generator: torch.Generator,
    on_progress: Callable[[int, int], None] | None,
) -> ToyModel:
    """Train one toy model with Adam on the mean squared error, from a Glorot-normal start."""
    std = (2 / (config.n_features + config.n_hidden)) ** 0.5
    shape = (config.n_hidden, config.n_features)
    weight = (torch.randn(shape, generator=generator) * std).requires_grad_()
    bias = torch.zeros(config.n_features, requires_grad=True)
    optimizer = torch.optim.Adam([weight, bias], lr=config.learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, config.steps)
    for step in range(config.steps):
        x = sparse_features(config.batch_size, config, generator)
        loss = (torch.relu(x @ weight.T @ weight + bias) - x).square().mean()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch's stub lacks the annotation
        optimizer.step()
        schedule.step()
        if on_progress is not None:
            on_progress(step + 1, config.steps)
    return ToyModel(weight.detach(), bias.detach(), config.has_hidden_identity)
