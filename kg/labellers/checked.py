"""Having a labeller name a community, and holding what it says to the check.

A draft that fails is sent back once with the reasons; if the second fails too, the offline
labeller's stands, and the label says how often the other was refused and why. The offline
labeller cannot fail.

Two rules go beyond `kg.grounding`. A name that its parent or a sibling has is refused. And every
content word of a name must be said by two members, if the community has four: what only one
member says, an instruction to whoever reads it included, is not what a community is about. A
name that the offline labeller falls back to, the key phrase of the most central member, is the
exception: it is taken where nothing is shared.
"""

import logging
from dataclasses import replace
from typing import NamedTuple

from kg.errors import BudgetError, ReplyError
from kg.grounding import words_of_few
from kg.labellers.offline import OfflineLabeller
from kg.labellers.task import LabelDraft, Labeller, LabellingTask, Refused

log = logging.getLogger(__name__)

_TRIES = 2
_MANY = 4


class Named(NamedTuple):
    """A label that holds, who wrote it, and what did not hold."""

    draft: LabelDraft
    model: str
    refusals: tuple[str, ...]
    """A reason for each draft of the labeller that was asked first and refused."""


def checked_label(labeller: Labeller, task: LabellingTask) -> Named:
    """Return a label that passes the check and is not taken.

    Raises:
        LanguageModelError: The labeller asks a model that cannot be reached.
    """
    if isinstance(labeller, OfflineLabeller):  # it holds itself to the check
        return Named(labeller.label(task), labeller.name, ())
    refusals: list[str] = []
    for _ in range(_TRIES):
        try:
            draft = labeller.label(task)
        except (BudgetError, ReplyError) as error:
            refusals.append(str(error))
            break
        problems = [*problems_with(draft, task), *said_by_one(draft.label, task)]
        if not problems:
            return Named(draft, labeller.name, tuple(refusals))
        refusals.append(f"“{draft.label}”: {'; '.join(problems)}")
        task = replace(task, refused=Refused(draft, tuple(problems)))
    log.warning("refused for %s: %s", task.community_id, " | ".join(refusals))
    return Named(OfflineLabeller().label(task), OfflineLabeller.name, tuple(refusals))


def problems_with(draft: LabelDraft, task: LabellingTask) -> list[str]:
    """Return what is wrong with a draft, in words."""
    texts = [text for text in (draft.label, draft.description) if text]
    problems = [problem for text in texts for problem in task.grounding.problems(text)]
    if draft.label.casefold() in task.taken:
        problems.append("its parent or a sibling is called so")
    known = {member.id for member in task.members}
    problems += [f"“{other}” is no member" for other in draft.support if other not in known]
    return list(dict.fromkeys(problems))


def said_by_one(name: str, task: LabellingTask) -> list[str]:
    """Return the words of a name that only one member says, in words; none of a small community."""
    if len(task.members) < _MANY:
        return []
    members = [member.words for member in task.members]
    spelt = [long for longs in task.glossary.values() for long in sorted(longs)]
    unknown = {*words_of_few(name, members, 1)}
    return [
        f"fewer than two members say “{word}”"
        for word in words_of_few(name, members, 2)
        if word not in unknown and words_of_few(word, spelt, 1)
    ]
