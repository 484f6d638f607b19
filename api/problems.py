"""What went wrong, said in two forms: a problem (RFC 9457) under /api, a page elsewhere."""

import logging
from http import HTTPStatus
from typing import Any, Self

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DatabaseError as SqlError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from api.headers import HEADERS
from api.templating import templates
from api.views.view import View
from kg.db import failure_of
from kg.errors import DatabaseError, KnowledgeGraphError, NotFoundError

_log = logging.getLogger(__name__)

_STATUS: dict[type[KnowledgeGraphError], int] = {NotFoundError: 404, DatabaseError: 503}


class Problem(View):
    """Why a request was not answered, after RFC 9457."""

    type: str
    """`urn:claimgraph:` and the kind of problem."""

    title: str
    """The status in words."""

    status: int
    detail: str
    """What is wrong with this request, and what to do."""

    @classmethod
    def of(cls, status: int, kind: str, detail: str) -> Self:
        """Return a problem with the title that belongs to its status."""
        title = HTTPStatus(status).phrase
        return cls(type=f"urn:claimgraph:{kind}", title=title, status=status, detail=detail)


PROBLEM_RESPONSES: dict[int | str, dict[str, Any]] = {
    "default": {
        "description": "A problem, after RFC 9457.",
        "content": {"application/problem+json": {"schema": Problem.model_json_schema()}},
    }
}
"""For OpenAPI: what every address answers when it cannot."""


def add_problem_handlers(app: FastAPI) -> None:
    """Have the application answer every error in one of the two forms."""
    app.add_exception_handler(KnowledgeGraphError, _show_ours)
    app.add_exception_handler(RequestValidationError, _show_invalid)
    app.add_exception_handler(HTTPException, _show_http)
    app.add_exception_handler(SqlError, _show_database)
    app.add_exception_handler(Exception, _show_unexpected)


def problem_json(problem: Problem, headers: dict[str, str] | None = None) -> Response:
    """Return a problem as JSON."""
    return JSONResponse(
        problem.model_dump(),
        problem.status,
        headers=headers,
        media_type="application/problem+json",
    )


def _answer(request: Request, problem: Problem, headers: dict[str, str] | None = None) -> Response:
    path = request.url.path
    if path == "/api" or path.startswith("/api/"):
        return problem_json(problem, headers)
    return templates.TemplateResponse(
        request, "error.html", {"problem": problem}, status_code=problem.status, headers=headers
    )


def _show_ours(request: Request, error: Exception) -> Response:
    status = next((code for kind, code in _STATUS.items() if isinstance(error, kind)), 400)
    kind = type(error).__name__.removesuffix("Error").lower()
    return _answer(request, Problem.of(status, kind, str(error)))


def _show_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    details = [
        f"{'.'.join(str(part) for part in wrong['loc'][1:])}: {wrong['msg']}"
        for wrong in error.errors()
    ]
    return _answer(request, Problem.of(422, "invalid", "; ".join(details)))


def _show_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    detail, headers = error.detail, dict(error.headers or {})
    if error.status_code == HTTPStatus.NOT_FOUND:
        detail = f"there is no page at {request.url.path}"
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        detail = "everything here only reads, by GET and HEAD; what is written, commands write"
        headers["Allow"] = "GET, HEAD"
    problem = Problem.of(error.status_code, "http", detail)
    return _answer(request, problem, headers)


def _show_database(request: Request, error: Exception) -> Response:
    assert isinstance(error, SqlError)
    _log.error("the database cannot be read: %s", error.orig)
    return _answer(request, Problem.of(503, "database", failure_of(error)))


def _show_unexpected(request: Request, error: Exception) -> Response:
    _log.error("%s: %s", type(error).__name__, error, exc_info=error)
    detail = "claimgraph has made a mistake; the server's log says which"
    problem = Problem.of(500, "unexpected", detail)
    return _answer(request, problem, HEADERS)  # this answer is made outside the guard
