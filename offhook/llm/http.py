"""The HTTP client of the vendors' libraries: what it may be sent has a limit.

The libraries gather an event, or the text of an error, until it is complete, and unpack what is compressed: so a server
must not compress, and neither an answer nor a line of one may be endless.
"""

import math
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx2

CONNECT_S = 3.0
READ_S = 60.0
KEPT_S = 240.0
"""How long an unused connection is kept; vendors close theirs after some minutes."""

MAX_ANSWER_BYTES = 16_000_000
"""A token takes some hundred bytes on the wire, and no reply for a phone has ten thousand."""

MAX_LINE_BYTES = 1_000_000
"""An event is one line, and holds a whole tool call at most."""

_OPENED = "offhook_opened"


class NotAnAnswerError(httpx2.RequestError):
    """The server sent what no client should keep."""


def http_client() -> httpx2.AsyncClient:
    """For one model: it keeps its connections, and gives an answer up (NotAnAnswerError) beyond the limits."""
    return httpx2.AsyncClient(
        timeout=httpx2.Timeout(READ_S, connect=CONNECT_S),
        limits=httpx2.Limits(max_connections=None, max_keepalive_connections=64, keepalive_expiry=KEPT_S),
        event_hooks={"request": [_on_request], "response": [_on_response]},
    )


def is_fresh(error: BaseException) -> bool:
    """Whether the request that failed had opened its connection, so that it was not an old one that had been closed."""
    try:
        return isinstance(error, httpx2.RequestError) and bool(error.request.extensions.get(_OPENED))
    except RuntimeError:  # it has no request
        return False


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """How long the server wants to be left alone (RFC 9110 §10.2.3, seconds or a date), if it says so."""
    try:
        if milliseconds := headers.get("retry-after-ms"):  # OpenAI's, and more exact
            seconds = float(milliseconds) / 1000
        else:
            seconds = _seconds(headers.get("retry-after") or "")
    except ValueError:
        return None
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _seconds(text: str) -> float:
    if not text[-3:].isalpha():
        return float(text)
    at = parsedate_to_datetime(text)
    at = at if at.tzinfo is not None else at.replace(tzinfo=UTC)  # of a zone that nobody knows
    return (at - datetime.now(UTC)).total_seconds()


async def _on_request(request: httpx2.Request) -> None:
    opened: list[str] = []

    async def trace(event: str, _: object) -> None:
        if event == "connection.connect_tcp.started":
            opened.append(event)

    request.extensions = {**request.extensions, "trace": trace, _OPENED: opened}
    request.headers["accept-encoding"] = "identity"


async def _on_response(response: httpx2.Response) -> None:
    coding = response.headers.get("content-encoding", "identity")
    is_packed = coding.lower() not in ("", "identity")
    if is_packed and response.is_error and isinstance(response.stream, httpx2.AsyncByteStream):
        # Some proxies pack their errors whatever is asked for: the status counts, without the words.
        del response.headers["content-encoding"]
        response.stream = _Unread(response.stream)
    elif is_packed:
        raise NotAnAnswerError(
            f"a compressed answer ({coding[:20]}), which was not asked for", request=response.request
        )
    elif isinstance(response.stream, httpx2.AsyncByteStream):
        response.stream = _Bounded(response.stream, response.request)


class _Unread(httpx2.AsyncByteStream):
    """A body that nobody reads."""

    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        return
        yield b""

    async def aclose(self) -> None:
        await self._stream.aclose()


class _Bounded(httpx2.AsyncByteStream):
    """The body of an answer, up to the limits."""

    def __init__(self, stream: httpx2.AsyncByteStream, request: httpx2.Request) -> None:
        self._stream = stream
        self._request = request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        whole = line = 0
        async for chunk in self._stream:
            whole += len(chunk)
            last = chunk.rfind(b"\n")
            line = line + len(chunk) if last < 0 else len(chunk) - last - 1
            if whole > MAX_ANSWER_BYTES:
                raise NotAnAnswerError(f"more than {MAX_ANSWER_BYTES} bytes", request=self._request)
            if line > MAX_LINE_BYTES:
                raise NotAnAnswerError(f"a line of more than {MAX_LINE_BYTES} bytes", request=self._request)
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()
