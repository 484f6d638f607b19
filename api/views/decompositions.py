"""A decomposition: its subcomponents, and what analyses found out about them."""

from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from pydantic import ValidationError
from sqlmodel import Session

from api.views.reports import SweepTrial
from api.views.view import View
from decomposition.reports import (
    AttributionGraph,
    Components,
    DictionaryComparison,
    EditReport,
    Harvest,
    HeatMap,
    Profile,
    Report,
)
from kg.errors import NotFoundError
from kg.evidence import Analysis, analyses_of, subcomponents_of
from kg.runs import run_of, succeeded_run
from kg.tables import RunKind, RunStatus, Subcomponent

N_WORDS = 3
"""Symbols that stand beside a subcomponent in a list."""

R = TypeVar("R", bound=Report)


class SubcomponentItem(View):
    """A rank-one part of one weight matrix."""

    id: str
    """The matrix and the index, as in `linear1:3`."""

    matrix: str
    index: int
    mean_importance: float
    """Mean causal importance over the target's data, in [0, 1]."""

    is_alive: bool
    norm: float
    """Frobenius norm of the rank-one matrix."""

    top_inputs: list[str]
    """Where it matters most, in the target's terms."""

    reads: list[str]
    """What stands where it acts more often than by chance; empty where nothing was harvested."""

    writes: list[str]
    """What the model puts out there more than elsewhere; likewise."""


class ComponentsView(View):
    """Which subcomponents act together."""

    run: int
    """The run that grouped them."""

    config: dict[str, Any]
    found: Components


class HarvestView(View):
    """What the subcomponents of a decomposition do on the data."""

    run: int
    """The run that looked."""

    config: dict[str, Any]
    found: Harvest


class HeatView(View):
    """Mean importances by symbol, as the latest harvest found them."""

    run: int
    positions: int
    heat: HeatMap


class ProfileView(View):
    """What one subcomponent does on the data."""

    run: int
    """The run that looked."""

    decomposition: int
    profile: Profile


class ExportedView(View):
    """A decomposition as it was written for other programs."""

    run: int
    files: list[str]


class EditView(View):
    """An edit of a target's weights."""

    run: int
    decomposition: int
    file: str
    """Where the differences of the parameters are, in the folder of artifacts."""

    found: EditReport


class DictionariesView(View):
    """Dictionaries beside a decomposition, in several sizes."""

    run: int
    decomposition: int
    found: DictionaryComparison


class GraphItem(View):
    """An attribution graph, as the page of its decomposition lists it."""

    run: int
    """The run that drew it."""

    config: dict[str, Any]
    """What it was drawn of, and how."""


class GraphView(View):
    """What acts on what in one input."""

    run: int
    decomposition: int
    """The run of the decomposition whose subcomponents are nodes."""

    graph: AttributionGraph


class DecompositionDetailView(View):
    """A decomposition with all that was found out about it."""

    run: int
    target: str
    seed: int | None
    metrics: dict[str, float]
    sweep: list[SweepTrial]
    """What was tried to choose the cost of importances; empty where it was given."""

    subcomponents: list[SubcomponentItem]
    """By matrix and index."""

    components: ComponentsView | None
    """The latest grouping; None where nobody has asked for one."""

    harvest: HeatView | None
    """None where nobody has harvested."""

    graphs: list[GraphItem]
    """Attribution graphs of single inputs, oldest first."""


