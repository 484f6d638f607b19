"""Where things are: the only place that reads the environment."""

from pathlib import Path

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy.engine import make_url

from kg.errors import ConfigError

DEFAULT_METHOD = "leiden_hybrid_concepts"
"""The clustering method that is meant where none is named."""


class Settings(BaseSettings):
    """Settings from the environment; options of the command line come first.

    Raises:
        ConfigError: One of them is not what it has to be.
    """

    model_config = SettingsConfigDict(env_prefix="CLAIMGRAPH_", use_attribute_docstrings=True)

    db: str = "claimgraph.db"
    """`CLAIMGRAPH_DB`: path or SQLAlchemy URL of the database."""

    embedder: str = "minilm"
    """`CLAIMGRAPH_EMBEDDER`: `minilm`, or a sentence-transformers model by folder or name."""

    model: str | None = None
    """`CLAIMGRAPH_MODEL`: the language model, such as `anthropic:NAME`, `openai:NAME` (any server
    that speaks like OpenAI's), `ollama:NAME`. None: commands that need one ask for it."""

    model_url: str | None = None
    """`CLAIMGRAPH_MODEL_URL`: where it is served, if not at its usual place."""

    model_key: SecretStr = SecretStr("")
    """`CLAIMGRAPH_MODEL_KEY`: its key. It is sent to the server and never stored or shown."""

    model_timeout: float = Field(default=60, gt=0)
    """`CLAIMGRAPH_MODEL_TIMEOUT`: seconds that it may take for one answer."""

    model_max_tokens: int = Field(default=2048, ge=1)
    """`CLAIMGRAPH_MODEL_MAX_TOKENS`: that one answer of it may have."""

    model_tool_calls: bool = False
    """`CLAIMGRAPH_MODEL_TOOL_CALLS`: 1 for a server that takes no JSON schema as the form of an
    answer, but tool calls."""

    def __init__(self) -> None:
        try:
            super().__init__()
        except ValidationError as error:
            wrong = error.errors()[0]
            name = f"CLAIMGRAPH_{wrong['loc'][0]}".upper()
            raise ConfigError(f"{name} is {wrong['input']!r}: {wrong['msg']}") from error


def artifacts_of(database: str) -> Path:
    """Return the folder beside a database that holds its tensors.

    For `library.db` it is `library.artifacts`; an in-memory database has one in the current
    folder.
    """
    file = make_url(database).database if "://" in database else database
    return Path(file or "claimgraph.db").with_suffix(".artifacts")


def replies_of(database: str) -> Path | None:
    """Return the file beside a database that keeps what a language model answered.

    For `library.db` it is `library.replies.jsonl`; an in-memory database has none.
    """
    file = make_url(database).database if "://" in database else database
    return Path(file).with_suffix(".replies.jsonl") if file and file != ":memory:" else None
