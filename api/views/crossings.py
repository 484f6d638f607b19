"""The bridges between whole runs: the strongest crossings of every two active methods."""

from itertools import combinations

from pydantic import RootModel
from sqlmodel import Session

from api.views.bridges import BridgeSource, Named, names_of, sources_at, why
from api.views.view import CommunityName, StatementName, View, statement_name
from kg.bridges import Bridge
from kg.crossings import Crossing, Crossings, crossings_between
from kg.forest import Forest, forest_of
from kg.meetings import Meeting, Shared, meetings_of
from kg.runs import active_runs
from kg.statements import statements_by_id
from kg.tables import RunKind, Statement


class RunName(View):
    """A clustering run as other pages name it."""

    run: int
    method: str


class CrossingItem(View):
    """Two communities of different methods that cross more than chance would make them."""

    here: CommunityName
    there: CommunityName
    shared: int
    """How many statements both hold."""

    shared_statements: list[StatementName]
    jaccard: float
    """Shared statements over all statements of the two, in (0, 1)."""

    expected: float
    """How many statements communities of these sizes share by chance, in the mean."""

    lift: float
    """Shared over expected; 1 is chance."""

    p_value: float
    """Probability that chance alone gives as many or more, in (0, 1]."""

    q_value: float
    """The p-value corrected for all pairs of the two runs, at most .05."""

    sources: list[BridgeSource]
    """The sources of the shared statements, most of them first."""

    why: str
    """One sentence on why it matters."""


class RunPairView(View):
    """The bridges between the active runs of two methods."""

    here: RunName
    there: RunName
    tests: int
    """Pairs of communities that were tested: all that the two runs have, on all levels."""

    overlaps: int
    """Pairs that share a statement."""

    significant: int
    """Crossings that are more than chance, one a branch."""

    nearly_same: int
    """How many of these have more in common than not (Jaccard above one half)."""

    bridges: list[CrossingItem]
    """The strongest: the least likely by chance first, those that are nearly the same last."""


class RunBridgesView(RootModel[list[RunPairView]]):
    """The bridges between the active runs of every two methods, by method."""


def run_bridges_view(session: Session, limit: int = 10) -> RunBridgesView:
    """Return the strongest bridges between the active runs of every two methods.

    Args:
        session: A session to read with.
        limit: How many of each two methods, at most.
    """
    runs = [
        (RunName(run=run.id, method=run.method), forest_of(session, run.id))
        for run in active_runs(session, RunKind.CLUSTERING)
        if run.id is not None
    ]
    return RunBridgesView(
        [_pair(session, here, there, limit) for here, there in combinations(runs, 2)]
    )


def _pair(
    session: Session, here: tuple[RunName, Forest], there: tuple[RunName, Forest], limit: int
) -> RunPairView:
    found = crossings_between(here[1], there[1], limit)
    return RunPairView(
        here=here[0],
        there=there[0],
        tests=found.n_tests,
        overlaps=found.n_overlaps,
        significant=found.n_significant,
        nearly_same=found.n_nearly_same,
        bridges=_items(session, found),
    )


def _items(session: Session, found: Crossings) -> list[CrossingItem]:
    strongest = found.strongest
    names = names_of(session, [name for each in strongest for name in (each.here, each.there)])
    shared = sorted({identifier for each in strongest for identifier in each.shared_ids})
    statements = statements_by_id(session, shared)
    meetings = meetings_of(session, [Shared(c.here, c.there, c.shared_ids) for c in strongest])
    return [
        _item(crossing, names, statements, meeting)
        for crossing, meeting in zip(strongest, meetings, strict=True)
    ]


def _item(
    crossing: Crossing,
    names: dict[str, Named],
    statements: dict[str, Statement],
    meeting: Meeting,
) -> CrossingItem:
    return CrossingItem(
        here=_name(names, crossing.here, crossing.n_here),
        there=_name(names, crossing.there, crossing.n_there),
        shared=len(crossing.shared_ids),
        shared_statements=[statement_name(statements[each]) for each in crossing.shared_ids],
        jaccard=round(crossing.jaccard, 6),
        expected=round(crossing.expected, 6),
        lift=round(crossing.lift, 4),
        p_value=crossing.p_value,
        q_value=crossing.q_value,
        sources=sources_at(meeting),
        why=why(_from_here(crossing), meeting),
    )


def _name(names: dict[str, Named], identifier: str, members: int) -> CommunityName:
    name = names[identifier]
    return CommunityName(id=identifier, label=name.label, members=members, is_stable=name.is_stable)


def _from_here(crossing: Crossing) -> Bridge:
    """Return a crossing as it is seen from its first community."""
    return Bridge(
        community_id=crossing.there,
        members=crossing.n_there,
        shared_ids=crossing.shared_ids,
        jaccard=crossing.jaccard,
        relation="lateral",
        expected=crossing.expected,
        lift=crossing.lift,
        p_value=crossing.p_value,
        q_value=crossing.q_value,
        is_significant=True,
    )
