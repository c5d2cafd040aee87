"""A small HTTP server on loopback for the vendors' REST endpoints: one handler, bodies in chunks, faults included."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus

MAX_HEAD, MAX_BODY = 64 * 1024, 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request; the names of its headers are in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(slots=True)
class HttpResponse:
    """An answer: a whole body, or one that comes in chunks. `breaks` resets the connection where the body would end."""

    status: int = 200
    content_type: str = "application/json"
    body: bytes | AsyncIterator[bytes] = b""
    headers: dict[str, str] = field(default_factory=dict)
    breaks: bool = False


Handler = Callable[[HttpRequest], Awaitable[HttpResponse]]
_Connected = Callable[[asyncio.StreamReader, asyncio.StreamWriter], asyncio.Task[None]]


def json_response(status: int, fields: object) -> HttpResponse:
    """An answer in JSON."""
    return HttpResponse(status, body=json.dumps(fields).encode())


class _Connection(asyncio.StreamReaderProtocol):
    """Ends its work as soon as the client has closed, even while nothing is sent."""

    def __init__(self, reader: asyncio.StreamReader, connected: _Connected) -> None:
        super().__init__(reader, self._begin)
        self._connected = connected
        self._work: asyncio.Task[None] | None = None

    def _begin(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._work = self._connected(reader, writer)

    def eof_received(self) -> bool:
        super().eof_received()
        return False  # the transport closes: a client that has gone gets no answer

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        if self._work is not None:
            self._work.cancel()


class HttpServer:
    """Serves `handler` at 127.0.0.1, with connections that are kept open. Work for a client that closes its connection
    is cancelled: the handler, or the iterator of the body."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.connections = 0

    @property
    def port(self) -> int:
        """Where it listens."""
        if self._server is None:
            raise RuntimeError("the server has not been started")
        return int(self._server.sockets[0].getsockname()[1])

    async def start(self, port: int = 0) -> None:
        """Listen on a free port, or on this one."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: _Connection(asyncio.StreamReader(MAX_HEAD, loop), self._connected), "127.0.0.1", port
        )

    async def close(self) -> None:
        """End all connections. Idempotent."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
            for task in list(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await server.wait_closed()

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> asyncio.Task[None]:
        self.connections += 1
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
                while (request := await _read(reader)) is not None:
                    response = await self._handler(request)
                    await _write(writer, response)
                    if response.breaks:
                        writer.transport.abort()
                        return
        finally:
            writer.close()


async def _read(reader: asyncio.StreamReader) -> HttpRequest | None:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.rstrip("\r\n").split("\r\n")
    method, path, _ = first.split(" ", 2)
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    length = int(headers.get("content-length", "0"))
    if length > MAX_BODY:
        return None
    return HttpRequest(method, path, headers, await reader.readexactly(length))


async def _write(writer: asyncio.StreamWriter, response: HttpResponse) -> None:
    phrase = HTTPStatus(response.status).phrase
    lines = [f"HTTP/1.1 {response.status} {phrase}", f"Content-Type: {response.content_type}"]
    lines += [f"{name}: {value}" for name, value in response.headers.items()]
    body = response.body
    if isinstance(body, bytes):
        lines.append(f"Content-Length: {len(body)}")
        writer.write("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)
        await writer.drain()
        return
    lines.append("Transfer-Encoding: chunked")
    writer.write("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n")
    await writer.drain()
    try:
        async for chunk in body:
            writer.write(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
            await writer.drain()
    finally:
        if isinstance(body, AsyncGenerator):
            await body.aclose()
    if not response.breaks:
        writer.write(b"0\r\n\r\n")
        await writer.drain()
