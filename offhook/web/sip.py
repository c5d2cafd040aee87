"""`/api/sip`: what the user agent has alive, ladders of calls, and messages as they come.

It reveals numbers and addresses, so `Access` has to guard it. Every answer is bounded: long lists come in pages.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from time import monotonic
from typing import Any, Protocol

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse

from offhook.ladder.kept import KeptMessage
from offhook.ladder.ladder import step_of
from offhook.ladder.traces import SipTraces
from offhook.sip.net.endpoint import Endpoint
from offhook.usererror import Problem
from offhook.web.errors import problem_answer
from offhook.web.headers import NO_STORE
from offhook.web.live import MAX_VIEWERS, EventStream, Viewer, too_many_viewers, written

MAX_PAGE = 200
MAX_NAME_CHARS = 256
MESSAGES_PER_S = 100
BYTES_PER_S = 128 * 1024
"""For one viewer; the other messages of that second are only counted."""


NOT_IMPLEMENTED = 501


@dataclass(frozen=True, slots=True)
class Unseen:
    """What is answered where the user agent is another library's: to who asks for `messages`, and for its `state`."""

    messages: Problem
    state: Problem


class SipHistory(Protocol):
    """What was sent and received."""

    async def ladder(self, call: str) -> dict[str, Any] | None:
        """The ladder of a call."""

    def dump(self) -> Mapping[str, object]:
        """How much is kept."""


class MessageHub:
    """Those who watch messages as they come. The event loop's thread only. `now` is in seconds."""

    def __init__(self, traces: SipTraces, now: Callable[[], float] = monotonic) -> None:
        self._traces = traces
        self._now = now
        self._viewers: dict[Viewer, _Share] = {}

    @property
    def is_full(self) -> bool:
        """Whether there are `MAX_VIEWERS`."""
        return len(self._viewers) >= MAX_VIEWERS

    def enter(self, only: str) -> Viewer:
        """Add a viewer, of all messages or of `only` one Call-ID or peer."""
        viewer = Viewer(None)
        if not self._viewers:
            self._traces.watchers.append(self._on_message)
        self._viewers[viewer] = _Share(only)
        return viewer

    def leave(self, viewer: Viewer) -> None:
        """Remove a viewer. Idempotent."""
        if self._viewers.pop(viewer, None) is not None and not self._viewers:
            self._traces.watchers.remove(self._on_message)

    def close(self) -> None:
        """Disconnect all viewers, because the process ends."""
        for viewer in self._viewers:
            viewer.cut.set()

    def _on_message(self, call_id: str, message: KeptMessage) -> None:
        second = int(self._now())
        made = b""  # once for all viewers, and only if there is one who gets it
        for viewer, share in self._viewers.items():
            if not share.wants(call_id, message):
                continue
            if (left_out := share.begin(second)) > 0:
                viewer.offer(written("omitted", {"messages": left_out}))
            if share.takes(len(message.data)):
                made = made or _event(call_id, message)
                viewer.offer(made)


class _Share:
    """What one viewer gets: of which messages, and how many of them in this second."""

    def __init__(self, only: str) -> None:
        self._only = only
        self._second = self._messages = self._bytes = self._left_out = 0

    def wants(self, call_id: str, message: KeptMessage) -> bool:
        remote = message.flow.remote
        return not self._only or self._only in (call_id, str(remote), remote.host)

    def begin(self, second: int) -> int:
        """It is this second: how many messages were left out in the one before, if that is over."""
        if second == self._second:
            return 0
        left_out = self._left_out
        self._second, self._messages, self._bytes, self._left_out = second, 0, 0, 0
        return left_out

    def takes(self, size: int) -> bool:
        if self._messages >= MESSAGES_PER_S or self._bytes + size > BYTES_PER_S:
            self._left_out += 1
            return False
        self._messages += 1
        self._bytes += size
        return True


def _event(call_id: str, message: KeptMessage) -> bytes:
    plain = message.to_dict()
    step = step_of(plain, message.at_s)
    about = {"call_id": call_id, "peer": plain["peer"], "at_s": plain["last_s"], "received": plain["received"]}
    return written("message", about | asdict(step))


def sip_routes(endpoint: Endpoint, history: SipHistory, hub: MessageHub) -> APIRouter:
    """The routes."""
    router = APIRouter()
    live = endpoint.ua.live

    @router.get("/api/sip")
    async def summary() -> Response:
        now = asyncio.get_running_loop().time()
        flows = len(endpoint.flows())
        found = {"address": str(endpoint.address), **live.summary(now), "connections": flows}
        return JSONResponse({**found, "traces": history.dump()}, headers=NO_STORE)

    @router.get("/api/sip/trace")
    async def trace(call: str = Query(min_length=1, max_length=MAX_NAME_CHARS)) -> Response:
        ladder = await history.ladder(call)
        if ladder is None:
            return _unknown("no SIP messages of that call are kept", "it is unknown, or too long ago")
        return JSONResponse(ladder, headers=NO_STORE)

    @router.get("/api/sip/messages")
    async def messages(request: Request, only: str = Query("", max_length=MAX_NAME_CHARS)) -> Response:
        if hub.is_full:
            return too_many_viewers()
        return EventStream(hub, hub.enter(only))

    @router.get("/api/sip/{part}")
    async def page(part: str, offset: int = Query(0, ge=0), limit: int = Query(50, ge=1, le=MAX_PAGE)) -> Response:
        if part == "connections":
            rows = endpoint.flows()
            shown = {"total": len(rows), "offset": offset, "rows": rows[offset : offset + limit]}
            return JSONResponse(shown, headers=NO_STORE)
        if part not in live.parts:
            return _unknown(f"there is no part {part[:40]!r}", f"the parts are {', '.join(live.parts)}, connections")
        found = live.page(part, offset, limit, asyncio.get_running_loop().time())
        return JSONResponse({"total": found.total, "offset": offset, "rows": found.rows}, headers=NO_STORE)

    return router


def unseen_routes(history: SipHistory, unseen: Unseen) -> APIRouter:
    """The same, where there are only the ladders that records have of calls over our own user agent."""
    router = APIRouter()

    @router.get("/api/sip/trace")
    async def trace(call: str = Query(min_length=1, max_length=MAX_NAME_CHARS)) -> Response:
        ladder = await history.ladder(call)
        if ladder is None:
            return problem_answer(NOT_IMPLEMENTED, unseen.messages)
        return JSONResponse(ladder, headers=NO_STORE)

    @router.get("/api/sip/messages")
    async def messages() -> Response:
        return problem_answer(NOT_IMPLEMENTED, unseen.messages)

    @router.get("/api/sip")
    @router.get("/api/sip/{part}")
    async def state(part: str = "") -> Response:
        return problem_answer(NOT_IMPLEMENTED, unseen.state)

    return router


def _unknown(what: str, why: str) -> Response:
    return problem_answer(404, Problem(what, why, "offhook sip status"))
