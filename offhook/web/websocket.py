"""A WebSocket on an event loop, for media streams: few copies, no task, no queue.

The protocol itself (handshake, frames, closing; RFC 6455) is the sans-IO one of `websockets`. Extensions are declined:
compressing audio that is compressed already costs more than it saves.

The event loop watches the socket only while the time of arrival matters: until the stream is known, from each ping to
its pong, and at the end. Otherwise the owner of the stream reads, many at once: waking up for each message
is a third of the cost of a call (docs/decisions/0008-streams-on-a-grid.md).
"""

import asyncio
import logging
import os
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Protocol, cast

from websockets.exceptions import InvalidState
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol

from offhook.telephony.media_streams.dialect import Binary
from offhook.telephony.media_streams.limits import MESSAGE_OCTETS
from offhook.telephony.net.stream_line import StreamLine
from offhook.web.websocket_frames import FrameReader, text_frame

HANDSHAKE_S = 5.0
CLOSE_S = 2.0
"""How long the far end has to close after our close frame."""

PING_S = 20.0
UNREAD_BYTES = 16_384
"""Unsent, in this process: 1.5 s of audio. Beyond that the far end does not read, and audio that is due is dropped."""

UNREAD_S = 10.0
"""A far end that does not read for so long is gone."""

KERNEL_BYTES = 32_768
"""Unsent, in the kernel, which would buffer megabytes by default."""

READ_BYTES = 4_096
READS_MAX = 16
"""Reads of one socket before the others get their turn."""

# The receiver logs the far end's errors; the library would log each connection too.
_LOGGER = logging.getLogger("offhook.websocket")
_LOGGER.setLevel(logging.ERROR)


class Receiver(Protocol):
    """Receives what arrives. Its methods must return at once."""

    def receive(self, message: bytes) -> None:
        """A message: text, or `Binary`."""

    def round_trip(self, seconds: float) -> None:
        """A ping was answered."""

    def lost(self, reason: str) -> None:
        """The connection is lost. Called once, and not after `close`."""

    def peer_closed(self, reason: str) -> None:
        """The same, after the far end's close frame (RFC 6455 §7.1.2)."""


