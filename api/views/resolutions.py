"""At which resolutions a graph has which communities."""

from typing import Self

from sqlmodel import Session

from api.settings import DEFAULT_METHOD
from api.views.runs import clusterings
from api.views.view import View
from kg.amending import resolution_of
from kg.resolutions import OnCut, Plateau, Resolutions, plateaus_of


class PlateauView(View):
    """From one resolution to another, the same communities are the best that were found."""

    low: float
    high: float
    middle: float
    """The resolution that is as many times above the lowest as below the highest."""

    communities: int
    """Of two statements or more."""

    alone: int
    """Statements in no such community."""

    modularity: float
    """At a resolution of 1, so that plateaus can be compared."""

    @classmethod
    def of(cls, plateau: Plateau) -> Self:
        """Return a plateau as data."""
        return cls(
            low=round(plateau.low, 6),
            high=round(plateau.high, 6),
            middle=float(f"{plateau.middle():.3g}"),
            communities=plateau.communities,
            alone=plateau.alone,
            modularity=round(plateau.modularity, 6),
        )


class ResolutionsView(View):
    """The plateaus of the graph that a run cut, its layers summed."""

    run: int
    method: str
    resolution: float
    """That the run was cut at."""

    cuts: int
    plateaus: list[PlateauView]
    """From the lowest resolution to the highest."""


def resolutions_view(
    session: Session,
    method: str | None = None,
    run: int | None = None,
    wanted: Resolutions | None = None,
    on_progress: OnCut | None = None,
) -> ResolutionsView:
    """Return which communities the graph of a run has at which resolution; nothing is stored.

    Args:
        session: Where to read.
        method: Whose active run; None: that of the run that is named, or else the default.
        run: This one, superseded or not.
        wanted: Where to cut.
        on_progress: Is told of every cut.

    Raises:
        NotFoundError: No run has this number.
        ConfigError: It is no clustering, did not succeed, or is of another method; there is no
            such method, or it has not been run; or the range of resolutions is empty.
    """
    (chosen,) = clusterings(session, method or (DEFAULT_METHOD if run is None else None), run)
    assert chosen.id is not None
    wanted = wanted or Resolutions()
    found = plateaus_of(session, chosen.id, wanted, on_progress)
    return ResolutionsView(
        run=chosen.id,
        method=chosen.method,
        resolution=resolution_of(chosen),
        cuts=wanted.n,
        plateaus=[PlateauView.of(each) for each in found],
    )
