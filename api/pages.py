"""The pages for people: the same views as `api.routes`, through a template."""

from collections.abc import Mapping, Sequence
from typing import Annotated, NamedTuple
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from sqlmodel import Session

from api.attribution_picture import draw_attributions
from api.dependencies import (
    ArtifactsDep,
    AskedDep,
    CommunityId,
    ConceptName,
    EmbedderNameDep,
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
    SubcomponentName,
    WithinDep,
)
from api.intervals import IntervalRow, interval_rows
from api.layout import N_COLOURS, draw
from api.map_picture import MapPicture, draw_map
from api.marking import pieces_of
from api.reconstructions import reconstructions
from api.settings import DEFAULT_METHOD
from api.spectrum import MARKS, spectra
from api.templating import templates
from api.views.candidates import candidates_view
from api.views.canonical import repeats_view
from api.views.changes import changes_view, comparison_view
from api.views.communities import CommunityItem, communities_view, community_view
from api.views.concepts import concept_view, concepts_view
from api.views.crossings import run_bridges_view
from api.views.decisions import decisions_view
from api.views.decompositions import (
    analysis_of_run,
    decomposition_of_run,
    profile_view,
)
from api.views.evidence import LedgerView, count_tested, ledgers_view, waiting_view
from api.views.map import maps_of
from api.views.overview import overview_of
from api.views.runs import count_runs, run_view, runs_view
from api.views.seams import run_seams_view, seams_view
from api.views.search import SearchView, search_view, source_named
from api.views.sources import count_sources, place_of, source_text_view, source_view, sources_view
from api.views.statements import StatementView, statement_view
from kg.connectors import TopReader
from kg.tables import Stance

router = APIRouter(default_response_class=HTMLResponse, include_in_schema=False)


N_CANDIDATES = 200
"""Sentences that were not kept, on a source's page."""


class Branch(NamedTuple):
    """A community with those below it."""

    community: CommunityItem
    branches: list["Branch"]


class Stretch(NamedTuple):
    """Which part of a list a page shows."""

    total: int
    limit: int
    offset: int


@router.get("/")
def overview_page(request: Request, session: SessionDep) -> HTMLResponse:
    """Show what `GET /api/overview` returns, and the map of one method."""
    communities = communities_view(session).root
    view = overview_of(session, communities)
    names = [method.method for method in view.methods]
    mapped = DEFAULT_METHOD if DEFAULT_METHOD in names else next(iter(names), None)
    drawn = _maps(session, [each for each in communities if each.method == mapped])
    picture = drawn.get(mapped) if mapped else None
    return _page(request, "overview.html", overview=view, mapped=mapped, picture=picture)


@router.get("/communities")
def communities_page(
    request: Request,
    session: SessionDep,
    method: Annotated[str | None, Query()] = None,
    run: OtherRun = None,
) -> HTMLResponse:
    """Show what `GET /api/communities` and `GET /api/map` return."""
    trees: dict[str, list[CommunityItem]] = {}
    communities = communities_view(session, method, run).root
    for community in communities:
        trees.setdefault(community.method, []).append(community)
    branches = {name: branches_of(tree) for name, tree in trees.items()}
    return _page(
        request,
        "communities.html",
        trees=branches,
        maps=_maps(session, communities),
        run=run and run_view(session, run),
    )


@router.get("/changes")
def changes_page(
    request: Request,
    session: SessionDep,
    method: Annotated[str | None, Query()] = None,
    limit: Limit = 100,
) -> HTMLResponse:
    """Show what `GET /api/changes` returns."""
    return _page(request, "changes.html", changes=changes_view(session, method, limit).root)


@router.get("/compare")
def comparison_page(
    request: Request, session: SessionDep, before: RunQuery, after: RunQuery, limit: Limit = 100
) -> HTMLResponse:
    """Show what `GET /api/compare` returns."""
    view = comparison_view(session, before, after, limit)
    return _page(request, "comparison.html", comparison=view)


