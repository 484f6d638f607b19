"""The web application: REST, pages and static files over one database."""

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from fastapi import FastAPI
from sqlalchemy import Engine
from starlette.staticfiles import StaticFiles

from api import decomposition_routes, pages, routes
from api.guard import Guard
from api.problems import add_problem_handlers
from api.settings import artifacts_of

_STATIC = Path(__file__).parent / "static"


def create_app(
    engine: Engine, embedder_name: str | None = None, artifacts: Path | None = None
) -> FastAPI:
    """Return the application on this database; tests pass an in-memory one.

    Args:
        engine: The database to read.
        embedder_name: What search embeds queries with; opened at the first search. Without
            one, search goes by words alone.
        artifacts: Where tensors and reports are; the folder beside the database if it is not said.
    """
    app = FastAPI(
        title="claimgraph",
        description="What interpretability research says, and what experiments say back.",
        version=_version(),
        openapi_url="/api/openapi.json",
        docs_url=None,  # their pages load scripts from elsewhere
        redoc_url=None,
    )
    app.state.engine = engine
    app.state.embedder_name = embedder_name
    app.state.artifacts = artifacts or artifacts_of(str(engine.url))
    app.include_router(routes.router)
    app.include_router(decomposition_routes.router)
    app.include_router(pages.router)
    app.mount("/static", StaticFiles(directory=_STATIC), name="static")
    app.add_middleware(Guard)
    add_problem_handlers(app)
    return app


def _version() -> str:
    try:
        return version("claimgraph")
    except PackageNotFoundError:
        return "0"
