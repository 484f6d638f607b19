"""REST: every view under its address. All of it only reads."""

from typing import Annotated

from fastapi import APIRouter, Query

from api.dependencies import (
    CommunityId,
    ConceptName,
    EmbedderNameDep,
    EvidenceId,
    LeadOnDep,
    Limit,
    Offset,
    OneStance,
    Ordinal,
    OtherRun,
    RunId,
    RunQuery,
    SessionDep,
    SourceId,
    StatementId,
    WithinDep,
    Words,
)
from api.problems import PROBLEM_RESPONSES
from api.views.bridges import BridgesView, bridges_view
from api.views.candidates import CandidatesView, candidates_view
from api.views.canonical import OFFERED, RepeatsView, repeats_view
from api.views.changes import ChangesView, ComparisonView, changes_view, comparison_view
from api.views.communities import CommunitiesView, CommunityView, communities_view, community_view
from api.views.concepts import ConceptsView, ConceptView, concept_view, concepts_view
from api.views.crossings import RunBridgesView, run_bridges_view
from api.views.decisions import DecisionsView, decisions_view
from api.views.evidence import (
    EvidenceItem,
    LedgersView,
    LedgerView,
    WaitingsView,
    count_tested,
    evidence_view,
    ledger_view,
    ledgers_view,
    waiting_view,
)
from api.views.map import MapsView, maps_view
from api.views.overview import OverviewView, overview_view
from api.views.runs import RunDetailView, RunsView, count_runs, run_view, runs_view
from api.views.seams import RunSeamsView, SeamsOfCommunity, run_seams_view, seams_view
from api.views.search import SearchView, search_view
from api.views.sources import (
    SourcesView,
    SourceTextView,
    SourceView,
    count_sources,
    source_text_view,
    source_view,
    sources_view,
)
from api.views.statements import StatementView, statement_view
from kg.concept_types import ConceptType
from kg.duplicates import Relation

router = APIRouter(prefix="/api", responses=PROBLEM_RESPONSES)


@router.get("/overview", tags=["overview"])
def read_overview(session: SessionDep) -> OverviewView:
    """Return the counts, the active methods with their largest communities, and recent runs."""
    return overview_view(session)


@router.get("/communities", tags=["communities"])
def read_communities(
    session: SessionDep,
    method: Annotated[str | None, Query(description="Only this method's tree.")] = None,
    run: OtherRun = None,
) -> CommunitiesView:
    """Return the tree of a method's active run, or of every method's, or of any one run."""
    return communities_view(session, method, run)


@router.get("/communities/{community_id}", tags=["communities"])
def read_community(community_id: CommunityId, session: SessionDep) -> CommunityView:
    """Return one community, by id or permanent link, with its claims, findings and bridges."""
    return community_view(session, community_id)


@router.get("/communities/{community_id}/bridges", tags=["communities"])
def read_bridges(
    community_id: CommunityId,
    session: SessionDep,
    all_runs: Annotated[bool, Query(description="Look at superseded runs too.")] = False,
) -> BridgesView:
    """Return the communities of other methods and runs that share members with this one."""
    return bridges_view(session, community_id, all_runs)


@router.get("/changes", tags=["changes"])
def read_changes(
    session: SessionDep,
    method: Annotated[str | None, Query(description="Only this method's.")] = None,
    limit: Limit = 100,
) -> ChangesView:
    """Return what changed in the active run of a method, or of every method."""
    return changes_view(session, method, limit)


@router.get("/map", tags=["communities"])
def read_map(
    session: SessionDep,
    method: Annotated[str | None, Query(description="Only this method's.")] = None,
    run: OtherRun = None,
) -> MapsView:
    """Return the communities of every method's active run, and how those at the top are tied."""
    return maps_view(session, method, run)


@router.get("/compare", tags=["changes"])
def read_comparison(
    session: SessionDep, before: RunQuery, after: RunQuery, limit: Limit = 100
) -> ComparisonView:
    """Return what changed from one clustering run to another, of the same method or not."""
    return comparison_view(session, before, after, limit)


@router.get("/communities/{community_id}/seams", tags=["communities"])
def read_seams(
    community_id: CommunityId, session: SessionDep, limit: Limit = 10
) -> SeamsOfCommunity:
    """Return where a community touches others, and which members connect or hold it."""
    return seams_view(session, community_id, limit)


@router.get("/seams", tags=["communities"])
def read_run_seams(
    session: SessionDep,
    method: Annotated[str | None, Query(description="Only this method's.")] = None,
    limit: Limit = 10,
) -> RunSeamsView:
    """Return papers at the seam, connectors and seams of every method's active run."""
    return run_seams_view(session, method, limit)


@router.get("/bridges", tags=["communities"])
def read_run_bridges(session: SessionDep, limit: Limit = 10) -> RunBridgesView:
    """Return the strongest bridges between the active runs of every two methods."""
    return run_bridges_view(session, limit)


