"""The parent's handle on one stream of work in a child, and the limits of engine hosts."""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass
from typing import Any, Protocol

from offhook.pipeline.engine_host.protocol import CONSUMED_COUNT, Kind, ProtocolError, decode_json, encode
from offhook.pipeline.errors import EngineError, EngineTimeout


@dataclass(frozen=True, slots=True)
class HostLimits:
    """Timeouts and buffer limits."""

    start_s: float = 60.0
    """From the start of a child until it has loaded. Most take a second or two, but give way to calls (`NICENESS`):
    on a machine with no time to spare one is slow without being hung."""
    heartbeat_s: float = 0.25
    """Interval of pings to a child, unless one is unanswered."""
    hung_s: float = 2.25
    """A child with a ping unanswered for this long is killed: with heartbeat and kill, within 3 s."""
    request_s: float = 3.0
    """For the next message of a stream that is awaited."""
    close_s: float = 0.5
    """For a child to exit by itself on close."""
    max_streams: int = 8
    """Concurrent streams per child."""
    max_unprocessed_bytes: int = 1_280_000
    """Input of a stream that the child has not processed yet: 40 s at 16 kHz. The second engine of a chain gets a whole
    turn at once."""
    max_unwritten_bytes: int = 2_000_000
    """Input of all streams that the child has not read yet."""
    max_unread_bytes: int = 8_000_000
    """Output of a stream that has not been received yet."""
    max_stderr_bytes: int = 4_096
    """The tail of a child's stderr that is kept."""


@dataclass(frozen=True, slots=True)
class Message:
    """A child's message on a stream: audio as `data`, anything else as `values`."""

    kind: Kind
    data: bytes
    values: Mapping[str, Any]


PartialHandler = Callable[[Mapping[str, Any]], None]


class Counters:
    """Of a pool, since its start."""

    def __init__(self) -> None:
        self.restarts = 0
        """Children that had to be replaced."""
        self.timeouts = 0
        """Children that hung, and answers that came too late."""


class StreamOwner(Protocol):
    """The interface of the child that works on a stream."""

    name: str
    limits: HostLimits
    counters: Counters

    def write(self, data: bytes) -> bool:
        """Send the child a message. False, with nothing sent, if too many are waiting."""
        ...

    def forget(self, number: int) -> None:
        """The stream is over; the child may not know."""


class HostStream:
    """One stream of work in a child. `receive` returns its messages; partial results go to `on_partial`."""

    def __init__(self, owner: StreamOwner, number: int, on_partial: PartialHandler | None) -> None:
        self._owner = owner
        self._number = number
        self._on_partial = on_partial
        self._messages: deque[Message] = deque()
        self._unread_bytes = 0
        self._sent_bytes = 0
        self._consumed_bytes = 0
        self._error: EngineError | None = None
        self._over = False
        self._arrived = asyncio.Event()

    @property
    def error(self) -> EngineError | None:
        """Why it has failed, if it has."""
        return self._error

    @property
    def unprocessed_bytes(self) -> int:
        """Bytes sent but not processed yet."""
        return self._sent_bytes - self._consumed_bytes

    def send(self, data: bytes) -> None:
        """Send input to the child. Never blocks; overflow fails the stream, and `receive` raises the error."""
        if self._over:
            return
        self._sent_bytes += len(data)
        limit = self._owner.limits.max_unprocessed_bytes
        if self.unprocessed_bytes > limit:
            why = f"more than {limit} bytes are waiting to be processed"
            self._abandon(EngineError(self._owner.name, "taking audio", why, "Give it more workers."))
            return
        if not self._owner.write(encode(Kind.DATA, self._number, data)):
            self._abandon(
                EngineError(self._owner.name, "giving audio to a worker", "it does not read", "Give it more workers.")
            )

    def end(self) -> None:
        """The input is complete."""
        if not self._over:
            self._owner.write(encode(Kind.END, self._number))

    def cancel(self) -> None:
        """Cancel the stream: a pending `receive` raises EngineError. Idempotent."""
        if not self._over:
            self._abandon(EngineError(self._owner.name, "working", "it was cancelled"))

    async def receive(self) -> Message:
        """The next message, RESULT the last. Raises EngineError, or EngineTimeout if none comes in time."""
        limit_s = self._owner.limits.request_s
        try:
            async with asyncio.timeout(limit_s):
                while not self._messages and self._error is None:
                    self._arrived.clear()
                    await self._arrived.wait()
        except TimeoutError:
            self._owner.counters.timeouts += 1
            why = f"nothing came for {limit_s:g} s"
            self._abandon(EngineTimeout(self._owner.name, "waiting for an answer", why))
        if self._error is not None and not self._messages:
            raise copy(self._error)  # the traceback has us, who keep it
        message = self._messages.popleft()
        self._unread_bytes -= len(message.data)
        return message

    def fail(self, error: EngineError) -> None:
        """The stream has failed with `error`, behind what it gave before; called by its child's handle."""
        self._error = self._error or error
        self._over = True
        self._arrived.set()

    def deliver(self, kind: Kind, payload: bytes) -> None:
        """A message has arrived; called by its child's handle. Raises ProtocolError."""
        if kind is Kind.CONSUMED:
            if len(payload) != CONSUMED_COUNT.size:
                raise ProtocolError(f"CONSUMED with {len(payload)} bytes")
            (self._consumed_bytes,) = CONSUMED_COUNT.unpack(payload)
        elif kind is Kind.PARTIAL:
            # Not from here: an exception in a handler must not affect the child.
            asyncio.get_running_loop().call_soon(self._report_partial, decode_json(payload))
        elif self._unread_bytes > self._owner.limits.max_unread_bytes:
            self._abandon(EngineError(self._owner.name, "keeping results", "nobody takes them"))
        else:
            is_data = kind is Kind.DATA
            message = Message(kind, payload, {}) if is_data else Message(kind, b"", decode_json(payload))
            self._messages.append(message)
            self._unread_bytes += len(message.data)
            self._over = self._over or kind is Kind.RESULT
            self._arrived.set()

    def _report_partial(self, values: Mapping[str, Any]) -> None:
        if self._on_partial is not None and self._error is None:
            self._on_partial(values)

    def _abandon(self, error: EngineError) -> None:
        self._messages.clear()
        self.fail(error)
        self._owner.forget(self._number)
