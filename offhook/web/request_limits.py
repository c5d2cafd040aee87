"""Limits on the size and rate of requests: a wrapper around the whole application.

A refused request starts nothing. Limits are per source, the address of the socket; a proxy on this machine is one
source, so they are above what a busy proxy needs.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from time import monotonic

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from offhook.usererror import Problem
from offhook.web.access import OPEN_PATHS, WEBHOOK_PREFIXES

BODY_BYTES = 65_536
"""For any request; the longest useful body is a webhook's form."""

MAX_PAGE_REQUESTS = 64
"""Concurrent pages, records and downloads. Health, metrics and webhooks are not counted, and never refused by it."""

MAX_DELAY_S = 2.0
MAX_SOURCES = 1_000


@dataclass(frozen=True, slots=True)
class Rate:
    """How many requests one source may send: per second, and in a burst."""

    per_s: float
    burst: float


PAGES = Rate(50.0, 200.0)
HEALTH = Rate(20.0, 100.0)
WEBHOOKS = Rate(200.0, 1_000.0)

FULL = Problem("the pages are busy", f"{MAX_PAGE_REQUESTS} requests are being answered", "try again in a few seconds")
TOO_OFTEN = Problem("too many requests", "they come faster than any page needs", "ask less often")
TOO_LONG = Problem("the request is too long", f"its body has more than {BODY_BYTES} bytes", "send less")


class RequestLimits:
    """Wraps the application. A source that sends too many requests is answered late; beyond `MAX_DELAY_S`, with 429."""

    def __init__(self, app: ASGIApp, now: Callable[[], float] = monotonic) -> None:
        self._app = app
        self._rates = SourceRates(now)
        self._pages = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on when it is due, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        rate = _rate_of(scope["path"])
        client = scope.get("client")
        delay_s = self._rates.delay_s(client[0] if client else "", rate)
        if delay_s > 0:
            await asyncio.sleep(min(delay_s, MAX_DELAY_S))
        if delay_s > MAX_DELAY_S:
            await _refuse(HTTPStatus.TOO_MANY_REQUESTS, TOO_OFTEN)(scope, receive, send)
        elif rate is not PAGES:
            await self._within_body_limit(scope, receive, send)
        elif self._pages >= MAX_PAGE_REQUESTS:
            await _refuse(HTTPStatus.SERVICE_UNAVAILABLE, FULL)(scope, receive, send)
        else:
            self._pages += 1
            try:
                await self._within_body_limit(scope, receive, send)
            finally:
                self._pages -= 1

    async def _within_body_limit(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        length = headers.get("content-length", "")
        if length in ("", "0") and "transfer-encoding" not in headers:
            await self._app(scope, receive, send)
            return
        # h11 has checked that a length is a number.
        body = await _read(receive) if int(length or 0) <= BODY_BYTES else TOO_LONG
        if isinstance(body, Problem):
            await _refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, body)(scope, receive, send)
        elif body is not None:
            await self._app(scope, _replay(body, receive), send)


class SourceRates:
    """A token bucket for each source and kind of request."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._buckets: OrderedDict[tuple[str, Rate], tuple[float, float]] = OrderedDict()  # tokens, and when

    def delay_s(self, source: str, rate: Rate) -> float:
        """How long the next request has to wait. One that would wait longer than `MAX_DELAY_S` takes no token."""
        now = self._now()
        tokens, since = self._buckets.pop((source, rate), (rate.burst, now))
        tokens = min(rate.burst, tokens + (now - since) * rate.per_s) - 1
        delay_s = max(0.0, -tokens / rate.per_s)
        self._buckets[source, rate] = (tokens if delay_s <= MAX_DELAY_S else tokens + 1, now)
        if len(self._buckets) > MAX_SOURCES:
            self._buckets.popitem(last=False)
        return delay_s


def _rate_of(path: str) -> Rate:
    if path in OPEN_PATHS:
        return HEALTH
    return WEBHOOKS if path.startswith(WEBHOOK_PREFIXES) else PAGES


async def _read(receive: Receive) -> bytes | Problem | None:
    """The whole body; None when the connection was lost."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        body += message.get("body", b"")
        if len(body) > BODY_BYTES:
            return TOO_LONG
        if not message.get("more_body", False):
            return bytes(body)


def _replay(body: bytes, receive: Receive) -> Receive:
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def next_message() -> Message:
        return waiting.pop() if waiting else await receive()

    return next_message


def _refuse(status: HTTPStatus, problem: Problem) -> PlainTextResponse:
    headers = {"Cache-Control": "no-store", "Retry-After": "5"}
    if status != HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        # A client that is still sending would get a reset instead of the answer: the rest is read and dropped.
        headers["Connection"] = "close"
    return PlainTextResponse(problem.render() + "\n", status, headers)