@router.get("/communities/{community_id}")
def community_page(
    request: Request, community_id: CommunityId, session: SessionDep
) -> HTMLResponse:
    """Show what `GET /api/communities/{community_id}` returns."""
    view = community_view(session, community_id)
    texts = {row.id: row for row in (*view.claims, *view.findings)}
    picture = draw(view)
    colours = {
        node.statement.id: f"colour-{node.colour}"
        for node in picture.nodes
        if node.colour is not None
    }
    return _page(
        request,
        "community.html",
        community=view,
        seams=seams_view(session, view.id, limit=5),
        picture=picture,
        texts=texts,
        colours=colours,
        n_colours=N_COLOURS,
    )


@router.get("/bridges")
def bridges_page(request: Request, session: SessionDep, limit: Limit = 10) -> HTMLResponse:
    """Show what `GET /api/bridges` returns."""
    return _page(request, "bridges.html", pairs=run_bridges_view(session, limit).root, limit=limit)


@router.get("/seams")
def seams_page(
    request: Request,
    session: SessionDep,
    method: Annotated[str | None, Query()] = None,
    limit: Limit = 10,
) -> HTMLResponse:
    """Show what `GET /api/seams` and `GET /api/map` return."""
    readers: dict[int, TopReader] = {}
    runs = run_seams_view(session, method, limit, readers).root
    maps = _maps(session, communities_view(session, method).root, readers)
    return _page(request, "seams.html", runs=runs, maps=maps)


@router.get("/concepts")
def concepts_page(
    request: Request,
    session: SessionDep,
    statement: Annotated[str | None, Query()] = None,
    limit: Limit = 100,
) -> HTMLResponse:
    """Show what `GET /api/concepts` returns."""
    concepts = concepts_view(session, None, limit, statement).root
    asked = {"limit": limit} | ({"statement": statement} if statement else {})
    return _page(request, "concepts.html", concepts=concepts, statement=statement, asked=asked)


@router.get("/concepts/{name}")
def concept_page(request: Request, name: ConceptName, session: SessionDep) -> HTMLResponse:
    """Show what `GET /api/concepts/{name}` returns."""
    return _page(request, "concept.html", concept=concept_view(session, name))


@router.get("/duplicates")
def duplicates_page(request: Request, session: SessionDep, limit: Limit = 50) -> HTMLResponse:
    """Show what `GET /api/duplicates` and `GET /api/decisions` return."""
    found, log = repeats_view(session, limit=limit), decisions_view(session)
    return _page(request, "duplicates.html", found=found, log=log, limit=limit)


@router.get("/statements/{statement_id}")
def statement_page(
    request: Request, statement_id: StatementId, session: SessionDep
) -> HTMLResponse:
    """Show what `GET /api/statements/{statement_id}` returns."""
    view = statement_view(session, statement_id)
    return _page(request, "statement.html", statement=view, intervals=_intervals([view]))


@router.get("/evidence")
def evidence_page(
    request: Request,
    session: SessionDep,
    stance: OneStance = None,
    limit: Limit = 50,
    offset: Offset = 0,
) -> HTMLResponse:
    """Show what `GET /api/evidence` returns."""
    ledgers = ledgers_view(session, stance, limit, offset).root
    tested = {each: count_tested(session, each) for each in (None, *Stance)}
    return _page(
        request,
        "evidence.html",
        ledgers=ledgers,
        waiting=waiting_view(session).root,
        intervals=_intervals(ledgers),
        stance=stance,
        tested=tested,
        stretch=Stretch(tested[stance], limit, offset),
    )


@router.get("/sources")
def sources_page(
    request: Request, session: SessionDep, limit: Limit = 50, offset: Offset = 0
) -> HTMLResponse:
    """Show what `GET /api/sources` returns."""
    return _page(
        request,
        "sources.html",
        sources=sources_view(session, limit, offset).root,
        stretch=Stretch(count_sources(session), limit, offset),
    )


