"""What a labeller is given, and what it gives back."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Protocol

from pydantic import BaseModel, ConfigDict, Field

from kg.grounding import Glossary, Grounding
from kg.tables import StatementKind


class Member(NamedTuple):
    """A statement of the community that is to be named."""

    id: str
    kind: StatementKind
    text: str
    note: str = ""
    centrality: float = 0.0
    """Sum of the weights of its edges inside the community."""

    @property
    def words(self) -> str:
        """Return its text and its note as one text."""
        return f"{self.text}\n{self.note}" if self.note else self.text


@dataclass(frozen=True)
class Frequencies:
    """In how many of a set of statements each phrase occurs."""

    n_statements: int
    counts: Mapping[str, int]
    """By key; a phrase that is left out counts once."""


class LabelDraft(BaseModel):
    """A name and a description, not yet checked."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    label: str = Field(min_length=1, max_length=120, pattern=r"^[^\n\r\t]*$")
    description: str = Field(max_length=1000)
    support: tuple[str, ...] = ()
    """Ids of the members that the name and the description rest on, as the labeller says."""


class Refused(NamedTuple):
    """A draft that did not pass, and why, for whoever tries again."""

    draft: LabelDraft
    problems: tuple[str, ...]


@dataclass(frozen=True)
class LabellingTask:
    """A community to be named, and what it must be told apart from."""

    community_id: str
    members: tuple[Member, ...]
    """By id; at least one."""

    run: Frequencies
    """Of all statements that were clustered."""

    parent: Frequencies
    """Of the parent's members, or of all statements at the top: the siblings and itself."""

    glossary: Glossary
    """What the members' sources spell out."""

    taken: frozenset[str] = frozenset()
    """Names, casefolded, that its siblings and its parent have."""

    refused: Refused | None = None
    """What the same labeller said of this community before."""

    @cached_property
    def grounding(self) -> Grounding:
        """Return the check that the name and the description must pass."""
        words = [part for member in self.members for part in (member.text, member.note)]
        return Grounding(words, self.glossary, (*counts_of(self.members), _total(self.members)))


def counts_of(members: Sequence[Member]) -> list[str]:
    """Return such as "3 claims" and "1 finding"; a kind that does not occur is left out."""
    counts = Counter(member.kind for member in members)
    return [
        f"{counts[kind]} {kind.value}{'s' if counts[kind] > 1 else ''}"
        for kind in StatementKind
        if counts[kind]
    ]


def _total(members: Sequence[Member]) -> str:
    return f"{len(members)} statement{'s' if len(members) > 1 else ''}"


class Labeller(Protocol):
    """Names one community at a time."""

    name: str

    def label(self, community: LabellingTask) -> LabelDraft:
        """Propose a name and a description."""
        ...
