r"""Taking apart, after training, subcomponents that read parts of one another's features.

Where one subcomponent reads feature i and another one i and j, both are important on i, and one
would do. So it is where one reads i + j and another i - j, or three read i and j, j and k, k and i.
Training does not leave these states: an importance is one however much or little of i is read, so
reading less of it saves nothing until none is left. But the sum stays the same to rounding if what
a group of them reads is *unmixed*,

.. math:: V \to R^{-1} V, \quad U \to U R ,

with V and U those of the group, and R any square matrix that has an inverse. Which one helps shows
in what the matrix is given: wherever one feature alone is there, that lies on one line, always the
same (see `input_lines`). What the group's V make of these lines become columns of R (`mixing`).
Then every member is given one of them, and nothing by the others; and what members for which there
is no line read is at right angles to all lines.

There may be more lines than living subcomponents that could have one each. Then dead ones are
*recruited*: such a one is given as V what of a line the group does not read, and writes nothing
yet, so that nothing changes; with it the group has one dimension more, in which the line can be
told from the others, and is unmixed as before. Its importance network becomes that of the member
that read most of the line. A member that is given a line on which it was not important, or that
member not on every side where anyone was, starts with another network.

Lines count that are not in the space of those before them, as far as the group reads them. Where
what is set apart is trained on, they need not be far from it: seven of the 102 features of a layer
of `resid_mlp3` would go without a subcomponent of their own otherwise, and twenty to forty others
would be important on each of them.

A group are subcomponents of one matrix that are often important together. A group whose unmixing
does not lower the objective stays as it was. Groups are looked for at several limits for *often*,
from all that are alive on, as a large one may be impossible where a part of it is not. Nothing of
this knows what the features are. It is a special case of sparse dictionary learning, where the
dictionary is square.
"""

import logging
from collections.abc import Mapping
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from decomposition.attempt import load_parameters, trained_parameters
from decomposition.causal_importance import ImportanceNetworks, Seen
from decomposition.config import DecompositionConfig
from decomposition.decomposed_model import DecomposedModel
from decomposition.input_lines import FEWEST, InputLines, input_lines
from decomposition.mixing import (
    APART,
    BARELY_APART,
    Recruit,
    independent,
    mixing_of,
    recruits_for,
    without_owner,
)
from decomposition.objective import objective_on_fresh_inputs
from decomposition.seeds import generator_for
from decomposition.subcomponents import AnySubcomponents, TransposedSubcomponents, norms
from decomposition.targets import Target

logger = logging.getLogger(__name__)

IMPORTANT = 0.5
"""Importance above which an input counts."""

OFTEN = (0.0, 0.1, 0.25, 0.5)
"""Two belong together if both are important on this share of the inputs on which one of them is; at
zero, all that are ever important do."""

MOSTLY = 0.5
"""A line concerns a subcomponent that is important on this share of one side's inputs; who is so on
each side that concerns anyone knows it."""

A_LITTLE = 0.05
"""Mean importance on one side's inputs above which a line that nobody knows concerns it."""

LEAST_GAIN = 5e-4
"""By what share of itself the objective has to fall."""

N_INPUTS = 16384
"""Inputs that are drawn to see what subcomponents do, each of which may matter on few of them."""


class Group(NamedTuple):
    """Subcomponents of one matrix that could be unmixed."""

    members: list[int]
    """The recruits are the last ones."""

    mixing: Float[Tensor, "members members"]
    """R."""

    recruits: list[Recruit]
    strangers: list[int]
    """Those that are given a line that their networks do not know."""

    sets_apart: bool = False
    """Whether it gives every line on which a member is important a member of its own, and not all
    have one yet."""


class Together(NamedTuple):
    """What is seen of the subcomponents of one matrix."""

    on: Bool[Tensor, "rows C"]
    """Where each is important."""

    recruitable: list[int]
    """Those that are never important and could be, those that do least first."""

    directions: Float[Tensor, "d_in lines"]
    knows: Bool[Tensor, "lines C"]
    """Where each is important on most inputs of a line, on every side where anyone is."""

    concerns: Bool[Tensor, "lines C"]
    """Where each is so on one side, and whatever is a little important on a line where none is."""

    reach: Float[Tensor, " lines"]
    apart: float = APART
    """How far a line has to be from the space of those before it, as a sine."""


