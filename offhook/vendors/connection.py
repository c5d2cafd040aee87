"""A connection to a vendor: a WebSocket, unless `dial` opens something else.

    connection = Connection(target, limits)
    connection.receiver = self          # gets on_message(str | bytes) and, once, on_lost(EngineError)
    connection.send(b"...")             # at once, also before it is open; never blocks
    connection.close(goodbye)           # sends what is queued and the goodbye, then closes

A connection opens by itself and fails once: `error` then says why, and `receiver.on_lost` is told. Messages arrive on
the event loop's thread, in order. Nobody awaits a connection, except who must know whether it can be opened (`opened`).
"""

import asyncio
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from copy import copy
from time import monotonic
from typing import Any, Protocol

import msgspec

from offhook.pipeline.errors import EngineError, EngineTimeout
from offhook.vendors.errors import away_hint, told
from offhook.vendors.limits import Limits
from offhook.vendors.target import Target
from offhook.vendors.websocket import dial_websocket
from offhook.vendors.wire import Dial, DirectWire, Message, StreamWire, WireClosedError

__all__ = ["Connection", "Message", "Receiver", "dicts_of", "fields_of"]

UNREADABLE = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What reading raises where a vendor sends something else than is expected: text for a number, 10000 nested lists."""


class Receiver(Protocol):
    """Who uses a connection. Called on the event loop's thread; must return at once."""

    def on_message(self, message: Message) -> None:
        """The vendor's next message. Raising one of UNREADABLE fails the connection."""

    def on_lost(self, error: EngineError) -> None:
        """The connection is gone; called once, and never after `close`."""


