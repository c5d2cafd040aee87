import asyncio
import json
import signal
import socket
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from email.message import Message

import pytest

from offhook.observe.health import HealthStatus, Readiness, ReadyStatus
from offhook.observe.metrics import Metrics
from offhook.usererror import UserError
from offhook.web.app import create_app
from offhook.web.server import WebServer


class Source:
    def __init__(self) -> None:
        self.health_now = HealthStatus(True, "", 0.002)
        self.ready_now = ReadyStatus(Readiness.STARTING, "engines are being started")
        self.numbers = Metrics("9.9")

    def health(self) -> HealthStatus:
        return self.health_now

    def ready(self) -> ReadyStatus:
        return self.ready_now

    async def metrics(self) -> bytes:
        return self.numbers.render()


class Client:
    def __init__(self, port: int) -> None:
        self.port = port

    def _get(self, path: str) -> tuple[int, Message, bytes]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers, error.read()

    async def get(self, path: str) -> tuple[int, Message, bytes]:
        return await asyncio.to_thread(self._get, path)

    async def json(self, path: str) -> tuple[int, dict[str, object]]:
        status, _, body = await self.get(path)
        return status, json.loads(body)


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
async def client(source: Source) -> AsyncIterator[Client]:
    server = WebServer(create_app(source))
    await server.start("127.0.0.1", 0)
    assert server.address is not None
    yield Client(server.address[1])
    await server.stop()


async def test_healthz(client: Client, source: Source) -> None:
    assert await client.json("/healthz") == (200, {"alive": True, "why": "", "loop_lag_ms": 2.0})
    source.health_now = HealthStatus(False, "the event loop stood still for 6.0 s", 6.0)
    status, body = await client.json("/healthz")
    assert status == 503
    assert body["why"] == "the event loop stood still for 6.0 s"


@pytest.mark.parametrize(
    ("state", "expected"),
    [(Readiness.READY, 200), (Readiness.STARTING, 503), (Readiness.DRAINING, 503), (Readiness.FULL, 429)],
)
async def test_readyz(client: Client, source: Source, state: Readiness, expected: int) -> None:
    source.ready_now = ReadyStatus(state, "because", {"active_calls": 3})
    assert await client.json("/readyz") == (
        expected,
        {"state": str(state), "why": "because", "active_calls": 3},
    )


async def test_metrics(client: Client) -> None:
    status, headers, body = await client.get("/metrics")
    assert status == 200
    assert headers["Content-Type"].startswith("text/plain")
    assert b"offhook_calls_active 0.0" in body


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json", "/nothing"])
async def test_nothing_else_is_served(client: Client, path: str) -> None:
    status, headers, _ = await client.get(path)
    assert status == 404
    assert "server" not in headers


async def test_many_at_once(client: Client) -> None:
    answers = await asyncio.gather(*(client.get("/healthz") for _ in range(50)))
    assert {status for status, _, _ in answers} == {200}


async def test_signal_handlers_stay(source: Source) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    server = WebServer(create_app(source))
    await server.start("127.0.0.1", 0)
    during = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    await server.stop()
    assert during == before


async def test_a_taken_port_is_explained(source: Source) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UserError) as caught:
            await WebServer(create_app(source)).start("127.0.0.1", port)
    text = caught.value.render()
    assert f"127.0.0.1:{port}" in text
    assert "in use" in text
    assert "--http" in text


@pytest.mark.parametrize(("host", "port"), [("192.0.2.1", 0), ("no.such.host.invalid", 0), ("127.0.0.1", 70_000)])
async def test_an_impossible_address_is_explained(source: Source, host: str, port: int) -> None:
    with pytest.raises(UserError, match="cannot serve HTTP"):
        await WebServer(create_app(source)).start(host, port)


async def test_stopping_frees_the_port_and_may_be_repeated(source: Source) -> None:
    server = WebServer(create_app(source))
    await server.start("127.0.0.1", 0)
    assert server.address is not None
    address = server.address
    with pytest.raises(RuntimeError):
        await server.start("127.0.0.1", 0)
    await server.stop()
    await server.stop()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(*address)


async def test_stopping_does_not_wait_for_idle_clients(source: Source) -> None:
    server = WebServer(create_app(source))
    await server.start("127.0.0.1", 0)
    assert server.address is not None
    reader, writer = await asyncio.open_connection(*server.address)
    writer.write(b"GET /healthz HTTP/1.1\r\n")
    await writer.drain()
    await asyncio.wait_for(server.stop(), 4)
    await reader.read()
    writer.close()


async def test_an_endless_header_is_cut_off(client: Client) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", client.port)
    writer.write(b"GET / HTTP/1.1\r\nX: " + b"x" * 100_000)
    answer = await asyncio.wait_for(reader.read(100), 5)
    assert answer.startswith(b"HTTP/1.1 400")
    writer.close()


async def test_metrics_are_collected_once_a_second(client: Client, source: Source) -> None:
    asked = 0
    render = source.numbers.render

    def counted() -> bytes:
        nonlocal asked
        asked += 1
        return render()

    source.numbers.render = counted  # type: ignore[method-assign]
    answers = await asyncio.gather(*(client.get("/metrics") for _ in range(20)))
    assert {status for status, _, _ in answers} == {200}
    assert asked <= 2


async def test_a_browser_gets_a_page_for_what_is_not_there(client: Client) -> None:
    request = urllib.request.Request(f"http://127.0.0.1:{client.port}/nothing", headers={"Accept": "text/html"})

    def ask() -> tuple[int, str, bytes]:
        try:
            urllib.request.urlopen(request, timeout=5)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers["Content-Type"], error.read()
        raise AssertionError("it was found")

    status, kind, body = await asyncio.to_thread(ask)
    assert (status, kind) == (404, "text/html; charset=utf-8")
    assert b"There is no such page" in body
