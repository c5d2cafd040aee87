"""Tools that are HTTP requests, against a real server on loopback."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest

from offhook.agents.http_tool import HttpTool
from offhook.agents.tools import ToolError
from offhook.http_request import MAX_ANSWER_BYTES, HttpRequest


class Server:
    """Answers each request with `answer`; `requests` has heads and bodies."""

    def __init__(self) -> None:
        self.requests: list[bytes] = []
        self.answer: Callable[[], bytes] = lambda: ok({"data": {"items": [{"state": "shipped"}]}})
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = [
            int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
        ]
        self.requests.append(head + (await reader.readexactly(length[0]) if length else b""))
        try:
            writer.write(self.answer())
            await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    def tool(self, path: str = "/orders/{number}", result: str = "", **more: object) -> HttpTool:
        made = HttpRequest(f"http://127.0.0.1:{self.port}{path}", allow_private=True)
        return HttpTool(replace(made, **more), result)  # type: ignore[arg-type]


def ok(value: object, status: str = "200 OK", headers: str = "") -> bytes:
    body = json.dumps(value).encode()
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    made = Server()
    listening = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = listening.sockets[0].getsockname()[1]
    yield made
    listening.close()


async def test_values_go_into_the_address_and_the_query(server: Server) -> None:
    tool = server.tool(result="data.items.0.state", headers={"Authorization": "Bearer s3cret"})
    assert await tool.run({"number": "47/11?x", "day": "2026-12-01"}) == "shipped"
    head = server.requests[0].decode()
    assert head.startswith("GET /orders/47%2F11%3Fx?day=2026-12-01 HTTP/1.1\r\n")
    assert "Authorization: Bearer s3cret" in head


async def test_values_go_into_the_body_of_a_post(server: Server) -> None:
    assert "shipped" in await server.tool(method="POST").run({"number": "1", "people": 4, "note": None})
    assert server.requests[0].startswith(b"POST /orders/1 HTTP/1.1")
    assert json.loads(server.requests[0].partition(b"\r\n\r\n")[2]) == {"people": 4}


@pytest.mark.parametrize("value", ["..", ".", "../admin", "%2e%2e", "x\r\nHost: evil", "x HTTP/1.1"])
async def test_a_value_leads_nowhere_else(value: str, server: Server) -> None:
    try:
        await server.tool("/orders/{number}/state").run({"number": value})
    except ToolError:
        assert not server.requests
        return
    line = server.requests[0].split(b"\r\n")[0].decode()
    assert line.startswith("GET /orders/")
    assert line.endswith("/state HTTP/1.1")
    assert line.count("/") == 4
    assert server.requests[0].count(b"Host:") == 1


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (ok({}, "302 Found", "Location: http://evil.example/\r\n"), "redirect"),
        (ok({"error": "no such order"}, "404 Not Found"), "HTTP 404.*no such order"),
        (ok([]), "has no `data"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nhalf", "broke off"),
        (b"nonsense\r\n\r\n", "broke off"),
        (b"", "broke off"),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + b"x" * (MAX_ANSWER_BYTES + 1), "more than"),
    ],
)
async def test_what_a_server_may_do_wrong(answer: bytes, why: str, server: Server) -> None:
    server.answer = lambda: answer
    with pytest.raises(ToolError, match=why):
        await server.tool(result="data.items.0.state").run({"number": "1"})


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "10.0.0.1", "169.254.169.254", "[::1]", "192.168.1.1"])
async def test_private_networks_are_refused(host: str, server: Server) -> None:
    with pytest.raises(ToolError, match="private"):
        await HttpTool(HttpRequest(f"http://{host}:{server.port}/x")).run({})
    assert not server.requests


async def test_a_server_that_is_away() -> None:
    with pytest.raises(ToolError, match="cannot be reached"):
        await HttpTool(HttpRequest("http://127.0.0.1:9/x", allow_private=True)).run({})
