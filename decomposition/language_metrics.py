r"""How good a decomposition of a language model is, as named numbers.

For each kind of masks, all on the same tokens:

* **kl_...**, in nats per token: the divergence of the masked from the target's predictions, mean
  over all positions;
* **ce_...**, in nats per token: the cross-entropy of the next token, mean over all positions but
  the last, beside **ce_target**, the target's own;
* **ce_recovered_...**: :math:`1 - (\mathrm{CE} - \mathrm{CE}_\mathrm{target}) /
  (\mathrm{CE}_\mathrm{off} - \mathrm{CE}_\mathrm{target})`: 1 is as good as the target, 0 as bad
  as with everything ablated that was decomposed (the zero-ablation baseline).

The kinds: m = 1 (*unmasked*), m ~ U(g, 1) with the remainder masked too (*stochastic*), m = g
(*importance*), m = 1 where g exceeds the threshold and else 0 (*rounded*), m ~ U(0, 1) whatever g
is (*random*), m = 0 (*off*). Only *stochastic* and *adversarial* masks keep anything of what the
subcomponents leave over.

* **pgd_n**, in nats per token: the divergence under the worst masks that n sign steps find from a
  random start, one source r for all rows and positions. `pgd_reconstruction` is the one of the
  first rung; the ladder shows that it is no limit. It is what a decomposition that only looks
  good fails at.
* **l0**, **l0/matrix**: importances above **l0_threshold** per token; **l0_positive**: above zero.
* **rank_sum**: ranks of all matrices together, at most; what L0 would be for a decomposition into
  singular directions that are always on. **l0_share** is `l0` in units of it.
* **alive**, **alive/matrix**: subcomponents with a mean importance above **alive_threshold**.
* **spectrum_x**: subcomponents whose mean importance is above x, for x from 1 down to the
  threshold of life in powers of ten: the spectrum of mean importances, by its counts.

After Goodfire (2026), Interpreting Language Model Parameters, whose L0 counts g > 0.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from decomposition import losses
from decomposition.adversary import climb_sum, random_sources
from decomposition.masks import Mask, draw_masks, masks_above
from decomposition.metrics import cross_entropies
from decomposition.objective import remainders
from decomposition.seeds import generator_for
from decomposition.targets.transformer import next_token_loss
from decomposition.token_divergence import rows_at_once
from decomposition.training import Decomposition


class LanguageMetricsConfig(BaseModel):
    """What the metrics of a language model are measured on."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    n: int = Field(default=64, ge=1)
    """Rows for the divergences and the adversary."""

    n_census: int = Field(default=1024, ge=1)
    """Rows on which importances are counted."""

    batch_size: int = Field(default=64, ge=1)
    """Rows that are run at once, at most; fewer where the vocabulary is large."""

    seed: int = 0
    threshold: float = Field(default=0.1, ge=0, lt=1)
    """An importance above this counts for `l0`, and is kept by rounded masks."""

    alive_threshold: float = Field(default=1e-6, gt=0)
    """A subcomponent is alive when its mean importance over all tokens exceeds this."""

    ladder: tuple[int, ...] = (20, 40, 80, 160, 320)
    """Steps of the adversaries, ascending; each goes on from where the one before stopped."""

    step_size: float = Field(default=0.1, gt=0)


class Tally(NamedTuple):
    """How important the subcomponents of one matrix are, over all tokens of a sample."""

    mean: Tensor
    """Shape `C`: mean importance, in [0, 1]."""

    density: Tensor
    """Shape `C`: share of tokens with an importance above the threshold."""

    positive: Tensor
    """Shape `C`: share of tokens with an importance above zero."""


def language_metrics(
    decomposition: Decomposition, config: LanguageMetricsConfig
) -> dict[str, float]:
    """Return all metrics by name; those of one matrix are called `name/matrix`."""
    tallies = tally(decomposition, config)
    counts = {
        "alive": {m: (t.mean > config.alive_threshold).sum().item() for m, t in tallies.items()},
        "l0": {m: t.density.sum().item() for m, t in tallies.items()},
        "l0_positive": {m: t.positive.sum().item() for m, t in tallies.items()},
    }
    rank_sum = sum(min(w.shape) for w in decomposition.model.weights.values())
    found: dict[str, float] = {name: sum(of.values()) for name, of in counts.items()}
    found |= {f"{name}/{m}": value for name, of in counts.items() for m, value in of.items()}
    found |= {"rank_sum": rank_sum, "l0_share": found["l0"] / rank_sum}
    found |= {"alive_threshold": config.alive_threshold, "l0_threshold": config.threshold}
    found |= spectrum(tallies, config)
    found["faithfulness"] = losses.faithfulness(remainders(decomposition.model)).item()
    return found | divergences(decomposition, config)


@torch.no_grad()
def tally(decomposition: Decomposition, config: LanguageMetricsConfig) -> dict[str, Tally]:
    """Count importances over new rows, a few at a time."""
    generator = generator_for("language metrics", "census", config.seed)
    sums: dict[str, Tensor] = {}
    n_tokens = 0
    for start in range(0, config.n_census, config.batch_size):
        n = min(config.batch_size, config.n_census - start)
        tokens = decomposition.batch(n, generator)
        n_tokens += tokens.numel()
        for some in torch.split(tokens, rows_at_once(decomposition.model, tokens, n)):
            _count(decomposition.model.importance(some), config.threshold, sums)
    return {matrix: Tally(*(counted / n_tokens)) for matrix, counted in sums.items()}


