"""What all commands share: their options, and the way from an option to an open database."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Annotated, Any

import typer
from sqlalchemy import Engine
from sqlmodel import Session

from api.settings import Settings
from kg.db import LARGEST, open_engine, reading
from kg.errors import ConfigError
from kg.language_model import ModelConfig
from kg.runs import close_abandoned

Database = Annotated[
    str | None,
    typer.Option(
        "--db", help="Database: a path or SQLAlchemy URL. Default: $CLAIMGRAPH_DB, claimgraph.db."
    ),
]
ModelName = Annotated[
    str | None, typer.Option(help="provider:name, where one is asked. Default: $CLAIMGRAPH_MODEL.")
]
Budget = Annotated[
    int | None, typer.Option(min=0, help="Tokens that may be spent. Default: any number.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
Seed = Annotated[int, typer.Option(min=0, max=LARGEST, help="Seed of everything random.")]


def signed(name: str) -> str:
    """Return the name of who says something; there has to be one."""
    if not name.strip():
        raise typer.BadParameter("a name, please, such as person")
    return name.strip()


def setting(text: str) -> tuple[str, Any]:
    """Return the name and the value of a setting; whose it is checks what value it is.

    Raises:
        ConfigError: It is not of the form NAME=VALUE.
    """
    name, is_there, value = text.partition("=")
    if not is_there:
        raise ConfigError(f"{text!r} changes nothing; say NAME=VALUE, as in steps=500")
    try:
        return name, json.loads(value)
    except json.JSONDecodeError:
        return name, value


named: ContextVar[str | None] = ContextVar("named", default=None)
"""The database that was named before the command, as in `claimgraph --db FILE runs`."""


def database_of(db: str | None) -> str:
    """Return the database's name: the command's option, the program's, the environment's."""
    return db or named.get() or Settings().db


def engine_of(db: str | None, *, create: bool = False) -> Engine:
    """Open the database that is meant, and close the runs of processes that died."""
    engine = open_engine(database_of(db), create=create)
    close_abandoned(engine)
    return engine


@contextmanager
def session_of(db: str | None) -> Iterator[Session]:
    """Open the database that is meant, for reading."""
    with reading(engine_of(db)) as session:
        yield session


def processors() -> int:
    """Return how many processors this process may use."""
    allowed = getattr(os, "sched_getaffinity", None)
    return len(allowed(0)) if allowed else os.cpu_count() or 1


def model_config(name: str | None) -> ModelConfig | None:
    """Return the language model that is meant by the option or the environment, if one is."""
    settings = Settings()
    chosen = name or settings.model
    if not chosen:
        return None
    return ModelConfig(
        name=chosen,
        url=settings.model_url,
        key=settings.model_key,
        timeout=settings.model_timeout,
        max_tokens=settings.model_max_tokens,
        tool_calls=settings.model_tool_calls,
    )
