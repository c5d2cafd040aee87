"""What the vendors' models have in common: a connection that is open before it is needed, errors, the stream.

A vendor's adapter translates: `begin` asks, a `Reader` makes events of what comes, `explain` says what went wrong.
"""

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Collection
from dataclasses import replace
from time import monotonic
from typing import Any, Protocol

import httpx2
import structlog

from offhook.llm.http import NotAnAnswerError, is_fresh
from offhook.llm.model import Ended, FailureKind, ModelError, ModelEvent, ModelRequest
from offhook.llm.options import ModelOptions
from offhook.observe.in_call import call_field
from offhook.usererror import UserError

OPEN_AGAIN_S = 30.0
"""A connection that was unused for so long may have been closed by now: a call that begins opens another one."""

WARM_S = 10.0
"""Prompts with the same beginning are sent ahead once in this time, whichever calls they are of."""

MAX_WORDS_CHARS = 300

MAX_CALL_CHARS = 100_000
"""Of one tool call's arguments, which no tool reads: beyond it the server sends nonsense."""

_NONSENSE = (ValueError, TypeError, AttributeError, LookupError, RecursionError)
"""What comes of nonsense: the vendors' clients do not judge what a server sends."""

_log = structlog.get_logger("offhook.llm")


class Reader(Protocol):
    """Makes events of a vendor's chunks."""

    def read(self, chunk: Any) -> list[ModelEvent]:
        """The events that are complete with this chunk."""
        ...

    def end(self) -> list[ModelEvent]:
        """What is left when the stream ends; the last is Ended. Raises ValueError if the stream broke off."""
        ...


class Response(Protocol):
    """A vendor's stream; closing it closes its connection unless it is complete."""

    def __aiter__(self) -> AsyncIterator[Any]:
        """The chunks, as the vendor's client gives them."""
        ...

    async def close(self) -> None:
        """Idempotent."""