def decomposition_view(session: Session, artifacts: Path, run_id: int) -> DecompositionDetailView:
    """Return a decomposition with the latest of each kind of analysis.

    Raises:
        NotFoundError: No run has this number, or a file is lost.
        ConfigError: It is no decomposition, or did not succeed.
    """
    run = succeeded_run(session, run_id, RunKind.DECOMPOSITION, ", not a decomposition")
    analyses = analyses_of(session, run_id)
    latest = {analysis.run.method: analysis for analysis in analyses}
    found = _harvest(latest.get("harvest"), artifacts)
    profiles = {profile.id: profile for profile in found.found.profiles} if found else {}
    return DecompositionDetailView(
        run=run_id,
        target=run.result["target"],
        seed=run.seed,
        metrics=run.result["metrics"],
        sweep=[SweepTrial(**trial) for trial in run.result.get("sweep", [])],
        subcomponents=[
            _item(part, profiles.get(f"{part.matrix}:{part.index}"))
            for part in subcomponents_of(session, run_id)
        ],
        harvest=found
        and HeatView(run=found.run, positions=found.found.positions, heat=found.found.heat),
        components=_components(latest.get("components"), artifacts),
        graphs=[
            GraphItem(run=analysis.run.id or 0, config=analysis.run.config)
            for analysis in analyses
            if analysis.run.method == "attribution"
        ],
    )


def decomposition_of_run(
    session: Session, artifacts: Path, run_id: int
) -> DecompositionDetailView | None:
    """Return what `decomposition_view` does, or None of a run that made no decomposition.

    Raises:
        NotFoundError: No run has this number, or a file is lost.
    """
    run = run_of(session, run_id)
    if run.kind is not RunKind.DECOMPOSITION or run.status is not RunStatus.SUCCEEDED:
        return None
    return decomposition_view(session, artifacts, run_id)


def components_view(session: Session, artifacts: Path, run_id: int) -> ComponentsView:
    """Return the latest grouping of a decomposition's subcomponents.

    Raises:
        NotFoundError: Nobody has asked for one, or its file is lost.
        ConfigError: It is no decomposition, or did not succeed.
    """
    succeeded_run(session, run_id, RunKind.DECOMPOSITION, ", not a decomposition")
    latest = {analysis.run.method: analysis for analysis in analyses_of(session, run_id)}
    found = _components(latest.get("components"), artifacts)
    if found is None:
        raise NotFoundError(f"run `claimgraph components {run_id}` first")
    return found


def harvest_view(session: Session, artifacts: Path, run_id: int) -> HarvestView:
    """Return the latest harvest of a decomposition.

    Raises:
        NotFoundError: Nobody has harvested, or the file is lost.
        ConfigError: It is no decomposition, or did not succeed.
    """
    succeeded_run(session, run_id, RunKind.DECOMPOSITION, ", not a decomposition")
    latest = {analysis.run.method: analysis for analysis in analyses_of(session, run_id)}
    found = _harvest(latest.get("harvest"), artifacts)
    if found is None:
        raise NotFoundError(f"run `claimgraph harvest {run_id}` first")
    return found


def profile_view(session: Session, artifacts: Path, run_id: int, name: str) -> ProfileView:
    """Return what the latest harvest found of one subcomponent.

    Raises:
        NotFoundError: Nobody has harvested, or it never acted, or there is no such subcomponent.
        ConfigError: The run is no decomposition, or did not succeed.
    """
    harvested = harvest_view(session, artifacts, run_id)
    for profile in harvested.found.profiles:
        if profile.id == name:
            return ProfileView(run=harvested.run, decomposition=run_id, profile=profile)
    raise NotFoundError(
        f"the harvest of run {run_id} (run {harvested.run}) has no subcomponent {name!r} that "
        f"acts anywhere: `claimgraph decomposition {run_id}` lists those that do"
    )


def graph_view(session: Session, artifacts: Path, run_id: int) -> GraphView:
    """Return an attribution graph, by the run that drew it.

    Raises:
        NotFoundError: No run has this number, or it drew none, or its file is lost.
    """
    decomposition, analysis = _made_by(session, run_id, "attribution", "drew no attribution graph")
    graph = read_report(analysis, artifacts, AttributionGraph)
    return GraphView(run=run_id, decomposition=decomposition, graph=graph)


