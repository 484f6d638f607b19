"""Search over the statements: words and meaning together, or words alone where it must be."""

from contextlib import suppress
from functools import cache

from sqlmodel import Session

from api.views.statement_rows import statement_rows
from api.views.view import SourceName, StatementName, View
from kg.embedders import Embedder, open_embedder
from kg.embeddings import model_in_use
from kg.errors import ModelError
from kg.search import EVERYWHERE, SearchHit, Within, search
from kg.sources import source_of
from kg.tables import StatementKind


class SearchHitView(StatementName):
    """A statement that answers a query."""

    score: float
    """Fused reciprocal rank; only its order means something."""

    sources: list[SourceName]


class SearchView(View):
    """What a query finds."""

    query: str
    kind: StatementKind | None
    """Only these were searched; none: claims and findings."""

    source: SourceName | None
    """Only what this source says was searched; none: all of them."""

    hits: list[SearchHitView]
    """Best first."""

    notice: str
    """Why the search went by words alone; empty if it went by meaning too."""


def search_view(
    session: Session,
    query: str,
    embedder_name: str | None,
    limit: int = 20,
    within: Within = EVERYWHERE,
) -> SearchView:
    """Return the statements that answer a query, best first.

    Args:
        session: A session to read with.
        query: Words, in any form; nothing in them is syntax.
        embedder_name: What embeds the query. Without one, or if it cannot be opened, the
            search goes by words alone and says so.
        limit: Show at most this many.
        within: Which statements may be found.

    Raises:
        ConfigError: The query is blank.
        NotFoundError: No source has the id within which to look.
    """
    found, notice = _search(session, query, embedder_name, limit, within)
    scores = {hit.statement_id: hit.score for hit in found}
    return SearchView(
        query=query,
        kind=within.kind,
        source=source_named(session, within.source),
        hits=[
            SearchHitView(
                id=row.id, kind=row.kind, text=row.text, score=scores[row.id], sources=row.sources
            )
            for row in statement_rows(session, list(scores))
        ],
        notice=notice,
    )


def _search(
    session: Session, query: str, embedder_name: str | None, limit: int, within: Within
) -> tuple[list[SearchHit], str]:
    if embedder_name is None:
        notice = "searched by words alone: no embedder is configured"
        return search(session, query, None, limit, within), notice
    try:
        embedder = _opened(embedder_name)
        in_use = model_in_use(session)
        if in_use not in (None, embedder.name):
            notice = (
                f"searched by words alone: the statements were embedded with {in_use}, and the "
                f"query would be with {embedder.name}: name the other one again, or run "
                "`claimgraph embed`"
            )
            return search(session, query, None, limit, within), notice
        return search(session, query, embedder, limit, within), ""
    except ModelError as error:
        return search(session, query, None, limit, within), f"searched by words alone: {error}"


def get_ready(embedder_name: str) -> None:
    """Load an embedder's weights, so that the first search need not wait for them.

    If that fails, the search that needs them says why.
    """
    with suppress(ModelError):
        _opened(embedder_name).embed(["ready"])


@cache
def _opened(embedder_name: str) -> Embedder:
    """Open an embedder once; it loads its weights at the first query."""
    return open_embedder(embedder_name)


def source_named(session: Session, source: str | None) -> SourceName | None:
    """Return a source's name, if one is meant.

    Raises:
        NotFoundError: No source has this id.
    """
    if source is None:
        return None
    found = source_of(session, source)
    return SourceName(id=found.id, title=found.title)