def unmix(
    model: DecomposedModel,
    target: Target,
    config: DecompositionConfig,
    known: dict[str, InputLines] | None = None,
    tolerance: float = 0.0,
) -> int:
    """Unmix every group by which the objective gains; returns how many subcomponents that were.

    Args:
        model: Its U and V are changed.
        target: Where inputs come from.
        config: Decides the objective, and on how many inputs it is looked at.
        known: The lines that were found before, of the same target with the same seed; those that
            are found now are added.
        tolerance: By what share of itself the objective may rise instead, each time, where all that
            live in a matrix are set apart. Above 0, every V is given unit length first, and in the
            end the length with which it is given 1 where it is important.
    """
    known = {} if known is None else known
    if tolerance:
        _give_unit_length(model)
    current = objective_on_fresh_inputs(model, target, config)
    n_unmixed = 0
    seen: dict[str, Together] = {}
    for often in OFTEN:
        apart = BARELY_APART if tolerance and not often else APART
        for matrix in model.layers:
            if matrix not in seen:
                seen = important_together(model, target, config, known)
            for group in groups(model, matrix, seen[matrix]._replace(apart=apart), often):
                start = {n: p.detach().clone() for n, p in trained_parameters(model).items()}
                apply(model, matrix, group)
                after = objective_on_fresh_inputs(model, target, config)
                is_tolerated = tolerance > 0 and not often and group.sets_apart
                if after < (1 + (tolerance if is_tolerated else -LEAST_GAIN)) * current:
                    current, n_unmixed = after, n_unmixed + len(group.members)
                    seen = {}
                    logger.info(
                        "%s: %s unmixed, %s recruited",
                        matrix,
                        len(group.members),
                        len(group.recruits),
                    )
                else:
                    load_parameters(model, start)
    if tolerance:
        _give_unit_activation(model, target, config)
    logger.info("%s unmixed: objective %.6f", n_unmixed, current)
    return n_unmixed


@torch.no_grad()
def _give_unit_length(model: DecomposedModel) -> None:
    """Let V say only what is read, and U how much; to rounding nothing else changes.

    Training may leave some V twenty times as long as others, which then look as if they depended on
    one another. Subcomponents that share their parameters stay as they are.
    """
    for matrix, parts in model.subcomponents.items():
        lengths = torch.linalg.vector_norm(_ends(parts)[0], dim=1)
        _shorten(model, matrix, torch.where(lengths > 0, lengths, 1))


@torch.no_grad()
def _give_unit_activation(
    model: DecomposedModel, target: Target, config: DecompositionConfig
) -> None:
    """Let V x be 1 in the mean where a subcomponent is important; to rounding nothing else changes.

    A feature that hardly matters may come out with a tenth of the activation that others have, and
    its network, whose weights are trained by steps of one size, would learn as much more slowly.
    """
    seen, importance = _looked_at(model, target, config)
    for matrix in model.layers:
        on = importance[matrix].flatten(0, -2) > IMPORTANT
        inner = seen[matrix].inner.flatten(0, -2).abs()
        counts = on.sum(dim=0)
        means = (inner * on).sum(dim=0) / counts.clamp(min=1)
        _shorten(model, matrix, torch.where((counts >= FEWEST) & (means > 0), means, 1))


def _looked_at(
    model: DecomposedModel, target: Target, config: DecompositionConfig
) -> tuple[Mapping[str, Seen], dict[str, Tensor]]:
    """Return what every matrix is given on the same inputs, and how important all are there."""
    x = target.batch(N_INPUTS, generator_for("unmixing", config.seed)).to(model.device)
    seen = model.clean(x).seen
    return seen, model.importance_networks(seen).g


def _shorten(model: DecomposedModel, matrix: str, factors: Float[Tensor, " C"]) -> None:
    """Divide every V by its factor; U and the network make up for it."""
    parts, networks = model.subcomponents[matrix], model.importance_networks
    if _is_shared(model, parts):
        return
    read, written = _ends(parts)
    read /= factors.unsqueeze(1)
    written *= factors
    if isinstance(networks, ImportanceNetworks):
        networks.rescale(matrix, torch.arange(len(factors)).to(factors.device), factors)


@torch.no_grad()
def important_together(
    model: DecomposedModel,
    target: Target,
    config: DecompositionConfig,
    known: dict[str, InputLines],
) -> dict[str, Together]:
    """Look at the subcomponents of all matrices on the same inputs.

    Args:
        model: What is looked at.
        target: Where inputs come from.
        config: Its seed draws them.
        known: Lines of matrices; those which are missing are found and added.
    """
    seen, importance = _looked_at(model, target, config)
    found: dict[str, Together] = {}
    for matrix in model.layers:
        if matrix not in known:
            known[matrix] = input_lines(seen[matrix].vectors().flatten(0, -2).cpu())
        g = importance[matrix].flatten(0, -2).cpu()
        lines, on = known[matrix], g > IMPORTANT
        knows, somewhere = lines.throughout(on, MOSTLY), lines.seen(on.float()) > MOSTLY
        concerns = somewhere | ((lines.seen(g) > A_LITTLE) & ~somewhere.any(dim=1, keepdim=True))
        free = _recruitable(model, matrix, g)
        found[matrix] = Together(on, free, lines.directions, knows, concerns, lines.reach)
    return found


def _recruitable(model: DecomposedModel, matrix: str, g: Float[Tensor, "rows C"]) -> list[int]:
    """Return who is never important; none where parameters are shared or networks are not apart."""
    parts = model.subcomponents[matrix]
    if _is_shared(model, parts) or not isinstance(model.importance_networks, ImportanceNetworks):
        return []
    dead = (g.amax(dim=0) <= 0).nonzero().flatten()
    order = norms(parts).cpu()[dead].argsort(stable=True)
    return list(map(int, dead[order]))


