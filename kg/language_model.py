"""The one door to a language model: what is asked, what is kept, and what it may cost.

`LanguageModel.complete` sends a prompt and a material and returns an object of the schema that
was asked for, or raises. Every reply is kept in a file of JSON lines under the SHA-256 of
everything that decides it: the model's name, the prompt's text, the schema, the material. What
was asked before is answered from the file, so an interrupted run goes on where it stopped, the
same run gives the same rows, and a test replays a recording without a network: a recording is
such a file, and a `LanguageModel` without a provider knows nothing else.

The prompt is ours and the material is data: they travel as two messages. Nothing here reads the
environment. The provider is pydantic-ai's, imported when it is first asked: Anthropic, Ollama,
and every server that speaks OpenAI's chat completions.

Ollama and other servers of one's own (llama.cpp's, vLLM's, LM Studio's) get the schema as the form
of the answer (`response_format`) and let the model write nothing else: small models make no tool
calls, and llama.cpp leaves tools out that the model's template has no place for. The model does not
see that form, so a prompt has to say all of it. Anthropic and OpenAI are asked for a tool call. The
key of a reply does not say which, as it does not say which server: the question is the same.

Several threads may ask at once; what they spend is added up.

But: the budget is checked before a request and not within one, so it can be overrun by one reply of
each thread.
Replies that no schema fits are asked for again and never kept.
"""

import asyncio
import hashlib
import json
import logging
import threading
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Generic, NamedTuple, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from kg.errors import BudgetError, ConfigError, LanguageModelError, ReplyError

if TYPE_CHECKING:
    from pydantic_ai import NativeOutput
    from pydantic_ai.exceptions import ModelAPIError, UnexpectedModelBehavior
    from pydantic_ai.models import Model

log = logging.getLogger(__name__)

Schema = TypeVar("Schema", bound=BaseModel)


class Usage(NamedTuple):
    """Tokens that were paid for."""

    input_tokens: int = 0
    output_tokens: int = 0
    requests: int = 0

    def plus(self, other: "Usage") -> "Usage":
        """Return both together."""
        return Usage(*(mine + its for mine, its in zip(self, other, strict=True)))

    @property
    def tokens(self) -> int:
        """Return tokens in and out."""
        return self.input_tokens + self.output_tokens


class Reply(NamedTuple, Generic[Schema]):
    """What the model answered."""

    output: Schema
    usage: Usage
    """Of this request, when it was made."""

    is_replayed: bool
    """It was answered before, and cost nothing now."""


class Asked(NamedTuple):
    """What came back from a provider; a failure is a value, because it cost tokens too."""

    output: BaseModel | None
    usage: Usage
    failure: str = ""


class Provider(Protocol):
    """Whoever answers."""

    name: str
    """Such as `anthropic:claude-haiku-4-5`."""

    def ask(self, prompt: str, material: str, schema: type[BaseModel]) -> Asked:
        """Send the prompt and the material; the output is of the schema, or none."""
        ...


