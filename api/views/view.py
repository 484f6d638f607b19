"""What the views share: a strict base, and the short forms under which pages name things.

A view is a page as data. The web, the command line and programs get the same one, so its
keys are promises: they are listed in `tests/golden/openapi.json`.
"""

from pydantic import BaseModel, ConfigDict

from kg.tables import Label, Statement, StatementKind


class View(BaseModel):
    """A page, or a part of one, as data."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class SourceName(View):
    """A source as other pages name it."""

    id: str
    title: str


class CommunityName(View):
    """A community as other pages name it."""

    id: str
    label: str
    """Its label, or its id where no labelling run has named it."""

    members: int
    """How many statements it holds."""

    is_stable: bool | None = None
    """Whether it is more stable than communities of random graphs; none if that was not measured,
    as of a community of one statement."""


class StatementName(View):
    """A statement as other pages name it."""

    id: str
    kind: StatementKind
    text: str


def label_text(labels: dict[str, Label], community_id: str) -> str:
    """Return what to call a community: its label, or its id if it has none."""
    label = labels.get(community_id)
    return label.label if label else community_id


def statement_name(statement: Statement) -> StatementName:
    """Return a statement as other pages name it."""
    return StatementName(id=statement.id, kind=statement.kind, text=statement.text)
