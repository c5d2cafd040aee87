"""`/api/sip`: what the user agent has alive, ladders of calls, and messages as they come.

It reveals numbers and addresses, so `Access` has to guard it. Every answer is bounded: long lists come in pages.
"""

import asyncio
from dataclasses import asdict
from time import time
from typing import Any, Protocol

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse

from offhook.ladder.kept import KeptMessage
from offhook.ladder.ladder import step_of
from offhook.ladder.traces import SipTraces, Watcher
from offhook.sip.net.endpoint import Endpoint
from offhook.web.headers import NO_STORE
from offhook.web.live import MAX_VIEWERS, EventStream, Viewer, too_many_viewers, written

MAX_PAGE = 200
MAX_NAME_CHARS = 256
MESSAGES_PER_S = 100
"""For one viewer; the others of that second are only counted."""


class SipHistory(Protocol):
    """What was sent and received."""

    traces: SipTraces

    async def ladder(self, call: str) -> dict[str, Any] | None:
        """The ladder of a call."""


class MessageHub:
    """Those who watch messages as they come. The event loop's thread only."""

    def __init__(self, traces: SipTraces) -> None:
        self._traces = traces
        self._viewers: dict[Viewer, Watcher] = {}

    @property
    def is_full(self) -> bool:
        """Whether there are `MAX_VIEWERS`."""
        return len(self._viewers) >= MAX_VIEWERS

    def enter(self, only: str) -> Viewer:
        """Add a viewer, of all messages or of `only` one Call-ID or peer."""
        viewer = Viewer(None)
        self._viewers[viewer] = watcher = _Watch(viewer, only).on_message
        self._traces.watchers.append(watcher)
        return viewer

    def leave(self, viewer: Viewer) -> None:
        """Remove a viewer. Idempotent."""
        if (watcher := self._viewers.pop(viewer, None)) is not None:
            self._traces.watchers.remove(watcher)


class _Watch:
    def __init__(self, viewer: Viewer, only: str) -> None:
        self._viewer = viewer
        self._only = only
        self._second, self._sent, self._left_out = 0, 0, 0

    def on_message(self, call_id: str, message: KeptMessage) -> None:
        if self._only and self._only not in (call_id, str(message.flow.remote), message.flow.remote.host):
            return
        second = int(time())
        if second != self._second:
            if self._left_out:
                self._viewer.offer(written("omitted", {"messages": self._left_out}))
            self._second, self._sent, self._left_out = second, 0, 0
        self._sent += 1
        if self._sent > MESSAGES_PER_S:
            self._left_out += 1
            return
        plain = message.to_dict()
        step = step_of(plain, message.at_s)
        about = {"call_id": call_id, "peer": plain["peer"], "at_s": plain["last_s"], "received": plain["received"]}
        self._viewer.offer(written("message", about | asdict(step)))


def sip_routes(endpoint: Endpoint, history: SipHistory) -> APIRouter:
    """The routes."""
    router = APIRouter()
    hub = MessageHub(history.traces)
    live = endpoint.ua.live

    @router.get("/api/sip")
    async def summary() -> Response:
        now = asyncio.get_running_loop().time()
        flows = len(endpoint.flows())
        found = {"address": str(endpoint.address), **live.summary(now), "connections": flows}
        return JSONResponse({**found, "traces": history.traces.dump()}, headers=NO_STORE)

    @router.get("/api/sip/trace")
    async def trace(call: str = Query(min_length=1, max_length=MAX_NAME_CHARS)) -> Response:
        ladder = await history.ladder(call)
        if ladder is None:
            return _problem(404, "no SIP messages of that call are kept", "it is unknown, or too long ago")
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
            return _problem(
                404, f"there is no part {part[:40]!r}", f"the parts are {', '.join(live.parts)}, connections"
            )
        found = live.page(part, offset, limit, asyncio.get_running_loop().time())
        return JSONResponse({"total": found.total, "offset": offset, "rows": found.rows}, headers=NO_STORE)

    return router


def _problem(status: int, what: str, why: str) -> Response:
    return JSONResponse({"what": what, "why": why, "todo": "offhook sip status"}, status, NO_STORE)
