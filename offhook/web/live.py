"""Calls as they happen: the hub in the process that serves HTTP, and `/api/live`, Server-Sent Events.

A viewer gets a snapshot, then events: all of the call in focus, of the others what a list shows. A viewer that reads
too slowly is disconnected, not buffered; a browser reconnects by itself and gets a new snapshot.
"""

import asyncio
import json
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import Any, Protocol

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from offhook.observe.health import StatusSource
from offhook.observe.live_events import TRANSIENT, LiveEvent

MAX_VIEWERS = 16
MAX_WAITING_BYTES = 4 * 2**20
"""For one viewer: a snapshot of a thousand calls, or half an hour of one."""
STATUS_S = 0.25
"""How often readiness is checked."""
MAX_KEPT_EVENTS = 2_000
"""Of one call, for later viewers."""
MAX_CALLS = 5_000
KEEP_ALIVE_S = 15.0
RETRY_MS = 1_000

IN_LISTS = frozenset({"begun", "state", "bot", "typed", "ignored", "answer", "barge_in", "turn", "ended"})
"""The kinds that every viewer gets of every call."""

Watch = Callable[[frozenset[str] | None], None]
"""Called with the calls whose details are watched, or None when nobody watches."""


class TooManyViewersError(Exception):
    """There are `MAX_VIEWERS` already."""


class LiveHub:
    """The viewers, and what they get. The event loop's thread only.

    `on_watch` is set by the owner of the calls. For the first viewer it has to publish a "begun" for each call, with
    the earlier events in `so_far`.
    """

    def __init__(self, now: Callable[[], float] = monotonic) -> None:
        self.on_watch: Watch = lambda _: None
        self._now = now
        self._viewers: set[Viewer] = set()
        self._calls: dict[str, _Shown] = {}

    def publish(self, uniqueid: str, event: LiveEvent) -> None:
        """Pass an event of a call to the viewers."""
        kind = event["kind"]
        if not self._viewers:
            return
        if kind == "begun":
            self._begin(uniqueid, event)
            return
        shown = self._calls.get(uniqueid)
        if shown is None:
            return  # a late event, from before all viewers had left
        if kind == "ended":
            del self._calls[uniqueid]
        elif kind not in TRANSIENT:
            shown.later.append(event)
        message = None
        for viewer in self._viewers:
            if kind in IN_LISTS or viewer.focus == uniqueid:
                message = message or written("event", {"call": uniqueid, **event})
                viewer.offer(message)

    def _begin(self, uniqueid: str, event: LiveEvent) -> None:
        if len(self._calls) >= MAX_CALLS:
            return
        begun = {name: value for name, value in event.items() if name != "so_far"}
        self._calls[uniqueid] = _Shown(begun, self._now(), deque(event.get("so_far", ()), MAX_KEPT_EVENTS))
        for viewer in self._viewers:
            viewer.offer(written("call", self._so_far(uniqueid, viewer.focus == uniqueid)))

    def lost(self, uniqueids: list[str]) -> None:
        """These calls ended with the process that carried them."""
        for uniqueid in uniqueids:
            self.publish(uniqueid, {"kind": "ended", "at": 0.0, "by": "crash", "reason": "crash"})

    def enter(self, focus: str | None) -> "Viewer":
        """Add a viewer, who gets all of the call `focus`. Raises TooManyViewersError."""
        if len(self._viewers) >= MAX_VIEWERS:
            raise TooManyViewersError
        viewer = Viewer(focus)
        known = list(self._calls) if self._viewers else []
        viewer.offer(written("snapshot", {"calls": [self._so_far(one, one == focus) for one in known]}))
        self._viewers.add(viewer)
        self._watch()
        return viewer

    def leave(self, viewer: "Viewer") -> None:
        """Remove a viewer. Idempotent."""
        if viewer in self._viewers:
            self._viewers.discard(viewer)
            self._watch()
            if not self._viewers:
                self._calls.clear()

    def close(self) -> None:
        """Disconnect all viewers, because the process ends."""
        for viewer in list(self._viewers):
            viewer.cut.set()

    def _watch(self) -> None:
        self.on_watch(frozenset(v.focus for v in self._viewers if v.focus is not None) if self._viewers else None)

    def _so_far(self, uniqueid: str, whole: bool) -> dict[str, Any]:
        shown = self._calls[uniqueid]
        begun = shown.begun
        if "age_s" in begun:
            begun = begun | {"age_s": begun["age_s"] + self._now() - shown.begun_at}
        if whole:
            return {"call": uniqueid, "events": [begun, *shown.later]}
        latest = {event["kind"]: event for event in shown.later if event["kind"] in IN_LISTS}
        return {"call": uniqueid, "events": [begun, *sorted(latest.values(), key=lambda event: event["at"])]}


