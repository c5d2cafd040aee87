"""A relay for TCP connections, WebSockets among them: bytes are delayed, slowed down, held up, or cut off."""

import asyncio
import socket
import struct
import time
from contextlib import suppress
from dataclasses import asdict, dataclass

from offhook.testing.impair import ByteLink, Impairment
from offhook.testing.udp import Address

CHUNK_BYTES = 4_096
CHUNKS_WAITING = 16
"""In flight in one direction; beyond that the sender has to wait, as with a full window."""

MAX_CONNECTIONS = 2_000
CONNECT_S = 10.0

# SO_LINGER with no time to linger: closing sends RST and not FIN.
_RESET = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class TcpSettings:
    """Only delay_ms, rate_kbps and blackholes apply (here: stalls; nothing is lost). `reset_s` after its
    beginning a connection is reset at both ends.
    """

    up: Impairment
    down: Impairment
    reset_s: float | None = None


@dataclass(slots=True)
class TcpCounters:
    """Counters of connections, and of relayed bytes."""

    connections: int = 0
    refused: int = 0
    failed: int = 0
    resets: int = 0
    up_bytes: int = 0
    down_bytes: int = 0


class TcpRelay:
    """Connections from `address` to `target`. Made by `open`."""

    def __init__(self, target: Address, settings: TcpSettings) -> None:
        self._target = target
        self._settings = settings
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.counters = TcpCounters()

    @classmethod
    async def open(cls, listen: Address, target: Address, settings: TcpSettings) -> "TcpRelay":
        """Listen. Raises OSError when `listen` is not free."""
        self = cls(target, settings)
        self._server = await asyncio.start_server(self._accepted, *listen, limit=CHUNK_BYTES)
        return self

    @property
    def address(self) -> Address:
        """Where callers connect to."""
        if self._server is None:
            raise RuntimeError("the relay was not opened")
        host, port = self._server.sockets[0].getsockname()[:2]
        return host, port

    def report(self) -> dict[str, object]:
        return asdict(self.counters)

    async def close(self) -> None:
        """End all connections."""
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._tasks) >= MAX_CONNECTIONS:
            self.counters.refused += 1
            writer.close()
            return
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._carry(reader, writer)
        finally:
            await _end(writer)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(CONNECT_S):
                far_reader, far_writer = await asyncio.open_connection(*self._target, limit=CHUNK_BYTES)
        except (OSError, TimeoutError):
            self.counters.failed += 1
            return
        self.counters.connections += 1
        start = time.monotonic()
        settings = self._settings
        try:
            async with asyncio.timeout(settings.reset_s), asyncio.TaskGroup() as both:
                both.create_task(self._pump(reader, far_writer, ByteLink(settings.up, start=start), up=True))
                both.create_task(self._pump(far_reader, writer, ByteLink(settings.down, start=start), up=False))
        except TimeoutError:
            self.counters.resets += 1
            for each in (writer, far_writer):
                _set_reset(each)
                each.transport.abort()
        except asyncio.CancelledError:
            # What is still in the buffers is dropped.
            for each in (writer, far_writer):
                each.transport.abort()
            raise
        finally:
            await _end(far_writer)

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, link: ByteLink, *, up: bool
    ) -> None:
        """One direction until its end; the other one may continue (half-closed)."""
        waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(CHUNKS_WAITING)
        async with asyncio.TaskGroup() as both:
            both.create_task(_read(reader, waiting, link))
            both.create_task(self._write(writer, waiting, up=up))

    async def _write(
        self, writer: asyncio.StreamWriter, waiting: asyncio.Queue[tuple[float, bytes]], *, up: bool
    ) -> None:
        while True:
            send_at, chunk = await waiting.get()
            await asyncio.sleep(send_at - time.monotonic())
            # A peer that has closed loses what was on its way to it.
            with suppress(OSError):
                if not chunk:
                    writer.write_eof()
                    return
                writer.write(chunk)
                await writer.drain()
                if up:
                    self.counters.up_bytes += len(chunk)
                else:
                    self.counters.down_bytes += len(chunk)


async def _read(reader: asyncio.StreamReader, waiting: asyncio.Queue[tuple[float, bytes]], link: ByteLink) -> None:
    while True:
        try:
            chunk = await reader.read(CHUNK_BYTES)
        except OSError:
            chunk = b""
        await waiting.put((link.send_at(len(chunk), time.monotonic()), chunk))
        if not chunk:
            return


async def _end(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()


def _set_reset(writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