class Connection:
    """See the module. `sent_bytes` counts the binary messages sent or queued, since the start of the connection."""

    def __init__(self, target: Target, limits: Limits, dial: Dial = dial_websocket) -> None:
        self.target = target
        self.limits = limits
        self.receiver: Receiver | None = None
        self.error: EngineError | None = None
        self.opened_at: float | None = None
        """Monotonic seconds."""
        self.used_at = monotonic()
        """When anything was last sent, or the connection was opened."""
        self.sent_bytes = 0
        self.received = 0
        """Messages, also those that nobody was waiting for."""
        self.close_code: int | None = None
        """With which the vendor has closed it (RFC 6455 section 7.4)."""
        self.keyterms = target.keyterms
        """The words that the vendor was last told to prefer."""
        self.idle_since = 0.0
        """For the pool."""
        self._dial = dial
        self._signed = target
        self._closing = False
        self._outgoing = deque[Message]()
        self._queued_bytes = 0
        self._wake = asyncio.Event()
        self._direct: DirectWire | None = None
        self._stuck: asyncio.TimerHandle | None = None
        self._closer: asyncio.Task[None] | None = None
        self._loop = loop = asyncio.get_running_loop()
        self._opened: asyncio.Future[None] = loop.create_future()
        self._task = loop.create_task(self._run())
        self._task.add_done_callback(self._on_done)

    @property
    def is_open(self) -> bool:
        """Whether messages get through, as far as is known."""
        return self.opened_at is not None and self.error is None and not self._closing

    @property
    def is_usable(self) -> bool:
        """Whether it is open, or may become so."""
        return self.error is None and not self._closing

    @property
    def age_s(self) -> float:
        """Seconds since it was opened."""
        return 0.0 if self.opened_at is None else monotonic() - self.opened_at

    async def opened(self) -> None:
        """Wait until it is open. Raises EngineError, VendorRefusedError."""
        await asyncio.wait([self._opened])
        if self.error is not None:
            raise copy(self.error)  # the traceback has us, who keep it

    def send(self, message: Message) -> None:
        """Send a text or binary message. Does nothing after `close` or a failure."""
        if not self.is_usable:
            return
        self.used_at = monotonic()
        if isinstance(message, bytes):
            self.sent_bytes += len(message)
        if self._direct is not None:
            waiting_bytes = self._direct.write(message)
        else:
            self._outgoing.append(message)
            waiting_bytes = self._queued_bytes = self._queued_bytes + len(message)
            self._wake.set()
        if waiting_bytes > self.limits.max_queued_bytes:
            self._give_up(f"more than {self.limits.max_queued_bytes} bytes are waiting to be sent")

    def close(self, *goodbye: Message) -> None:
        """Send what is queued and the goodbye, then close. The receiver is not told anything any more. Idempotent."""
        self.receiver = None
        for message in goodbye:
            self.send(message)
        if not self._closing:
            self._closing = True
            self._wake.set()
            if self._direct is not None:
                self._closer = self._loop.create_task(self._direct.close())
            if self.opened_at is None:
                self.fail(EngineError(self.target.name, f"connecting to {self.target.vendor}", "it was closed"))

    def fail(self, error: EngineError) -> None:
        """Give the connection up: it is of no use, and `error` says why."""
        self._lose(error)
        self._task.cancel()

    async def gone(self) -> None:
        """Wait until it is closed; with `close` before, that takes `Limits.close_s` at most."""
        await asyncio.wait([self._task])

    async def _run(self) -> None:
        try:
            async with asyncio.timeout(self.limits.connect_s):
                target = self._signed = await self.target.signed()
                wire = await self._dial(target, self.limits)
        except TimeoutError:
            what = f"connecting to {self.target.vendor}"
            self._lose(EngineTimeout(self.target.name, what, "it did not answer in time", away_hint(self.target)))
            return
        except EngineError as error:
            self._lose(error)
            return
        self.opened_at = self.used_at = monotonic()
        self._outgoing.extendleft(reversed(target.hello))
        self._queued_bytes += sum(map(len, target.hello))
        self._wake.set()
        self._opened.set_result(None)
        try:
            await (self._attach(wire) if isinstance(wire, DirectWire) else self._read(wire))
        finally:
            self._on_flow(False)
            self.close_code = wire.close_code
            self._lose(wire.ended())
            wire.abort()  # nobody wants an answer any more
            self._direct = None  # it has us

    async def _attach(self, wire: DirectWire) -> None:
        while self._outgoing:
            wire.write(self._outgoing.popleft())
        self._direct = wire
        wire.attach(self._on_message, self._on_flow)
        await wire.wait_closed()

    async def _read(self, wire: StreamWire) -> None:
        writer = asyncio.create_task(self._write(wire))
        try:
            async for message in wire:
                self._on_message(message)
        finally:
            writer.cancel()

    def _on_message(self, message: Message) -> None:
        self.received += 1
        if self.receiver is None:
            return
        try:
            self.receiver.on_message(message)
        except UNREADABLE as error:
            what, why = f"talking to {self.target.vendor}", f"a message cannot be read ({type(error).__name__})"
            self.fail(EngineError(self.target.name, what, why))

    def _on_done(self, task: asyncio.Task[None]) -> None:
        """Whoever waits is told, also where there is a fault in `dial`; asyncio logs that."""
        if task.cancelled():
            with suppress(asyncio.CancelledError):
                task.exception()  # which it would keep, and by the traceback us
        if self.error is None and not task.cancelled():
            what = f"connecting to {self.target.vendor}"
            self._lose(EngineError(self.target.name, what, "it went wrong: see the log"))

    def _on_flow(self, paused: bool) -> None:
        if self._stuck is not None:
            self._stuck.cancel()
            self._stuck = None
        if paused:
            why = f"it has not read anything for {self.limits.write_s:g} s"
            self._stuck = self._loop.call_later(self.limits.write_s, self._give_up, why)

    def _give_up(self, why: str) -> None:
        self.fail(EngineTimeout(self.target.name, f"talking to {self.target.vendor}", why))

    async def _write(self, wire: StreamWire) -> None:
        with suppress(WireClosedError):
            while self._outgoing or not self._closing:
                self._wake.clear()
                while self._outgoing:
                    message = self._outgoing.popleft()
                    self._queued_bytes -= len(message)
                    try:
                        async with asyncio.timeout(self.limits.write_s):
                            await wire.send(message)
                    except TimeoutError:
                        self._give_up(f"it has not read anything for {self.limits.write_s:g} s")
                        return
                if not self._closing:
                    await self._wake.wait()
            await wire.close()

    def _lose(self, error: EngineError) -> None:
        if self.error is not None:
            return
        self.error = error = told(self._signed, error)
        self._outgoing.clear()
        self._queued_bytes = 0
        if not self._opened.done():
            self._opened.set_result(None)
        receiver, self.receiver = self.receiver, None
        if receiver is not None:
            receiver.on_lost(error)


def fields_of(message: Message) -> Mapping[str, Any]:
    """A JSON object; empty for anything else, which is the vendor's fault and is ignored."""
    if isinstance(message, bytes):
        return {}
    try:
        fields = msgspec.json.decode(message)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return {}
    return fields if isinstance(fields, dict) else {}


def dicts_of(value: object) -> list[dict[str, Any]]:
    """The objects of a JSON array; empty for anything else, likewise."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