class Replies:
    """Replies by what was asked: a file of JSON lines, or a memory that ends with the process."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._lines: dict[str, dict[str, object]] = {}
        if path is not None and path.exists():
            for line in path.read_text(encoding="utf-8").splitlines():
                try:
                    kept = json.loads(line)
                    self._lines[kept["key"]] = kept
                except (ValueError, TypeError, KeyError):
                    log.warning("%s: passed over a line that is no reply", path)

    def __len__(self) -> int:
        return len(self._lines)

    def get(self, key: str, schema: type[Schema]) -> Reply[Schema] | None:
        """Return the reply to what was asked before, if there is one that fits."""
        kept = self._lines.get(key)
        if kept is None:
            return None
        try:
            usage = Usage(*map(int, kept["usage"]))  # type: ignore[call-overload]
            return Reply(schema.model_validate(kept["output"]), usage, is_replayed=True)
        except (ValidationError, KeyError, TypeError, ValueError):
            return None

    def add(self, key: str, model: str, output: BaseModel, usage: Usage) -> None:
        """Keep a reply; in a file, before anything else is done."""
        kept = {"key": key, "model": model, "usage": list(usage), "output": output.model_dump()}
        self._lines[key] = json.loads(json.dumps(kept, default=str))
        if self._path is not None:
            whole = not self._path.exists() or self._path.read_bytes()[-1:] in {b"", b"\n"}
            with self._path.open("a", encoding="utf-8") as file:
                file.write(("" if whole else "\n") + json.dumps(kept, ensure_ascii=False) + "\n")


@dataclass
class LanguageModel:
    """A provider with a memory and a purse."""

    name: str
    provider: Provider | None
    """None: only what is in the replies can be answered."""

    replies: Replies = field(default_factory=Replies)
    budget: int | None = None
    """Tokens in and out that may be spent; None: any number."""

    has_list_price: bool = False
    """It is asked where its provider serves it, and so at the provider's price."""

    spent: Usage = field(default_factory=Usage)
    _books: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    @property
    def cost(self) -> float | None:
        """Return what was spent in US dollars, by list price; none if there is none."""
        return price_of(self.name, self.spent) if self.has_list_price else None

    def complete(self, prompt: str, material: str, schema: type[Schema]) -> Reply[Schema]:
        """Return what the model makes of the material, in the form of the schema.

        Args:
            prompt: Our instructions.
            material: Data; nothing in it is an instruction.
            schema: What the reply has to be.

        Raises:
            BudgetError: The budget is spent.
            ReplyError: The model answered, and no answer fits the schema; or the question is too
                long for it.
            LanguageModelError: The model cannot be reached.
        """
        key = key_of(self.name, prompt, material, schema)
        with self._books:
            kept = self.replies.get(key, schema)
        if kept is not None:
            return kept
        if self.provider is None:
            raise LanguageModelError(f"{self.name} has no recorded reply to this: record it first")
        if self.budget is not None and self.spent.tokens >= self.budget:
            raise BudgetError(
                f"{self.spent.tokens} tokens of {self.budget} are spent: give a larger budget; "
                "what was answered is kept and not asked again"
            )
        asked = self.provider.ask(prompt, material, schema)
        with self._books:
            self.spent = self.spent.plus(asked.usage)
            if not isinstance(asked.output, schema):
                raise ReplyError(f"{self.name} gave no usable answer: {asked.failure}")
            self.replies.add(key, self.name, asked.output, asked.usage)
        return Reply(asked.output, asked.usage, is_replayed=False)


def price_of(name: str, usage: Usage) -> float | None:
    """Return the list price of so many tokens in US dollars, as `genai-prices` has it.

    None for a model that is not listed, and without the extra.
    """
    try:
        import genai_prices
    except ImportError:
        return None
    provider, _, model = name.partition(":")
    tokens = genai_prices.Usage(input_tokens=usage.input_tokens, output_tokens=usage.output_tokens)
    try:
        return float(genai_prices.calc_price(tokens, model, provider_id=provider).total_price)
    except LookupError:
        return None


def key_of(model: str, prompt: str, material: str, schema: type[BaseModel]) -> str:
    """Return the SHA-256 of everything that decides a reply."""
    form = json.dumps(schema.model_json_schema(), sort_keys=True)
    whole = json.dumps([model, prompt, form, material], ensure_ascii=False)
    return hashlib.sha256(whole.encode()).hexdigest()


