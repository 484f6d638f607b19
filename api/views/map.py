"""The map of a run: its communities, and the ties between those at the top."""

from collections.abc import Iterable, Mapping

from pydantic import RootModel
from sqlmodel import Session

from api.views.communities import CommunityItem, communities_view
from api.views.view import View
from kg.connectors import TopReader, ties_at_the_top


class TieItem(View):
    """All ties between two communities at the top."""

    one: str
    """Id of the community."""

    other: str
    weight: float
    """The sum of the weights."""

    lift: float
    """Weight over what chance would make it; below 1 they shun each other."""

    ties: int


class MapView(View):
    """The communities of a run, and how those at the top are tied."""

    method: str
    run: int
    communities: list[CommunityItem]
    """Depth first, largest first."""

    ties: list[TieItem]
    """Heaviest first."""

    def ties_of(self, community: str) -> list[TieItem]:
        """Return the ties of one community, heaviest first."""
        return [tie for tie in self.ties if community in (tie.one, tie.other)]


class MapsView(RootModel[list[MapView]]):
    """The map of the active run of every method, by method."""


def maps_view(session: Session, method: str | None = None, run: int | None = None) -> MapsView:
    """Return the map of a method's active run, of a run, or of the active runs of all methods.

    Raises:
        ConfigError: No such method has been run.
        NotFoundError: No clustering has this number.
    """
    return maps_of(session, communities_view(session, method, run).root)


def maps_of(
    session: Session,
    communities: Iterable[CommunityItem],
    readers: Mapping[int, TopReader] | None = None,
) -> MapsView:
    """Return the maps of runs whose communities were read already.

    Args:
        session: Of the database.
        communities: All of each run.
        readers: Runs that were read already, by number.
    """
    by_run: dict[tuple[str, int], list[CommunityItem]] = {}
    for community in communities:
        by_run.setdefault((community.method, community.run), []).append(community)
    known = readers or {}
    return MapsView(
        [
            MapView(
                method=name,
                run=number,
                communities=own,
                ties=_ties(session, number, known.get(number)),
            )
            for (name, number), own in by_run.items()
        ]
    )


def _ties(session: Session, run: int, reader: TopReader | None) -> list[TieItem]:
    return [
        TieItem(
            one=tie.one,
            other=tie.other,
            weight=round(tie.weight, 4),
            lift=round(tie.lift, 4),
            ties=tie.n_edges,
        )
        for tie in ties_at_the_top(session, run, reader)
    ]
