"""Removing a subcomponent beside fine-tuning the same matrix to forget the same thing.

Of the subcomponents of a matrix those are taken whose removal changes most. What a subcomponent is
there for is taken to be the output that falls most, where it is important
(g > 0.5), when it is removed: its *symptom* is the mean probability of that word there, or the mean
output. The peers are a change of rank one, and one of the whole matrix, trained by Adam on n rows
until the symptom on them is as low as the removal makes it, or a fiftieth of what it was (or for
1,000 steps): they lower the symptom, and pay for every divergence at all other positions. Then
all are measured on new rows: the symptom, and the divergence in other positions of the same rows
and in rows in which the subcomponent exceeds 0.01 nowhere (nats, or squared distance of outputs).

    PYTHONPATH=. python benchmarks/bench_edits.py library.artifacts/run1 --matrix linear1
"""

import argparse
import json
import statistics
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from decomposition.checkpoints import load
from decomposition.edit_effects import UNIMPORTANT, divergence
from decomposition.editing import IMPORTANT, Change, parameter_changes, run_with
from decomposition.harvest import HarvestConfig, census, subcomponent_id
from decomposition.seeds import generator_for
from decomposition.training import Decomposition

N_TEST, STEPS, RATE, ENOUGH = 1024, 1000, 0.002, 0.02
CANDIDATES = 20
"""How many of the most frequent subcomponents are looked at."""


class Rows(NamedTuple):
    """Inputs, what the target says to them, and where a subcomponent matters."""

    x: Tensor
    before: Tensor
    on_target: Tensor
    """Boolean, `rows *positions`, as are the next two."""

    surrounding: Tensor
    elsewhere: Tensor


class Aim(NamedTuple):
    """What fine-tuning is to reach."""

    output: int
    symptom: float


class Outcome(NamedTuple):
    """What a change does on new rows."""

    symptom: float
    surrounding: float | None
    elsewhere: float
    seconds: float
    """Of the processor, to find the change."""


def rows_of(decomposition: Decomposition, matrix: str, c: int, n: int, name: str) -> Rows:
    """Draw n rows."""
    x = decomposition.target.batch(n, generator_for("edits beside fine-tuning", name))
    g = decomposition.model.importance(x)[matrix][..., c]
    by_row = g.reshape(len(g), -1).amax(dim=1)
    nowhere = (by_row <= UNIMPORTANT).reshape(-1, *[1] * (g.ndim - 1)).expand_as(g)
    on_target = g > IMPORTANT
    with torch.no_grad():
        before = decomposition.model(x)
    near = (g <= UNIMPORTANT) & ~nowhere
    return Rows(x, before, on_target, near, nowhere)


def symptoms(decomposition: Decomposition, output: Tensor) -> Tensor:
    """Return what is to be lowered, for every position and output."""
    return output.softmax(dim=-1) if decomposition.target.is_categorical else output


def moved(decomposition: Decomposition, output: Tensor, rows: Rows) -> Tensor:
    """Return how far every position is from the target's output."""
    return divergence(output, rows.before, is_categorical=decomposition.target.is_categorical)


def outcome(
    decomposition: Decomposition,
    deltas: Mapping[str, Tensor],
    rows: Rows,
    word: int,
    seconds: float,
) -> Outcome:
    """Measure a change."""
    with torch.no_grad():
        output = run_with(decomposition.target.model, deltas, rows.x)
    far = moved(decomposition, output, rows)
    symptom = symptoms(decomposition, output)[..., word][rows.on_target].mean().item()
    near = far[rows.surrounding].mean().item() if rows.surrounding.any() else None
    return Outcome(symptom, near, far[rows.elsewhere].mean().item(), seconds)


def tuned(
    decomposition: Decomposition, name: str, rows: Rows, aim: Aim, rank: int | None
) -> tuple[dict[str, Tensor], float]:
    """Train a change of one parameter until the symptom is as low as the goal."""
    began = time.process_time()
    weight = decomposition.target.model.get_parameter(name)
    generator = generator_for("fine-tuning", name)
    if rank is None:
        parts = [torch.zeros_like(weight).requires_grad_()]
    else:
        parts = [
            torch.zeros(weight.shape[0], rank).requires_grad_(),
            (torch.randn(rank, weight.shape[1], generator=generator) / weight.shape[1] ** 0.5)
            .requires_grad_(),
        ]  # fmt: skip

    def delta() -> Tensor:
        return parts[0] if rank is None else parts[0] @ parts[1]

    optimizer = torch.optim.Adam(parts, lr=RATE)
    others = ~rows.on_target
    for _ in range(STEPS):
        output = run_with(decomposition.target.model, {name: delta()}, rows.x)
        symptom = symptoms(decomposition, output)[..., aim.output][rows.on_target]
        if symptom.mean().item() <= aim.symptom:
            break
        loss = symptom.mean() + moved(decomposition, output, rows)[others].mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return {name: delta().detach()}, time.process_time() - began


