r"""What an edit does, where it is meant to do something and where it is not.

Positions are of three kinds: *on target*, where an edited subcomponent is important (g > 0.5);
*surrounding*, others of the same row, if inputs have positions; and *elsewhere*, rows in which none
of them exceeds 0.01 anywhere. Where positions of an edited matrix are not those of the output, as
of filters before a pooling, a whole row is one position. The effect at a position is the divergence
of the edited from the target's predictions, in nats, or the squared distance of outputs. It stands
beside that of ablating everything decomposed, and that of as many random rank-one matrices of the
same norms.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from pydantic import Field
from safetensors.torch import save_file
from torch import Tensor

from decomposition.devices import moved
from decomposition.editing import (
    IMPORTANT,
    Change,
    also_changed,
    parameter_changes,
    place_of,
    run_with,
)
from decomposition.errors import EditError
from decomposition.masks import Mask
from decomposition.reports import AnalysisConfig, EditEffect, EditReport
from decomposition.seeds import generator_for
from decomposition.training import Decomposition
from decomposition.vocabularies import output_index, output_words

UNIMPORTANT = 0.01
"""A row counts as elsewhere where no edited subcomponent exceeds this."""

DELTA = "delta.safetensors"

N_RANDOM = 10
"""Random edits that the control averages over."""


class EditConfig(AnalysisConfig):
    """What is changed, and on how much it is measured."""

    changes: list[Change] = Field(min_length=1)
    n: int = Field(default=1024, ge=1)
    """Rows drawn from the target's data."""


def measure_edit(
    decomposition: Decomposition, config: EditConfig, folder: Path | None = None
) -> tuple[dict[str, Tensor], EditReport]:
    """Make an edit and say what it does; returns the differences of the target's parameters.

    They are also written into the folder, as `delta.safetensors`, if one is given.

    Raises:
        EditError: A change cannot be made, or nothing that is edited is important anywhere.
    """
    target, model = decomposition.target, decomposition.model
    x = decomposition.batch(config.n, generator_for("edit", config.seed))
    network = moved(target.model, model.device)
    deltas = parameter_changes(decomposition, config.changes, x)
    with torch.no_grad():
        before = model(x)
    importance = _importance(decomposition, config.changes, x, before.shape[:-1])
    kinds = _kinds(importance)
    if not kinds["on_target"].any():
        raise EditError(
            f"what is edited is important on none of {config.n} inputs; nothing can be said of it"
        )
    with torch.no_grad():
        after = run_with(network, deltas, x)
        off = model(x, {name: Mask(torch.zeros_like(g)) for name, g in model.importance(x).items()})
        random = [run_with(network, each, x) for each in _random(deltas, config.seed)]
    effects = {"edit": [after], "off": [off], "random": random}
    words = [c.toward for c in config.changes if c.toward is not None]
    toward = output_index(target, words[0]) if words else None
    likely: dict[str, float] = {}
    if toward is not None and target.is_categorical:
        likely = {
            name: _at(kinds["on_target"], output.softmax(dim=-1)[..., toward]).mean().item()
            for name, output in (("before", before), ("after", after))
        }
    report = EditReport(
        changes=[_words(change) for change in config.changes],
        parameters={name: torch.linalg.vector_norm(d).item() for name, d in deltas.items()},
        also_changed=also_changed(decomposition, config.changes),
        unit="nats" if target.is_categorical else "squared distance",
        effects={
            name: EditEffect(**_means(decomposition, outputs, before, kinds))
            for name, outputs in effects.items()
        },
        positions={name: int(where.sum()) for name, where in kinds.items()},
        word="" if toward is None else output_words(target, toward),
        probability=likely,
    )
    if folder is not None:
        save_file(deltas, folder / DELTA)
    return deltas, report


def divergence(output: Tensor, expected: Tensor, *, is_categorical: bool) -> Tensor:
    """Return how far each position's output is from what is expected, `*positions`."""
    if not is_categorical:
        return (output - expected).square().sum(dim=-1)
    p, q = expected.log_softmax(dim=-1), output.log_softmax(dim=-1)
    return (p.exp() * (p - q)).sum(dim=-1)


def _importance(
    decomposition: Decomposition, changes: Sequence[Change], x: Tensor, positions: torch.Size
) -> Tensor:
    """Return the largest importance of what is edited, `rows positions`.

    These are the positions of the output, or one for each row if a matrix has others.
    """
    places = [place_of(decomposition.model, change.subcomponent) for change in changes]
    importance = decomposition.model.importance(x)
    found = [importance[place.matrix][..., place.number] for place in places]
    columns = [g.reshape(len(x), -1) for g in found]
    if any(g.shape != positions for g in found):
        columns = [column.amax(dim=1, keepdim=True) for column in columns]
    return torch.stack(columns).amax(dim=0)


def _kinds(importance: Tensor) -> dict[str, Tensor]:
    """Return of which kind each position is, `rows positions`, boolean."""
    on = importance > IMPORTANT
    elsewhere = (importance.amax(dim=1, keepdim=True) <= UNIMPORTANT).expand_as(on)
    surrounding = on.any(dim=1, keepdim=True) & (importance <= UNIMPORTANT)
    return {"on_target": on, "surrounding": surrounding, "elsewhere": elsewhere}


def _means(
    decomposition: Decomposition,
    outputs: Sequence[Tensor],
    before: Tensor,
    kinds: Mapping[str, Tensor],
) -> dict[str, float | None]:
    is_categorical = decomposition.target.is_categorical
    moved = torch.stack(
        [divergence(output, before, is_categorical=is_categorical) for output in outputs]
    ).mean(dim=0)
    return {
        name: _at(where, moved).mean().item() if where.any() else None
        for name, where in kinds.items()
    }


def _at(where: Tensor, values: Tensor) -> Tensor:
    """Return the values of the output's positions that are of a kind, or their means over rows."""
    values = values.reshape(len(values), -1)
    if where.shape != values.shape:
        values = values.mean(dim=1, keepdim=True)
    return values[where]


def _random(deltas: Mapping[str, Tensor], seed: int) -> list[dict[str, Tensor]]:
    """Draw differences of rank one, of the norms of an edit's."""
    generator = generator_for("random edits", seed)
    drawn = []
    for _ in range(N_RANDOM):
        one = {}
        for name, delta in deltas.items():
            u = torch.randn(len(delta), 1, generator=generator)
            v = torch.randn(1, delta[0].numel(), generator=generator)
            size = torch.linalg.vector_norm(delta) / (u.norm() * v.norm())
            one[name] = (size * u * v).reshape(delta.shape)
        drawn.append(one)
    return drawn


def _words(change: Change) -> str:
    if change.kind == "scale":
        return f"scale {change.subcomponent} by {change.factor:g}"
    if change.kind == "remove":
        return f"remove {change.subcomponent}"
    where = change.toward or "a direction"
    return f"{change.kind} {change.subcomponent} toward {where}, strength {change.strength:g}"
