import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi import FastAPI

from offhook.observe.health import Readiness, ReadyStatus
from offhook.observe.live_feed import LiveCall, LiveFeed
from offhook.pipeline.trace import BotSpoke, CallerPartial, KeyPressed
from offhook.web import live
from offhook.web.live import LiveHub, TooManyViewersError, Viewer, live_routes
from offhook.web.server import WebServer

BEGUN = {"kind": "begun", "at": 0.0, "caller": "a", "called": "b"}


class Source:
    """A bot whose readiness is set from outside."""

    now = ReadyStatus(Readiness.READY)

    def ready(self) -> ReadyStatus:
        return self.now


def messages(text: bytes) -> list[tuple[str, Any]]:
    """Server-Sent Events, apart: name and content."""
    found = []
    for block in text.decode().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n") if ": " in line and not line.startswith(":"))
        if "data" in fields:
            found.append((fields["event"], json.loads(fields["data"])))
    return found


async def shown(viewer: Viewer) -> list[tuple[str, Any]]:
    async with asyncio.timeout(5):
        return messages(await viewer.next())


async def test_a_viewer_gets_a_snapshot_then_what_happens() -> None:
    hub = LiveHub()
    first = hub.enter(None)
    hub.publish("one", BEGUN | {"so_far": [{"kind": "bot", "at": 1.0, "text": "Hello."}]})
    assert await shown(first) == [
        ("snapshot", {"calls": []}),
        ("call", {"call": "one", "events": [BEGUN, {"kind": "bot", "at": 1.0, "text": "Hello."}]}),
    ]
    hub.publish("one", {"kind": "bot", "at": 2.0, "text": "Goodbye."})
    assert await shown(first) == [("event", {"call": "one", "kind": "bot", "at": 2.0, "text": "Goodbye."})]
    second = hub.enter(None)
    ((name, snapshot),) = await shown(second)
    assert name == "snapshot"
    assert [event.get("text") for event in snapshot["calls"][0]["events"]] == [None, "Goodbye."]


async def test_a_second_viewer_gets_the_age_of_the_call() -> None:
    now = 100.0
    hub = LiveHub(lambda: now)
    hub.enter(None)
    hub.publish("one", BEGUN | {"age_s": 2.0, "so_far": []})
    now = 105.5
    for focus in (None, "one"):
        ((_, snapshot),) = await shown(hub.enter(focus))
        assert snapshot["calls"][0]["events"][0]["age_s"] == 7.5


async def test_of_a_long_call_the_beginning_is_forgotten_but_not_who_calls() -> None:
    hub = LiveHub()
    hub.enter(None)
    hub.publish("one", BEGUN)
    for second in range(live.MAX_KEPT_EVENTS + 10):
        hub.publish("one", {"kind": "bot", "at": float(second), "text": "and so on"})
    ((_, snapshot),) = await shown(hub.enter("one"))
    events = snapshot["calls"][0]["events"]
    assert (events[0], len(events)) == (BEGUN, live.MAX_KEPT_EVENTS + 1)


async def test_only_the_call_in_focus_is_sent_in_detail() -> None:
    hub = LiveHub()
    viewer, other = hub.enter("one"), hub.enter("two")
    for call in ("one", "two"):
        hub.publish(call, BEGUN)
        hub.publish(call, {"kind": "levels", "at": 0.0, "caller": [1], "bot": [2]})
        hub.publish(call, {"kind": "heard", "at": 1.0, "heard": "Hello"})
    kinds = [(content["call"], content.get("kind")) for name, content in await shown(viewer) if name != "snapshot"]
    assert kinds == [("one", None), ("one", "levels"), ("one", "heard"), ("two", None)]
    hub.leave(other)
    late = hub.enter("two")
    snapshot = (await shown(late))[0][1]
    sent = [[event["kind"] for event in call["events"]] for call in snapshot["calls"]]
    assert sent == [["begun"], ["begun", "heard"]]


async def test_who_does_not_read_is_cut_off_and_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "MAX_WAITING_BYTES", 2_000)
    hub = LiveHub()
    slow, quick = hub.enter(None), hub.enter(None)
    hub.publish("one", BEGUN)
    for second in range(40):
        hub.publish("one", {"kind": "bot", "at": float(second), "text": "and so on"})
        await quick.next()
    assert slow.cut.is_set()
    assert not quick.cut.is_set()


async def test_those_who_have_the_calls_know_what_is_looked_at() -> None:
    asked: list[frozenset[str] | None] = []
    hub = LiveHub()
    hub.on_watch = asked.append
    one, two = hub.enter("one"), hub.enter(None)
    hub.leave(one)
    hub.leave(one)
    hub.leave(two)
    assert asked == [frozenset({"one"}), frozenset({"one"}), frozenset(), None]


