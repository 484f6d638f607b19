"""Connectors, seams and papers at the seam, read from a stored run.

`kg.seams` has the measures. For a whole run they are taken between its communities at the top. For
one community they are taken between it and what stands beside it: the communities on its own level,
or above where a branch ends sooner. Of these only the statements are read that its members are tied
to, so that it takes no look at the whole hierarchy.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlmodel import Session, col, select

from kg.communities import (
    EdgeRow,
    branch_of,
    community_of,
    edge_rows,
    members_of,
)
from kg.forest import forest_of
from kg.seams import (
    Cut,
    Ints,
    Numbers,
    communities_touched,
    edges_across,
    falls_apart,
    inside_share,
    participation,
    seams_of,
    spread_of,
)
from kg.stored_graph import ENDS, EdgeTable, stored_graph
from kg.tables import Membership, Mention, Section, Source

LEAST_STATEMENTS = 3
"""A source of fewer is not said to spread."""


class Connector(NamedTuple):
    """A statement that holds communities together."""

    statement_id: str
    community_id: str
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


class Seam(NamedTuple):
    """The ties between two communities of one run."""

    one: str
    other: str
    weight: float
    lift: float | None
    """Weight over what chance would make it; none where only one side has been read."""

    n_edges: int
    edges: list[EdgeRow]
    """The strongest, with what each layer says."""


class Tie(NamedTuple):
    """How two communities at the top of one run are tied."""

    one: str
    other: str
    weight: float
    lift: float
    """Weight over what chance would make it."""

    n_edges: int


class Paper(NamedTuple):
    """A source whose statements spread over communities that otherwise share little."""

    source_id: str
    title: str
    spread: float
    """Index of Rao and Stirling, in (0, 1)."""

    n_statements: int
    places: list[tuple[str, int]]
    """Communities with how many of its statements, most first."""


class Held(NamedTuple):
    """What holds the communities of one level together, and where they touch."""

    connectors: list[Connector]
    """Furthest reach first; those that reach into one community only are left out."""

    holding: list[Connector]
    """Those without which their community falls apart, the most first."""

    seams: list[Seam]
    """Heaviest first."""

    papers: list[Paper]
    """Widest spread first; none for a single community."""


def held_together(
    session: Session, run_id: int, limit: int = 10, reader: "TopReader | None" = None
) -> Held:
    """Return connectors, seams and papers at the seam of a run's communities at the top.

    Args:
        session: Of the database.
        run_id: The run.
        limit: How many of each, at most.
        reader: The run, if it was read already (`whole_run`).

    Raises:
        NotFoundError: No run has this number, or it has no graph.
    """
    reader = reader or whole_run(session, run_id)
    if not reader.cut.n:
        return Held([], [], [], [])
    every = np.ones(reader.cut.n, dtype=bool)
    return Held(
        *reader.connectors(every, limit),
        reader.seams(limit, with_lift=True),
        _papers(session, reader, limit),
    )


def ties_at_the_top(session: Session, run_id: int, reader: "TopReader | None" = None) -> list[Tie]:
    """Return how the communities at the top of a run are tied to one another, heaviest first.

    Args:
        session: Of the database.
        run_id: The run.
        reader: The run, if it was read already (`whole_run`).

    Raises:
        NotFoundError: No run has this number, or it has no graph.
    """
    reader = reader or whole_run(session, run_id)
    found = seams_of(reader.cut)
    return [
        Tie(reader.names[one], reader.names[other], weight, weight / expected, n_edges)
        for one, other, weight, expected, n_edges in zip(
            *(column.tolist() for column in found), strict=True
        )
    ]


def held_by(session: Session, community_id: str, limit: int = 10) -> Held:
    """Return the connectors of a community, and its seams with what stands beside it.

    Raises:
        NotFoundError: No community has this id, or its run has no graph.
    """
    community = community_of(session, community_id)
    table = stored_graph(session, community.run_id)
    head, tail = (table.edges[name] for name in ENDS)
    inside = np.zeros(len(table.ids), dtype=bool)
    inside[table.places(members_of(session, community.id))] = True
    near = inside.copy()
    near[tail[inside[head]]] = True
    near[head[inside[tail]]] = True
    beside = [table.ids[at] for at in np.flatnonzero(near).tolist()]
    homes = _homes(session, community.run_id, beside, community.level)
    vertices = np.flatnonzero(near)[[each in homes for each in beside]]
    ids = np.array([table.ids[at] for at in vertices.tolist()])
    names, home = np.unique([homes[each] for each in ids.tolist()], return_inverse=True)
    known = np.zeros(len(near), dtype=bool)
    known[vertices] = True
    rows = np.flatnonzero((inside[head] | inside[tail]) & known[head] & known[tail])
    ends = np.stack([head[rows], tail[rows]])
    cut = Cut(
        head=np.searchsorted(vertices, ends[0]),
        tail=np.searchsorted(vertices, ends[1]),
        weight=table.edges["weight"][rows].astype(np.float64),
        home=home.astype(np.int64),
        n_communities=len(names),
    )
    reader = TopReader(table, cut, ids, names.tolist(), rows)
    return Held(
        *reader.connectors(inside[vertices], limit), reader.seams(limit, with_lift=False), []
    )


class TopReader(NamedTuple):
    """Turns numbers of vertices, communities and edges into what they stand for."""

    table: EdgeTable
    cut: Cut
    ids: NDArray[np.str_]
    names: Sequence[str]
    rows: NDArray[np.intp]
    """The edge of the stored graph that each edge of the cut is."""

    def connectors(
        self, wanted: NDArray[np.bool_], limit: int
    ) -> tuple[list[Connector], list[Connector]]:
        """Return those that reach across, and those that hold one community together."""
        spread = participation(self.cut)
        reach = spread * self.cut.strength
        apart = falls_apart(self.cut)
        numbers = (spread, reach, communities_touched(self.cut), apart, inside_share(self.cut))
        lost = apart * (self.cut.sizes[self.cut.home] - 1)
        found = []
        for by in (reach, lost):
            order = np.lexsort((np.arange(self.cut.n), -np.round(by, 6)))
            kept = order[(by[order] > 1e-9) & wanted[order]][:limit]
            found.append([self._connector(int(vertex), numbers) for vertex in kept])
        return found[0], found[1]

    def _connector(
        self, vertex: int, numbers: tuple[Numbers, Numbers, Ints, Numbers, Numbers]
    ) -> Connector:
        spread, reach, touched, apart, share = numbers
        return Connector(
            statement_id=str(self.ids[vertex]),
            community_id=self.names[self.cut.home[vertex]],
            participation=float(spread[vertex]),
            reach=float(reach[vertex]),
            communities=int(touched[vertex]),
            falls_apart=float(apart[vertex]),
            inside_share=float(share[vertex]),
        )

    def seams(self, limit: int, *, with_lift: bool, n_edges: int = 3) -> list[Seam]:
        """Return the heaviest seams with their heaviest edges."""
        found = seams_of(self.cut)
        seams = []
        for at in range(min(limit, len(found.one))):
            one, other = int(found.one[at]), int(found.other[at])
            weight = float(found.weight[at])
            seams.append(
                Seam(
                    one=self.names[one],
                    other=self.names[other],
                    weight=weight,
                    lift=weight / float(found.expected[at]) if with_lift else None,
                    n_edges=int(found.n_edges[at]),
                    edges=self._edges(edges_across(self.cut, one, other, n_edges)),
                )
            )
        return seams

    def _edges(self, edges: Ints) -> list[EdgeRow]:
        return edge_rows(self.table, self.rows[edges])


def whole_run(session: Session, run_id: int) -> TopReader:
    """Read a run as it is cut at the top.

    Raises:
        NotFoundError: No run has this number, or it has no graph.
    """
    forest = forest_of(session, run_id)
    table = stored_graph(session, run_id)
    ids = np.array(forest.statements, dtype=str)
    head, tail = (table.edges[name] for name in ENDS)
    ends = np.searchsorted(ids, table.ids)
    known = ends < len(ids)
    known[known] = ids[ends[known]] == np.array(table.ids)[known]
    rows = np.flatnonzero(known[head] & known[tail])
    cut = Cut(
        head=ends[head[rows]],
        tail=ends[tail[rows]],
        weight=table.edges["weight"][rows].astype(np.float64),
        home=forest.homes[:, 0] if len(ids) else np.zeros(0, dtype=np.int64),
        n_communities=int((forest.level == 0).sum()),
    )
    return TopReader(table, cut, ids, forest.ids, rows)


def _papers(session: Session, reader: TopReader, limit: int) -> list[Paper]:
    """Return the sources that spread most, of those that make enough statements."""
    rows = session.exec(
        select(Mention.statement_id, Section.source_id)
        .join(Section, col(Section.id) == Mention.section_id)
        .distinct()
    ).all()
    titles = dict(session.exec(select(Source.id, Source.title)).all())
    sources = sorted(titles)
    place = {source: at for at, source in enumerate(sources)}
    said = np.array([statement for statement, _ in rows], dtype=str)
    made = np.array([place[source] for _, source in rows], dtype=np.int64)
    vertex = np.minimum(np.searchsorted(reader.ids, said), len(reader.ids) - 1)
    known = reader.ids[vertex] == said if len(said) else np.zeros(0, dtype=bool)
    found = spread_of(reader.cut, vertex[known].astype(np.int64), made[known], len(sources))
    order = np.lexsort((np.arange(len(sources)), -found.n_statements, -np.round(found.spread, 6)))
    wanted = (found.spread[order] > 1e-9) & (found.n_statements[order] >= LEAST_STATEMENTS)
    return [
        Paper(
            source_id=sources[at],
            title=titles[sources[at]],
            spread=float(found.spread[at]),
            n_statements=int(found.n_statements[at]),
            places=[(reader.names[c], n) for c, n in found.places(at)],
        )
        for at in order[wanted][:limit].tolist()
    ]


def _homes(
    session: Session, run_id: int, statement_ids: Sequence[str], level: int
) -> dict[str, str]:
    """Return the community of each statement on a level, or above where its branch ends sooner."""
    homes: dict[str, str] = {}
    for block in _blocks(statement_ids):
        rows = session.exec(
            select(Membership.statement_id, Membership.community_id).where(
                Membership.run_id == run_id, col(Membership.statement_id).in_(block)
            )
        )
        for statement, deepest in rows:
            homes[statement] = branch_of(deepest)[: level + 1][-1]
    return homes


def _blocks(identifiers: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(identifiers), 500):
        yield identifiers[start : start + 500]
