"""A WebSocket on an event loop, for media streams: few copies, no task, no queue.

The protocol itself (handshake, frames, closing; RFC 6455) is that of `websockets`, which needs no sockets. Extensions
are declined: to compress audio that is compressed already costs more than it saves.
"""

import asyncio
import logging
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Protocol, cast

from websockets.exceptions import InvalidState
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol

from telephony.net.stream_line import StreamLine
from telephony.twilio.dialect import Binary
from telephony.twilio.limits import MESSAGE_OCTETS

try:
    from websockets.speedups import apply_mask
except ImportError:  # a platform without its wheel
    from websockets.utils import apply_mask

FRAGMENTS_MAX = 64
_HEADER_OCTETS = 14  # of a frame, at most
_WHOLE_TEXT = 0x81
"""The first octet of a text that is no fragment (RFC 6455 §5.2)."""
HANDSHAKE_S = 5.0
CLOSE_S = 2.0
"""How long the far end has to close after us."""

PING_S = 20.0
UNREAD_OCTETS = 16_384
"""Of ours, in this process: 1.5 s of audio. Beyond that the far end does not read, and what is due is dropped."""

UNREAD_S = 10.0
"""Who does not read for so long is gone."""

KERNEL_OCTETS = 32_768
"""Of ours, in the kernel; by itself it would let megabytes wait."""

# What a far end does wrong is told by who receives; the library would tell of each connection that it is one.
_LOGGER = logging.getLogger("offhook.websocket")
_LOGGER.setLevel(logging.ERROR)

MESSAGE_TOO_BIG = 1009


class Receiver(Protocol):
    """Who gets what arrives. Handlers return at once."""

    def receive(self, message: bytes) -> None:
        """A message: text, or `Binary`."""

    def round_trip(self, seconds: float) -> None:
        """A ping was answered."""

    def lost(self, reason: str) -> None:
        """The connection is gone. Called once, and not after our own `close`."""

    def said_goodbye(self, reason: str) -> None:
        """The same, when the far end has closed it in good order (RFC 6455 §7.1.2)."""