@torch.no_grad()
def groups(model: DecomposedModel, matrix: str, seen: Together, often: float) -> list[Group]:
    """Return the groups of one matrix for whose members there are lines."""
    read = _ends(model.subcomponents[matrix])[0].cpu()
    directions, concerns = seen.directions, seen.concerns
    countable = independent(directions, seen.apart)
    wanting = {countable[place] for place in without_owner(concerns[countable])}
    free = list(seen.recruitable)
    found: list[Group] = []
    for members in _together(seen.on, often):
        either = concerns[:, members].any(dim=1).nonzero().flatten()
        theirs = either[independent(directions[:, either], seen.apart)].tolist()
        lacking = [line for line in theirs if line in wanting]
        readers = [[of for of in members if concerns[line, of]] for line in lacking]
        recruits = recruits_for(directions[:, lacking], read, readers, members, free)
        recruited = {line: of for line, of in zip(lacking, recruits, strict=True) if of is not None}
        group = _group(read, seen, members, theirs, recruited)
        if group is not None:
            found.append(group)
            wanting -= recruited.keys()
            free = free[len(recruited) :]
    return found


def _group(
    read: Float[Tensor, "C d_in"],
    seen: Together,
    members: list[int],
    theirs: list[int],
    recruited: dict[int, Recruit],
) -> Group | None:
    """Return how to unmix these members and those that are recruited for some of their lines."""
    recruits = list(recruited.values())
    if len(members) + len(recruits) < 2:
        return None
    reads = torch.stack([*read[members], *(of.read for of in recruits)])
    unknown = torch.zeros(len(recruits), len(theirs), dtype=torch.bool)
    knows = torch.cat([seen.knows[theirs][:, members].T, unknown])
    for place, (line, recruit) in enumerate(recruited.items(), start=len(members)):
        knows[place, theirs.index(line)] = seen.knows[line, recruit.donor]
    mixing = mixing_of(reads, seen.directions[:, theirs], knows, seen.reach[theirs], seen.apart)
    if mixing is None:
        return None
    numbers = members + [of.number for of in recruits]
    strangers = [numbers[place] for place in mixing.strangers]
    concerned = seen.concerns[:, members]
    is_apart = bool((concerned.sum(dim=1) <= 1).all() and (concerned.sum(dim=0) <= 1).all())
    sets_apart = len(theirs) == int(concerned.any(dim=1).sum()) and not is_apart
    return Group(numbers, mixing.R, recruits, strangers, sets_apart)


def _together(on: Bool[Tensor, "rows C"], often: float) -> list[list[int]]:
    """Return the subcomponents that are connected by being important together."""
    both = on.float().T @ on.float()
    each = both.diag()
    if not often:
        return [each.nonzero().flatten().tolist()] if each.any() else []
    linked = (both >= FEWEST) & (both >= often * torch.minimum(each, each.unsqueeze(1)))
    reached = linked | torch.eye(len(linked), dtype=torch.bool)
    for _ in range(len(linked).bit_length()):  # each time twice as far
        reached = reached.float() @ reached.float() > 0
    label = reached.float().argmax(dim=1)  # the first of all that are reached
    by_label: dict[int, list[int]] = {}
    for member, of in enumerate(label.tolist()):
        by_label.setdefault(of, []).append(member)
    return list(by_label.values())


@torch.no_grad()
def apply(model: DecomposedModel, matrix: str, group: Group) -> None:
    """Change U and V; the sum of the subcomponents stays."""
    read, written = _ends(model.subcomponents[matrix])
    networks = model.importance_networks
    if isinstance(networks, ImportanceNetworks):
        for recruit in group.recruits:
            read[recruit.number] = recruit.read.to(read.device)
            written[:, recruit.number] = 0
            networks.copy(matrix, recruit.donor, recruit.number)
        for stranger in group.strangers:
            networks.start_anew(matrix, stranger)
    mixing, members = group.mixing.to(read.device), torch.tensor(group.members).to(read.device)
    read[members] = torch.linalg.solve(mixing, read[members])
    written[:, members] = written[:, members] @ mixing


def _ends(parts: AnySubcomponents) -> tuple[Tensor, Tensor]:
    """Return views of what is read, `C d_in`, and written, `d_out C`."""
    if isinstance(parts, TransposedSubcomponents):
        return parts.other.U.data.T, parts.other.V.data.T
    return parts.V.data, parts.U.data


def _is_shared(model: DecomposedModel, parts: AnySubcomponents) -> bool:
    return sum(_of(other) is _of(parts) for other in model.subcomponents.values()) > 1


def _of(parts: AnySubcomponents) -> AnySubcomponents:
    return parts.other if isinstance(parts, TransposedSubcomponents) else parts
