"""REST: decompositions and what was found out about them. All of it only reads."""

from fastapi import APIRouter

from api.dependencies import ArtifactsDep, RunId, SessionDep, SubcomponentName
from api.problems import PROBLEM_RESPONSES
from api.views.decompositions import (
    DecompositionDetailView,
    DictionariesView,
    EditView,
    GraphView,
    HarvestView,
    ProfileView,
    decomposition_view,
    dictionaries_view,
    edit_view,
    graph_view,
    harvest_view,
    profile_view,
)

router = APIRouter(prefix="/api/runs", tags=["decompositions"], responses=PROBLEM_RESPONSES)


@router.get("/{run_id}/decomposition")
def read_decomposition(
    run_id: RunId, session: SessionDep, artifacts: ArtifactsDep
) -> DecompositionDetailView:
    """Return the subcomponents of a decomposition, and what was found out about them."""
    return decomposition_view(session, artifacts, run_id)


@router.get("/{run_id}/harvest")
def read_harvest(run_id: RunId, session: SessionDep, artifacts: ArtifactsDep) -> HarvestView:
    """Return what every subcomponent of a decomposition does on the data."""
    return harvest_view(session, artifacts, run_id)


@router.get("/{run_id}/subcomponents/{name}")
def read_profile(
    run_id: RunId, name: SubcomponentName, session: SessionDep, artifacts: ArtifactsDep
) -> ProfileView:
    """Return what one subcomponent of a decomposition does on the data."""
    return profile_view(session, artifacts, run_id, name)


@router.get("/{run_id}/edit")
def read_edit(run_id: RunId, session: SessionDep, artifacts: ArtifactsDep) -> EditView:
    """Return the edit that a run made, with what it does on and off target."""
    return edit_view(session, artifacts, run_id)


@router.get("/{run_id}/dictionaries")
def read_dictionaries(
    run_id: RunId, session: SessionDep, artifacts: ArtifactsDep
) -> DictionariesView:
    """Return dictionaries beside a decomposition, as a run trained them."""
    return dictionaries_view(session, artifacts, run_id)


@router.get("/{run_id}/graph")
def read_graph(run_id: RunId, session: SessionDep, artifacts: ArtifactsDep) -> GraphView:
    """Return the attribution graph that a run drew, with the ablations that checked it."""
    return graph_view(session, artifacts, run_id)