class ModelConfig(BaseModel):
    """Which model, and where it is."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    name: str
    """`provider:model`, such as `anthropic:claude-haiku-4-5`, `openai:NAME`, `ollama:NAME`."""

    url: str | None = None
    """Of the server, for `openai` and `ollama` with the `/v1` at its end; None: the usual one."""

    key: SecretStr = SecretStr("")
    timeout: float = Field(default=60, gt=0)
    """Seconds that one request may take."""

    retries: int = Field(default=2, ge=0)
    """How often a request that failed, and an answer that does not fit, is tried again."""

    max_tokens: int = Field(default=2048, ge=1)
    """Of one answer."""

    tool_calls: bool = False
    """Ask for a tool call where the server would be given the schema as the form of the answer."""


URLS = {
    "anthropic": "https://api.anthropic.com",
    "ollama": "http://127.0.0.1:11434/v1",
    "openai": "https://api.openai.com/v1",
}
"""Where each provider is if nothing else is said; `openai` stands for all that speak like it."""


_WHAT_TO_DO = {
    None: " at {url}: see whether it runs there, or say with CLAIMGRAPH_MODEL_URL where it does",
    400: ": if it takes no JSON schema (`response_format`), set CLAIMGRAPH_MODEL_TOOL_CALLS=1",
    401: ": give its key with CLAIMGRAPH_MODEL_KEY",
    403: ": give a key that may, with CLAIMGRAPH_MODEL_KEY",
    404: ": see whether {url} serves a model of this name",
    408: ": wait longer than {timeout:g} seconds with CLAIMGRAPH_MODEL_TIMEOUT",
}
"""By the status of the answer; None: there was no answer; 408: there was none in time."""

_TOO_LONG = "exceeds the available context size"
"""How llama.cpp's server says that a question does not fit into the model's context."""


def url_of(config: ModelConfig) -> str:
    """Return where the server is that is asked."""
    return config.url or URLS[config.name.partition(":")[0]]


def open_language_model(
    config: ModelConfig, replies: Path | None = None, budget: int | None = None
) -> LanguageModel:
    """Return the model that a name means; nothing is sent yet.

    Raises:
        ConfigError: The name is not `provider:model`, or there is no such provider.
    """
    provider, _, model = config.name.partition(":")
    if provider not in URLS or not model:
        raise ConfigError(
            f"{config.name!r} names no language model: give provider:model, "
            f"with one of {', '.join(URLS)}"
        )
    is_listed = config.url is None
    return LanguageModel(config.name, PydanticAi(config), Replies(replies), budget, is_listed)


class PydanticAi:
    """Asks through pydantic-ai.

    Requests that the server refuses for the moment (429, 5xx, a lost connection) are repeated by
    the vendor's client, which heeds `Retry-After`; an answer that does not fit the schema is sent
    back with what is wrong with it by pydantic-ai. Either happens at most `retries` times.
    """

    def __init__(self, config: ModelConfig) -> None:
        self.name = config.name
        self._config = config

    def ask(self, prompt: str, material: str, schema: type[BaseModel]) -> Asked:
        """Send the prompt and the material, and wait.

        Raises:
            LanguageModelError: The extra is not installed, or the server cannot be reached, does
                not know the key or the model, or goes on failing.
        """
        try:
            import pydantic_ai  # noqa: F401
        except ImportError as error:
            raise LanguageModelError(
                "language models need the extra: pip install 'claimgraph[llm]'"
            ) from error
        return asyncio.run(self._ask(prompt, material, schema))

    async def _ask(self, prompt: str, material: str, schema: type[BaseModel]) -> Asked:
        from pydantic_ai import Agent
        from pydantic_ai.exceptions import ModelAPIError, UnexpectedModelBehavior
        from pydantic_ai.settings import ModelSettings
        from pydantic_ai.usage import RunUsage

        used = RunUsage()
        output, failure = None, ""
        async with self._opened() as model:
            agent = Agent(
                model,
                output_type=self._form(model, schema),
                instructions=prompt,
                retries=self._config.retries,
                model_settings=ModelSettings(max_tokens=self._config.max_tokens),
            )
            try:
                output = (await agent.run(material, usage=used)).output
            except UnexpectedModelBehavior as error:
                failure = _what_is_wrong(error)
            except ModelAPIError as error:
                if not _is_too_long(error):
                    raise LanguageModelError(f"{self.name}: {self._reason(error)}") from error
                failure = f"the question is too long for it: {_one_line(error)}"
        return Asked(output, Usage(used.input_tokens, used.output_tokens, used.requests), failure)

    def _form(
        self, model: "Model", schema: type[BaseModel]
    ) -> "type[BaseModel] | NativeOutput[BaseModel]":
        """Return the form of the answer: the schema as such, or by a tool call."""
        from pydantic_ai import NativeOutput

        can = model.profile.get("supports_json_schema_output", False)
        return NativeOutput(schema) if can and _gives_schema(self._config) else schema

    def _reason(self, error: "ModelAPIError") -> str:
        """Return what the server said, and what to do."""
        from pydantic_ai.exceptions import ModelTimeoutError

        said = _one_line(error).rstrip(".")
        status = getattr(error, "status_code", None)
        if isinstance(error, ModelTimeoutError):
            status = 408
        if status == 400 and not _gives_schema(self._config):
            return said
        advice = _WHAT_TO_DO.get(status, "")
        return said + advice.format(url=url_of(self._config), timeout=self._config.timeout)

    def _opened(self) -> AbstractAsyncContextManager["Model"]:
        is_anthropic = self.name.startswith("anthropic:")
        return _anthropic(self._config) if is_anthropic else _openai(self._config)


def _gives_schema(config: ModelConfig) -> bool:
    """Return whether the schema goes to the server as the form of the answer."""
    provider = config.name.partition(":")[0]
    is_own = provider == "ollama" or (provider == "openai" and config.url is not None)
    return is_own and not config.tool_calls


@asynccontextmanager
async def _openai(config: ModelConfig) -> AsyncIterator["Model"]:
    from openai import AsyncOpenAI
    from pydantic_ai.models.ollama import OllamaModel
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.ollama import OllamaProvider
    from pydantic_ai.providers.openai import OpenAIProvider

    provider, _, model = config.name.partition(":")
    async with AsyncOpenAI(
        base_url=url_of(config),
        api_key=config.key.get_secret_value() or "none",  # a local server asks for none
        max_retries=config.retries,
        timeout=config.timeout,
    ) as client:
        if provider == "ollama":  # knows that Ollama's cloud passes the schema over
            yield OllamaModel(model, provider=OllamaProvider(openai_client=client))
        else:
            yield OpenAIChatModel(model, provider=OpenAIProvider(openai_client=client))


@asynccontextmanager
async def _anthropic(config: ModelConfig) -> AsyncIterator["Model"]:
    from anthropic import AsyncAnthropic
    from pydantic_ai.models.anthropic import AnthropicModel
    from pydantic_ai.providers.anthropic import AnthropicProvider

    async with AsyncAnthropic(
        base_url=url_of(config),
        api_key=config.key.get_secret_value() or "none",
        max_retries=config.retries,
        timeout=config.timeout,
    ) as client:
        name = config.name.partition(":")[2]
        yield AnthropicModel(name, provider=AnthropicProvider(anthropic_client=client))


def _what_is_wrong(error: "UnexpectedModelBehavior") -> str:
    """Return why an answer cannot be used, with the first thing that is wrong in its form."""
    from pydantic_ai.exceptions import OutputTokenLimitExceeded

    if isinstance(error, OutputTokenLimitExceeded):
        return (
            "it was cut off at the most tokens that an answer may have "
            "(CLAIMGRAPH_MODEL_MAX_TOKENS), or where the model's context ends"
        )
    cause = f": {error.__cause__}" if error.__cause__ else ""
    return _one_line(f"{error.message}{cause}")


def _is_too_long(error: "ModelAPIError") -> bool:
    """Return whether this question is refused for its length, and a shorter one may be answered."""
    from pydantic_ai.exceptions import ModelContextWindowExceededError

    return isinstance(error, ModelContextWindowExceededError) or _TOO_LONG in str(error)


def _one_line(error: Exception | str) -> str:
    return " ".join(str(error).split())[:300]
