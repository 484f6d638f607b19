"""Connectors, seams and papers at the seam: what holds communities together or apart."""

from collections.abc import Iterable

from pydantic import RootModel
from sqlmodel import Session

from api.views.bridges import names_of
from api.views.runs import clusterings
from api.views.view import CommunityName, SourceName, StatementName, View, statement_name
from kg.communities import EdgeRow, community_of, size_of
from kg.connectors import (
    Connector,
    Held,
    Paper,
    Seam,
    TopReader,
    held_by,
    held_together,
    whole_run,
)
from kg.statements import statements_by_id
from kg.tables import Statement

MUCH = 0.05
"""A layer that says less than this of two statements is not worth naming."""


class Place(CommunityName):
    """A community as it is named beside others of its run."""


class ConnectorItem(StatementName):
    """A statement that holds communities together."""

    community: Place
    """Its own, on the level that is looked at."""

    participation: float
    """How evenly its ties are spread over communities, in [0, 1)."""

    reach: float
    """Participation times the weight of all its ties."""

    communities: int
    """Into how many communities its ties lead, its own included."""

    falls_apart: float
    """Share of the others in its community that come off without it, in [0, 1)."""

    inside_share: float
    """Share of the weight within its community that touches it, in [0, 1]."""


class SeamEdge(View):
    """A tie across two communities."""

    one: StatementName
    other: StatementName
    weight: float
    why: str
    """What ties them, in words: the layers that say so."""


class SeamItem(View):
    """The ties between two communities of one run."""

    one: Place
    other: Place
    weight: float
    """The sum of the weights of all ties between them."""

    lift: float | None
    """Weight over what chance would make it (below 1: they shun each other); none on the page of a
    single community."""

    ties: int
    edges: list[SeamEdge]
    """The strongest."""


class PaperPlace(Place):
    """A community that holds statements of a source."""

    statements: int


class PaperItem(SourceName):
    """A source whose statements spread over communities that otherwise share little."""

    spread: float
    """Index of Rao and Stirling, in (0, 1)."""

    statements: int
    places: list[PaperPlace]
    """Most statements first."""


class SeamsOfCommunity(View):
    """What holds one community together, and where it touches those beside it."""

    seams: list[SeamItem]
    """Heaviest first."""

    connectors: list[ConnectorItem]
    """Members with ties into several communities, furthest reach first."""

    holding: list[ConnectorItem]
    """Members without which it falls into pieces, the most first."""


class SeamsView(SeamsOfCommunity):
    """What holds the communities at the top of a run together, and where they touch."""

    run: int
    method: str
    papers: list[PaperItem]
    """Sources at the seam, widest spread first."""


class RunSeamsView(RootModel[list[SeamsView]]):
    """The seams of the active run of every method, by method."""


def run_seams_view(
    session: Session,
    method: str | None = None,
    limit: int = 10,
    readers: dict[int, TopReader] | None = None,
) -> RunSeamsView:
    """Return connectors, seams and papers at the seam of a method's active run, or of all.

    Args:
        session: Of the database.
        method: Whose active run; None: that of every method.
        limit: How many of each, at most.
        readers: Gets each run as it was read, by number, for what else is to be read of it.

    Raises:
        ConfigError: There is no such method, or it has not been run.
    """
    runs = clusterings(session, method)
    views = []
    for run in runs:
        assert run.id is not None
        reader = whole_run(session, run.id)
        if readers is not None:
            readers[run.id] = reader
        held = held_together(session, run.id, limit, reader)
        seams = _seams(session, held)
        views.append(
            SeamsView(
                run=run.id,
                method=run.method,
                papers=_papers(session, held.papers),
                **dict(seams),
            )
        )
    return RunSeamsView(views)


def seams_view(session: Session, community_id: str, limit: int = 10) -> SeamsOfCommunity:
    """Return the seams and connectors of one community.

    Raises:
        NotFoundError: No community has this id.
    """
    identifier = community_of(session, community_id).id
    return _seams(session, held_by(session, identifier, limit))


def _seams(session: Session, held: Held) -> SeamsOfCommunity:
    named = [*held.connectors, *held.holding]
    edges = [edge for seam in held.seams for edge in seam.edges]
    statements = statements_by_id(
        session,
        sorted(
            {each.statement_id for each in named}
            | {end for edge in edges for end in (edge.head_id, edge.tail_id)}
        ),
    )
    places = _places(
        session,
        [each.community_id for each in named]
        + [side for seam in held.seams for side in (seam.one, seam.other)],
    )
    return SeamsOfCommunity(
        seams=[_seam(seam, places, statements) for seam in held.seams],
        connectors=[_connector(each, places, statements) for each in held.connectors],
        holding=[_connector(each, places, statements) for each in held.holding],
    )


def _places(session: Session, identifiers: Iterable[str]) -> dict[str, Place]:
    names = names_of(session, sorted({*identifiers}))
    return {
        each: Place(
            id=each, label=name.label, members=size_of(session, each), is_stable=name.is_stable
        )
        for each, name in names.items()
    }


def _connector(
    connector: Connector, places: dict[str, Place], statements: dict[str, Statement]
) -> ConnectorItem:
    return ConnectorItem(
        **dict(statement_name(statements[connector.statement_id])),
        community=places[connector.community_id],
        participation=round(connector.participation, 4),
        reach=round(connector.reach, 4),
        communities=connector.communities,
        falls_apart=round(connector.falls_apart, 4),
        inside_share=round(connector.inside_share, 4),
    )


def _seam(seam: Seam, places: dict[str, Place], statements: dict[str, Statement]) -> SeamItem:
    return SeamItem(
        one=places[seam.one],
        other=places[seam.other],
        weight=round(seam.weight, 4),
        lift=None if seam.lift is None else round(seam.lift, 4),
        ties=seam.n_edges,
        edges=[
            SeamEdge(
                one=statement_name(statements[edge.head_id]),
                other=statement_name(statements[edge.tail_id]),
                weight=round(edge.weight, 4),
                why=_why(edge),
            )
            for edge in seam.edges
        ],
    )


def _why(edge: EdgeRow) -> str:
    said = []
    if edge.relations > 0:
        said.append("somebody relates them, or one reports the other")
    if edge.semantic >= MUCH:
        said.append(f"alike in meaning ({edge.semantic:.2f})")
    if edge.concepts >= MUCH:
        said.append(f"shared concepts ({edge.concepts:.2f})")
    if edge.source > 0:
        said.append("same source")
    return ", ".join(said) or "a weak tie"


def _papers(session: Session, papers: list[Paper]) -> list[PaperItem]:
    places = _places(session, (place for paper in papers for place, _ in paper.places))
    return [
        PaperItem(
            id=paper.source_id,
            title=paper.title,
            spread=round(paper.spread, 4),
            statements=paper.n_statements,
            places=[PaperPlace(**dict(places[c]), statements=n) for c, n in paper.places],
        )
        for paper in papers
    ]
