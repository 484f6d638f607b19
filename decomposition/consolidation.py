r"""Dissolving, after training, subcomponents whose work others can take over.

Two subcomponents that read the same direction and write the same one are both important whenever
either is, and each holds a part of one mechanism. One would do, and cost half as much; but between
the two states nothing pulls: as long as both importances are one, it makes no difference how the
mechanism is divided. So training may end with such pairs (2 of 40 features of tms_40-10 at seed 1),
and with eleven subcomponents that span ten dimensions.

What subcomponent c reads is written in terms of what the others do,

.. math:: V_c \approx \sum_i k_i V_i, \qquad
    k = \arg\min_k \lVert V_c - \sum_i k_i V_i \rVert^2 + \rho \lVert k \rVert^2 ,

over the living ones i, with ρ a tenth of their mean square length so that no combination of many
large terms is found. Where that leaves less than half of V_c over, c is a candidate, if its inner
activations V_c x on many inputs, written in terms of the others', leave less than half over as
well: two V may be alike in directions that no input has. (On 1,024 inputs a feature of `resid_mlp3`
is positive five times, and five numbers are easily written in terms of a hundred.) Where no more
live than the weights have rank, nobody is one: fewer cannot sum to the weights. Where a few more
do, each can be written in terms of the others, but often by large terms alone; so if there are no
other candidates, those are of which up to three quarters are left over. To dissolve it, :math:`U_i`
becomes :math:`U_i + k_i U_c` and c becomes zero, for good. Candidates are taken in the order of
what they cost the objective, and those which took something over are not dissolved themselves; then
all is trained on for a few hundred steps. If the objective is not lower than before, everything is
put back, and less is tried; otherwise another round begins. Where the configuration says so, every
round starts with taking mixtures apart by which the objective falls at once (see `unmixing`); that
is not put back. Where more is tolerated, setting apart comes first of all, with training after it
and nothing dissolved. The true mechanisms are not looked at.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from decomposition.attempt import Attempt, load_parameters, trained_parameters
from decomposition.causal_importance import ImportanceNetworks
from decomposition.config import DecompositionConfig
from decomposition.decomposed_model import DecomposedModel
from decomposition.input_lines import InputLines
from decomposition.objective import objective_on_fresh_inputs
from decomposition.pruning import Place
from decomposition.resuming import Course
from decomposition.rounds import MOST_ROUNDS, Stage
from decomposition.seeds import generator_for
from decomposition.subcomponents import Subcomponents, TransposedSubcomponents, untied
from decomposition.targets import Target
from decomposition.unmixing import N_INPUTS, unmix

logger = logging.getLogger(__name__)

RIDGE = 0.1
"""ρ, in units of the mean square length of V."""

MOST_LEFT_OVER = 0.5
"""A candidate's V may be this far from the others' span, as a share of its own length."""

FEW_MORE, MOST_OF_FEW_MORE = 1.2, 0.75
"""Where up to so many times as many live as the weights have rank, this much may be left over."""

MOST_HARM = 2.0
"""By how much dissolving one may raise the objective before training goes on, in units of it."""

HEIR = 0.2
"""Whoever takes over this share of a candidate's V is not dissolved in the same round."""

LIVING = 1e-3
"""A subcomponent lives whose mean importance is above this share of the largest of its matrix."""

SETTING_APART_NUMBER = 5
"""Stands for the random numbers of the steps after setting apart, as their own numbers do for
those of rounds, counted from 0; a sixth round has the same ones."""


class Matrix(NamedTuple):
    """Subcomponents, and all matrices that they are those of."""

    name: str
    parts: Subcomponents
    transposed: list[str]
    """The matrices tied to this one, transposed."""

    same: list[str]
    """This one, and others that share its parameters as they are."""

    rank: int
    """Of the weights: so many subcomponents it takes at the least to sum to them."""


def set_apart(
    model: DecomposedModel, target: Target, config: DecompositionConfig, stage: Stage
) -> Course:
    """Unmix, and train on; put everything back if the objective is not lower then.

    Args:
        model: Its parameters are changed.
        target: Where inputs come from.
        config: Its `unmix_tolerance` says what is tolerated before training.
        stage: Where it is gone on from, and kept.
    """
    if not stage.course.is_over:
        stage.look(model, target, config)
        stage.keep(_set_apart(model, target, config, stage))
    return stage.course


def _set_apart(
    model: DecomposedModel, target: Target, config: DecompositionConfig, stage: Stage
) -> Course:
    """Return what came of it; nothing where nothing was changed, or all put back."""
    start, before = _copy(model), objective_on_fresh_inputs(model, target, config)
    if not unmix(model, target, config, tolerance=config.unmix_tolerance):
        return Course(is_over=True)
    number = config.restarts + SETTING_APART_NUMBER
    losses = _train_on(model, target, _going_on(config, config.unmixing_rate), number, stage)
    after = objective_on_fresh_inputs(model, target, config)
    logger.info("set apart: objective %.6f, was %.6f", after, before)
    if after < before:
        return Course(is_over=True, rounds=1, losses=losses)
    load_parameters(model, start)
    return Course(is_over=True, rounds=1)


