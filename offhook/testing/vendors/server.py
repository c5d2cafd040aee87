"""What the vendors' servers share: a WebSocket server on loopback, a script, faults, a log of what was received.

    async with ElevenLabsServer(["check my balance"]) as server:
        ...  # an engine with base_url = server.url and api_key = server.api_key

A server is strict: what the vendor would refuse is refused with the vendor's words, and what the vendor would let pass
although its documentation forbids it is noted in `violations`.
"""

import asyncio
import json
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Literal, Self, TypeVar
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from offhook.testing.vendors.script import Script, Transcribe

T = TypeVar("T")

CLOSE_S = 1.0
"""For the client to close when the server ends."""

Message = dict[str, Any]

Fault = Literal[
    "mute",
    "dies",
    "busy",
    "slow",
    "shrinking-partials",
    "no-final",
    "audio-after-cancel",
    "wrong-context",
    "idle-close",
    "rate-limit",
    "session-expired",
]
"""What may be wrong with a vendor.

- `mute`: accepts connections and sends nothing, on those that are open either.
- `dies`: the TCP connection is reset at the third message, without a close frame.
- `busy`: 429 at the upgrade.
- `slow`: the first audio, or the final transcript, comes `slow_s` late.
- `shrinking-partials`: every third partial has fewer words than the one before.
- `no-final`: partials come, and the final transcript never does.
- `audio-after-cancel`: a cancelled text is spoken to its end all the same.
- `wrong-context`: what is sent carries the id of another context.
- `idle-close`: the connection is closed after `idle_s` without a message.
- `rate-limit`: every response of a speech model fails with that reason.
- `session-expired`: a speech model's session has reached its limit at the next message.
"""


@dataclass(slots=True)
class SessionLog:
    """What one connection received: its query, how many messages, its JSON without the audio, and the audio."""

    path: str
    query: Mapping[str, list[str]]
    received: int = 0
    messages: list[Message] = field(default_factory=list)
    audio: bytearray = field(default_factory=bytearray)
    closed: tuple[int, str] | None = None
    """The close code and reason, whichever side closed."""

    def option(self, name: str, default: str = "") -> str:
        """One value of the query."""
        return self.query.get(name, [default])[0]


