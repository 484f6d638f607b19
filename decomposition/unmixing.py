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
members and linearly independent, and become columns of R. Then every member is given one of them,
and nothing by the others; and what members for which there is no line read is at right angles to
all lines. A column is scaled so that on its line the member which takes it over is given as much as
before, and its importance network still fits.

A line may have a twin: in the second layer of a residual MLP, a feature that is negative comes
without what the first layer's ReLU adds to it where it is positive. The two are made one, halfway.

A group are subcomponents of one matrix that are often important together. A group whose unmixing
does not lower the objective stays as it was, unless importances cost less then and the objective
rises by no more than is tolerated: then it is for later training to show whether it pays. Groups
are looked for at several limits for *often*, as a large one may be impossible where a part of it is
not. Nothing of this knows what the features are. It is a special case of sparse dictionary
learning, where the dictionary is square.
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
from decomposition.objective import on_fresh_inputs
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

TWIN = 0.7
"""Cosine with a line found before above which another one is the same, a little bent: after a ReLU
that reads a feature, it is not on the same line where it is negative."""

SMALL = 0.25
"""A twin with fewer rows than this share of the other's is left out: it may be two features that
happen to go together."""

APART = 0.2
"""Sine of the angle between a line and the space of those found before it, at least."""

DEPENDENT = 0.02
"""Singular values of a group's V below this share of the largest count as zero."""

WORST = 1e4
"""Condition of R above which it is not used."""

LEAST_GAIN = 1e-4
"""By what share of itself the objective has to fall."""

CHEAPER = 0.01
"""By what share of itself the cost of importances has to fall where the objective may rise."""

N_INPUTS = 16384
"""Inputs that are drawn to see what is important together."""

MOST_ROWS = 8000
"""Of those on which a group is important, as many are looked for lines at most ..."""

ROWS_EACH = 80
"""... and for a small group as many for each member, but not fewer than 1,000."""


class Group(NamedTuple):
    """Subcomponents of one matrix that could be unmixed."""

    matrix: str
    members: list[int]
    mixing: Float[Tensor, "members members"]
    """R."""


class Together(NamedTuple):
    """What is seen of the subcomponents of one matrix."""

    inner: Float[Tensor, "rows C"]
    on: Bool[Tensor, "rows C"]
    """Where each is important."""


def unmix(
    model: DecomposedModel,
    target: Target,
    config: DecompositionConfig,
    tolerated: float = 0.0,
) -> int:
    """Unmix every group by which the objective gains; returns how many subcomponents that were.

    Args:
        model: Its U and V are changed.
        target: Where inputs come from.
        config: Decides the objective, and on how many inputs it is looked at.
        tolerated: By what share of itself the objective may rise where importances cost less
            afterwards: their networks were trained on the mixtures, and may have to be trained on.
    """
    current = on_fresh_inputs(model, target, config)
    n_unmixed = 0
    seen: dict[str, Together] = {}
    for often in OFTEN:
        for matrix in model.layers:
            if matrix not in seen:
                seen = important_together(model, target, config)
            for group in groups(model, matrix, seen[matrix], often):
                start = {n: p.detach().clone() for n, p in trained_parameters(model).items()}
                apply(model, group)
                after = on_fresh_inputs(model, target, config)
                is_cheaper = after.importances < (1 - CHEAPER) * current.importances
                limit = 1 + tolerated if is_cheaper else 1 - LEAST_GAIN
                if after.total < limit * current.total:
                    current, n_unmixed = after, n_unmixed + len(group.members)
                    seen = {}
                else:
                    load_parameters(model, start)
    logger.info("%s unmixed: objective %.6f", n_unmixed, current.total)
    return n_unmixed


@torch.no_grad()
def important_together(
    model: DecomposedModel, target: Target, config: DecompositionConfig
) -> dict[str, Together]:
    """Look at the subcomponents of all matrices on the same inputs."""
    x = target.batch(N_INPUTS, generator_for("unmixing", config.seed)).to(model.device)
    seen = model.clean(x).seen
    importance = model.importance_networks(seen).g
    return {
        matrix: Together(
            seen[matrix].inner.flatten(0, -2).cpu(),
            importance[matrix].flatten(0, -2).cpu() > IMPORTANT,
        )
        for matrix in model.layers
    }


@torch.no_grad()
def groups(model: DecomposedModel, matrix: str, seen: Together, often: float) -> list[Group]:
    """Return the groups of one matrix in which as many lines as members are found."""
    read = _ends(model.subcomponents[matrix])[0].cpu()
    found: list[Group] = []
    for members in _together(seen.on, often):
        rows = seen.on[:, members].any(dim=1)
        n_rows = min(MOST_ROWS, max(1000, ROWS_EACH * len(members)))
        mixing = lines(seen.inner[rows][:n_rows, members], read[members])
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


