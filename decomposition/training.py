r"""Stochastic Parameter Decomposition: from a target model to its subcomponents.

Bushnaq, Braun & Sharkey (2025), Stochastic Parameter Decomposition, arXiv:2506.20790.

1. *Warm-up*: fit the sum of the subcomponents to each weight matrix (faithfulness alone).
2. *Each step*: run the target on a batch; predict how causally important each subcomponent is
   on each input, g; draw masks m ~ U(g, 1) and run the model with them, once with all matrices
   masked and once for each matrix alone.
3. *Descend* on faithfulness + stochastic reconstruction + layerwise reconstruction +
   importance minimality, for U, V and the importance networks together.

All this is done from a few random starts, and the one with the lowest objective is kept: no
knowledge of the true mechanisms enters the choice. Of that one the subcomponents that the
objective does not miss may be turned off (see `pruning`), and those whose work others can take over
may be dissolved (see `finishing`).

Four things make it quick, and none changes the expected loss: the random masks are drawn once for
all losses; rows of a batch that are all zero are run once, with the weight of them all; all
importance networks run in one batched product; and so do the runs with masks, in which a matrix
that is not to be masked keeps everything.
"""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from decomposition.attempt import Attempt, fresh_model, load_parameters, trained_parameters
from decomposition.config import DecompositionConfig
from decomposition.decomposed_model import DecomposedModel
from decomposition.finishing import finish
from decomposition.limits import check_outputs, memory_shortage_explained
from decomposition.objective import objective_on_fresh_inputs
from decomposition.processes import processes
from decomposition.resuming import (
    Course,
    Progress,
    above,
    as_first_read,
    below,
    fingerprint,
    read_state,
    write_state,
)
from decomposition.rounds import WATCHED, Journal, Watcher, steps_at_most
from decomposition.seeds import generator_for
from decomposition.settling import VitalSigns, has_settled, vital_signs
from decomposition.targets import Target
from decomposition.targets.mechanisms import Mechanisms

logger = logging.getLogger(__name__)

CHECK_EVERY = 20
"""Steps between looks at the losses, each of which waits for the numbers to be there."""

SAVE_EVERY = 10.0
"""Seconds between savings of a training state."""