class FaultyServer:
    """What a vendor's server has, whatever protocol it speaks.

    It understands `texts` (see Script), and speaks `realtime_factor` times as fast as it will be heard (0: at once).
    `fault` may be changed at any time: it holds for what happens from then on; `slow_s` and `idle_s` are the faults'.
    `sessions` and `violations` have all connections so far, and what their clients did wrong.
    """

    def __init__(
        self,
        texts: Iterable[str] | Transcribe = (),
        *,
        api_key: str = "test-key",
        fault: Fault | None = None,
        realtime_factor: float = 0.0,
        slow_s: float = 2.0,
        idle_s: float = 0.2,
    ) -> None:
        self.script = Script(texts)
        self.api_key = api_key
        self.realtime_factor = realtime_factor
        self.fault: Fault | None = fault
        self.slow_s = slow_s
        self.idle_s = idle_s
        self.upgrades = 0
        self.sessions: list[SessionLog] = []
        self.violations: list[str] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def url(self) -> str:
        """For the engine's `base_url`."""
        raise NotImplementedError

    async def start(self, port: int = 0) -> None:
        """Listen on a free port of 127.0.0.1, or on this one."""
        raise NotImplementedError

    async def close(self) -> None:
        """End all connections. Idempotent."""
        raise NotImplementedError

    def reset(self) -> None:
        """Lose all connections: the clients get TCP resets, and nothing that says why."""
        raise NotImplementedError

    def spawn(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        """A task that ends with the server."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def late(self) -> None:
        """Wait, if the fault is `slow`."""
        if self.fault == "slow":
            await asyncio.sleep(self.slow_s)

    def shown(self, words: Sequence[T], number: int) -> Sequence[T]:
        """The words of a connection's partial with this number: not all, if they shrink."""
        return words[:-1] if self.fault == "shrinking-partials" and number % 3 == 0 else words


class VendorServer(FaultyServer):
    """A vendor's WebSocket at `url`. Subclasses have `paths`, `authorised` and `session`."""

    paths: tuple[str, ...] = ()
    """Prefixes of the paths that it has."""

    _server: Server | None = None

    @property
    def port(self) -> int:
        """Where it listens, on 127.0.0.1."""
        if self._server is None:
            raise RuntimeError("the server has not been started")
        return int(next(iter(self._server.sockets)).getsockname()[1])

    @property
    def url(self) -> str:
        """For the engine's `base_url`."""
        return f"ws://127.0.0.1:{self.port}"

    async def start(self, port: int = 0) -> None:
        """Listen on a free port of 127.0.0.1, or on this one."""
        self._server = await serve(
            self._run,
            "127.0.0.1",
            port,
            process_request=self._upgrade,
            compression=None,
            ping_interval=None,
            close_timeout=CLOSE_S,
            create_connection=self._connection(),
        )

    async def close(self) -> None:
        """End all connections. Idempotent."""
        server, self._server = self._server, None
        if server is not None:
            for task in self._tasks:
                task.cancel()
            server.close()
            await server.wait_closed()

    def reset(self) -> None:
        """Lose all connections without a close frame: the clients get TCP resets."""
        for connection in self._server.connections if self._server is not None else ():
            connection.transport.abort()

    # For the subclasses.

    def authorised(self, request: Request, query: Mapping[str, list[str]]) -> bool:
        """Whether the request has the key. Vendors that tell only after the upgrade return True."""
        raise NotImplementedError

    def plain_response(self, connection: ServerConnection, request: Request) -> Response | None:
        """What an authorised request gets that is not to be upgraded; None: it is upgraded."""
        return None

    async def session(self, connection: ServerConnection, log: SessionLog) -> None:
        """Serve a connection; ConnectionClosed ends it."""
        raise NotImplementedError

    async def receive(self, connection: ServerConnection, log: SessionLog, idle_s: float | None) -> str | bytes | None:
        """The next message; None: none came for `idle_s` (with the fault, its own `idle_s`).

        Raises ConnectionClosed, also for the fault `dies`.
        """
        limit_s = self.idle_s if self.fault == "idle-close" else idle_s
        try:
            async with asyncio.timeout(limit_s):
                data = await connection.recv()
        except TimeoutError:
            return None
        log.received += 1
        if self.fault == "dies" and log.received >= 3:
            connection.transport.abort()
        return data

    # Inside.

    def _connection(self) -> type[ServerConnection]:
        server = self

        class Connection(ServerConnection):
            """Sends nothing while the vendor is mute."""

            async def send(self, *args: Any, **options: Any) -> None:
                if server.fault != "mute":
                    await super().send(*args, **options)

        return Connection

    async def _upgrade(self, connection: ServerConnection, request: Request) -> Response | None:
        self.upgrades += 1
        url = urlsplit(request.path)
        if not url.path.startswith(self.paths):
            return connection.respond(HTTPStatus.NOT_FOUND, '{"detail":"Not Found"}')
        if self.fault == "busy":
            response = connection.respond(HTTPStatus.TOO_MANY_REQUESTS, '{"detail":"Too many concurrent requests"}')
            response.headers["Retry-After"] = "1"
            return response
        if not self.authorised(request, parse_qs(url.query)):
            return connection.respond(HTTPStatus.UNAUTHORIZED, '{"detail":"Invalid API key"}')
        return self.plain_response(connection, request)

    async def _run(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        url = urlsplit(connection.request.path)
        log = SessionLog(url.path, parse_qs(url.query, keep_blank_values=True))
        self.sessions.append(log)
        with suppress(ConnectionClosed):
            if self.fault == "mute":
                async for _ in connection:
                    pass
            else:
                await self.session(connection, log)
        log.closed = (connection.close_code or 1006, connection.close_reason or "")


async def send(connection: ServerConnection, message: Message) -> None:
    """Send a message as JSON. Raises ConnectionClosed."""
    await connection.send(json.dumps(message))


def parsed(data: str | bytes) -> Message | None:
    """A text message; None if it is not a JSON object."""
    try:
        found = json.loads(data)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