def consolidate(
    model: DecomposedModel, target: Target, config: DecompositionConfig, stage: Stage
) -> Course:
    """Dissolve what others can take over, as far as the objective gains by it.

    Args:
        model: Its parameters are changed.
        target: Where inputs come from.
        config: Its `consolidation_steps` and `consolidation_rate` say how to train on.
        stage: Where it is gone on from, and kept after every round.
    """
    lines: dict[str, InputLines] = {}
    while not stage.course.is_over:
        stage.look(model, target, config)
        course = _consolidate_once(model, target, config, stage, lines)
        is_over = course.is_over or course.rounds >= MOST_ROUNDS
        stage.keep(course.model_copy(update={"is_over": is_over}))
    return stage.course


def _consolidate_once(
    model: DecomposedModel,
    target: Target,
    config: DecompositionConfig,
    stage: Stage,
    lines: dict[str, InputLines],
) -> Course:
    """Return the course with this round, the last one where nothing could be done.

    Args:
        model: Its parameters are changed.
        target: Where inputs come from.
        config: How to train on.
        stage: Before this round.
        lines: Those of the target that are known; what is found is added.
    """
    course, before = stage.course, objective_on_fresh_inputs(model, target, config)
    start = _copy(model)
    n_unmixed = unmix(model, target, config, lines) if config.unmix else 0
    if n_unmixed:
        start = _copy(model)  # what has been unmixed stays so
    chosen = _dissolve_all(model, target, config, course.most)
    if not chosen and not n_unmixed:
        return course.model_copy(update={"is_over": True})
    number = config.restarts + course.rounds
    losses = _train_on(model, target, _going_on(config, config.consolidation_rate), number, stage)
    after = objective_on_fresh_inputs(model, target, config)
    logger.info("%s dissolved: objective %.6f, was %.6f", len(chosen), after, before)
    course = course.model_copy(update={"rounds": course.rounds + 1})
    if after < before:
        return course.model_copy(update={"n": course.n + len(chosen), "losses": losses})
    load_parameters(model, start)
    return course.model_copy(update={"most": len(chosen) // 2})


def _train_on(
    model: DecomposedModel,
    target: Target,
    config: DecompositionConfig,
    number: int,
    stage: Stage,
) -> dict[str, float]:
    """Take the steps that follow a change, with random numbers of this number's own.

    Args:
        model: Its parameters are changed.
        target: Where inputs come from.
        config: How to train; see `_going_on`.
        number: Stands for the random numbers.
        stage: Is told of every step.
    """
    attempt = Attempt(target, config, number)
    load_parameters(attempt.model, dict(trained_parameters(model)))
    for _ in range(config.steps):
        attempt.advance()
        stage.watch(attempt, target, config)
    found = attempt.check()
    load_parameters(model, dict(trained_parameters(attempt.model)))
    return found


def _dissolve_all(
    model: DecomposedModel, target: Target, config: DecompositionConfig, most: int | None
) -> list[Place]:
    """Dissolve up to so many candidates, the least harmful first; returns which."""
    matrices = {matrix.name: matrix for matrix in _matrices(model)}
    before = current = objective_on_fresh_inputs(model, target, config)
    chosen: list[Place] = []
    heirs: set[Place] = set()
    alive = living(model, target, config, matrices.values())
    for place in candidates(model, target, config, alive):
        if most is not None and len(chosen) == most:
            break
        matrix = matrices[place.matrix]
        if place in heirs or len(alive[place.matrix]) <= matrix.rank:
            continue
        start = _copy(model)
        took = dissolve(model, matrix, alive[place.matrix], place.number)
        after = objective_on_fresh_inputs(model, target, config)
        if after - current > MOST_HARM * before:
            load_parameters(model, start)
            continue
        current = after
        alive[place.matrix].remove(place.number)
        chosen.append(place)
        heirs |= {Place(matrix.name, number) for number in took}
    return chosen


@torch.no_grad()
def candidates(
    model: DecomposedModel,
    target: Target,
    config: DecompositionConfig,
    alive: Mapping[str, list[int]],
) -> list[Place]:
    """Return the candidates of all matrices by how much the objective rises without each.

    Args:
        model: Stays as it is.
        target: Where inputs come from.
        config: Decides the objective.
        alive: The living subcomponents of each matrix.
    """
    start = _copy(model)
    x = target.batch(N_INPUTS, generator_for("dissolving", config.seed))
    seen = {name: of.inner.detach().flatten(0, -2) for name, of in model.clean(x).seen.items()}
    alike: list[tuple[Matrix, int]] = []
    nearly: list[tuple[Matrix, int]] = []
    for matrix in _matrices(model):
        numbers, read = alive[matrix.name], (matrix.parts.V.detach(), seen[matrix.name].T)
        for number in numbers if len(numbers) > matrix.rank else ():
            left_over = max(_combination(of, numbers, number).left_over for of in read)
            if left_over <= MOST_LEFT_OVER:
                alike.append((matrix, number))
            elif left_over <= MOST_OF_FEW_MORE and len(numbers) <= FEW_MORE * matrix.rank:
                nearly.append((matrix, number))
    harm: list[tuple[float, Place]] = []
    for matrix, number in alike or nearly:
        dissolve(model, matrix, alive[matrix.name], number)
        after = objective_on_fresh_inputs(model, target, config)
        load_parameters(model, start)
        harm.append((after, Place(matrix.name, number)))
    return [place for _, place in sorted(harm)]


class _Combination(NamedTuple):
    """One V in terms of others."""

    others: list[int]
    shares: Float[Tensor, " others"]
    left_over: float
    """What it is not, as a share of its length."""


def _combination(V: Float[Tensor, "C n"], alive: list[int], number: int) -> _Combination:
    others = [other for other in alive if other != number]
    if not others:
        return _Combination([], V.new_zeros(0), 1.0)
    read, wanted = V[torch.tensor(others).to(V.device)], V[number]
    size = read.square().sum(dim=1).mean().clamp(min=1e-30)
    ridge = RIDGE * size * torch.eye(len(others), device=V.device)
    shares = torch.linalg.solve(read @ read.T + ridge, read @ wanted)
    missed = torch.linalg.vector_norm(shares @ read - wanted)
    length = torch.linalg.vector_norm(wanted).clamp(min=1e-30)
    return _Combination(others, shares, (missed / length).item())


@torch.no_grad()
def dissolve(model: DecomposedModel, matrix: Matrix, alive: list[int], number: int) -> list[int]:
    """Give what a subcomponent does to the other living ones; returns those that took much.

    Where these U are what a tied matrix reads, its importance networks are given the inner
    activation in the old units.
    """
    parts, networks = matrix.parts, model.importance_networks
    others, shares, _ = _combination(parts.V, alive, number)
    at = torch.tensor(others, dtype=torch.long).to(parts.V.device)
    lengths = torch.linalg.vector_norm(parts.V, dim=1)
    old = parts.U.clone()
    parts.U[:, at] += parts.U[:, number, None] * shares
    units = (old * parts.U).sum(dim=0) / parts.U.square().sum(dim=0).clamp(min=1e-30)
    for name in [*matrix.same, *matrix.transposed]:
        if isinstance(networks, ImportanceNetworks) and name in matrix.transposed:
            networks.rescale(name, at, units[at])
        networks.switch_off(name, number)
    much = (shares.abs() * lengths[at] > HEIR * lengths[number]).tolist()
    parts.U[:, number] = 0
    parts.V[number] = 0
    return [other for other, is_much in zip(others, much, strict=True) if is_much]


@torch.no_grad()
def living(
    model: DecomposedModel,
    target: Target,
    config: DecompositionConfig,
    matrices: Iterable[Matrix],
) -> dict[str, list[int]]:
    """Return the subcomponents of each that matter now and then, in any matrix that has them."""
    x = target.batch(N_INPUTS, generator_for("pruning", config.seed))
    importance = model.importance(x)
    means = {name: g.flatten(0, -2).mean(dim=0) for name, g in importance.items()}
    alive: dict[str, list[int]] = {}
    for matrix in matrices:
        mean = torch.stack([means[name] for name in [*matrix.same, *matrix.transposed]]).sum(dim=0)
        alive[matrix.name] = (mean > LIVING * mean.max()).nonzero().flatten().tolist()
    return alive


def _matrices(model: DecomposedModel) -> Iterator[Matrix]:
    for name, parts in untied(model.subcomponents).items():
        same = [other for other, its in model.subcomponents.items() if its is parts]
        transposed = [
            other
            for other, its in model.subcomponents.items()
            if isinstance(its, TransposedSubcomponents) and its.other is parts
        ]
        rank = int(torch.linalg.matrix_rank(model.weights[name].detach()))
        yield Matrix(name, parts, transposed, same, rank)


def _going_on(config: DecompositionConfig, rate: float) -> DecompositionConfig:
    """Return the configuration of the steps that follow, in which nothing is annealed any more.

    Args:
        config: Of what follows training.
        rate: Learning rate at the first step, in units of the peak.
    """
    return config.model_copy(
        update={
            "steps": config.consolidation_steps,
            "learning_rate": config.learning_rate * rate,
            "rate_warm_up": 0.0,
            "compaction": None,
            "minimality": config.coefficients(1.0)["minimality"],
            "minimality_end": None,
            "minimality_power": config.power(1.0),
            "minimality_power_end": None,
            "smooth_l0_width": config.smooth_l0_width_end,
        }
    )


def _copy(model: DecomposedModel) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in trained_parameters(model).items()}