@router.get("/sources/{source_id}")
def source_page(  # noqa: PLR0913 - which source, and which stretches of its two lists
    request: Request,
    source_id: SourceId,
    session: SessionDep,
    first: Ordinal = 0,
    limit: Limit = 100,
    offset: Offset = 0,
) -> HTMLResponse:
    """Show what `GET /api/sources/{source_id}` and its `/text` return."""
    text = source_text_view(session, source_id, first)
    source = source_view(session, source_id, limit, offset)
    return _page(
        request,
        "source.html",
        source=source,
        stretch=Stretch(source.claims + source.findings, limit, offset),
        candidates=candidates_view(session, source_id, N_CANDIDATES),
        text=text,
        pieces={section.id: pieces_of(section.text, section.marks) for section in text.sections},
    )


@router.get("/places/{mention_id}")
def place_page(mention_id: str, session: SessionDep) -> RedirectResponse:
    """Lead to a mention in the text of its source."""
    place = place_of(session, mention_id)
    stretch = f"?first={place.first}" if place.first else ""
    return RedirectResponse(f"/sources/{quote(place.source_id)}{stretch}#{quote(mention_id)}", 303)


@router.get("/search")
def search_page(
    request: Request,
    session: SessionDep,
    embedder_name: EmbedderNameDep,
    within: WithinDep,
    asked: AskedDep,
) -> HTMLResponse:
    """Show what `GET /api/search` returns."""
    if asked.query.strip():
        found = search_view(session, asked.query, embedder_name, asked.limit, within)
    else:
        source = source_named(session, within.source)
        found = SearchView(query="", kind=within.kind, source=source, hits=[], notice="")
    return _page(request, "search.html", found=found, limit=asked.limit)


@router.get("/runs")
def runs_page(
    request: Request, session: SessionDep, limit: Limit = 50, offset: Offset = 0
) -> HTMLResponse:
    """Show what `GET /api/runs` returns."""
    return _page(
        request,
        "runs.html",
        runs=runs_view(session, limit, offset).root,
        stretch=Stretch(count_runs(session), limit, offset),
    )


@router.get("/runs/{run_id}")
def run_page(
    request: Request, run_id: RunId, session: SessionDep, artifacts: ArtifactsDep
) -> HTMLResponse:
    """Show what `GET /api/runs/{run_id}` returns, with its `/decomposition` or `/graph`."""
    made = analysis_of_run(session, artifacts, run_id)
    decomposition = decomposition_of_run(session, artifacts, run_id)
    return _page(
        request,
        "run.html",
        run=run_view(session, run_id),
        decomposition=decomposition,
        spectra=spectra(decomposition.subcomponents) if decomposition else [],
        marks=MARKS,
        errors=reconstructions(decomposition.metrics) if decomposition else None,
        graph=made.graph and made.graph.graph,
        picture=made.graph and draw_attributions(made.graph.graph),
        edit=made.edit,
        dictionaries=made.dictionaries,
    )


@router.get("/runs/{run_id}/subcomponents/{name}")
def subcomponent_page(
    request: Request,
    run_id: RunId,
    name: SubcomponentName,
    session: SessionDep,
    artifacts: ArtifactsDep,
) -> HTMLResponse:
    """Show what `GET /api/runs/{run_id}/subcomponents/{name}` returns."""
    view = profile_view(session, artifacts, run_id, name)
    return _page(request, "subcomponent.html", view=view)


def branches_of(communities: list[CommunityItem]) -> list[Branch]:
    """Return the tree that a depth-first list of communities describes."""
    branches = {community.id: Branch(community, []) for community in communities}
    for community in communities:
        if community.parent is not None:
            branches[community.parent].branches.append(branches[community.id])
    return [branches[c.id] for c in communities if c.parent is None]


def _intervals(ledgers: Sequence[LedgerView | StatementView]) -> dict[str, list[IntervalRow]]:
    """Return the pictures of all measurements, by evidence."""
    return {entry.id: interval_rows(entry) for each in ledgers for entry in each.evidence}


def _maps(
    session: Session,
    communities: Sequence[CommunityItem],
    readers: Mapping[int, TopReader] | None = None,
) -> dict[str, MapPicture]:
    """Return the picture of the map of each run, by method."""
    return {each.method: draw_map(each) for each in maps_of(session, communities, readers).root}


def _page(request: Request, template: str, **context: object) -> HTMLResponse:
    return templates.TemplateResponse(request, template, context)