def falls(decomposition: Decomposition, matrix: str, c: int, rows: Rows) -> Tensor:
    """Return how much each output falls, where the subcomponent matters, when it is removed."""
    change = Change(kind="remove", subcomponent=subcomponent_id(matrix, c))
    deltas = parameter_changes(decomposition, [change], rows.x)
    with torch.no_grad():
        after = run_with(decomposition.target.model, deltas, rows.x)
    fall = symptoms(decomposition, rows.before) - symptoms(decomposition, after)
    return fall[rows.on_target].mean(dim=0)


def choose(decomposition: Decomposition, matrix: str, n: int, density: float) -> list[int]:
    """Return the subcomponents whose removal lowers an output most, among frequent ones."""
    counted = census(decomposition, HarvestConfig(n=1024))[matrix]
    often = counted.density * (counted.density <= density)
    found = []
    for c in often.argsort(descending=True)[:CANDIDATES].tolist():
        rows = rows_of(decomposition, matrix, c, N_TEST // 4, "choice")
        if rows.on_target.sum() >= 10 and rows.elsewhere.any():
            found.append((falls(decomposition, matrix, c, rows).max().item(), c))
    return [c for _, c in sorted(found, reverse=True)[:n]]


def compare(
    decomposition: Decomposition, matrix: str, c: int, sizes: list[int]
) -> dict[str, object]:
    """Compare the ways to forget what one subcomponent is there for."""
    began = time.process_time()
    test = rows_of(decomposition, matrix, c, N_TEST, "test")
    change = Change(kind="remove", subcomponent=subcomponent_id(matrix, c))
    deltas = parameter_changes(decomposition, [change], test.x)
    (name,) = deltas
    seconds = time.process_time() - began
    word = int(falls(decomposition, matrix, c, test).argmax())
    before = symptoms(decomposition, test.before)[..., word][test.on_target].mean().item()
    found = {"removed": outcome(decomposition, deltas, test, word, seconds)}
    for n in sizes:
        rows = rows_of(decomposition, matrix, c, n, f"train {n}")
        if not rows.on_target.any():
            continue
        for kind, rank in (("rank one", 1), ("whole matrix", None)):
            aim = Aim(word, max(found["removed"].symptom, ENOUGH * before))
            learned, spent = tuned(decomposition, name, rows, aim, rank)
            found[f"{kind}, n={n}"] = outcome(decomposition, learned, test, word, spent)
    return {
        "subcomponent": subcomponent_id(matrix, c),
        "output": word,
        "before": before,
        "on_target_share": float(test.on_target.float().mean()),
        **{kind: each._asdict() for kind, each in found.items()},
    }


def main() -> None:
    """Print what every way does, the median over subcomponents."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--matrix", required=True)
    parser.add_argument("--subcomponents", type=int, default=5)
    parser.add_argument("--density", type=float, default=0.2, help="of the densest one tried")
    parser.add_argument("--n", type=int, nargs="+", default=[16, 512])
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    decomposition = load(options.folder)
    chosen = choose(decomposition, options.matrix, options.subcomponents, options.density)
    found = [compare(decomposition, options.matrix, c, options.n) for c in chosen]
    if options.json:
        print(json.dumps(found, indent=2))
        return
    print(f"{len(found)} subcomponents of {options.matrix}, medians")
    print(f"{'before':<24} symptom {statistics.median(row['before'] for row in found):.4f}")
    for kind in [key for key in found[0] if isinstance(found[0][key], dict)]:
        of = [row[kind] for row in found if kind in row]
        print(
            f"{kind:<24} "
            + ", ".join(
                f"{name} {statistics.median(values):.3g}"
                for name in Outcome._fields
                if (values := [each[name] for each in of if each[name] is not None])
            )
        )


if __name__ == "__main__":
    main()
