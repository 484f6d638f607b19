"""What updates did to the communities that stand, and how far those are behind."""

from sqlmodel import Session

from api.counting import count_of
from api.views.view import View
from kg.journal import standing_of
from kg.runs import active_runs
from kg.tables import Run, RunKind
from kg.update_report import UpdateReport


class UpdatesView(View):
    """What was brought up to date."""

    updates: list[UpdateReport]
    """By method; empty if nothing is new."""


class RemovalView(View):
    """What left with some sources."""

    sources: list[str]
    statements: int
    """That nobody else makes."""

    evidence: int
    """Statements among them that had been tested."""

    updates: list[UpdateReport]
    """Of each active run that was concerned, by method."""


class StandingView(View):
    """How an active run stands to the statements that there are."""

    missing: int
    """Statements that are not in it yet."""

    updated_at: str | None
    """When it was last updated; none if it stands as it was made."""

    drifted: str
    """Why a full run is due; empty if none is."""

    advice: list[str]
    """The same in words, with what to run; empty if all is well."""


def standing_view(session: Session, run: Run) -> StandingView:
    """Return how an active run stands to the statements that there are."""
    standing = standing_of(session, run)
    advice = []
    if standing.missing:
        missing = count_of(standing.missing, "statement is", "statements are")
        advice.append(f"{missing} not in this run yet: claimgraph update")
    if standing.drifted:
        advice.append(why_due(standing.drifted, run.method))
    return StandingView(**standing._asdict(), advice=advice)


def advice_on(session: Session, method: str | None) -> list[str]:
    """Return what there is to do for the active run of a method, or of every method."""
    return [
        f"{run.method}, run {run.id}: {advice}"
        for run in active_runs(session, RunKind.CLUSTERING)
        if method in {None, run.method}
        for advice in standing_view(session, run).advice
    ]


def why_due(reason: str, method: str) -> str:
    """Return that a full run is due, why, and how to run it."""
    return f"drifted ({reason}): a full run is due: claimgraph cluster --method {method}"