def _count(importance: Mapping[str, Tensor], threshold: float, sums: dict[str, Tensor]) -> None:
    """Add to the sums of each matrix, `3 C`."""
    for matrix, positions in importance.items():
        g = positions.flatten(0, -2)
        counted = torch.stack([
            g.sum(dim=0, dtype=torch.float64),
            (g > threshold).sum(dim=0),
            (g > 0).sum(dim=0),
        ])  # fmt: skip
        sums[matrix] = sums[matrix] + counted if matrix in sums else counted


def spectrum(tallies: Mapping[str, Tally], config: LanguageMetricsConfig) -> dict[str, float]:
    """Count subcomponents with a mean importance above each power of ten."""
    means = torch.cat([t.mean for t in tallies.values()])
    counts, power = {}, 0.1
    while power > 1.5 * config.alive_threshold:
        counts[f"spectrum_{power:.0e}"] = (means > power).sum().item()
        power /= 10
    return counts


def divergences(decomposition: Decomposition, config: LanguageMetricsConfig) -> dict[str, float]:
    """Return KL, CE and CE recovered under every kind of masks, and the adversary's ladder.

    A few rows are run at a time under one kind of masks: the logits of all of them under all kinds
    would take many times as much memory as a step of training.
    """
    generator = generator_for("language metrics", "divergences", config.seed)
    parts = _parts(decomposition, decomposition.batch(config.n, generator), config)
    importance = {
        name: torch.cat([part.importance[name] for part in parts]) for name in parts[0].importance
    }
    kinds = _kinds(decomposition, importance, config, generator)
    lost = {kind: _lost(decomposition, parts, masks) for kind, masks in kinds}
    ce_target = sum(part.share * part.ce for part in parts)
    found = {f"kl_{kind}": of.kl for kind, of in lost.items()}
    found |= cross_entropies(ce_target, {kind: of.ce for kind, of in lost.items()})
    return found | _ladder(decomposition, parts, config)


class Part(NamedTuple):
    """A few of the rows."""

    rows: slice
    share: float
    """Of all rows, in (0, 1]."""

    tokens: Tensor
    """Shape `rows T`."""

    importance: dict[str, Tensor]
    ce: float
    """The target's own cross-entropy on them, in nats per token."""


class Lost(NamedTuple):
    """What one kind of masks does, in nats per token."""

    kl: float
    ce: float


@torch.no_grad()
def _parts(
    decomposition: Decomposition, tokens: Int[Tensor, "batch T"], config: LanguageMetricsConfig
) -> list[Part]:
    model = decomposition.model
    n = rows_at_once(model, tokens, config.batch_size)
    parts = []
    for start in range(0, len(tokens), n):
        rows = slice(start, start + n)
        some = tokens[rows]
        ce = next_token_loss(model(some), some).item()
        parts.append(Part(rows, len(some) / len(tokens), some, model.importance(some), ce))
    return parts


@torch.no_grad()
def _lost(decomposition: Decomposition, parts: Sequence[Part], masks: Mapping[str, Mask]) -> Lost:
    model, kl, ce = decomposition.model, 0.0, 0.0
    for part in parts:
        output = model(part.tokens, {name: mask.of(part.rows) for name, mask in masks.items()})
        ce += part.share * next_token_loss(output, part.tokens).item()
        kl += part.share * divergence(output, model(part.tokens)).item()
    return Lost(kl, ce)


def divergence(
    output: Float[Tensor, "batch T vocabulary"], expected: Float[Tensor, "batch T vocabulary"]
) -> Float[Tensor, ""]:
    """Return the divergence in nats per token, mean over all positions of all rows."""
    return losses.divergence(output, expected, losses.equal_weights(output))


def _kinds(
    decomposition: Decomposition,
    importance: Mapping[str, Tensor],
    config: LanguageMetricsConfig,
    generator: torch.Generator,
) -> Iterator[tuple[str, dict[str, Mask]]]:
    """Yield the masks of every kind; the docstring of the module says what they are."""
    zero = {name: torch.zeros_like(g) for name, g in importance.items()}
    yield "unmasked", {name: Mask(torch.ones_like(g)) for name, g in importance.items()}
    yield "stochastic", draw_masks(importance, decomposition.config.mask_remainder, generator)
    yield "importance", {name: Mask(g) for name, g in importance.items()}
    rounded = {name: (g > config.threshold).float() for name, g in importance.items()}
    yield "rounded", {name: Mask(g) for name, g in rounded.items()}
    yield "random", draw_masks(zero, False, generator)
    yield "off", {name: Mask(g) for name, g in zero.items()}


def _ladder(
    decomposition: Decomposition, parts: Sequence[Part], config: LanguageMetricsConfig
) -> dict[str, float]:
    """Climb once, and note how far the adversary has got at every rung."""
    model, keeps = decomposition.model, decomposition.config.mask_remainder

    def harm_to(part: Part, sources: Mapping[str, Tensor]) -> Tensor:
        with torch.no_grad():
            expected = model(part.tokens)
        output = model(part.tokens, masks_above(part.importance, sources, keeps))
        return part.share * divergence(output, expected)

    harms = [partial(harm_to, part) for part in parts]
    generator = generator_for("language metrics", "adversary", config.seed)
    sources = random_sources(parts[0].importance, is_shared=True, generator=generator)
    found: dict[str, float] = {}
    done = 0
    for steps in config.ladder:
        sources = climb_sum(sources, harms, steps - done, config.step_size)
        done = steps
        with torch.no_grad():
            found[f"pgd_{steps}"] = sum(harm(sources).item() for harm in harms)
    return {"pgd_reconstruction": found[f"pgd_{config.ladder[0]}"], **found}
