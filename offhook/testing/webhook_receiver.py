"""A server that receives webhooks, and fails on command.

    async with WebhookReceiver(secret=SECRET) as receiver:
        receiver.answers.extend([Answer(503), Answer(200)])  # for the next requests; then `otherwise`
        ...  # a webhook to receiver.url
        (first,) = await receiver.received(1)

With a `secret`, a request that is not signed with it, or is too old, gets 401 and is not received.
"""

import asyncio
import json
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from offhook.outbox.signature import ID, is_genuine

MAX_HEAD_BYTES = 65_536
Fault = Literal["none", "hangs", "hangs_up", "endless"]
"""`hangs`: it never answers; `hangs_up`: it closes the connection; `endless`: its body has no end."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the receiver answers."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    fault: Fault = "none"


@dataclass(frozen=True, slots=True)
class Received:
    """A request. `accepted`: it was answered with 200 to 299."""

    id: str
    headers: dict[str, str]
    body: bytes
    at: float
    accepted: bool
    event: dict[str, Any] = field(default_factory=dict)

    @property
    def type(self) -> str:
        """The event's type."""
        return str(self.event.get("type", ""))

    @property
    def call(self) -> str:
        """The event's call."""
        return str(self.event.get("data", {}).get("uniqueid", ""))


class WebhookReceiver:
    """See the module. `otherwise` answers what `answers` has nothing for; it is asked with each event."""

    def __init__(self, *, secret: str | None = None, port: int = 0, path: str = "/events") -> None:
        self.answers: deque[Answer] = deque()
        self.otherwise: Callable[[dict[str, Any]], Answer] = lambda event: Answer()
        self.requests: list[Received] = []
        self.unsigned = 0
        """Requests that were refused for their signature."""
        self.most_at_once = 0
        self._secret = secret
        self._port = port
        self._path = path
        self._at_once = 0
        self._news = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """Where to send events."""
        assert self._server is not None, "it has been started"
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}{self._path}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port, limit=MAX_HEAD_BYTES)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    @property
    def accepted(self) -> list[Received]:
        """What was answered with 200 to 299, repeats included."""
        return [each for each in self.requests if each.accepted]

    async def until(self, wanted: Callable[[], bool], within_s: float = 20.0) -> None:
        """Wait until it is so. Raises TimeoutError."""
        async with asyncio.timeout(within_s):
            while not wanted():
                self._news.clear()
                await self._news.wait()

    async def received(self, count: int, within_s: float = 20.0) -> list[Received]:
        """The first so many accepted requests."""
        await self.until(lambda: len(self.accepted) >= count, within_s)
        return self.accepted[:count]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            await self._exchange(reader, writer)
        except (OSError, EOFError, asyncio.CancelledError):
            pass  # the other side has gone, or the test has ended
        finally:
            self._at_once -= 1
            self._tasks.discard(task)
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        pairs = (line.partition(":") for line in head[1:] if line)
        headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        now = time.time()
        if self._secret is not None and not is_genuine(self._secret, headers, body, now):
            self.unsigned += 1
            await _send(writer, Answer(401))
            return
        event = json.loads(body)
        answer = self.answers.popleft() if self.answers else self.otherwise(event)
        accepted = answer.fault in ("none", "endless") and 200 <= answer.status < 300
        self.requests.append(Received(headers.get(ID, ""), headers, body, now, accepted, event))
        self._news.set()
        await _FAULTS.get(answer.fault, _send)(writer, answer)


async def _send(writer: asyncio.StreamWriter, answer: Answer) -> None:
    lines = [f"HTTP/1.1 {answer.status} Status", "Content-Length: 0", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in answer.headers]
    writer.write("\r\n".join([*lines, "", ""]).encode())
    await writer.drain()


async def _hang(writer: asyncio.StreamWriter, answer: Answer) -> None:
    await asyncio.Event().wait()


async def _hang_up(writer: asyncio.StreamWriter, answer: Answer) -> None:
    writer.transport.abort()


async def _send_endlessly(writer: asyncio.StreamWriter, answer: Answer) -> None:
    writer.write(f"HTTP/1.1 {answer.status} Status\r\nConnection: close\r\n\r\n".encode())
    while True:
        writer.write(bytes(65_536))
        await writer.drain()


_FAULTS: dict[str, Callable[[asyncio.StreamWriter, Answer], Awaitable[None]]] = {
    "hangs": _hang,
    "hangs_up": _hang_up,
    "endless": _send_endlessly,
}
