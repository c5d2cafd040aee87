"""uvicorn in an event loop that is already running, and keeps its own signal handlers."""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator
from typing import cast

import uvicorn
from fastapi import FastAPI

from offhook.usererror import UserError
from offhook.web.connections import MAX_CONNECTIONS, connection_factory
from offhook.web.request_limits import RequestLimits

MAX_HEADER_BYTES = 16_384
KEEP_ALIVE_S = 5
STOP_WITHIN_S = 2
TICK_S = 1.0


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()
        self.ending = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        # The program handles signals: SIGTERM drains the calls, and HTTP has to stay up meanwhile.
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()

    async def main_loop(self) -> None:
        # uvicorn's own polls ten times a second whether it should end, and updates its Date header once.
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.ending.wait(), TICK_S)


class WebServer:
    """Serves `app` over HTTP. `upgrades` makes the protocol of a connection that becomes a WebSocket, like uvicorn's
    `ws`; without it upgrades are refused."""

    def __init__(self, app: FastAPI, upgrades: Callable[..., asyncio.Protocol] | None = None) -> None:
        self._app = app
        self._upgrades = upgrades
        self._server: _Server | None = None
        self._task: asyncio.Task[None] | None = None
        self.address: tuple[str, int] | None = None
        """Where it listens, once started; with port 0 the system chooses the port."""

    async def start(self, host: str, port: int) -> None:
        """Listen and serve. UserError if the address cannot be used, RuntimeError if it runs already."""
        if self._task is not None:
            raise RuntimeError("the web server is already running")
        listener = await _bind(host, port)
        self.address = listener.getsockname()[:2]
        config = uvicorn.Config(
            RequestLimits(self._app),
            # uvicorn only ever calls it, as with `ws`.
            http=cast("type[asyncio.Protocol]", connection_factory()),
            ws=cast("type[asyncio.Protocol]", self._upgrades) if self._upgrades is not None else "none",
            lifespan="off",
            log_config=None,
            log_level="error",  # `HttpConnection` logs clients' errors, within limits
            access_log=False,
            server_header=False,
            proxy_headers=False,  # the client is the socket's address: anybody can send X-Forwarded-For
            h11_max_incomplete_event_size=MAX_HEADER_BYTES,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=STOP_WITHIN_S,
        )
        self._server = _Server(config)
        self._task = asyncio.create_task(self._server.serve([listener]), name="offhook-web")
        up = asyncio.create_task(self._server.listening.wait())
        await asyncio.wait({self._task, up}, return_when=asyncio.FIRST_COMPLETED)
        up.cancel()
        if self._task.done():
            listener.close()
            await self._task

    async def stop(self) -> None:
        """Finish current requests, within `STOP_WITHIN_S`, and close. Idempotent."""
        if self._server is None or self._task is None:
            return
        self._server.should_exit = True
        self._server.ending.set()
        task, self._task = self._task, None
        await task
        self.address = None


async def _bind(host: str, port: int) -> socket.socket:
    if not 0 <= port <= 65_535:  # getaddrinfo would take it modulo 65,536
        raise _unusable(host, port, "ports go from 0 to 65535")
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise _unusable(host, port, f"{host} is not an address of this machine: {error}") from error
    family, kind, protocol, _, address = found[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        # Not left to uvicorn: of two sockets bound with SO_REUSEADDR only the second one's `listen` fails.
        listener.listen(MAX_CONNECTIONS)
    except OSError as error:
        listener.close()
        raise _unusable(host, port, error.strerror or str(error)) from error
    listener.setblocking(False)
    return listener


def _unusable(host: str, port: int, why: str) -> UserError:
    shown = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return UserError(f"cannot serve HTTP on {shown}", why, "--http 127.0.0.1:0 for any free port, or another HOST:PORT")
