"""Messages between our own processes: a pickled value in each packet of a Unix socket, with descriptors."""

import array
import asyncio
import os
import pickle
import socket
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import structlog

MAX_MESSAGE_BYTES = 200 * 1024
"""Below the kernel's default limit of a packet (net.core.wmem_default); a SIP message has at most 64 KiB."""

MAX_FDS = 4
"""Descriptors that may come with one message."""

MAX_QUEUED = 20_000
"""Unread messages at which the other side is taken for dead."""

MESSAGES_PER_WAKEUP = 64
"""Read at once before other callbacks get a turn."""

_FD_BYTES = array.array("i").itemsize

log = structlog.get_logger("offhook.process")


class MessageTooLongError(ValueError):
    """A message that does not fit into a packet."""


def channel_pair() -> tuple[socket.socket, socket.socket]:
    """Both ends of a new channel."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def encode(message: object) -> bytes:
    """One packet. Raises MessageTooLongError."""
    data = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    if len(data) > MAX_MESSAGE_BYTES:
        raise MessageTooLongError(f"a {type(message).__name__} of {len(data)} bytes")
    return data


def send_packet(sock: socket.socket, data: bytes, fds: Sequence[int] = ()) -> None:
    """Write one packet. Raises OSError; BlockingIOError when there is no room."""
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
    sock.sendmsg([data], rights)


def receive_packet(sock: socket.socket, buffer: bytearray) -> tuple[Any, list[int]]:
    """One message and its descriptors, which the caller must close.

    The buffer is reused. Raises EOFError when the other side is gone, OSError, and BlockingIOError when there is no
    message. Only for channels between our own processes: unpickling runs whatever the sender wants.
    """
    room = socket.CMSG_SPACE(MAX_FDS * _FD_BYTES)
    try:
        size, ancillary, _, _ = sock.recvmsg_into([buffer], room)
    except ConnectionResetError:
        # A peer that exits with unread data causes this once, ahead of its own last messages.
        size, ancillary, _, _ = sock.recvmsg_into([buffer], room)
    fds = array.array("i")
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            fds.frombytes(data[: len(data) - len(data) % _FD_BYTES])
    if not size:
        raise EOFError
    return pickle.loads(memoryview(buffer)[:size]), fds.tolist()


class Channel:
    """One end, on the running event loop.

    `on_message(message, fds)` runs on the loop's thread and must close the descriptors. `on_closed()` is called once,
    when the other side is gone, but not after `close`.
    """

    def __init__(
        self,
        sock: socket.socket,
        on_message: Callable[[Any, list[int]], None],
        on_closed: Callable[[], None],
    ) -> None:
        sock.setblocking(False)
        self._sock = sock
        self._on_message = on_message
        self._on_closed = on_closed
        self._loop = asyncio.get_running_loop()
        self._buffer = bytearray(MAX_MESSAGE_BYTES)
        self._unsent: deque[tuple[bytes, list[int]]] = deque()
        self._closed = False
        self._loop.add_reader(sock.fileno(), self._readable)

    @property
    def closed(self) -> bool:
        """Whether the channel is closed."""
        return self._closed

    def send(self, message: object, fds: Sequence[int] = ()) -> None:
        """Send, or queue. Descriptors are duplicated: the caller keeps and closes its own.

        Does nothing once the channel is closed. Raises MessageTooLongError.
        """
        data = encode(message)
        if self._closed:
            return
        if not self._unsent:
            try:
                send_packet(self._sock, data, fds)
                return
            except BlockingIOError:
                self._loop.add_writer(self._sock.fileno(), self._writable)
            except OSError:
                return  # the peer is gone: its earlier messages can still be read, and then the end of file
        if len(self._unsent) >= MAX_QUEUED:
            log.error("a process does not read its messages", queued=len(self._unsent))
            self._lost()
            return
        self._unsent.append((data, [os.dup(fd) for fd in fds]))

    def close(self) -> None:
        """Close at once, dropping unsent messages. Idempotent."""
        if self._closed:
            return
        self._closed = True
        self._loop.remove_reader(self._sock.fileno())
        if self._unsent:
            self._loop.remove_writer(self._sock.fileno())
        for _, fds in self._unsent:
            close_all(fds)
        self._unsent.clear()
        self._sock.close()

    def _readable(self) -> None:
        for _ in range(MESSAGES_PER_WAKEUP):
            if self._closed:
                return
            try:
                message, fds = receive_packet(self._sock, self._buffer)
            except BlockingIOError:
                return
            except (EOFError, OSError):
                self._lost()
                return
            try:
                self._on_message(message, fds)
            except Exception:
                # One bad message must not end all calls.
                log.exception("a message between processes failed", message=type(message).__name__)

    def _writable(self) -> None:
        while self._unsent:
            data, fds = self._unsent[0]
            try:
                send_packet(self._sock, data, fds)
            except BlockingIOError:
                return
            except OSError:
                pass  # as in `send`
            self._unsent.popleft()
            close_all(fds)
        self._loop.remove_writer(self._sock.fileno())

    def _lost(self) -> None:
        if not self._closed:
            self.close()
            self._on_closed()


def close_all(fds: Sequence[int]) -> None:
    """Close descriptors."""
    for fd in fds:
        os.close(fd)
