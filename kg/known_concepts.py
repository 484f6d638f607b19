"""The concepts of a database, found once for each state that it is in.

To find them is linear in the statements, some seconds for ten thousand. They are never stored; a
process that goes on reading keeps those of the last state. What makes concepts comes with a run
(documents, abbreviations, vectors) and goes with one, so the runs and the numbers of rows tell
states apart.
"""

from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

from sqlmodel import Session, col, func, select

from kg.concept_nodes import ConceptNode, concept_nodes
from kg.embeddings import model_in_use, vectors_of
from kg.homonyms import origins_of
from kg.sources import glossaries
from kg.statements import all_statements, sources_by_statement
from kg.tables import Embedding, Mention, Run, Statement

_State = tuple[Any, ...]
_found: WeakKeyDictionary[Any, tuple[_State, list[ConceptNode]]] = WeakKeyDictionary()
"""Of each engine, the concepts of its last state."""


def known_concepts(session: Session) -> Sequence[ConceptNode]:
    """Return the concepts of all statements, those that matter most first."""
    engine, state = session.get_bind(), _state(session)
    kept = _found.get(engine)
    if kept is None or kept[0] != state:
        kept = _found[engine] = state, _concepts(session)
    return kept[1]


def _state(session: Session) -> _State:
    runs = select(func.max(col(Run.id)), func.max(col(Run.finished_at)))
    counts = (select(func.count()).select_from(each) for each in (Statement, Mention, Embedding))
    return (*session.exec(runs).one(), *(session.exec(each).one() for each in counts))


def _concepts(session: Session) -> list[ConceptNode]:
    statements = all_statements(session)
    ids = [identifier for identifier, _ in statements]
    model = model_in_use(session)
    are_embedded = model is not None and _are_embedded(session, model, ids)
    vectors = vectors_of(session, model, ids) if model is not None and are_embedded else None
    origins = origins_of(sources_by_statement(session), glossaries(session))
    return concept_nodes(statements, origins, vectors)


def _are_embedded(session: Session, model: str, ids: Sequence[str]) -> bool:
    known = set(session.exec(select(Embedding.statement_id).where(Embedding.model == model)))
    return known.issuperset(ids)