def edit_view(session: Session, artifacts: Path, run_id: int) -> EditView:
    """Return an edit, by the run that made it.

    Raises:
        NotFoundError: No run has this number, or it made none, or its file is lost.
    """
    decomposition, analysis = _made_by(session, run_id, "edit", "made no edit")
    (file,) = [file for file in analysis.files if file.endswith(".safetensors")]
    found = read_report(analysis, artifacts, EditReport)
    return EditView(run=run_id, decomposition=decomposition, file=file, found=found)


def dictionaries_view(session: Session, artifacts: Path, run_id: int) -> DictionariesView:
    """Return a comparison with dictionaries, by the run that made it.

    Raises:
        NotFoundError: No run has this number, or it made none, or its file is lost.
    """
    decomposition, analysis = _made_by(session, run_id, "dictionaries", "trained no dictionaries")
    found = read_report(analysis, artifacts, DictionaryComparison)
    return DictionariesView(run=run_id, decomposition=decomposition, found=found)


_COMMANDS = {"attribution": "attribute", "edit": "edit", "dictionaries": "dictionaries"}
"""Which command makes the analyses of a method."""


def _made_by(session: Session, run_id: int, method: str, lacks: str) -> tuple[int, Analysis]:
    """Return which decomposition a run analysed by a method, and the analysis."""
    run = run_of(session, run_id)
    decomposition = run.result.get("decomposition")
    if run.method != method or decomposition is None:
        raise NotFoundError(f"run {run_id} {lacks}: `claimgraph {_COMMANDS[method]}` does")
    (analysis,) = [a for a in analyses_of(session, decomposition) if a.run.id == run_id]
    return decomposition, analysis


class AnalysisViews(NamedTuple):
    """What a run made, if it is an analysis of one of these kinds and succeeded."""

    graph: GraphView | None = None
    edit: EditView | None = None
    dictionaries: DictionariesView | None = None


def analysis_of_run(session: Session, artifacts: Path, run_id: int) -> AnalysisViews:
    """Return what a run made, or nothing of a run that made none of these.

    Raises:
        NotFoundError: No run has this number, or a file is lost.
    """
    run = run_of(session, run_id)
    if run.status is not RunStatus.SUCCEEDED:
        return AnalysisViews()
    match run.method:
        case "attribution":
            return AnalysisViews(graph=graph_view(session, artifacts, run_id))
        case "edit":
            return AnalysisViews(edit=edit_view(session, artifacts, run_id))
        case "dictionaries":
            return AnalysisViews(dictionaries=dictionaries_view(session, artifacts, run_id))
    return AnalysisViews()


def read_report(analysis: Analysis, artifacts: Path, report: type[R]) -> R:
    """Read what an analysis has stored.

    Raises:
        NotFoundError: The file is lost or damaged.
    """
    name = f"{analysis.run.method}.json"
    (path,) = [artifacts / file for file in analysis.files if Path(file).name == name]
    try:
        return report.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, ValidationError) as error:
        raise NotFoundError(f"run {analysis.run.id} has lost its file {path}: {error}") from error


def _item(part: Subcomponent, profile: Profile | None) -> SubcomponentItem:
    fields = set(SubcomponentItem.model_fields) - {"id", "reads", "writes"}
    return SubcomponentItem(
        id=f"{part.matrix}:{part.index}",
        **part.model_dump(include=fields),
        reads=[symbol.word for symbol in profile.reads[:N_WORDS]] if profile else [],
        writes=[symbol.word for symbol in profile.writes[:N_WORDS]] if profile else [],
    )


def _harvest(analysis: Analysis | None, artifacts: Path) -> HarvestView | None:
    if analysis is None:
        return None
    found = read_report(analysis, artifacts, Harvest)
    return HarvestView(run=analysis.run.id or 0, config=analysis.run.config, found=found)


def _components(analysis: Analysis | None, artifacts: Path) -> ComponentsView | None:
    if analysis is None:
        return None
    found = read_report(analysis, artifacts, Components)
    return ComponentsView(run=analysis.run.id or 0, config=analysis.run.config, found=found)