async def test_what_comes_late_of_another_time_is_not_shown() -> None:
    hub = LiveHub()
    hub.leave(hub.enter(None))
    viewer = hub.enter(None)
    hub.publish("one", {"kind": "bot", "at": 1.0, "text": "Hello."})
    hub.publish("one", {"kind": "ended", "at": 1.0})
    assert await shown(viewer) == [("snapshot", {"calls": []})]


async def test_calls_that_are_lost_end() -> None:
    hub = LiveHub()
    viewer = hub.enter(None)
    hub.publish("one", BEGUN)
    hub.lost(["one", "unknown"])
    name, ended = (await shown(viewer))[-1]
    assert (name, ended["call"], ended["kind"], ended["by"]) == ("event", "one", "ended", "crash")


async def test_only_so_many_may_look() -> None:
    hub = LiveHub()
    for _ in range(live.MAX_VIEWERS):
        hub.enter(None)
    with pytest.raises(TooManyViewersError):
        hub.enter(None)


async def test_silence_is_kept_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "KEEP_ALIVE_S", 0.01)
    viewer = Viewer(None)
    assert (await viewer.next()).startswith(b":")


async def test_feed_and_hub_together() -> None:
    hub = LiveHub()
    feed = LiveFeed(hub.publish)
    hub.on_watch = feed.watch
    call = feed.begin("one", LiveCall("a", "b", "c", "udp", "2026-01-01T00:00:00Z"), 0.0)
    call.on_event(BotSpoke("Hello.", 1.0))
    viewer = hub.enter("one")
    call.on_event(CallerPartial("che", 2.0))
    call.on_event(KeyPressed(3.0))
    sent = await shown(viewer)
    assert [name for name, _ in sent] == ["snapshot", "call", "event", "event"]
    assert [event["kind"] for event in sent[1][1]["events"]] == ["begun", "bot"]
    assert [content["kind"] for name, content in sent if name == "event"] == ["partial", "key"]


@pytest.fixture
async def hub_and_address() -> AsyncIterator[tuple[LiveHub, tuple[str, int]]]:
    hub = LiveHub()
    app = FastAPI()
    app.state.status = Source()
    app.include_router(live_routes(hub))
    server = WebServer(app)
    await server.start("127.0.0.1", 0)
    assert server.address is not None
    yield hub, server.address
    hub.close()
    await server.stop()


async def _open(address: tuple[str, int], path: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection(*address)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    return reader, writer


async def test_over_http(hub_and_address: tuple[LiveHub, tuple[str, int]]) -> None:
    hub, address = hub_and_address
    async with asyncio.timeout(10):
        reader, writer = await _open(address, "/api/live?call=one")
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200")
        assert b"text/event-stream" in head
        await reader.readuntil(b"event: snapshot")
        hub.publish("one", BEGUN)
        await reader.readuntil(b"event: call")
        gone = asyncio.Event()
        hub.on_watch = lambda watched: gone.set() if watched is None else None
        writer.close()
        await gone.wait()


async def test_a_viewer_gets_at_once_whether_calls_can_come_in(
    hub_and_address: tuple[LiveHub, tuple[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "STATUS_S", 0.01)
    _, address = hub_and_address
    async with asyncio.timeout(10):
        reader, writer = await _open(address, "/api/live")
        for state, why in (("ready", ""), ("draining", "the bot was asked to stop")):
            Source.now = ReadyStatus(Readiness(state), why)
            line = await reader.readuntil(b"event: status\ndata: ") + await reader.readline()
            assert json.loads(line.rpartition(b"data: ")[2]) == {"state": state, "why": why}
        writer.close()


async def test_the_hub_s_end_ends_the_stream(hub_and_address: tuple[LiveHub, tuple[str, int]]) -> None:
    hub, address = hub_and_address
    async with asyncio.timeout(10):
        reader, writer = await _open(address, "/api/live")
        await reader.readuntil(b"event: snapshot")
        hub.close()
        assert (await reader.read()).endswith(b"0\r\n\r\n")
        writer.close()


async def test_a_browser_that_does_not_read_is_sent_away(
    hub_and_address: tuple[LiveHub, tuple[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "MAX_WAITING_BYTES", 100_000)
    hub, address = hub_and_address
    async with asyncio.timeout(20):
        reader, writer = await _open(address, "/api/live")
        await reader.readuntil(b"event: snapshot")
        writer.transport.pause_reading()  # type: ignore[attr-defined]  # a stream's transport reads
        hub.publish("one", BEGUN)
        gone = asyncio.Event()
        hub.on_watch = lambda watched: gone.set() if watched is None else None
        while not gone.is_set():
            hub.publish("one", {"kind": "bot", "at": 0.0, "text": "x" * 4_000})
            await asyncio.sleep(0)
        writer.transport.abort()


async def test_one_viewer_too_many_is_refused(hub_and_address: tuple[LiveHub, tuple[str, int]]) -> None:
    hub, address = hub_and_address
    for _ in range(live.MAX_VIEWERS):
        hub.enter(None)
    reader, writer = await _open(address, "/api/live")
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 503")
    assert b"retry-after: 10" in head.lower()
    writer.close()
