"""The first page: what is in the graph, how it divides, and what ran last."""

from collections.abc import Sequence

from sqlalchemy import func
from sqlmodel import Session, col, select

from api.views.communities import CommunityItem, communities_view
from api.views.runs import RunView, runs_view
from api.views.updates import StandingView, standing_view
from api.views.view import View
from kg.runs import active_runs
from kg.tables import Evidence, RunKind, Source, Statement, StatementKind

N_TOP = 8
"""Communities shown of each method, at most."""

N_RUNS = 6
"""Runs shown, at most."""


class CountsView(View):
    """How much there is."""

    sources: int
    claims: int
    findings: int
    evidence: int


class MethodView(View):
    """The active run of one clustering method."""

    method: str
    run: int
    seed: int | None
    communities: int
    """Of all levels."""

    unclustered: int
    """Statements that are tied to nothing, or too little to belong anywhere."""

    standing: StandingView
    """How it stands to the statements that there are now."""

    top: list[CommunityItem]
    """The largest of the top level, without unclustered statements."""


class OverviewView(View):
    """What is in the graph."""

    counts: CountsView
    methods: list[MethodView]
    """By name; empty before the first clustering."""

    runs: list[RunView]
    """Newest first."""


def overview_view(session: Session) -> OverviewView:
    """Return the counts, the active methods with their largest communities, and recent runs."""
    return overview_of(session, communities_view(session).root)


def overview_of(session: Session, communities: Sequence[CommunityItem]) -> OverviewView:
    """Return the same where the communities of all active runs were read already."""
    methods = []
    for run in active_runs(session, RunKind.CLUSTERING):
        own = [community for community in communities if community.run == run.id]
        assert run.id is not None
        methods.append(
            MethodView(
                method=run.method,
                run=run.id,
                seed=run.seed,
                communities=len(own),
                unclustered=sum(community.is_unclustered for community in own),
                standing=standing_view(session, run),
                top=[one for one in own if one.level == 0 and not one.is_unclustered][:N_TOP],
            )
        )
    return OverviewView(
        counts=_counts(session), methods=methods, runs=runs_view(session, limit=N_RUNS).root
    )


def _counts(session: Session) -> CountsView:
    kinds = dict(session.exec(select(Statement.kind, func.count()).group_by(Statement.kind)).all())
    return CountsView(
        sources=session.exec(select(func.count()).select_from(Source)).one(),
        claims=kinds.get(StatementKind.CLAIM, 0),
        findings=kinds.get(StatementKind.FINDING, 0),
        evidence=session.exec(
            select(func.count()).where(col(Evidence.withdrawn_at).is_(None))
        ).one(),
    )
