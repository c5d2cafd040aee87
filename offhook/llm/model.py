"""A language model as an agent sees it: messages and tools go in, text and tool calls stream out.

Everything here is a plain value. Adapters translate to the vendor's wire and back, and raise only ModelError.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from offhook.usererror import UserError

Role = Literal["system", "user", "assistant", "tool"]

FailureKind = Literal["key", "model", "request", "refused", "busy", "away", "late", "limit"]
"""Whose fault a failure is: a wrong or missing key; a model or address that is not there; a request that the vendor
does not take; a reply that it withholds; too many requests; a server that is away or broken; no token in time; a limit
of the configuration."""

EndReason = Literal["stop", "tools", "length", "filtered"]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """The model wants a tool to run; `arguments` is JSON as the model wrote it, which need not be valid.

    `signature` is what the vendor wants back with the call: keep the value as it came.
    """

    id: str
    name: str
    arguments: str
    signature: str = ""


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool as the model sees it; `parameters` is a JSON schema of type object."""

    name: str
    description: str
    parameters: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Message:
    """One entry of the conversation.

    An assistant's may have `tool_calls`; a tool's result has the `tool_call_id` that it answers. Every order is taken:
    a call without a result counts as one that is still running, and a result that comes after other messages as news.
    System messages behind the first ones are notes to the model.
    """

    role: Role
    text: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str = ""


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """What the model is asked. The prefix that two requests of a call share is byte for byte the same, for the vendor's
    prompt cache. `max_output_tokens` and `temperature` None: as the model's options say."""

    messages: tuple[Message, ...]
    tools: tuple[ToolSpec, ...] = ()
    max_output_tokens: int | None = None
    temperature: float | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens; `cached_input` of `input` came from the vendor's prompt cache. Zero where the vendor does not say."""

    input: int = 0
    cached_input: int = 0
    output: int = 0


@dataclass(frozen=True, slots=True)
class TextDelta:
    """More text of the reply."""

    text: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The reply is complete. The last event of every stream that does not fail. `cost` by the prices of the options,
    `model` the name of the one that answered."""

    reason: EndReason
    usage: Usage = field(default_factory=Usage)
    cost: float = 0.0
    model: str = ""


ModelEvent = TextDelta | ToolCall | Ended


class ModelError(Exception):
    """A reply failed. `model` names the model; `retry_after_s` is the vendor's wish, if it has one."""

    def __init__(self, model: str, kind: FailureKind, why: str, retry_after_s: float | None = None) -> None:
        super().__init__(f"{model}: {why}")
        self.model = model
        self.kind = kind
        self.why = why
        self.retry_after_s = retry_after_s

    def __reduce__(self) -> tuple[type["ModelError"], tuple[str, FailureKind, str, float | None]]:
        # As of EngineError: errors are copied.
        return type(self), (self.model, self.kind, self.why, self.retry_after_s)


async def close_stream(events: AsyncIterator[ModelEvent]) -> None:
    """End a request at once. Idempotent."""
    if isinstance(events, AsyncGenerator):
        await events.aclose()


def no_model() -> UserError:
    """An agent has no model, and there is none for those that have none."""
    todo = '`[llm.openai]` with `model = "…"`, or a model of the agent\'s own (docs/agents.md)'
    return UserError("there is no language model", "neither the agent nor `[llm]` names one", todo)


class LanguageModel(Protocol):
    """One object serves all calls of a process."""

    name: str
    """As in the record: provider and model."""

    async def start(self) -> None:
        """Before the first call. Raises UserError for what can never work (no key, no package), ModelError."""

    def stream(self, request: ModelRequest) -> AsyncIterator[ModelEvent]:
        """The reply, as it comes; closing the iterator (`close_stream`) ends the request at once.

        Tool calls come complete, one event each. Raises ModelError, at any point.
        """
        ...

    async def warm(self, request: ModelRequest) -> None:
        """The prompt of a request that is likely to follow, for the vendor's cache; may do nothing. Never raises, and
        takes as long as the server needs: run it as a task."""

    async def close(self) -> None:
        """Everything freed. Idempotent."""
