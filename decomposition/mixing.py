r"""How a group of subcomponents mixes lines, and who of them takes over which.

The columns of R are what the group's V make of the lines, V d, so that :math:`R^{-1} V` reads each
line with one member and nothing of it with the others. As many members as possible are given a line
on which they are important; among these assignments, the one in which they read most of theirs. A
column is scaled so that on its line its member is given as much as before, and its importance
network still fits. A member for which no such line is left is a *stranger* to its own: it is given
one where inputs are as far along as on average, and needs another network. Where there are fewer
lines than members, those which are left over keep what is at right angles to all lines.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from scipy.optimize import linear_sum_assignment
from torch import Tensor
from torch.nn.functional import normalize

APART = 0.2
"""Sine of the angle between a line and the space of those before it, at least."""

BARELY_APART = 0.03
"""The same where every line is to have a subcomponent of its own, and training follows."""

DEPENDENT = 0.02
"""Singular values of a group's V below this share of the largest count as zero."""

LEAST_SHARE = 1e-6
"""Smaller shares of a line count as this."""

LEAST_KNOWN = 0.01
"""Who reads a smaller share of a line does not know it: its column would be out of all scale."""

WORST = 1e4
"""Condition of R above which it is not used."""


class Recruit(NamedTuple):
    """A dead subcomponent that is to read a line for which no living one is free."""

    number: int
    donor: int
    """The subcomponent that reads the line now, among others."""

    read: Float[Tensor, " d_in"]
    """Its V before unmixing: what of the line the group does not read, as long as it has to be for
    the line to give it what it gives the donor."""


class Mixing(NamedTuple):
    """How to unmix a group."""

    R: Float[Tensor, "members members"]
    strangers: list[int]
    """The members that are given a line that they do not know."""


def mixing_of(
    read: Float[Tensor, "members d_in"],
    directions: Float[Tensor, "d_in lines"],
    knows: Bool[Tensor, "members lines"],
    reach: Float[Tensor, " lines"],
    apart: float = APART,
) -> Mixing | None:
    """Return R; None if there is no line or R is nearly singular.

    A line counts only if it is far enough from the space of those before it, as far as the members
    read them.

    Args:
        read: V of the members.
        directions: Lines of unit length, the more important ones first.
        knows: Whether a member is important on a line, so that its network fits.
        reach: What a stranger is given 1 for.
        apart: Sine that counts as far enough.
    """
    left, lengths, right = torch.linalg.svd(read, full_matrices=False)
    kept = lengths > DEPENDENT * lengths.max()
    left, lengths, right = left[:, kept], lengths[kept], right[kept]
    whole, _ = torch.linalg.qr(left, mode="complete")
    unseen = whole[:, left.shape[1] :]  # by any input, where some V depend on others
    seen = normalize(right @ directions, dim=0)
    chosen = independent(seen, apart)
    if not chosen:
        return None
    along, knows = read @ directions[:, chosen], knows[:, chosen]
    shares = (along / torch.linalg.vector_norm(along, dim=0)).abs()
    knows = knows & (shares > LEAST_KNOWN)
    takers, taken = _takers(shares, knows)
    R = _spare(left * lengths, seen[:, chosen], unseen, takers)
    is_known = knows[takers, taken]
    R[:, takers] = along[:, taken] / torch.where(
        is_known, along[takers, taken], 1 / reach[chosen][taken]
    )
    is_sound = torch.isfinite(R).all() and torch.linalg.cond(R) < WORST
    return Mixing(R, takers[~is_known].tolist()) if is_sound else None


def independent(directions: Float[Tensor, "d lines"], apart: float = APART) -> list[int]:
    """Return the lines that are far from the space of those before them, at most d.

    Args:
        directions: Of unit length.
        apart: Sine that counts as far.
    """
    chosen: list[int] = []
    basis = directions[:, :0]
    for line, column in enumerate(directions.T):
        left_over = column - basis @ (basis.T @ column)
        left_over = left_over - basis @ (basis.T @ left_over)  # rounding
        length = torch.linalg.vector_norm(left_over)
        if len(chosen) < len(directions) and length > apart:
            chosen.append(line)
            basis = torch.cat([basis, (left_over / length).unsqueeze(1)], dim=1)
    return chosen