@router.get("/statements/{statement_id}", tags=["statements"])
def read_statement(statement_id: StatementId, session: SessionDep) -> StatementView:
    """Return one statement with its mentions, neighbours, communities and evidence."""
    return statement_view(session, statement_id)


@router.get("/statements/{statement_id}/evidence", tags=["evidence"])
def read_ledger(statement_id: StatementId, session: SessionDep) -> LedgerView:
    """Return all evidence for and against one statement."""
    return ledger_view(session, statement_id)


@router.get("/duplicates", tags=["statements"])
def read_duplicates(
    session: SessionDep,
    relation: Annotated[
        list[Relation] | None,
        Query(
            description="Of the pairs that are not merged, only these; default: all but related."
        ),
    ] = None,
    limit: Limit = 50,
) -> RepeatsView:
    """Return the statements that are merged, and pairs that a reader may decide on."""
    return repeats_view(session, relation or OFFERED, limit)


@router.get("/decisions", tags=["statements"])
def read_decisions(session: SessionDep, limit: Limit = 100) -> DecisionsView:
    """Return who decided what says the same, newest first."""
    return decisions_view(session, limit)


@router.get("/concepts", tags=["concepts"])
def read_concepts(
    session: SessionDep,
    type: Annotated[ConceptType | None, Query(description="Only of this type.")] = None,
    statement: Annotated[str | None, Query(description="Only of this statement.")] = None,
    limit: Limit = 50,
) -> ConceptsView:
    """Return what two statements or more speak of, what matters most first."""
    return concepts_view(session, type, limit, statement)


@router.get("/concepts/{name}", tags=["concepts"])
def read_concept(name: ConceptName, session: SessionDep) -> ConceptView:
    """Return one concept, by id, name or alias, with where statements speak of it."""
    return concept_view(session, name)


@router.get("/evidence", tags=["evidence"])
def read_ledgers(
    lead_on: LeadOnDep,
    session: SessionDep,
    stance: OneStance = None,
    limit: Limit = 50,
    offset: Offset = 0,
) -> LedgersView:
    """Return what was measured for and against statements, latest first; `Link` leads on."""
    lead_on(count_tested(session, stance), offset + limit)
    return ledgers_view(session, stance, limit, offset)


@router.get("/predictions", tags=["evidence"])
def read_waiting(session: SessionDep) -> WaitingsView:
    """Return what statements predict of measurements elsewhere that were not recorded yet."""
    return waiting_view(session)


@router.get("/evidence/{evidence_id}", tags=["evidence"])
def read_evidence(evidence_id: EvidenceId, session: SessionDep) -> EvidenceItem:
    """Return one tested prediction."""
    return evidence_view(session, evidence_id)


@router.get("/sources", tags=["sources"])
def read_sources(
    lead_on: LeadOnDep,
    session: SessionDep,
    limit: Limit = 50,
    offset: Offset = 0,
) -> SourcesView:
    """Return the sources, by title; `Link` leads on, `X-Total-Count` says how many there are."""
    lead_on(count_sources(session), offset + limit)
    return sources_view(session, limit, offset)


@router.get("/sources/{source_id}", tags=["sources"])
def read_source(
    source_id: SourceId,
    lead_on: LeadOnDep,
    session: SessionDep,
    limit: Limit = 100,
    offset: Offset = 0,
) -> SourceView:
    """Return one source with its sections, and a stretch of its statements."""
    view = source_view(session, source_id, limit, offset)
    lead_on(view.claims + view.findings, offset + limit)
    return view


@router.get("/sources/{source_id}/text", tags=["sources"])
def read_source_text(
    source_id: SourceId, session: SessionDep, first: Ordinal = 0
) -> SourceTextView:
    """Return the text of a source from one section on, with its statements marked."""
    return source_text_view(session, source_id, first)


@router.get("/sources/{source_id}/candidates", tags=["sources"])
def read_candidates(
    source_id: SourceId,
    lead_on: LeadOnDep,
    session: SessionDep,
    limit: Limit = 50,
    offset: Offset = 0,
) -> CandidatesView:
    """Return what may be statements of a source and was not kept, the surest first."""
    view = candidates_view(session, source_id, limit, offset)
    lead_on(view.total, offset + limit)
    return view


@router.get("/search", tags=["search"])
def read_search(
    session: SessionDep,
    embedder_name: EmbedderNameDep,
    within: WithinDep,
    q: Words,
    limit: Limit = 20,
) -> SearchView:
    """Return the statements that answer a query, best first."""
    return search_view(session, q, embedder_name, limit, within)


@router.get("/runs", tags=["runs"])
def read_runs(
    lead_on: LeadOnDep,
    session: SessionDep,
    limit: Limit = 50,
    offset: Offset = 0,
) -> RunsView:
    """Return the runs, newest first; `Link` leads on, `X-Total-Count` says how many there are."""
    lead_on(count_runs(session), offset + limit)
    return runs_view(session, limit, offset)


@router.get("/runs/{run_id}", tags=["runs"])
def read_run(run_id: RunId, session: SessionDep) -> RunDetailView:
    """Return one run with its configuration."""
    return run_view(session, run_id)
