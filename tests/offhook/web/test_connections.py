"""Connections that ask for nothing, or for too much, keep nobody out."""

import asyncio
import http.client
import time
from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI

from offhook.web import connections, request_limits
from tests.offhook.web.streams import Front, front

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture
async def bot() -> AsyncIterator[Front]:
    async with front() as found:
        yield found


async def opened(bot: Front, count: int, first: bytes = b"") -> list[Connection]:
    found = []
    for _ in range(count):
        reader, writer = await asyncio.open_connection("127.0.0.1", bot.port)
        writer.write(first)
        found.append((reader, writer))
    await asyncio.sleep(0.05)
    return found


def close(held: list[Connection]) -> None:
    for _, writer in held:
        writer.transport.abort()


HELD = {
    "idle": b"",
    "half a head": b"GET / HTTP/1.1\r\nHost: localhost\r\n",
    "half a body": b"POST /twilio/voice HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nx",
    "half a page's body": b"POST /api/talk HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nx",
    "answered, and silent since": b"GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n",
}


@pytest.mark.parametrize("first", HELD.values(), ids=HELD)
async def test_those_that_wait_for_their_clients_make_room(bot: Front, first: bytes) -> None:
    held = await opened(bot, connections.MAX_PER_SOURCE + 60, first)
    try:
        for _ in range(3):
            assert (await bot.webhook({"CallSid": "CA1"})).status == 200
            assert (await bot.upgrade("/twilio/media")).status == 101
    finally:
        close(held)


async def test_the_first_byte_has_a_deadline(bot: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "FIRST_BYTE_S", 0.1)
    ((reader, writer),) = await opened(bot, 1)
    assert await asyncio.wait_for(reader.read(), 2) == b""
    writer.close()


@pytest.mark.parametrize("whole", ["half a head", "half a body"])
async def test_a_request_that_trickles_has_a_deadline(bot: Front, monkeypatch: pytest.MonkeyPatch, whole: str) -> None:
    monkeypatch.setattr(connections, "REQUEST_S", 0.3)
    ((reader, writer),) = await opened(bot, 1, HELD[whole])
    began = time.monotonic()

    async def trickle() -> None:
        while True:
            writer.write(b"x")
            await asyncio.sleep(0.05)

    trickling = asyncio.create_task(trickle())
    try:
        answer = await asyncio.wait_for(reader.read(), 2)
    except ConnectionResetError:
        answer = b""
    finally:
        trickling.cancel()
        writer.transport.abort()
    assert time.monotonic() - began < 1.5
    assert answer.startswith(b"HTTP/1.1 408") == (whole == "half a head")


async def test_a_second_request_has_the_same_deadline(bot: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "REQUEST_S", 0.2)
    ((reader, writer),) = await opened(bot, 1, HELD["answered, and silent since"])
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"GET / HT")
    assert b"HTTP/1.1 408" in await asyncio.wait_for(reader.read(), 2)
    writer.close()


async def test_keep_alive_and_pipelining_still_work(bot: Front) -> None:
    one = HELD["answered, and silent since"]
    ((reader, writer),) = await opened(bot, 1, one * 3)
    for _ in range(3):
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 2)
        assert head.startswith(b"HTTP/1.1 404")
        length = next(
            int(line.split(b":")[1]) for line in head.splitlines() if line.lower().startswith(b"content-length")
        )
        await reader.readexactly(length)
    writer.close()


@pytest.mark.parametrize("path", ["/api/talk", "/twilio/voice", "/telnyx/voice", "/nothing"])
async def test_every_body_has_a_limit(bot: Front, path: str) -> None:
    more = request_limits.BODY_BYTES + 1
    assert (await bot.ask("POST", path, {"Content-Length": str(200 * 2**20)})).status == 413
    assert (await bot.ask("POST", path, {"Content-Type": "application/json"}, b"x" * more)).status == 413
    reader, writer = await asyncio.open_connection("127.0.0.1", bot.port)
    writer.write(f"POST {path} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
    writer.write(b"10000\r\n" + b"x" * 65_536 + b"\r\n10000\r\n" + b"x" * 65_536 + b"\r\n")
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 2)
    assert head.startswith(b"HTTP/1.1 413")
    writer.close()


async def test_a_client_that_sends_all_of_a_long_body_gets_the_answer(bot: Front) -> None:
    def post() -> int:
        client = http.client.HTTPConnection("127.0.0.1", bot.port, timeout=10)
        client.request("POST", "/api/talk", bytes(16 * 2**20), {"Content-Type": "application/json"})
        status = client.getresponse().status
        client.close()
        return status

    assert await asyncio.to_thread(post) == 413


async def test_pages_that_are_busy_leave_room_for_webhooks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_limits, "MAX_PAGE_REQUESTS", 2)
    asked, answer = asyncio.Semaphore(0), asyncio.Event()

    async def wait() -> str:
        asked.release()
        await answer.wait()
        return "done"

    def slow(app: FastAPI) -> None:
        app.add_api_route("/slow", wait)

    async with front(around=slow) as bot:
        waiting = [asyncio.create_task(bot.ask("GET", "/slow", {})) for _ in range(2)]
        for _ in waiting:
            await asyncio.wait_for(asked.acquire(), 2)
        assert (await bot.ask("GET", "/slow", {})).status == 503
        assert (await bot.webhook({"CallSid": "CA1"})).status == 200
        answer.set()
        assert {(await one).status for one in waiting} == {200}


def test_a_source_that_asks_too_often_waits() -> None:
    now = 0.0
    rates = request_limits.SourceRates(lambda: now)
    rate = request_limits.Rate(10.0, 5.0)
    assert [rates.delay_s("a", rate) for _ in range(7)] == [0, 0, 0, 0, 0, pytest.approx(0.1), pytest.approx(0.2)]
    assert rates.delay_s("b", rate) == 0
    now = 1.0
    assert rates.delay_s("a", rate) == 0
    delays = [rates.delay_s("a", rate) for _ in range(100)]
    assert max(delays) < request_limits.MAX_DELAY_S + 2 / rate.per_s, "what is refused costs nothing"


def test_sources_are_not_remembered_for_ever() -> None:
    rates = request_limits.SourceRates(lambda: 0.0)
    for n in range(2 * request_limits.MAX_SOURCES):
        rates.delay_s(str(n), request_limits.PAGES)
    assert len(rates._buckets) == request_limits.MAX_SOURCES


async def test_hammering_is_slowed_down(bot: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_limits, "PAGES", request_limits.Rate(20.0, 5.0))
    began = time.monotonic()
    for _ in range(15):
        assert (await bot.ask("GET", "/nothing", {})).status == 404
    assert time.monotonic() - began >= 9 / 20
