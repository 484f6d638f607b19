"""The rounds that follow training: what they came to is kept as they end, and shown meanwhile.

Training is followed by stages (see `finishing`), some of which take several rounds, with training
in each. A `Journal` knows how far each stage has got and hands what is new to whoever writes it
down; so an interruption costs the round that it falls in and none before it. How many rounds there
will be is not known beforehand: steps are counted as if there were as many as there may be, until a
stage is over sooner.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from decomposition.attempt import Attempt
from decomposition.config import DecompositionConfig
from decomposition.decomposed_model import DecomposedModel
from decomposition.resuming import Course
from decomposition.settling import VitalSigns, vital_signs
from decomposition.targets import Target

SETTING_APART, CONSOLIDATING = "setting apart", "consolidating"
"""The stages with training in them."""

MOST_ROUNDS = 10
"""Of consolidation; it ends sooner where nothing is left to dissolve, and each that is put back is
one of them."""

WATCHED, N_WATCHED = 5, 256
"""How often in each start and round, and on how many inputs at most, is measured for those who
watch."""


class Watcher(NamedTuple):
    """Who is told how a decomposition goes."""

    on_progress: Callable[[int, int], None] | None = None
    on_signs: Callable[[VitalSigns, str], None] | None = None

    def look(
        self, model: DecomposedModel, target: Target, config: DecompositionConfig, stage: str
    ) -> None:
        """Measure, if anybody wants to know."""
        if self.on_signs is not None:
            n = min(N_WATCHED, config.batch_size)
            self.on_signs(vital_signs(model, target, config, n), stage)

    def advanced(self, done: int, of: int) -> None:
        """Say how many steps are done."""
        if self.on_progress is not None:
            self.on_progress(done, of)


class Journal:
    """How far all stages after training have got."""

    def __init__(
        self,
        config: DecompositionConfig,
        watcher: Watcher | None = None,
        courses: Mapping[str, Course] | None = None,
        write: Callable[[Mapping[str, Course]], None] | None = None,
    ) -> None:
        """Go on from these courses; write is given all of them after every round."""
        self.config = config
        self.watcher = watcher or Watcher()
        self._courses = dict(courses or {})
        self._write = write

    def stage(self, name: str) -> "Stage":
        """Return a stage as it was left, or at its beginning."""
        return Stage(self, name, self._courses.get(name, Course()))

    def keep(self, name: str, course: Course) -> None:
        """Note what the last round of a stage came to."""
        self._courses[name] = course
        if self._write is not None:
            self._write(self._courses)

    def advanced(self, step: int) -> None:
        """Tell that a step of a round is done, or with 0 that a round is over."""
        before = self.config.restarts * self.config.steps
        rounds = sum(course.rounds for course in self._courses.values())
        done = before + rounds * self.config.consolidation_steps + step
        self.watcher.advanced(done, steps_at_most(self.config, self._courses))


class Stage:
    """One stage, round by round."""

    def __init__(self, journal: Journal, name: str, course: Course) -> None:
        self.course = course
        self._journal, self._name = journal, name
        self._has_training = name in (SETTING_APART, CONSOLIDATING)

    def look(self, model: DecomposedModel, target: Target, config: DecompositionConfig) -> None:
        """Measure for those who watch, who are told which round this is."""
        number = f" {self.course.rounds + 1}" if self._has_training else ""
        self._journal.watcher.look(model, target, config, f"{self._name}{number}")

    def watch(self, attempt: Attempt, target: Target, config: DecompositionConfig) -> None:
        """Tell those who watch of a step, and measure now and then."""
        if attempt.step % max(1, config.steps // WATCHED) == 0:
            self.look(attempt.model, target, config)
        self._journal.advanced(attempt.step)

    def keep(self, course: Course) -> None:
        """End a round."""
        self.course = course
        self._journal.keep(self._name, course)
        if self._has_training and course.is_over:
            self._journal.advanced(0)


def steps_at_most(config: DecompositionConfig, courses: Mapping[str, Course]) -> int:
    """Return how many steps are taken in all, training included, if no stage ends sooner."""
    rounds = 0
    for name, most in _most_rounds(config).items():
        course = courses.get(name, Course())
        rounds += course.rounds if course.is_over else most
    return config.restarts * config.steps + rounds * config.consolidation_steps


def _most_rounds(config: DecompositionConfig) -> dict[str, int]:
    return {SETTING_APART: int(config.sets_apart()), CONSOLIDATING: MOST_ROUNDS}