def without_owner(important: Bool[Tensor, "lines C"]) -> list[int]:
    """Return the lines that go without if every line is given one that is important on it.

    Args:
        important: What is important on each line.
    """
    rows, columns = linear_sum_assignment(important.float().numpy(), maximize=True)
    owned = {row for row, column in zip(rows, columns, strict=True) if important[row, column]}
    return [line for line in range(len(important)) if line not in owned]


def recruits_for(
    directions: Float[Tensor, "d_in lines"],
    read: Float[Tensor, "C d_in"],
    readers: Sequence[Sequence[int]],
    members: Sequence[int],
    dead: Sequence[int],
) -> list[Recruit | None]:
    """Return a recruit for each line, as long as there are dead ones and it is far from the others.

    Args:
        directions: Lines without an owner.
        read: V of all subcomponents of the matrix.
        readers: Which members are important on each of these lines.
        members: The group.
        dead: Who could be recruited, in this order.
    """
    known = read[torch.tensor(members)]
    free, found = list(dead), list[Recruit | None]()
    for direction, by in zip(directions.T, readers, strict=True):
        _, lengths, right = torch.linalg.svd(known, full_matrices=False)
        basis = right[lengths > DEPENDENT * lengths.max()]
        left_over = direction - basis.T @ (basis @ direction)
        length = torch.linalg.vector_norm(left_over)
        if not free or length < APART:
            found.append(None)
            continue
        donor = max(by, key=lambda member: abs(float(read[member] @ direction)))
        own = left_over / length.square() * (read[donor] @ direction)
        found.append(Recruit(free.pop(0), donor, own))
        known = torch.cat([known, own.unsqueeze(0)])
    return found


def _spare(
    to_inner: Float[Tensor, "members d"],
    directions: Float[Tensor, "d lines"],
    unseen: Float[Tensor, "members unseen"],
    takers: Int[Tensor, " lines"],
) -> Float[Tensor, "members members"]:
    """Return the columns of those without a line: they keep what is at right angles to all.

    What no input reaches, where some V depend on others, is theirs as well, for it may be that of
    others: a base of it is turned to be as near as can be to what is left of them.
    """
    R = torch.zeros(len(to_inner), len(to_inner))
    is_spare = torch.ones(len(to_inner), dtype=torch.bool)
    is_spare[takers] = False
    basis, _ = torch.linalg.qr(directions)
    kept = to_inner[is_spare] - to_inner[is_spare] @ basis @ basis.T
    left, _, right = torch.linalg.svd(kept)
    free = len(basis) - basis.shape[1]  # dimensions that no line is in
    nearest = (left[:, :free] @ right[:free]).T  # at right angles to each other and to all lines
    rest = left[:, free:]
    turn, _, back = torch.linalg.svd(unseen[is_spare].T @ rest)
    R[:, is_spare] = to_inner @ nearest + unseen @ turn @ back @ rest.T
    return R


def _takers(
    shares: Float[Tensor, "members lines"], knows: Bool[Tensor, "members lines"]
) -> tuple[Int[Tensor, " lines"], Int[Tensor, " lines"]]:
    """Return who takes over which line: as many as can one they know, then who reads most of it."""
    logs = shares.clamp(min=LEAST_SHARE).log().double()
    unknown = 2 * shares.shape[1] * math.log(LEAST_SHARE)  # outweighs all shares
    weights = torch.where(knows, logs, logs + unknown)
    takers, taken = linear_sum_assignment(weights.numpy(), maximize=True)
    return torch.from_numpy(takers), torch.from_numpy(taken)
