r"""Do attributions say what ablations do?

Subcomponent c is taken for a source. For every target t, a living subcomponent or an output, and
every input on which c is important (g > 0.5), its attribution :math:`A_{ct}` is gradient x
activation of its direct effect (`tracing`), and :math:`D_{ct}` what t loses when c is set to zero
and everything else is held. Both are summed over positions. With sums over inputs and targets,

.. math:: \text{agreement}_c = 1 - \frac{\sum |A_{ct} - D_{ct}|}{\sum (|A_{ct}| + |D_{ct}|)},

which is 1 where both are the same, 2/3 where one is twice the other in all of them, 0 where they
have opposite signs or only one of them is there. The value is the mean over living
subcomponents, of many over the 64 that matter most. The default threshold is 2/3: attributions
right within a factor of two. Outputs of a language model are many: of them only the logit of the
likeliest token at each position is a target. Inputs on which nothing is important are left out.

**n** counts subcomponents with enough inputs. The bootstrap resamples inputs and subcomponents.

**Control.** The attributions of each source are compared with the ablations of another one.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from decomposition.harvest import HarvestConfig, census, subcomponent_id
from decomposition.measurements import (
    Control,
    ExperimentConfig,
    Measured,
    Side,
    mean_over_units,
    percentiles,
    resampled_counts,
)
from decomposition.seeds import generator_for
from decomposition.tracing import Pass, Tracer, Values, tracing
from decomposition.training import Decomposition
from decomposition.wording import Sign

IMPORTANT = 0.5
"""A subcomponent is a source on inputs on which its importance exceeds this somewhere."""

N_CONTROL_DRAWS = 20
"""Ways in which sources are exchanged."""

N_SUBCOMPONENTS = 64
"""Sources at most: the living ones with most mean importance."""

N_CENSUS = 2048
"""Inputs on which it is counted what lives."""

ROWS = 256
"""Inputs run at a time."""


class AttributionFaithfulness:
    """Compares gradient x activation with what is lost when the source is set to zero."""

    name = "attribution_faithfulness"
    unit = "agreement"
    proposition = "what attributions predict is what ablations do"
    default_threshold = 2 / 3
    side: Side = "above"
    terms = ("attribut", "pathway", "circuit", "gradient", "direct effect")
    signs = (
        Sign(r"\b(?:disagree|mislead|misrepresent|diverge|differ)\w*", -1),
        Sign(r"\b(?:un|non-?)(?:faithful|reliable)\w*", -1),
        Sign(r"\b(?:spurious|unrelated)\b", -1),
        Sign(r"\bfaithful\w*", 1),
        Sign(r"\b(?:predict|agree|match|confirm|correspond|reproduc|reflect)\w*", 1),
        Sign(r"\b(?:reliabl|accurat)\w*", 1),
    )

    def run(self, decomposition: Decomposition, config: ExperimentConfig) -> Measured:
        """Measure the mean agreement, its interval, and that of exchanged sources."""
        generator = generator_for(self.name, config.seed)
        x = decomposition.target.batch(config.n, generator)
        x = x[_used(decomposition, x)]
        counts = resampled_counts(len(x), config.resamples, generator)
        living = _living(decomposition)
        effects = _effects(decomposition, x, living)
        seen = [c for c in range(len(living)) if int(effects.used[c].sum()) >= config.min_samples]
        columns = [_agreement(effects, c, c, counts) for c in seen]
        replicates = torch.stack(columns, dim=1) if columns else torch.empty(len(counts), 0)
        value, (low, high) = mean_over_units(replicates, len(living), config)
        return Measured(
            experiment=self.name,
            value=value,
            low=low,
            high=high,
            n=len(seen),
            minimum_n=config.minimum_n,
            unit=self.unit,
            controls=(_control(effects, seen, config, generator),),
            subcomponents=tuple(subcomponent_id(*living[c]) for c in seen),
            details={
                "inputs": config.n,
                "inputs_used": len(x),
                "alive": len(living),
                "targets": effects.attributed.shape[2],
                **({"worst_subcomponent": float(replicates[0].min())} if seen else {}),
            },
        )


class Effects(NamedTuple):
    """Of every source on every target, on every input."""

    attributed: Tensor
    """Shape `sources inputs targets`."""

    lost: Tensor
    """Same shape: what the target lost when the source was ablated."""

    used: Tensor
    """Shape `sources inputs`, boolean: where the source is important."""


def _living(decomposition: Decomposition) -> list[tuple[str, int]]:
    """Return the living subcomponents, or of many those that matter most on average."""
    found = [
        (counted.mean_importance[c].item(), matrix, c)
        for matrix, counted in census(decomposition, HarvestConfig(n=N_CENSUS)).items()
        for c in counted.alive.nonzero().flatten().tolist()
    ]
    most = set(sorted(found, key=lambda each: -each[0])[:N_SUBCOMPONENTS])
    return [(matrix, c) for mean, matrix, c in found if (mean, matrix, c) in most]


def _used(decomposition: Decomposition, x: Tensor) -> Tensor:
    """Say on which inputs anything is important."""
    importance = decomposition.model.importance(x)
    most = [g.reshape(len(x), -1).amax(dim=1) for g in importance.values()]
    return torch.stack(most).amax(dim=0) > IMPORTANT


def _effects(decomposition: Decomposition, x: Tensor, living: list[tuple[str, int]]) -> Effects:
    """Attribute and ablate every living subcomponent, some inputs at a time."""
    if not len(x):
        nothing = torch.zeros(len(living), 0, 1)
        return Effects(nothing, nothing, torch.zeros(len(living), 0, dtype=torch.bool))
    parts = []
    for start in range(0, len(x), ROWS):
        rows = x[start : start + ROWS]
        importance = decomposition.model.importance(rows)
        used = [
            importance[matrix].reshape(len(rows), -1, importance[matrix].shape[-1])[..., c]
            for matrix, c in living
        ]
        with tracing(decomposition.model) as tracer:
            probe = _Probe(tracer, rows, living, decomposition.target.is_categorical)
            parts.append(
                (
                    probe.attributed(),
                    probe.lost(),
                    torch.stack([g.amax(dim=1) > IMPORTANT for g in used])
                    if living
                    else torch.zeros(0, len(rows), dtype=torch.bool),
                )
            )
    return Effects(*(torch.cat(part, dim=1) for part in zip(*parts, strict=True)))


class _Probe:
    """Some inputs, and what is asked of them."""

    def __init__(
        self, tracer: Tracer, x: Tensor, living: list[tuple[str, int]], is_categorical: bool
    ) -> None:
        self.tracer, self.x, self.living = tracer, x, living
        self.clean = tracer(x)
        likeliest = self.clean.output.detach().argmax(dim=-1, keepdim=True)
        self.likeliest = likeliest if is_categorical else None
        self.values = self._targets(self.clean)

    def attributed(self) -> Float[Tensor, "sources inputs targets"]:
        """Return gradient x activation of each source on each target."""
        leaves = {name: v.inner for name, v in self.clean.passed.items() if v.inner is not None}
        found, n = [], len(self.x)
        for target in range(self.values.shape[1]):
            gradients = torch.autograd.grad(
                self.values[:, target].sum(),
                list(leaves.values()),
                retain_graph=True,
                allow_unused=True,
            )
            products = {
                name: torch.zeros_like(leaf) if gradient is None else gradient * leaf.detach()
                for (name, leaf), gradient in zip(leaves.items(), gradients, strict=True)
            }
            columns = [products[name][..., c].reshape(n, -1).sum(dim=1) for name, c in self.living]
            found.append(torch.stack(columns) if columns else torch.zeros(0, n))
        return torch.stack(found, dim=2)

    def lost(self) -> Float[Tensor, "sources inputs targets"]:
        """Return what each target loses when a source is set to zero at all positions."""
        found = [torch.zeros(0, *self.values.shape)]
        for name, c in self.living:
            held = {
                place: Values(
                    None if values.inner is None else values.inner.detach().clone(),
                    values.rest.detach(),
                )
                for place, values in self.clean.passed.items()
            }
            inner = held[name].inner
            assert inner is not None, "a split matrix passes on inner activations"
            inner[..., c] = 0
            ablated = self._targets(self.tracer(self.x, held))
            found.append((self.values - ablated).detach().unsqueeze(0))
        return torch.cat(found)

    def _targets(self, traced: Pass) -> Float[Tensor, "inputs targets"]:
        """Return what is asked for: living subcomponents, then outputs, summed over positions."""
        columns = [traced.reached[name][..., c].sum(dim=1) for name, c in self.living]
        outputs = traced.output
        if self.likeliest is not None:
            outputs = outputs.gather(-1, self.likeliest)
        return torch.cat([*(column[:, None] for column in columns), outputs.sum(dim=1)], dim=1)


def _agreement(
    effects: Effects, source: int, other: int, counts: Float[Tensor, "resamples inputs"]
) -> Float[Tensor, " resamples"]:
    """Return how well attributions of one source tell ablations of another, in each resample."""
    used = effects.used[source]
    a, d = effects.attributed[source, used], effects.lost[other, used]
    weights = counts[:, used]
    apart = weights @ (a - d).abs().sum(dim=1)
    both = weights @ (a.abs() + d.abs()).sum(dim=1)
    return torch.where(both > 0, 1 - apart / both.clamp(min=1e-30), 0.5)


def _control(
    effects: Effects, seen: list[int], config: ExperimentConfig, generator: torch.Generator
) -> Control:
    """Average over sources, each with the ablations of another, for several exchanges."""
    name = "ablations of another subcomponent"
    if len(seen) < 2:
        return Control(name, 0.5, 0, 1, 0)
    once = torch.ones(1, effects.used.shape[1])
    means = []
    for _ in range(N_CONTROL_DRAWS):
        shift = int(torch.randint(1, len(seen), (1,), generator=generator))
        order = torch.randperm(len(seen), generator=generator).tolist()
        pairs = zip(order, order[shift:] + order[:shift], strict=True)
        found = [_agreement(effects, seen[c], seen[other], once) for c, other in pairs]
        means.append(torch.cat(found).mean())
    low, high = percentiles(torch.stack(means), config.confidence)
    return Control(name, torch.stack(means).mean().item(), low, high, N_CONTROL_DRAWS)
