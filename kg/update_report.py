"""What an update reports: a module of its own, because reading it takes nothing to compute."""

from pydantic import BaseModel, ConfigDict


class UpdateReport(BaseModel):
    """What an update did to the active run of a method."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    run: int
    clustering_run: int
    method: str
    added: int
    removed: int
    moved: int
    """Statements that were in before and are with others now."""

    statements: int
    """In the run now."""

    communities_new: int
    communities_gone: int
    taken_back: int
    """Earlier updates that were undone instead of computing anything."""

    modularity_before: float
    """Of the top level; 0 for a graph without ties."""

    modularity: float
    changed: int
    """Statements that came or went since the full run."""

    loss: float | None
    """What a full run would gain, as last estimated; none if too little has changed to ask."""

    loss_at: int
    """How many had come or gone when it was estimated."""

    drifted: str
    """Why a full run is due; empty if none is."""

    seconds: float

    stages: dict[str, tuple[float, float]]
    """By stage: seconds of the processor and by the clock."""
