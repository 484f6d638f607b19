"""The labeller that asks a language model, and what it shows the model.

The model sees the prompt (`kg/prompts/label.md`) and, apart from it, the members as JSON: the
most central ones, under short names that it gives back as the support of what it wrote. What it
writes is a draft like any other and is held to the same check; on the second try the model sees
its first draft and what was wrong with it.
"""

import json
from functools import cache
from importlib.resources import files

from pydantic import BaseModel, ConfigDict, Field

from kg.ids import normalised
from kg.labellers.task import LabelDraft, LabellingTask, Member
from kg.language_model import LanguageModel

_N_SHOWN = 60
_LENGTH_SHOWN = 600


class ModelLabel(BaseModel):
    """The name and the description of a group of statements."""

    model_config = ConfigDict(extra="ignore", use_attribute_docstrings=True)

    label: str = Field(min_length=1, max_length=120, pattern=r"^[^\n\r\t]*$")
    """The topic in two to eight words of the statements."""

    description: str = Field(min_length=1, max_length=1000)
    """One or two sentences that condense the most central statements."""

    support: list[str] = Field(min_length=1, max_length=_N_SHOWN)
    """Ids of the statements that say what label and description say."""


class ModelLabeller:
    """Has a language model name a community."""

    def __init__(self, model: LanguageModel) -> None:
        self.name = model.name
        self._model = model

    def label(self, community: LabellingTask) -> LabelDraft:
        """Ask the model, or remember what it said to the same question.

        Raises:
            ReplyError: No answer had the form of a label.
            BudgetError: The budget is spent.
            LanguageModelError: The model cannot be reached.
        """
        shown = {f"m{at}": member for at, member in enumerate(_shown(community), start=1)}
        reply = self._model.complete(prompt(), _material(community, shown), ModelLabel).output
        support = dict.fromkeys(shown[at].id if at in shown else at for at in reply.support)
        return LabelDraft(label=reply.label, description=reply.description, support=tuple(support))


@cache
def prompt() -> str:
    """Return the instructions, as they stand in the file."""
    return (files("kg") / "prompts" / "label.md").read_text(encoding="utf-8").strip()


def _shown(community: LabellingTask) -> list[Member]:
    ordered = sorted(community.members, key=lambda member: (-member.centrality, member.id))
    return ordered[:_N_SHOWN]


def _material(community: LabellingTask, shown: dict[str, Member]) -> str:
    short = {member.id: at for at, member in shown.items()}
    material: dict[str, object] = {
        "statements_in_the_group": len(community.members),
        "statements": [
            {"id": at, "kind": member.kind.value, "text": _cut(member.text)}
            | ({"note": _cut(member.note)} if member.note else {})
            for at, member in shown.items()
        ],
        "glossary": {
            acronym: sorted(longs)
            for acronym, longs in sorted(community.glossary.items())
            if any(acronym in member.words for member in shown.values())
        },
        "names_in_use": sorted(community.taken),
    }
    if community.refused is not None:
        draft, problems = community.refused
        material["refused_draft"] = {
            "label": draft.label,
            "description": draft.description,
            "support": [short.get(member, member) for member in draft.support],
            "what_is_wrong_with_it": list(problems),
        }
    return json.dumps(material, ensure_ascii=False, indent=1)


def _cut(text: str) -> str:
    line = normalised(text)
    return line if len(line) <= _LENGTH_SHOWN else f"{line[:_LENGTH_SHOWN]}…"
