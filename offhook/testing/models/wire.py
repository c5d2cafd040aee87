"""What the protocols of the test server have in common. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from offhook.testing.models.script import Asked, ScriptedCall

Body = dict[str, Any]


class RefusedError(Exception):
    """The vendor would refuse the request: with this status, for this reason."""

    def __init__(self, why: str, status: int = 400) -> None:
        super().__init__(why)
        self.why = why
        self.status = status


@dataclass(frozen=True, slots=True)
class Question:
    """A request that was understood. `prompt` is all of it that the model reads, in the order in which it is cached;
    the first `cacheable` parts of it may be."""

    asked: Asked
    prompt: tuple[str, ...]
    cacheable: int
    max_tokens: int | None
    stream: bool
    with_usage: bool = True


@dataclass(slots=True)
class Counts:
    """Tokens of one reply."""

    input: int = 0
    cached: int = 0
    output: int = 0


@dataclass(frozen=True, slots=True)
class Whole:
    """A reply that is sent in one piece."""

    text: str
    calls: tuple[ScriptedCall, ...]
    reason: str
    counts: Counts = field(default_factory=Counts)


class Stream(Protocol):
    """Writes one reply as the vendor's events. `reason` is stop, tools, length or filtered."""

    def begin(self) -> Iterator[bytes]: ...

    def text(self, token: str) -> Iterator[bytes]: ...

    def call(self, call: ScriptedCall) -> Iterator[bytes]: ...

    def end(self, reason: str) -> Iterator[bytes]: ...


class Wire(Protocol):
    """A vendor's protocol. Raises RefusedError for what the vendor would refuse."""

    def key(self, headers: Mapping[str, str]) -> str:
        """The key that a request has."""
        ...

    def wrong_key(self) -> RefusedError: ...

    def read(self, path: str, body: Body) -> Question: ...

    def stream(self, question: Question, counts: Counts, model: str) -> Stream: ...

    def whole(self, reply: Whole, model: str) -> Body: ...

    def error(self, status: int, why: str) -> Body: ...

    def error_event(self, why: str) -> bytes: ...


def need(body: Mapping[str, Any], name: str, kind: type | tuple[type, ...], missing: str) -> Any:
    """A field that must be there. Raises RefusedError."""
    value = body.get(name)
    if value is None or not isinstance(value, kind) or isinstance(value, bool):
        raise RefusedError(missing)
    return value