class WebSocket(asyncio.Protocol):
    """The server's side of one connection. `initial` is the upgrade request, which has been read and checked already.

    `on_open(self)` is called when the handshake is through, and makes who receives; `on_failed()` when the connection
    is gone without that.
    """

    def __init__(
        self, initial: bytes, on_open: Callable[["WebSocket"], Receiver], on_failed: Callable[[], None]
    ) -> None:
        self._initial = initial
        self._on_open = on_open
        self._on_failed = on_failed
        self._receiver: Receiver | None = None
        self._transport: asyncio.Transport | None = None
        self._conn = ServerProtocol(max_size=MESSAGE_OCTETS, logger=_LOGGER)
        self._loop = asyncio.get_running_loop()
        self._direct = False  # the library is not in the middle of a frame
        self._rest = b""  # the beginning of a frame that has not arrived as a whole
        self._fragments: list[bytes] = []
        self._binary = False  # what the fragments are of
        self._over = False  # nothing more is to be said on either side
        self._timer: asyncio.TimerHandle | None = None
        self._pinged_at = 0.0
        self._unread: asyncio.TimerHandle | None = None
        self._closed = False

    # What the line uses.

    @property
    def writable(self) -> bool:
        """Whether the far end reads what is written."""
        return self._unread is None and not self._closed

    def send(self, messages: Sequence[bytes]) -> None:
        """Write messages in one go: text, or `Binary`. Nothing happens once either side has closed."""
        if self._closed or self._conn.state is not State.OPEN:
            return
        for message in messages:
            if isinstance(message, Binary):
                self._conn.send_binary(message)
            else:
                self._conn.send_text(message)
        self._flush()

    def close(self, code: int, reason: str) -> None:
        """Say goodbye, and wait a little for the answer. Idempotent."""
        if self._closed:
            return
        self._closed = True
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        with suppress(InvalidState):  # the far end was first
            self._conn.send_close(code, _short(reason))
        self._flush()
        self._arm(CLOSE_S, transport.abort)

    def hand_to(self, line: StreamLine) -> None:
        """What arrives from now on is for `line`."""
        self._receiver = line

    # What the event loop uses.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is ours."""
        # uvloop's transports are none of asyncio's class.
        transport = self._transport = cast(asyncio.Transport, transport)
        transport.set_write_buffer_limits(high=UNREAD_OCTETS)
        found = transport.get_extra_info("socket")
        if found is not None:
            with suppress(OSError):
                found.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_OCTETS)
        self._arm(HANDSHAKE_S, transport.abort)
        self.data_received(self._initial)

    def data_received(self, data: bytes) -> None:
        """Bytes of the far end."""
        if self._receiver is None:
            self._direct = data.endswith(b"\r\n\r\n")
        elif self._direct and not (data := self._without_texts(data)):
            return
        conn = self._conn
        conn.receive_data(data)
        for event in conn.events_received():
            if isinstance(event, Frame):
                self._frame(event)
            elif isinstance(event, Request):
                self._handshake(event)
        self._flush()
        if self._over:
            self._finish(conn)

    def eof_received(self) -> bool:
        """The far end sends no more: nor do we."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is gone."""
        for timer in (self._timer, self._unread):
            if timer is not None:
                timer.cancel()
        self._transport = None
        if self._receiver is None:
            self._on_failed()
        elif not self._closed:
            self._closed = True
            self._receiver.lost(f"the connection was lost: {exc}" if exc else "the connection was closed")
        self._closed = True

    def pause_writing(self) -> None:
        """Too much is waiting to be read."""
        if self._unread is None and self._transport is not None:
            self._unread = self._loop.call_later(UNREAD_S, self._give_up)

    def resume_writing(self) -> None:
        """The far end has caught up."""
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    # Inside.

    def _handshake(self, request: Request) -> None:
        response = self._conn.accept(request)
        self._conn.send_response(response)
        self._flush()
        if response.status_code == 101:
            if self._timer is not None:
                self._timer.cancel()
            self._receiver = self._on_open(self)
            self._ping()

    def _frame(self, frame: Frame) -> None:
        opcode = frame.opcode
        if opcode is Opcode.TEXT and frame.fin:
            self._message(bytes(frame.data))
        elif opcode is Opcode.BINARY and frame.fin:
            self._message(Binary(frame.data))
        elif opcode in (Opcode.TEXT, Opcode.BINARY) or (opcode is Opcode.CONT and self._fragments):
            self._binary = self._binary if opcode is Opcode.CONT else opcode is Opcode.BINARY
            self._fragments.append(bytes(frame.data))
            if len(self._fragments) > FRAGMENTS_MAX:
                self._conn.fail(MESSAGE_TOO_BIG, "too many fragments")
            elif frame.fin:
                whole = b"".join(self._fragments)
                self._fragments.clear()
                self._message(Binary(whole) if self._binary else whole)
        elif opcode is Opcode.PONG:
            self._ponged(frame.data)

    def _without_texts(self, data: bytes) -> bytes:
        """Nearly all that arrives are short texts, fifty a second and call: a few lines do for them what takes the
        library a hundred. It gets all other frames, each as a whole, and all that breaks the rules.
        """
        data = self._rest + data if self._rest else data
        others = b""
        at = 0
        while (size := _frame_octets(data, at)) <= len(data) - at:
            length = data[at + 1]
            if data[at] != _WHOLE_TEXT or not 0x80 <= length <= 0xFE or self._fragments or others or self._closed:
                others += data[at : at + size]
            else:
                key = at + (4 if length == 0xFE else 2)
                self._message(apply_mask(data[key + 4 : at + size], data[key : key + 4]))
            at += size
        self._rest = data[at:]
        if size > MESSAGE_OCTETS + _HEADER_OCTETS:
            # The library refuses it without having seen it all.
            others, self._rest = others + self._rest, b""
        return others

    def _message(self, message: bytes) -> None:
        if self._receiver is not None and not self._closed:
            self._receiver.receive(message)

    def _finish(self, conn: ServerProtocol) -> None:
        """Either side has said goodbye: the socket is to be closed."""
        if self._receiver is not None and not self._closed:
            self._closed = True
            if conn.parser_exc is None and conn.close_rcvd is not None:
                self._receiver.said_goodbye(_why(conn))
            else:
                self._receiver.lost(_why(conn))
        self._closed = True
        if self._transport is not None:
            self._transport.close()
            self._arm(CLOSE_S, self._transport.abort)

    def _flush(self) -> None:
        data = self._conn.data_to_send()
        if data and not data[-1]:
            # An empty piece stands for the end of what is sent.
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
        self._pinged_at = time.monotonic()
        self._conn.send_ping(b"%d" % int(self._pinged_at * 1_000_000))
        self._flush()
        self._arm(PING_S, self._ping)

    def _ponged(self, data: bytes | bytearray | memoryview) -> None:
        # One that answers no ping of ours, or an old one, tells nothing (RFC 6455 §5.5.3).
        if self._receiver is not None and bytes(data) == b"%d" % int(self._pinged_at * 1_000_000):
            self._receiver.round_trip(time.monotonic() - self._pinged_at)

    def _give_up(self) -> None:
        if self._receiver is not None and not self._closed:
            self._closed = True
            self._receiver.lost(f"the far end has not read for {UNREAD_S:g} s")
        if self._transport is not None:
            self._transport.abort()


def _frame_octets(data: bytes, at: int) -> int:
    """Of the masked frame that begins there, with its header; more than there are while they do not tell."""
    there = len(data) - at
    if there < 2:
        return _HEADER_OCTETS
    length = data[at + 1] & 0x7F
    header = 2 + (4 if data[at + 1] & 0x80 else 0)
    if length < 126:
        return header + length
    header += 2 if length == 126 else 8
    if there < header:
        return max(_HEADER_OCTETS, there + 1)
    return header + int.from_bytes(data[at + 2 : at + (4 if length == 126 else 10)])


def _why(conn: ServerProtocol) -> str:
    if conn.parser_exc is not None:
        return f"the far end broke the WebSocket protocol: {conn.parser_exc}"
    if conn.close_rcvd is not None:
        return f"the far end closed with {conn.close_rcvd}"
    return "the connection was closed"


def _short(reason: str) -> str:
    """A close frame has room for 123 octets (RFC 6455 §5.5.1)."""
    return reason.encode("utf-8", "replace")[:120].decode("utf-8", "ignore")
