"""Pairs of statements that may say the same in different words.

Everything here is an offer to a reader: nothing is merged, and nothing counts as evidence.
"""

from pydantic import RootModel
from sqlmodel import Session, select

from api.views.view import StatementName, View, statement_name
from kg.duplicates import Relation, same_statements
from kg.embeddings import vectors_of
from kg.errors import ConfigError
from kg.runs import active_runs
from kg.sources import glossary
from kg.statements import notes_of, statements_by_id
from kg.tables import Embedding, RunKind, Source


class DuplicateItem(View):
    """Two statements that may be one."""

    a: StatementName
    b: StatementName
    score: float
    """How sure it is that both say the same, in [0, 1]."""

    reasons: list[str]
    """Why they count as the same, in words."""


class DuplicatesView(RootModel[list[DuplicateItem]]):
    """Pairs, surest first."""


def duplicates_view(session: Session) -> DuplicatesView:
    """Return the pairs of stored statements that may say the same.

    The vectors are those of the latest clustering; statements that came in later are left out.

    Raises:
        ConfigError: Nothing has been clustered, so there are no vectors to compare.
    """
    runs = active_runs(session, RunKind.CLUSTERING)
    if not runs:
        raise ConfigError("nothing has been clustered: run `claimgraph cluster` first")
    model = max(runs, key=lambda run: run.id or 0).config["model"]
    embedded = select(Embedding.statement_id).where(Embedding.model == model)
    identifiers = sorted(session.exec(embedded))
    statements = statements_by_id(session, identifiers)
    notes = notes_of(session)
    pairs = same_statements(
        [statements[each].text for each in identifiers],
        vectors_of(session, model, identifiers),
        glossary(session, list(session.exec(select(Source.id)))),
        notes=[notes.get(each, "") for each in identifiers],
    )
    wanted = sorted(
        (pair for pair in pairs if pair.relation is Relation.SAME),
        key=lambda pair: (-pair.score, identifiers[pair.a], identifiers[pair.b]),
    )
    return DuplicatesView(
        [
            DuplicateItem(
                a=statement_name(statements[identifiers[pair.a]]),
                b=statement_name(statements[identifiers[pair.b]]),
                score=round(pair.score, 6),
                reasons=list(pair.reasons),
            )
            for pair in wanted
        ]
    )
