"""What is done with the best start once training is over, in stages.

1. *Setting apart*, with training after it, where a rise of the objective is tolerated for it.
2. *Pruning* what the objective does not miss.
3. *Consolidating*: dissolving what others can take over, with training in every round of it.
4. *Pruning* again.

The last two, and the first, only where the configuration consolidates at all.
"""

from decomposition.config import DecompositionConfig
from decomposition.consolidation import consolidate, set_apart
from decomposition.decomposed_model import DecomposedModel
from decomposition.pruning import prune
from decomposition.resuming import Course
from decomposition.rounds import CONSOLIDATING, SETTING_APART, Journal, Stage
from decomposition.targets import Target


def finish(
    model: DecomposedModel, target: Target, config: DecompositionConfig, journal: Journal
) -> list[Course]:
    """Go through all stages that the configuration has; returns what each came to, in order.

    Args:
        model: Its parameters are changed.
        target: Where inputs come from.
        config: Says which stages there are.
        journal: Where they are gone on from, and kept.
    """
    later, consolidates = config.after_training(), config.consolidation_steps > 0
    courses: list[Course] = []
    if config.sets_apart():
        courses.append(set_apart(model, target, later, journal.stage(SETTING_APART)))
    if config.prune:
        everything = not consolidates or config.prune_all_first
        courses.append(_prune(model, target, later, journal.stage("pruning"), everything))
    if consolidates:
        courses.append(consolidate(model, target, later, journal.stage(CONSOLIDATING)))
    if consolidates and config.prune:
        courses.append(_prune(model, target, later, journal.stage("pruning again")))
    return courses


def _prune(
    model: DecomposedModel,
    target: Target,
    config: DecompositionConfig,
    stage: Stage,
    all_that_can: bool = True,
) -> Course:
    if not stage.course.is_over:
        stage.look(model, target, config)
        stage.keep(Course(is_over=True, n=prune(model, target, config, all_that_can)))
    return stage.course