class WebSocket(asyncio.Protocol):
    """The server side of one connection. `initial` is the upgrade request, already read and checked.

    `on_open(self)` is called after the handshake; it returns the receiver, which has to call `read` from then on.
    `on_failed()` is called when the connection is lost before that.
    """

    def __init__(
        self, initial: bytes, on_open: Callable[["WebSocket"], Receiver], on_failed: Callable[[], None]
    ) -> None:
        self._initial = initial
        self._on_open: Callable[[WebSocket], Receiver] | None = on_open
        self._on_failed = on_failed
        self._receiver: Receiver | None = None
        self._transport: asyncio.Transport | None = None
        self._conn = ServerProtocol(max_size=MESSAGE_OCTETS, logger=_LOGGER)
        self._loop = asyncio.get_running_loop()
        self._frames = FrameReader(self._conn, self._message, self._ponged)
        self._descriptor = -1
        self._unwatched = False  # `read` reads the socket, not the event loop
        self._error: OSError | None = None  # of `read`
        self._over = False  # both sides have sent their last frame
        self._timer: asyncio.TimerHandle | None = None
        self._pinged_at = 0.0
        self._unread: asyncio.TimerHandle | None = None
        self._closed = False

    # What the line uses.

    @property
    def writable(self) -> bool:
        """Whether the far end reads what is written."""
        return self._unread is None and not self._closed

    def read(self) -> None:
        """Hand over what has arrived, unless the event loop does it."""
        for _ in range(READS_MAX):
            transport = self._transport
            if not self._unwatched or transport is None or transport.is_closing():
                return
            try:
                data = os.read(self._descriptor, READ_BYTES)
            except BlockingIOError:
                return
            except OSError as error:
                self._error = error
                transport.abort()
                return
            if not data:
                transport.close()  # the far end sends no more
                return
            self.data_received(data)
            if len(data) < READ_BYTES:
                return

    def send(self, messages: Sequence[bytes]) -> None:
        """Write messages in one go: text, or `Binary`. Nothing happens once either side has closed."""
        if self._closed or self._conn.state is not State.OPEN:
            return
        for message in messages:
            if isinstance(message, Binary):
                self._conn.send_binary(message)
            else:
                self._conn.writes.append(text_frame(message))
        self._flush()

    def close(self, code: int, reason: str) -> None:
        """Send a close frame, and wait a little for the answer. Idempotent."""
        if self._closed:
            return
        self._closed = True
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        with suppress(InvalidState):  # the far end was first
            self._conn.send_close(code, _short(reason))
        self._flush()
        self._watch()
        self._arm(CLOSE_S, transport.abort)

    def hand_to(self, line: StreamLine) -> None:
        """`line` receives from now on."""
        self._receiver = line

    # What the event loop uses.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are not instances of asyncio's class.
        transport = self._transport = cast(asyncio.Transport, transport)
        transport.set_write_buffer_limits(high=UNREAD_BYTES)
        found = transport.get_extra_info("socket")
        if found is not None:
            self._descriptor = found.fileno()
            with suppress(OSError):
                found.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_BYTES)
        self._arm(HANDSHAKE_S, transport.abort)
        self._shake_hands()

    def data_received(self, data: bytes) -> None:
        """Bytes from the far end."""
        if self._receiver is not None and self._frames.receive(data):
            self._flush()
            if self._over:
                self._finish()

    def eof_received(self) -> bool:
        """The far end sends no more: close."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        for timer in (self._timer, self._unread):
            if timer is not None:
                timer.cancel()
        self._transport = None
        exc = exc or self._error
        if self._receiver is None:
            self._on_failed()
        elif not self._closed:
            self._closed = True
            self._receiver.lost(f"the connection was lost: {exc}" if exc else "the connection was closed")
        self._closed = True
        self._receiver, self._on_failed = None, _nothing
        self._frames.close()

    def pause_writing(self) -> None:
        """The far end does not read."""
        if self._unread is None and self._transport is not None:
            self._unread = self._loop.call_later(UNREAD_S, self._give_up)

    def resume_writing(self) -> None:
        """The far end has caught up."""
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    # Inside.

    def _shake_hands(self) -> None:
        head, end, rest = self._initial.partition(b"\r\n\r\n")
        conn = self._conn
        conn.receive_data(head + end)
        for event in conn.events_received():
            if isinstance(event, Request):
                conn.send_response(conn.accept(event))
        self._flush()
        if conn.state is not State.OPEN:
            if self._over:
                self._finish()
            return
        if self._timer is not None:
            self._timer.cancel()
        on_open, self._on_open = self._on_open, None
        assert on_open is not None, "hands are shaken once"
        self._receiver = on_open(self)
        self._ping()
        if rest:
            self.data_received(rest)

    def _message(self, message: bytes) -> None:
        if self._receiver is not None and not self._closed:
            self._receiver.receive(message)

    def _finish(self) -> None:
        """A close frame was sent or received: close the socket."""
        conn = self._conn
        if self._receiver is not None and not self._closed:
            self._closed = True
            if conn.parser_exc is None and conn.close_rcvd is not None:
                self._receiver.peer_closed(_why(conn))
            else:
                self._receiver.lost(_why(conn))
        self._closed = True
        if self._transport is not None:
            self._transport.close()
            self._arm(CLOSE_S, self._transport.abort)

    def _flush(self) -> None:
        data = self._conn.data_to_send()
        if data and not data[-1]:
            # `websockets` marks the end of the stream by an empty piece.
            self._over = True
            data.pop()
        if data and self._transport is not None and not self._transport.is_closing():
            self._transport.write(data[0] if len(data) == 1 else b"".join(data))

    def _arm(self, delay_s: float, what: Callable[[], None]) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(delay_s, what)

    def _ping(self) -> None:
        if self._closed or self._conn.state is not State.OPEN:
            return
        self._watch()
        self._pinged_at = time.monotonic()
        self._conn.send_ping(b"%d" % int(self._pinged_at * 1_000_000))
        self._flush()
        self._arm(PING_S, self._ping)

    def _ponged(self, data: bytes) -> None:
        # An unsolicited pong, or one to an older ping, measures nothing (RFC 6455 §5.5.3).
        if self._receiver is None or self._closed or data != b"%d" % int(self._pinged_at * 1_000_000):
            return
        self._receiver.round_trip(time.monotonic() - self._pinged_at)
        if self._transport is not None and not self._unwatched and self._descriptor >= 0:
            self._unwatched = True
            self._transport.pause_reading()

    def _watch(self) -> None:
        """Have the event loop read again."""
        if self._unwatched and self._transport is not None:
            self._unwatched = False
            self._transport.resume_reading()

    def _give_up(self) -> None:
        if self._receiver is not None and not self._closed:
            self._closed = True
            self._receiver.lost(f"the far end has not read for {UNREAD_S:g} s")
        if self._transport is not None:
            self._transport.abort()


def _nothing() -> None:
    """Callback of a lost connection."""


def _why(conn: ServerProtocol) -> str:
    if conn.parser_exc is not None:
        return f"the far end broke the WebSocket protocol: {conn.parser_exc}"
    if conn.close_rcvd is not None:
        return f"the far end closed with {conn.close_rcvd}"
    return "the connection was closed"


def _short(reason: str) -> str:
    """A close reason has at most 123 bytes (RFC 6455 §5.5.1)."""
    return reason.encode("utf-8", "replace")[:120].decode("utf-8", "ignore")