def lines(
    inner: Float[Tensor, "rows members"], read: Float[Tensor, "members d_in"]
) -> Float[Tensor, "members members"] | None:
    """Return R for the lines on which most rows lie; None if there is none.

    A line is the column of the member that reads most of it, with a one there. Where there are
    fewer lines than members, those which are left over keep what no line needs.

    Angles are those between the inputs, as far as the members read them: between inner activations
    they would depend on how long each V is, and where nearly as many lines as members are to be
    told apart none would be far from all others.

    Args:
        inner: Inner activations of the members.
        read: Their V.
    """
    left, lengths, _ = torch.linalg.svd(read, full_matrices=False)
    kept = lengths > DEPENDENT * lengths.max()
    left, lengths = left[:, kept], lengths[kept]
    directions = _directions(inner @ (left / lengths))
    if not directions.shape[1]:
        return None
    unseen = torch.eye(len(left)) - left @ left.T  # by any input, where some V depend on others
    mixing = _mixing(left * lengths, directions, unseen)
    is_sound = torch.isfinite(mixing).all() and torch.linalg.cond(mixing) < WORST
    return mixing if is_sound else None


def _mixing(
    to_inner: Float[Tensor, "members d"],
    directions: Float[Tensor, "d lines"],
    unseen: Float[Tensor, "members members"],
) -> Float[Tensor, "members members"]:
    """Return R: every line is one member's, and the others keep what is at right angles to all."""
    along = to_inner @ directions
    weights = (along / torch.linalg.vector_norm(along, dim=0)).abs().clamp(min=1e-6).log()
    takers, taken = (
        torch.from_numpy(found) for found in linear_sum_assignment(weights.numpy(), maximize=True)
    )
    mixing = torch.zeros_like(unseen)
    mixing[:, takers] = along[:, taken] / along[takers, taken]
    is_spare = torch.ones(len(to_inner), dtype=torch.bool)
    is_spare[takers] = False
    basis, _ = torch.linalg.qr(directions)
    kept = to_inner[is_spare] - to_inner[is_spare] @ basis @ basis.T
    left, _, right = torch.linalg.svd(kept, full_matrices=False)
    free = len(basis) - basis.shape[1]  # dimensions that no line is in
    nearest = (left[:, :free] @ right[:free]).T  # at right angles to each other and to all lines
    mixing[:, is_spare] = to_inner @ nearest + unseen[:, is_spare]
    return mixing


def _directions(x: Float[Tensor, "rows d"]) -> Float[Tensor, "d lines"]:
    """Return the directions that most rows have, at most d, each far from the span of the others.

    After each, the rows that have it are left out. Those of a twin count for the first one.
    """
    directions = torch.nn.functional.normalize(x, dim=1)
    cosines = directions @ directions.T
    near = cosines.abs() > CLOSE
    counts = near.sum(dim=1)
    free = torch.ones_like(counts, dtype=torch.bool)
    columns = x.new_zeros(x.shape[1], 0)
    while int(counts.max()) >= FEWEST:
        best = int(counts.argmax())
        mine = near[best] & free
        total = (directions[mine] * cosines[best, mine].sign().unsqueeze(1)).sum(dim=0)
        columns = _with(columns, total)
        free = free & ~mine
        counts = (counts - near[:, mine].sum(dim=1)) * free
    return torch.nn.functional.normalize(columns, dim=0)


def _with(columns: Float[Tensor, "d n"], total: Float[Tensor, " d"]) -> Float[Tensor, "d m"]:
    """Add a sum of directions to those found before, or to the one that it is a twin of."""
    found = torch.nn.functional.normalize(columns, dim=0)
    column = total / torch.linalg.vector_norm(total)
    cosines = found.T @ column
    if (cosines.abs() > TWIN).any():
        nearest = int(cosines.abs().argmax())
        lengths = torch.linalg.vector_norm(total), torch.linalg.vector_norm(columns[:, nearest])
        if lengths[0] < SMALL * lengths[1]:
            return columns
        columns = columns.clone()
        columns[:, nearest] += cosines[nearest].sign() * total
        return columns
    basis, _ = torch.linalg.qr(found)
    left_over = torch.linalg.vector_norm(column - basis @ (basis.T @ column))
    is_new = columns.shape[1] < len(columns) and left_over > APART
    return torch.cat([columns, total.unsqueeze(1)], dim=1) if is_new else columns


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