@dataclass(slots=True)
class _Shown:
    """The events of a call so far. `begun` came at `begun_at`, and has the call's age at that time."""

    begun: LiveEvent
    begun_at: float
    later: deque[LiveEvent]


class Viewer:
    """One browser: made by `LiveHub.enter`."""

    def __init__(self, focus: str | None) -> None:
        self.focus = focus
        self.cut = asyncio.Event()
        self._waiting = bytearray()
        self._ready = asyncio.Event()

    def offer(self, message: bytes) -> None:
        """The next message. A viewer that has not read the earlier ones is disconnected."""
        if len(self._waiting) + len(message) > MAX_WAITING_BYTES:
            self.cut.set()
            return
        self._waiting += message
        self._ready.set()

    async def next(self) -> bytes:
        """All pending messages; a comment when nothing happens for a while."""
        try:
            async with asyncio.timeout(KEEP_ALIVE_S):
                await self._ready.wait()
        except TimeoutError:
            return b": nothing new\n\n"
        self._ready.clear()
        waiting, self._waiting = self._waiting, bytearray()
        return bytes(waiting)


class Hub(Protocol):
    """Where viewers come from."""

    def leave(self, viewer: Viewer) -> None:
        """Remove a viewer. Idempotent."""


class EventStream(Response):
    """A response that lasts until the browser or the hub ends it."""

    media_type = "text/event-stream"

    def __init__(self, hub: Hub, viewer: Viewer, status: StatusSource | None = None) -> None:
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._hub = hub
        self._viewer = viewer
        self._status = status

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until either side ends. A browser that does not read blocks only its own `send`."""
        tasks = {
            asyncio.ensure_future(self._pump(send)),
            asyncio.ensure_future(_gone(receive)),
            asyncio.ensure_future(self._viewer.cut.wait()),
        }
        if self._status is not None:
            tasks.add(asyncio.ensure_future(self._send_status(self._status)))
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._hub.leave(self._viewer)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        with suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _send_status(self, status: StatusSource) -> None:
        """Whether calls can come in, now and whenever it changes."""
        before = None
        while True:
            ready = status.ready()
            shown = {"state": str(ready.state), "why": ready.why}
            if shown != before:
                self._viewer.offer(written("status", shown))
                before = shown
            await asyncio.sleep(STATUS_S)

    async def _pump(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        first = b"retry: %d\n\n" % RETRY_MS
        while True:
            message = first + await self._viewer.next()
            first = b""
            await send({"type": "http.response.body", "body": message, "more_body": True})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def live_routes(hub: LiveHub) -> APIRouter:
    """`/api/live?call=ID`."""
    router = APIRouter()

    @router.get("/api/live")
    async def live(request: Request, call: str | None = None) -> Response:
        try:
            viewer = hub.enter(call[:64] if call else None)
            return EventStream(hub, viewer, getattr(request.app.state, "status", None))
        except TooManyViewersError:
            return too_many_viewers()

    return router


def too_many_viewers() -> Response:
    """The answer to one viewer too many."""
    body = {
        "what": "no more live pages can be opened",
        "why": f"{MAX_VIEWERS} are open already",
        "todo": "close one of them",
    }
    return JSONResponse(body, 503, {"Retry-After": "10", "Cache-Control": "no-store"})


def written(event: str, content: dict[str, Any]) -> bytes:
    """A Server-Sent Event."""
    return f"event: {event}\ndata: {json.dumps(content, separators=(',', ':'))}\n\n".encode()
