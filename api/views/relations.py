"""Relations: what a statement is to others, as somebody asserted it."""

from typing import Literal

from sqlmodel import Session

from api.views.spent import SpentView
from api.views.view import StatementName, View, statement_name
from kg.relations import SYMMETRIC, relations_of
from kg.statements import statements_by_id
from kg.tables import Relation, RelationKind

_WORDS: dict[RelationKind, tuple[str, str]] = {
    RelationKind.SUPPORTS: ("supports", "is supported by"),
    RelationKind.CONTRADICTS: ("contradicts", "contradicts"),
    RelationKind.REFINES: ("refines", "is refined by"),
    RelationKind.CITES: ("cites", "is cited by"),
    RelationKind.SAME_AS: ("says the same as", "says the same as"),
}


class RelationItem(View):
    """What a statement is to another. It was asserted, not measured: it is no evidence."""

    id: str
    kind: RelationKind
    direction: Literal["to", "from", "both"]
    """`to`: the statement says it of the other; `from`: the other of it; `both`: each of each."""

    words: str
    """What the statement does to the other, such as `is supported by`."""

    other: StatementName
    method: str
    """Who asserted it: `person`, or the name of a model."""

    reason: str
    """Why, in the words of who asserted it; may be empty."""

    created_at: str


class RelatedView(View):
    """What became of one relation that was asserted or taken back."""

    head: StatementName
    kind: RelationKind
    words: str
    tail: StatementName
    change: Literal["added", "unchanged", "removed", "absent"]
    """`unchanged`: it stood already, and still stands as it was first asserted; `absent`: there
    was none to remove."""


class RelationReportView(View):
    """What became of all that were asserted or taken back together, in their order."""

    relations: list[RelatedView]


class RelatingView(RelationReportView, SpentView):
    """What a language model asserted of pairs that were proposed, and what that cost."""

    model: str
    pairs: int
    """That there were to ask about."""

    asked: int
    """About which there was an answer, now or earlier."""

    refused: list[str]
    """Answers that were not taken, and why."""

    is_out_of_budget: bool


def relation_items(session: Session, statement_id: str) -> list[RelationItem]:
    """Return the relations of a statement, those that it says of others first, then by kind."""
    rows = relations_of(session, statement_id)
    others = statements_by_id(session, sorted({_other(row, statement_id) for row in rows}))
    items = [
        RelationItem(
            id=row.id,
            kind=row.kind,
            direction=_direction(row, statement_id),
            words=words_of(row.kind, is_head=row.head_id == statement_id),
            other=statement_name(others[_other(row, statement_id)]),
            method=row.method,
            reason=row.reason,
            created_at=row.created_at,
        )
        for row in rows
    ]
    order = list(RelationKind)
    return sorted(
        items, key=lambda i: (i.direction == "from", order.index(i.kind), i.other.text, i.id)
    )


def words_of(kind: RelationKind, *, is_head: bool) -> str:
    """Return what a statement does to the other end of a relation, in words."""
    return _WORDS[kind][0 if is_head else 1]


def _other(row: Relation, statement_id: str) -> str:
    return row.tail_id if row.head_id == statement_id else row.head_id


def _direction(row: Relation, statement_id: str) -> Literal["to", "from", "both"]:
    if row.kind in SYMMETRIC:
        return "both"
    return "to" if row.head_id == statement_id else "from"