class HostedModel(ABC):
    """A model behind HTTP. `failures` are what the vendor's client raises."""

    vendor: str
    key_variable: str
    failures: tuple[type[Exception], ...] = ()

    def __init__(self, name: str, options: ModelOptions) -> None:
        self.name = f"{name}/{options.model}"
        self.options = options
        self.wanted = options.model
        self.listed: Collection[str] = ()
        """The models that the server says it has, if it does, after `start`."""
        self._where = f"[llm.{name}]"
        self._used_at = float("-inf")
        self._warmed: list[tuple[float, object]] = []
        key = options.api_key.get_secret_value() if options.api_key is not None else ""
        self._key = key

    # The Protocol.

    async def start(self) -> None:
        """See LanguageModel."""
        try:
            await self.probe()
        except self._all_failures as error:
            raise self._explained(error) from error
        self._used_at = monotonic()

    def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        """See LanguageModel."""
        return self._stream(request)

    async def warm(self, request: ModelRequest) -> None:
        """See LanguageModel."""
        now = monotonic()
        try:
            if self.warms:
                beginning = request.messages[:1], request.tools
                self._warmed = [each for each in self._warmed if now < each[0] + WARM_S]
                if any(each == beginning for _, each in self._warmed):
                    return
                self._warmed.append((now, beginning))
                response = await self.begin(replace(request, max_output_tokens=1))
                try:
                    async for _ in response:
                        pass
                finally:
                    await response.close()
            elif now > self._used_at + OPEN_AGAIN_S:
                self._used_at = now
                await self.probe()
        except ModelError as error:
            _log.info("model_not_warmed", model=self.name, why=error.why, **call_field())
        except self._all_failures + _NONSENSE as error:
            _log.info("model_not_warmed", model=self.name, why=self._plain(str(error)), **call_field())

    @abstractmethod
    async def close(self) -> None:
        """See LanguageModel."""

    # For the adapters.

    @property
    def warms(self) -> bool:
        """Whether prompts are sent ahead."""
        return self.options.base_url is not None if self.options.warm is None else self.options.warm

    @abstractmethod
    async def probe(self) -> None:
        """A request without a price: it opens the connection and shows whether the key is right."""

    @abstractmethod
    async def begin(self, request: ModelRequest) -> Response:
        """Send a request; the answer's head has come."""

    @abstractmethod
    def reader(self) -> Reader:
        """A new one, for one reply."""

    @abstractmethod
    def explain(self, error: Exception) -> ModelError:
        """What one of `failures` means."""

    def failed(self, status: int, words: str, retry_after_s: float | None = None) -> ModelError:
        """The error of an HTTP status."""
        kind = kind_of(status, words)
        said = f"{status}: {self._plain(words)}"
        why = {
            "key": f"{self.vendor} refused the key ({said})",
            "busy": f"{self.vendor} takes no more requests for now ({said})",
            "model": f"{self.vendor} has no such model or address ({said})",
            "request": f"{self.vendor} refused the request ({said})",
        }.get(kind, f"{self.vendor} failed ({said})")
        return ModelError(self.name, kind, why, retry_after_s)

    def unreachable(self, error: Exception) -> ModelError:
        """The error of a connection."""
        cause = _on_the_wire(error)
        if isinstance(cause, httpx2.TimeoutException):
            return ModelError(self.name, "late", f"{self.vendor} did not answer in time")
        if isinstance(cause, NotAnAnswerError):
            return ModelError(self.name, "away", f"{self.vendor} sent {cause}")
        words = self._plain(str(cause)) or type(cause).__name__
        return ModelError(self.name, "away", f"{self.vendor} cannot be reached, or the connection broke off: {words}")

    def needs_key(self) -> str:
        """The key. Raises UserError."""
        if not self._key:
            why = f"{self.key_variable} is not set"
            raise UserError(f"{self.vendor}'s models need a key", why, f"export {self.key_variable}=…", self._where)
        return self._key

    # Inside.

    @property
    def _all_failures(self) -> tuple[type[Exception], ...]:
        return (*self.failures, httpx2.HTTPError, httpx2.InvalidURL)

    def _explained(self, error: Exception) -> ModelError:
        is_connection = isinstance(error, httpx2.HTTPError | httpx2.InvalidURL)
        return self.unreachable(error) if is_connection else self.explain(error)

    async def _stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        reader = self.reader()
        response: Response | None = None
        try:
            response = await self._begin(request)
            async for chunk in response:
                self._used_at = monotonic()
                for event in reader.read(chunk):
                    yield event
            for event in reader.end():
                yield self._priced(event) if isinstance(event, Ended) else event
        except self._all_failures as error:
            raise self._explained(error) from error
        except _NONSENSE as error:
            why = f"{self.vendor} sent what cannot be understood: {self._plain(str(error))}"
            raise ModelError(self.name, "away", why) from error
        finally:
            if response is not None:
                await response.close()

    async def _begin(self, request: ModelRequest) -> Response:
        """A kept connection that turns out to be closed is replaced, once."""
        try:
            return await self.begin(request)
        except self._all_failures as error:
            cause = _on_the_wire(error)
            is_closed = isinstance(cause, httpx2.RemoteProtocolError | httpx2.ReadError | httpx2.WriteError)
            if not is_closed or is_fresh(cause):
                raise
        return await self.begin(request)

    def _priced(self, ended: Ended) -> Ended:
        return replace(ended, cost=self.options.prices.cost(ended.usage), model=self.name)

    def _plain(self, text: str) -> str:
        """The vendor's words on one line, without our key."""
        text = text.replace(self._key, "…") if self._key else text
        return "".join(c if c.isprintable() else " " for c in text).strip()[:MAX_WORDS_CHARS]


def _on_the_wire(error: Exception) -> BaseException:
    """What the HTTP client has raised: some of the vendors' libraries wrap it."""
    return error if isinstance(error, httpx2.HTTPError) else error.__cause__ or error


def grown(arguments: str, more: str) -> str:
    """The arguments of a tool call with more of them. Raises ValueError beyond MAX_CALL_CHARS."""
    if len(arguments) + len(more) > MAX_CALL_CHARS:
        raise ValueError(f"a tool call of more than {MAX_CALL_CHARS} characters")
    return arguments + more


def kind_of(status: int, words: str) -> FailureKind:
    """What an HTTP status means."""
    lowered = words.lower()
    if status in (401, 402, 403) or "api key not valid" in lowered or "insufficient_quota" in lowered:
        return "key"
    if status == 429:
        return "busy"
    if status in (404, 410):
        return "model"
    if 400 <= status < 500 and status not in (408, 409, 425):
        return "request"
    return "away"
