"""Connects two calls of the bot that may be in different processes: each has one end of a pair of sockets, which nobody
else can reach. When a call or its process is over the other one learns it from the socket.

A packet is one byte that says what it is, and its data.
"""

import asyncio
import os
import socket
from collections import deque
from collections.abc import Callable
from enum import IntEnum

from offhook.calls.bridge import OneWay
from offhook.calls.line import CallLine
from offhook.telephony.listeners import AudioHandler, DtmfHandler, Handler

MAX_PACKET_BYTES = 64 * 1024
"""Of what is received; longer ones are cut."""

MAX_UNREAD_BYTES = 64 * 1024
"""What the far end has not read yet, with what the kernel needs for it: beyond it audio is left out."""

MAX_UNSENT = 100
"""Other packets that wait for the far end to read; one that leaves more to wait is taken for gone."""

PACKETS_PER_WAKEUP = 16
"""Read at once before others get a turn."""


class Packet(IntEnum):
    """What a packet is."""

    OFFER = 1  # the caller's turn has come: text
    HERE = 2  # the agent takes the caller: the rate of their audio, in Hz, as digits
    JOINED = 3  # the talk begins: likewise, of the caller's
    AUDIO = 4  # 16-bit little-endian PCM
    KEY = 5


def close_end(fd: int) -> None:
    """Of one that nobody wants, by its descriptor; -1: that was lost on the way."""
    if fd >= 0:
        os.close(fd)


class Link:
    """One end, a socket's descriptor that is its own from now on, on the running event loop. `on_packet(packet, data)`
    is called with what comes, `on_gone()` once when the far end is gone, but not after `close`."""

    def __init__(self, fd: int, on_packet: Callable[[Packet, bytes], None], on_gone: Callable[[], None]) -> None:
        connection = socket.socket(fileno=fd)
        connection.setblocking(False)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, MAX_UNREAD_BYTES)
        self._connection = connection
        self._on_packet = on_packet
        self._on_gone = on_gone
        self._loop = asyncio.get_running_loop()
        self._closed = False
        self._unsent: deque[bytes] = deque()
        self._loop.add_reader(connection, self._readable)

    def send(self, packet: Packet, data: bytes = b"") -> None:
        """Send it, unless the far end is gone. While that has too much to read audio is left out, and all else waits
        for it."""
        if self._closed:
            return
        whole = bytes((packet,)) + data
        if not self._unsent and self._is_sent(whole):
            return
        if packet is not Packet.AUDIO:  # a far end that stands still misses what is said meanwhile, but no key
            self._keep(whole)

    def close(self) -> None:
        """What still waits is lost. Idempotent."""
        if not self._closed:
            self._closed = True
            self._loop.remove_reader(self._connection)
            self._loop.remove_writer(self._connection)
            self._connection.close()
            self._on_packet, self._on_gone = _ignored, _nothing  # methods of its owner, which would be a cycle

    def _is_sent(self, whole: bytes) -> bool:
        """False: it has to wait."""
        try:
            self._connection.send(whole)
        except BlockingIOError:
            return False
        except OSError:
            pass  # that it is gone is read
        return True

    def _keep(self, whole: bytes) -> None:
        if len(self._unsent) >= MAX_UNSENT:
            self._loop.call_soon(self._give_up)
            return
        self._unsent.append(whole)
        self._loop.add_writer(self._connection, self._writable)

    def _writable(self) -> None:
        while self._unsent and self._is_sent(self._unsent[0]):
            self._unsent.popleft()
        if not self._unsent:
            self._loop.remove_writer(self._connection)

    def _give_up(self) -> None:
        if not self._closed:
            on_gone = self._on_gone
            self.close()
            on_gone()

    def _readable(self) -> None:
        for _ in range(PACKETS_PER_WAKEUP):
            if self._closed:
                return
            try:
                data = self._connection.recv(MAX_PACKET_BYTES)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                self._give_up()
                return
            self._on_packet(Packet(data[0]), data[1:])


class LinkedTalk:
    """Has a call talk to the one at the far end of a link, whose audio has `rate_hz`, until `close`. `on_key(key)` sees
    each key of this call first, and says whether it is used up."""

    def __init__(
        self, line: CallLine, link: Link, rate_hz: int, on_key: Callable[[str], bool] = lambda key: False
    ) -> None:
        line.clear()
        self.rate_hz = rate_hz
        self._link = link
        self._on_key = on_key
        self._handlers: tuple[AudioHandler, DtmfHandler] | None = None
        self._inbound = OneWay(self, line)
        self._unlisten = line.add_listener(audio=self._audio, dtmf=self._key)

    def close(self) -> None:
        """Stop. Idempotent."""
        self._unlisten()
        self._inbound.close()

    def receive(self, packet: Packet, data: bytes) -> None:
        """A packet of the far end: audio or a key, for this call; others do nothing."""
        if self._handlers is None:
            return
        audio, key = self._handlers
        if packet is Packet.AUDIO:
            audio(data, 0, self._now())
        elif packet is Packet.KEY:
            key(data.decode(), 0)

    # --- as the source of what this call hears

    def add_listener(self, *, audio: AudioHandler, dtmf: DtmfHandler) -> Handler:
        """See Source."""
        self._handlers = audio, dtmf
        return self._forget

    # --- inside

    def _forget(self) -> None:
        self._handlers = None

    def _audio(self, pcm: bytes, _at_tick: int, _at_s: float) -> None:
        self._link.send(Packet.AUDIO, pcm)

    def _key(self, key: str, _at_tick: int) -> None:
        if not self._on_key(key):
            self._link.send(Packet.KEY, key.encode())

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()


def _nothing() -> None:
    """Callback of a closed link."""


def _ignored(packet: Packet, data: bytes) -> None:
    """The same, for what would come."""
