"""Concepts: what statements speak of, with the words in which they do."""

from itertools import groupby

from pydantic import RootModel
from sqlmodel import Session

from api.views.view import StatementName, View, statement_name
from kg.concept_nodes import ConceptNode, n_statements
from kg.concept_types import ConceptType
from kg.errors import ConfigError, NotFoundError
from kg.known_concepts import known_concepts
from kg.phrases import folded_words
from kg.statements import sources_by_statement, statement_of, statements_by_id


class ConceptItem(View):
    """A concept in a list."""

    id: str
    name: str
    type: ConceptType
    aliases: list[str]
    """Other ways in which it is written, most frequent first."""

    sense: int
    """Which meaning of a word that has several, from 1; 0 if it has one."""

    statements: int
    """How many statements speak of it."""

    sources: int
    """How many sources make these statements."""


class ConceptsView(RootModel[list[ConceptItem]]):
    """Concepts, those that matter most first."""


class SpanView(View):
    """Where a statement speaks of a concept."""

    char_start: int
    """Offset in the statement's text, in Unicode code points."""

    char_end: int
    words: str
    """The statement's words, verbatim."""


class ConceptLink(StatementName):
    """A statement that speaks of a concept."""

    spans: list[SpanView]
    """By offset."""


class ConceptView(ConceptItem):
    """A concept with every statement that speaks of it."""

    links: list[ConceptLink]
    """By the statement's id."""


def concepts_view(
    session: Session,
    kind: ConceptType | None = None,
    limit: int = 50,
    statement_id: str | None = None,
) -> ConceptsView:
    """Return the concepts that matter most, of one type or of all, of one statement or of all.

    Raises:
        NotFoundError: No statement has this id.
    """
    nodes = [node for node in known_concepts(session) if kind is None or node.type is kind]
    if statement_id is not None:
        statement_of(session, statement_id)
        nodes = [
            node for node in nodes if any(each.statement_id == statement_id for each in node.places)
        ]
    nodes = nodes[:limit]
    makers = sources_by_statement(session)
    return ConceptsView([_item(node, makers) for node in nodes])


def concept_view(session: Session, name: str) -> ConceptView:
    """Return one concept by id, name or alias, in any form.

    Raises:
        ConfigError: The word has several meanings; the message names their ids.
        NotFoundError: No concept is called so.
    """
    wanted = " ".join(folded_words(name))
    found = [
        node
        for node in known_concepts(session)
        if node.id == name
        or (wanted and wanted in (" ".join(folded_words(each)) for each in _names(node)))
    ]
    if not found:
        raise NotFoundError(
            f"there is no concept {name!r}: `claimgraph concepts` lists what two statements "
            "or more speak of"
        )
    if len(found) > 1:
        senses = ", ".join(f"{node.id} ({node.name}, {n_statements(node)})" for node in found)
        raise ConfigError(f"{name!r} has several meanings: ask for one by its id: {senses}")
    return _view(session, found[0])


def _names(node: ConceptNode) -> list[str]:
    return [node.name, *node.aliases]


def _item(node: ConceptNode, makers: dict[str, list[str]]) -> ConceptItem:
    statements = {place.statement_id for place in node.places}
    return ConceptItem(
        id=node.id,
        name=node.name,
        type=node.type,
        aliases=list(node.aliases),
        sense=node.sense,
        statements=len(statements),
        sources=len({source for each in statements for source in makers.get(each, ())}),
    )


def _view(session: Session, node: ConceptNode) -> ConceptView:
    statements = statements_by_id(session, sorted({each.statement_id for each in node.places}))
    links = [
        ConceptLink(
            **dict(statement_name(statements[identifier])),
            spans=[
                SpanView(char_start=each.char_start, char_end=each.char_end, words=each.words)
                for each in places
            ],
        )
        for identifier, places in groupby(node.places, key=lambda place: place.statement_id)
    ]
    return ConceptView(**dict(_item(node, sources_by_statement(session))), links=links)
