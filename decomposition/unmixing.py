r"""Taking apart, after training, subcomponents that read parts of one another's features.

Where one subcomponent reads feature i and another one i and j, both are important on i, and one
would do. So it is where one reads i + j and another i - j, or three read i and j, j and k, k and i.
Training does not leave these states: an importance is one however much or little of i is read, so
reading less of it saves nothing until none is left. But the sum stays the same to rounding if what
a group of them reads is *unmixed*,

.. math:: V \to R^{-1} V, \quad U \to U R ,

with V and U those of the group, and R any square matrix that has an inverse. Which one helps shows
in the inner activations a = V x. Wherever one feature alone is there, a lies on one line, always
the same; so the lines on which most inputs lie are looked for, at most as many as the group has
members and linearly independent, and become the columns of R. Then every member is given one of
them, and nothing by the others; and members for which there is no line are given nothing by any.
A column is scaled so that on its line the member which takes it over is given as much as before,
and its importance network still fits.

A group are subcomponents of one matrix that are often important together. A group whose unmixing
does not lower the objective stays as it was; groups are looked for at several limits for *often*,
as a large one may be impossible where a part of it is not. Nothing of this knows what the features
are. It is a special case of sparse dictionary learning, where the dictionary is square.
"""

import logging
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from decomposition.attempt import load_parameters, trained_parameters
from decomposition.config import DecompositionConfig
from decomposition.decomposed_model import DecomposedModel
from decomposition.objective import objective_on_fresh_inputs
from decomposition.seeds import generator_for
from decomposition.subcomponents import AnySubcomponents, TransposedSubcomponents
from decomposition.targets import Target

logger = logging.getLogger(__name__)

IMPORTANT = 0.5
"""Importance above which an input counts."""

OFTEN = (0.1, 0.25, 0.5)
"""Two belong together if both are important on this share of the inputs on which one of them is."""

FEWEST = 8
"""Inputs that have to lie on a line."""

CLOSE = 0.99
"""Cosine with a line above which an input lies on it."""

APART = 0.2
"""Sine of the angle between a line and the space of those found before it, at least."""

LEAST_GAIN = 1e-4
"""By what share of itself the objective has to fall."""

N_INPUTS = 16384
"""Inputs that are drawn to see what is important together."""

MOST_ROWS = 4000
"""Of those on which a group is important, as many are looked for lines at most ..."""

ROWS_EACH = 40
"""... and for a small group as many for each member, but not fewer than 1,000."""


class Group(NamedTuple):
    """Subcomponents of one matrix that could be unmixed."""

    matrix: str
    members: list[int]
    mixing: Float[Tensor, "members members"]
    """R."""


def unmix(model: DecomposedModel, target: Target, config: DecompositionConfig) -> int:
    """Unmix every group by which the objective gains; returns how many subcomponents that were.

    Args:
        model: Its U and V are changed.
        target: Where inputs come from.
        config: Decides the objective, and on how many inputs it is looked at.
    """
    current = objective_on_fresh_inputs(model, target, config)
    n_unmixed = 0
    for often in OFTEN:
        for matrix in model.layers:
            for group in groups(model, target, config, matrix, often):
                start = {n: p.detach().clone() for n, p in trained_parameters(model).items()}
                apply(model, group)
                after = objective_on_fresh_inputs(model, target, config)
                if after < (1 - LEAST_GAIN) * current:
                    current, n_unmixed = after, n_unmixed + len(group.members)
                else:
                    load_parameters(model, start)
    logger.info("%s unmixed: objective %.6f", n_unmixed, current)
    return n_unmixed


