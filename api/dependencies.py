"""What a request needs: a session to read with, the artifacts, and the name of the embedder."""

from collections.abc import Callable, Iterator
from pathlib import Path as Folder
from typing import Annotated, NamedTuple

from fastapi import Depends, Path, Query, Request, Response
from pydantic import BeforeValidator
from sqlmodel import Session

from kg.db import LARGEST, reading
from kg.search import Within
from kg.tables import Stance, StatementKind

_OR_ALL = BeforeValidator(lambda chosen: chosen or None)
"""A form sends an empty value where nothing is chosen."""


def _session(request: Request) -> Iterator[Session]:
    with reading(request.app.state.engine) as session:
        yield session


def _embedder_name(request: Request) -> str | None:
    name = request.app.state.embedder_name
    assert name is None or isinstance(name, str)
    return name


def _artifacts(request: Request) -> Folder:
    folder = request.app.state.artifacts
    assert isinstance(folder, Folder)
    return folder


def _lead_on(request: Request, response: Response) -> Callable[[int, int], None]:
    """Return what says how long a list is, and from where it goes on (RFC 8288)."""

    def lead_on(total: int, next_offset: int) -> None:
        response.headers["X-Total-Count"] = str(total)
        if next_offset < total:
            url = request.url.include_query_params(offset=next_offset)
            response.headers["Link"] = f'<{url.path}?{url.query}>; rel="next"'

    return lead_on


SessionDep = Annotated[Session, Depends(_session)]
EmbedderNameDep = Annotated[str | None, Depends(_embedder_name)]
LeadOnDep = Annotated[Callable[[int, int], None], Depends(_lead_on)]
ArtifactsDep = Annotated[Folder, Depends(_artifacts)]
RunId = Annotated[int, Path(ge=1, le=LARGEST, description="The number of a run.")]
CommunityId = Annotated[
    str, Path(description="Such as METHOD-runN-c0, or a permanent link, com_….")
]
StatementId = Annotated[str, Path(description="stm_…")]
SourceId = Annotated[str, Path(description="src_…")]
EvidenceId = Annotated[str, Path(description="evd_…")]
ConceptName = Annotated[str, Path(description="Name, alias or id, con_….")]
SubcomponentName = Annotated[str, Path(description="Such as linear1:3.")]
OneStance = Annotated[Stance | None, Query(description="Only what measurements say so of.")]
RunQuery = Annotated[int, Query(ge=1, le=LARGEST, description="A clustering run.")]
OtherRun = Annotated[
    int | None, Query(ge=1, le=LARGEST, description="This run, superseded or not.")
]
Limit = Annotated[int, Query(ge=1, le=200, description="Return at most this many.")]
Offset = Annotated[int, Query(ge=0, le=LARGEST, description="Leave out this many first.")]
Words = Annotated[str, Query(max_length=1000, description="Words, in any form.")]
Ordinal = Annotated[int, Query(ge=0, le=LARGEST, description="Begin with this section.")]
"""The arguments that several addresses share, with the bounds that the database can take."""


def _within(
    kind: Annotated[StatementKind | None, _OR_ALL, Query(description="Only these.")] = None,
    source: Annotated[str | None, _OR_ALL, Query(description="Only what this source says.")] = None,
) -> Within:
    return Within(kind, source)


class Asked(NamedTuple):
    """What a page of search is asked for."""

    query: str
    limit: int


def _asked(
    q: Words = "",
    limit: Limit = 20,
) -> Asked:
    return Asked(q, limit)


WithinDep = Annotated[Within, Depends(_within)]
AskedDep = Annotated[Asked, Depends(_asked)]
