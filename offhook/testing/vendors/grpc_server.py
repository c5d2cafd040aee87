"""What a vendor's gRPC server has: methods, faults of the network, a log of the calls.

Clients reach it through a relay on loopback, so that a connection can be lost in the middle.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import grpc
import grpc.aio

from offhook.testing.vendors.server import FaultyServer, SessionLog

Context = Any
"""grpc.aio.ServicerContext of a method whose messages are bytes or what `Method` says."""

RELAY_BYTES = 65_536


class Method:
    """One method: the types of its messages, and what serves a call. `serve` reads and writes by the context."""

    def __init__(self, request: Any, serve: "Callable[[Call], Awaitable[None]]") -> None:
        self.request = request
        self.serve = serve


class Call:
    """A call in progress: `read` gives None at the end, and every abort is in the log."""

    def __init__(self, server: "GrpcServer", context: Context, log: SessionLog) -> None:
        self.server = server
        self.log = log
        self._context = context

    async def read(self, idle_s: float, idle_reason: str) -> Any:
        """The next message; the call is aborted if none comes for so long."""
        limit_s = self.server.idle_s if self.server.fault == "idle-close" else idle_s
        try:
            async with asyncio.timeout(limit_s):
                message = await self._context.read()
        except TimeoutError:
            await self.abort(grpc.StatusCode.ABORTED, idle_reason)
        if message is grpc.aio.EOF:
            return None
        self.log.received += 1
        if self.server.fault == "dies" and self.log.received >= 3:
            self.server.reset()
            await asyncio.Event().wait()  # until gRPC notices
        return message

    async def write(self, message: Any) -> None:
        """Send a message."""
        await self._context.write(message)

    async def abort(self, code: grpc.StatusCode, details: str) -> None:
        """End the call with an error. Does not return."""
        self.log.closed = (int(code.value[0]), details)
        await self._context.abort(code, details)

    async def refuse(self, details: str) -> None:
        """The client does what the documentation forbids. Does not return."""
        self.server.violations.append(details)
        await self.abort(grpc.StatusCode.INVALID_ARGUMENT, details)


class GrpcServer(FaultyServer):
    """A vendor's API at `url`. Subclasses have `methods`, by their paths, and `refusal`."""

    methods: dict[str, Method]

    _grpc: grpc.aio.Server | None = None
    _relay: asyncio.Server | None = None

    def refusal(self, metadata: dict[str, str]) -> tuple[grpc.StatusCode, str] | None:
        """What is wrong with a call's key."""
        raise NotImplementedError

    @property
    def port(self) -> int:
        """Where it listens, on 127.0.0.1."""
        if self._relay is None:
            raise RuntimeError("the server has not been started")
        return int(self._relay.sockets[0].getsockname()[1])

    @property
    def url(self) -> str:
        """For the engine's `base_url`."""
        return f"http://127.0.0.1:{self.port}"

    async def start(self, port: int = 0) -> None:
        """Listen on a free port of 127.0.0.1, or on this one."""
        self._folder = TemporaryDirectory()
        self._path = str(Path(self._folder.name) / "grpc")
        self._links: set[asyncio.StreamWriter] = set()
        self._grpc = grpc.aio.server()
        self._grpc.add_generic_rpc_handlers((_Handlers(self),))
        self._grpc.add_insecure_port(f"unix:{self._path}")
        await self._grpc.start()
        self._relay = await asyncio.start_server(self._pass_on, "127.0.0.1", port)

    async def close(self) -> None:
        """End all connections. Idempotent."""
        relay, self._relay = self._relay, None
        server, self._grpc = self._grpc, None
        if relay is not None and server is not None:
            relay.close()
            self.reset()
            await server.stop(0)
            self._folder.cleanup()
        for task in self._tasks:
            task.cancel()

    def reset(self) -> None:
        """Lose all connections: the clients get TCP resets, and nothing that says why."""
        for log in self.sessions:
            log.closed = log.closed or (1006, "")
        for writer in self._links:
            writer.transport.abort()

    async def serve(self, method: Method, path: str, context: Context) -> None:
        """One call."""
        log = SessionLog(path, {})
        self.upgrades += 1
        self.sessions.append(log)
        call = Call(self, context, log)
        wrong = self.refusal({key: value for key, value in context.invocation_metadata() if isinstance(value, str)})
        if self.fault == "busy":
            await call.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "Quota exceeded for quota metric 'Requests'")
        if wrong is not None:
            await call.abort(*wrong)
        if self.fault == "mute":
            await asyncio.Event().wait()
        try:
            await method.serve(call)
        except asyncio.CancelledError:
            log.closed = log.closed or (int(grpc.StatusCode.CANCELLED.value[0]), "")
            raise
        log.closed = log.closed or (0, "")

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_unix_connection(self._path)
        self._links.add(writer)
        try:
            there = asyncio.create_task(_copy(reader, inner_writer))
            back = asyncio.create_task(_copy(inner_reader, writer))
            await asyncio.wait((there, back), return_when=asyncio.FIRST_COMPLETED)
            there.cancel()
            back.cancel()
        finally:
            self._links.discard(writer)
            inner_writer.close()
            writer.close()


class _Handlers(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpc has no types
    """All methods as streams in both directions: on the network there is no other kind."""

    def __init__(self, server: GrpcServer) -> None:
        self._server = server

    def service(self, handler_call_details: Any) -> Any:
        path = handler_call_details.method.lstrip("/")
        method = self._server.methods.get(path)
        if method is None:
            return None  # UNIMPLEMENTED

        async def serve(_requests: Any, context: Context) -> None:
            await self._server.serve(method, path, context)

        return grpc.stream_stream_rpc_method_handler(
            serve,
            request_deserializer=method.request.FromString,
            response_serializer=lambda message: message.SerializeToString(),
        )


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(RELAY_BYTES):
            writer.write(data)
            await writer.drain()
