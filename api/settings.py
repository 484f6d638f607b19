"""Where things are: the only place that reads the environment."""

from pathlib import Path

from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy.engine import make_url


class Settings(BaseSettings):
    """Settings from the environment; options of the command line come first."""

    model_config = SettingsConfigDict(env_prefix="CLAIMGRAPH_", use_attribute_docstrings=True)

    db: str = "claimgraph.db"
    """`CLAIMGRAPH_DB`: path or SQLAlchemy URL of the database."""

    embedder: str = "minilm"
    """`CLAIMGRAPH_EMBEDDER`: `minilm`, or a sentence-transformers model by folder or name."""


def artifacts_of(database: str) -> Path:
    """Return the folder beside a database that holds its tensors.

    For `library.db` it is `library.artifacts`; an in-memory database has one in the current
    folder.
    """
    file = make_url(database).database if "://" in database else database
    return Path(file or "claimgraph.db").with_suffix(".artifacts")