@dataclass(frozen=True)
class Decomposition:
    """A target and what it was decomposed into; pure data for all that comes after."""

    target: Target
    config: DecompositionConfig
    model: DecomposedModel
    losses: Mapping[str, float]
    """The losses at the last step, without their coefficients."""

    seconds: float
    """Wall-clock time that training took."""

    cpu_seconds: float
    """Processor time that training took, over all threads."""

    n_pruned: int = 0
    """Subcomponents that were turned off after training."""

    def batch(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw inputs of the target, where the model is."""
        return self.target.batch(n, generator).to(self.model.device)

    def mechanisms(self) -> dict[str, Mechanisms]:
        """Return the known mechanisms of the matrices that were decomposed."""
        known = self.target.mechanisms()
        return {name: known[name] for name in self.model.layers if name in known}


def decompose(
    target: Target,
    config: DecompositionConfig,
    on_progress: Callable[[int, int], None] | None = None,
    state: Path | None = None,
    on_signs: Callable[[VitalSigns, str], None] | None = None,
) -> Decomposition:
    """Find rank-one subcomponents of a target's matrices.

    Where this program has joined a group of torch.distributed, all of it works together
    (`processes`): everybody calls this, with a state file only in the first process.

    Args:
        target: Stays as it is.
        config: With the target, decides the result.
        on_progress: Called after every step with the steps done and the steps to do; these are
            fewer as soon as it is known that some will not be taken (see `rounds`).
        state: A file for the state of the training, written every few seconds, whenever a callback
            interrupts and after each round of what follows training. If it is there already, all
            goes on from it and gives the numbers that it would have given without the interruption.
            It is left where it is at the end too, for the caller to delete once the result is safe.
            None writes nothing.
        on_signs: Called now and then with the error under a fresh adversary and L0, and with the
            name of the stage: `training`, and those of `rounds`.

    Raises:
        TargetError: The target puts out numbers that are not finite.
        DeviceError: The configured device is not there.
        MemoryShortageError: There is not enough memory for this configuration.
        DivergenceError: A loss or a parameter is no longer a finite number. The state file is that
            of the last time when all was well.
        CheckpointError: The state is damaged or belongs to something else.
        SplitError: The configuration's patterns do not fit the target.
    """
    session = Session(target, config, Watcher(on_progress, on_signs), state)
    with memory_shortage_explained(target, config):
        check_outputs(target)
        session.run()
        assert session.best is not None, "at least one attempt is made"
        model = session.best.model
        journal = Journal(config, session.watcher, session.courses, session.keep)
        courses = finish(model, target, config, journal)
    losses = [course.losses for course in courses if course.losses is not None]
    n_pruned = sum(course.n for course in courses)
    steps = config.restarts * config.steps
    seconds, cpu_seconds = session.clock.seconds, session.clock.cpu_seconds
    logger.info("decomposed %s: %s steps, %.1f s", target.name, steps, seconds)
    found = losses[-1] if losses else session.best.losses
    return Decomposition(target, config, model.eval(), found, seconds, cpu_seconds, n_pruned)


class Best(NamedTuple):
    """The best start that is finished."""

    objective: float
    model: DecomposedModel
    losses: dict[str, float]


class Clock:
    """Counts wall-clock and processor time, going on from earlier sessions."""

    def __init__(self, seconds: float = 0.0, cpu_seconds: float = 0.0) -> None:
        self._started = time.perf_counter() - seconds
        self._cpu_started = time.process_time() - cpu_seconds

    @property
    def seconds(self) -> float:
        """Wall-clock time so far."""
        return time.perf_counter() - self._started

    @property
    def cpu_seconds(self) -> float:
        """Processor time so far, over all threads."""
        return time.process_time() - self._cpu_started


class Session:
    """All starts of one decomposition, from the beginning or from where they were left."""

    def __init__(
        self,
        target: Target,
        config: DecompositionConfig,
        watcher: Watcher,
        state: Path | None,
    ) -> None:
        self.target, self.config = target, config
        self.watcher = watcher
        self.best: Best | None = None
        self.courses: dict[str, Course] = {}
        """What follows training, as far as it was left."""

        self.clock = Clock()
        self._state = state
        self._saved_at = time.monotonic()

    def run(self) -> None:
        """Train every start and keep the best, unless that is done already."""
        attempt = self._resumed()
        if self.courses:
            return
        attempt = attempt or self._begun(0)
        try:
            while True:
                self._train(attempt)
                if attempt.number + 1 == self.config.restarts:
                    self._save(attempt)
                    return
                attempt = self._begun(attempt.number + 1)
        except KeyboardInterrupt:
            if attempt.is_whole and attempt.step < self.config.steps:
                self._save(attempt)
            raise

    def _begun(self, number: int) -> Attempt:
        attempt = Attempt(self.target, self.config, number)
        attempt.warm_up()
        self._save(attempt)
        return attempt

    def _train(self, attempt: Attempt) -> None:
        config = self.config
        before, of = attempt.number * config.steps, steps_at_most(config, {})
        final: dict[str, float] = {}
        while attempt.step < config.steps and not self._has_settled(attempt):
            attempt.advance()
            if attempt.step % CHECK_EVERY == 0 or attempt.step == config.steps:
                final = attempt.check()
                if time.monotonic() - self._saved_at > SAVE_EVERY and attempt.step < config.steps:
                    self._save(attempt)
            self._watch(attempt)
            self.watcher.advanced(before + attempt.step, of)
        if attempt.step < config.steps:
            final = attempt.check()
            logger.info("start %s settled at step %s", attempt.number + 1, attempt.step)
        attempt.finish()
        attempt.check_numbers(trained_parameters(attempt.model))
        total = objective_on_fresh_inputs(attempt.model, self.target, config)
        logger.info("start %s at %s: objective %.5f", attempt.number + 1, self.target.name, total)
        if self.best is None or total < self.best.objective:
            self.best = Best(total, attempt.model, final)

    def _has_settled(self, attempt: Attempt) -> bool:
        """Measure now and then, and say whether this start may end."""
        stop = self.config.early_stop
        if stop is None or attempt.step == 0 or attempt.step % stop.every:
            return False
        if len(attempt.history) < attempt.step // stop.every:
            signs = vital_signs(attempt.model, self.target, self.config, stop.n)
            attempt.history.append(signs)
        return has_settled(attempt.history, stop)

    def _watch(self, attempt: Attempt) -> None:
        """Measure a few times in every start, if anybody wants to know."""
        if attempt.step % max(1, self.config.steps // WATCHED) == 0:
            self.watcher.look(attempt.model, self.target, self.config, "training")

    def keep(self, courses: Mapping[str, Course]) -> None:
        """Write down what follows training, as far as it is done."""
        last, steps = self.config.restarts - 1, self.config.steps
        self._write({}, courses=dict(courses), attempt=last, step=steps)

    def _save(self, attempt: Attempt) -> None:
        if self._state is None:
            return
        self._write(
            attempt.tensors(),
            attempt=attempt.number,
            step=attempt.step,
            history=[tuple(signs) for signs in attempt.history],
            losses=attempt.losses,
        )

    def _write(self, tensors: Mapping[str, Tensor], **left: object) -> None:
        """Replace the state, if there is one to be kept.

        Args:
            tensors: Beside those of the best start.
            left: The fields of `Progress` that say where this was.
        """
        if self._state is None:
            return
        best = {} if self.best is None else above("best", trained_parameters(self.best.model))
        progress = Progress.model_validate(
            {
                "target": self.target.name,
                "target_sha256": fingerprint(self.target),
                "config": self.config,
                "best_objective": None if self.best is None else self.best.objective,
                "best_losses": {} if self.best is None else self.best.losses,
                "seconds": self.clock.seconds,
                "cpu_seconds": self.clock.cpu_seconds,
                **left,
            }
        )
        write_state(self._state, progress, {**tensors, **best})
        self._saved_at = time.monotonic()

    def _resumed(self) -> Attempt | None:
        """Return the start that was left in the state file, if there is one."""
        read = None if self._state is None else read_state(self._state, self.target, self.config)
        found = as_first_read(read, processes())
        if found is None:
            return None
        progress, tensors = found
        self.clock = Clock(progress.seconds, progress.cpu_seconds)
        if progress.best_objective is not None:
            model = fresh_model(self.target, self.config, generator_for("overwritten"))
            load_parameters(model, below("best", tensors))
            self.best = Best(progress.best_objective, model, progress.best_losses)
        self.courses = progress.courses
        if self.courses:
            logger.info("going on after training with %s", ", ".join(self.courses))
            return None
        attempt = Attempt(self.target, self.config, progress.attempt)
        attempt.restore(progress.step, tensors)
        attempt.history = [VitalSigns(*signs) for signs in progress.history]
        attempt.losses = progress.losses
        logger.info("going on with start %s at step %s", attempt.number + 1, attempt.step)
        return attempt