@torch.no_grad()
def groups(
    model: DecomposedModel,
    target: Target,
    config: DecompositionConfig,
    matrix: str,
    often: float,
) -> list[Group]:
    """Return the groups of one matrix in which as many lines as members are found."""
    x = target.batch(N_INPUTS, generator_for("unmixing", config.seed)).to(model.device)
    seen = model.clean(x).seen
    importance = model.importance_networks(seen).g[matrix].flatten(0, -2)
    inner, on = seen[matrix].inner.flatten(0, -2).cpu(), importance.cpu() > IMPORTANT
    found: list[Group] = []
    for members in _together(on, often):
        rows = on[:, members].any(dim=1)
        n_rows = min(MOST_ROWS, max(1000, ROWS_EACH * len(members)))
        mixing = lines(inner[rows][:n_rows, members])
        if mixing is not None:
            found.append(Group(matrix, members, mixing))
    return found


def _together(on: Bool[Tensor, "rows C"], often: float) -> list[list[int]]:
    """Return the subcomponents that are connected by being important together."""
    both = on.float().T @ on.float()
    each = both.diag()
    linked = (both >= FEWEST) & (both >= often * torch.minimum(each, each.unsqueeze(1)))
    reached = linked | torch.eye(len(linked), dtype=torch.bool)
    for _ in range(len(linked).bit_length()):  # each time twice as far
        reached = reached.float() @ reached.float() > 0
    label = reached.float().argmax(dim=1)  # the first of all that are reached
    by_label: dict[int, list[int]] = {}
    for member, of in enumerate(label.tolist()):
        by_label.setdefault(of, []).append(member)
    return [members for members in by_label.values() if len(members) > 1]


def lines(inner: Float[Tensor, "rows members"]) -> Float[Tensor, "members members"] | None:
    """Return the lines on which most rows lie, one a column; None if there is none.

    Column c has a one at member c, each of which is given the line that it reads most of. Where
    there are fewer lines than members, those which are left over keep what no line needs.
    """
    n = inner.shape[1]
    directions = torch.nn.functional.normalize(inner, dim=1)
    cosines = directions @ directions.T
    near = cosines.abs() > CLOSE
    columns = inner.new_zeros(n, 0)
    while columns.shape[1] < n:
        counts = near.sum(dim=1)
        best = int(counts.argmax())
        if counts[best] < FEWEST:
            break
        mine = near[best]
        column = (directions[mine] * cosines[best, mine].sign().unsqueeze(1)).mean(dim=0)
        column = column / torch.linalg.vector_norm(column)
        if _sine(column, columns) > APART:
            columns = torch.cat([columns, column.unsqueeze(1)], dim=1)
        near = near & ~mine & ~mine.unsqueeze(1)
    if not columns.shape[1]:
        return None
    while columns.shape[1] < n:
        basis, _ = torch.linalg.qr(columns)
        spare = (1 - basis.square().sum(dim=1)).argmax()
        columns = torch.cat([columns, torch.eye(n)[:, [spare]]], dim=1)
    rows, takes = linear_sum_assignment(columns.abs().clamp(min=1e-6).log().numpy(), maximize=True)
    ordered = columns[:, torch.from_numpy(takes)[torch.from_numpy(rows).argsort()]]
    return None if (ordered.diag().abs() < 1e-3).any() else ordered / ordered.diag()


def _sine(column: Float[Tensor, " n"], others: Float[Tensor, "n k"]) -> float:
    """Return how far a unit vector is from the span of others."""
    basis, _ = torch.linalg.qr(others)
    left_over: Tensor = torch.linalg.vector_norm(column - basis @ (basis.T @ column))
    return left_over.item()


@torch.no_grad()
def apply(model: DecomposedModel, group: Group) -> None:
    """Change U and V; the sum of the subcomponents stays."""
    read, written = _ends(model.subcomponents[group.matrix])
    mixing, members = group.mixing.to(read.device), torch.tensor(group.members).to(read.device)
    read[members] = torch.linalg.solve(mixing, read[members])
    written[:, members] = written[:, members] @ mixing


def _ends(parts: AnySubcomponents) -> tuple[Tensor, Tensor]:
    """Return views of what is read, `C d_in`, and written, `d_out C`."""
    if isinstance(parts, TransposedSubcomponents):
        return parts.other.U.data.T, parts.other.V.data.T
    return parts.V.data, parts.U.data
